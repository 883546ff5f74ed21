//! What a release carries, and the workflows that make it: what they run is there, they may do no more than they need,
//! and their lists are those of the code. `make dist` itself takes too long to be a test; what it packs is tried here.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sealref::yaml::{self, Syntax, Tree};
use serde_json::{Value, json};

#[path = "support/peers.rs"]
mod peers;

const SEALREF: &str = env!("CARGO_BIN_EXE_sealref");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const WORKFLOWS: [&str; 2] = [".github/workflows/ci.yml", ".github/workflows/release.yml"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn sealref(arguments: &[&str]) -> String {
    let output = Command::new(SEALREF).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

// --- Manual pages, completions, version

/// The commands that `--help` lists, those below them included: `rbac who-can`.
fn commands(above: &str) -> Vec<String> {
    let words: Vec<&str> = above.split_whitespace().chain(["--help"]).collect();
    let help = sealref(&words);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let whole: Vec<String> = names.map(|name| format!("{above} {name}").trim().to_owned()).collect();
    whole.iter().flat_map(|name| [vec![name.clone()], commands(name)].concat()).collect()
}

fn pages() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    sealref(&["man", folder.path().to_str().unwrap()]);
    let mut pages: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    (folder, pages)
}

#[test]
fn each_command_has_a_manual_page_that_names_its_options() {
    let (folder, pages) = pages();
    let mut expected: Vec<_> = commands("")
        .iter()
        .map(|name| format!("sealref-{}.1", name.replace(' ', "-")))
        .chain(["sealref.1".into()])
        .collect();
    expected.sort();
    let found: Vec<_> = pages.iter().map(|page| page.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(found, expected);
    assert!(found.contains(&"sealref-rbac-who-can.1".to_owned()), "{found:?}");
    let render = fs::read_to_string(folder.path().join("sealref-render.1")).unwrap();
    for text in ["sealref render", "\\-\\-preview", "SEALREF_SEALING_KEY", VERSION] {
        assert!(render.contains(text), "{text} is missing\n{render}");
    }
}

#[test]
fn a_formatter_has_nothing_to_say_of_the_manual_pages() {
    let Some(groff) = peers::peer("groff") else { return };
    for page in pages().1 {
        let output = Command::new(&groff).args(["-ww", "-man", "-Tutf8", "-z"]).arg(&page).output().unwrap();
        assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    }
}

#[test]
fn the_shells_that_are_here_take_their_completions() {
    for (shell, check) in [
        ("bash", Some("-n")),
        ("elvish", None),
        ("fish", Some("--no-execute")),
        ("powershell", None),
        ("zsh", Some("-n")),
    ] {
        let text = sealref(&["completions", shell]);
        assert!(text.contains("who-can"), "{shell}");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let Some(check) = check else { continue };
        if let Ok(output) = Command::new(shell).arg(check).arg(file.path()).output() {
            assert!(output.status.success(), "{shell}: {}", said(&output));
        }
    }
}

/// A version in an object would make each upgrade a change of everything that was rendered.
#[test]
fn the_version_is_told_and_stands_in_no_object() {
    let told = option_env!("SEALREF_VERSION").unwrap_or(VERSION);
    assert_eq!(sealref(&["--version"]), format!("sealref {told}\n"));
    let mut knowing = BTreeSet::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if ["CARGO_PKG_VERSION", "SEALREF_VERSION"]
                .iter()
                .any(|name| fs::read_to_string(&path).is_ok_and(|text| text.contains(name)))
            {
                let inside = path.strip_prefix(root().join("src")).unwrap();
                knowing.insert(inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned());
            }
        }
    }
    // Servers are told who asks
    assert_eq!(knowing, ["cli", "outside", "reports"].map(str::to_owned).into());
}

// --- The version that is released

