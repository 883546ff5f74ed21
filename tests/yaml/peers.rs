//! The two Go readers, asked on every run where Go is installed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use sealref::yaml::{Kind, Syntax, Tree, Value};
use serde_json::Value as Json;

use crate::nasty::{self, Dice, Pen};

struct Answer {
    /// None where it refuses the document.
    kubernetes: Option<Json>,
    kustomize: Option<Json>,
}

/// Builds the reader once; None where Go is missing, which only a continuous build may not be.
fn reader() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("peers");
    std::fs::create_dir_all(&folder).expect("a folder for the peers");
    // A name of its own, then renamed: tests run side by side.
    let fresh = folder.join(format!("yaml-{}-{:?}", std::process::id(), std::thread::current().id()));
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&fresh)
        .arg(".")
        .current_dir(root.join("tests/peers/yaml"))
        .status();
    match built {
        Ok(status) if status.success() => {
            let program = folder.join("yaml");
            std::fs::rename(&fresh, &program).expect("the peer");
            Some(program)
        }
        found => {
            let is_missing = matches!(&found, Err(error) if error.kind() == std::io::ErrorKind::NotFound);
            assert!(is_missing, "the peer does not build: {found:?}");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "go is missing");
            println!("skipped: go is missing");
            None
        }
    }
}

fn ask(documents: &[String]) -> Option<Vec<Answer>> {
    let mut child =
        Command::new(reader()?).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer runs");
    let base64 = base64::engine::general_purpose::STANDARD;
    let encoded: Vec<String> = documents.iter().map(|text| base64.encode(text)).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    let question = serde_json::to_vec(&encoded).expect("JSON");
    let asking = std::thread::spawn(move || stdin.write_all(&question));
    let output = child.wait_with_output().expect("an answer");
    asking.join().expect("a thread").expect("a question");
    let answers: Vec<Json> = serde_json::from_slice(&output.stdout).expect("answers");
    assert_eq!(answers.len(), documents.len());
    Some(
        answers
            .into_iter()
            .map(|answer| Answer {
                kubernetes: (answer["error"] == "").then(|| answer["sigs"].clone()),
                kustomize: answer["v3"].get(0).cloned(),
            })
            .collect(),
    )
}

/// What we mean, as JSON says it.
fn json(value: &Value<'_>) -> Json {
    serde_json::from_str(&value.write(Syntax::Member)).expect("our JSON is JSON")
}

/// Numbers as numbers: `1.0` is `1`.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            Value::Number(a.to_string().into()) == Value::Number(b.to_string().into())
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Text of characters that readers trip over.
fn odd_text(dice: &mut Dice) -> String {
    let odd = [
        "a",
        "b",
        "1",
        "0",
        "_",
        ".",
        ":",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "#",
        " #",
        ": ",
        "- ",
        "'",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        "?",
        "=",
        "<<",
        "~",
        "yes",
        "null",
        "e3",
        "0x",
        "0o7",
        "-",
        "+",
        "\r",
        "\u{0}",
        "\u{1b}",
        "\u{7f}",
        "\u{80}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "\u{fffe}",
        "\u{e9}",
        "\u{1f600}",
        "\u{10ffff}",
        "---",
        "...",
        "2001-01-01",
        "/",
        "\u{2003}",
    ];
    (0..dice.below(7)).map(|_| dice.one(&odd)).collect()
}

#[test]
fn what_we_write_both_readers_read() {
    let mut dice = Dice::new(1);
    let mut values = Vec::new();
    for _ in 0..1500 {
        let inner = nasty::value(&mut dice, 0);
        let text = odd_text(&mut dice);
        let key = format!("{}k", odd_text(&mut dice));
        values.push(Value::map([
            ("a".to_owned(), Value::text(text.clone())),
            ("b".to_owned(), Value::List(vec![Value::text(text), inner])),
            (key, Value::text(odd_text(&mut dice))),
        ]));
    }
    let syntaxes = [Syntax::Document, Syntax::Inline, Syntax::Item { column: 3 }];
    let documents: Vec<String> = values.iter().flat_map(|value| syntaxes.map(|syntax| value.write(syntax))).collect();
    let Some(answers) = ask(&documents) else {
        return;
    };
    for (at, answer) in answers.iter().enumerate() {
        let mut wanted = json(&values[at / syntaxes.len()]);
        if at % syntaxes.len() == 2 {
            wanted = Json::Array(vec![wanted]);
        }
        for (who, read) in [("sigs", &answer.kubernetes), ("v3", &answer.kustomize)] {
            let fits = read.as_ref().is_some_and(|read| same(read, &wanted));
            assert!(fits, "{who} reads {read:?} instead of {wanted} in\n{}", documents[at]);
        }
    }
}

