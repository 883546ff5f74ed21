//! Files beneath the root: plain ones, and `.age` files opened with the operator's identities.
//! The format: age-encryption.org/v1.

use std::collections::BTreeMap;
use std::io::Read as _;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Becomes, Facts, Fetch, Source, property};
use crate::error::Problem;
use crate::limits;
use crate::model::{Address, Ask, Payload, Raw, Reply, Scheme, Wire};

pub(super) struct File;

static FACTS: [Facts; 1] = [Facts {
    scheme: "file",
    path: "FILE",
    property: "#/a/b",
    parameters: &[],
    providers: &[],
    becomes: Becomes::Sealed,
}];

impl Source for File {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        if raw.path.starts_with('/') {
            return Err(Problem::new("the path of a file is absolute")
                .hint("write it relative to the folder of the settings, or of the manifests where there are none"));
        }
        raw.normal(Scheme(facts.scheme))
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        Some(self)
    }
}

impl Fetch for File {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        let mut files: BTreeMap<&str, Result<Opened, Problem>> = BTreeMap::new();
        for address in wanted {
            files.entry(&address.path).or_insert_with(|| open(&address.path, wire));
        }
        let take = |address: &&Address<'static>| match files.get(&*address.path) {
            Some(Ok(opened)) => {
                let bytes = property::select(&opened.bytes, address.property.as_deref())?;
                let payload = Payload::new(bytes);
                Ok(match opened.digest {
                    Some(digest) => payload.of_file(digest),
                    None => payload,
                })
            }
            Some(Err(problem)) => Err(problem.clone()),
            None => Err(Problem::new("a file was not opened").exit(crate::error::Exit::Bug)),
        };
        wanted.iter().map(take).collect()
    }
}

struct Opened {
    bytes: Zeroizing<Vec<u8>>,
    /// Of the encrypted file; a plain one has none.
    digest: Option<[u8; 32]>,
}

fn open(name: &str, wire: &mut dyn Wire) -> Result<Opened, Problem> {
    let Reply { bytes, .. } = wire.ask(Ask::File(name.to_owned()))?;
    if std::path::Path::new(name).extension().is_none_or(|extension| extension != "age") {
        return Ok(Opened { bytes, digest: None });
    }
    let identities = wire.ask(Ask::Identities)?.bytes;
    let digest = Some(Sha256::digest(&bytes).into());
    Ok(Opened { bytes: decrypt(&bytes, &identities)?, digest })
}

/// Opens an age file, binary or armored, with one of the identities (lines of an age identity file).
///
/// # Errors
/// The file is no age file, or none of the identities opens it. Never the file's or the library's words.
pub(crate) fn decrypt(file: &[u8], identities: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let identities = read_identities(identities)?;
    let broken =
        || Problem::new("the file is not a complete age file").hint("encrypt it again: age -r RECIPIENT -o FILE.age");
    let armored = age::armor::ArmoredReader::new(file);
    let decryptor = age::Decryptor::new_buffered(armored).map_err(|_| broken())?;
    if decryptor.is_scrypt() {
        return Err(Problem::new("the age file is encrypted with a passphrase")
            .hint("encrypt it for a recipient: age -r RECIPIENT"));
    }
    let keys = identities.iter().map(|identity| identity as &dyn age::Identity);
    let mut reader = decryptor.decrypt(keys).map_err(|_| {
        Problem::new("none of the identities opens the age file").hint("give the right one with --identity FILE")
    })?;
    // One allocation: growing would leave copies behind. The plaintext is never longer than the file.
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len().min(limits::FILE)));
    reader.read_to_end(&mut bytes).map_err(|_| broken())?;
    Ok(bytes)
}

fn read_identities(text: &[u8]) -> Result<Vec<age::x25519::Identity>, Problem> {
    let wrong = |line: usize| {
        Problem::new(format!("line {line} of the identities is no age identity"))
            .hint("each line is a comment (#) or begins with AGE-SECRET-KEY-1; other kinds cannot be used yet")
    };
    let text = std::str::from_utf8(text).map_err(|_| wrong(1))?;
    let lines = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| line.parse().map_err(|_| wrong(number))).collect()
}
