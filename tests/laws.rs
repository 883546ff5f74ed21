//! The laws of the source, read from the source: which room may import which, who may name a scheme or
//! a target, what never stands in code, how long a file may be, and which types can be printed or copied.
//!
//! Each checker is also shown a small source that breaks its law.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sealref::{rules, sources, targets};

/// A file of `src/`, cut into what the compiler sees and what it does not. Tests are left out.
struct File {
    /// `steps/plan/store.rs`.
    name: String,
    /// Code with empty strings and no comments, line by line.
    code: Vec<String>,
    /// String literals with their lines, from 1.
    literals: Vec<(usize, String)>,
    /// Everything but strings: code and comments.
    unquoted: Vec<String>,
    /// Lines that are no tests.
    length: usize,
}

impl File {
    /// The room: the first part of the path.
    fn room(&self) -> &str {
        let first = self.name.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn read(name: &str, text: &str) -> Self {
        let (mut code, mut unquoted, mut literals) = (String::new(), String::new(), vec![]);
        let mut rest = text;
        let mut line = 1;
        let newlines = |text: &str| "\n".repeat(text.matches('\n').count());
        while let Some(c) = rest.chars().next() {
            let (kind, length) = token(rest, code.chars().last());
            let (this, behind) = rest.split_at(length);
            match kind {
                Token::Code => {
                    code.push_str(this);
                    unquoted.push_str(this);
                }
                Token::Comment => {
                    code.push_str(&newlines(this));
                    unquoted.push_str(this);
                }
                Token::Text => {
                    let inner = this.trim_start_matches(['b', 'c', 'r', '#']).trim_end_matches('#');
                    literals.push((line, inner.trim_matches(['"', '\'']).to_owned()));
                    let quote = if c == '\'' { "' '" } else { "\"\"" };
                    code.push_str(quote);
                    code.push_str(&newlines(this));
                    unquoted.push_str(&newlines(this));
                }
            }
            line += this.matches('\n').count();
            rest = behind;
        }
        let tests = test_lines(&code);
        let kept = |text: &str| {
            let lines = (1..).zip(text.lines());
            lines.map(|(n, line)| if tests.contains(&n) { String::new() } else { line.to_owned() }).collect::<Vec<_>>()
        };
        let length = code.lines().count() - tests.len();
        literals.retain(|(line, _)| !tests.contains(line));
        Self { name: name.to_owned(), code: kept(&code), unquoted: kept(&unquoted), literals, length }
    }

    /// Lines of code that hold one of the words, where nothing that belongs to a name stands before it.
    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let begins = |line: &str, word: &str| {
            line.match_indices(word).any(|(at, _)| {
                let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_';
                !word.starts_with(part_of_a_name) || !line[..at].ends_with(part_of_a_name)
            })
        };
        let lines = (1..).zip(&self.code);
        let found = lines.filter(|(_, line)| words.iter().any(|word| begins(line, word)));
        found.map(|(n, line)| format!("src/{}:{n}: {}", self.name, line.trim())).collect()
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Code,
    Comment,
    Text,
}

/// What begins here, and how many bytes it has.
fn token(rest: &str, before: Option<char>) -> (Token, usize) {
    let one = rest.chars().next().map_or(0, char::len_utf8);
    if rest.starts_with("//") {
        return (Token::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Token::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    let named = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let bare = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - bare.len();
    if let Some(raw) = bare.strip_prefix('r').filter(|_| !named) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let start = prefix + 1 + hashes + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let end = rest[start..].find(&close).map_or(rest.len(), |end| start + end + close.len());
            return (Token::Text, end);
        }
    }
    if bare.starts_with('"') && (prefix == 0 || !named) {
        return (Token::Text, prefix + quoted(bare, '"'));
    }
    // A lifetime has no second quote: 'a, 'static.
    let character = bare.starts_with("'\\") || bare.chars().nth(2) == Some('\'');
    if bare.starts_with('\'') && character && (prefix == 0 || !named) {
        return (Token::Text, prefix + quoted(bare, '\''));
    }
    (Token::Code, one)
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The lines of items under `#[cfg(test)]`, in code whose strings are empty.
fn test_lines(code: &str) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    for (at, marker) in code.match_indices("#[cfg(test)]") {
        let (mut depth, mut length) = (0usize, 0);
        for (index, c) in code[at + marker.len()..].char_indices() {
            length = index;
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => break,
                '}' => depth -= 1,
                ';' if depth == 0 => break,
                _ => {}
            }
        }
        let first = 1 + code[..at].matches('\n').count();
        let count = 1 + code[at..at + marker.len() + length].matches('\n').count();
        lines.extend(first..first + count);
    }
    lines
}

