//! What must hold for every pair of objects, and what a comparison costs, by counting.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value as Json, json};

use super::walk::differences;
use super::{Change, Object, compare};
use crate::error::Problem;
use crate::model::Identity;
use crate::yaml::{Syntax, Tree, Value};

fn object(text: &str) -> Object<'_> {
    let Ok(tree) = Tree::parse(text, Syntax::Document) else { panic!("it parses") };
    Object { identity: Identity::of(&tree).unwrap(), tree }
}

fn compared(old: &str, new: &str) -> Result<Vec<Change>, Problem> {
    compare(&[object(old)], &[object(new)])
}

/// Where a name, a seal, a reference or a mark stands in each kind of which something is known.
fn kinds() -> Vec<Json> {
    let members = json!([{"name": "a", "x": [1, {}]}, {"name": "b"}, {"name": "a", "x": []}]);
    let pod = json!({"initContainers": members, "containers": [{"name": "c", "env": members, "ports": members}],
        "volumes": members});
    let marks = json!({"sealref.dev/sealed-with": "v1:a:b", "sealref.dev/sealed-for": "shop/a", "x": "y",
        "sealedsecrets.bitnami.com/cluster-wide": "true", "sealedsecrets.bitnami.com/namespace-wide": "true"});
    vec![
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}}}),
        json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"annotations": marks},
            "spec": {"encryptedData": {"p": "AgBW", "q": "AgBX"}, "template": {"metadata": {"annotations": marks}}}}),
        json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"annotations": marks},
            "spec": {"secretStoreRef": {"name": "a", "kind": "b"}, "target": {"name": "a", "template": {"data": {"p": "x"}}},
            "data": [{"secretKey": "p", "remoteRef": {"key": "k", "property": "p"}}, {"secretKey": "q", "remoteRef": {}}],
            "dataFrom": [{"find": {"name": {"regexp": "x"}}}, {"extract": {"key": "k"}, "sourceRef": {"storeRef": {"name": "s"}}}]}}),
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"p": "ref+vault://kv/a#/b", "q": "x"},
            "sops": {"mac": "x", "lastmodified": "y", "age": [{"recipient": "a", "enc": "b"}]}}),
    ]
}

/// Kinds whose text may be secret wherever it stands.
fn values() -> Vec<Json> {
    let users =
        json!([{"name": "s3cret-a", "secretKey": "s3cret-b"}, {"name": "s3cret-a"}, "s3cret-c", {"key": "s3cret-d"}]);
    let spec = json!({"values": {"users": users}, "data": users, "dataFrom": users, "target": {"name": "s3cret-e"},
        "template": {"spec": {"containers": users}}, "secretStoreRef": {"name": "s3cret-f"}, "encryptedData": {"p": "s3cret-g"}});
    [("helm.toolkit.fluxcd.io/v2", "HelmRelease"), ("example.org/v1", "ExternalSecret"), ("example.org/v1", "Deployment")]
        .into_iter()
        .map(|(version, kind)| json!({"apiVersion": version, "kind": kind, "spec": spec}))
        .chain([("v1", "Secret"), ("v1", "ConfigMap")].map(|(version, kind)| {
            json!({"apiVersion": version, "kind": kind, "data": {"p": "s3cret-h", "q": users}, "stringData": {"p": "s3cret-i"}})
        }))
        .collect()
}

/// One edit: the place by its number in the text, what is done there, and with what.
type Edit = (Index, u8, Json);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let with = vec![
        json!(null),
        json!({}),
        json!([]),
        json!([{}]),
        json!("true"),
        json!("s3cret-x"),
        json!("1"),
        json!({"name": "a"}),
        json!({"name": "1", "secretKey": "s3cret-y"}),
        json!([{"name": "b"}, {"name": "a"}]),
    ];
    prop::collection::vec((any::<Index>(), 0..5u8, select(with)), 1..4)
}

fn places(value: &Json) -> usize {
    1 + match value {
        Json::Array(items) => items.iter().map(places).sum(),
        Json::Object(entries) => entries.values().map(places).sum::<usize>(),
        _ => 0,
    }
}

