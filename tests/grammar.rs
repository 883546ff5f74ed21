//! The native grammar, held against published vectors, and against texts that nobody thought of.

#![allow(clippy::format_collect, reason = "a test joins what it reads and tells as it comes")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use sealref::error::Problem;
use sealref::grammars::{GRAMMARS, Grammar, Resolve};
use sealref::model::{ManifestId, Part, Place, Reference, Template};
use sealref::sources;
use sealref::yaml::{Syntax, Tree};
use serde_json::{Value, json};

const RESOLVE: Resolve<'static> =
    Resolve { known: &|scheme| sources::find(scheme).is_some(), address: &sources::resolve };

fn uri() -> &'static dyn Grammar {
    GRAMMARS.iter().copied().find(|grammar| grammar.name() == "uri").unwrap()
}

fn read(text: &str) -> Option<Result<Template<'_>, Problem>> {
    let tree = Tree::parse("a: b", Syntax::Document).unwrap();
    uri().read(text, Place { manifest: ManifestId(0), node: tree.root() }, RESOLVE)
}

fn vectors() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/grammar/uri.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn shown(reference: &Reference) -> Value {
    let address = &reference.address;
    let mut shown = json!({"scheme": address.scheme.0, "path": address.path});
    if let Some(property) = &address.property {
        shown["property"] = json!(property);
    }
    for (name, value) in &address.parameters {
        shown["parameters"][&**name] = json!(value);
    }
    shown
}

fn parts(template: &Template) -> Value {
    let part = |part: &Part| match part {
        Part::Literal(text) => json!(text.text().unwrap()),
        Part::Escaped(reference) | Part::Reference(reference) => shown(reference),
    };
    template.parts().iter().map(part).collect()
}

