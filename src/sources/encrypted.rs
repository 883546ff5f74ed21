//! What SOPS leaves in the Secrets of a stream: single values, whole files, and what opens them.

use std::borrow::Cow;

use crate::error::Problem;
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

/// The reference to a file, by its name an encrypted one or not; what the grammar would take for something else is
/// written as `%XX`.
#[must_use]
pub fn file_reference(path: &str) -> String {
    let encrypted = path.split('.').any(|part| part == "sops" || part == "enc");
    let scheme = if encrypted { "sops" } else { "file" };
    format!("ref+{scheme}://{}", written(path))
}

/// A path or a step as it is written in a reference.
fn written(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'-' | b'_');
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The keys of an encrypted file of `KEY=VALUE` lines, which stand in it in the clear, and the reference to each.
///
/// # Errors
/// The file is not encrypted, or is no such file.
pub fn listed(path: &str, file: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    if Encrypted::of(file) != Some(Encrypted::File) {
        return Err(Problem::new(
            "the file is not encrypted with SOPS, and whoever reads the repository reads its values",
        )
        .hint(format!("sops encrypt --in-place {path}")));
    }
    let no_lines =
        || Problem::new("the file holds no KEY=VALUE lines").hint("list other files under files: [KEY=FILE]");
    let text = std::str::from_utf8(file).map_err(|_| no_lines())?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs: Option<Vec<(&str, &str)>> = lines.map(|line| line.split_once('=')).collect();
    let keys = pairs.ok_or_else(no_lines)?.into_iter().map(|(key, _)| key).filter(|key| !is_encryption_metadata(key));
    let reference = format!("ref+{ENCRYPTION}://{}?format=dotenv#/", written(path));
    Ok(keys.map(|key| (key.to_owned(), format!("{reference}{}", written(key)))).collect())
}

/// The reference to an encrypted value within a Secret of the stream. Nobody can write it: its parameter is taken from
/// no text.
#[must_use]
pub fn within(identity: &Identity, field: &str, key: &str) -> Address<'static> {
    Address {
        scheme: Scheme(ENCRYPTION),
        path: identity.path().into(),
        property: Some(format!("{field}/{key}").into()),
        parameters: vec![WITHIN],
    }
}

/// The parameter of references to what stands in the stream.
const WITHIN: (Cow<str>, Cow<str>) = (Cow::Borrowed("in"), Cow::Borrowed("manifests"));

/// Does it lead to an object of the stream?
#[must_use]
pub fn is_within(address: &Address) -> bool {
    address.parameters.contains(&WITHIN)
}
