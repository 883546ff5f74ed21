//! What a process shows and leaves behind. Each test starts this same program again as its child.

use std::{
    fs,
    io::{BufRead, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{DumpableBehavior, Pid, Resource, Signal, dumpable_behavior, getrlimit, kill_process};
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
    assert!(told.contains("error: internal: bug at tests/outside_process.rs:"), "{told}");
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
        // At once; the bound only tells it from a process that waits for something
        assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
        assert_eq!((status.code(), status.signal()), (Some(code), None));
        let content = fs::read_to_string(&path).unwrap();
        assert!(content == a || content == b, "{} bytes", content.len());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn stdin_is_read_to_its_end_and_no_further_than_the_limit_h4() {
    if part().is_some() {
        assert!(!stdio::stdin_is_terminal());
        match stdio::read_stdin(300_000) {
            Ok(bytes) => stdio::tell(&format!("hint: {} bytes\n", bytes.len())),
            Err(problem) => stdio::tell(&format!("error: {problem}\n")),
        }
        return;
    }
    let test = "stdin_is_read_to_its_end_and_no_further_than_the_limit_h4";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    for (length, expected) in [
        (0, "hint: 0 bytes\n"),
        (300_000, "hint: 300000 bytes\n"),
        (300_001, "error: \"stdin\" is larger than 300000 bytes\nhint: "),
    ] {
        fs::write(&path, vec![b'x'; length]).unwrap();
        let mut child = child(test, "read", folder.path());
        let from_file = child.stdin(fs::File::open(&path).unwrap()).output().unwrap();
        assert!(told(&from_file).contains(expected), "{}", told(&from_file));

        let mut running = child.stdin(Stdio::piped()).spawn().unwrap();
        // Over the limit, the reader is gone before the last byte
        let _ = running.stdin.take().unwrap().write_all(&vec![b'x'; length]);
        let from_pipe = running.wait_with_output().unwrap();
        assert!(told(&from_pipe).contains(expected), "{}", told(&from_pipe));
    }
    let mut child = child(test, "read", folder.path());
    let output = child.stdin(fs::File::open(folder.path()).unwrap()).output().unwrap();
    assert!(told(&output).contains("error: \"stdin\" is a folder, not a file\n"), "{}", told(&output));
}

#[test]
fn a_hardened_process_hides_its_environment_from_its_neighbours_p1() {
    let test = "a_hardened_process_hides_its_environment_from_its_neighbours_p1";
    if let Some(part) = part() {
        if part == "hidden" {
            harden();
        }
        stdio::tell("ready\n");
        // Until the parent has looked and closes the pipe
        let _ = stdio::read_stdin(1);
        return;
    }
    if rustix::process::geteuid().is_root() {
        let reason = "root sees any process; run the tests as another user";
        stdio::tell(&format!("SKIPPED {test}: {reason}\n"));
        return;
    }
    for (part, seen) in [("open", true), ("hidden", false)] {
        let mut child = child(test, part, Path::new("")).stdin(Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        let environ = fs::read(format!("/proc/{}/environ", child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(environ.is_ok_and(|bytes| !bytes.is_empty()), seen, "{part}");
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