/// What is wrong with releasing a version under these tags.
fn disagreement(version: &str, changelog: &str, tags: &[&str]) -> Option<String> {
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ["))?;
    let (newest, dated) = newest.split_once(']').unwrap_or((newest, ""));
    let tag = tags.iter().find(|tag| tag.starts_with('v'))?;
    if *tag != format!("v{version}") {
        return Some(format!("the tag {tag} is not the version {version} of Cargo.toml"));
    }
    if newest != version {
        return Some(format!("CHANGELOG.md begins with {newest}, not with {version}"));
    }
    (!dated.starts_with(" - 20")).then(|| format!("CHANGELOG.md does not say when {version} was released"))
}

#[test]
fn a_tag_is_the_version_and_the_newest_of_the_changelog() {
    let unreleased = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n";
    let released = "# Changelog\n\n## [1.2.3] - 2026-01-31\n\n## [1.2.2] - 2026-01-30\n";
    for (version, changelog, tags, agrees) in [
        ("1.2.3", released, &["v1.2.3"][..], true),
        ("1.2.3", released, &["other", "v1.2.3"], true),
        ("1.2.3", unreleased, &[], true),
        ("1.2.3", unreleased, &["v1.2.3"], false),
        ("1.2.4", released, &["v1.2.3"], false),
        ("1.2.4", released, &["v1.2.4"], false),
        ("1.2.3", "## [1.2.3]\n", &["v1.2.3"], false),
    ] {
        assert_eq!(disagreement(version, changelog, tags).is_none(), agrees, "{version} {tags:?} {changelog}");
    }
    // An archive of the source has no tags
    let tags = Command::new("git").args(["tag", "--points-at", "HEAD"]).current_dir(root()).output().unwrap();
    let tags = String::from_utf8(tags.stdout).unwrap();
    assert_eq!(disagreement(VERSION, &read("CHANGELOG.md"), &tags.lines().collect::<Vec<_>>()), None);
}

// --- The workflows

fn workflow(name: &str) -> Value {
    let text = read(name);
    let tree = Tree::parse(&text, Syntax::Document).unwrap_or_else(|fault| panic!("{name}: {}", fault.message));
    yaml::read(&tree, tree.root()).unwrap_or_else(|mistake| panic!("{name}: {}", mistake.message))
}

/// Each job with its name, as `release.yml dist`.
fn jobs() -> Vec<(String, Value)> {
    let jobs = WORKFLOWS.iter().flat_map(|name| {
        let short = name.rsplit('/').next().unwrap();
        let jobs = workflow(name)["jobs"].as_object().unwrap().clone();
        jobs.into_iter().map(move |(job, value)| (format!("{short} {job}"), value))
    });
    jobs.collect()
}

fn steps(job: &Value) -> Vec<&Value> {
    job["steps"].as_array().into_iter().flatten().collect()
}

/// What a step runs, or the action that it is.
fn texts<'v>(job: &'v Value, field: &str) -> Vec<&'v str> {
    steps(job).into_iter().filter_map(|step| step[field].as_str()).collect()
}

/// What every runner of GitHub has, and that nothing here stands for.
const OF_RUNNERS: [&str; 3] = ["gh", "rustup", "sudo apt-get"];

#[test]
fn what_the_workflows_run_is_there() {
    let makefile = read("Makefile");
    let mut ran = BTreeSet::new();
    for (job, value) in jobs() {
        for run in texts(&value, "run") {
            let known = match run.strip_prefix("make ") {
                Some(target) => makefile.contains(&format!("\n{target}: ## ")),
                None if run.starts_with(".ci/") => is_executable(&root().join(run)),
                None => OF_RUNNERS.iter().any(|program| run.starts_with(&format!("{program} "))),
            };
            assert!(known, "{job}: there is no \"{run}\"");
            assert!(!run.contains("${{"), "{job}: an expression stands in a script");
            ran.insert(run.to_owned());
        }
        if let Some(called) = value["uses"].as_str() {
            assert!(root().join(called).is_file(), "{job}: there is no {called}");
        }
    }
    for run in ["make dist", ".ci/run", ".ci/try-dist"] {
        assert!(ran.contains(run), "nobody runs {run}");
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o100 != 0)
}

