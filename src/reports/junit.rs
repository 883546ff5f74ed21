//! A test case a finding, for servers that show test results. Only errors are failures.

use super::{Entry, Report};
use crate::error::Quiet;
use crate::rules::Severity;

pub(super) static JUNIT: Report = Report {
    name: "junit",
    about: "For CI servers that show test results",
    endings: &[".xml"],
    is_message: false,
    write,
};

fn write(entries: &[Entry], least: Severity) -> String {
    let shown: Vec<&Entry> = entries.iter().filter(|entry| entry.severity >= least).collect();
    let failures = shown.iter().filter(|entry| entry.severity == Severity::Error).count();
    // A suite without a case is taken for one that did not run.
    let cases = if shown.is_empty() {
        "    <testcase classname=\"sealref\" name=\"nothing was found\"/>\n".to_owned()
    } else {
        shown.iter().map(|entry| case(entry)).collect()
    };
    let counts = format!("name=\"sealref\" tests=\"{}\" failures=\"{failures}\" errors=\"0\"", shown.len().max(1));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite {counts} skipped=\"0\">\n\
         {PROPERTIES}{cases}  </testsuite>\n</testsuites>\n"
    )
}

/// Which version wrote it.
const PROPERTIES: &str =
    concat!("    <properties><property name=\"version\" value=\"", env!("CARGO_PKG_VERSION"), "\"/></properties>\n");

fn case(entry: &Entry) -> String {
    let place = entry.problem.place().map(ToString::to_string).unwrap_or_default();
    let (message, hint) = (escaped(entry.problem.message()), escaped(entry.problem.advice().unwrap_or_default()));
    let told = match entry.severity {
        Severity::Error => format!("<failure type=\"error\" message=\"{message}\">{hint}</failure>"),
        grave => format!("<system-out>{}: {message}\n{hint}</system-out>", grave.name()),
    };
    let class = escaped(entry.rule.unwrap_or("sealref"));
    format!("    <testcase classname=\"{class}\" name=\"{}: {message}\">{told}</testcase>\n", escaped(&place))
}

/// Text in XML 1.0, which has no way to write most control characters: those are escaped before.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Quiet(text).to_string().chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
