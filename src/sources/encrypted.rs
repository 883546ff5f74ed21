//! What SOPS leaves in the Secrets of a stream: single values, whole files, and what opens them.

use crate::model::{Address, Identity, Scheme};

/// How SOPS shows in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encrypted {
    /// A file of encrypted values, with what opens them.
    File,
    /// One encrypted value.
    Value,
}

impl Encrypted {
    /// What a text is; None where nothing in it is encrypted. The markers are those of Flux (kustomize-controller,
    /// `internal/decryptor`).
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let has = |marker: &str| memchr::memmem::find(text, marker.as_bytes()).is_some();
        match text {
            _ if text.starts_with(VALUE.as_bytes()) => Some(Self::Value),
            _ if has(VALUE) && FILES.iter().any(|marker| has(marker)) => Some(Self::File),
            _ => None,
        }
    }
}

const VALUE: &str = "ENC[AES256_GCM,";
const FILES: [&str; 4] = ["mac: ENC[", "\"mac\": \"ENC[", "sops_mac=ENC[", "[sops]"];

/// The field of an object that says how its values are encrypted.
pub const ENCRYPTION: &str = "sops";

/// A key of a Secret that was made of an encrypted file of `KEY=VALUE` lines, and is none of its values.
#[must_use]
pub fn is_encryption_metadata(key: &str) -> bool {
    key.starts_with("sops_")
}

/// The reference to an encrypted value within a Secret of the stream. Nobody can write it: its parameter is taken from
/// no text.
#[must_use]
pub fn within(identity: &Identity, field: &str, key: &str) -> Address<'static> {
    Address {
        scheme: Scheme(ENCRYPTION),
        path: identity.path().into(),
        property: Some(format!("{field}/{key}").into()),
        parameters: vec![("in".into(), "manifests".into())],
    }
}
