//! The process behind the plugin: what a builder gets, and how everything ends, in the real argocd-cmp-server and alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

#[path = "support/peers.rs"]
mod peers;
#[path = "support/plugin.rs"]
mod plugin;

use plugin::{Operator, Plugin, Sent, policy, shipped};

/// Files arrive as the server lays them out; what starts gets nothing that could be used.
#[test]
fn a_builder_gets_files_of_mode_0644_and_a_bare_environment() {
    let operator = Operator::new("");
    let script = operator.script(
        "builder",
        "echo 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: facts}\ndata:\n  modes: |'
/usr/bin/find . -type f -printf '    %m %p\\n' | /usr/bin/sort
echo '  environment: |'
/usr/bin/env | /usr/bin/sort | /usr/bin/sed 's/^/    /'
echo \"  arguments: '$*'\"\n",
    );
    let Some(policy) = policy() else { return };
    let kustomize = peers::peer("kustomize").map(|path| fs::canonicalize(path).unwrap()).unwrap();
    let policy = policy.replace(kustomize.to_str().unwrap(), script.to_str().unwrap());
    let Some(plugin) = Plugin::start(&policy, &shipped()) else { return };
    let sent = Sent::new("shop", "app", "== app/kustomization.yaml\nresources: []\n== app/run.sh\n#!/bin/sh\n");
    fs::set_permissions(sent.folder().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let found = plugin.generate(&sent).unwrap();
    let data = &found[0]["data"];
    assert_eq!(data["modes"], "644 ./kustomization.yaml\n644 ./run.sh\n");
    let variables: Vec<&str> = data["environment"].as_str().unwrap().lines().collect();
    assert_eq!(variables[..3], ["HOME=/nonexistent", "LANG=C.UTF-8", "PATH=/nonexistent"]);
    assert!(variables[3].starts_with("PWD=") && variables.len() == 4, "PWD is the shell's: {variables:?}");
    assert_eq!(data["arguments"], "build --load-restrictor=LoadRestrictionsRootOnly .");
}

/// A kustomize that never ends, and starts another program that never does; both leave their numbers in `pids`.
const ENDLESS: &str = "/bin/sleep 1000 & echo \"$$ $!\" > PIDS\nwait\n";

struct Endless {
    policy: String,
    operator: Operator,
}

impl Endless {
    fn new() -> Option<Self> {
        let policy = policy()?;
        let operator = Operator::new("");
        let pids = operator.folder().join("pids");
        let script = operator.script("builder", &ENDLESS.replace("PIDS", pids.to_str().unwrap()));
        let kustomize = fs::canonicalize(peers::peer("kustomize")?).unwrap();
        let policy = policy.replace(kustomize.to_str().unwrap(), script.to_str().unwrap());
        fs::write(operator.folder().join("policy.yaml"), &policy).unwrap();
        Some(Self { policy, operator })
    }

    /// Waits until both have started.
    fn pids(&self) -> Vec<String> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let text = fs::read_to_string(self.operator.folder().join("pids")).unwrap_or_default();
            if text.ends_with('\n') {
                return text.split_whitespace().map(str::to_owned).collect();
            }
            assert!(Instant::now() < until, "nothing was started");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Every one of them is gone within a second.
    fn are_gone(&self) {
        let pids = self.pids();
        let until = Instant::now() + Duration::from_secs(1);
        while pids.iter().any(|pid| runs(pid)) {
            assert!(Instant::now() < until, "still there");
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::remove_file(self.operator.folder().join("pids")).unwrap();
    }
}

/// A process that has ended and that nobody has asked about is no more than a number.
fn runs(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

const TO_BUILD: &str = "== app/kustomization.yaml\nresources: []\n";

#[test]
fn the_servers_deadline_leaves_no_process() {
    let Some(endless) = Endless::new() else { return };
    let Some(plugin) = Plugin::start(&endless.policy, &shipped()) else { return };
    let started = Instant::now();
    let told = plugin.ask("generate", 3, &Sent::new("shop", "app", TO_BUILD)).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10), "{told}");
    endless.are_gone();
    assert_eq!(fs::read_dir(plugin.operator.folder().join("tmp")).unwrap().count(), 0);
}

#[test]
fn our_own_deadline_comes_first_and_says_why_i2() {
    let Some(endless) = Endless::new() else { return };
    let sent = Sent::new("shop", "app", TO_BUILD);
    let output = endless.operator.sealref(&sent.folder(), &["cmp", "generate", "--timeout", "4"], &sent.variables);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("error: ") && told.contains(" did not end within 3 seconds\nhint: "), "{told}");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{told}");
    endless.are_gone();
    // The time is not enough for the builder's share of it
    let output = endless.operator.sealref(&sent.folder(), &["cmp", "generate", "--timeout", "0"], &sent.variables);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("within 0 seconds\nhint: ") && output.stdout.is_empty(), "{told}");
}

#[test]
fn a_signal_ends_everything_within_a_second_p6() {
    let Some(endless) = Endless::new() else { return };
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let sent = Sent::new("shop", "app", TO_BUILD);
        let child = endless.operator.command(&sent.folder(), &["cmp", "generate"], &sent.variables).spawn().unwrap();
        endless.pids();
        let started = Instant::now();
        kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(started.elapsed() < Duration::from_secs(1));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0));
        endless.are_gone();
        assert_eq!(fs::read_dir(endless.operator.folder().join("tmp")).unwrap().count(), 0);
    }
}

/// Nothing on standard output and exit code 0 would make Argo CD delete the application.
#[test]
fn a_builder_that_prints_nothing_or_fails_is_an_error() {
    let Some(policy) = policy() else { return };
    let kustomize = fs::canonicalize(peers::peer("kustomize").unwrap()).unwrap();
    let object = "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n";
    let rows = [
        ("exit 0\n".to_owned(), "error: no objects came in"),
        ("echo; echo ---; echo '# nothing'\n".to_owned(), "error: no objects came in"),
        (format!("printf '{object}'; exit 1\n"), "error: kustomize failed"),
        (format!("printf '{object}'; kill -9 $$\n"), "error: kustomize failed"),
        ("printf 'a: \\377'\n".to_owned(), "error: kustomize: the text is not UTF-8"),
        ("exec /usr/bin/head -c 110000000 /dev/zero\n".to_owned(), "printed more than 100 MiB"),
    ];
    for (text, expected) in rows {
        let operator = Operator::new("");
        let script = operator.script("builder", &text);
        let policy = policy.replace(kustomize.to_str().unwrap(), script.to_str().unwrap());
        fs::write(operator.folder().join("policy.yaml"), policy).unwrap();
        let sent = Sent::new("shop", "app", TO_BUILD);
        let output = operator.sealref(&sent.folder(), &["cmp", "generate"], &sent.variables);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{text}: {told}");
        assert!(told.contains(expected), "{text}: {told}");
    }
}
