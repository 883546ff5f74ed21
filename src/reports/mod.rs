//! How findings are told: as text for a person, as JSON for a program.

use serde_json::{Value, json};

use crate::error::{Problem, Problems};
use crate::limits;
use crate::rules::{Finding, Severity};

/// `error: ...` and `hint: ...` lines for problems, at most [`limits::TOLD`] of them.
#[must_use]
pub fn problems(problems: &Problems, severity: Severity) -> String {
    let lines = problems.iter().map(|problem| line(severity, None, problem));
    told(lines.collect())
}

/// The same for findings that are grave enough, each with its rule; errors first, and a count of the rest.
#[must_use]
pub fn text(findings: &[Finding], least: Severity) -> String {
    let (mut sorted, rest): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|one| one.severity >= least);
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut text: String = sorted.iter().map(|f| line(f.severity, Some(f.rule), &f.problem)).collect();
    if !rest.is_empty() {
        text.push_str(&format!("{} less grave: --level info tells them\n", rest.len()));
    }
    text
}

/// One object for each finding.
#[must_use]
pub fn json(findings: &[Finding]) -> Value {
    let one = |finding: &Finding| object(Some(finding.rule), finding.severity, &finding.problem);
    json!({ "findings": findings.iter().map(one).collect::<Vec<_>>() })
}

/// The same for what a run told: no rule has found it.
#[must_use]
pub fn run(errors: &Problems, warnings: &Problems) -> Value {
    let errors = errors.iter().map(|problem| object(None, Severity::Error, problem));
    let warnings = warnings.iter().map(|problem| object(None, Severity::Warning, problem));
    json!({ "findings": errors.chain(warnings).collect::<Vec<_>>() })
}

fn object(rule: Option<&str>, severity: Severity, problem: &Problem) -> Value {
    json!({
        "rule": rule,
        "severity": severity.name(),
        "place": problem.place(),
        "message": problem.message(),
        "hint": problem.advice(),
    })
}

fn line(severity: Severity, rule: Option<&str>, problem: &Problem) -> String {
    let rule = rule.map(|rule| format!(" [{rule}]")).unwrap_or_default();
    let told = problem.to_string();
    let (first, hint) = told.split_once('\n').unwrap_or((&told, ""));
    let hint = if hint.is_empty() { String::new() } else { format!("{hint}\n") };
    format!("{}: {first}{rule}\n{hint}", severity.name())
}

fn told(lines: Vec<String>) -> String {
    let rest = lines.len().saturating_sub(limits::TOLD);
    let mut text: String = lines.into_iter().take(limits::TOLD).collect();
    if rest > 0 {
        text.push_str(&format!("and {rest} more\n"));
    }
    text
}
