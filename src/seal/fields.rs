//! Fields that can't be shifted into each other, and HMAC-SHA256 over them.
//!
//! Receives byte strings; gives back their encoding F, or a keyed hash of it. It never hashes
//! without a key, and never copies a field on its way into the hash.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The bytes of a SHA-256, and so of every key that is derived here.
pub type Bytes32 = [u8; 32];

/// F(x1..xn): for each x its length as an unsigned 64-bit big-endian number, then x.
///
/// Two different lists never have the same encoding, so ("ab", "c") and ("a", "bc") differ.
#[must_use]
pub fn encode<'f>(fields: impl IntoIterator<Item = &'f [u8]>) -> Vec<u8> {
    let mut encoded = Vec::new();
    write(fields, |part| encoded.extend_from_slice(part));
    encoded
}

/// HMAC-SHA256 (RFC 2104) of F(fields).
pub(super) fn authenticate<'f>(key: &[u8], fields: impl IntoIterator<Item = &'f [u8]>) -> Zeroizing<Bytes32> {
    let mut hash = keyed(key);
    write(fields, |part| hash.update(part));
    finish(hash)
}

/// HKDF-Expand (RFC 5869, 2.3) for exactly one block, which is all that is ever needed here:
/// HMAC(key, info || 0x01).
pub(super) fn expand(key: &[u8], info: &str) -> Zeroizing<Bytes32> {
    finish(keyed(key).chain_update(info).chain_update([1]))
}

fn write<'f>(fields: impl IntoIterator<Item = &'f [u8]>, mut sink: impl FnMut(&[u8])) {
    for field in fields {
        // A length always fits: no address space holds 2^64 bytes
        sink(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        sink(field);
    }
}

/// HMAC fills a key shorter than a block with zeros, and so do we, because a key of a block's
/// length can't be refused. Every key here is a fixed text or a hash.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    debug_assert!(key.len() <= BLOCK, "a longer key would be hashed first");
    let mut block = Zeroizing::new([0; BLOCK]);
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    <Hmac<Sha256> as hmac::digest::KeyInit>::new((&*block).into())
}

fn finish(hash: Hmac<Sha256>) -> Zeroizing<Bytes32> {
    Zeroizing::new(hash.finalize().into_bytes().into())
}

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_between_fields_count() {
        let one = encode([b"ab".as_slice(), b"c"]);
        let other = encode([b"a".as_slice(), b"bc"]);
        assert_ne!(one, other);
        assert_eq!(encode([b"ab".as_slice()]), b"\0\0\0\0\0\0\0\x02ab");
        assert_eq!(encode([]), b"");
        assert_eq!(encode([b"".as_slice()]), [0; 8]);
    }

    #[test]
    fn a_block_of_hkdf_is_what_the_crate_gives() {
        for length in [0, 1, 32, 63, 64] {
            let key = vec![7; length];
            let mut expected = [0; 32];
            let extracted = hkdf::Hkdf::<Sha256>::new(Some(&key), &encode([b"x".as_slice()]));
            extracted.expand(b"info", &mut expected).unwrap();
            let ours = expand(&*authenticate(&key, [b"x".as_slice()]), "info");
            assert_eq!(*ours, expected, "{length}");
        }
    }
}
