//! What a process shows and leaves behind. Each test starts this same program again as its child.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test watches a process from outside"
)]

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{
    DumpableBehavior, Pid, Resource, Signal, dumpable_behavior, getrlimit, kill_process,
};
use sealref::outside::{
    files::{Privacy, write_atomically},
    process::{harden, watch_signals},
    stdio,
};

const PART: &str = "SEALREF_TEST_PART";
const FOLDER: &str = "SEALREF_TEST_FOLDER";

/// This very test, alone, with a part to play.
fn child(test: &str, part: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(PART, part)
        .env(FOLDER, folder)
        .env("RUST_BACKTRACE", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn part() -> Option<String> {
    std::env::var(PART).ok()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_hardened_process_leaves_no_core_and_cannot_be_traced_h11() {
    if part().is_some() {
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
        harden();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let core = getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        return;
    }
    let test = "a_hardened_process_leaves_no_core_and_cannot_be_traced_h11";
    let output = child(test, "harden", Path::new("")).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_panic_tells_where_and_never_what_h10() {
    if part().is_some() {
        harden();
        let secret = ["hunter", "2"].concat();
        panic!("{secret}");
    }
    let test = "a_panic_tells_where_and_never_what_h10";
    let output = child(test, "panic", Path::new("")).output().unwrap();
    assert!(!output.status.success());
    let told = told(&output);
    assert!(
        told.contains("error: internal: bug at tests/outside_process.rs:"),
        "{told}"
    );
    assert!(told.contains("\nhint: "), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!told.to_lowercase().contains("backtrace"), "{told}");
}

#[test]
fn a_signal_ends_the_process_and_leaves_whole_files_h5() {
    let folder = std::env::var_os(FOLDER).unwrap_or_default();
    let path = Path::new(&folder).join("out");
    let (a, b) = ("a".repeat(2_000_000), "b".repeat(1_000_000));
    if part().is_some() {
        watch_signals();
        stdio::tell("ready\n");
        loop {
            write_atomically(&path, &[&a], Privacy::Public).unwrap();
            write_atomically(&path, &[&b], Privacy::Public).unwrap();
        }
    }
    let test = "a_signal_ends_the_process_and_leaves_whole_files_h5";
    for round in 0..30_u64 {
        let (signal, code) = match round % 3 {
            0 => (Signal::TERM, 143),
            1 => (Signal::INT, 130),
            _ => (Signal::HUP, 129),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut child = child(test, "write", folder.path()).spawn().unwrap();
        wait_for(|| path.exists());
        thread::sleep(Duration::from_micros(round * 977));
        let sent = Instant::now();
        kill_process(pid(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert!(
            sent.elapsed() < Duration::from_secs(1),
            "{:?}",
            sent.elapsed()
        );
        assert_eq!((status.code(), status.signal()), (Some(code), None));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text == a || text == b, "{} bytes", text.len());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn wait_for(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came");
        thread::sleep(Duration::from_millis(1));
    }
}
