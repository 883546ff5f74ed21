//! RSAES-OAEP (RFC 8017, 7.1) with SHA-256 for both hashes, and with a seed that the caller gives.
//!
//! Receives a public key, a label, a seed and a 32-byte message; gives back one RSA block. It never
//! draws the seed itself, so no library's way of using a generator can change a ciphertext. What a
//! private key makes of a block is taken apart here too ([`super::private`]).

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::fields::Bytes32;
use super::montgomery::Modulus;

/// An RSA public key.
#[derive(Clone, Debug)]
pub struct PublicKey {
    modulus: Modulus,
    exponent: u64,
    length: u16,
}

impl PublicKey {
    /// Takes a modulus (big-endian, no leading zeros) and an exponent.
    ///
    /// None where the modulus is even, or its bits are outside [`crate::limits::RSA_BITS`]. That
    /// the exponent is sensible is for [`super::certificate`] to judge.
    #[must_use]
    pub fn new(modulus: &[u8], exponent: u64) -> Option<Self> {
        let bits = bits(modulus);
        if !crate::limits::RSA_BITS.contains(&bits) {
            return None;
        }
        Some(Self { modulus: Modulus::new(modulus)?, exponent, length: u16::try_from(bits.div_ceil(8)).ok()? })
    }

    /// Is this the modulus, big-endian and without leading zeros?
    pub(super) fn has_modulus(&self, modulus: &[u8]) -> bool {
        self.modulus.bytes(usize::from(self.length)) == modulus
    }

    /// k: the bytes of the modulus and of every RSA block.
    #[must_use]
    pub fn length(&self) -> u16 {
        self.length
    }

    /// RSAES-OAEP-ENCRYPT with the seed given: `length()` bytes.
    #[must_use]
    pub fn encrypt(&self, label: &[u8], seed: &Bytes32, message: &Bytes32) -> Vec<u8> {
        let encoded = encode(label, seed, message, usize::from(self.length));
        self.power(&encoded)
    }

    /// RSAEP (RFC 8017, 5.1.1): message^exponent modulo the modulus, both as `length()` big-endian
    /// bytes. The message is below the modulus, because its first byte is zero.
    pub(super) fn power(&self, message: &[u8]) -> Vec<u8> {
        self.modulus.power(message, self.exponent)
    }
}

/// The bits of a big-endian number, leading zeros left out.
#[must_use]
pub fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let rest = number.get(zeros..).unwrap_or_default();
    let first = rest.first().map_or(0, |byte| byte.leading_zeros() as usize);
    rest.len() * 8 - first
}

/// EME-OAEP (RFC 8017, 7.1.1 step 2): 0x00 || masked seed || masked DB, `length` bytes, where
/// DB = hash of the label || zeros || 0x01 || message.
fn encode(label: &[u8], seed: &Bytes32, message: &Bytes32, length: usize) -> Zeroizing<Vec<u8>> {
    let block = length.saturating_sub(1 + seed.len());
    let mut data = Zeroizing::new(Vec::with_capacity(block));
    data.extend_from_slice(&Sha256::digest(label));
    data.resize(block.saturating_sub(1 + message.len()), 0);
    data.push(1);
    data.extend_from_slice(message);

    let mut seed = Zeroizing::new(*seed);
    mask(&mut data, seed.as_slice());
    mask(seed.as_mut_slice(), &data);

    let mut encoded = Zeroizing::new(Vec::with_capacity(length));
    encoded.push(0);
    encoded.extend_from_slice(seed.as_slice());
    encoded.extend_from_slice(&data);
    encoded
}

/// EME-OAEP the other way (RFC 8017, 7.1.2 step 3), for a message of 32 bytes; None: nothing that this label was given to.
pub(super) fn decode(label: &[u8], encoded: &[u8]) -> Option<Zeroizing<Bytes32>> {
    let (seed, data) = encoded.strip_prefix(&[0])?.split_first_chunk::<32>()?;
    let (mut seed, mut data) = (Zeroizing::new(*seed), Zeroizing::new(data.to_vec()));
    mask(seed.as_mut_slice(), &data);
    mask(&mut data, seed.as_slice());
    let (head, message) = data.split_last_chunk::<32>()?;
    let (hash, padding) = head.split_first_chunk::<32>()?;
    let (end, zeros) = padding.split_last()?;
    let fits = *hash == <Bytes32>::from(Sha256::digest(label)) && *end == 1 && zeros.iter().all(|byte| *byte == 0);
    fits.then(|| Zeroizing::new(*message))
}

/// Exclusive or with MGF1 (RFC 8017, B.2.1) of `source`.
fn mask(target: &mut [u8], source: &[u8]) {
    for (counter, block) in (0u32..).zip(target.chunks_mut(32)) {
        let mut hash: Bytes32 =
            Sha256::new().chain_update(source).chain_update(counter.to_be_bytes()).finalize().into();
        for (byte, key) in block.iter_mut().zip(hash) {
            *byte ^= key;
        }
        hash.zeroize();
    }
}
