//! Files beneath the root: plain ones, and `.age` files opened with the operator's identities.
//! The format: age-encryption.org/v1.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::age::decrypt;
use super::answer::Answers;
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
        let files = Answers::each(wanted.iter().map(|address| &*address.path), |name| open(name, wire));
        let take = |address: &&Address<'static>| {
            let opened = files.get(&*address.path)?;
            let payload = property::payload(&opened.bytes, address, "the file")?;
            Ok(match opened.digest {
                Some(digest) => payload.of_file(digest),
                None => payload,
            })
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
