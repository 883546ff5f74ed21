//! Annotations that allow what a rule finds: `sealref.dev/allow.rbac.cluster-admin: "why; until=2027-01-31"`. A reason
//! is required; the day is the last one on which it holds, and may be left out.

use crate::error::Problem;
use crate::model::{ManifestId, Place, Severity, Stream};
use crate::rules::{self, Finding};
use crate::yaml::{NodeId, Tree};

/// What an annotation says of the findings of one rule in its object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// It held until a day that is over.
    Ended,
    /// They are not told.
    Yes,
}

/// An annotation for the rule with an id; slashes cannot stand in its name.
const PREFIX: &str = "sealref.dev/allow.";

/// What is said of a finding of this rule in this object.
pub(super) fn said(stream: &Stream, rule: &str, object: ManifestId, now: i64) -> Option<Allowed> {
    let (tree, _) = stream.get(object)?.read()?;
    let key = format!("{PREFIX}{}", rule.replace('/', "."));
    let node = tree.at(tree.root(), &["metadata", "annotations", &key])?;
    may_be_allowed(rule).then(|| read(tree.text(node)?, now)).flatten()
}

/// What makes a stream wrong cannot be allowed by whoever writes the stream.
fn may_be_allowed(rule: &str) -> bool {
    const NEVER: [&str; 9] = [
        "allow/",
        "build/",
        "plaintext/secret",
        "references/sops",
        "references/unresolved",
        "seals/format",
        "seals/identity",
        "seals/preview",
        "seals/scope",
    ];
    !NEVER.iter().any(|never| rule.starts_with(never))
}

/// None: it has no reason, or its day is none.
fn read(text: &str, now: i64) -> Option<Allowed> {
    let (reason, until) = match text.rsplit_once("until=") {
        Some((reason, day)) => (reason.trim_end().strip_suffix(';')?, Some(day_number(day.trim())?)),
        None => (text, None),
    };
    let ended = until.is_some_and(|day| now >= (day + 1) * DAY);
    (!reason.trim().is_empty()).then_some(if ended { Allowed::Ended } else { Allowed::Yes })
}

const DAY: i64 = 86_400;

/// Days from 1970-01-01 to `2027-01-31` (Gregorian; the month before March counts to the year before).
fn day_number(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|c| c.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let (year, month, day): (i64, i64, i64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469)
}

/// Annotations that allow nothing, and were meant to.
pub(super) fn mistaken(stream: &Stream, now: i64, tell: &mut dyn FnMut(Finding)) {
    for (manifest, tree, _) in stream.read() {
        for (rule, node) in annotations(tree) {
            let known = rules::table().iter().find(|about| about.id.replace('/', ".") == rule);
            let (what, hint) = match known {
                None => (format!("no rule is called \"{rule}\""), "docs/rules lists them, with dots for slashes here"),
                Some(about) if !may_be_allowed(about.id) => {
                    let what = format!("{} cannot be allowed by an annotation", about.id);
                    (what, "correct it; literal values on purpose are named in sealref.dev/public-keys")
                }
                Some(_) if tree.text(node).and_then(|text| read(text, now)).is_none() => (
                    "the annotation gives no reason, or no day that can be read".to_owned(),
                    "write \"REASON\" or \"REASON; until=2027-01-31\"",
                ),
                Some(_) => continue,
            };
            let problem = Problem::new(what).hint(hint).at(stream.tell(Place { manifest, node }));
            tell(Finding { rule: "allow/invalid", object: Some(manifest), severity: Severity::Error, problem });
        }
    }
}

/// The rules that annotations of an object name, with their texts.
fn annotations(tree: &Tree) -> Vec<(String, NodeId)> {
    let map = tree.at(tree.root(), &["metadata", "annotations"]);
    let entries = map.into_iter().flat_map(|map| tree.entries(map));
    entries.filter_map(|(key, value)| Some((tree.key(key).strip_prefix(PREFIX)?.to_owned(), value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, day) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29", Some(11_016)),
            ("2027-01-31", Some(20_849)),
            ("2027-1-31", None),
            ("2027-13-01", None),
            ("+027-01-01", None),
            ("tomorrow", None),
        ] {
            assert_eq!(day_number(text), day, "{text}");
        }
    }

    #[test]
    fn an_allowance_has_a_reason_and_may_end() {
        let now = 20_849 * DAY + 10;
        let is = |text, allowed| assert!(read(text, now) == allowed, "{text}");
        is("needs them all", Some(Allowed::Yes));
        is("needs them all; until=2027-01-31", Some(Allowed::Yes));
        is("needs them all; until=2027-01-30", Some(Allowed::Ended));
        is("", None);
        is("; until=2027-01-31", None);
        is("why until=2027-01-31", None);
        is("why; until=soon", None);
    }
}