#[test]
fn the_workflows_may_do_no_more_than_they_need() {
    for name in WORKFLOWS {
        assert_eq!(workflow(name)["permissions"], json!({}), "{name}");
    }
    for (job, value) in jobs() {
        let given = value["permissions"].as_object().unwrap_or_else(|| panic!("{job} says nothing of permissions"));
        let (runs, uses) = (texts(&value, "run"), texts(&value, "uses"));
        let publishes = runs.iter().any(|run| run.starts_with("gh release create "));
        let signs = uses.iter().any(|action| action.starts_with("actions/attest@"));
        let needed = match (publishes, signs) {
            (false, false) => vec![("contents", "read")],
            (true, true) => vec![("attestations", "write"), ("contents", "write"), ("id-token", "write")],
            one_without_the_other => panic!("{job}: {one_without_the_other:?}"),
        };
        let given: BTreeSet<(&str, &str)> =
            given.iter().map(|(name, to)| (name.as_str(), to.as_str().unwrap())).collect();
        assert_eq!(given, needed.into_iter().collect(), "{job}");
        // Who may write runs nothing of a commit, and no step finds the token of another
        let checkouts =
            steps(&value).into_iter().filter(|step| step["uses"].as_str().is_some_and(|a| a.contains("/checkout@")));
        for checkout in checkouts {
            assert_eq!(checkout["with"]["persist-credentials"], false, "{job}");
            assert!(!publishes, "{job} checks out what was committed");
        }
    }
}

#[test]
fn actions_are_named_by_commit_with_their_version_beside() {
    let mut named = BTreeSet::new();
    for workflow in WORKFLOWS {
        for line in
            read(workflow).lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "))
        {
            if line.starts_with("./") {
                continue;
            }
            let (action, version) = line.split_once(" # v").unwrap_or_else(|| panic!("{workflow}: {line}"));
            let (_, commit) = action.split_once('@').unwrap_or_else(|| panic!("{workflow}: {line}"));
            assert!(
                commit.len() == 40 && commit.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
                "{workflow}: {line}"
            );
            assert_eq!(version.split('.').count(), 3, "{workflow}: {line}");
            named.insert(line.to_owned());
        }
    }
    let actions: BTreeSet<&str> = named.iter().filter_map(|line| line.split('@').next()).collect();
    assert_eq!(actions.len(), named.len(), "an action in two versions: {named:#?}");
}

/// What GitHub would refuse, and what makes a workflow open to strangers, real programs know.
#[test]
fn two_linters_have_nothing_to_say_of_the_workflows() {
    let linters = [("actionlint", &[][..]), ("zizmor", &["--offline", "--quiet", "--min-severity=medium"])];
    for (name, options) in linters {
        let Some(linter) = peers::peer(name) else { continue };
        let output = Command::new(linter).args(options).args(WORKFLOWS).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", said(&output));
    }
}

// --- What stands in several places

#[test]
fn what_make_dist_makes_is_what_is_uploaded_and_described() {
    let listed = Command::new(root().join(".ci/dist")).arg("--list").output().unwrap();
    assert!(listed.status.success(), "{}", said(&listed));
    let listed = String::from_utf8(listed.stdout).unwrap().replace(VERSION, "VERSION");
    assert_eq!(listed.lines().count(), 5, "{listed}");
    let guide = read("docs/install.md");
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let described: BTreeSet<&str> = rows.filter(|row| row.starts_with("sealref-") || *row == "SHA256SUMS").collect();
    assert_eq!(described, listed.lines().collect());
    assert!(read("Makefile").contains("\ndist: ## "));
    assert!(read("Makefile").contains("\n\t.ci/dist\n"));
    let release = workflow(".github/workflows/release.yml");
    let uploads = steps(&release["jobs"]["dist"]).into_iter().find(|step| step["with"]["path"] == "dist");
    assert_eq!(uploads.unwrap()["with"]["if-no-files-found"], "error");
    assert!(texts(&release["jobs"]["publish"], "run")[0].ends_with(" dist/*"));
    assert!(read(".gitignore").lines().any(|line| line == "/dist"));
}

