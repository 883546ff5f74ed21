//! Marks that change when a value changes: the suffix of a name, and a checksum over several Secrets.
//!
//! Receives keyed tags ([`super::Material::tag`]), never values; gives back a few hexadecimal digits. Neither
//! certificate nor epoch is in them, so a renewal restarts nothing.

use sha2::{Digest as _, Sha256};

use super::certificate::hex;
use super::fields::encode;
use super::suffix::suffix;

/// A Secret as its tags, items ascending by their bytes.
pub struct Tagged {
    /// As written, empty where absent.
    pub namespace: String,
    /// Without a suffix.
    pub name: String,
    /// `type`, `Opaque` where absent.
    pub kind: String,
    /// Each item with its tag.
    pub items: Vec<(String, [u8; 32])>,
}

impl Tagged {
    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().flat_map(|(item, tag)| [item.as_bytes(), tag.as_slice()])
    }

    /// The letters behind its name.
    #[must_use]
    pub fn suffix(&self, immutable: bool) -> String {
        let immutable = if immutable { "true" } else { "false" };
        let head = [self.kind.as_str(), immutable].map(str::as_bytes);
        suffix(head.into_iter().chain(self.fields()))
    }
}

/// 32 hexadecimal digits over Secrets in this order.
#[must_use]
pub fn checksum(secrets: &[Tagged]) -> String {
    let counts: Vec<[u8; 8]> = secrets.iter().map(|secret| (secret.items.len() as u64).to_be_bytes()).collect();
    let mut fields = vec!["sealref.dev/checksum/v1".as_bytes()];
    for (secret, count) in secrets.iter().zip(&counts) {
        fields.extend([secret.namespace.as_bytes(), secret.name.as_bytes(), count]);
        fields.extend(secret.fields());
    }
    digest(fields).chars().take(32).collect()
}

fn digest<'f>(fields: impl IntoIterator<Item = &'f [u8]>) -> String {
    hex(&Sha256::digest(encode(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(name: &str, items: &[(&str, u8)]) -> Tagged {
        let items = items.iter().map(|(item, tag)| ((*item).to_owned(), [*tag; 32])).collect();
        Tagged { namespace: "shop".to_owned(), name: name.to_owned(), kind: "Opaque".to_owned(), items }
    }

    /// Worked out with Python's hashlib over F as the design writes it.
    #[test]
    fn suffix_and_checksum_are_those_of_the_design() {
        let (db, api) = (tagged("db", &[("a", 1), ("b", 2)]), tagged("api", &[]));
        assert_eq!(db.suffix(true), "7c98c42dh4");
        assert_eq!(checksum(&[db, api]), "cb6c555d768fb743a86afeadf250bab6");
    }

    #[test]
    fn everything_that_tells_a_value_counts() {
        let one = tagged("db", &[("a", 1)]);
        assert_ne!(one.suffix(true), one.suffix(false));
        assert_ne!(
            one.suffix(true),
            Tagged { kind: "kubernetes.io/tls".to_owned(), ..tagged("db", &[("a", 1)]) }.suffix(true)
        );
        assert_ne!(one.suffix(true), tagged("db", &[("a", 2)]).suffix(true));
        // Two Secrets of one item are not one Secret of two.
        let apart = [tagged("db", &[("a", 1)]), tagged("db", &[("b", 2)])];
        assert_ne!(checksum(&apart), checksum(&[tagged("db", &[("a", 1), ("b", 2)])]));
    }
}
