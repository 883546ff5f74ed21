//! What of one object changed, and why.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::walk::{Difference, Leaf, differences};
use super::{Cause, Change, Object};
use crate::error::Problem;
use crate::model::{Identity, SEALED_FOR, SEALED_WITH, Scope, annotation};
use crate::seal;
use crate::sources::ENCRYPTION;
use crate::yaml::{NodeId, Tree};

/// The changes of an object that is in both sets, perhaps under another name.
pub(super) fn changed(old: &Object, new: &Object, left: &mut usize) -> Result<Vec<Change>, Problem> {
    if old.tree.said() == new.tree.said() {
        return Ok(vec![]);
    }
    let found = differences(old, new, left)?;
    let mut told = Told::new(old, new, keeps_a_seal(&old.tree, &found));
    for difference in &found {
        told.tell(difference);
    }
    let changes = told.changes();
    // Whatever it was: never "nothing changed" of what has changed.
    let silent = changes.is_empty() && !found.is_empty();
    Ok(if silent { vec![Change::new(Cause::Other, &new.identity)] } else { changes })
}

/// Why every seal differs, if they do: another certificate, key, scope or name.
fn reasons(old: &Object, new: &Object, kept: bool) -> Vec<Change> {
    let mut reasons = vec![];
    let mut because = |cause, from: &str, to: &str| {
        if from != to {
            reasons.push(Change::new(cause, &new.identity).told(from, to));
        }
    };
    if let Some((before, after)) = Sealed::of(old).zip(Sealed::of(new)) {
        // No seal stays the same under another certificate or key: then somebody has written it who has not sealed.
        let cause = |cause| if kept { Cause::Untrue } else { cause };
        because(cause(Cause::Certificate), &before.certificate, &after.certificate);
        because(cause(Cause::Key), &before.keys, &after.keys);
    }
    because(Cause::Scope, scope(old).name(), scope(new).name());
    if old.identity.name == new.identity.name {
        let made_for = |object| annotation(object, SEALED_FOR);
        if let Some((before, after)) = made_for(&old.tree).zip(made_for(&new.tree)) {
            because(Cause::Name, before, after);
        }
    } else {
        because(Cause::Name, &old.identity.name, &new.identity.name);
    }
    for untrue in reasons.iter_mut().filter(|reason| reason.cause == Cause::Untrue) {
        untrue.parts.push(SEALED_WITH.to_owned());
    }
    reasons
}

/// True where a ciphertext is the same in both.
fn keeps_a_seal(old: &Tree, found: &[Difference]) -> bool {
    let all = old.at(old.root(), &["spec", "encryptedData"]).map_or(0, |map| old.entries(map).len());
    let is_seal = |found: &&Difference| matches!(found.path().as_slice(), ["spec", "encryptedData", _]);
    all > found.iter().filter(is_seal).filter(|found| found.old.is_some()).count()
}

/// What is told of an object.
struct Told<'o> {
    old: &'o Object<'o>,
    new: &'o Object<'o>,
    /// Why every seal differs.
    reasons: Vec<Change>,
    /// A ciphertext is the same in both, so that none was sealed anew for one of the reasons.
    kept: bool,
    /// Keys that were sealed anew for the reasons, perhaps with another value.
    anew: Vec<String>,
    /// Fields by cause.
    fields: BTreeMap<Cause, BTreeSet<String>>,
    /// Cause, field, what it was and what it is.
    exact: BTreeSet<(Cause, String, String, String)>,
    /// What changes with every value.
    bookkeeping: BTreeSet<String>,
}

impl<'o> Told<'o> {
    fn new(old: &'o Object<'o>, new: &'o Object<'o>, kept: bool) -> Self {
        let (fields, exact, bookkeeping) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { old, new, reasons: reasons(old, new, kept), kept, anew: vec![], fields, exact, bookkeeping }
    }

    fn field(&mut self, cause: Cause, field: impl Into<String>) {
        self.fields.entry(cause).or_default().insert(field.into());
    }

