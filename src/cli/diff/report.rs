//! Changes, told by cause.

use serde_json::{Value, json};

use crate::error::Quiet;
use crate::limits;
use crate::steps::compare::{Cause, Change};

/// For a person.
pub(super) fn text(changes: &[Change]) -> String {
    if changes.is_empty() {
        return format!("{NOTHING}\n");
    }
    let mut out = String::new();
    for (cause, some) in by_cause(changes) {
        out.push_str(&format!("{}\n", headline(cause, &some)));
        let (shown, rest) = some.split_at(some.len().min(SHOWN));
        for change in shown {
            out.push_str(&format!("  {}\n", Quiet(&line(change))));
        }
        if !rest.is_empty() {
            out.push_str(&format!("  and {} more\n", rest.len()));
        }
    }
    out
}

/// For a pull request.
pub(super) fn markdown(changes: &[Change]) -> String {
    if changes.is_empty() {
        return format!("{NOTHING}\n");
    }
    let mut out = String::new();
    for (cause, some) in by_cause(changes) {
        out.push_str(&format!("<details><summary>{}</summary>\n\n", headline(cause, &some)));
        let mut rest = some.len();
        for line in some.into_iter().map(|change| format!("- {}\n", code(&line(change)))) {
            if out.len() + line.len() > limits::COMMENT {
                break;
            }
            out.push_str(&line);
            rest -= 1;
        }
        if rest > 0 {
            out.push_str(&format!("- and {rest} more\n"));
        }
        out.push_str("\n</details>\n");
    }
    out
}

/// For a program.
pub(super) fn json(changes: &[Change]) -> String {
    let one = |change: &Change| {
        let (from, to) = change.told.as_ref().map_or((Value::Null, Value::Null), |(from, to)| (json!(from), json!(to)));
        json!({"cause": change.cause.word(), "object": change.object, "parts": change.parts, "from": from, "to": to})
    };
    let counts: serde_json::Map<String, Value> =
        by_cause(changes).into_iter().map(|(cause, some)| (cause.word().to_owned(), json!(count(&some)))).collect();
    let value = json!({"changes": changes.iter().map(one).collect::<Vec<_>>(), "counts": counts});
    format!("{value:#}\n")
}

const NOTHING: &str = "nothing changed";

/// Objects that are listed below a headline in text.
const SHOWN: usize = 10;

fn by_cause(changes: &[Change]) -> Vec<(Cause, Vec<&Change>)> {
    let of = |cause| changes.iter().filter(|change| change.cause == cause).collect::<Vec<_>>();
    let all = Cause::ALL.into_iter().map(|cause| (cause, of(cause)));
    all.filter(|(_, some)| !some.is_empty()).collect()
}

/// Values, or objects where no value is meant.
fn count(some: &[&Change]) -> usize {
    some.iter().map(|change| change.parts.len().max(1)).sum()
}

fn headline(cause: Cause, some: &[&Change]) -> String {
    let values: usize = some.iter().map(|change| change.parts.len()).sum();
    let of = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let objects = of(some.len(), "object");
    let anew = format!(", {} sealed anew, which may have changed too", of(values, "value"));
    let anew = if values == 0 { "" } else { &anew };
    match cause {
        Cause::Certificate => format!("certificate changed: {}", of(values, "value")),
        Cause::Untrue => format!("untrue annotation, since seals are the same: {objects}"),
        Cause::Key => format!("sealing key changed: {}", of(values, "value")),
        Cause::Scope => format!("scope changed: {objects}{anew}"),
        Cause::Value => format!("value changed: {}", of(values, "value")),
        Cause::Reference => format!("reference changed: {}", of(values, "value")),
        Cause::Store => format!("store changed: {objects}"),
        Cause::Target => format!("another kind gives the Secret, which may lose the live one: {objects}"),
        Cause::Name => format!("name changed: {objects}{anew}"),
        Cause::Text => format!("text around references changed: {}", of(values, "value")),
        Cause::Restart => format!("restarts: {}", of(some.len(), "workload")),
        Cause::Added => format!("added: {objects}"),
        Cause::Removed => format!("removed: {objects}"),
        Cause::Other => format!("other fields changed: {objects}"),
    }
}

fn line(change: &Change) -> String {
    let parts = if change.parts.is_empty() { String::new() } else { format!(": {}", change.parts.join(", ")) };
    let told = change.told.as_ref().map(|(from, to)| format!(" ({} -> {})", short(from), short(to)));
    format!("{}{parts}{}", change.object, told.unwrap_or_default())
}

/// A fingerprint by its beginning.
fn short(text: &str) -> &str {
    match text {
        "" => "none",
        text if text.len() == FINGERPRINT && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            text.get(..12).unwrap_or(text)
        }
        text => text,
    }
}

/// Hexadecimal digits of a SHA-256.
const FINGERPRINT: usize = 64;

/// Nothing in it is Markdown or HTML.
fn code(text: &str) -> String {
    let text = Quiet(text).to_string().replace('`', "'");
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(cause: Cause, number: usize) -> Change {
        Change { cause, object: format!("ConfigMap shop/{number}"), parts: vec!["data.k".repeat(90)], told: None }
    }

    /// GitHub refuses a comment of more characters.
    #[test]
    fn a_comment_is_bounded_and_says_what_it_leaves_out() {
        for count in [1, 1000] {
            let changes: Vec<Change> =
                Cause::ALL.iter().flat_map(|cause| (0..count).map(|number| change(*cause, number))).collect();
            let text = markdown(&changes);
            assert!(text.len() < 65_536, "{}", text.len());
            assert_eq!(text.matches("</details>").count(), Cause::ALL.len());
            let more = |line: &str| line.strip_prefix("- and ")?.strip_suffix(" more")?.parse::<usize>().ok();
            let listed = text.lines().filter(|line| line.starts_with("- `")).count();
            assert_eq!(listed + text.lines().filter_map(more).sum::<usize>(), changes.len());
            assert_eq!(text.contains(" more\n"), count == 1000);
        }
    }
}
