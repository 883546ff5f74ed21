//! `results` of the KRM Functions Specification, which kpt shows and keeps.
//! Source: `cmd/config/docs/api-conventions/functions-spec.md` of kubernetes-sigs/kustomize.

use super::{Entry, Report};
use crate::model::STDIN;
use crate::rules::Severity;
use crate::yaml::{Syntax, Value};

pub(super) static RESULTS: Report = Report {
    name: "results",
    about: "The results of a KRM function, as kpt has them",
    endings: &[".yaml", ".yml"],
    is_message: false,
    write,
};

fn write(entries: &[Entry], _: Severity) -> String {
    let list = Value::map([
        ("apiVersion", Value::text("config.kubernetes.io/v1")),
        ("kind", Value::text("ResourceList")),
        ("items", Value::List(vec![])),
        ("results", results(entries)),
    ]);
    list.write(Syntax::Document)
}

/// The list of results. Values stand in none: `currentValue` is left out.
#[must_use]
pub fn results(entries: &[Entry]) -> Value<'static> {
    Value::List(entries.iter().map(result).collect())
}

fn result(entry: &Entry) -> Value<'static> {
    let mut result = Value::map([
        ("message", Value::text(entry.problem.to_string())),
        ("severity", Value::text(entry.severity.name())),
    ]);
    let place = entry.problem.place();
    if let Some(object) = place.and_then(|place| place.object.as_ref()) {
        let mut reference = Value::map([
            ("apiVersion", Value::text(object.api_version.clone())),
            ("kind", Value::text(object.kind.clone())),
            ("name", Value::text(object.name.clone())),
        ]);
        if let Some(namespace) = &object.namespace {
            reference.push("namespace", Value::text(namespace.clone()));
        }
        result.push("resourceRef", reference);
    }
    if let Some(place) = place.filter(|place| !place.field.is_empty()) {
        result.push("field", Value::map([("path", Value::text(place.field.clone()))]));
    }
    if let Some(place) = place.filter(|place| place.line.is_some() && place.source != STDIN) {
        result.push("file", Value::map([("path", Value::text(place.source.clone()))]));
    }
    if let Some(rule) = entry.rule {
        result.push("tags", Value::map([("rule", Value::text(rule))]));
    }
    result
}