fn edit(value: &mut Json, at: usize, what: u8, with: &Json) {
    if at == 0 {
        match (value, what) {
            (Json::Array(items), 1) => items.reverse(),
            (Json::Array(items), 2) => items.extend(items.first().cloned()),
            (Json::Array(items), 3) => drop(items.pop()),
            (Json::Array(items), _) => items.push(with.clone()),
            (Json::Object(entries), 1) => drop(entries.insert("name".to_owned(), with.clone())),
            (Json::Object(entries), 2) => drop(entries.insert("0".to_owned(), with.clone())),
            (Json::Object(entries), 3) => entries.retain(|key, _| key.len() % 2 == 0),
            (value, _) => *value = with.clone(),
        }
        return;
    }
    let below: Vec<&mut Json> = match value {
        Json::Array(items) => items.iter_mut().collect(),
        Json::Object(entries) => entries.values_mut().collect(),
        _ => vec![],
    };
    let mut left = at - 1;
    for value in below {
        let here = places(value);
        if left < here {
            return edit(value, left, what, with);
        }
        left -= here;
    }
}

/// The object with these edits, under the same name.
fn edited(object: &Json, edits: &[Edit]) -> Json {
    let mut object = object.clone();
    for (at, what, with) in edits {
        let mut rest = object.clone();
        let identity = rest.as_object_mut().map(|all| (all.remove("apiVersion"), all.remove("kind"))).unwrap();
        let place = at.index(places(&rest));
        edit(&mut rest, place, *what, with);
        if !rest.is_object() {
            continue;
        }
        rest["apiVersion"] = identity.0.unwrap();
        rest["kind"] = identity.1.unwrap();
        if !rest["metadata"].is_object() {
            rest["metadata"] = json!({});
        }
        rest["metadata"]["name"] = "a".into();
        object = rest;
    }
    object
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changed_is_said_exactly_where_nothing_did(base in select(kinds()), one in edits(), other in edits()) {
        let old = edited(&base, &one);
        let (old, new) = (old.to_string(), edited(&old, &other).to_string());
        let (before, after) = (object(&old), object(&new));
        let same = Value::of(&before.tree, before.tree.root()) == Value::of(&after.tree, after.tree.root());
        let Ok(changes) = compared(&old, &new) else { panic!("too far") };
        prop_assert_eq!(changes.is_empty(), same, "{} {} {:?}", old, new, changes);
    }

    #[test]
    fn no_text_that_may_be_a_value_is_told(base in select(values()), one in edits(), other in edits()) {
        let old = edited(&base, &one);
        let new = edited(&old, &other);
        let Ok(changes) = compared(&old.to_string(), &new.to_string()) else { panic!("too far") };
        prop_assert!(!format!("{changes:?}").contains("s3cret"), "{} {} {:?}", old, new, changes);
    }
}

const HEAD: &str = "apiVersion: v1\nkind: X\nmetadata: {name: a}\n";

/// No place is visited twice, whatever becomes of it.
#[test]
fn a_walk_is_as_long_as_the_texts() {
    let list = |item: &str| format!("{HEAD}l: [{}]\n", vec![item; 300].join(", "));
    let all = [list("1"), list("2"), list("{}"), list("[]"), list("{name: a}"), list("[[1]]")];
    for (old, new) in all.iter().flat_map(|old| all.iter().map(move |new| (old, new))) {
        let (old, new) = (object(old), object(new));
        let mut left = old.tree.nodes().count() + new.tree.nodes().count();
        assert!(differences(&old, &new, &mut left).is_ok());
    }
}

#[test]
fn aliases_that_make_too_much_of_it_are_refused_with_the_object() {
    let bomb = |first: &str| {
        let ten = |name: &str| vec![format!("*{name}"); 10].join(", ");
        let levels = [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d")];
        let levels = levels.map(|(name, of)| format!("{name}: &{name} [{}]\n", ten(of))).concat();
        format!("{HEAD}a: &a [{first}, {}]\n{levels}f: [{}]\n", ["1"; 9].join(", "), ten("e"))
    };
    assert!(compared(&bomb("1"), &bomb("1")).is_ok_and(|changes| changes.is_empty()));
    let refused = compared(&bomb("1"), &bomb("2")).unwrap_err();
    assert_eq!(refused.message(), "aliases expand too far to be compared");
    assert_eq!(refused.place().map(ToString::to_string).as_deref(), Some("X a"));
    let used = |value: &str| format!("{HEAD}a: &a {{k: {value}}}\nb: [*a, *a]\n");
    let parts = compared(&used("1"), &used("2")).unwrap().remove(0).parts;
    assert_eq!(parts, ["a.k", "b.0.k", "b.1.k"]);
}
