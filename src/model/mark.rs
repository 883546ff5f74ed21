//! What is written beside objects and behind their names, by us, by kubectl and by kustomize.

/// For which namespace and name a seal was made: `shop/db`.
pub const SEALED_FOR: &str = "sealref.dev/sealed-for";

/// With which keys and for which certificate: `v1:KEYS:CERTIFICATE`, or `random:CERTIFICATE`.
pub const SEALED_WITH: &str = "sealref.dev/sealed-with";

/// What kubectl writes of an object that it applied on its own side: all of it, with the values of a Secret.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A name without the hash that kustomize, or we, have put behind it; None where none seems to be there.
#[must_use]
pub fn unhashed(name: &str) -> Option<&str> {
    let (base, last) = name.rsplit_once('-')?;
    (last.len() == HASH && last.chars().all(|letter| LETTERS.contains(letter))).then_some(base)
}

/// Letters of a hash.
const HASH: usize = 10;

/// Hexadecimal digits, of which five are written as another letter so that no hash spells a word (`encode` in
/// kustomize's `api/hasher/hasher.go`).
const LETTERS: &str = "2456789bcdfghkmt";
