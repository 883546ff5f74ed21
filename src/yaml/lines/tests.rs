//! Lines, read as the parser reads them.

use proptest::prelude::*;

use super::super::characters;
use super::super::tree::parsed;
use super::*;

/// Every byte of every node.
fn told(tree: &Tree<'_>) -> Vec<String> {
    let place = |id| {
        let n = tree.node(id);
        let (style, tag) = (n.style as u8, n.tag as u8);
        format!(
            "{:?} {}-{} {:?} {:?} {style} {tag} {}",
            tree.characters(id),
            n.start,
            n.end,
            n.parent,
            n.after,
            n.is_key
        )
    };
    tree.nodes().map(place).collect()
}

fn same(text: &str) -> bool {
    if characters::check(text).is_err() {
        return false;
    }
    let Some(ours) = read(text, Syntax::Document) else { return false };
    let theirs = parsed(text, Syntax::Document).unwrap_or_else(|fault| panic!("{}: {text:?}", fault.message));
    assert_eq!(told(&ours), told(&theirs), "{text:?}");
    true
}

#[test]
fn what_manifests_are_made_of_is_read_as_the_parser_reads_it() {
    let texts = [
        "a: b\n",
        "a:\n  b: c\n  d:\n  - e\n  - f: g\n    h: i\n  j: k\n",
        "a:\nb: c\n",
        "a:\n",
        "a:",
        "a:\n  b:\nc:\n",
        "- a\n- b: c\n",
        "-   a: b\n    c: d\n",
        "- - a\n  - b\n- c\n",
        "# c\n\na: b # c\n  # d\n\n\nc: d\n#e",
        "a: |\n  b\n   c\n\n  d\ne: f\n",
        "a: |-\n  b\n\n\nc: d\n",
        "a:\n- |\n  b\n- |-\n   c\n",
        "a: |\n  b\n# c\nd: e\n",
        "a: |\n\n\n  b\n",
        "a: |\n  b\n\n\n",
        "a: \"b: c #d\"\nb: 'c'\nc: \"\" # d\n",
        "a: {}\nb: []\nc: {d: e, f: \"g\"}\nd: [a, \"b\", {c: [d]}]\ne: [a,]\n",
        "a: http://b:80/c?d#e\nb: --c=d\nc: -5\nd: a, b [c]\ne: f   \n",
        ".dockerconfigjson: e30=\na:b: c\n",
        "  a: b\n  c: d\n",
        "a: b\n  c\n   d\ne:\n- f\n  g\n",
        "a: \u{e9}\u{a0} # \u{3000}\nb: \u{3000}\nc: \"\u{1f600}\"\nd: |\n  \u{e9}\n",
        "a: ~\nb: (c)\nd: <e>\nf: ^g$\n",
        "a: b",
    ];
    for text in texts {
        assert!(same(text), "left to the parser: {text:?}");
    }
}

#[test]
fn the_rest_is_left_to_the_parser() {
    let texts = [
        "",
        "# a\n",
        "a",
        "a: b\n c: d\n",
        "a: b # c\n  d\n",
        "a: b\n\n  c\n",
        "a: b: c\n",
        "a: &b c\nd: *b\n",
        "a: !!str b\n",
        "a: >\n  b\n",
        "a: |+\n  b\n",
        "a: |2\n   b\n",
        "a: |\nb: c\n",
        "a: |\n  b\n \n  c\n",
        "a: \"b\\n\"\n",
        "a: \"b\nc\"\n",
        "a: 'it''s'\n",
        "a: [b,\n  c]\n",
        "a: [b c]\n",
        "a: {b}\n",
        "a:\tb\n",
        "a: b\r\n",
        "--- \na: b\n",
        "a: b\n...\n",
        "a: b\n---\nc: d\n",
        "? a\n: b\n",
        "-\n  a\n",
        "a: b\na: c\n",
        "a: .inf\n",
        "- a\nb: c\n",
        "a: b\n- c\n",
        "a: \"b\" c\n",
        "a: {b: c}d\n",
        "<<: a\n",
        "a: %b\n",
        "a: - b\n",
    ];
    for text in texts {
        assert!(read(text, Syntax::Document).is_none(), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_at_random_are_read_as_the_parser_reads_them(lines in lines(), odd in odd()) {
        let mut text: String = lines;
        for (at, byte) in odd {
            let at = at % (text.len() + 1);
            if text.is_char_boundary(at) {
                text.insert(at, byte);
            }
        }
        same(&text);
    }
}

/// Up to nine lines of any indentation.
fn lines() -> impl Strategy<Value = String> {
    let said = prop::sample::select(vec![
        "a: b",
        "b:",
        "c: d # e",
        "- a",
        "- b: c",
        "- - d",
        "-",
        "- c:",
        "# c",
        "",
        "d: |",
        "e: |-",
        "- |",
        "f: 'g'",
        "h: \"i\"",
        "j: {}",
        "k: [a, 'b', {c: d}]",
        "l: -1",
        "m: on",
        "on: 1",
        "1: 2",
        "text",
        "n: --o=p q",
        "r: s:t",
        "---",
        "...",
        "t: [u]  # v",
        "w: x#y",
        "\"z\": 1",
        "a b: c",
        "~: a",
        "y: ...",
        "- --x",
        "a: 0x10  ",
        "more of it",
        "(\u{e9})",
        "a: \u{3000}",
        "b: \u{a0}",
    ]);
    let line = (0_usize..7, said, prop::bool::weighted(0.9)).prop_map(|(indent, said, ends)| {
        format!("{}{said}{}", " ".repeat(indent / 2 * 2 + usize::from(indent == 1)), if ends { "\n" } else { "" })
    });
    prop::collection::vec(line, 1..9).prop_map(|lines| lines.concat())
}

/// What is put somewhere into it.
fn odd() -> impl Strategy<Value = Vec<(usize, char)>> {
    let byte = prop::sample::select(" \n-:#'\"|>[]{},&*!%@`~?\\ab0.=<".chars().collect::<Vec<_>>());
    prop::collection::vec((any::<usize>(), byte), 0..3)
}