/// Every file of `src/` that is not a file of tests.
fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names = vec![];
    list(&root, &mut names);
    names.sort();
    let texts: BTreeMap<String, String> = names
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    // `#[cfg(test)] mod vectors;` makes all of vectors.rs a test
    let of_tests = |name: &str| {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let parents = [format!("{folder}/mod.rs"), format!("{folder}.rs")];
        let declared = format!("#[cfg(test)]\nmod {};", file.trim_end_matches(".rs"));
        parents.iter().filter_map(|parent| texts.get(parent)).any(|text| text.contains(&declared))
    };
    let kept = texts.iter().filter(|(name, _)| !of_tests(name));
    let files: Vec<File> = kept.map(|(name, text)| File::read(name, text)).collect();
    assert!(files.len() > 60, "only {} files were found", files.len());
    files
}

fn list(folder: &Path, names: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.push(path);
        }
    }
}

fn fail_on(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

// --- Arrows ---

/// What each room may import besides itself. Design: limits, error <- yaml <- model <- seal, settings,
/// plug-in rooms <- steps <- cli.
const ARROWS: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("error", &["limits"]),
    ("yaml", &["error", "limits"]),
    ("model", &["error", "limits", "yaml"]),
    ("seal", &["error", "limits", "model"]),
    ("settings", &["error", "limits", "model", "yaml"]),
    ("grammars", &["error", "limits", "model", "yaml"]),
    ("sites", &["error", "limits", "model", "yaml"]),
    ("sources", &["error", "limits", "model", "yaml"]),
    ("targets", &["error", "limits", "model", "seal", "yaml"]),
    // Rules read references, measure seals, and ask what the settings let pass
    ("rules", &["error", "grammars", "limits", "model", "seal", "settings", "yaml"]),
    // Reports tell what rules found
    ("reports", &["error", "limits", "model", "rules", "yaml"]),
    ("alerts", &["limits", "model", "yaml"]),
    // The doors answer the questions of `model::Wire`
    ("outside", &["error", "limits", "model"]),
    // A host turns a call into a job: it looks for settings and reads what was named
    ("hosts", &["error", "limits", "model", "outside", "settings", "yaml"]),
    (
        "steps",
        &[
            "error", "grammars", "hosts", "limits", "model", "rules", "seal", "settings", "sites", "sources",
            "targets", "yaml",
        ],
    ),
    (
        "cli",
        &[
            "alerts", "error", "hosts", "limits", "model", "outside", "reports", "rules", "seal", "settings", "steps",
            "yaml",
        ],
    ),
    ("main", &["cli", "error", "outside"]),
    (
        "lib",
        &[
            "alerts", "cli", "error", "grammars", "hosts", "limits", "model", "outside", "reports", "rules", "seal",
            "settings", "sites", "sources", "steps", "targets", "yaml",
        ],
    ),
];

