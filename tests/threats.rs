//! What we promise, what we are threatened by, and what can go wrong in a process: each has the name of a test that exists
//! and is run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;

use program::Program;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_default()
}

/// The rows of the tables of a text, as cells; heads and rules are left out.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_row = |line: &str| line.starts_with("| ") && line.ends_with('|');
    let is_head = |number: usize| lines.get(number + 1).is_some_and(|next| next.starts_with("|---"));
    let of = |(number, line): (usize, &&'_ str)| (is_row(line) && !is_head(number)).then_some(number);
    let numbers = lines.iter().enumerate().filter_map(of);
    numbers.map(|number| lines[number].trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The names of tests in a cell: what stands in backquotes and looks like one.
fn names(cell: &str) -> Vec<&str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains("::") || Path::new(text).extension().is_some_and(|end| end == "case")).collect()
}

/// Why nothing of this name is run; None where something is.
fn missing(name: &str) -> Option<String> {
    let Some((file, test)) = name.rsplit_once("::") else {
        return (!root().join("tests").join(name).exists()).then(|| format!("{name}: there is no such case"));
    };
    let file = if file.starts_with("src/") { file.to_owned() } else { format!("tests/{}.rs", file.replace("::", "/")) };
    let text = read(&file);
    let Some(at) = text.find(&format!("fn {test}(")) else { return Some(format!("{name}: {file} has no such test")) };
    // The attributes of a test stand between the end of what is before it and its name
    let attributes = text[..at].rsplit("\n\n").next().unwrap_or_default();
    let runs = attributes.contains("#[test]") && !attributes.contains("#[ignore");
    (!runs).then(|| format!("{name}: it is no test that is run"))
}

fn fail_on(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

// --- Threats and promises ---

/// The threats of each boundary.
const THREATS: [(char, usize); 5] = [('T', 13), ('N', 8), ('P', 10), ('C', 6), ('U', 4)];

/// What is wrong with a threat model.
fn wrong_with(text: &str) -> Vec<String> {
    let rows = rows(text);
    let ids: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let expected = THREATS.iter().flat_map(|(letter, count)| (1..=*count).map(move |n| format!("{letter}{n}")));
    let absent = expected.filter(|id| !ids.contains(&id.as_str())).map(|id| format!("{id} has no row"));
    let mut wrong: Vec<String> = absent.collect();
    for row in &rows {
        let tests = names(row.last().unwrap());
        let open = row.iter().any(|cell| cell.to_lowercase().contains("**not closed**"));
        if tests.is_empty() && !open {
            wrong.push(format!("{}: neither a test nor an open word that it is not closed", row[0]));
        }
        wrong.extend(tests.into_iter().filter_map(missing));
    }
    wrong
}

#[test]
fn every_threat_has_a_row_and_every_row_a_test_that_exists() {
    fail_on(&wrong_with(&read("docs/threat-model.md")));
}

#[test]
fn what_is_wrong_with_a_threat_model_is_seen() {
    let good = read("docs/threat-model.md");
    let seen = |from: &str, to: &str, why: &str| {
        assert!(good.contains(from), "{from}");
        let wrong = wrong_with(&good.replacen(from, to, 1));
        assert!(wrong.iter().any(|wrong| wrong.contains(why)), "{from}: {wrong:?}");
    };
    seen("| T7 |", "| t7 |", "T7 has no row");
    seen("`policy::project_team_is_not_team_a`", "`policy::no_such_test`", "has no such test");
    seen("`policy::project_team_is_not_team_a`", "`nowhere::no_such_test`", "has no such test");
    seen("`policy::project_team_is_not_team_a`", "`policy::secret`", "it is no test that is run");
    seen("`policy::project_team_is_not_team_a`", "`policy::vault`", "it is no test that is run");
    seen("faults/f15-both-scopes.case", "faults/f15-no-scope.case", "there is no such case");
    seen("**not closed**: nothing is published", "nothing is published", "neither a test nor an open word");
}

/// The promises of the README: their section, up to the next one.
#[test]
fn every_promise_names_tests_that_exist() {
    let readme = read("README.md");
    let (_, section) = readme.split_once("## What we promise about secrets").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = rows(section);
    assert!(rows.len() >= 7, "the promises are gone");
    for row in rows {
        let tests = names(row[1]);
        assert!(!tests.is_empty(), "{}: no test is named", row[0]);
        fail_on(&tests.into_iter().filter_map(missing).collect::<Vec<_>>());
    }
}

/// What is named is run: `make test` runs every test there is, with all features, and what wants none of them.
#[test]
fn make_test_runs_them_all() {
    let makefile = read("Makefile");
    let (_, test) = makefile.split_once("\ntest:").unwrap();
    let recipe: Vec<&str> = test.lines().skip(1).take_while(|line| line.starts_with('\t')).map(str::trim).collect();
    assert!(recipe.contains(&"cargo test --features full --no-fail-fast"), "{recipe:?}");
    assert!(recipe.contains(&"cargo test --no-default-features --test compile_fail"), "{recipe:?}");
    assert!(!read("Cargo.toml").contains("autotests"), "a test file may be left out");
}

// --- Faults ---

/// The faults of files and roots, of processes and hosts, of who calls us, and of ourselves: their letter, and how many.
const FAULTS: [(char, usize); 4] = [('d', 10), ('h', 12), ('i', 10), ('j', 5)];

/// Those that no test can show, and why.
const WITHOUT_A_TEST: [(&str, &str); 2] = [
    ("j2", "two builds on two machines are compared where something is released; nothing is yet"),
    ("j3", "there is no lock file: seals are derived, so there is none to be older or newer than a binary"),
];

/// Names of tests, and of cases.
fn all_names(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => all_names(&path, names),
            Some("case") => names.push(name.replace('-', "_")),
            Some("rs") => {
                let text = fs::read_to_string(&path).unwrap();
                let tests = text.split("#[test]").skip(1).filter_map(|rest| rest.split("fn ").nth(1));
                names.extend(tests.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
            }
            _ => {}
        }
    }
}

