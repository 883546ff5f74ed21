//! Reading Rust types from a tree, and what a mistake tells.

use std::collections::BTreeMap;

use sealref::yaml::{Mistake, Syntax, Tree, read};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Settings<'a> {
    name: String,
    #[serde(borrow)]
    borrowed: Option<&'a str>,
    #[serde(default)]
    count: u16,
    #[serde(default)]
    share: f64,
    #[serde(default)]
    on: bool,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    any: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Rule {
    Deny,
    Allow { verbs: Vec<Verb> },
    Named(String),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verb {
    Get,
    List,
    Watch,
}

fn load(text: &str) -> Result<(), Mistake> {
    let tree = Tree::parse(text, Syntax::Document).expect("YAML");
    read::<Settings<'_>>(&tree, tree.root()).map(|_| ())
}

#[test]
fn a_type_is_read_with_all_that_it_holds() {
    let text = "name: a\nborrowed: b\ncount: 0x10\nshare: 1\n\"on\": yes\nrules:\n- deny\n- allow: {verbs: [get, list]}\n- named: x\nlabels: &l {a: b}\nany: [1, -2, 1.5, {x: null}, *l]\n";
    let tree = Tree::parse(text, Syntax::Document).expect("YAML");
    let settings: Settings<'_> = read(&tree, tree.root()).expect("settings");
    assert_eq!(settings.name, "a");
    assert_eq!(settings.borrowed, Some("b"));
    assert_eq!((settings.count, settings.on), (16, true));
    assert!((settings.share - 1.0).abs() < f64::EPSILON);
    let verbs = vec![Verb::Get, Verb::List];
    assert_eq!(settings.rules, [Rule::Deny, Rule::Allow { verbs }, Rule::Named("x".to_owned())]);
    assert_eq!(settings.labels["a"], "b");
    let any = serde_json::json!([1, -2, 1.5, {"x": null}, {"a": "b"}]);
    assert_eq!(settings.any, Some(any));
}

#[test]
fn a_mistake_tells_its_place_and_never_the_value() {
    let secret = "hunter2";
    for (text, line, path, message, hint) in [
        ("name: a\nborowed: hunter2\n", 2, "borowed", "an unknown field", Some("did you mean \"borrowed\"?")),
        ("borrowed: x\n", 1, "", "the field \"name\" is missing", None),
        ("name: [hunter2]\n", 1, "name", "expected text, found a list", None),
        ("name: 12\n", 1, "name", "expected text, found a number", Some("put it in double quotes")),
        ("name: on\n", 1, "name", "expected text, found true or false", Some("put it in double quotes")),
        ("name: a\ncount: hunter2\n", 2, "count", "expected a number, found text", None),
        ("name: a\ncount: 70000\n", 2, "count", "expected u16", None),
        ("name: a\non: hunter2\n", 2, "true", "an unknown field", None),
        ("name: a\n\"on\": hunter2\n", 2, "on", "expected true or false, found text", None),
        (
            "name: a\nrules:\n- allow:\n    verbs: [get, hunter2]\n",
            4,
            "rules[0].allow.verbs[1]",
            "an unknown name",
            None,
        ),
        (
            "name: a\nrules:\n- allow:\n    verbs: [gett]\n",
            4,
            "rules[0].allow.verbs[0]",
            "an unknown name",
            Some("did you mean \"get\"?"),
        ),
        ("name: a\nrules:\n- deny: hunter2\n", 3, "rules[0].deny", "expected nothing, found text", None),
        ("name: a\nrules:\n- {deny: ~, named: x}\n", 3, "rules[0]", "expected a map with one key, found a map", None),
        (
            "name: a\nlabels:\n  x: z\n  a.b/c: {hunter2: 1}\n",
            4,
            "labels[\"a.b/c\"]",
            "expected text, found a map",
            None,
        ),
        ("name: a\nrules: {hunter2: 1}\n", 2, "rules", "expected a list, found a map", None),
        ("- hunter2\n", 1, "", "expected a map, found a list", None),
        ("name: ~\n", 1, "name", "expected text, found nothing", None),
        ("name: !!binary aHVudGVyMg==\n", 1, "name", "expected text, found text", None),
    ] {
        let mistake = load(text).expect_err("a mistake");
        assert_eq!((mistake.line, mistake.path.as_str(), mistake.message.as_str()), (line, path, message), "{text}");
        if let Some(hint) = hint {
            assert_eq!(mistake.hint.as_deref(), Some(hint), "{text}");
        }
        assert!(!format!("{} {:?}", mistake.message, mistake.hint).contains(secret), "{text}");
    }
}
