//! `sealref doctor` on machines that have everything, nothing, and programs that misbehave.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test starts programs, and fails by panicking"
)]

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
    let started = fs::read_to_string(machine.path("started")).unwrap();
    let state = fs::read_to_string(format!("/proc/{}/stat", started.trim()));
    assert!(state.is_err() || state.unwrap().contains(") Z "), "it still runs");
}

#[test]
fn a_program_gets_nothing_of_the_environment_but_the_path() {
    let machine = Machine::new().script("kpt", "/usr/bin/env >&2; echo 1.0.0; test -z \"$SECRET$TMPDIR\" || exit 1");
    let output =
        machine.command().args(["--format=json"]).env("SECRET", "s3cret").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("1.0.0, ") && !text.contains("s3cret"), "{text}");
}

#[test]
fn broken_settings_are_told_with_their_place_and_the_rest_is_still_checked() {
    let said = Machine::new().file(".sealref.yaml", "apiVersion: v1\nkind: Pod\n").said(&[]);
    assert_eq!(said.of("settings"), "error: .sealref.yaml:1: the settings are of another kind");
    assert_eq!(said.of("kpt"), "absent: not on the PATH");
    assert_eq!(said.code, Some(1));
}
