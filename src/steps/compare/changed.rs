//! What of one object changed, and why.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Cause, Change, Leaf, Object, Path, leaves};
use crate::model::{Scope, annotation};
use crate::seal;
use crate::sources::ENCRYPTION;

/// The changes of an object that is in both sets.
pub(super) fn changed(old: &Object, new: &Object) -> Vec<Change> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    leaves(&old.tree, old.tree.root(), &mut vec![], &mut before);
    leaves(&new.tree, new.tree.root(), &mut vec![], &mut after);
    let differs = |path: &&Path| match (before.get(*path), after.get(*path)) {
        (Some(old), Some(new)) => !old.same(new),
        _ => true,
    };
    let paths: std::collections::BTreeSet<&Path> = before.keys().chain(after.keys()).filter(differs).collect();
    let mut changes = vec![];
    let with = Sealed::of(old).zip(Sealed::of(new)).filter(|(old, new)| old != new);
    let mut explained = vec![];
    let mut explain = |cause, from: &str, to: &str| {
        if from != to {
            explained.push(Change::new(cause, &new.identity).told(from, to));
        }
    };
    if let Some((before, after)) = &with {
        explain(Cause::Certificate, &before.certificate, &after.certificate);
        explain(Cause::Key, &before.keys, &after.keys);
    }
    explain(Cause::Scope, scope(old).name(), scope(new).name());
    if let Some((before, after)) = annotation(&old.tree, MADE_FOR).zip(annotation(&new.tree, MADE_FOR)) {
        explain(Cause::Name, before, after);
    }
    // What sealed anew, for the first of these reasons, stands with it.
    let mut anew = vec![];
    for path in &paths {
        let (leaf, instead) = (before.get(*path), after.get(*path));
        match part(&new.identity.kind, path) {
            Part::Ciphertext(key) => {
                let other = !explained.is_empty() && same_length(leaf, instead);
                if other { anew.push(key) } else { add(&mut changes, Cause::Value, new, key) }
            }
            Part::Field(cause, key) => {
                let (from, to) = (leaf.map(Leaf::references), instead.map(Leaf::references));
                let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
                if from == to {
                    let cause = if cause == Cause::Value && !from.is_empty() { Cause::Text } else { cause };
                    add(&mut changes, cause, new, &key);
                } else {
                    let told = (from.join(", "), to.join(", "));
                    changes.push(Change { told: Some(told), ..Change::new(Cause::Reference, &new.identity).part(key) });
                }
            }
            Part::Name(cause, field) => {
                let said = |leaf: Option<&Leaf>| leaf.map(|leaf| leaf.text().to_owned()).unwrap_or_default();
                let told = (said(leaf), said(instead));
                changes.push(Change { told: Some(told), ..Change::new(cause, &new.identity).part(field) });
            }
            Part::Remote(key) => {
                let (from, to) = (remote(&before, path), remote(&after, path));
                let told = Change::new(Cause::Reference, &new.identity).part(key).told(from.as_str(), to.as_str());
                if from == to {
                    add(&mut changes, Cause::Other, new, key);
                } else if !changes.contains(&told) {
                    changes.push(told);
                }
            }
            Part::Explained => {}
        }
    }
    if let Some(first) = explained.first_mut() {
        first.parts = anew.into_iter().map(str::to_owned).collect();
    }
    // The bookkeeping of SOPS changes with every value.
    let only = changes.iter().all(|change| change.cause == Cause::Other);
    changes.retain(|change| only || change.parts.iter().any(|part| !is_bookkeeping(part)));
    explained.extend(changes);
    explained
}

fn add(changes: &mut Vec<Change>, cause: Cause, object: &Object, part: &str) {
    match changes.iter_mut().find(|change| change.cause == cause) {
        Some(change) if change.parts.iter().any(|known| known == part) => {}
        Some(change) => change.parts.push(part.to_owned()),
        None => changes.push(Change::new(cause, &object.identity).part(part)),
    }
}

