//! The published facts about scalars.

use sealref::yaml::{Plain, Scalar, Syntax, Tree, Value, kubernetes, kustomize};
use serde_json::Value as Json;

fn rows(text: &str) -> Vec<Json> {
    let rows: Vec<Json> = serde_json::from_str(text).expect("the vectors are JSON");
    rows
}

/// What JSON says of a value that we read.
fn same(ours: Scalar<'_>, json: &Json) -> bool {
    match (ours, json) {
        (Scalar::Bool(a), Json::Bool(b)) => a == *b,
        (Scalar::Null, Json::Null) => true,
        (Scalar::Text(a), Json::String(b)) => a == b,
        (Scalar::Number(a), Json::Number(b)) => Value::Number(a.into()) == Value::Number(b.to_string().into()),
        _ => false,
    }
}

#[test]
fn plain_scalars_are_read_as_kubernetes_does() {
    let rows = rows(include_str!("../vectors/yaml/plain-scalars.json"));
    assert_eq!(rows.len(), 186);
    for row in rows {
        let text = row["in"].as_str().expect("a string");
        let source = format!("k: {text}\n");
        let tree = Tree::parse(&source, Syntax::Document);
        let Some(json) = row["sigs_json"].as_str().filter(|json| !json.is_empty()) else {
            assert!(tree.is_err(), "{text}: sigs refuses it");
            continue;
        };
        let json: Json = serde_json::from_str(json).expect("JSON");
        let tree = tree.unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let node = tree.get(tree.root(), "k").expect("k");
        let ours = tree.scalar(node).expect("a scalar");
        assert!(same(ours, &json["k"]), "{text} is {json}");
    }
}

#[test]
fn plain_scalars_are_read_as_kustomize_does() {
    for row in rows(include_str!("../vectors/yaml/plain-scalars.json")) {
        let text = row["in"].as_str().expect("a string");
        let (tag, value) = (row["v3_tag"].as_str(), row["v3_value"].as_str().expect("a value"));
        if text == "!" {
            continue; // a tag, and no scalar
        }
        let fits = match kustomize(text.trim()) {
            Plain::Bool(read) => tag == Some("!!bool") && value == format!("bool {read}"),
            Plain::Infinite => tag == Some("!!float") && value.ends_with(['f', 'N']),
            Plain::Merge => tag == Some("!!merge"),
            Plain::Null => tag == Some("!!null"),
            Plain::Number(text) => {
                let (_, number) = value.split_once(' ').expect("a type and a value");
                matches!(tag, Some("!!int" | "!!float")) && Value::Number(text.into()) == Value::Number(number.into())
            }
            Plain::Text(text) => tag == Some("!!str") && value == format!("string {text}"),
            Plain::Time(_) => tag == Some("!!timestamp"),
        };
        assert!(fits, "{text} is {tag:?} {value}");
    }
}

#[test]
fn every_string_comes_back_as_a_string() {
    let rows = rows(include_str!("../vectors/yaml/string-emission.json"));
    assert_eq!(rows.len(), 251);
    for row in rows {
        let text = row["string"].as_str().expect("a string");
        // YAML takes no longer keys in the line of their values.
        let key: String = text.chars().take(200).collect();
        let list = Value::List(vec![Value::text(text)]);
        let value = Value::map([("k".to_owned(), Value::text(text)), (key, list)]);
        for syntax in
            [Syntax::Concatenated, Syntax::Document, Syntax::Inline, Syntax::Item { column: 2 }, Syntax::Member]
        {
            let written = value.write(syntax);
            let tree =
                Tree::parse(&written, syntax).unwrap_or_else(|fault| panic!("{text:?} as {written:?}: {fault:?}"));
            assert!(Value::of(&tree, tree.root()) == value, "{text:?} as {written:?}");
        }
        // What is written bare must be text for both readers, whatever our tree makes of it.
        let written = Value::map([("k", Value::text(text))]).write(Syntax::Document);
        let said = written.trim_end().strip_prefix("k: ").expect("an entry");
        if !said.starts_with(['"', '|']) {
            assert!(kubernetes(said) == Plain::Text(text) && kustomize(said) == Plain::Text(text));
        }
    }
}
