//! `sealref doctor` on machines that have everything, nothing, and programs that misbehave.

#[path = "support/builders.rs"]
#[expect(dead_code, reason = "only what finds every kubectl is needed")]
mod builders;
#[path = "support/peers.rs"]
mod peers;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const SEALREF: &str = env!("CARGO_BIN_EXE_sealref");

/// A machine of which only these programs are on the PATH, and a folder to look from.
struct Machine(tempfile::TempDir);

/// What the doctor said.
struct Said {
    code: Option<i32>,
    checks: Vec<Value>,
}

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "here", "tmp"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        machine.with("sealref", Path::new(SEALREF))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with(self, name: &str, program: &Path) -> Self {
        symlink(fs::canonicalize(program).unwrap(), self.path("bin").join(name)).unwrap();
        self
    }

    fn script(self, name: &str, text: &str) -> Self {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.path("here").join(name), text).unwrap();
        self
    }

    /// What `sealref doctor here --format json` says, with a few more arguments; no folder of it is left.
    fn said(&self, arguments: &[&str]) -> Said {
        let output = self.command().args(["--format", "json"]).args(arguments).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read_dir(self.path("tmp")).unwrap().count(), 0, "something was left behind");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        Said { code: output.status.code(), checks: report["checks"].as_array().unwrap().clone() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(SEALREF);
        command.args(["doctor", "here"]).current_dir(self.0.path()).env_clear();
        command.env("PATH", self.path("bin")).env("TMPDIR", self.path("tmp")).env("HOME", self.path("home"));
        command
    }
}

impl Said {
    /// `STATE: FOUND` of the only check of this name.
    fn of(&self, name: &str) -> String {
        let found: Vec<&Value> = self.checks.iter().filter(|check| check["check"] == name).collect();
        assert_eq!(found.len(), 1, "{name}: {:#?}", self.checks);
        format!("{}: {}", found[0]["state"].as_str().unwrap(), found[0]["found"].as_str().unwrap())
    }
}

/// True for the number of a process that is there and not a zombie.
fn runs(number: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", number.trim())).is_ok_and(|state| !state.contains(") Z "))
}

#[test]
fn the_real_kustomize_runs_functions_and_skips_them_silently_without_the_flag() {
    let Some(kustomize) = peers::peer("kustomize") else { return };
    let said = Machine::new().with("kustomize", &kustomize).said(&[]);
    let functions =
        "ok: they run with --enable-alpha-plugins --enable-exec; without --enable-exec they are skipped silently";
    assert_eq!(said.of("kustomize functions"), functions);
    assert_eq!(said.of("kustomize plugin"), "ok: the older layout works with --enable-alpha-plugins");
    assert!(said.of("kustomize").starts_with("ok: v5."), "{}", said.of("kustomize"));
    assert_eq!(said.code, Some(0));
}

#[test]
fn every_kubectl_skips_functions_silently_and_runs_older_plugins() {
    for kubectl in builders::kubectls() {
        let said = Machine::new().with("kubectl", &kubectl).said(&[]);
        assert!(said.of("kubectl").starts_with("ok: v1."), "{}", said.of("kubectl"));
        assert_eq!(said.of("kubectl functions"), "warning: they are skipped silently, always");
        assert_eq!(said.of("kubectl plugin"), "ok: the older layout works with --enable-alpha-plugins");
        assert_eq!(said.code, Some(0));
    }
}

#[test]
fn the_real_helms_are_told_apart_by_what_they_want() {
    for (peer, version, wants) in [("helm", "ok: v4.", "ok: a plugin: "), ("helm3", "ok: v3.", "ok: a program: ")] {
        let Some(helm) = peers::peer(peer) else { continue };
        let said = Machine::new().with("helm", &helm).said(&[]);
        assert!(said.of("helm").starts_with(version), "{}", said.of("helm"));
        assert!(said.of("helm post-renderer").starts_with(wants), "{}", said.of("helm post-renderer"));
        assert_eq!(said.code, Some(0));
    }
}

#[test]
fn a_machine_without_any_program_is_no_error() {
    let machine = Machine::new();
    let said = machine.said(&[]);
    for name in ["kustomize", "kubectl", "helm", "kpt"] {
        assert_eq!(said.of(name), "absent: not on the PATH");
    }
    assert!(said.of("sealref").starts_with("ok: "), "{}", said.of("sealref"));
    let output = machine.command().env_remove("PATH").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("\nkpt          absent   not on the PATH\n"), "{text}");
    assert!(text.contains("hint: put its folder on the PATH"), "{text}");
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let machine = Machine::new().script("kustomize", "/bin/sleep 600 & echo $! > ../../started; /bin/sleep 600");
    let begun = Instant::now();
    let said = machine.said(&[]);
    assert!(begun.elapsed() < Duration::from_secs(40));
    assert!(said.of("kustomize").ends_with("did not end within 10 seconds"), "{}", said.of("kustomize"));
    assert_eq!(said.code, Some(1));
    assert!(!runs(&fs::read_to_string(machine.path("started")).unwrap()), "it still runs");
}

