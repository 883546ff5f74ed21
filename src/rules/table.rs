//! Every rule by its id: severity, what it finds, why that is bad, what to do. A page of `docs/rules` is made of each.

use std::sync::LazyLock;

use super::{Finding, Severity};
use crate::error::Problem;
use crate::model::ManifestId;

/// What is said of a rule in its page and in the README.
pub struct About {
    /// `rbac/cluster-admin`.
    pub id: &'static str,
    /// How grave a finding is.
    pub severity: Severity,
    /// The same in what others wrote (`vendored` in the settings).
    pub vendored: Severity,
    /// What it finds.
    pub what: &'static str,
    /// Why that is bad.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// All rules, sorted by their ids.
#[must_use]
pub fn table() -> &'static [About] {
    &TABLE
}

/// The rule with this id.
#[must_use]
pub fn about(id: &str) -> Option<&'static About> {
    let at = TABLE.binary_search_by(|about| about.id.cmp(id)).ok()?;
    TABLE.get(at)
}

/// A finding as grave as the table says.
pub(super) fn found(rule: &'static str, object: Option<ManifestId>, problem: Problem) -> Finding {
    let severity = about(rule).map_or(Severity::Warning, |about| about.severity);
    Finding { rule, object, severity, problem }
}

/// A line is id, severity, severity in what others wrote, what, why and fix.
static TABLE: LazyLock<Vec<About>> = LazyLock::new(|| {
    include_str!("table.tsv")
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let mut next = || columns.next();
            let (id, severity, vendored) = (next()?, Severity::parse(next()?)?, Severity::parse(next()?)?);
            Some(About { id, severity, vendored, what: next()?, why: next()?, fix: next()? })
        })
        .collect()
});
