//! SARIF 2.1.0, for code scanning of GitHub and others.
//! Source: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS Standard.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Entry, Report};
use crate::error::{Location, Quiet};
use crate::rules::{self, About, Severity};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) static SARIF: Report = Report {
    name: "sarif",
    about: "SARIF 2.1.0, for code scanning",
    endings: &[".sarif", ".sarif.json"],
    is_message: false,
    write,
};

fn write(entries: &[Entry], _: Severity) -> String {
    let ids: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.rule).collect();
    let rules = ids.iter().filter_map(|id| rules::about(id)).map(rule);
    let driver = json!({
        "name": "sealref",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.collect::<Vec<_>>(),
    });
    let run = json!({
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": entries.iter().map(result).collect::<Vec<_>>(),
    });
    format!("{:#}\n", json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Info => "note",
        Severity::Warning => "warning",
    }
}

fn rule(about: &About) -> Value {
    json!({
        "id": about.id,
        "shortDescription": {"text": about.what},
        "fullDescription": {"text": format!("{} {}", about.what, about.why)},
        "help": {"text": about.fix},
        "defaultConfiguration": {"level": level(about.severity)},
        "properties": {"tags": ["security", "kubernetes"]},
    })
}

fn result(entry: &Entry) -> Value {
    let hint = entry.problem.advice().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    json!({
        "ruleId": entry.rule.unwrap_or("sealref"),
        "level": level(entry.severity),
        "message": {"text": words(&format!("{}{hint}", entry.problem.message()))},
        "locations": entry.problem.place().map(location).into_iter().collect::<Vec<_>>(),
        "partialFingerprints": {"sealref/v1": entry.fingerprint},
    })
}

/// What is no file is a logical location alone.
fn location(place: &Location) -> Value {
    let physical = place.line.map(|line| {
        let artifact = json!({"uri": uri(&place.source)});
        ("physicalLocation".to_owned(), json!({"artifactLocation": artifact, "region": {"startLine": line}}))
    });
    let logical = match &place.object {
        Some(object) => {
            let field = if place.field.is_empty() { String::new() } else { format!(", {}", place.field) };
            Some(json!({"kind": "resource", "name": object.name, "fullyQualifiedName": format!("{object}{field}")}))
        }
        None => place.line.is_none().then(|| json!({"fullyQualifiedName": place.source})),
    };
    let logical = logical.map(|logical| ("logicalLocations".to_owned(), json!([logical])));
    Value::Object(physical.into_iter().chain(logical).collect())
}

/// Lines of plain text, in which a viewer finds no link.
fn words(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| Quiet(line).to_string().replace("](", "] (")).collect();
    lines.join("\n")
}

/// A path as a relative reference (RFC 3986): everything but unreserved characters and slashes is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
