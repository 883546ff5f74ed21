//! sealref as a post-renderer of the real Helm 3 and Helm 4.

#[path = "support/peers.rs"]
mod peers;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sealref::yaml::{self, Tree};

const SEALREF: &str = env!("CARGO_BIN_EXE_sealref");

/// A copy of the example, with one more template, and sealref on the PATH.
struct Chart(tempfile::TempDir);

impl Chart {
    fn new(template: &str) -> Self {
        let chart = Self(tempfile::tempdir().unwrap());
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/helm-postrender");
        copy(&example, &chart.folder());
        fs::create_dir(chart.0.path().join("bin")).unwrap();
        symlink(SEALREF, chart.0.path().join("bin/sealref")).unwrap();
        fs::write(chart.folder().join("templates/more.yaml"), template).unwrap();
        chart
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("chart")
    }

    /// `helm template`, in one of the two ways to name a post-renderer.
    fn template(&self, helm: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(helm);
        let path = format!("{}:/usr/bin:/bin", self.0.path().join("bin").display());
        command.current_dir(self.folder()).env_clear().env("PATH", path).env("HOME", self.0.path());
        command.args(["template", "shop", ".", "--namespace", "shop", "--post-renderer", "sealref"]);
        if helm.ends_with("helm3") {
            command.args(["--post-renderer-args", "post-render"]);
        } else {
            command.env("HELM_PLUGINS", self.folder().join("plugins"));
        }
        command.args(arguments.iter().map(|argument| format!("--post-renderer-args={argument}"))).output().unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn helms() -> impl Iterator<Item = PathBuf> {
    ["helm", "helm3"].into_iter().filter_map(peers::peer)
}

/// `KIND NAME` of every object, sorted.
fn objects(text: &str) -> Vec<String> {
    let pieces = yaml::pieces(text, &|_| true).unwrap_or_else(|_| unreachable!("Helm writes YAML"));
    let mut objects: Vec<String> = vec![];
    for piece in pieces.pieces {
        let tree = Tree::parse(piece.text, piece.syntax).unwrap_or_else(|_| unreachable!("Helm writes YAML"));
        let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node)).unwrap_or("-");
        objects.push(format!("{} {}", text(&["kind"]), text(&["metadata", "name"])));
    }
    objects.sort();
    objects
}

fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn what_both_helms_install_holds_no_secret_and_is_the_same_every_time() {
    for helm in helms() {
        let chart = Chart::new("");
        let (first, second) = (chart.template(&helm, &[]), chart.template(&helm, &[]));
        assert_eq!(stdout(&first), stdout(&second));
        let made = objects(stdout(&first));
        assert!(made.contains(&"ExternalSecret shop-db".to_owned()), "{made:?}");
        assert!(!made.iter().any(|object| object.starts_with("Secret ")), "{made:?}");
    }
}

#[test]
fn helm_4_hands_over_hooks_and_files_them_where_they_came_from() {
    let Some(helm) = peers::peer("helm") else { return };
    let output = Chart::new("").template(&helm, &[]);
    let text = stdout(&output);
    let source = "# Source: shop/templates/migration.yaml\napiVersion: external-secrets.io/v1";
    assert!(text.contains(source), "{text}");
    assert!(!text.contains("postrenderer.helm.sh") && !text.contains("ref+vault"), "{text}");
}

#[test]
fn helm_3_keeps_its_hooks_to_itself_and_verify_finds_what_is_left_in_them() {
    let Some(helm) = peers::peer("helm3") else { return };
    let chart = Chart::new("");
    let output = chart.template(&helm, &[]);
    assert!(stdout(&output).contains("value: \"ref+vault"));
    let rendered = chart.folder().join("rendered.yaml");
    fs::write(&rendered, &output.stdout).unwrap();
    let verified = Command::new(SEALREF).arg("verify").arg(&rendered).output().unwrap();
    let told = String::from_utf8_lossy(&verified.stderr);
    assert!(!verified.status.success() && told.contains("[references/unresolved]"), "{told}");
}

#[test]
fn a_plugin_that_names_no_command_is_known_by_its_environment() {
    let Some(helm) = peers::peer("helm") else { return };
    let chart = Chart::new("");
    let named = chart.template(&helm, &["--namespace=shop"]);
    let plugin = chart.folder().join("plugins/sealref/plugin.yaml");
    let unnamed = fs::read_to_string(&plugin).unwrap().replace("      args: [post-render]\n", "");
    fs::write(&plugin, unnamed).unwrap();
    assert_eq!(stdout(&chart.template(&helm, &["--namespace=shop"])), stdout(&named));
}

const TWICE: &str = "apiVersion: v1
kind: Secret
metadata:
  name: shop-db
  annotations: {helm.sh/hook: pre-install}
stringData: {password: ref+vault://kv/shop/db#/password}
";

#[test]
fn a_secret_for_a_hook_and_one_for_the_rest_may_have_one_name() {
    let Some(helm) = peers::peer("helm") else { return };
    let output = Chart::new(TWICE).template(&helm, &[]);
    let twice = objects(stdout(&output)).iter().filter(|object| *object == "ExternalSecret shop-db").count();
    assert_eq!(twice, 2);
}

#[test]
fn an_error_fails_both_helms_and_stands_in_the_report() {
    for helm in helms() {
        let chart =
            Chart::new("apiVersion: v1\nkind: Secret\nmetadata: {name: bad}\nstringData: {a: ref+valt://kv/a#/b}\n");
        let output = chart.template(&helm, &["--report=report.json"]);
        assert!(!output.status.success() && output.stdout.is_empty());
        let report = fs::read_to_string(chart.folder().join("report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let finding = &report["findings"][0];
        assert_eq!(finding["severity"], "error");
        assert_eq!(finding["message"], "no source is called \"valt\"");
        assert_eq!(finding["hint"], "did you mean \"vault\"?");
    }
}

#[test]
fn the_namespace_comes_from_an_argument_and_then_seals_hold() {
    for helm in helms() {
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: sealed}\nstringData: {a: ref+file://value.txt}\n";
        let chart = Chart::new(secret);
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
        for name in ["demo-certificate.pem", "demo-sealing.key"] {
            fs::copy(example.join(name), chart.folder().join(name)).unwrap();
        }
        fs::write(chart.folder().join("value.txt"), "a-value-that-stays-unseen").unwrap();
        let seal = ["--certificate=demo-certificate.pem", "--sealing-key=demo-sealing.key"];
        let without = chart.template(&helm, &seal);
        assert!(!without.status.success() && without.stdout.is_empty());
        let with = chart.template(&helm, &[&seal[..], &["--namespace=shop"]].concat());
        let text = stdout(&with);
        assert!(text.contains("sealref.dev/sealed-for: shop/sealed") && !text.contains("stays-unseen"), "{text}");
    }
}
