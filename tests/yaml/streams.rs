//! Splitting and joining: nothing is lost, and every object is found.

use proptest::prelude::*;
use sealref::yaml::{Fault, Kind, Syntax, Tree, Value, join, pieces, untangled};

use crate::nasty::{self, Dice, Model, Pen};

fn all(_: &str) -> bool {
    true
}

/// The texts of the pieces; whatever happens, all bytes must be there.
fn split<'s>(text: &'s str, may_matter: &dyn Fn(&str) -> bool) -> Result<Vec<(&'s str, Syntax)>, Fault> {
    let found = pieces(text, may_matter)?;
    let mut whole = String::new();
    for piece in &found.pieces {
        whole.push_str(piece.before);
        assert_eq!(piece.line, whole.matches('\n').count() + 1, "the line of a piece in\n{text}");
        whole.push_str(piece.text);
    }
    whole.push_str(found.tail);
    assert_eq!(whole, text);
    Ok(found.pieces.iter().map(|piece| (piece.text, piece.syntax)).collect())
}

const FRAGMENTS: &[&str] = &[
    "---\n",
    "---",
    "--- ",
    "...\n",
    "... ",
    "%YAML 1.2\n",
    "\u{feff}",
    "# c\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "a: 1\n",
    "kind: List\n",
    "kind: \"List\"\n",
    "items:\n",
    "items: []\n",
    "items: [{a: 1}, {b: 2}]\n",
    "- a: 1\n",
    "  b: 2\n",
    "- kind: List\n",
    "  items:\n",
    "  - c: 3\n",
    "apiVersion: v1\n",
    "kind: SecretList\n",
    "{\"a\": 1}\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "\\",
    "[{\"a\": 1}, {\"b\": [2]}]",
    "{\"kind\": \"List\", \"items\": [{\"a\": 1}]}",
    "&x ",
    "*x ",
    "|\n",
    "  text\n",
    "kind: ResourceList\n",
    "apiVersion: config.kubernetes.io/v1\n",
    "? ",
    ": ",
    "\u{e9}",
    "- - x\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_of_a_stream_is_lost(parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..16), odd in any::<bool>()) {
        let text = parts.concat();
        let _ = split(&text, &all);
        let _ = split(&text, &|text| (text.len() % 2 == 1) == odd);
        let _ = untangled(&text, &all);
        let _ = Tree::parse(&text, Syntax::Document);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = split(&text, &all);
        let _ = Tree::parse(&text, Syntax::Document);
    }
}

/// A list of nasty objects, and what they mean.
fn list(dice: &mut Dice, depth: usize, flow: bool, means: &mut Vec<Value<'static>>) -> Model {
    let text = |text: &str| Model::Scalar { value: Value::text(text.to_owned()), anchor: None };
    let flow = flow || dice.often(15);
    let items = (0..=dice.below(3))
        .map(|_| {
            if depth < 3 && dice.often(25) {
                return list(dice, depth + 1, flow, means);
            }
            loop {
                let model = nasty::model(dice, 0, flow, &mut Vec::new(), &mut 0);
                let is_alone = !has_anchor(&model);
                if let (Model::Map { entries, .. }, true) = (&model, is_alone)
                    && !(flow && entries.is_empty())
                {
                    means.push(model.means(&model));
                    return model;
                }
            }
        })
        .collect();
    let (version, kind) = match dice.below(3) {
        0 => ("v1", "List"),
        1 => ("v1", "SecretList"),
        _ => ("config.kubernetes.io/v1", "ResourceList"),
    };
    let mut entries = vec![
        ("apiVersion".to_owned(), text(version)),
        ("kind".to_owned(), text(kind)),
        ("items".to_owned(), Model::List { items, flow, anchor: None }),
    ];
    if dice.often(50) {
        let more = nasty::model(dice, 0, flow, &mut Vec::new(), &mut 0);
        if !has_anchor(&more) {
            entries.push(("metadata".to_owned(), more));
        }
    }
    let first = dice.below(entries.len());
    entries.rotate_left(first);
    Model::Map { entries, flow, anchor: None }
}

fn has_anchor(model: &Model) -> bool {
    match model {
        Model::List { items, anchor, .. } => anchor.is_some() || items.iter().any(has_anchor),
        Model::Map { entries, anchor, .. } => anchor.is_some() || entries.iter().any(|(_, v)| has_anchor(v)),
        Model::Scalar { anchor, .. } => anchor.is_some(),
        _ => false,
    }
}