#[test]
fn a_signal_ends_what_was_started_and_leaves_nothing() {
    let machine = Machine::new().script("kustomize", "echo $$ > ../../started; exec /bin/sleep 600");
    let mut doctor = machine.command().stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let started = loop {
        let started = fs::read_to_string(machine.path("started")).unwrap_or_default();
        if started.ends_with('\n') {
            break started;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it was never started");
        std::thread::sleep(Duration::from_millis(10));
    };
    kill_process(Pid::from_raw(i32::try_from(doctor.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(doctor.wait().unwrap().code(), Some(143));
    assert_eq!(fs::read_dir(machine.path("tmp")).unwrap().count(), 0, "something was left behind");
    let begun = Instant::now();
    while runs(&started) {
        assert!(begun.elapsed() < Duration::from_secs(5), "it still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_that_never_stops_talking_is_cut() {
    let machine = Machine::new().script("kpt", "exec /usr/bin/yes 1.0.0");
    let said = machine.said(&[]);
    assert!(said.of("kpt").ends_with("/bin/kpt\" printed more than 1 MiB"), "{}", said.of("kpt"));
    assert_eq!(said.code, Some(1));
}

#[test]
fn a_kustomize_that_skips_functions_whatever_it_is_told_is_an_error() {
    let version = "if [ $1 = version ]; then echo v9.9.9; exit; fi\n";
    let skips = Machine::new().script("kustomize", &format!("{version}/bin/cat function/secret.yaml")).said(&[]);
    let silently = "error: they are skipped silently, even with --enable-alpha-plugins --enable-exec";
    assert_eq!((skips.of("kustomize functions").as_str(), skips.code), (silently, Some(1)));
    let fails = Machine::new().script("kustomize", &format!("{version}echo unknown flag >&2; exit 1")).said(&[]);
    let why = "error: a build with a function fails: it said \"unknown flag\"";
    assert_eq!((fails.of("kustomize functions").as_str(), fails.code), (why, Some(1)));
}

#[test]
fn certificate_and_key_are_looked_at_and_the_key_is_not_shown() {
    let example = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart").join(name);
        fs::read_to_string(path).unwrap()
    };
    let settings = |sealing: &str| {
        let head = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nmetadata: {name: x}\n";
        Machine::new()
            .file("cert.pem", &example("demo-certificate.pem"))
            .file("demo.key", &example("demo-sealing.key"))
            .file(".sealref.yaml", &format!("{head}spec: {{sealing: {{{sealing}}}}}\n"))
    };
    let said = settings("certificate: cert.pem, key: {file: demo.key}").said(&[]);
    assert_eq!(said.of("certificate"), "ok: valid until 2051-07-14T19:40:24Z");
    assert!(said.of("sealing key").starts_with("warning: the sealing key is a published demo key"));
    let text = format!("{:?}", said.checks);
    assert!(!text.contains("sealref-demo-key-1:") && !text.contains(example("demo-sealing.key").trim()));
    assert_eq!(said.code, Some(0));

    let said = settings("certificate: demo.key, key: {file: cert.pem}").said(&[]);
    assert!(said.of("certificate").starts_with("error: demo.key: "), "{}", said.of("certificate"));
    assert_eq!(said.of("sealing key"), "error: the sealing key: this is not a sealing key");
    assert_eq!(said.code, Some(1));

    let said = settings("certificate: cert.pem").said(&[]);
    assert_eq!(said.of("sealing key"), "warning: none is named, and without it nothing is sealed");
    let said = settings("randomised: true").said(&["--sealing-key", "nowhere"]);
    assert!(said.of("certificate").starts_with("warning: none is named"), "{}", said.of("certificate"));
}

#[test]
fn a_kustomization_is_asked_whether_it_lists_the_transformer_where_it_belongs() {
    let transform = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\n";
    let inline = "|-\n  apiVersion: sealref.dev/v1alpha1\n  kind: SecretTransform\n";
    let none = "absent: no kustomization of the build lists a SecretTransform";
    let rows = [
        ("transformers: [other.yaml, ours.yaml]\n".to_owned(), "ok: listed where it belongs", 0),
        (format!("transformers:\n- {}", inline.replace("\n  ", "\n    ")), "error: ", 1),
        ("transformers: [ours.yaml, other.yaml]\n".to_owned(), "error: ", 1),
        ("transformers: [other.yaml, github.com/x/y]\nresources: [ours.yaml]\n".to_owned(), none, 0),
        ("resources: []\n".to_owned(), none, 0),
    ];
    for (kustomization, expected, code) in rows {
        let machine = Machine::new().file("kustomization.yaml", &kustomization).file("ours.yaml", transform);
        let said = machine.file("other.yaml", "apiVersion: builtin\nkind: LabelTransformer\n").said(&[]);
        assert!(said.of("transformer").starts_with(expected), "{kustomization}: {}", said.of("transformer"));
        assert_eq!(said.code, Some(code));
    }
}

#[test]
fn a_caller_is_known_by_its_environment() {
    for (variable, caller) in [("HELM_PLUGIN_NAME", "Helm 4"), ("ARGOCD_APP_NAME", "Argo CD")] {
        let output = Machine::new().command().env(variable, "x").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().any(|line| line.starts_with("called by") && line.contains(caller)), "{text}");
    }
}

#[test]
fn a_program_gets_nothing_of_the_environment_but_the_path() {
    let machine = Machine::new().script("kpt", "/usr/bin/env > ../../env; echo 1.0.0");
    let output = machine.command().env("SECRET", "s3cret").output().unwrap();
    assert!(output.status.success());
    let all = fs::read_to_string(machine.path("env")).unwrap();
    let names: Vec<&str> = all.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // The shell itself sets what is not HOME, LANG and PATH.
    let known = ["HOME", "LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "_"];
    assert!(names.contains(&"HOME") && names.iter().all(|name| known.contains(name)), "{names:?}");
    assert!(all.lines().any(|line| line.starts_with("HOME=") && line.contains("/tmp/sealref-")), "{all}");
}

#[test]
fn broken_settings_are_told_with_their_place_and_the_rest_is_still_checked() {
    let said = Machine::new().file(".sealref.yaml", "apiVersion: v1\nkind: Pod\n").said(&[]);
    assert_eq!(said.of("settings"), "error: .sealref.yaml:1: the settings are of another kind");
    assert_eq!(said.of("kpt"), "absent: not on the PATH");
    assert_eq!(said.code, Some(1));
}
