//! What has changed between two sets of objects, told by its cause and never by its value.
//!
//! Receives objects, gives back changes. It needs no key: that a seal was made for another certificate or with another
//! key stands beside it, in an annotation of ours.

use crate::model::Identity;
use crate::yaml::Tree;

mod changed;
mod pair;
mod walk;

pub use pair::compare;

/// Why something differs; in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Sealed for another certificate.
    Certificate,
    /// What stands beside a seal says something else of it, and the seal is the same.
    Untrue,
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
    pub const ALL: [Self; 14] = [
        Self::Certificate,
        Self::Untrue,
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
            Self::Untrue => "untrue",
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

#[cfg(test)]
mod tests;
