//! Flux merges what was lifted and what stayed to the values that were written: random trees of values, with a second
//! implementation of Flux's merge (`transform.MergeMaps` of fluxcd/pkg/runtime) and of the template that is written.

use std::fs;

use proptest::prelude::*;
use sealref::yaml::{Syntax, Tree};
use serde_json::{Map, Value, json};

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;

use program::Program;

const SETTINGS: &str = "
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
spec:
  helmReleases: Lift
  stores:
    - match: {scheme: vault}
      use: {kind: ClusterSecretStore, name: vault}
";

/// A text is plain, a reference, or a reference within a text; values end in the number of their property.
fn text() -> impl Strategy<Value = String> {
    let around = "[a-z \"\\\\{}:#\u{e9}\n-]{0,6}";
    prop_oneof![
        2 => "[a-z0-9 \"\\\\{}:#\u{e9}\n-]{0,8}".prop_map(|text| text),
        2 => (0..4u8).prop_map(|number| format!("ref+vault://kv/a#/p{number}")),
        1 => (around, 0..4u8, around).prop_map(|(a, number, b)| format!("{a} ref+vault://kv/a#/p{number}+{b}")),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i16>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]|on|a\\.b", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-d]", tree, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// What stands for a property: everything that could break out of a text.
fn value_of(number: &str) -> String {
    format!("\"v{number}\\ {{{{ .v0 }}}}\n- : #<&")
}

/// The values with every reference replaced.
fn filled(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let mut out = text.clone();
            for number in ["0", "1", "2", "3"] {
                let reference = format!("ref+vault://kv/a#/p{number}");
                out = out.replace(&format!("{reference}+"), &value_of(number)).replace(&reference, &value_of(number));
            }
            Value::String(out)
        }
        Value::Array(items) => items.iter().map(filled).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), filled(value))).collect()),
        other => other.clone(),
    }
}

/// What External Secrets makes of the template.
fn executed(template: &str, data: &Value) -> String {
    let mut out = template.to_owned();
    for entry in data.as_array().unwrap() {
        let (alias, property) =
            (entry["secretKey"].as_str().unwrap(), entry["remoteRef"]["property"].as_str().unwrap());
        let escaped = serde_json::to_string(&value_of(&property[1..])).unwrap();
        let action = format!("{{{{ .{alias} | toJson | trimPrefix \"\\\"\" | trimSuffix \"\\\"\" }}}}");
        // What is put in is not read again, so its braces are marked until the end.
        let inside = escaped[1..escaped.len() - 1].replace('{', "\u{1}");
        out = out.replace(&action, &inside);
    }
    out.replace("{{ \"{{\" }}", "\u{1}\u{1}").replace("{{ \"{\" }}", "\u{1}").replace('\u{1}', "{")
}

fn merged(below: Value, above: &Value) -> Value {
    let (Value::Object(mut below), Value::Object(above)) = (below, above) else { panic!("values are maps") };
    for (key, value) in above {
        let merged = match below.remove(key) {
            Some(old @ Value::Object(_)) if value.is_object() => merged(old, value),
            _ => value.clone(),
        };
        below.insert(key.clone(), merged);
    }
    Value::Object(below)
}

/// YAML as JSON.
fn read(text: &str) -> Value {
    let tree = Tree::parse(text, Syntax::Document).unwrap_or_else(|fault| panic!("{fault:?} in {text}"));
    let inline = sealref::yaml::Value::of(&tree, tree.root()).write(Syntax::Inline);
    serde_json::from_str(&inline).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_was_lifted_and_what_stayed_merge_to_what_was_written(values in values()) {
        let release = json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "shop"}, "spec": {"values": values},
        });
        let program = Program::new();
        fs::write(program.folder().join(".sealref.yaml"), SETTINGS).unwrap();
        let output = program.shell("sealref render -", format!("kind: Namespace\n---\n{release}\n").as_bytes());
        let stderr = String::from_utf8(output.stderr).unwrap();
        prop_assert!(output.status.success(), "{}\n{}", release, stderr);
        let out = String::from_utf8(output.stdout).unwrap();
        let documents: Vec<Value> = out.split("\n---\n").skip(1).map(read).collect();
        let after = documents.last().unwrap();
        let below = match documents.as_slice() {
            [secret, _] => {
                let from = after["spec"]["valuesFrom"].as_array().unwrap();
                prop_assert_eq!(&from[0]["name"], &secret["metadata"]["name"]);
                let template = secret["spec"]["target"]["template"]["data"]["values.yaml"].as_str().unwrap();
                read(&executed(template, &secret["spec"]["data"]))
            }
            _ => Value::Object(Map::new()),
        };
        prop_assert!(!after["spec"]["values"].to_string().contains("ref+"));
        prop_assert_eq!(merged(below, &after["spec"]["values"]), filled(&values));
    }
}
