//! Hostile and broken texts, numbered as in the list of faults.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sealref::limits;
use sealref::yaml::{Edits, Fault, Scalar, Syntax, Tree, Value, pieces, untangled};

/// Refused in linear time, with a line, and without a word of the text.
fn refused(text: &str) -> Fault {
    let begin = Instant::now();
    let Err(fault) = Tree::parse(text, Syntax::Document) else {
        panic!("accepted: {}", text.chars().take(200).collect::<String>());
    };
    assert!(begin.elapsed() < Duration::from_secs(5), "slow");
    assert!(fault.line >= 1 && fault.line <= text.matches('\n').count() + 1);
    assert!(fault.message.len() < 120 && !fault.hint.is_empty());
    fault
}

fn parse(text: &str) -> Tree<'_> {
    Tree::parse(text, Syntax::Document).unwrap_or_else(|fault| panic!("{fault:?}\n{text}"))
}

fn text(source: &str, key: &str) -> String {
    let tree = parse(source);
    let node = tree.get(tree.root(), key).expect("the key");
    tree.text(node).expect("text").to_owned()
}

fn bomb(levels: usize) -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..levels {
        let alias = format!("*a{}, ", level - 1).repeat(9);
        writeln!(text, "a{level}: &a{level} [{alias}]").expect("a line");
    }
    text
}

#[test]
fn alias_bomb_is_refused_a3() {
    assert_eq!(refused(&bomb(9)).message, "aliases expand too far");
}

#[test]
fn small_alias_bomb_is_refused_a4() {
    assert_eq!(refused(&bomb(7)).message, "aliases expand too far");
    // Six levels are less than what may legitimately stand in one object.
    parse(&bomb(5));
}

#[test]
fn alias_to_itself_is_refused_a5() {
    for text in ["&a [*a]", "a: &a {b: *a}\n", "a: &a\n  <<: *a\n"] {
        assert_eq!(refused(text).message, "an alias that names what it stands in");
    }
}

#[test]
fn a_ladder_of_aliases_is_as_deep_as_it_is_a6() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..3000 {
        writeln!(text, "a{level}: &a{level} [*a{}]", level - 1).expect("a line");
    }
    assert_eq!(refused(&text).message, "nested too deeply");
}

#[test]
fn nested_dashes_are_refused_a6() {
    assert_eq!(refused(&"- ".repeat(20_000)).message, "nested too deeply");
}

#[test]
fn many_brackets_are_refused_a7() {
    for text in [
        "[".repeat(100_000),
        ["[".repeat(20_000), "]".repeat(20_000)].concat(),
        "[".repeat(400_000),
        "{a: ".repeat(100_000),
    ] {
        assert_eq!(refused(&text).message, "nested too deeply");
    }
}

#[test]
fn deep_maps_are_refused_a8() {
    let mut text = String::new();
    for level in 0..3000 {
        writeln!(text, "{}a:", " ".repeat(level)).expect("a line");
    }
    assert_eq!(refused(&text).message, "nested too deeply");
    let deep = |levels: usize| {
        let mut text = String::new();
        for level in 0..levels {
            writeln!(text, "{}a:", " ".repeat(level)).expect("a line");
        }
        text
    };
    parse(&deep(limits::DEPTH));
    refused(&deep(limits::DEPTH + 1));
}

#[test]
fn a_huge_scalar_is_refused_a9() {
    let text = format!("a: \"{}\"\n", "x".repeat(limits::SCALAR + 1));
    assert_eq!(refused(&text).message, "a scalar is too large");
}

#[test]
fn duplicate_keys_are_refused_with_both_lines_a12() {
    let fault = refused("a: 1\nb: 2\na: 3\n");
    assert_eq!((fault.line, fault.message.as_str()), (3, "a key that stands already in line 1"));
    refused("{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}");
}

#[test]
fn hidden_duplicate_keys_are_refused_a13() {
    for text in [
        "a: 1\n\"a\": 2\n",
        "a: 1\n'a': 2\n",
        "\"\\u0061\": 1\na: 2\n",
        "on: 1\n\"true\": 2\n",
        "1: 1\n\"1\": 2\n",
        "0x10: 1\n16: 2\n",
        "? a\n: 1\na: 2\n",
        "!!str a: 1\na: 2\n",
        "x: &k a\na: 1\n*k : 2\n",
        "<<: {a: 1}\n<<: {b: 1}\n",
    ] {
        refused(text);
    }
}