/// The rooms that a file imports, by `use crate::`, an inline `crate::`, or `sealref::` in main.rs.
fn imports(file: &File) -> BTreeSet<String> {
    let code = file.code.join("\n");
    let mut rooms = BTreeSet::new();
    for marker in ["crate::", "sealref::"] {
        for (at, _) in code.match_indices(marker) {
            let rest = &code[at + marker.len()..];
            match rest.strip_prefix('{') {
                None => rooms.extend(word(rest)),
                Some(group) => {
                    // Only the names at the outer level of the braces are rooms
                    let mut depth = 0;
                    let mut start = true;
                    for (index, c) in group.char_indices() {
                        match c {
                            '{' => depth += 1,
                            '}' if depth == 0 => break,
                            '}' => depth -= 1,
                            ',' if depth == 0 => start = true,
                            c if start && c.is_alphabetic() => {
                                rooms.extend(word(&group[index..]));
                                start = false;
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    rooms
}

/// The name at the beginning of a text; macros and types are no rooms.
fn word(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    name.chars().next().is_some_and(char::is_lowercase).then_some(name)
}

fn backward_arrows(files: &[File]) -> Vec<String> {
    let mut wrong = vec![];
    for file in files {
        let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == file.room()) else {
            wrong.push(format!("src/{}: the room is not in the table of arrows", file.name));
            continue;
        };
        for room in imports(file) {
            if room != file.room() && room != "self" && !allowed.contains(&room.as_str()) {
                wrong.push(format!("src/{}: imports {room}", file.name));
            }
        }
    }
    wrong
}

#[test]
fn arrows_point_one_way() {
    fail_on(&backward_arrows(&sources()));
}

#[test]
fn the_table_of_arrows_has_no_circle() {
    fn reaches(from: &str, to: &str, level: usize) -> bool {
        let arrows = ARROWS.iter().find(|(room, _)| *room == from).map_or(&[][..], |(_, arrows)| *arrows);
        level < ARROWS.len() && arrows.iter().any(|next| *next == to || reaches(next, to, level + 1))
    }
    for (room, _) in ARROWS {
        assert!(!reaches(room, room, 0), "{room}");
    }
}

#[test]
fn a_backward_arrow_is_seen() {
    let bad = |name, text| backward_arrows(&[File::read(name, text)]);
    assert_eq!(bad("yaml/x.rs", "use crate::model::Stream;").len(), 1);
    assert_eq!(bad("yaml/x.rs", "fn f() { crate::steps::render() }").len(), 1);
    assert_eq!(bad("model/x.rs", "use crate::{error::{Exit, Problem}, outside, yaml::Tree};").len(), 1);
    assert_eq!(bad("model/x.rs", "use crate::{\n    error::Problem,\n    sources,\n};").len(), 1);
    assert_eq!(bad("strange/x.rs", "").len(), 1);
    assert_eq!(bad("main.rs", "fn main() { sealref::steps::render() }").len(), 1);
    assert!(bad("yaml/x.rs", "// use crate::model::Stream;\nuse crate::error::Problem;").is_empty());
    assert!(bad("yaml/x.rs", "#[cfg(test)]\nmod tests {\n    use crate::model::Stream;\n}\n").is_empty());
}

/// The modules that a room's registry names: `&vault::Vault` in a static slice.
fn registered(module: &File) -> BTreeSet<String> {
    let code = module.code.join(" ");
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("static ") {
        let Some((_, list)) = code[at..].split_once('=') else { continue };
        let list = list.split(';').next().unwrap();
        names.extend(list.split(['&', '[', '(', ',', ' ']).filter(|entry| entry.contains("::")).filter_map(word));
    }
    names
}

const ROOMS: [&str; 6] = ["grammars", "reports", "rules", "sites", "sources", "targets"];

fn plug_ins_that_import_each_other(files: &[File]) -> Vec<String> {
    let mut wrong = vec![];
    for room in ROOMS {
        let Some(module) = files.iter().find(|file| file.name == format!("{room}/mod.rs")) else { continue };
        let plug_ins = registered(module);
        if plug_ins.is_empty() {
            wrong.push(format!("src/{room}/mod.rs: no registry was found"));
        }
        for file in files.iter().filter(|file| file.room() == room && file.name != module.name) {
            let own = file.name.rsplit('/').next().unwrap().trim_end_matches(".rs");
            for other in plug_ins.iter().filter(|other| *other != own) {
                let paths = [format!("super::{other}"), format!("{room}::{other}::")];
                let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                wrong.extend(file.lines_with(&paths));
                let grouped = file.code.iter().filter_map(|line| line.trim().strip_prefix("use super::{"));
                let names = grouped.flat_map(|group| group.split(|c: char| !c.is_alphanumeric() && c != '_'));
                if names.into_iter().any(|name| name == other) {
                    wrong.push(format!("src/{}: imports {other}", file.name));
                }
            }
        }
    }
    wrong
}

#[test]
fn plug_ins_never_import_each_other() {
    fail_on(&plug_ins_that_import_each_other(&sources()));
}

#[test]
fn a_plug_in_that_imports_another_is_seen() {
    let room = "pub static ALL: &[&dyn Source] = &[&aws::Aws, &vault::Vault];";
    let bad = |text| {
        let files = [File::read("sources/mod.rs", room), File::read("sources/aws.rs", text)];
        plug_ins_that_import_each_other(&files).len()
    };
    assert_eq!(bad("use super::vault::mount;"), 1);
    assert_eq!(bad("fn f() { super::vault::mount() }"), 1);
    assert_eq!(bad("use super::{Facts, vault};"), 1);
    assert_eq!(bad("use crate::sources::vault::mount;"), 1);
    assert_eq!(bad("use super::{Facts, property};"), 0);
}

#[test]
fn the_registries_have_what_the_files_say() {
    for file in sources().iter().filter(|file| ROOMS.iter().any(|room| file.name == format!("{room}/mod.rs"))) {
        assert!(!registered(file).is_empty(), "{}", file.name);
    }
    let all = sources();
    let of = |name: &str| registered(all.iter().find(|file| file.name == name).unwrap()).len();
    assert_eq!(of("rules/mod.rs"), rules::RULES.len() + rules::CHECKS.len());
    assert_eq!(of("sources/mod.rs"), sources::SOURCES.len());
    assert_eq!(of("targets/mod.rs"), targets::TARGETS.len());
}

// --- Names ---

/// File, name, and why the name may stand there. An entry that nothing needs any more fails too.
const NAMED: &[(&str, &str, &str)] = &[
    ("cli/cert.rs", "file", "the field of the answer that names a file"),
    ("cli/doctor/probe.rs", "ExternalSecret", "what a builder that ran the probe prints"),
    ("cli/doctor/probe.rs", "vault", "the reference that builders are tried with"),
    ("cli/merge.rs", "SealedSecret", "it merges into the Kubernetes kind, which it has to find in the file"),
    ("cli/unsealing.rs", "SealedSecret", "the word in files that may hold the Kubernetes kind"),
    ("cli/suggest.rs", "ExternalSecret", "the Kubernetes kind, whose store reads as a ServiceAccount"),
    ("grammars/uri.rs", "vault", "the example in a hint"),
    ("rules/external_secrets.rs", "ExternalSecret", "the rules are about the Kubernetes kind"),
    ("rules/keys.rs", "ExternalSecret", "the Kubernetes kind, as something that gives a Secret its keys"),
    ("hosts/flux.rs", "op", "the field of a JSON patch, RFC 6902"),
    ("rules/leaks/mod.rs", "env", "the field of a container"),
    ("rules/leaks/names.rs", "env", "a word at the end of names"),
    ("reports/results.rs", "file", "a field of the KRM Functions Specification"),
    ("rules/rbac/question.rs", "SealedSecret", "whoever has the sealing keys opens the Kubernetes kind"),
    ("rules/seals.rs", "SealedSecret", "the rule is about the Kubernetes kind"),
    ("rules/rotation.rs", "ExternalSecret", "the rules are about the Kubernetes kind"),
    ("settings/transform.rs", "env", "the field `key: {env: NAME}` of the settings"),
    ("settings/transform.rs", "file", "the field `key: {file: PATH}` of the settings"),
    ("sites/env.rs", "env", "the name of the site, no scheme"),
    ("steps/claims/written.rs", "ExternalSecret", "the Kubernetes kind, as it is written by hand"),
    ("steps/compare/changed.rs", "ExternalSecret", "the Kubernetes kind, of which it knows the fields"),
    ("steps/compare/changed.rs", "SealedSecret", "the Kubernetes kind, of which it knows the fields"),
    ("steps/compare/pair.rs", "ExternalSecret", "the Kubernetes kind, as something that gives a Secret"),
    ("steps/compare/pair.rs", "SealedSecret", "the Kubernetes kind, as something that gives a Secret"),
    ("steps/compare/walk.rs", "env", "the field of a container, whose members have names"),
    ("steps/find/inventory.rs", "ExternalSecret", "the Kubernetes kind, as something that provides a Secret"),
    ("steps/find/inventory.rs", "SealedSecret", "the Kubernetes kind, as something that provides a Secret"),
    ("steps/survey.rs", "ExternalSecret", "the Kubernetes kind, as it is written by hand"),
    ("steps/survey.rs", "SealedSecret", "the Kubernetes kind, as it is found in a repository"),
    ("steps/unseal.rs", "SealedSecret", "the Kubernetes kind, whose values it opens"),
    ("steps/plan.rs", "env", "the hint names the sources that give values"),
    ("steps/plan.rs", "file", "the hint names the sources that give values"),
    ("steps/plan.rs", "vault", "the example in a hint"),
];

/// Each name that a registry knows, with the room where it lives.
fn registry() -> Vec<(&'static str, &'static str)> {
    let schemes = sources::facts().map(|facts| (facts.scheme, "sources"));
    schemes.chain(targets::TARGETS.iter().map(|target| (target.name(), "targets"))).collect()
}

/// A literal that is a name, and so can be matched on, or that writes one before `://`.
fn names(literal: &str, name: &str) -> bool {
    let written =
        || literal.match_indices(&format!("{name}://")).any(|(at, _)| !literal[..at].ends_with(char::is_alphanumeric));
    literal == name || written()
}

fn names_outside_their_rooms(files: &[File]) -> BTreeSet<(String, &'static str)> {
    let mut found = BTreeSet::new();
    for (name, room) in registry() {
        for file in files.iter().filter(|file| file.room() != room) {
            if file.literals.iter().any(|(_, literal)| names(literal, name)) {
                found.insert((file.name.clone(), name));
            }
        }
    }
    found
}

#[test]
fn schemes_and_targets_are_named_in_their_rooms_alone() {
    let found = names_outside_their_rooms(&sources());
    let allowed: BTreeSet<(String, &str)> = NAMED.iter().map(|(file, name, _)| ((*file).to_owned(), *name)).collect();
    let new: Vec<_> = found.difference(&allowed).collect();
    assert!(new.is_empty(), "named outside of their rooms: {new:?}");
    let stale: Vec<_> = allowed.difference(&found).collect();
    assert!(stale.is_empty(), "no longer needed in the list: {stale:?}");
}

#[test]
fn hosts_are_named_by_hosts_and_commands_alone() {
    let files = sources();
    let hosts: Vec<&str> = files
        .iter()
        .filter_map(|file| file.name.strip_prefix("hosts/")?.strip_suffix(".rs"))
        .filter(|name| !["mod", "settings"].contains(name))
        .collect();
    assert!(hosts.contains(&"stream"));
    let inside = |room: &str| ["hosts", "cli"].contains(&room);
    for file in files.iter().filter(|file| !inside(file.room())) {
        for host in &hosts {
            assert!(!file.literals.iter().any(|(_, literal)| literal == host), "{} names {host}", file.name);
            let paths = [format!("hosts::{host}")];
            fail_on(&file.lines_with(&[&paths[0]]));
        }
    }
}

#[test]
fn a_name_outside_its_room_is_seen() {
    let bad = |name, text| names_outside_their_rooms(&[File::read(name, text)]).len();
    assert_eq!(bad("steps/x.rs", "match scheme { \"vault\" => 1, _ => 2 }"), 1);
    assert_eq!(bad("steps/x.rs", "let hint = \"write ref+awsssm:///x\";"), 1);
    assert_eq!(bad("steps/x.rs", "let kind = r#\"SealedSecret\"#;"), 1);
    assert_eq!(bad("sources/x.rs", "let kind = \"ExternalSecret\";"), 1);
    assert_eq!(bad("sources/x.rs", "let scheme = \"vault\";"), 0);
    assert_eq!(bad("steps/x.rs", "// \"vault\"\nlet x = \"vaults\"; let vault = 1;"), 0);
}

/// Only the steps ask the registries; a plug-in is found by whoever orders the steps.
const REGISTRIES: &[(&str, &str)] =
    &[("GRAMMARS", "grammars"), ("RULES", "rules"), ("SITES", "sites"), ("SOURCES", "sources"), ("TARGETS", "targets")];

#[test]
fn only_steps_ask_the_registries() {
    let mut wrong = vec![];
    for file in sources().iter().filter(|file| file.room() != "steps") {
        for (name, _) in REGISTRIES.iter().filter(|(_, room)| *room != file.room()) {
            wrong.extend(file.lines_with(&[name]));
        }
    }
    fail_on(&wrong);
}

// --- What never stands in code ---

const NEVER: &[&str] = &[
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
    "todo!",
    "unimplemented!",
    "panic!",
    "unreachable!",
    ".unwrap()",
    ".unwrap_err()",
    ".expect(",
    ".expect_err(",
    "unsafe {",
    "unsafe fn",
];

#[test]
fn nothing_prints_or_panics_outside_of_tests() {
    let lines: Vec<String> = sources().iter().flat_map(|file| file.lines_with(NEVER)).collect();
    fail_on(&lines);
}

#[test]
fn something_that_prints_or_panics_is_seen() {
    let bad = |text| File::read("x.rs", text).lines_with(NEVER).len();
    for text in ["println!(\"x\");", "x.unwrap();", "x\n    .expect(\"y\");", "eprint!();", "dbg!(x);", "todo!()"] {
        assert_eq!(bad(text), 1, "{text}");
    }
    assert_eq!(bad("let x = \"a\\\"b\"; x.unwrap();"), 1);
    assert_eq!(bad("let c = '\"'; x.unwrap(); let d = '\"';"), 1);
    assert_eq!(bad("fn f<'a>(x: &'a str) { x.unwrap() }"), 1);
    for text in ["// x.unwrap()", "\"x.unwrap()\"", "r#\"\".unwrap()\"#", "x.unwrap_or(1)", "self.expect_token()"] {
        assert_eq!(bad(text), 0, "{text}");
    }
    assert_eq!(bad("#[cfg(test)]\nmod tests {\n fn f() { x.unwrap() }\n}\n"), 0);
    assert_eq!(bad("#[cfg(test)]\nmod tests {\n fn f() { x.unwrap() }\n}\nfn g() { x.unwrap() }\n"), 1);
}

/// The world is behind `outside/`; what `std` offers besides stands here, with the reason.
const WORLD: &[&str] = &["std::env", "std::fs", "std::io", "std::net", "std::process", "std::thread", "std::time"];

#[test]
fn the_world_is_behind_the_doors() {
    let mut wrong = vec![];
    for file in sources().iter().filter(|file| file.room() != "outside") {
        for line in file.lines_with(WORLD) {
            // The number a process ends with, and reading and writing bytes that are in memory
            let harmless = ["std::process::ExitCode", "std::io::Read as _", "std::io::Write as _"];
            if !harmless.iter().any(|name| line.contains(name)) {
                wrong.push(line);
            }
        }
        // There the lints are asked for, and nobody else switches them off
        let asked = ["lib.rs", "main.rs"].contains(&file.name.as_str());
        let said = file.lines_with(&["clippy::disallowed_methods,", "clippy::disallowed_types,"]);
        wrong.extend(
            file.lines_with(&["clippy::disallowed", "Command::new"])
                .into_iter()
                .filter(|line| !asked || !said.contains(line)),
        );
        if asked && (said.len() != 2 || file.lines_with(&["#![warn("]).len() != 1) {
            wrong.push(format!("{} does not ask for the lints", file.name));
        }
    }
    fail_on(&wrong);
}

/// One file starts programs, and these ask it to: what tries builders, what builds, what reads a history, and the login
/// of a command line, where the operator names it.
const ASKS_FOR_PROGRAMS: [&str; 4] =
    ["cli/diff/git.rs", "cli/doctor/", "hosts/builder.rs", "outside/identity/azure.rs"];

fn programs_started(files: &[File]) -> Vec<String> {
    let door = |file: &&File| file.name != "outside/process.rs";
    let starts = files.iter().filter(door).flat_map(|file| file.lines_with(&["Command::new", "process::Command"]));
    let listed = |file: &&File| ASKS_FOR_PROGRAMS.iter().any(|name| file.name.starts_with(name));
    let others = files.iter().filter(door).filter(|file| !listed(file));
    starts.chain(others.flat_map(|file| file.lines_with(&["Program {", "Program::", "process::Program"]))).collect()
}

#[test]
fn programs_are_started_by_one_file_for_those_that_are_listed() {
    let files = sources();
    fail_on(&programs_started(&files));
    for name in ASKS_FOR_PROGRAMS {
        let asks = files.iter().filter(|file| file.name.starts_with(name));
        assert!(asks.flat_map(|file| file.lines_with(&["Program"])).count() > 0, "{name} asks for no program");
    }
}

#[test]
fn a_program_that_is_started_elsewhere_is_seen() {
    let bad = |name, text| programs_started(&[File::read(name, text)]).len();
    assert_eq!(bad("steps/x.rs", "let x = std::process::Command::new(y);"), 1);
    assert_eq!(bad("cli/doctor/x.rs", "let x = Command::new(y);"), 1);
    assert_eq!(bad("cli/render.rs", "Program::tried(x, y, z)"), 1);
    assert_eq!(bad("sources/vault/fetch.rs", "let x = Program { file, ..tried };"), 1);
    assert_eq!(bad("cli/doctor/x.rs", "Program::tried(x, y, z)"), 0);
    assert_eq!(bad("outside/process.rs", "Command::new(y)"), 0);
}

#[test]
fn code_and_comments_are_ascii() {
    let mut wrong = vec![];
    for file in sources() {
        for (n, line) in (1..).zip(&file.unquoted) {
            if !line.is_ascii() {
                wrong.push(format!("src/{}:{n}: {line}", file.name));
            }
        }
    }
    fail_on(&wrong);
    let seen = |text| File::read("x.rs", text).unquoted.iter().any(|line| !line.is_ascii());
    assert!(seen("let \u{e4} = 1;") && seen("// \u{201c}x\u{201d}"));
    assert!(!seen("let a = \"\u{e4}\"; let b = '\u{e4}';"));
}

// --- Length ---

/// Files that are still to be split, with what they may have until then.
const LONGER: &[(&str, usize)] = &[];

#[test]
fn no_file_is_longer_than_400_lines() {
    let files = sources();
    let most = |file: &File| LONGER.iter().find(|(name, _)| *name == file.name).map_or(400, |(_, most)| *most);
    let long: Vec<String> = files
        .iter()
        .filter(|file| file.length > most(file))
        .map(|file| format!("src/{}: {} lines", file.name, file.length))
        .collect();
    fail_on(&long);
}

#[test]
fn lines_of_tests_do_not_count() {
    let tested = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { if x { y } }\n}\n";
    assert_eq!(File::read("x.rs", tested).length, 1);
    assert_eq!(File::read("x.rs", "fn f() {}\n\n// end\n").length, 3);
}

// --- Secrets ---

/// Types that hold values, keys or the text of manifests.
const HELD: &[&str] = &[
    "Controller",
    "KeySecret",
    "Keyring",
    "Keys",
    "Material",
    "Opaque",
    "Opened",
    "Payload",
    "Plan",
    "PrivateKey",
    "Secret",
    "SealingKey",
    "Template",
    "Tree",
    "Values",
    "Watch",
];

/// What would print, serialise, compare or copy them.
const TRAITS: &[&str] = &[
    "Clone",
    "Copy",
    "Debug",
    "Display",
    "Eq",
    "Hash",
    "JsonSchema",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Serialize",
    "ToString",
    "LowerHex",
    "UpperHex",
];

fn exposed(files: &[File], name: &str) -> Vec<String> {
    let mut wrong = vec![];
    let mut declared = false;
    for file in files {
        let code = file.code.join("\n");
        for (at, _) in code.match_indices(&format!("struct {name}")) {
            if code[at + "struct ".len() + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            declared = true;
            // The attributes stand between the item before and this one
            let start = code[..at].rfind(['}', ';']).map_or(0, |start| start + 1);
            let derives: String =
                code[start..at].split("derive(").skip(1).filter_map(|d| d.split(')').next()).collect();
            let derived = derives.split(|c: char| !c.is_alphanumeric()).filter(|name| TRAITS.contains(name));
            wrong.extend(derived.map(|derived| format!("src/{}: {name} derives {derived}", file.name)));
        }
        for line in &file.code {
            let Some((left, right)) = line.split_once(" for ").filter(|(left, _)| left.trim().starts_with("impl"))
            else {
                continue;
            };
            let of = word_of(right);
            let what = left.split(['<', '>', ' ', ':', '\'']).filter(|part| TRAITS.contains(part));
            wrong.extend(what.filter(|_| of == name).map(|what| format!("src/{}: {what} for {name}", file.name)));
        }
    }
    if !declared {
        wrong.push(format!("{name} is declared nowhere; has it another name now?"));
    }
    wrong
}

/// `&Secret` and `model::Secret<'_>` are `Secret`.
fn word_of(text: &str) -> &str {
    let name = text.split(['<', '{', ' ']).find(|part| !part.is_empty()).unwrap_or("");
    name.trim_start_matches('&').rsplit("::").next().unwrap_or("")
}

#[test]
fn what_holds_secrets_cannot_be_printed_or_copied() {
    let files = sources();
    let wrong: Vec<String> = HELD.iter().flat_map(|name| exposed(&files, name)).collect();
    fail_on(&wrong);
}

#[test]
fn a_secret_that_could_be_printed_or_copied_is_seen() {
    let bad = |text| exposed(&[File::read("x.rs", text)], "Secret").len();
    assert_eq!(bad("struct Other;\n#[derive(Clone)]\npub struct Secret(u8);"), 1);
    assert_eq!(bad("#[derive(\n    Debug,\n    Default,\n)]\n#[must_use]\nstruct Secret<'a> { x: &'a u8 }"), 1);
    assert_eq!(bad("struct Secret; impl std::fmt::Display for Secret {}"), 0, "one item a line is what rustfmt writes");
    assert_eq!(bad("struct Secret;\nimpl std::fmt::Display for Secret {\n}"), 1);
    assert_eq!(bad("struct Secret;\nimpl<'a> Clone for super::Secret<'a> {\n}"), 1);
    assert_eq!(bad("struct Secrets;"), 1, "not declared");
    assert_eq!(
        bad("#[derive(Clone)]\nstruct Secrets;\n#[derive(Default)]\nstruct Secret;\nimpl Drop for Secret {\n}"),
        0
    );
}

#[test]
fn literals_and_code_are_told_apart() {
    let file = File::read("x.rs", "let a = \"x\\\"y\"; // \"no\"\nlet b = br#\"z\"#; let c = b'q'; /* \"no\" */\n");
    let texts: Vec<(usize, &str)> = file.literals.iter().map(|(n, text)| (*n, text.as_str())).collect();
    assert_eq!(texts, [(1, "x\\\"y"), (2, "z"), (2, "q")]);
    assert_eq!(token("'static str", None).0, Token::Code);
    assert_eq!(token("'\\n'", None), (Token::Text, 4));
}