#[test]
fn every_vector_reads_as_published() {
    let mut wrong = vec![];
    for vector in vectors() {
        let text = vector["text"].as_str().unwrap();
        let found = match read(text) {
            None => json!({"ours": false}),
            Some(Ok(template)) => json!({"parts": parts(&template)}),
            Some(Err(problem)) => json!({"error": problem.message()}),
        };
        let right = match (vector.get("error"), found.get("error")) {
            (Some(piece), Some(message)) => message.as_str().unwrap().contains(piece.as_str().unwrap()),
            (Some(_), None) => false,
            (None, _) => ["parts", "ours"].iter().all(|field| vector.get(field) == found.get(field)),
        };
        if !right {
            wrong.push(format!("{}\n  {text:?}\n  {found}", vector["id"]));
        }
    }
    assert!(wrong.is_empty(), "{} vectors:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_vectors_are_many_and_each_says_one_thing() {
    let vectors = vectors();
    assert!(vectors.len() >= 150, "{}", vectors.len());
    let ids: BTreeSet<&str> = vectors.iter().map(|vector| vector["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), vectors.len(), "an id stands twice");
    for number in 1..=39 {
        let id = format!("D{number:02}");
        assert!(ids.contains(id.as_str()), "{id} of vals is missing");
    }
    for vector in &vectors {
        let verdicts = ["error", "ours", "parts"].iter().filter(|verdict| vector.get(**verdict).is_some()).count();
        assert_eq!(verdicts, 1, "{}", vector["id"]);
    }
    for facts in sources::facts() {
        let scheme = facts.scheme;
        let start = format!("ref+{scheme}://");
        assert!(vectors.iter().any(|v| v["text"].as_str().unwrap().contains(&start)), "no vector about {scheme}");
    }
}

#[test]
fn every_error_has_a_hint_and_shows_no_more_of_the_text_than_a_name() {
    for vector in vectors().iter().filter(|vector| vector.get("error").is_some()) {
        let text = vector["text"].as_str().unwrap();
        let problem = read(text).unwrap().err().unwrap();
        assert!(problem.advice().is_some(), "{}", vector["id"]);
        let told = problem.to_string();
        assert!(told.chars().count() < 900, "{}", vector["id"]);
    }
    // What stands in a text beside a reference may be a password
    for text in ["postgres://u:hunter2@ref+vault:/x", "hunter2 ref+vault://a/b,hunter2", "hunter2ref+file://../hunter2"]
    {
        let told = read(text).unwrap().err().unwrap().to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_whole_secret_is_one_reference_and_nothing_else() {
    let whole = |text| uri().whole(text, RESOLVE).map(|address| address.map(|address| address.to_string()));
    for (text, expected) in [
        ("ref+vault://kv/shop/common", "vault://kv/shop/common"),
        ("secretref+vault://kv/shop/common", "vault://kv/shop/common"),
        ("ref+vault://kv/shop/common+", "vault://kv/shop/common"),
        ("ref+vault://kv/shop/common?version=2", "vault://kv/shop/common?version=2"),
        ("ref+awssecrets://shop/db", "awssecrets://shop/db"),
    ] {
        assert_eq!(whole(text).unwrap().unwrap(), expected, "{text}");
    }
    for text in
        ["x ref+vault://kv/a", "ref+vault://kv/a b", "ref+vault://kv/a+b", "\\ref+vault://kv/a", "ref+vault:/kv"]
    {
        assert!(whole(text).unwrap().is_err(), "{text}");
    }
    assert!(whole("kv/shop/common").is_none());
}

// --- Properties ---

/// Pieces that references are made of, in any order.
const PIECES: &[&str] = &[
    "ref+",
    "secretref+",
    "secret",
    "\\",
    "vault",
    "file",
    "env",
    "echo",
    "nosuch",
    "://",
    ":/",
    "/",
    "#",
    "?",
    "&",
    "=",
    "+",
    "%",
    "%2f",
    "%25",
    "..",
    ".",
    " ",
    "\n",
    "\t",
    "\u{2028}",
    "\u{e9}",
    "\u{202e}",
    "a",
    "kv/db",
    "@",
    ",",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "\0",
    "version=1",
    "\u{1f511}",
];

fn shards() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..16).prop_map(|pieces| pieces.concat())
}

/// References that are well formed, and what they say.
fn well_formed() -> impl Strategy<Value = (String, String)> {
    let name = "[a-zA-Z0-9_.-]{1,8}[a-zA-Z0-9]";
    let marker = prop::sample::select(&["ref+", "secretref+"][..]);
    let path = prop::collection::vec(name, 2..4);
    let key = prop::option::of(prop::collection::vec(name, 1..3));
    (marker, path, key)
        .prop_filter("data is refused, and a path in ref looks like a forgotten end mark", |(_, path, key)| {
            let last = key.as_ref().unwrap_or(path).last();
            path.get(1).is_some_and(|segment| segment != "data") && !last.is_some_and(|last| last.ends_with("ref"))
        })
        .prop_map(|(marker, path, key)| {
            let fragment = key.map(|key| format!("#/{}", key.join("/"))).unwrap_or_default();
            let body = format!("{}{fragment}", path.join("/"));
            (format!("{marker}file://{body}+"), format!("file://{body}"))
        })
}

/// Text that is no part of a reference: anything without the marker.
fn around() -> impl Strategy<Value = String> {
    "\\PC{0,12}".prop_filter("the marker would be a reference", |text| !text.contains("ref+") && !text.ends_with('\\'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC*") {
        let _ = read(&text).map(|read| read.map(|template| parts(&template)));
        let _ = uri().whole(&text, RESOLVE).map(|address| address.map(|address| address.to_string()));
    }

    #[test]
    fn shards_of_references_are_read_without_a_panic(text in shards()) {
        if let Some(Ok(template)) = read(&text) {
            // Text is kept: what is no reference stands in the text in this order
            let mut rest = text.as_str();
            for literal in template.literals() {
                let literal = literal.text().unwrap();
                let at = rest.find(literal);
                prop_assert!(at.is_some());
                rest = &rest[at.unwrap() + literal.len()..];
            }
            for reference in template.references() {
                let address = &reference.address;
                prop_assert!(!address.path.is_empty());
                prop_assert!(!address.path.split('/').any(|segment| segment == ".." || segment == "."));
                prop_assert!(!address.path.chars().any(char::is_control));
            }
        }
        let _ = uri().whole(&text, RESOLVE);
    }

    #[test]
    fn text_without_the_marker_is_never_ours(text in "\\PC*") {
        prop_assume!(!text.contains("ref+"));
        prop_assert!(read(&text).is_none());
        prop_assert!(uri().whole(&text, RESOLVE).is_none());
    }

    #[test]
    fn text_around_references_comes_back_exactly(
        pieces in prop::collection::vec((around(), well_formed()), 1..4),
        tail in around(),
    ) {
        let mut text: String = pieces.iter().map(|(before, (written, _))| format!("{before}{written}")).collect();
        text.push_str(&tail);
        // "secret" before "ref+" belongs to the marker, a "ref" before "+" to the text before
        prop_assume!(!pieces.iter().any(|(before, (written, _))| before.ends_with("secret") && written.starts_with("ref")));
        let template = read(&text).unwrap();
        prop_assert!(template.is_ok(), "{text:?}");
        let mut out = String::new();
        let template = template.unwrap();
        let mut expected = pieces.iter().map(|(_, (written, meant))| (written, meant));
        for part in template.parts() {
            match part {
                Part::Literal(literal) => out.push_str(literal.text().unwrap()),
                Part::Escaped(reference) | Part::Reference(reference) => {
                    let (written, meant) = expected.next().unwrap();
                    prop_assert_eq!(&reference.address.to_string(), meant);
                    out.push_str(written);
                }
            }
        }
        prop_assert_eq!(out, text);
    }
}
