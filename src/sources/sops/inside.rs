//! Encrypted values in the Secrets of a stream: manifests that SOPS has encrypted, and what a builder made of encrypted
//! files. Builders sort keys and leave comments out, so that the MAC may not fit although every value is genuine.
//!
//! What kustomize and Flux do with them: `internal/decryptor` of fluxcd/kustomize-controller, `api/kv` of kustomize.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Clear, Document, Leaf, Opened, Protection, Store, unlocked};
use crate::error::{Exit, Problem};
use crate::model::{Address, Ask, Payload, Wire, unbase64};
use crate::sources::answer::Answers;
use crate::sources::{ENCRYPTION, Encrypted, is_encryption_metadata};
use crate::yaml::{Kind, Syntax, Tree};

/// One answer for each address, in order.
pub(super) fn fetch(wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
    let objects = Answers::ask(
        wanted.iter().map(|address| &*address.path),
        |name| Ok(Ask::Object((*name).to_owned())),
        |_, reply| Object::read(reply.bytes),
        |asks| wire.ask_all(asks),
    );
    let mut parts: BTreeMap<Name, Result<Document, Problem>> = BTreeMap::new();
    for address in wanted {
        if let Ok(object) = objects.get(&*address.path) {
            let name = object.part(address);
            parts.entry(name).or_insert_with(|| object.read_part(name));
        }
    }
    let (names, documents): (Vec<Name>, Vec<_>) = parts.into_iter().unzip();
    let mut unsealed = BTreeMap::new();
    for (name, opened) in names.into_iter().zip(unlocked(&documents, wire)) {
        let judged = |opened| Unsealed::judge(opened, objects.get(name.0)?.sort(name), name.0, wire);
        unsealed.insert(name, opened.and_then(judged));
    }
    let unsealed = Answers(unsealed);
    let take = |address: &&Address<'static>| {
        let object = objects.get(&*address.path)?;
        unsealed.get(&object.part(address))?.value(address)
    };
    wanted.iter().map(take).collect()
}

/// The object, and in it one entry, or all of it.
type Name<'a> = (&'a str, Option<&'a str>);

/// A Secret of the stream.
struct Object {
    text: Zeroizing<Vec<u8>>,
    /// SOPS has encrypted the manifest; else a builder has put encrypted files into it.
    manifest: bool,
    /// The entries of `data` and `stringData`, decoded; empty for a manifest.
    entries: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl Object {
    fn read(text: Zeroizing<Vec<u8>>) -> Result<Self, Problem> {
        let unread = || Problem::new("an object of the stream could not be read again").exit(Exit::Bug);
        let said = std::str::from_utf8(&text).map_err(|_| unread())?;
        let tree = Tree::parse(said, Syntax::Document).map_err(|_| unread())?;
        let manifest = tree.get(tree.root(), ENCRYPTION).is_some_and(|node| tree.kind(node) == Kind::Map);
        let mut entries = BTreeMap::new();
        for field in ["data", "stringData"].into_iter().filter(|_| !manifest) {
            let map = tree.get(tree.root(), field);
            for (key, node) in map.map(|map| tree.entries(map)).unwrap_or_default() {
                let raw = tree.text(node).unwrap_or_default().as_bytes();
                let bytes = if field == "data" { unbase64(raw) } else { Some(Zeroizing::new(raw.to_vec())) };
                entries.insert(tree.key(key).into_owned(), bytes.unwrap_or_default());
            }
        }
        Ok(Self { text, manifest, entries })
    }

    /// Where the value of an address stands.
    fn part<'a>(&self, address: &'a Address) -> Name<'a> {
        let key = address.property.as_deref().and_then(|property| property.split_once('/')).map(|(_, key)| key);
        let is_file = |key: &&str| self.entries.get(*key).is_some_and(|e| Encrypted::of(e) == Some(Encrypted::File));
        (&address.path, key.filter(is_file))
    }

    fn sort(&self, (_, key): Name) -> Sort {
        match key {
            None if self.manifest => Sort::Manifest,
            None => Sort::Lines,
            Some(_) => Sort::File,
        }
    }

    fn read_part(&self, (_, key): Name) -> Result<Document, Problem> {
        match key {
            None if self.manifest => Document::read(&self.text, Store::Yaml),
            None => Document::read(&self.lines(), Store::Dotenv),
            Some(key) => {
                let file = self.entries.get(key).map(|entry| entry.as_slice()).unwrap_or_default();
                Document::read(file, store(key, file))
            }
        }
    }

    /// The file of `NAME=value` lines that the entries were.
    fn lines(&self) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.text.len()));
        for (key, value) in &self.entries {
            if is_encryption_metadata(key) || Encrypted::of(value) == Some(Encrypted::Value) {
                text.extend_from_slice(key.as_bytes());
                text.push(b'=');
                text.extend_from_slice(value);
                text.push(b'\n');
            }
        }
        text
    }
}