#[test]
fn plain_scalars_are_read_as_sigs_reads_them() {
    let parts = [
        "0",
        "1",
        "7",
        "8",
        "9",
        "12",
        "_",
        ".",
        "-",
        "+",
        "e",
        "E",
        "x",
        "X",
        "o",
        "O",
        "b",
        "B",
        "a",
        "f",
        ":",
        "T",
        "t",
        "Z",
        "y",
        "Y",
        "n",
        "N",
        "o",
        "yes",
        "No",
        "on",
        "OFF",
        "true",
        "False",
        "null",
        "~",
        ".inf",
        ".nan",
        "2001",
        "2024-02-30",
        "2024-02-29",
        "-1",
        "e400",
        "e-400",
        "18446744073709551616",
        "9223372036854775808",
    ];
    let mut dice = Dice::new(2);
    let scalars: Vec<String> = (0..6000)
        .map(|_| (0..=dice.below(5)).map(|_| dice.one(&parts)).collect::<String>())
        .filter(|scalar| !scalar.contains(": ") && !scalar.starts_with("-:") && *scalar != "-" && *scalar != "---")
        .collect();
    // As a value, and as a key.
    let documents: Vec<String> =
        scalars.iter().flat_map(|scalar| [format!("k: {scalar}\n"), format!("{scalar}: k\n")]).collect();
    compare(&documents, 0);
}

#[test]
fn nasty_documents_are_read_as_sigs_reads_them() {
    let documents: Vec<String> = (0..3000)
        .map(|seed| {
            let mut dice = Dice::new(seed);
            let model = nasty::model(&mut dice, 0, false, &mut Vec::new(), &mut 0);
            let mut pen = Pen { dice: &mut dice, out: String::new(), kept: false };
            pen.document(&model);
            pen.out
        })
        .collect();
    compare(&documents, 0);
}

#[test]
fn broken_documents_are_read_as_sigs_reads_them_or_refused() {
    let mut documents = Vec::new();
    for seed in 0..4000 {
        let mut dice = Dice::new(seed);
        let model = nasty::model(&mut dice, 0, false, &mut Vec::new(), &mut 0);
        let mut pen = Pen { dice: &mut dice, out: String::new(), kept: false };
        pen.document(&model);
        let mut text: Vec<char> = pen.out.chars().take(400).collect();
        for _ in 0..=dice.below(3) {
            let at = dice.below(text.len().max(1));
            let new: Vec<char> = dice
                .one(&[
                    "", " ", "\n", ":", "- ", "'", "\"", "#", "{", "]", "!", "&a ", "*a1", "|", "\t", "!!str ", "? ",
                ])
                .chars()
                .collect();
            let end = (at + dice.below(3)).min(text.len());
            text.splice(at.min(end)..end, new);
        }
        documents.push(text.into_iter().collect());
    }
    compare(&documents, 1);
}

/// Where we read something, Kubernetes reads the same. `lenient`: it may also refuse what we read.
fn compare(documents: &[String], lenient: usize) {
    let Some(answers) = ask(documents) else {
        return;
    };
    let mut both = 0;
    for (text, answer) in documents.iter().zip(answers) {
        let Ok(tree) = Tree::parse(text, Syntax::Document) else {
            continue;
        };
        if tree.kind(tree.root()) != Kind::Map {
            // No object: whoever asked refuses it.
            continue;
        }
        let ours = json(&Value::of(&tree, tree.root()));
        match answer.kubernetes {
            Some(theirs) => {
                assert!(same(&ours, &theirs), "we read {ours}, sigs {theirs} in\n{text:?}");
                both += 1;
            }
            None => assert!(lenient > 0, "we read {ours}, sigs refuses\n{text:?}"),
        }
    }
    println!("{both} of {} documents were read by both", documents.len());
    assert!(both * 10 > documents.len(), "{both} of {}", documents.len());
}
