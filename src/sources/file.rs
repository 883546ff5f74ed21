//! Files beneath the root: plain ones, and `.age` files opened with the operator's identities.
//! The format: age-encryption.org/v1.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::age::decrypt;
use super::{Becomes, Facts, Fetch, Source, beneath, property};
use crate::error::Problem;
use crate::model::{Address, Ask, Payload, Raw, Reply, Wire};

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
        beneath(facts, raw)
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
                let payload = property::payload(&opened.bytes, address, "the file")?;
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
    let digest = Some(Sha256::digest(&bytes).into());
    Ok(Opened { bytes: decrypt(&bytes, wire)?, digest })
}
