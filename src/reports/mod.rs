//! How findings are told, one form a file: for a person, for a program, for a review.
//!
//! A report receives findings and gives back text. It holds rules, places, messages and hints, and never a value.
//! A new form is one file here and two lines in this one.

mod fingerprint;
mod json;
mod junit;
mod markdown;
mod page;
mod results;
mod sarif;
mod text;

pub use json::{KIND, schema};
pub use page::{Reader, Row, page};
pub use results::results;
pub use text::problems;

use crate::error::{Problem, Problems};
use crate::model::Stream;
use crate::rules::{Finding, Severity};

/// Something that is told.
pub struct Entry<'f> {
    /// The rule that found it; None: the run itself told it.
    pub rule: Option<&'static str>,
    /// How grave it is.
    pub severity: Severity,
    /// Place, message and hint.
    pub problem: &'f Problem,
    /// What it is known by from run to run, wherever its line has moved to.
    pub fingerprint: String,
    /// Its line, with values blanked, where that was asked for.
    pub line: Option<String>,
}

/// A form in which findings are told.
pub struct Report {
    /// What is typed: `sarif`.
    pub name: &'static str,
    /// For whom it is.
    pub about: &'static str,
    /// The ends of the names of its files.
    pub endings: &'static [&'static str],
    /// True where it goes to standard error, as messages do.
    pub is_message: bool,
    /// All of it; what is less grave than this may be left out.
    pub write: fn(&[Entry], Severity) -> String,
}

/// Every form; the first one where nothing is said.
pub static REPORTS: &[&Report] =
    &[&text::TEXT, &json::JSON, &junit::JUNIT, &markdown::MARKDOWN, &results::RESULTS, &sarif::SARIF];

/// The form with this name; text where none has it.
#[must_use]
pub fn named(name: &str) -> &'static Report {
    REPORTS.iter().copied().find(|report| report.name == name).unwrap_or(&text::TEXT)
}

/// The form of a file with this name; JSON where its ending is nobody's.
#[must_use]
pub fn for_file(name: &str) -> &'static Report {
    let endings = REPORTS.iter().flat_map(|report| report.endings.iter().map(move |ending| (*report, *ending)));
    let its = endings.filter(|(_, ending)| name.ends_with(ending)).max_by_key(|(_, ending)| ending.len());
    its.map_or(&json::JSON, |(report, _)| report)
}

/// What rules have found; with the lines of a stream, where one is given.
#[must_use]
pub fn found<'f>(findings: &'f [Finding], lines: Option<&Stream>) -> Vec<Entry<'f>> {
    let mut known = fingerprint::Known::default();
    let entry = |finding: &'f Finding| Entry {
        rule: Some(finding.rule),
        severity: finding.severity,
        problem: &finding.problem,
        fingerprint: known.of(Some(finding.rule), &finding.problem),
        line: lines.zip(finding.problem.place()).and_then(|(stream, place)| stream.excerpt(place)),
    };
    findings.iter().map(entry).collect()
}

/// What a run told: no rule has found it.
#[must_use]
pub fn told<'f>(errors: &'f Problems, warnings: &'f Problems) -> Vec<Entry<'f>> {
    let mut known = fingerprint::Known::default();
    let errors = errors.iter().map(|problem| (Severity::Error, problem));
    let all = errors.chain(warnings.iter().map(|problem| (Severity::Warning, problem)));
    let entry = |(severity, problem): (Severity, &'f Problem)| {
        let fingerprint = known.of(None, problem);
        Entry { rule: None, severity, problem, fingerprint, line: None }
    };
    all.map(entry).collect()
}

/// `2 errors, 1 warning`; None: nothing.
fn counted(entries: &[Entry]) -> Option<String> {
    let count = |severity: Severity| {
        let number = entries.iter().filter(|entry| entry.severity == severity).count();
        let plural = if number == 1 || severity == Severity::Info { "" } else { "s" };
        (number > 0).then(|| format!("{number} {}{plural}", severity.name()))
    };
    let counts: Vec<String> =
        [Severity::Error, Severity::Warning, Severity::Info].into_iter().filter_map(count).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}
