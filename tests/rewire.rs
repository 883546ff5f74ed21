//! Every path of the consumers' table is followed: an object is made for each of them, and what comes out is compared
//! with what the same object says of the other name.

use std::fs;

use serde_json::{Map, Value, json};

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;

use program::Program;

const SETTINGS: &str = r#"
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
spec:
  configMaps: Promote
  reload: {controller: Suffix}
  consumers:
    - {group: example.com, kind: Widget, path: "spec/backends[]/*/secretName"}
"#;

/// A Secret and a ConfigMap that becomes one; a workload that starts again with both, so that both get a suffix.
const PROVIDED: &str = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "stringData": {"key": "ref+file://value"}}
---
{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": "shop"}, "data": {"key": "ref+file://value"}}
---
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"template": {"spec": {"containers": [{"envFrom": [{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "app"}}]}]}}}}"#;

/// One path with its form, after every name in braces was put in.
struct Row {
    group: String,
    kind: String,
    path: String,
    form: String,
}

/// The table, read a second time.
fn rows() -> Vec<Row> {
    let table = include_str!("../src/steps/find/consumers.tsv");
    let lines: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let mut open: Vec<(String, String, String, String)> = vec![];
    for line in lines.iter().filter(|line| !line[0].starts_with('{')) {
        for kind in line[1].split(',') {
            open.push((line[0].to_owned(), kind.to_owned(), line[2].to_owned(), line[3].to_owned()));
        }
    }
    let mut rows = vec![];
    while let Some((group, kind, path, form)) = open.pop() {
        let Some((before, name)) = path.split_once('{') else {
            rows.push(Row { group, kind, path, form });
            continue;
        };
        for line in lines.iter().filter(|line| line[0] == format!("{{{name}")) {
            open.push((group.clone(), kind.clone(), format!("{before}{}", line[2]), line[3].to_owned()));
        }
    }
    rows.push(Row {
        group: "example.com".to_owned(),
        kind: "Widget".to_owned(),
        path: "spec/backends[]/*/secretName".to_owned(),
        form: "other".to_owned(),
    });
    rows
}

/// What stands beside a name.
fn beside(row: &Row, kind: &str) -> Map<String, Value> {
    let beside = match row.form.as_str() {
        "kind" => json!({ "kind": kind }),
        "roleNames" => json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}),
        _ => json!({}),
    };
    beside.as_object().unwrap().clone()
}

/// An object that names something at a path.
fn object(row: &Row, number: usize, path: &str, leaf: Value, kind: &str) -> Value {
    let mut value = leaf;
    let mut inner = true;
    for step in path.rsplit('/') {
        let (key, list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
        let key = if key == "*" { "any".to_owned() } else { key.replace("~1", "/") };
        // The list of a role holds several names afterwards.
        let listed = if list && !value.is_array() { json!([value]) } else { value };
        let mut map = if std::mem::take(&mut inner) { beside(row, kind) } else { Map::new() };
        map.insert(key, listed);
        value = Value::Object(map);
    }
    let group = if row.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", row.group) };
    value["apiVersion"] = json!(group);
    value["kind"] = json!(row.kind);
    value["metadata"]["name"] = json!(format!("object-{number}"));
    value["metadata"]["namespace"] = json!("shop");
    value
}

/// What goes in, and what has to come out.
fn pair(row: &Row, number: usize) -> (Value, Value) {
    if let Some(form) = row.form.strip_suffix(" configMap") {
        let words = match form {
            "variable" => ["configMapKeyRef/name", "secretKeyRef/name"],
            "envFrom" => ["configMapRef/name", "secretRef/name"],
            "volume" => ["configMap/name", "secret/secretName"],
            "projected" => ["configMap/name", "secret/name"],
            form => panic!("{form}"),
        };
        let after = row.path.replace(words[0], words[1]);
        assert_ne!(after, row.path);
        return (
            object(row, number, &row.path, json!("app"), ""),
            object(row, number, &after, json!("app-preview"), ""),
        );
    }
    let (before, after) = match row.form.as_str() {
        "slashed" => (json!("shop/db"), json!("shop/db-preview")),
        "roleNames" => (json!(["db"]), json!(["db", "db-preview"])),
        _ => (json!("db"), json!("db-preview")),
    };
    let object = |leaf| object(row, number, &row.path, leaf, "Secret");
    (object(before), object(after))
}

fn render(stream: &str) -> String {
    let program = Program::new();
    fs::write(program.folder().join(".sealref.yaml"), SETTINGS).unwrap();
    let output = program.shell("sealref render --preview -", stream.as_bytes());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_path_of_the_table_is_followed() {
    let rows = rows();
    assert!(rows.len() > 2_200, "{}", rows.len());
    let pairs: Vec<(Value, Value)> = rows.iter().enumerate().map(|(number, row)| pair(row, number)).collect();
    let mut stream = PROVIDED.to_owned();
    for (before, _) in &pairs {
        stream.push_str(&format!("\n---\n{before}"));
    }
    let out = render(&format!("{stream}\n"));
    let documents: Vec<&str> = out.split("---\n").skip(3).collect();
    assert_eq!(documents.len(), pairs.len());
    for ((document, (_, after)), row) in documents.into_iter().zip(pairs).zip(&rows) {
        let found: Value = serde_json::from_str(document).unwrap();
        assert_eq!(found, after, "{} {} {}", row.group, row.kind, row.path);
    }
}

#[test]
fn nothing_else_is_followed() {
    let stream = format!(
        "{PROVIDED}\n---\n{}\n---\n{}\n---\n{}\n",
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db", "namespace": "other"},
            "spec": {"volumes": [{"name": "db", "secret": {"secretName": "db"}}]}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"volumes": [{"name": "db", "configMap": {"name": "db"}}, {"name": "app", "secret": {"secretName": "app"}}]}}),
        json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"database": {"name": "db"}}}),
    );
    let rest = |text: &str| text.split("---\n").skip(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rest(&render(&stream)), rest(&stream));
}
