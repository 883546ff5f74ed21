//! OpenPGP messages (RFC 9580), and the private keys that open them.

use std::io::Read as _;

use ::pgp::composed::{Message, PublicOrSecret, SignedSecretKey};
use ::pgp::types::Password;
use zeroize::Zeroizing;

/// Private keys. No `Debug`.
#[derive(Default)]
pub(super) struct Keyring(Vec<SignedSecretKey>);

impl Keyring {
    /// Adds the private keys of an export or an old keyring, armored or not.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let keys = PublicOrSecret::from_reader_many(bytes).map(|(keys, _)| keys);
        let found = keys.into_iter().flatten().filter_map(|key| match key {
            Ok(PublicOrSecret::Secret(key)) => Some(key),
            _ => None,
        });
        self.0.extend(found);
    }

    /// Opens an armored message; None where nothing here does. Keys with a passphrase open nothing.
    pub(super) fn open(&self, message: &str) -> Option<Zeroizing<Vec<u8>>> {
        let empty = Password::empty();
        self.0.iter().find_map(|key| {
            let (message, _) = Message::from_armor(message.as_bytes()).ok()?;
            let mut message = message.decrypt(&empty, key).ok()?;
            if message.is_compressed() {
                message = message.decompress().ok()?;
            }
            let mut bytes = Zeroizing::new(Vec::with_capacity(PART));
            message.take(PART as u64).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        })
    }
}

/// More bytes than a data key, or a part of one, can have.
const PART: usize = 64;