    fn tell(&mut self, found: &Difference) {
        let path = &found.path();
        if self.is_a_reason(path) {
            return;
        }
        match part(&self.new.identity, path) {
            Part::Bookkeeping => {
                self.bookkeeping.insert(path.join("."));
            }
            Part::Ciphertext(key) => {
                let anew = !self.kept && !self.reasons.is_empty() && same_length(found);
                if anew { self.anew.push(key.to_owned()) } else { self.field(Cause::Value, key) }
            }
            Part::Field(cause, field) => {
                let references = |leaf: Option<Leaf>| leaf.map(|leaf| leaf.references()).unwrap_or_default();
                let (from, to) = (references(found.old), references(found.new));
                if from == to {
                    let text = cause == Cause::Value && !from.is_empty();
                    self.field(if text { Cause::Text } else { cause }, field);
                } else {
                    self.exact.insert((Cause::Reference, field, from.join(", "), to.join(", ")));
                }
            }
            Part::Name(cause, field) => {
                let said = |leaf: Option<Leaf>| leaf.map(|leaf| leaf.text().to_owned()).unwrap_or_default();
                self.exact.insert((cause, field.to_owned(), said(found.old), said(found.new)));
            }
            Part::Remote(item) => self.remote(item, path, found.member),
        }
    }

    /// A field of an item that External Secrets is told to fetch.
    fn remote(&mut self, item: String, path: &[&str], (old, new): (Option<NodeId>, Option<NodeId>)) {
        let (from, to) = (remote(&self.old.tree, old), remote(&self.new.tree, new));
        let is_address = matches!(path, [.., "extract" | "remoteRef", "key" | "property" | "version"]);
        if from != to && (is_address || old.is_none() || new.is_none()) {
            self.exact.insert((Cause::Reference, item, from, to));
        } else {
            // What is searched for is all that is fetched.
            let cause = if path.contains(&"find") { Cause::Reference } else { Cause::Other };
            self.field(cause, path.join("."));
        }
    }

    /// Is it said by one of the reasons?
    fn is_a_reason(&self, path: &[&str]) -> bool {
        let (old, new) = (&self.old.identity, &self.new.identity);
        let both = |path: &[&str]| text(&self.old.tree, path).zip(text(&self.new.tree, path));
        match path {
            ["metadata", "name"] => old.name != new.name,
            ["spec", "target", "name"] => {
                old.name != new.name && both(path) == Some((old.name.as_str(), new.name.as_str()))
            }
            ["metadata", "annotations", SEALED_FOR] => both(path).is_some_and(|(before, after)| {
                old.name == new.name || before.ends_with(&old.name) && after.ends_with(&new.name)
            }),
            ["metadata", "annotations", SEALED_WITH] => {
                Sealed::of(self.old).is_some() && Sealed::of(self.new).is_some()
            }
            ["metadata", "annotations", name] => self.is_scope(name),
            // render writes it into the template too: it says the same there, or something else.
            ["spec", "template", "metadata", "annotations", name] => {
                let same = |tree: &Tree| text(tree, path) == annotation(tree, name);
                self.is_scope(name) && same(&self.old.tree) && same(&self.new.tree)
            }
            _ => false,
        }
    }

    /// The annotation of the scope that it had, or has, where these are two.
    fn is_scope(&self, name: &str) -> bool {
        let (old, new) = (scope(self.old), scope(self.new));
        old != new && [old, new].iter().any(|scope| scope.annotation() == Some(name))
    }

    fn changes(mut self) -> Vec<Change> {
        let identity = &self.new.identity;
        if self.reasons.is_empty() && self.exact.is_empty() && self.fields.is_empty() && !self.bookkeeping.is_empty() {
            self.fields.insert(Cause::Other, self.bookkeeping);
        }
        if let Some(first) = self.reasons.first_mut().filter(|_| !self.anew.is_empty()) {
            first.parts = self.anew;
        }
        let mut changes = self.reasons;
        changes.extend(self.exact.into_iter().map(|(cause, field, from, to)| {
            let change = Change::new(cause, identity).told(from, to);
            if field.is_empty() { change } else { Change { parts: vec![field], ..change } }
        }));
        let fields = self.fields.into_iter();
        changes.extend(
            fields
                .map(|(cause, fields)| Change { parts: fields.into_iter().collect(), ..Change::new(cause, identity) }),
        );
        changes
    }
}

