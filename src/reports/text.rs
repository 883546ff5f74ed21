//! Lines for a person: `error: ...`, and `hint: ...` below.

use super::{Entry, Report};
use crate::error::{Problem, Problems, Quiet};
use crate::limits;
use crate::rules::Severity;

pub(super) static TEXT: Report =
    Report { name: "text", about: "For a person, on standard error", endings: &[".txt"], is_message: true, write };

/// In the order of the input, and a count of what is less grave.
fn write(entries: &[Entry], least: Severity) -> String {
    let (shown, rest): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|one| one.severity >= least);
    let mut text: String =
        shown.iter().map(|entry| line(entry.severity, entry.rule, entry.problem, entry.line.as_deref())).collect();
    if !rest.is_empty() {
        text.push_str(&format!("{} less grave: --level info tells them\n", rest.len()));
    }
    text
}

/// `error: ...` and `hint: ...` lines for problems, at most [`limits::TOLD`] of them.
#[must_use]
pub fn problems(problems: &Problems, severity: Severity) -> String {
    let rest = problems.iter().count().saturating_sub(limits::TOLD);
    let mut text: String =
        problems.iter().take(limits::TOLD).map(|problem| line(severity, None, problem, None)).collect();
    if rest > 0 {
        text.push_str(&format!("and {rest} more\n"));
    }
    text
}

fn line(severity: Severity, rule: Option<&str>, problem: &Problem, excerpt: Option<&str>) -> String {
    let rule = rule.map(|rule| format!(" [{rule}]")).unwrap_or_default();
    let told = problem.to_string();
    let (first, hint) = told.split_once('\n').unwrap_or((&told, ""));
    let hint = if hint.is_empty() { String::new() } else { format!("{hint}\n") };
    let number = problem.place().and_then(|place| place.line);
    let excerpt = number.zip(excerpt).map(|(number, text)| format!("{number:6} | {}\n", Quiet(text)));
    format!("{}: {first}{rule}\n{}{hint}", severity.name(), excerpt.unwrap_or_default())
}