#[test]
fn explicit_keys_win_over_merged_ones_a13() {
    let tree = parse("base: &b {a: 1, b: 2}\nx:\n  <<: *b\n  a: 3\n");
    let at = |path: &[&str]| tree.raw(tree.at(tree.root(), path).expect("a node"));
    assert_eq!(at(&["x", "a"]), Some("3"));
    assert_eq!(at(&["x", "b"]), Some("2"));
    // kubectl would let the merge win here, kustomize would not.
    refused("base: &b {a: 1, b: 2}\nx:\n  a: 3\n  <<: *b\n");
    parse("base: &b {a: 1, b: 2}\nx:\n  c: 3\n  <<: *b\n");
    // The first of a list of maps wins.
    let tree = parse("a: &a {k: 1}\nb: &b {k: 2, l: 3}\nx: {<<: [*a, *b]}\n");
    assert_eq!(tree.at(tree.root(), &["x", "k"]).and_then(|n| tree.raw(n)), Some("1"));
    assert_eq!(tree.at(tree.root(), &["x", "l"]).and_then(|n| tree.raw(n)), Some("3"));
    refused("<<: 1\n");
    refused("<<: [1]\n");
}

#[test]
fn tabs_as_indentation_are_refused_a14() {
    assert_eq!(refused("a:\n\tb: 1\n").message, "a tab in the indentation");
    assert_eq!(refused("a:\n\tb: 1\n").line, 2);
    parse("{\n\t\"a\": 1\n}\n");
}

#[test]
fn only_the_first_byte_order_mark_is_accepted_a15() {
    let split = |text: &str| pieces(text, &|_| true).map(|pieces| pieces.pieces.len());
    assert_eq!(split("\u{feff}a: 1\n---\nb: 2\n"), Ok(2));
    assert_eq!(split("\u{feff}{\"a\": 1}"), Ok(1));
    assert_eq!(pieces("\u{feff}a: 1\n", &|_| true).expect("one").pieces[0].before, "\u{feff}");
    assert!(split("a: 1\n---\n\u{feff}b: 2\n").is_err());
    assert!(split("a: 1\n--- \u{feff}b: 2\n").is_err());
    assert!(split("\u{feff}\u{feff}a: 1\n").is_err());
    parse("\u{feff}a: 1\n");
    refused("a: \u{feff}1\n");
    refused("a: \"\u{feff}\"\n");
}

#[test]
fn line_ends_are_kept_where_nothing_changes_a16() {
    let source = "a: 1\r\nb:\r\n- x # c\r\nd: |\r\n  one\r\n  two\r\n";
    let tree = parse(source);
    assert_eq!(text(source, "d"), "one\ntwo\n");
    let mut edits = Edits::default();
    edits.insert(&tree, tree.root(), &["c", "n"], Value::text("new\nline\n"));
    let applied = edits.apply(&tree, Syntax::Document).expect("an edit");
    let wanted = "a: 1\r\nb:\r\n- x # c\r\nc:\r\n  \"n\": |\r\n    new\r\n    line\r\nd: |\r\n  one\r\n  two\r\n";
    assert_eq!(applied.text, wanted);
    // Mixed ends stay as they are.
    let tree = parse("a: 1\r\nb: 2\n");
    let mut edits = Edits::default();
    edits.set(tree.get(tree.root(), "b").expect("b"), Value::int(3));
    assert_eq!(edits.apply(&tree, Syntax::Document).expect("an edit").text, "a: 1\r\nb: 3\n");
    assert_eq!(refused("a: 1\rb: 2\n").message, "a carriage return without a line feed");
}

#[test]
fn raw_controls_are_refused_and_escaped_ones_kept_a18() {
    for c in ['\0', '\u{1}', '\u{1b}', '\u{7f}', '\u{80}', '\u{85}', '\u{2028}', '\u{2029}', '\u{fffe}'] {
        refused(&format!("a: \"{c}\"\n"));
        refused(&format!("a: 1 # {c}\n"));
        let kept = text(&format!("a: \"\\U{:08x}\"\n", u32::from(c)), "a");
        assert_eq!(kept, c.to_string());
    }
}

