//! What the settings say of rules: how grave a finding is, and whose objects count less.

use schemars::JsonSchema;
use serde::Deserialize;

use super::transform::Named;
use crate::model::{Pattern, Severity};

/// How grave the findings of a rule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Level {
    /// The check fails.
    Error,
    /// For whoever asks.
    Info,
    /// Not told at all.
    Off,
    /// Worth a look.
    Warning,
}

impl Level {
    /// None: it is not told.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Info => Some(Severity::Info),
            Self::Off => None,
            Self::Warning => Some(Severity::Warning),
        }
    }
}

/// Objects that others have written: what is left out matches everything.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vendored {
    /// A pattern over the file's path: `vendor/**`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub path: Option<Pattern>,
    /// Names, namespaces and labels.
    #[serde(default, rename = "match")]
    pub matches: Named,
}
