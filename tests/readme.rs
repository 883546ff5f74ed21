//! What the documentation says is what the program does: every command in README, `docs/` and
//! `examples/` is run, every excerpt is looked for, every table is compared with the code.
//!
//! The second word of a fence says what is done with it:
//!
//! - `sh`: run with `sealref` on the PATH, in a folder that holds a copy of `examples/`; it must succeed.
//!   `sh fails`: it must not.
//! - `yaml output`, `text output`: is all that the block before printed.
//! - `yaml excerpt`: stands in what the last block printed. A line `...` stands for any lines, and
//!   `...` at the end of a line for the rest of it. `file=PATH`: the same, in a file of the repository.
//! - `yaml settings`: valid against `sealref schema`, and read by the program.
//!
//! `BLESS=1 cargo test --test readme` writes the generated tables and the expected outputs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sealref::limits;
use sealref::sources::{self, Becomes, Facts};
use sealref::yaml::{self, Syntax, Tree};
use serde_json::Value;

const SEALREF: &str = env!("CARGO_BIN_EXE_sealref");
/// Programs that blocks may ask for and that a machine may lack.
const TOOLS: [&str; 8] = ["flux", "helm", "kpt", "kubeseal", "kubectl", "kustomize", "openbao", "sops"];

#[test]
fn every_block_of_the_documentation_holds_j5() {
    for document in documents() {
        let shown = below_root(&document);
        let place = Workplace::new();
        let mut printed: Option<String> = None;
        for fence in fences(&read(&document)) {
            let at = format!("{shown}:{}", fence.line);
            match (fence.language.as_str(), fence.role.as_str()) {
                ("sh", role @ ("" | "fails")) => {
                    printed = place.run(&fence.text, &at).map(|output| {
                        let told = String::from_utf8_lossy(&output.stderr);
                        assert_eq!(output.status.success(), role.is_empty(), "{at}: {}\n{told}", output.status);
                        String::from_utf8(output.stdout).unwrap()
                    });
                }
                (_, "output") => {
                    if let Some(printed) = &printed {
                        assert_eq!(fence.text, *printed, "{at}: another output");
                    }
                }
                (_, "excerpt") => {
                    if let Some(printed) = &printed {
                        assert!(holds(printed, &fence.text), "{at}: not in the output\n{printed}");
                    }
                }
                ("yaml", "settings") => accepts(&fence.text, &at),
                ("yaml", "") => panic!("{at}: a block that says nothing of how it is tested"),
                (_, "") => {}
                (_, role) => {
                    let path = role.strip_prefix("file=").unwrap_or_else(|| panic!("{at}: what is \"{role}\"?"));
                    assert!(holds(&read(&root().join(path)), &fence.text), "{at}: not in {path}");
                }
            }
        }
    }
}

/// The first block of an example's README prints `expected/app.yaml`, and that passes `verify`.
#[test]
fn every_example_prints_what_it_should() {
    let mut examples: Vec<_> = fs::read_dir(root().join("examples")).unwrap().map(|e| e.unwrap().path()).collect();
    examples.sort();
    for example in examples {
        let shown = below_root(&example);
        let place = Workplace::new();
        accepts(&read(&example.join(".sealref.yaml")), &shown);
        let first = fences(&read(&example.join("README.md"))).into_iter().find(|fence| fence.language == "sh");
        let first = first.unwrap_or_else(|| panic!("{shown}/README.md has no block that runs"));
        if let Some(output) = place.run(&first.text, &shown) {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{shown}: {told}");
            same_as_file(&example.join("expected/app.yaml"), &String::from_utf8(output.stdout).unwrap());
        }
        // Anew: what was expected may just have been written.
        let verified = Workplace::new().run(&format!("sealref verify {shown}/expected"), &shown).unwrap();
        assert!(verified.status.success(), "{shown}: {}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[test]
fn the_table_of_schemes_is_that_of_the_registry() {
    let cell = |text: &str| if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) };
    let mut table = String::from(
        "| scheme | path | key | parameters | becomes | providers of the store |\n|---|---|---|---|---|---|\n",
    );
    let mut refused = vec![];
    for facts in sources::facts() {
        if facts.becomes == Becomes::Refused {
            refused.push(cell(facts.scheme));
            continue;
        }
        let list = |names: &[&str]| names.iter().map(|name| cell(name)).collect::<Vec<_>>().join(", ");
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            cell(facts.scheme),
            cell(facts.path),
            cell(facts.property),
            list(facts.parameters),
            becomes(facts),
            list(facts.providers),
        ));
    }
    table.push_str(&format!("| {} | | | | refused by name | |\n", refused.join(", ")));
    same_as_part("README.md", "schemes", &table);
}

