//! The hash behind a name, in the letters that kustomize writes.
//!
//! Receives tags, which are keyed, or text that everybody may read; gives back ten letters. It is never given a value.

use sha2::{Digest as _, Sha256};

use super::certificate::hex;
use super::fields::encode;

/// The first ten hexadecimal digits of SHA-256(F("sealref.dev/suffix/v1", fields)), without vowels and what is read as
/// one, as in kustomize (`api/hasher`), so that no hash spells a word.
#[must_use]
pub fn suffix<'f>(fields: impl IntoIterator<Item = &'f [u8]>) -> String {
    let digest = Sha256::digest(encode([SUFFIX.as_bytes()].into_iter().chain(fields)));
    let letter = |c| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        c => c,
    };
    hex(digest.first_chunk::<5>().map_or(&[], |front| front)).chars().map(letter).collect()
}

const SUFFIX: &str = "sealref.dev/suffix/v1";

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's hashlib and struct from the sentence above.
    #[test]
    fn the_suffix_is_that_of_the_specification() {
        assert_eq!(suffix([b"Opaque".as_slice(), b"false", b"password", &[7; 32]]), "h6g9f8c2dc");
        assert_eq!(suffix([]), "6c4hf76kb9");
    }
}
