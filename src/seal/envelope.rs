//! The ciphertext that the sealed-secrets controller opens (its `pkg/crypto/crypto.go`).
//!
//! Receives a certificate, the keys of one value, a label and the value; gives back one ciphertext.
//! It never encrypts twice with the same keys: they are consumed, can't be copied, and the nonce of
//! the format is all zeros.

use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::fields::Bytes32;

/// The session key and OAEP seed of one value: made once, spent once, wiped when dropped.
pub struct Keys {
    pub(super) session: Zeroizing<Bytes32>,
    pub(super) seed: Zeroizing<Bytes32>,
}

impl Keys {
    /// The randomised mode: 64 bytes that the caller drew from the operating system for this one
    /// value. The first half is the session key, the second the OAEP seed.
    #[must_use]
    pub fn random(bytes: [u8; 64]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let (session, seed) = bytes.split_at(32);
        let mut keys = Self { session: Zeroizing::default(), seed: Zeroizing::default() };
        keys.session.copy_from_slice(session);
        keys.seed.copy_from_slice(seed);
        keys
    }
}

/// Seals one value: u16 big-endian length || RSA-OAEP(session key) || AES-256-GCM(value) with a
/// nonce of zeros, no further data and the tag at the end. `label` is [`super::Scope::label`].
///
/// The only function that encrypts. It can't fail below the 64 GiB that AES-GCM allows, far above
/// [`crate::limits::SCALAR`]; beyond, the value is left out, and [`measure`] knows no such ciphertext.
///
/// Keys can be spent once:
///
/// ```
/// # use sealref::seal::{Certificate, Keys, seal};
/// fn once(certificate: &Certificate, keys: Keys) -> Vec<u8> {
///     seal(certificate, keys, b"", b"one")
/// }
/// ```
///
/// and not again:
///
/// ```compile_fail,E0382
/// # use sealref::seal::{Certificate, Keys, seal};
/// fn twice(certificate: &Certificate, keys: Keys) -> [Vec<u8>; 2] {
///     [seal(certificate, keys, b"", b"one"), seal(certificate, keys, b"", b"other")]
/// }
/// ```
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "keys are spent by the one seal they are for")]
pub fn seal(certificate: &Certificate, keys: Keys, label: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let recipient = certificate.recipient();
    let wrapped = recipient.encrypt(label, &keys.seed, &keys.session);
    let value = Aes256Gcm::new((&*keys.session).into()).encrypt(&Nonce::default(), plaintext).unwrap_or_default();
    let mut sealed = Vec::with_capacity(PREFIX + wrapped.len() + value.len());
    sealed.extend_from_slice(&recipient.length().to_be_bytes());
    sealed.extend_from_slice(&wrapped);
    sealed.extend_from_slice(&value);
    sealed
}

/// What can be said of a ciphertext without a key: the bytes of the value inside.
///
/// None where the lengths do not fit together, or the RSA block is of no size that
/// [`crate::limits::RSA_BITS`] allows. That the ciphertext opens is not said.
#[must_use]
pub fn measure(ciphertext: &[u8]) -> Option<usize> {
    let (length, rest) = ciphertext.split_first_chunk::<PREFIX>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let allowed = crate::limits::RSA_BITS.start().div_ceil(8)..=crate::limits::RSA_BITS.end().div_ceil(8);
    if !allowed.contains(&length) {
        return None;
    }
    rest.len().checked_sub(length)?.checked_sub(TAG)
}

/// Has it the lengths of a ciphertext for this certificate? That it opens is not said.
#[must_use]
pub fn may_be_for(certificate: &Certificate, ciphertext: &[u8]) -> bool {
    ciphertext.starts_with(&certificate.recipient().length().to_be_bytes()) && measure(ciphertext).is_some()
}

/// Bytes of the length before the RSA block.
const PREFIX: usize = 2;
/// Bytes of the tag behind the value.
const TAG: usize = 16;