/// What tests ask in the place of each server, by the first scheme of its source.
const TESTED: &[(&str, &str)] = &[
    ("awssecrets", "moto: `tests/aws.rs`"),
    ("azurekeyvault", "a stub: `tests/azure.rs`"),
    ("doppler", "a stub: `tests/tokens.rs`"),
    ("gcpsecrets", "drongo: `tests/gcp.rs`"),
    ("gitlab", "a stub: `tests/tokens.rs`"),
    ("k8s", "kube-apiserver: `tests/cluster.rs`"),
    ("op", "a stub: `tests/tokens.rs`"),
    ("vault", "OpenBao: `tests/vault.rs`"),
];

#[test]
fn the_table_of_servers_is_that_of_the_registry() {
    let mut table = String::from("| values of | we are known by | feature | tested with |\n|---|---|---|---|\n");
    for source in sources::SOURCES {
        let Some(feature) = source.feature() else { continue };
        let schemes: Vec<String> = source.facts().iter().map(|facts| format!("`{}`", facts.scheme)).collect();
        let first = source.facts()[0].scheme;
        let (_, tested) = TESTED.iter().find(|(scheme, _)| *scheme == first).unwrap_or_else(|| panic!("{first}"));
        let authentication = source.authentication();
        table.push_str(&format!("| {} | {authentication} | `{feature}` | {tested} |\n", schemes.join(", ")));
    }
    same_as_part("README.md", "servers", &table);
}

fn becomes(facts: &Facts) -> &'static str {
    let reads = sources::find(facts.scheme).is_some_and(|(source, _)| source.feature().is_some());
    match facts.becomes {
        Becomes::Generated => "ExternalSecret with a generator",
        Becomes::Refused => "refused",
        Becomes::Sealed => "SealedSecret",
        Becomes::Translated if reads => "ExternalSecret, or a value that is sealed",
        Becomes::Translated => "ExternalSecret",
    }
}

#[test]
fn the_table_of_limits_is_that_of_the_code() {
    let mebibytes = |bytes: usize| format!("{} MiB", bytes >> 20);
    let rows = [
        ("all manifests of one run", mebibytes(limits::INPUT)),
        ("one scalar", mebibytes(limits::SCALAR)),
        ("nesting of one document", limits::DEPTH.to_string()),
        ("nodes of one document, aliases followed", limits::NODES.to_string()),
        ("a file of values, plain or encrypted", mebibytes(limits::FILE)),
        ("recipients of an age file", limits::AGE_RECIPIENTS.to_string()),
        ("a settings file, a key or a certificate", mebibytes(limits::SETTINGS)),
        ("all values of one Secret", mebibytes(limits::SECRET)),
        ("all annotations of one object", format!("{} KiB", limits::ANNOTATIONS >> 10)),
        ("the path of a reference, in bytes", limits::PATH.to_string()),
        ("the key of a sealing certificate, in bits", {
            format!("RSA {} to {}", limits::RSA_BITS.start(), limits::RSA_BITS.end())
        }),
        ("levels of `extends`", limits::EXTENDS.to_string()),
        ("errors told in one run; the rest are counted", limits::TOLD.to_string()),
    ];
    let mut table = String::from("| what | at most |\n|---|---|\n");
    for (what, most) in rows {
        table.push_str(&format!("| {what} | {most} |\n"));
    }
    same_as_part("docs/settings.md", "limits", &table);
}

#[test]
fn the_table_of_commands_names_each_command() {
    let help = Command::new(SEALREF).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).filter(|n| *n != "help").collect();
    assert!(names.contains(&"render"), "{help}");
    let table = read(&root().join("README.md"));
    for name in names {
        assert!(table.lines().any(|line| line.starts_with(&format!("| `{name}"))), "README.md has no row for {name}");
    }
}

