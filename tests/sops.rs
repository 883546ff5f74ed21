//! What the real `sops` writes is read, and what we read is what it prints.

use std::collections::BTreeMap;
use std::path::Path;

use sealref::error::Problem;
use sealref::sources::sops::{Clear, Protection, Step, Store, Type};
use zeroize::Zeroizing;

#[path = "support/peers.rs"]
mod peers;
#[path = "support/sops.rs"]
mod sops;

use sops::{Sops, World, read};

/// What we read, with the folder's key.
fn decrypted(sops: &Sops, name: &str) -> Result<Clear, Problem> {
    read(&std::fs::read(sops.path(name)).unwrap(), Store::of(name), &mut World::with(&sops.identity))
}

fn extract(path: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Item(place) => format!("[{place}]"),
        Step::Key(key) => format!("[{}]", serde_json::to_string(key).unwrap()),
    };
    path.iter().map(step).collect()
}

/// Every leaf that we see is what `sops --extract` prints.
fn agree(sops: &Sops, name: &str) -> usize {
    let clear = decrypted(sops, name).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    let leaves = clear.leaves();
    for leaf in &leaves {
        let path = extract(&leaf.path);
        let printed = sops.run(&["decrypt", "--extract", &path, name]).unwrap();
        let ours = if leaf.kind() == Type::Null { Zeroizing::new(b"null".to_vec()) } else { leaf.bytes() };
        let told = String::from_utf8_lossy(&printed);
        assert_eq!(
            String::from_utf8_lossy(&ours),
            told.strip_suffix('\n').filter(|_| !ours.ends_with(b"\n")).unwrap_or(&told),
            "{name} {path}"
        );
    }
    leaves.len()
}

/// Every value that we see is what `sops` prints as JSON, where comments are left out.
fn agree_as_json(sops: &Sops, name: &str, clear: &Clear) -> usize {
    let printed = sops.run(&["decrypt", "--output-type", "json", name]).unwrap();
    agree_with(&serde_json::from_slice(&printed).unwrap(), name, clear)
}

fn agree_with(printed: &serde_json::Value, name: &str, clear: &Clear) -> usize {
    for leaf in clear.leaves() {
        let theirs = leaf.path.iter().fold(printed, |value, step| match step {
            Step::Item(place) => &value[place],
            Step::Key(key) => &value[key],
        });
        let ours = String::from_utf8(leaf.bytes().to_vec()).unwrap();
        let ours = if leaf.kind() == Type::Float { decimals(&ours) } else { ours };
        let theirs = match theirs {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            serde_json::Value::Number(number) if leaf.kind() == Type::Float => decimals(&number.to_string()),
            other => other.to_string(),
        };
        assert_eq!(theirs, ours, "{name} {}", extract(&leaf.path));
    }
    clear.leaves().len()
}

/// YAML and JSON begin to write exponents elsewhere.
fn decimals(number: &str) -> String {
    number.parse::<f64>().unwrap().to_string()
}

#[test]
fn every_vector() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops");
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let expected: BTreeMap<String, serde_json::Value> = serde_json::from_str(&file("expected.json")).unwrap();
    let identities = file("keys.age") + &file("keys.pgp");
    for (name, printed) in &expected {
        let clear = read(file(name).as_bytes(), Store::of(name), &mut World::with(&identities));
        if name.starts_with("pgp-") && !cfg!(feature = "pgp") {
            let told = clear.err().unwrap().to_string();
            assert!(told.contains("this build reads no PGP keys"), "{name}: {told}");
            continue;
        }
        let clear = clear.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert!(agree_with(printed, name, &clear) > 0);
    }
    assert_eq!(expected.len(), 18);
}

const SCALARS: &str = r#"
text: s3cret
empty: ""
nothing: null
yes: yes
"on": on
true_: true
false_: False
int: 42
octal: 017
hex: 0x1F
under: 1_000
negative: -7
float: 1.10
small: 1.5e-7
large: 1e21
million: 1234567.5
thousand: 1e3
minus_zero: -0.0
date: 2001-01-01
time: 2001-12-14t21:59:43.10-05:00
multi: |
  one
  two
unicode: "\u00e9\U0001F600"
list: [a, 1, true, {b: c}, [d]]
map: {a: {b: {c: deep}}}
"a:b": colon
empty_map: {}
empty_list: []
plain_unencrypted: clear
"#;

#[test]
fn every_value_of_yaml() {
    let Some(sops) = Sops::new() else { return };
    sops.encrypt("all.yaml", SCALARS, &[]);
    assert_eq!(agree(&sops, "all.yaml"), 30);
}

#[test]
fn every_value_of_json() {
    let Some(sops) = Sops::new() else { return };
    let text = r#"{"a": "s3cret", "b": {"c": [1, -0, 1.5, 1e21, true, null, "", {"d": "\u00e9\ud83d\ude00\/"}]}, "n": 9007199254740993,
        "large": 1e400000, "x_unencrypted": 1.0, "y_unencrypted": [1e2, 0.1, "</script>"], "empty": {}, "list": []}"#;
    sops.encrypt("all.json", text.replace("1e400000", "12345678901234567890"), &[]);
    assert_eq!(agree(&sops, "all.json"), 15);
}