#[test]
fn every_item_of_a_nasty_list_is_found_alone() {
    for seed in 0..4000 {
        let mut dice = Dice::new(seed);
        let mut means = Vec::new();
        // The order of what is meant is the order of the items only while no list has keys before its items.
        let model = list(&mut dice, 0, false, &mut means);
        let mut pen = Pen { dice: &mut dice, out: String::new(), kept: false };
        pen.document(&model);
        let text = pen.out;
        let found = split(&text, &all).unwrap_or_else(|fault| panic!("seed {seed}: {fault:?}\n{text}"));
        assert_eq!(found.len(), means.len(), "seed {seed}\n{text}\n{found:#?}");
        for ((piece, syntax), wanted) in found.iter().zip(&means) {
            let tree = Tree::parse(piece, *syntax)
                .unwrap_or_else(|fault| panic!("seed {seed}: {fault:?}\n{text}\npiece\n{piece}"));
            assert!(Value::of(&tree, tree.root()) == *wanted, "seed {seed}\n{text}\npiece\n{piece}");
        }
        // What cannot matter is one piece.
        assert_eq!(split(&text, &|_| false).expect("one piece").len(), 1, "seed {seed}");
        // Each object can be replaced by two of ours, and both are found where it stood.
        let twice: String = {
            let all_pieces = pieces(&text, &all).expect("pieces");
            let mut out = String::new();
            for piece in &all_pieces.pieces {
                out.push_str(piece.before);
                let new = Value::map([("kind", Value::text("New"))]).write(piece.syntax);
                out.push_str(&join(piece.syntax, &[&new, &new]));
            }
            out + all_pieces.tail
        };
        let found = split(&twice, &all).unwrap_or_else(|fault| panic!("seed {seed}: {fault:?}\n{twice}"));
        assert_eq!(found.len(), means.len() * 2, "seed {seed}\n{text}\n=>\n{twice}");
    }
}

#[test]
fn a_resource_list_is_split_at_its_items() {
    let text = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n# one\n- kind: A # a\n  a: |\n    - kind: no\n# two\n- kind: B\n  b:\n  - x\n\n# end\nfunctionConfig:\n  kind: C\n  items:\n  - no\nresults: []\n";
    let found = split(text, &all).expect("pieces");
    let item = Syntax::Item { column: 0 };
    assert_eq!(found, [("- kind: A # a\n  a: |\n    - kind: no\n", item), ("- kind: B\n  b:\n  - x\n\n", item),]);
}

#[test]
fn what_is_no_list_of_objects_is_one_piece() {
    for text in [
        "kind: Foo\nitems:\n- a: 1\n",
        "kind: FooList\napiVersion: example.com/v1\nitems:\n- a: 1\n",
        "kind: List\nitems: []\n",
        "kind: List\nitems:\n",
        "kind: List\nitems: null\n",
        "kind: List\n",
        "kind: ResourceList\napiVersion: v2\nitems:\n- a: 1\n",
        "? kind\n: List\n? items\n: - a: 1\n  - b: 2\n",
        "- a: 1\n- b: 2\n",
        "[a, b]\n",
        "text\n",
        "42\n",
        "null\n",
        "spec:\n  kind: List\n  items:\n  - a: 1\n",
        "a: \"\nkind: List\nitems:\n- b: 1\"\n",
        "kind: Li\n  st\nitems:\n- a: 1\n",
    ] {
        assert_eq!(split(text, &all).map(|found| found.len()), Ok(1), "{text}");
    }
}

#[test]
fn lists_are_found_however_they_are_written() {
    for text in [
        "kind: List\nitems:\n- a: 1\n- b: 2\n",
        "\"kind\": 'List' # c\n'items': # c\n\n   - a: 1\n   - b: 2\n",
        "items:\n- a: 1\n- b: 2\nkind: \"L\\u0069st\"\n",
        "{kind: List, items: [{a: 1}, {b: 2}]}\n",
        "kind: List\nitems: [{a: 1},\n  {b: 2}]\n",
        "kind: &k List\nitems:\n- a: 1\n- b: 2\n",
        "  kind: List\n  items:\n    - a: 1\n    - b: 2\n",
        "--- !!map\nkind: List\nitems:\n- a: 1\n- b: 2\n",
        "kind: List\r\nitems:\r\n- a: 1\r\n- b: 2\r\n",
        "kind: List\nitems:\n-\n  a: 1\n- b: 2\n",
        "<<: {kind: List}\nitems:\n- a: 1\n- b: 2\n",
        "apiVersion: v1\nkind: List\nitems:\n- kind: List\n  items:\n  - a: 1\n  - b: 2\n",
        "apiVersion: v1\nkind: List\nitems:\n- items:\n    - a: 1\n    - b: 2\n  kind: List\n",
    ] {
        let found = split(text, &all).expect("pieces");
        assert_eq!(found.len(), 2, "{text}\n{found:#?}");
        for (piece, syntax) in found {
            let tree = Tree::parse(piece, syntax).expect("an object");
            assert_eq!(tree.kind(tree.root()), Kind::Map, "{piece}");
        }
    }
}

#[test]
fn lists_in_lists_have_an_end() {
    let mut text = "{\"a\": 1}".to_owned();
    for _ in 0..40 {
        text = format!("{{\"kind\": \"List\", \"items\": [{text}]}}");
    }
    assert!(split(&text, &all).is_err());
    assert_eq!(split(&text, &|_| false).map(|found| found.len()), Ok(1));
}

#[test]
fn an_inline_document_is_replaced_by_an_inline_one() {
    let text = "--- {a: 1} # c\n---\nb: 1\n";
    let found = split(text, &all).expect("pieces");
    assert_eq!(found, [("{a: 1} # c\n", Syntax::Inline), ("b: 1\n", Syntax::Document)]);
    let new = Value::map([("c", Value::int(1))]).write(Syntax::Inline);
    assert_eq!(join(Syntax::Inline, &[&new, &new]), "{\"c\": 1}\n---\n{\"c\": 1}\n");
}