#[test]
fn every_path_in_the_documentation_exists() {
    let mut documents = documents();
    documents.extend([".github/SECURITY.md", ".github/CONTRIBUTING.md", "CHANGELOG.md"].map(|n| root().join(n)));
    let folders = [".ci/", ".github/", "argocd/", "benches/", "docs/", "examples/", "src/", "tests/"];
    let mut missing = BTreeSet::new();
    for document in documents {
        let text = read(&document);
        let words = text.split(|c: char| c.is_whitespace() || "`()[]\"'|<>,;".contains(c));
        for word in words {
            // A line of a file is named behind a colon.
            let word = word.split(':').next().unwrap_or(word).trim_end_matches('.');
            if folders.iter().any(|folder| word.starts_with(folder)) && !root().join(word).exists() {
                missing.insert(format!("{}: {word}", below_root(&document)));
            }
        }
    }
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
}

#[test]
fn refused_crates_are_not_in_the_lock_file() {
    let (lock, deny) = (read(&root().join("Cargo.lock")), read(&root().join("deny.toml")));
    for name in ["openssl", "openssl-sys", "serde_yaml", "serde_yaml_ng", "serde_yml", "yaml_serde"] {
        assert!(deny.contains(&format!("{{ crate = \"{name}\",")), "deny.toml does not refuse {name}");
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in Cargo.lock");
    }
    // Only what opens files that somebody encrypted for such a key.
    assert!(deny.contains("{ crate = \"rsa\", wrappers = [\"age\", \"pgp\"],"), "deny.toml does not confine rsa");
    let packages = lock.split("[[package]]").filter(|package| package.contains("\n \"rsa\","));
    let names: Vec<&str> = packages.filter_map(|package| package.lines().nth(1)).collect();
    assert_eq!(names, ["name = \"age\"", "name = \"pgp\""], "rsa is used elsewhere");
}

/// A folder with a copy of the examples, and with everything on the PATH that blocks call.
struct Workplace {
    folder: tempfile::TempDir,
    path: String,
}

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("examples"), &folder.path().join("examples"));
        // As in the repository: the root beneath which files are read.
        fs::create_dir(folder.path().join(".git")).unwrap();
        let programs = folder.path().join(".programs");
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(SEALREF, programs.join("sealref")).unwrap();
        let before = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{}:{before}", programs.display(), root().join("target/peers").display());
        Self { folder, path }
    }

    /// Nothing where a program is missing, after a line that says so.
    fn run(&self, block: &str, at: &str) -> Option<Output> {
        let block = block.replace("cargo run --release -- ", "sealref ");
        if block.trim() == "make test" {
            let makefile = read(&root().join("Makefile"));
            assert!(makefile.contains("\ntest:"), "{at}: the Makefile has no such target");
            return None;
        }
        let words: BTreeSet<&str> = block.split_whitespace().collect();
        for tool in TOOLS.into_iter().filter(|tool| words.contains(tool)) {
            if found(tool, &self.path).is_none() {
                skip(tool, at);
                return None;
            }
        }
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &block]).current_dir(self.folder.path()).stdin(Stdio::null());
        without_settings(&mut command);
        Some(command.env("PATH", &self.path).output().unwrap())
    }
}

/// What somebody has set for work must not change what a test sees.
fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SEALREF_") {
            command.env_remove(name);
        }
    }
    // Nor is anybody's cluster asked
    command.env("KUBECONFIG", "no-such-file");
}

