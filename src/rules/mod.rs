//! What is checked on a final stream, one family a file. A rule reads and never changes.
//!
//! A new rule is one file here and two lines in this one.

mod build;
mod layout;
pub mod plaintext;
pub mod rbac;
mod references;
pub mod reload;
mod seals;

pub use layout::layout;

use crate::error::Problem;
use crate::model::{Identity, Inventory, Place, Stream};
use crate::yaml::Tree;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// The check fails.
    Error,
}

impl Severity {
    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that a rule found.
pub struct Finding {
    /// `references/unresolved`.
    pub rule: &'static str,
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
    pub inventory: &'v Inventory,
    /// Does a text hold a reference, or nearly one?
    pub referring: &'v dyn Fn(&str, Place) -> bool,
    /// May this key of a Secret stand in plain text, by the settings?
    pub passes: &'v dyn Fn(&Tree, &Identity, &str) -> bool,
    /// Does something outside the stream provide the Secret of this name and namespace?
    pub provided: &'v dyn Fn(&str, Option<&str>) -> bool,
    /// True where the stream is all there is, so that what is missing is wrong.
    pub complete: bool,
}

/// A family of rules.
pub trait Rule: Sync {
    /// Tells everything that it finds.
    fn check(&self, view: &View, tell: &mut dyn FnMut(Finding));
}

/// All families.
pub static RULES: &[&dyn Rule] =
    &[&build::Build, &references::References, &plaintext::Plaintext, &seals::Seals, &reload::Reload];
