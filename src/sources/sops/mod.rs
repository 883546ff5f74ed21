//! SOPS files: yaml, json, dotenv, ini and binary ones, read as SOPS reads them and never written.
//!
//! A file goes through [`Document::read`], [`open`], which gives its data key, and [`Document::decrypt`], whose
//! [`Clear`] tells its leaves and, apart from that, whether the MAC fits.

mod cipher;
mod document;
mod dotenv;
mod flat;
mod groups;
mod ini;
mod inside;
mod keys;
mod metadata;
mod node;
mod print;
mod print_yaml;
mod rules;
mod search;
mod store;
mod time;
mod tree;
mod whole;

use rayon::prelude::*;
use zeroize::Zeroizing;

pub use document::{Clear, Document, Leaf, Step};
pub use keys::open;
pub use node::{Protection, Type};
pub use store::Store;

use super::answer::{Answers, in_two_ways};
use super::whole::is_whole;
use super::{Becomes, Facts, Fetch, Source, beneath, is_within, property};
use crate::error::{Exit, Problem};
use crate::model::{Address, Ask, DataKey, Payload, Raw, Reply, Wire};

pub(super) struct Sops;

static FACTS: [Facts; 1] = [Facts {
    scheme: "sops",
    path: "FILE",
    property: "#/a/b",
    parameters: &["format"],
    providers: &[],
    becomes: Becomes::Sealed,
}];

impl Source for Sops {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let address = beneath(facts, raw)?;
        match address.parameter("format").filter(|name| Store::named(name).is_none()) {
            None => Ok(address),
            Some(name) => Err(Problem::new(format!("SOPS knows no format \"{name}\""))
                .hint("write yaml, json, dotenv, ini or binary")),
        }
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        Some(self)
    }
}

impl Fetch for Sops {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        in_two_ways(wanted, is_within, (inside::fetch, of_files), wire)
    }

    fn gives_data_keys(&self) -> bool {
        true
    }
}

fn of_files(wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
    let mut names: Vec<(&str, Store)> = wanted.iter().map(|address| file(address)).collect();
    names.sort_unstable();
    names.dedup();
    let opened = read(&names, wire);
    let files = Answers(names.into_iter().zip(opened).collect());
    let take = |address: &&Address<'static>| {
        let (opened, property) = (files.get(&file(address))?, address.property.as_deref());
        if is_whole(address) { opened.keys(property) } else { opened.value(property) }
    };
    wanted.iter().map(take).collect()
}

/// The file of an address, and its form.
fn file<'a>(address: &'a Address<'_>) -> (&'a str, Store) {
    let named = address.parameter("format").and_then(Store::named);
    (&address.path, named.unwrap_or_else(|| Store::of(&address.path)))
}

/// A file that was opened.
struct Opened {
    clear: Clear,
    key: DataKey,
}

/// Reads files and opens them, all at once; each is as SOPS wrote it.
fn read(names: &[(&str, Store)], wire: &mut dyn Wire) -> Vec<Result<Opened, Problem>> {
    let asks = names.iter().map(|(name, _)| Ask::File((*name).to_owned())).collect();
    let replies: Vec<_> = wire.ask_all(asks).into_iter().zip(names).collect();
    let parse = |(reply, (_, store)): (Result<Reply, Problem>, &(&str, Store))| Document::read(&reply?.bytes, *store);
    let opened = unlocked(&replies.into_par_iter().map(parse).collect::<Vec<_>>(), wire).into_iter();
    opened.map(|opened| opened.and_then(|opened| opened.clear.verify().map(|()| opened))).collect()
}

/// Opens documents, all at once.
fn unlocked(documents: &[Result<Document, Problem>], wire: &mut dyn Wire) -> Vec<Result<Opened, Problem>> {
    let readable: Vec<&Document> = documents.iter().filter_map(|document| document.as_ref().ok()).collect();
    let mut keys = open(&readable, wire).into_iter();
    let gone = || Err(Problem::new("a file was left closed").exit(Exit::Bug));
    let keyed: Vec<_> = documents.iter().map(|d| d.as_ref().map(|d| (d, keys.next().unwrap_or_else(gone)))).collect();
    let opened = keyed.into_par_iter().map(|keyed| {
        let (document, key) = keyed.map_err(Clone::clone)?;
        let key = key?;
        Ok(Opened { clear: document.decrypt(&key)?, key })
    });
    opened.collect()
}

impl Opened {
    fn value(&self, property: Option<&str>) -> Result<Payload, Problem> {
        let bytes = match (property, self.clear.store) {
            (None, _) => self.whole()?,
            (property, Store::Binary) => property::select(&self.whole()?, property)?,
            (Some(property), _) => self.at(property)?,
        };
        if bytes.is_empty() {
            return Err(property::empty());
        }
        Ok(Payload::new(bytes).under(self.key.clone()))
    }

    fn keys(&self, property: Option<&str>) -> Result<Payload, Problem> {
        let keys = match self.clear.store {
            Store::Binary => property::keys_in(&self.whole()?, property, "the file")?,
            _ => self.clear.keys(property)?,
        };
        Ok(Payload::whole(keys).under(self.key.clone()))
    }

    /// The file as it was before it was encrypted, of which something at least was encrypted.
    fn whole(&self) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let leaves = self.clear.leaves();
        match leaves.iter().find(|leaf| leaf.protection() == Protection::Clear) {
            Some(leaf) if leaves.iter().all(|leaf| leaf.protection() != Protection::Encrypted) => encrypted(leaf),
            _ => self.clear.print(),
        }
    }

    /// The encrypted value at the end of a path.
    fn at(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let steps: Vec<&str> = path.split('/').collect();
        match self.clear.find(&steps).as_slice() {
            [Some(leaf)] => encrypted(leaf),
            [None] => Err(property::no_scalar("a map or a list")),
            [] => Err(no_key(path)),
            _ => Err(Problem::new(format!("the file has the key \"{path}\" more than once"))
                .hint("keep one document, or one section, in a file")),
        }
    }
}

/// What stands in the file for everybody to read is no secret, and where the MAC covers encrypted values alone, anybody
/// could have put it there.
fn encrypted(leaf: &Leaf) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if leaf.protection() == Protection::Encrypted || leaf.bytes().is_empty() {
        return Ok(leaf.bytes());
    }
    Err(in_clear("the value"))
}

fn no_key(path: &str) -> Problem {
    Problem::new(format!("the file has no key \"{path}\""))
        .hint("steps are separated by \"/\", the first item of a list is 0")
}

fn in_clear(what: &str) -> Problem {
    Problem::new(format!("{what} stands in clear in the file, as the file's own rule wants it")).hint(
        "write it into the Secret and list its key in the annotation sealref.dev/public-keys, or encrypt it with sops edit",
    )
}
