//! A table for the comment on a pull request.

use super::{Entry, Report, counted};
use crate::error::Quiet;
use crate::limits;
use crate::rules::Severity;

pub(super) static MARKDOWN: Report = Report {
    name: "markdown",
    about: "For the comment on a pull request",
    endings: &[".md"],
    is_message: false,
    write,
};

/// The first line is a mark by which a job finds its own comment again.
fn write(entries: &[Entry], least: Severity) -> String {
    let mut shown: Vec<&Entry> = entries.iter().filter(|entry| entry.severity >= least).collect();
    // Only so many rows are shown
    shown.sort_by_key(|entry| std::cmp::Reverse(entry.severity));
    let counts = counted(entries).unwrap_or_else(|| "nothing was found".to_owned());
    let mut text = format!("<!-- sealref -->\n### sealref: {counts}\n");
    if !shown.is_empty() {
        text.push_str("\n| | where | what | rule |\n|---|---|---|---|\n");
    }
    for entry in shown.iter().take(limits::ROWS) {
        let place = entry.problem.place().map(ToString::to_string).unwrap_or_default();
        let hint = entry.problem.advice().map(|hint| format!("<br>{}", plain(hint))).unwrap_or_default();
        text.push_str(&format!(
            "| {} | {} | {}{hint} | {} |\n",
            entry.severity.name(),
            plain(&place),
            plain(entry.problem.message()),
            plain(entry.rule.unwrap_or_default())
        ));
    }
    let rest = entries.len() - shown.len().min(limits::ROWS);
    if rest > 0 {
        text.push_str(&format!("\nand {rest} more\n"));
    }
    text
}

/// What begins nothing within a line.
const INNOCENT: &str = ",/-\"';=?%()";

/// Text that means nothing but itself: no link, no picture, no mention of a person or an issue. CommonMark takes a
/// backslash before any ASCII punctuation; an invisible space keeps `@` and `#` from calling anybody.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Quiet(text).to_string().chars() {
        if c.is_ascii_punctuation() && !INNOCENT.contains(c) {
            out.push('\\');
        }
        out.push(c);
        if matches!(c, '@' | '#') {
            out.push('\u{200b}');
        }
    }
    out
}