#[test]
fn every_fault_of_files_processes_hosts_and_settings_is_a_numbered_test() {
    let mut names = vec![];
    for folder in ["src", "tests"] {
        all_names(&root().join(folder), &mut names);
    }
    let words: BTreeSet<String> = names.iter().flat_map(|name| name.split('_')).map(str::to_owned).collect();
    let mut wrong = vec![];
    for (letter, number) in FAULTS.iter().flat_map(|(letter, count)| (1..=*count).map(move |number| (letter, number))) {
        let fault = format!("{letter}{number}");
        let tested = words.contains(&fault) || words.contains(&format!("{letter}{number:02}"));
        let excused = WITHOUT_A_TEST.iter().any(|(without, why)| *without == fault && !why.is_empty());
        if tested == excused {
            wrong.push(format!(
                "{fault}: {}",
                if tested { "it has a test, and says that it has none" } else { "no test" }
            ));
        }
    }
    fail_on(&wrong);
}

// --- T7 ---

fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    let escaped = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
    json.chars().map(escaped).collect()
}

/// Whatever stands in an annotation or a value, one object comes in and one goes out, of the kind that was planned.
#[test]
fn text_becomes_no_object_t7() {
    let evil = "kind: ClusterRoleBinding";
    let texts = [
        format!("x\n---\n{evil}\nmetadata: {{name: evil}}\n"),
        format!("x\n...\n---\n{evil}\n"),
        format!("x\"\n{evil}\n"),
        format!("x'\n{evil}\n#"),
        "}\n---\n{\"kind\": \"ClusterRoleBinding\"}".to_owned(),
        format!("|\n {evil}\n{evil}"),
        format!("&a *a <<: !!map {evil}"),
        format!("\r\n---\r\n{evil}\r\n"),
        format!("\u{85}---\u{2028}{evil}\u{2029}"),
        format!("{{{{ \"\\n---\\n{evil}\" }}}} {{% raw %}} ${{x}} $(x)"),
    ];
    let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {stores: [{match: {scheme: vault}, use: {kind: SecretStore, name: vault}}]}\n";
    for text in texts {
        let (note, value) = (quoted(&text), quoted(&format!("{text} ref+vault://kv/a#/c")));
        let stream = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a, namespace: b, annotations: {{example.com/note: {note}}}}}\nstringData: {{p: ref+vault://kv/a#/b, q: {value}}}\n"
        );
        let program = Program::new();
        fs::write(program.folder().join(".sealref.yaml"), settings).unwrap();
        let output = program.shell("sealref render -", stream.as_bytes());
        let (out, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success(), "{text:?}: {told}");
        let Ok(pieces) = sealref::yaml::pieces(&out, &|_| true) else { panic!("{out}") };
        assert_eq!(pieces.pieces.len(), 1, "{out}");
        let kinds: Vec<&str> = out.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).collect();
        let kinds: BTreeSet<&str> = kinds.into_iter().filter(|line| line.starts_with("kind:")).collect();
        assert_eq!(kinds, BTreeSet::from(["kind: ExternalSecret"]), "{out}");
    }
}
