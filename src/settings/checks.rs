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
    /// It is not told. (The word Off would be read as a boolean.)
    Ignore,
    /// For whoever asks.
    Info,
    /// Worth a look.
    Warning,
}

impl Level {
    /// None: it is not told.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Ignore => None,
            Self::Info => Some(Severity::Info),
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
