//! What SOPS leaves in the Secrets of a stream: single values, whole files, and what opens them.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use regex::bytes::Regex;

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
    /// `internal/decryptor`), with and without blanks.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        match FIRST.find(text)? {
            0 => Some(Self::Value),
            _ => FILE.as_ref().is_some_and(|file| file.is_match(text)).then_some(Self::File),
        }
    }
}

/// The first encrypted value. Made once, because every text of every Secret is searched.
static FIRST: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ENC[AES256_GCM,"));

/// The MAC, in each form that a file may have.
static FILE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?-u)mac["']?[ \t]*[:=][ \t]*["']?ENC\["#).ok());

/// The field of an object that says how its values are encrypted.
pub const ENCRYPTION: &str = "sops";

/// A key of a Secret that was made of an encrypted file of `KEY=VALUE` lines, and is none of its values.
#[must_use]
pub fn is_encryption_metadata(key: &str) -> bool {
    key.starts_with("sops_")
}

/// Are these the entries that a builder made of an encrypted file of `NAME=value` lines?
pub fn are_encrypted_lines<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>) -> bool {
    let signs = entries.filter(|(key, value)| match *key {
        "sops_mac" => Encrypted::of(value) == Some(Encrypted::Value),
        "sops_lastmodified" => true,
        _ => false,
    });
    signs.count() == 2
}

/// The reference to a file, an encrypted one by its content, else by its name; what the grammar would take for something
/// else is written as `%XX`.
#[must_use]
pub fn file_reference(path: &str, content: Option<&[u8]>) -> String {
    let named = || path.split('.').any(|part| part == "sops" || part == "enc");
    let encrypted = content.is_some_and(|content| Encrypted::of(content) == Some(Encrypted::File)) || named();
    let scheme = if encrypted { "sops" } else { "file" };
    format!("ref+{scheme}://{}", written(path))
}

/// A path or a step as it is written in a reference.
fn written(path: &str) -> String {
    super::encoded(path, b"./-_")
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
    let pairs = pairs.ok_or_else(no_lines)?.into_iter().filter(|(key, _)| !is_encryption_metadata(key));
    let reference = format!("ref+{ENCRYPTION}://{}?format=dotenv#/", written(path));
    // SOPS leaves nothing as it is.
    let said = |key, value: &str| if value.is_empty() { String::new() } else { format!("{reference}{}", written(key)) };
    Ok(pairs.map(|(key, value)| (key.to_owned(), said(key, value))).collect())
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