/// The form of an encrypted file follows from what marks it; what JSON stands for, from the name.
fn store(key: &str, file: &[u8]) -> Store {
    let has = |marker: &str| memchr::memmem::find(file, marker.as_bytes()).is_some();
    let is_json = file.trim_ascii_start().starts_with(b"{");
    match () {
        () if is_json && Store::of(key) == Store::Binary && key != ".dockerconfigjson" => Store::Binary,
        () if is_json => Store::Json,
        () if has("sops_mac=ENC[") => Store::Dotenv,
        () if has("[sops]") => Store::Ini,
        () => Store::Yaml,
    }
}

/// What was encrypted as one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A file within one entry.
    File,
    /// A file of lines, each an entry.
    Lines,
    /// The Secret itself.
    Manifest,
}

/// A part that was opened.
struct Unsealed {
    opened: Opened,
    sort: Sort,
    verified: bool,
}

impl Unsealed {
    /// The MAC of a file of several documents is one of all of them. What was read from a file has to fit; what was
    /// piped in may have been through a builder, but not a file within an entry, which comes through byte for byte.
    fn judge(opened: Opened, sort: Sort, name: &str, wire: &mut dyn Wire) -> Result<Self, Problem> {
        let verified = match (opened.clear.verify(), sort) {
            (Ok(()), _) => true,
            (Err(problem), Sort::File) => return Err(problem),
            (Err(_), Sort::Lines) => false,
            (Err(_), Sort::Manifest) => {
                let file = wire.ask(Ask::Around(name.to_owned()))?.bytes;
                if !file.is_empty() {
                    Document::read(&file, Store::Yaml)?.decrypt(&opened.key)?.verify()?;
                }
                !file.is_empty()
            }
        };
        Ok(Self { opened, sort, verified })
    }

    fn value(&self, address: &Address) -> Result<Payload, Problem> {
        let property = address.property.as_deref().unwrap_or_default();
        let (field, key) = property.split_once('/').unwrap_or_default();
        let payload = match self.sort {
            Sort::File => self.opened.value(None)?,
            Sort::Lines => self.payload(&[key])?,
            Sort::Manifest if field == "data" => {
                let no_base64 = || {
                    Problem::new("the decrypted value is not base64, and stands under \"data\"")
                        .hint("encrypt it under stringData")
                };
                let bytes = unbase64(&leaf(&self.opened.clear, &[field, key])?.bytes()).ok_or_else(no_base64)?;
                Payload::new(bytes).under(self.opened.key.clone())
            }
            Sort::Manifest => self.payload(&[field, key])?,
        };
        Ok(if self.verified { payload } else { payload.unverified() })
    }

    fn payload(&self, path: &[&str]) -> Result<Payload, Problem> {
        Ok(Payload::new(leaf(&self.opened.clear, path)?.bytes()).under(self.opened.key.clone()))
    }
}

/// The encrypted value at a path of keys, which may hold any sign.
fn leaf<'c>(clear: &'c Clear, path: &[&str]) -> Result<Leaf<'c>, Problem> {
    let found = clear.find(path).into_iter().flatten().find(|leaf| leaf.protection() == Protection::Encrypted);
    found.ok_or_else(|| {
        Problem::new("the value is not encrypted by the rule that stands in the object")
            .hint("encrypt the Secret again with SOPS")
    })
}