#[test]
fn scalars_that_mean_something_are_quoted_when_they_are_text_a19() {
    for word in ["no", "on", "012", "0o14", "1e3", "12:30:45", "~", ".inf", "=", "y", "2001-01-01", "<<", ""] {
        let value = Value::map([(word, Value::text(word))]);
        let written = value.write(Syntax::Document);
        assert_eq!(written, format!("\"{word}\": \"{word}\"\n"));
        assert!(Value::of(&parse(&written), parse(&written).root()) == value);
    }
    refused("a: .inf\n");
    assert_eq!(parse("on: 1\n012: 2\n").key(parse("on: 1\n").nodes().nth(1).expect("a key")), "true");
}

#[test]
fn unknown_tags_are_refused_a20() {
    for source in [
        "a: !custom x\n",
        "a: !!python/object x\n",
        "a: !<x> y\n",
        "!x {a: 1}\n",
        "a: !!map x\n",
        "a: !!int x\n",
        "a: !!bool 1\n",
        "a: !!binary \"%%%\"\n",
        "a: !!timestamp 2001-01-01\n",
        "!!binary YQ==: 1\n",
        "a: !!set {x: 1}\n",
    ] {
        refused(source);
    }
    let tree = parse("a: !!str 12\nb: !!int \"12\"\nc: !!null ~\nd: !!map {}\ne: !!seq []\nf: !!bool yes\ng: !\n");
    let read = |key| tree.get(tree.root(), key).and_then(|node| tree.scalar(node));
    assert!(read("a") == Some(Scalar::Text("12")));
    assert!(read("b") == Some(Scalar::Number("12")));
    assert!(read("c") == Some(Scalar::Null));
    assert!(read("f") == Some(Scalar::Bool(true)));
    assert!(read("g") == Some(Scalar::Text("")));
    let tree = parse("a: !!binary |\n  aGVs\n  bG8=\n");
    let node = tree.get(tree.root(), "a").expect("a");
    assert_eq!(tree.bytes(node), Some("aGVs\nbG8=\n"));
    assert_eq!(tree.text(node), None);
    assert!(tree.scalar(node) == Some(Scalar::Text("hello")));
}

#[test]
fn block_scalars_keep_every_space_a21() {
    for (source, wanted) in [
        ("a: |\n  x \n   y\n\n  z\n", "x \n y\n\nz\n"),
        ("a: |-\n  x\n\n", "x"),
        ("a: |+\n  x\n\n\n", "x\n\n\n"),
        ("a: >\n  x\n  y\n\n  z\n", "x y\nz\n"),
        ("a: >-\n  x\n    y\n  z\n", "x\n  y\nz"),
        ("a: |2\n    x\n", "  x\n"),
        ("a: |\n  x", "x"),
        ("a: |\n  x\n  # no comment\n# comment\n", "x\n# no comment\n"),
        ("a: |\n\n\n  x\n", "\n\nx\n"),
    ] {
        assert_eq!(text(source, "a"), wanted, "{source:?}");
        // And they stay so where the neighbour is changed.
        let source = format!("{source}\nb: 1\n");
        let tree = parse(&source);
        let before = tree.get(tree.root(), "a").and_then(|node| tree.text(node)).map(str::to_owned);
        let mut edits = Edits::default();
        edits.insert(&tree, tree.root(), &["aa"], Value::int(1));
        let applied = edits.apply(&tree, Syntax::Document).expect("an edit");
        let back = parse(&applied.text);
        let after = back.get(back.root(), "a").and_then(|node| back.text(node)).map(str::to_owned);
        assert_eq!(after, before, "{source:?}");
    }
}