#[test]
fn one_rust_builds_everything() {
    let cargo = read("Cargo.toml");
    let rust = cargo.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap().trim_end_matches('"');
    for (job, value) in jobs() {
        let runs = texts(&value, "run");
        let builds = runs.iter().any(|run| *run == "make dist" || *run == ".ci/run");
        let pinned = runs.iter().any(|run| *run == format!("rustup default {rust}"));
        assert_eq!(builds, pinned, "{job}");
    }
    assert!(read("Dockerfile").contains(&format!("\nFROM rust:{rust}-")));
}

#[test]
fn the_runner_installs_what_the_peers_take_from_a_distribution() {
    let install = read("tests/peers/install");
    let own: BTreeSet<&str> = install.lines().filter_map(|line| line.strip_prefix("    own_program ")).collect();
    let (_, ci) = jobs().into_iter().find(|(job, _)| job == "ci.yml run").unwrap();
    let line = texts(&ci, "run").into_iter().find(|run| run.contains(" install --yes ")).unwrap();
    let installed = line.rsplit_once("--no-install-recommends ").unwrap().1;
    assert_eq!(installed.split(' ').collect::<BTreeSet<_>>(), own);
}

/// What `.ci/crates` prints, with this as its standard input; None where Python is missing.
fn crates(arguments: &[&str], stdin: &str) -> Option<String> {
    let mut command = Command::new(root().join(".ci/crates"));
    let child = command.args(arguments).env("CARGO_NET_OFFLINE", "true").current_dir(root());
    let Ok(mut child) = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        let _ = writeln!(std::io::stderr(), "skipped: python3 (.ci/crates)");
        return None;
    };
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    Some(String::from_utf8(output.stdout).unwrap())
}

const TARGET: &str = "x86_64-unknown-linux-gnu";

#[test]
fn every_crate_of_the_program_brings_its_licence() {
    let Some(text) = crates(&["licences", TARGET], "") else { return };
    let has = |name: &str| text.lines().any(|line| line.starts_with(&format!("{name} v")));
    for name in ["age", "aws-lc-sys", "clap_mangen", "granit-parser", "serde_json"] {
        assert!(has(name), "{name}");
    }
    for name in ["proptest", "ring", "serde_derive", "sealref"] {
        assert!(!has(name), "{name} is not in the program");
    }
    // Who carries no file has a text above
    let (above, bare) = text.split_once("These carry no file").unwrap();
    for line in bare.lines().filter(|line| line.contains(": ")) {
        let texts = [
            ("MIT", "Permission is hereby granted, free of charge"),
            ("Apache-2.0", "Apache License"),
            ("BSD-3-Clause", "Redistributions in binary form"),
        ];
        let known = texts.iter().find(|(name, _)| line.contains(name)).unwrap_or_else(|| panic!("{line}"));
        assert!(above.contains(known.1), "{line}");
    }
}

#[test]
fn the_bill_names_what_is_in_the_program_and_no_folder() {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    let version =
        |name: &str| packages.clone().find(|one| one["name"].as_str() == Some(name)).unwrap()["version"].clone();
    let component = |name: &str| json!({"name": name, "version": version(name).as_str(), "bom-ref": name});
    let ours = format!("path+file://{}#sealref", root().display());
    let whole = json!({
        "metadata": {"component": {"bom-ref": ours}},
        "components": [component("tokio"), component("ring"), component("serde_derive")],
        "dependencies": [
            {"ref": ours, "dependsOn": ["tokio", "ring", "serde_derive"]},
            {"ref": "ring"},
            {"ref": "tokio"},
        ],
    });
    let Some(bill) = crates(&["bill", TARGET], &whole.to_string()) else { return };
    let expected = json!({
        "metadata": {"component": {"bom-ref": "pkg:cargo/sealref"}},
        "components": [component("tokio")],
        "dependencies": [{"ref": "pkg:cargo/sealref", "dependsOn": ["tokio"]}, {"ref": "tokio", "dependsOn": []}],
    });
    assert_eq!(serde_json::from_str::<Value>(&bill).unwrap(), expected);
}