/// What stands at a path.
enum Part<'p> {
    /// The ciphertext of a key.
    Ciphertext(&'p str),
    /// Told by something else.
    Explained,
    /// A field whose text may be a value.
    Field(Cause, String),
    /// A field whose text is the name of something.
    Name(Cause, &'p str),
    /// A field of what External Secrets is told to fetch.
    Remote(&'p str),
}

fn part<'p>(kind: &str, path: &'p Path) -> Part<'p> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let last = path.last().copied().unwrap_or_default();
    match (kind, path.as_slice()) {
        (_, ["metadata", "annotations", MADE_FOR | MADE_WITH]) => Part::Explained,
        (_, [.., "annotations", name]) if Scope::ALL.into_iter().any(|scope| scope.annotation() == Some(name)) => {
            Part::Explained
        }
        (_, ["metadata", "name"]) | ("ExternalSecret", ["spec", "target", "name"]) => Part::Name(Cause::Name, "name"),
        ("SealedSecret", ["spec", "encryptedData", key]) => Part::Ciphertext(key),
        ("ExternalSecret", ["spec", "secretStoreRef", ..] | ["spec", "data" | "dataFrom", .., "storeRef", _]) => {
            Part::Name(Cause::Store, last)
        }
        ("ExternalSecret", ["spec", "data" | "dataFrom", key, ..]) => Part::Remote(key),
        ("ExternalSecret", ["spec", "target", "template", "data", key]) => Part::Field(Cause::Text, (*key).to_owned()),
        ("Secret", ["data" | "stringData", key]) => Part::Field(Cause::Value, (*key).to_owned()),
        ("SecretStore" | "ClusterSecretStore", ["spec", ..]) => Part::Field(Cause::Store, path.join(".")),
        ("DaemonSet" | "Deployment" | "Rollout" | "StatefulSet", ["spec", "template", ..]) => {
            Part::Field(Cause::Restart, path.join("."))
        }
        (_, [ENCRYPTION, ..]) => Part::Field(Cause::Other, ENCRYPTION.to_owned()),
        (_, path) => Part::Field(Cause::Other, path.join(".")),
    }
}

fn is_bookkeeping(part: &str) -> bool {
    part == ENCRYPTION
}

const MADE_FOR: &str = "sealref.dev/sealed-for";
const MADE_WITH: &str = "sealref.dev/sealed-with";

/// What stands beside a seal: the ids of the keys, and the public key of the certificate.
#[derive(PartialEq)]
struct Sealed {
    keys: String,
    certificate: String,
}

impl Sealed {
    /// `v1:<key ids>:<SPKI>` or `random:<SPKI>`.
    fn of(object: &Object) -> Option<Self> {
        let (keys, certificate) = annotation(&object.tree, MADE_WITH)?.rsplit_once(':')?;
        Some(Self { keys: keys.to_owned(), certificate: certificate.to_owned() })
    }
}

/// What is fetched for the item of a list that a path leads into.
fn remote(leaves: &BTreeMap<Path, Leaf>, path: &Path) -> String {
    let item = path.get(..ITEM).unwrap_or_default();
    let said = |field: &str| {
        let found =
            leaves.iter().find(|(path, _)| path.starts_with(item) && path.last().is_some_and(|last| last == field));
        found.map(|(_, leaf)| leaf.text().to_owned())
    };
    let part = |mark: &str, field| said(field).map_or(String::new(), |text| format!("{mark}{text}"));
    format!("{}{}{}", part("", "key"), part("#", "property"), part("@", "version"))
}

/// `spec`, `data`, and the name of the item.
const ITEM: usize = 3;

fn scope(object: &Object) -> Scope {
    Scope::of(|name| annotation(&object.tree, name) == Some("true"))
}

/// Do two ciphertexts hold values of the same length? Lengths are what a seal does not hide.
fn same_length(old: Option<&Leaf>, new: Option<&Leaf>) -> bool {
    let length = |leaf: Option<&Leaf>| seal::measure(&STANDARD.decode(leaf?.text()).ok()?);
    length(old).is_some_and(|old| length(new) == Some(old))
}