#[test]
fn directives_and_document_ends_a22() {
    let split = |text: &str| {
        pieces(text, &|_| true).map(|all| all.pieces.iter().map(|p| p.text.to_owned()).collect::<Vec<_>>())
    };
    for source in [
        "%YAML 1.1\n---\na: 1\n...\n---\nb: 2\n",
        "# c\n%YAML 1.2\n%TAG !e! tag:example.com,2000:\n---\na: 1\n...\n%YAML 1.1 # c\n---\nb: 2\n",
        "a: 1\n...\nb: 2\n",
        "--- # c\na: 1\n--- # c\nb: 2\n... # c\n",
    ] {
        assert_eq!(split(source), Ok(vec!["a: 1\n".to_owned(), "b: 2\n".to_owned()]), "{source}");
    }
    for source in
        ["%FOO bar\n---\na: 1\n", "%YAML 2.0\n---\n", "%YAML 1.1\na: 1\n", "%TAG !! tag:x,1:\n---\n", "a: 1\n... b\n"]
    {
        assert!(split(source).is_err(), "{source}");
    }
    assert_eq!(split("--- {a: 1}\n--- text\n"), Ok(vec!["{a: 1}\n".to_owned(), "text\n".to_owned()]));
    assert_eq!(split("a: |\n  ---\n  ...\n"), Ok(vec!["a: |\n  ---\n  ...\n".to_owned()]));
    assert_eq!(split("a: 1\n---x: 2\n"), Ok(vec!["a: 1\n---x: 2\n".to_owned()]));
}

#[test]
fn json_in_all_its_ways_a23() {
    let split = |text: &str| {
        let all = pieces(text, &|_| true)?;
        Ok(all.pieces.iter().map(|p| (p.text.to_owned(), p.syntax)).collect::<Vec<_>>())
    };
    let (a, b) = ("{\"a\": 1}".to_owned(), "{\"b\": [\"}\\\"\"]}".to_owned());
    let both = |syntax| Ok::<_, Fault>(vec![(a.clone(), syntax), (b.clone(), syntax)]);
    assert_eq!(split(&format!(" {a} {b}\n")), both(Syntax::Concatenated));
    assert_eq!(split(&format!("{a}\n{b}\n")), both(Syntax::Concatenated));
    assert_eq!(split(&format!("{a}{b}")), both(Syntax::Concatenated));
    assert_eq!(split(&format!("[\n{a},\n{b}\n]\n")), both(Syntax::Member));
    let list = format!("{{\"kind\": \"List\", \"items\": [{a}, {b}], \"x\": 1}}");
    assert_eq!(split(&list), both(Syntax::Member));
    assert_eq!(split(&list.replace("items", "it\\u0065ms")), both(Syntax::Member));
    assert_eq!(split(&a), Ok(vec![(a.clone(), Syntax::Concatenated)]));
    assert_eq!(split("[1, 2]").map(|all| all.len()), Ok(1));
    for cut in [0, 1, 5, 20] {
        let text = list.get(..list.len() - 1 - cut).expect("ASCII");
        assert!(split(text).is_err(), "{text}");
    }
}

#[test]
fn json_brackets_are_refused_a24() {
    let text = "[".repeat(200_000);
    assert!(pieces(&text, &|_| true).is_err());
    assert!(pieces(&text.replace('[', "{\"a\":"), &|_| true).is_err());
    assert!(pieces(&format!("{{\"a\": {text}}}"), &|_| false).is_err());
}

#[test]
fn a_cut_off_stream_is_never_a_shorter_one_a27() {
    let unit = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"a\"\n  labels: {x: y, z: [1, 2]}\nstringData:\n  k: |\n    one\n    two\n  'q': 'it''s'\n---\n";
    let json =
        "{\"kind\": \"List\", \"items\": [{\"kind\": \"Secret\", \"data\": {\"a\": \"b\"}}, {\"kind\": \"Secret\"}]}\n";
    for sample in [unit.repeat(40), json.repeat(60)] {
        let whole = pieces(&sample, &|_| true).expect("the sample").pieces.len();
        assert!(sample.len() > 4000);
        for cut in 0..sample.len() {
            let text = sample.get(..cut).expect("ASCII");
            let Ok(all) = pieces(text, &|_| true) else {
                continue;
            };
            let put_together: String = all.pieces.iter().flat_map(|p| [p.before, p.text]).chain([all.tail]).collect();
            assert_eq!(put_together, text);
            assert!(all.pieces.len() <= whole);
            // The complete ones are what they were; a last one that is cut off may still be seen as cut off.
            if sample.starts_with('{') {
                assert!(all.pieces.iter().all(|piece| Tree::parse(piece.text, piece.syntax).is_ok()));
            }
        }
    }
}

