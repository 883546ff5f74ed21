//! What is checked on a final stream, one family a file. A rule reads and never changes.
//!
//! A new rule is one file here and two lines in this one.

mod build;
mod certificates;
mod detours;
mod encryption;
mod external_secrets;
mod identity;
mod keys;
mod layout;
mod leaks;
mod live;
mod needs;
mod objects;
pub mod plaintext;
pub mod rbac;
mod readers;
mod references;
pub mod reload;
mod rights;
mod rotation;
mod scopes;
mod seals;
mod seen;
mod stores;
mod table;
mod tokens;
mod workload;

pub use layout::layout;
pub use leaks::UserRules;
pub use live::{Deployer, Live};
pub use table::{About, about, table};

use std::cell::{Cell, OnceCell};

use crate::error::Problem;
pub use crate::model::Severity;
use crate::model::{Identity, Inventory, ManifestId, Place, Stream};
use crate::yaml::Tree;
use rbac::{Access, Existing};
use seen::each_object;

/// One thing that a rule found.
pub struct Finding {
    /// `references/unresolved`.
    pub rule: &'static str,
    /// The object that it is about, where there is one.
    pub object: Option<ManifestId>,
    /// How grave it is.
    pub severity: Severity,
    /// Place, message and hint.
    pub problem: Problem,
}

/// What a rule may ask.
pub struct View<'v, 's> {
    /// The manifests.
    pub stream: &'v Stream<'s>,
    /// What is where.
    pub inventory: &'v Inventory<'v>,
    /// Does a text hold a reference, or nearly one?
    pub referring: &'v dyn Fn(&str, Place) -> bool,
    /// May this key of a Secret stand in plain text, by the settings, its annotations and the policy?
    pub passes: &'v dyn Fn(&Tree, &Identity, &str) -> bool,
    /// Do comments silence this rule where they stand?
    pub silenced: &'v dyn Fn(&str) -> bool,
    /// Does something outside the stream provide the Secret of this name and namespace?
    pub provided: &'v dyn Fn(&str, Option<&str>) -> bool,
    /// True where the stream is all there is, so that what is missing is wrong.
    pub complete: bool,
    /// The namespace of objects that write none.
    pub namespace: &'v str,
    /// The time, in seconds of the Unix epoch.
    pub now: i64,
    /// Bytes that may still be unpacked.
    pub unpacked: Cell<usize>,
    /// The rules of the project about leaks.
    pub user: &'v UserRules,
    /// Who may do what, worked out when first asked.
    pub access: OnceCell<Access>,
    /// The cluster, where it is to be asked; Err: why it cannot be.
    pub live: Option<&'v Result<Live<'v>, Problem>>,
}

impl View<'_, '_> {
    /// Who may do what.
    pub fn access(&self) -> &Access {
        self.access.get_or_init(|| match self.existing() {
            Some(existing) => Access::over(existing, self.stream, self.namespace),
            None => Access::read(self.stream, self.namespace),
        })
    }

    /// What the cluster has, where it was asked.
    fn existing(&self) -> Option<&Existing> {
        self.live?.as_ref().ok()?.existing.as_ref().ok()
    }

    /// Has the cluster this ServiceAccount?
    fn has_account(&self, namespace: Option<&str>, name: &str) -> bool {
        self.existing().is_some_and(|existing| existing.has_account(namespace.unwrap_or(self.namespace), name))
    }
}

/// A family of rules: tells everything that it finds.
pub type Rule = fn(&View, &mut dyn FnMut(Finding));

/// What makes a stream wrong: `verify` runs these.
pub static RULES: &[Rule] = &[build::check, references::check, plaintext::check, seals::check, reload::check];

/// What makes it less safe than it could be: `check` runs these too.
pub static CHECKS: &[Rule] = &[
    readers::check,
    detours::check,
    needs::check,
    rights::check,
    objects::check,
    |view, tell| each_object(workload::look, view, tell),
    keys::check,
    leaks::check,
    |view, tell| each_object(scopes::look, view, tell),
    |view, tell| each_object(stores::look, view, tell),
    |view, tell| each_object(external_secrets::look, view, tell),
    |view, tell| each_object(certificates::look, view, tell),
    |view, tell| each_object(identity::look, view, tell),
    |view, tell| each_object(rotation::look, view, tell),
    |view, tell| each_object(encryption::look, view, tell),
    live::check,
];