/// What stands at a path.
enum Part<'p> {
    /// What changes with every value.
    Bookkeeping,
    /// The ciphertext of a key.
    Ciphertext(&'p str),
    /// A field whose text may be a value.
    Field(Cause, String),
    /// A field whose text is the name of something.
    Name(Cause, &'p str),
    /// A field of what External Secrets is told to fetch, by the item.
    Remote(String),
}

fn part<'p>(identity: &Identity, path: &[&'p str]) -> Part<'p> {
    let kind = identity.kind.as_str();
    if identity.is("external-secrets.io", "ExternalSecret")
        && let Some(part) = external(path)
    {
        return part;
    }
    match (kind, path) {
        ("SealedSecret", ["spec", "encryptedData", key]) => Part::Ciphertext(key),
        ("Secret", ["data" | "stringData", key]) => Part::Field(Cause::Value, (*key).to_owned()),
        ("SecretStore" | "ClusterSecretStore", ["spec", ..]) => Part::Field(Cause::Store, path.join(".")),
        ("DaemonSet" | "Deployment" | "Rollout" | "StatefulSet", ["spec", "template", ..]) => {
            Part::Field(Cause::Restart, path.join("."))
        }
        (_, [ENCRYPTION, "lastmodified" | "mac"]) => Part::Bookkeeping,
        (_, path) => Part::Field(Cause::Other, path.join(".")),
    }
}

/// Only of External Secrets' own kind: of another one, text at these places may be a value.
fn external<'p>(path: &[&'p str]) -> Option<Part<'p>> {
    Some(match path {
        ["spec", "target", "name"] => Part::Name(Cause::Name, ""),
        ["spec", "secretStoreRef", field @ ("kind" | "name")]
        | ["spec", "data" | "dataFrom", _, .., "storeRef", field @ ("kind" | "name")] => {
            Part::Name(Cause::Store, field)
        }
        ["spec", "data", key, ..] => Part::Remote((*key).to_owned()),
        ["spec", "dataFrom", number, ..] => Part::Remote(format!("dataFrom.{number}")),
        ["spec", "target", "template", "data", key] => Part::Field(Cause::Text, (*key).to_owned()),
        _ => return None,
    })
}

/// What stands beside a seal: the ids of the keys, and the public key of the certificate.
struct Sealed {
    keys: String,
    certificate: String,
}

impl Sealed {
    /// `v1:<key ids>:<SPKI>` or `random:<SPKI>`.
    fn of(object: &Object) -> Option<Self> {
        let (keys, certificate) = annotation(&object.tree, SEALED_WITH)?.rsplit_once(':')?;
        Some(Self { keys: keys.to_owned(), certificate: certificate.to_owned() })
    }
}

fn text<'t>(tree: &'t Tree, path: &[&str]) -> Option<&'t str> {
    tree.at(tree.root(), path).and_then(|node| tree.text(node))
}

/// What is fetched for an item; empty where there is none, or where it names no address.
fn remote(tree: &Tree, item: Option<NodeId>) -> String {
    let said = |mark: &str, field: &str| {
        let found = ["remoteRef", "extract"].iter().find_map(|around| tree.at(item?, &[around, field]));
        found.and_then(|node| tree.raw(node)).map_or(String::new(), |text| format!("{mark}{text}"))
    };
    format!("{}{}{}", said("", "key"), said("#", "property"), said("@", "version"))
}

fn scope(object: &Object) -> Scope {
    Scope::of(|name| annotation(&object.tree, name) == Some("true"))
}

/// Do two ciphertexts hold values of the same length? Lengths are what a seal does not hide.
fn same_length(found: &Difference) -> bool {
    let length = |leaf: Option<Leaf>| seal::measure(&STANDARD.decode(leaf?.text()).ok()?);
    length(found.old).is_some_and(|old| length(found.new) == Some(old))
}