#[test]
fn anchors_are_expanded_and_never_dangle_a31() {
    let source = "a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n";
    let tree = parse(source);
    let mut edits = Edits::default();
    edits.remove(tree.nodes().nth(1).expect("the key a"));
    let applied = edits.apply(&tree, Syntax::Document).expect("an edit");
    assert!(applied.anew);
    assert_eq!(applied.text, "b:\n  x: 1\nc:\n  x: 1\n");
    let mut edits = Edits::default();
    edits.set(tree.at(tree.root(), &["a", "x"]).expect("x"), Value::int(2));
    let applied = edits.apply(&tree, Syntax::Document).expect("an edit");
    assert_eq!(applied.text, "a: &a {x: 2}\nb: *a\nc:\n  <<: *a\n");
    // What is inserted through an alias changes that place alone.
    let mut edits = Edits::default();
    edits.insert(&tree, tree.root(), &["b", "y"], Value::int(2));
    edits.insert(&tree, tree.root(), &["c", "z"], Value::int(3));
    let applied = edits.apply(&tree, Syntax::Document).expect("an edit");
    assert_eq!(applied.text, "a: &a {x: 1}\nb:\n  x: 1\n  \"y\": 2\nc:\n  <<: *a\n  z: 3\n");
}

#[test]
fn lists_that_share_anchors_are_untangled_a31() {
    let all = |_: &str| true;
    let source = "a: 1\n---\nkind: List\nitems:\n- kind: A\n  x: &x {z: 1}\n- kind: B\n  x: *x\n---\nb: 1\n";
    let wanted = "a: 1\n---\nkind: List\nitems:\n- kind: A\n  x:\n    z: 1\n- kind: B\n  x:\n    z: 1\n---\nb: 1\n";
    assert_eq!(untangled(source, &all), Ok(Some(wanted.to_owned())));
    assert_eq!(untangled(source, &|_| false), Ok(None));
    for plain in ["a: &x 1\nb: *x\n", "kind: List\nitems:\n- a: &x 1\n  b: *x\n", "a: 1 * 2 & 3\n", "a: [&x 1, *y]\n"] {
        assert_eq!(untangled(plain, &all), Ok(None), "{plain}");
    }
}

#[test]
fn long_lines_and_many_lines_a32() {
    parse(&format!("a: {}", "x".repeat(1 << 20)));
    let text = format!("a: |\n{}", "  x\n".repeat(1_000_000));
    assert_eq!(pieces(&text, &|_| true).expect("pieces").pieces.len(), 1);
    parse(&text);
    assert_eq!(pieces(&"\n".repeat(1_000_000), &|_| true).expect("pieces").pieces.len(), 0);
    let documents = "---\n".repeat(300_000);
    assert_eq!(pieces(&documents, &|_| true).expect("pieces").pieces.len(), 0);
    let many = "--- 1\n".repeat(300_000);
    assert_eq!(pieces(&many, &|_| true).expect("pieces").pieces.len(), 300_000);
    let begin = Instant::now();
    let keys: String = (0..300_000).map(|n| format!("k{n}: v\n")).collect();
    let tree = parse(&keys);
    assert_eq!(tree.entries(tree.root()).len(), 300_000);
    assert!(begin.elapsed() < Duration::from_secs(20), "slow");
}

#[test]
fn the_text_of_numbers_is_kept_a33() {
    let source = "a: 123456789012345678901234567890\nb: 1.0\nc: -0\nd: 1e400\ne: 1_000\n";
    let tree = parse(source);
    let read = |key| tree.get(tree.root(), key).and_then(|node| tree.scalar(node));
    assert!(read("a") == Some(Scalar::Number("123456789012345678901234567890")));
    assert!(read("b") == Some(Scalar::Number("1.0")));
    assert!(read("c") == Some(Scalar::Number("-0")));
    assert!(read("d") == Some(Scalar::Text("1e400")));
    let whole = Value::of(&tree, tree.root());
    assert_eq!(whole.write(Syntax::Document), source.replace("1e400", "\"1e400\""));
    let json = whole.write(Syntax::Member);
    assert_eq!(json, "{\"a\": 123456789012345678901234567890, \"b\": 1.0, \"c\": -0, \"d\": \"1e400\", \"e\": 1000}");
}

#[test]
fn keys_that_only_look_alike_are_two_keys_a34() {
    let tree = parse("\u{e9}: 1\ne\u{301}: 2\n");
    assert_eq!(tree.entries(tree.root()).len(), 2);
    assert_eq!(tree.get(tree.root(), "e\u{301}").and_then(|n| tree.raw(n)), Some("2"));
}
