//! What has changed between two sets of objects, told by its cause and never by its value.
//!
//! Receives objects, gives back changes. It needs no key: that a seal was made for another certificate or with another
//! key stands beside it, in an annotation of ours.

use std::collections::BTreeMap;

use super::find::RESOLVE;
use crate::grammars::GRAMMARS;
use crate::model::{Identity, ManifestId, Part, Place, unbase64};
use crate::yaml::{Kind, NodeId, Tree};

mod changed;
mod pair;

pub use pair::compare;

/// Why something differs; in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Sealed for another certificate.
    Certificate,
    /// Sealed with another key.
    Key,
    /// Bound to more names, or to fewer.
    Scope,
    /// Another value, at the same place.
    Value,
    /// Another reference, at the same place.
    Reference,
    /// Another store.
    Store,
    /// Another kind of object stands for the Secret.
    Target,
    /// Another name.
    Name,
    /// Text around references.
    Text,
    /// A workload starts anew.
    Restart,
    /// An object that is new.
    Added,
    /// An object that is gone.
    Removed,
    /// Anything else.
    Other,
}

impl Cause {
    /// All, in their order.
    pub const ALL: [Self; 13] = [
        Self::Certificate,
        Self::Key,
        Self::Scope,
        Self::Value,
        Self::Reference,
        Self::Store,
        Self::Target,
        Self::Name,
        Self::Text,
        Self::Restart,
        Self::Added,
        Self::Removed,
        Self::Other,
    ];

    /// One word, for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Key => "key",
            Self::Scope => "scope",
            Self::Value => "value",
            Self::Reference => "reference",
            Self::Store => "store",
            Self::Target => "target",
            Self::Name => "name",
            Self::Text => "text",
            Self::Restart => "restart",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Other => "other",
        }
    }
}

/// One object, and what of it changed for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Why.
    pub cause: Cause,
    /// `SealedSecret shop/db`.
    pub object: String,
    /// Keys of values, or fields; none where the object as a whole is meant.
    pub parts: Vec<String>,
    /// What it was and what it is, where both may be told: fingerprints, addresses, stores, names.
    pub told: Option<(String, String)>,
}

impl Change {
    fn new(cause: Cause, object: &Identity) -> Self {
        Self { cause, object: object.to_string(), parts: vec![], told: None }
    }

    fn part(mut self, part: impl Into<String>) -> Self {
        self.parts.push(part.into());
        self
    }

    fn told(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.told = Some((from.into(), to.into()));
        self
    }
}

/// A file of something else than objects, which has changed.
#[must_use]
pub fn file(name: &str) -> Change {
    Change { cause: Cause::Other, object: format!("file {name}"), parts: vec![], told: None }
}

/// An object of one of the two sets.
pub struct Object<'s> {
    /// What it is.
    pub identity: Identity,
    /// What it says.
    pub tree: Tree<'s>,
}

/// A path of keys; members of lists are called by their names, where they have one.
type Path = Vec<String>;

/// Every scalar of an object.
fn leaves<'t>(tree: &'t Tree, node: NodeId, path: &mut Path, into: &mut BTreeMap<Path, Leaf<'t>>) {
    let mut step = |key: String, node| {
        path.push(key);
        leaves(tree, node, path, into);
        path.pop();
    };
    match tree.kind(node) {
        // A tree is never deeper than `limits::DEPTH`, aliases followed.
        Kind::Map => tree.entries(node).into_iter().for_each(|(key, node)| step(tree.key(key).into(), node)),
        Kind::Seq => {
            for (number, item) in tree.items(node).enumerate() {
                let name = ["secretKey", "name"].into_iter().find_map(|key| tree.get(item, key));
                let name = name.and_then(|name| tree.text(name)).map_or(number.to_string(), str::to_owned);
                step(name, item);
            }
        }
        Kind::Scalar => {
            into.insert(path.clone(), Leaf { tree, node });
        }
    }
}

/// A scalar, which may be a secret.
#[derive(Clone, Copy)]
struct Leaf<'t> {
    tree: &'t Tree<'t>,
    node: NodeId,
}

impl Leaf<'_> {
    fn same(&self, other: &Leaf) -> bool {
        self.tree.scalar(self.node) == other.tree.scalar(other.node)
    }

    fn text(&self) -> &str {
        self.tree.raw(self.node).unwrap_or_default()
    }

    /// The addresses in it, in order; none where it holds no reference.
    fn references(&self) -> Vec<String> {
        let at = Place { manifest: ManifestId(0), node: self.node };
        let of = |text: &str| -> Vec<String> {
            let template = GRAMMARS.iter().find_map(|grammar| grammar.read(text, at, RESOLVE)).and_then(Result::ok);
            let parts = template.iter().flat_map(|template| &template.0);
            let address = |part: &Part| match part {
                Part::Reference(one) => Some(one.address.to_string()),
                Part::Escaped(_) | Part::Literal(_) => None,
            };
            parts.filter_map(address).collect()
        };
        let found = of(self.text());
        if !found.is_empty() {
            return found;
        }
        let decoded = unbase64(self.text().as_bytes());
        decoded.and_then(|bytes| std::str::from_utf8(&bytes).ok().map(of)).unwrap_or_default()
    }
}
