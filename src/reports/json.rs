//! One object a finding, for programs; `sealref schema Report` prints its schema.

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::Value;

use super::{Entry, Report};
use crate::error;
use crate::rules::Severity;

/// What the schema is called.
pub const KIND: &str = "Report";

/// What a run told, or what rules found.
#[derive(Serialize, JsonSchema)]
struct Told {
    /// The version of sealref that wrote it.
    version: &'static str,
    /// In the order of the input.
    findings: Vec<One>,
}

/// One finding.
#[derive(Serialize, JsonSchema)]
struct One {
    /// The rule (`docs/rules`); null: the run itself told it.
    rule: Option<&'static str>,
    /// How grave it is; an error fails the run.
    #[schemars(extend("enum" = ["error", "info", "warning"]))]
    severity: &'static str,
    /// Where it is, in one text: `stdin:41 Secret shop/db, data.password`.
    place: Option<String>,
    /// The file as it was named, or `stdin`.
    file: Option<String>,
    /// The line in it, from 1.
    line: Option<usize>,
    /// The object.
    object: Option<Object>,
    /// The path of the field; empty: the whole object.
    field: String,
    /// What is wrong.
    message: String,
    /// What to do.
    hint: Option<String>,
    /// What it is known by from run to run (`--baseline`).
    fingerprint: String,
}

/// An object as it names itself.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

pub(super) static JSON: Report = Report {
    name: "json",
    about: "For a program: `sealref schema Report`",
    endings: &[".json"],
    is_message: false,
    write,
};

fn write(entries: &[Entry], _: Severity) -> String {
    let told = Told { version: env!("CARGO_PKG_VERSION"), findings: entries.iter().map(one).collect() };
    format!("{:#}\n", serde_json::to_value(&told).unwrap_or_default())
}

fn one(entry: &Entry) -> One {
    let place = entry.problem.place();
    let object = place.and_then(|place| place.object.clone());
    let object = object.map(|error::Object { api_version, kind, namespace, name }| Object {
        api_version,
        kind,
        namespace,
        name,
    });
    One {
        rule: entry.rule,
        severity: entry.severity.name(),
        place: place.map(ToString::to_string),
        file: place.map(|place| place.source.clone()),
        line: place.and_then(|place| place.line),
        object,
        field: place.map(|place| place.field.clone()).unwrap_or_default(),
        message: entry.problem.message().to_owned(),
        hint: entry.problem.advice().map(str::to_owned),
        fingerprint: entry.fingerprint.clone(),
    }
}

/// The JSON Schema of this report.
#[must_use]
pub fn schema() -> Value {
    schema_for!(Told).to_value()
}
