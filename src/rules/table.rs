//! Every rule by its id: severity, what it finds, why that is bad, what to do. A page of `docs/rules` is made of each.

use std::sync::LazyLock;

use super::{Finding, Severity, View};
use crate::error::Problem;
use crate::model::Place;

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

/// Tells what a rule has found: severity and hint are those of the table. What every cluster has is nobody's finding.
pub(super) fn tell_at(
    view: &View,
    rule: &'static str,
    place: Option<Place>,
    problem: Problem,
    tell: &mut dyn FnMut(Finding),
) {
    let (Some(place), Some(about)) = (place, about(rule)) else { return };
    let problem = problem.hint(about.fix).at(view.stream.tell(place));
    tell(Finding { rule, object: Some(place.manifest), severity: about.severity, problem });
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
