//! `ENC[AES256_GCM,data:...,iv:...,tag:...,type:...]`: AES-256-GCM (NIST SP 800-38D) with a nonce of any length.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockEncrypt as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ghash::universal_hash::{KeyInit as _, UniversalHash as _};
use ghash::{Block, GHash};
use zeroize::Zeroizing;

use crate::model::DataKey;

/// What every encrypted value begins with.
pub(super) const PREFIX: &str = "ENC[AES256_GCM,";

/// The parts of an encrypted value.
pub(super) struct Ciphertext<'t> {
    data: Zeroizing<Vec<u8>>,
    nonce: Vec<u8>,
    tag: Vec<u8>,
    /// `str`, `int`, ...: nothing authenticates it.
    pub(super) kind: &'t str,
}

impl<'t> Ciphertext<'t> {
    /// None where the text is none. Unlike SOPS, text behind the closing bracket is not passed over.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let (data, rest) = text.strip_prefix(PREFIX)?.strip_prefix("data:")?.split_once(",iv:")?;
        let (nonce, rest) = rest.split_once(",tag:")?;
        let (tag, kind) = rest.strip_suffix(']')?.split_once(",type:")?;
        let (data, nonce, tag) = (Zeroizing::new(decode(data)?), decode(nonce)?, decode(tag)?);
        let complete = !data.is_empty() && !nonce.is_empty() && tag.len() == 16;
        complete.then_some(Self { data, nonce, tag, kind })
    }
}

/// Base64 as Go reads it, which passes over line ends.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(['\r', '\n']) {
        return STANDARD.decode(text.replace(['\r', '\n'], "")).ok();
    }
    STANDARD.decode(text).ok()
}

/// A data key, ready to decrypt.
pub(super) struct Cipher {
    block: Aes256,
    hash: GHash,
}

impl Cipher {
    pub(super) fn new(key: &DataKey) -> Self {
        let block = <Aes256 as aes_gcm::KeyInit>::new(key.as_slice().into());
        let hash = GHash::new(&encrypted(&block, Block::default()));
        Self { block, hash }
    }

    /// The plaintext; None where the tag does not fit the data, the nonce and `bound`.
    pub(super) fn open(&self, sealed: Ciphertext<'_>, bound: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let Ciphertext { mut data, nonce, tag, .. } = sealed;
        let mut counter = self.first_counter(&nonce);
        let mask = encrypted(&self.block, counter);
        let mut hash = self.hash.clone();
        hash.update_padded(bound);
        hash.update_padded(&data);
        let expected = lengths(hash, bound.len(), data.len());
        let differ =
            expected.iter().zip(mask).zip(&tag).fold(0, |differ, ((hash, mask), tag)| differ | (hash ^ mask ^ tag));
        if differ != 0 {
            return None;
        }
        for chunk in data.chunks_mut(16) {
            increment(&mut counter);
            let stream = encrypted(&self.block, counter);
            chunk.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
        }
        Some(data)
    }

    fn first_counter(&self, nonce: &[u8]) -> Block {
        let mut counter = Block::default();
        if nonce.len() == 12 {
            counter.iter_mut().zip(nonce.iter().chain(&[0, 0, 0, 1])).for_each(|(to, from)| *to = *from);
            return counter;
        }
        let mut hash = self.hash.clone();
        hash.update_padded(nonce);
        lengths(hash, 0, nonce.len())
    }
}

fn encrypted(cipher: &Aes256, mut block: Block) -> Block {
    cipher.encrypt_block(&mut block);
    block
}

/// The last block of GHASH: how many bits were hashed.
fn lengths(mut hash: GHash, bound: usize, data: usize) -> Block {
    let bits = |bytes: usize| (bytes as u64).wrapping_mul(8).to_be_bytes();
    let mut block = Block::default();
    block.iter_mut().zip(bits(bound).into_iter().chain(bits(data))).for_each(|(to, from)| *to = from);
    hash.update(&[block]);
    hash.finalize()
}

/// The last 32 bits count.
fn increment(counter: &mut Block) {
    for byte in counter.iter_mut().skip(12).rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes_gcm::AesGcm;
    use aes_gcm::aead::consts::{U7, U12, U16, U32};
    use aes_gcm::aead::{Aead as _, Payload};

    /// The `aes-gcm` crate has lengths as types; each must agree with ours.
    macro_rules! agrees {
        ($size:ty, $length:expr, $text:expr) => {{
            let key = DataKey::new([7; 32]);
            let nonce: Vec<u8> = (1..=$length).collect();
            let theirs = <AesGcm<Aes256, $size> as aes_gcm::KeyInit>::new(key.as_slice().into());
            let payload = Payload { msg: $text, aad: b"a:b:" };
            let sealed = theirs.encrypt(nonce.as_slice().into(), payload).unwrap();
            let (data, tag) = sealed.split_at(sealed.len() - 16);
            let text = format!(
                "ENC[AES256_GCM,data:{},iv:{},tag:{},type:str]",
                STANDARD.encode(data),
                STANDARD.encode(&nonce),
                STANDARD.encode(tag)
            );
            let cipher = Cipher::new(&key);
            assert_eq!(cipher.open(Ciphertext::read(&text).unwrap(), b"a:b:").unwrap().as_slice(), $text);
            assert!(cipher.open(Ciphertext::read(&text).unwrap(), b"a:c:").is_none());
        }};
    }

    #[test]
    fn nonces_of_every_length_are_read() {
        for length in [1_usize, 15, 16, 17, 300 * 16] {
            let text: Vec<u8> = (0..=255).cycle().take(length).collect();
            agrees!(U7, 7, text.as_slice());
            agrees!(U12, 12, text.as_slice());
            agrees!(U16, 16, text.as_slice());
            agrees!(U32, 32, text.as_slice());
        }
    }

    #[test]
    fn what_is_no_ciphertext_is_none() {
        let good = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]";
        assert!(Ciphertext::read(good).is_some_and(|read| read.kind == "str"));
        for bad in [
            "",
            "ENC[AES256_GCM,data:,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]",
            "ENC[AES256_GCM,data:AA==,iv:,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]",
            "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",
            "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str",
            "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str] more",
            "ENC[AES256_GCM,data:A,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]",
            "ENC[AES128_GCM,data:AA==,iv:AA==,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]",
        ] {
            assert!(Ciphertext::read(bad).is_none(), "{bad}");
        }
    }
}