const DOTENV: &str =
    "# a comment\nA=s3cret\nB=\nC=one\\ntwo\nD = quoted \"x\" # no comment\nE='single'\n#F=1\nG_unencrypted=a=b\n";

#[test]
fn every_value_of_dotenv() {
    let Some(sops) = Sops::new() else { return };
    sops.encrypt("all.env", DOTENV, &[]);
    assert_eq!(agree(&sops, "all.env"), 6);
}

const INI: &str = "top = level\n; about one\n[one]\n; about a\na = s3cret\nb = \"quoted\"\nempty =\nc = with;comment\n\
                   d = `back;tick`\ne = \"\"\"multi\nline\"\"\"\n`odd=key` = x\n[two]\nf_unencrypted = clear ; beside\ng: colon\n";

#[test]
fn every_value_of_ini() {
    let Some(sops) = Sops::new() else { return };
    sops.encrypt("all.ini", INI, &[]);
    let clear = decrypted(&sops, "all.ini").unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(agree_as_json(&sops, "all.ini", &clear), 10);
}

#[test]
fn any_bytes_as_binary() {
    let Some(sops) = Sops::new() else { return };
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    sops.encrypt("key.bin", &bytes, &[]);
    let clear = decrypted(&sops, "key.bin").unwrap();
    let leaves = clear.leaves();
    assert_eq!(leaves[0].bytes().as_slice(), bytes);
}

const COMMENTED: &str = "\
# first

# enc: on top
a: one
b: two # enc: beside
c: three
# plain
d:
    # enc: inner
    e: four
    f: five
    # enc: last of d
g: six
# enc: list
h:
    - seven
    - i: eight
j:
    # nothing
    - nine
    # enc: item
    - ten
    - eleven
    - - k: twelve
        # enc: deep
        l: thirteen
        m: fourteen
# enc: end
";

#[test]
fn every_rule_of_selection() {
    let Some(sops) = Sops::new() else { return };
    let rules = [
        "unencrypted_suffix: _clear",
        "encrypted_suffix: _secret",
        "unencrypted_regex: ^(b|d)$",
        r"encrypted_regex: ^(a|\w_secret|h)$",
        "unencrypted_comment_regex: 'enc:'",
        "encrypted_comment_regex: 'enc:'",
        "mac_only_encrypted: true, encrypted_regex: ^(a|j)$",
    ];
    for (number, rule) in rules.into_iter().enumerate() {
        let name = format!("{number}.yaml");
        let settings = format!("creation_rules: [{{age: {}, {rule}}}]", sops.recipient);
        std::fs::write(sops.path(".sops.yaml"), settings).unwrap();
        let encrypted = sops.encrypt_for(&name, format!("{COMMENTED}x_secret: 1\ny_clear: 2\n"), &[]);
        let clear = decrypted(&sops, &name).unwrap_or_else(|problem| panic!("{problem}\n{encrypted}"));
        assert_eq!(agree_as_json(&sops, &name, &clear), 16, "{encrypted}");
        let ours = clear.leaves().iter().filter(|leaf| leaf.protection() == Protection::Encrypted).count();
        let values = encrypted.lines().filter(|line| line.contains(": ENC[") || line.contains("- ENC["));
        let is_comment = |line: &&str| line.trim().starts_with("- ENC[") && line.ends_with(",type:comment]");
        let theirs = values.filter(|line| !line.contains("mac: ") && !is_comment(line)).count();
        assert_eq!(ours, theirs, "{encrypted}");
    }
}

#[test]
fn whole_files_are_what_sops_prints() {
    let Some(sops) = Sops::new() else { return };
    let json = r#"{"a": "s3cret <&> \u2028 \u0001 \u007f \b\f\n\r\t \"\\", "b": [], "c": {}, "d": [[1, {"e": null}], 1e21, 1e-7, 0.1], "f": true, "": 1}"#;
    let ini = format!("{INI}[three]\n; one\n; two\nlong name = \" blanks \"\nx = a`b\n# last\ny = 1\n[two]\nz = 1\n");
    let headless = "[a]\nb = c\n";
    for (name, text) in [("a.json", json), ("a.env", DOTENV), ("a.ini", &ini), ("b.ini", headless), ("a.bin", "\0\n")] {
        sops.encrypt(name, text, &[]);
        let printed = sops.run(&["decrypt", name]).unwrap();
        let ours = decrypted(&sops, name).unwrap_or_else(|problem| panic!("{problem}")).print().unwrap();
        assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&printed), "{name}");
    }
}

