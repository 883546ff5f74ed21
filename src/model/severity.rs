//! How grave what a rule found is.

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For whoever asks.
    Info,
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
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }

    /// The severity with this word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Error, Self::Info, Self::Warning].into_iter().find(|severity| severity.name() == name)
    }
}