/// The schema accepts the settings, and so does the program, in every environment.
fn accepts(text: &str, at: &str) {
    let folder = tempfile::tempdir().unwrap();
    let other = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\n";
    for (name, text) in [
        (".sealref.yaml", text),
        ("base.yaml", other),
        ("stores.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
        ("input.json", r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}"#),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let tree = Tree::parse(text, Syntax::Document).unwrap_or_else(|fault| panic!("{at}: {}", fault.message));
    let value: Value = yaml::read(&tree, tree.root()).unwrap_or_else(|mistake| panic!("{at}: {}", mistake.message));
    let schema = Command::new(SEALREF).arg("schema").output().unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema.stdout).unwrap()).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{at}: {wrong:?}");
    let environments = value.pointer("/spec/environments").and_then(Value::as_object);
    let names = environments.into_iter().flat_map(|map| map.keys().map(String::as_str));
    for name in std::iter::once("").chain(names) {
        let mut command = Command::new(SEALREF);
        command.args(["explain", "input.json"]).current_dir(folder.path());
        without_settings(&mut command);
        command.args((!name.is_empty()).then_some(["--environment", name]).into_iter().flatten());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{at}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

struct Fence {
    line: usize,
    language: String,
    role: String,
    text: String,
}

fn fences(document: &str) -> Vec<Fence> {
    let mut fences: Vec<Fence> = vec![];
    let mut inside = false;
    for (line, text) in (1..).zip(document.lines()) {
        match text.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(info) => {
                inside = true;
                let mut words = info.split_whitespace().map(str::to_owned);
                let (language, role) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                fences.push(Fence { line, language, role, text: String::new() });
            }
            None if inside => fences.last_mut().unwrap().text.extend([text, "\n"]),
            None => {}
        }
    }
    assert!(!inside, "a fence is not closed");
    fences
}

/// Do the lines of an excerpt stand in a text?
fn holds(text: &str, excerpt: &str) -> bool {
    let (text, excerpt): (Vec<&str>, Vec<&str>) = (text.lines().collect(), excerpt.lines().collect());
    (0..text.len()).any(|start| begins(&text[start..], &excerpt))
}

fn begins(text: &[&str], excerpt: &[&str]) -> bool {
    match excerpt {
        [] => true,
        ["...", rest @ ..] => (0..=text.len()).any(|start| begins(&text[start..], rest)),
        [line, rest @ ..] => text.split_first().is_some_and(|(first, behind)| {
            let fits = match line.strip_suffix("...") {
                Some(start) => first.starts_with(start),
                None => first == line,
            };
            fits && begins(behind, rest)
        }),
    }
}

/// README, `docs/` and the README of each example.
fn documents() -> Vec<PathBuf> {
    let mut documents = vec![root().join("README.md"), root().join("argocd/README.md")];
    for folder in ["docs", "examples"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let path = if path.is_dir() { path.join("README.md") } else { path };
            documents.extend(path.extension().is_some_and(|end| end == "md").then_some(path));
        }
    }
    documents.retain(|document| document.exists());
    documents.sort();
    documents
}

/// What stands between `<!-- NAME: ... -->` and `<!-- /NAME -->`.
fn same_as_part(document: &str, name: &str, expected: &str) {
    let path = root().join(document);
    let text = read(&path);
    let (before, rest) = text.split_once(&format!("<!-- {name}: ")).expect("the part is marked");
    let (mark, rest) = rest.split_once("-->\n").expect("the mark ends");
    let (part, after) = rest.split_once(&format!("<!-- /{name} -->")).expect("the part ends");
    if bless() {
        fs::write(&path, format!("{before}<!-- {name}: {mark}-->\n{expected}<!-- /{name} -->{after}")).unwrap();
    } else {
        assert_eq!(part, expected, "{document} differs from the code: BLESS=1 cargo test --test readme");
    }
}

fn same_as_file(path: &Path, expected: &str) {
    if bless() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    } else {
        let shown = below_root(path);
        assert_eq!(read(path), expected, "{shown} differs: BLESS=1 cargo test --test readme");
    }
}

fn bless() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn found(program: &str, path: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Past the harness, which keeps what a passing test prints. What `tests/peers/install` installs may
/// not be missing where `CI=true`.
fn skip(tool: &str, at: &str) {
    let installed = read(&root().join("tests/peers/install")).contains(&format!("\n{tool}() {{"));
    let must = installed && std::env::var("CI").as_deref() == Ok("true");
    assert!(!must, "{at}: {tool} is missing: run tests/peers/install");
    let _ = writeln!(std::io::stderr(), "skipped: {tool} ({at})");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &copied) } else { fs::copy(&path, &copied).map(|_| ()).unwrap() }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn below_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", below_root(path)))
}