/// Texts that a writer of YAML has to think about. Left out is what sops prints as something else than it was, or in an
/// odd way: `<<`, lines between U+2028, a byte order mark.
const ODD: [&str; 93] = [
    "",
    "a",
    " a",
    "a ",
    "a: b",
    "a:",
    "a #b",
    "a#b",
    "#a",
    "- a",
    "-a",
    "-",
    "--",
    "? a",
    "?a",
    "?",
    ":a",
    ": a",
    "[a",
    "]",
    "{a",
    "&a",
    "*a",
    "!a",
    "|a",
    ">a",
    "'a",
    "a'b",
    "''",
    "\"a\"",
    "%a",
    "@a",
    "`a",
    ",a",
    "---",
    "--- a",
    "...",
    "yes",
    "NO",
    "on",
    "y",
    "Y",
    "true",
    "False",
    "null",
    "~",
    "Null",
    "1",
    "-1",
    "+1",
    "1.0",
    "0x1f",
    "0o17",
    "017",
    "1_000",
    "1e3",
    ".5",
    ".inf",
    "-.Inf",
    ".NaN",
    "1:30",
    "1:30:15",
    "-1:2.5",
    "1:99",
    "1:2:",
    "2001-12-14",
    "2001-12-14T21:59:43.10-05:00",
    "a\nb",
    "a\nb\n",
    "a\n\nb\n\n",
    "\na",
    "  a\nb",
    "a \nb",
    "a\n b",
    "a\n  b\nc\n",
    "a\tb",
    "\ta",
    "a\n\tb",
    "\n",
    "\n\n",
    "a\rb",
    "a\r\nb",
    "\u{85}",
    "\u{a0}",
    "\u{e9}",
    "\u{1f600}",
    "\0",
    "\u{7}",
    "\u{7f}",
    "a\\b",
    "=",
    "a, b",
    "a]b",
];

/// In double quotes, which every reader of YAML takes for the same.
fn quoted(text: &str) -> String {
    let sign = |c: char| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\U{:08x}", u32::from(c)) };
    format!("\"{}\"", text.chars().map(sign).collect::<String>())
}

/// Comments behind the last entry of a collection are not kept. A text of several lines that begins with a blank is
/// written by sops within a list in a way that nobody reads back.
#[test]
fn whole_yaml_files_are_what_sops_prints() {
    let Some(sops) = Sops::new() else { return };
    let kept = COMMENTED.split_inclusive('\n').filter(|line| !line.contains("last of") && !line.contains("enc: end"));
    let commented: String = kept.collect();
    let mut odd = String::new();
    for (number, text) in ODD.into_iter().enumerate() {
        let text = quoted(text);
        odd += &format!("k{number}: {text}\nm{number}: {{a: {{b: {text}}}}}\n");
    }
    for text in ODD.into_iter().filter(|text| !text.contains(['\n', '\r', '\u{85}'])) {
        odd += &format!("{}: {{{}: 1}}\n", quoted(&format!("{text}k")), quoted(&format!("-{text}")));
    }
    for text in ODD.into_iter().filter(|text| !text.starts_with([' ', '\n'])) {
        let text = quoted(text);
        odd += &format!("l{}: [{text}, [{text}, [{text}]], {{a: {text}, b: [{text}, {{c: {text}}}]}}]\n", odd.len());
    }
    let long = "word ".repeat(200);
    let plain = format!(
        "a: [1, 1.5, 1e21, 100000.0, 1000000.0, -0.0, true, null, 2001-12-14t21:59:43.10-05:00, {{}}, []]\nb: {{}}\nc: []\nlong: {long}\n"
    );
    let all = std::fs::read_to_string("tests/vectors/sops/make").unwrap();
    let all = all.split_once("<<'YAML'\n").unwrap().1.split_once("YAML\n").unwrap().0;
    let lists = "l:\n    # one\n    - a # beside a\n    # two\n    - b: 1\n      # three\n      c: 2\n    # four\n    - # five\n      d: 3\n    -\n        # six\n        - e\n        # seven\n        - f # g\nm:\n    # eight\n    n: |\n        x\n        y\n";
    let ends = ["a: \"x\\n\\n\"\n", "a: \"x\\n\\n\"\nb: 1\n", "a: \"x\\n\"\n"];
    let files = [
        commented.as_str(),
        &odd,
        &plain,
        all,
        lists,
        "a: one\n---\n# d\nb: two\n---\n",
        "a: \"x\\n\\n\"\n---\nb: 1\n",
    ];
    for (number, text) in files.into_iter().chain(ends).enumerate() {
        let name = format!("{number}.yaml");
        sops.encrypt(&name, text, &["--unencrypted-suffix", "_clear"]);
        let printed = sops.run(&["decrypt", &name]).unwrap();
        let ours = decrypted(&sops, &name).unwrap_or_else(|problem| panic!("{problem}\n{text}")).print().unwrap();
        assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&printed), "{name}");
    }
}

#[test]
fn several_documents() {
    let Some(sops) = Sops::new() else { return };
    sops.encrypt("many.yaml", "a: one\n---\nb: two\nc: [x]\n---\n# nothing\n", &[]);
    let clear = decrypted(&sops, "many.yaml").unwrap_or_else(|problem| panic!("{problem}"));
    let leaves = clear.leaves();
    let values: Vec<_> = leaves.iter().map(|leaf| (leaf.document, leaf.bytes().to_vec())).collect();
    assert_eq!(values, [(0, b"one".to_vec()), (1, b"two".to_vec()), (1, b"x".to_vec())]);
}
