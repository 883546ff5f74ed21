//! How the program behaves as a process: pipes that close, disks that are full, signals, files that are
//! kept, and what it opens.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const SETTINGS: &str = r"
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata: {name: test}
spec:
  stores:
    - {match: {scheme: vault}, use: {kind: ClusterSecretStore, name: vault}}
  sealing: {certificate: certificate.pem, key: {file: sealing.key}}
";

const TRANSLATED: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: translated, namespace: shop}\nstringData:\n  a: ref+vault://kv/a#/b\n";
const SEALED: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: sealed, namespace: shop}\nstringData:\n  a: ref+file://value.txt\n";
const BROKEN: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: broken, namespace: shop}\nstringData:\n  a: ref+nosuch://x\n";

/// A folder with settings, a key, a certificate and a value.
fn world() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    fs::copy(quickstart.join("demo-certificate.pem"), folder.path().join("certificate.pem")).unwrap();
    fs::copy(quickstart.join("demo-sealing.key"), folder.path().join("sealing.key")).unwrap();
    for (name, text) in [
        (".sealref.yaml", SETTINGS),
        ("value.txt", "a value"),
        ("translated.yaml", TRANSLATED),
        ("sealed.yaml", SEALED),
        ("broken.yaml", BROKEN),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn sealref(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealref"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    sealref(folder, arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Names and contents of everything below a folder.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.clone(), vec![]);
            found.extend(snapshot(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// A stream of a few MiB without a secret.
fn large() -> String {
    let object = |n: usize| {
        let data = "x".repeat(1000);
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{n}\ndata:\n  a: {data}\n")
    };
    (0..3000).map(object).collect()
}

fn skipped(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is missing");
    let _ = writeln!(std::io::stderr(), "skipped: {what} is missing");
}

fn has(program: &str) -> bool {
    std::env::var("PATH").unwrap().split(':').any(|folder| Path::new(folder).join(program).exists())
}

// --- Standard output ---

#[test]
fn a_pipe_that_is_closed_before_the_first_byte_ends_it_silently_h1() {
    let world = world();
    for input in ["translated.yaml", "large.yaml"] {
        fs::write(world.path().join("large.yaml"), large()).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sealref(world.path(), &["render", input]).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{input}: {}", told(&output));
        assert_eq!(told(&output), "", "{input}");
    }
}

#[test]
fn a_pipe_that_closes_after_the_first_bytes_ends_it_silently_h1() {
    let world = world();
    fs::write(world.path().join("large.yaml"), large()).unwrap();
    let mut child = sealref(world.path(), &["render", "large.yaml"]).spawn().unwrap();
    let mut ten = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut ten).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141), "{}", told(&output));
    assert_eq!(told(&output), "");
}

#[test]
fn a_full_device_is_an_error_h2() {
    let world = world();
    fs::write(world.path().join("large.yaml"), large()).unwrap();
    for arguments in
        [&["render", "translated.yaml"][..], &["render", "large.yaml"], &["explain", "translated.yaml"], &["schema"]]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = sealref(world.path(), arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(told(&output).starts_with("error: the output can't be written: no space left"), "{}", told(&output));
    }
}

#[test]
fn a_closed_standard_output_crashes_nothing_h3() {
    let world = world();
    let script = format!("{} render translated.yaml >&-", env!("CARGO_BIN_EXE_sealref"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(&world).output().unwrap();
    // The standard library opens /dev/null in its place, so nothing can be told of it; but nothing crashes
    assert!(matches!(output.status.code(), Some(0 | 1 | 141)), "{:?}", output.status);
}

#[test]
fn nothing_is_on_standard_output_when_it_fails() {
    let world = world();
    let folder = world.path();
    fs::write(folder.join("not-utf8.yaml"), [b'a', b':', b' ', 0xff]).unwrap();
    fs::write(folder.join("empty.yaml"), "").unwrap();
    fs::write(folder.join("cut.yaml"), format!("{TRANSLATED}---\nkind: Secret\nstringData: {{a: [")).unwrap();
    fs::write(folder.join("plain.yaml"), SEALED.replace("ref+file://value.txt", "hunter2")).unwrap();
    fs::write(folder.join("missing.yaml"), SEALED.replace("value.txt", "missing.txt")).unwrap();
    fs::write(folder.join("nowhere.yaml"), SEALED.replace(", namespace: shop", "")).unwrap();
    fs::write(folder.join("refused.yaml"), SEALED.replace("file://value.txt", "env://HOME")).unwrap();
    fs::write(folder.join("bad-settings.yaml"), "kind: nothing\n").unwrap();
    for (code, arguments) in [
        (1, &["render", "translated.yaml", "broken.yaml"][..]),
        (1, &["render", "translated.yaml", "not-utf8.yaml"]),
        (1, &["render", "empty.yaml"]),
        (1, &["render", "-"]),
        (1, &["render", "cut.yaml"]),
        (1, &["render", "translated.yaml", "plain.yaml"]),
        (1, &["render", "missing.yaml"]),
        (1, &["render", "nowhere.yaml"]),
        (3, &["render", "refused.yaml"]),
        (1, &["render", "no-such-file.yaml"]),
        (1, &["render", "translated.yaml", "--config", "bad-settings.yaml"]),
        (1, &["render", "sealed.yaml", "--certificate", "value.txt"]),
        (1, &["render", "sealed.yaml", "--sealing-key", "value.txt"]),
        (1, &["render", "translated.yaml", "sealed.yaml", "translated.yaml"]),
        (2, &["render", "--no-such-option"]),
        (2, &["no-such-command"]),
        (2, &["seal"]),
        (1, &["seal", "-f", "plain.yaml", "--certificate", "value.txt"]),
        (1, &["explain", "broken.yaml"]),
        (1, &["verify", "broken.yaml"]),
        (1, &["cert", "show", "value.txt"]),
        (1, &["keys", "new", "-o", "sealing.key"]),
    ] {
        let before = snapshot(folder);
        let output = output(folder, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", told(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        assert!(before == snapshot(folder), "{arguments:?} changed a file");
    }
}

// --- Signals ---

/// A child that waits for the rest of its standard input: it has read more than a pipe holds.
fn waiting(command: &mut Command) -> (Child, std::process::ChildStdin) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(TRANSLATED.as_bytes()).unwrap();
    stdin.write_all("# waiting\n".repeat(20_000).as_bytes()).unwrap();
    (child, stdin)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// 143, or the signal itself: a shell shows both as 143.
fn shown(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap()
}

#[test]
fn signals_end_it_at_once_with_nothing_written_h5() {
    let world = world();
    fs::write(world.path().join("out.yaml"), "old\n").unwrap();
    let before = snapshot(world.path());
    for (number, expected) in
        [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131), (Signal::KILL, 137)]
    {
        for arguments in
            [&["render"][..], &["render", "-o", "out.yaml"], &["render", "-o", "new.yaml"], &["explain"], &["verify"]]
        {
            let (child, stdin) = waiting(&mut sealref(world.path(), arguments));
            let start = Instant::now();
            signal(&child, number);
            let output = child.wait_with_output().unwrap();
            assert_eq!(shown(output.status), expected, "{arguments:?}");
            assert!(start.elapsed() < Duration::from_secs(10));
            assert!(output.stdout.is_empty(), "{arguments:?}");
            assert_eq!(told(&output), "", "{arguments:?}");
            assert!(before == snapshot(world.path()), "{arguments:?} left something behind");
            drop(stdin);
        }
    }
}

/// Killed at any moment, a file is the old one or the new one.
#[test]
fn a_kill_leaves_the_old_file_or_the_new_one_h5() {
    let world = world();
    fs::write(world.path().join("large.yaml"), large()).unwrap();
    let (mut old, mut new) = (0, 0);
    for round in 0..40u64 {
        fs::write(world.path().join("out.yaml"), "old\n").unwrap();
        let number = if round % 2 == 0 { Signal::KILL } else { Signal::TERM };
        let mut child = sealref(world.path(), &["render", "large.yaml", "-o", "out.yaml"]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 1500));
        let _ = kill_process(Pid::from_child(&child), number);
        let status = child.wait().unwrap();
        let written = fs::read_to_string(world.path().join("out.yaml")).unwrap();
        match written.as_str() {
            "old\n" => old += 1,
            text => {
                assert!(text == large(), "half a file was written");
                new += 1;
            }
        }
        let left = fs::read_dir(&world)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".sealref-"));
        // A kill that nobody can catch may leave a hidden file; a signal that can be caught may not
        if shown(status) != 137 {
            assert_eq!(left.count(), 0, "a temporary file is left");
        }
    }
    assert!(old > 0, "never killed before it was done: {old} {new}");
}

// --- Files ---

#[test]
fn a_file_is_kept_when_rendering_fails() {
    let world = world();
    fs::write(world.path().join("out.yaml"), "old\n").unwrap();
    let before = snapshot(world.path());
    let output = output(world.path(), &["render", "translated.yaml", "broken.yaml", "-o", "out.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(before == snapshot(world.path()));
}

#[test]
fn a_file_that_is_written_has_what_standard_output_would_have() {
    let world = world();
    let printed = output(world.path(), &["render", "translated.yaml", "sealed.yaml"]).stdout;
    assert!(!printed.is_empty());
    let done = output(world.path(), &["render", "translated.yaml", "sealed.yaml", "-o", "out.yaml"]);
    assert!(done.status.success() && done.stdout.is_empty());
    assert!(printed == fs::read(world.path().join("out.yaml")).unwrap());
}

#[test]
fn a_folder_loses_only_what_it_got_before() {
    let world = world();
    let folder = world.path();
    let render = |inputs: &[&str]| {
        let output = output(folder, &[&["render"], inputs, &["-o", "out/"]].concat());
        assert!(output.status.success(), "{}", told(&output));
    };
    render(&["translated.yaml", "sealed.yaml"]);
    fs::write(folder.join("out/mine.yaml"), "mine: true\n").unwrap();
    assert!(folder.join("out/sealed.yaml").exists());
    render(&["translated.yaml"]);
    assert!(!folder.join("out/sealed.yaml").exists(), "what is no longer rendered goes");
    assert!(folder.join("out/translated.yaml").exists() && folder.join("out/mine.yaml").exists());
    // A list that somebody has changed leads nowhere else
    let list = folder.join("out/.sealref-written");
    let absolute = folder.join("value.txt");
    fs::write(&list, format!("../value.txt\n{}\ntranslated.yaml\n../out/mine.yaml\n", absolute.display())).unwrap();
    render(&["sealed.yaml"]);
    assert!(absolute.exists() && folder.join("out/mine.yaml").exists());
    assert!(!folder.join("out/translated.yaml").exists());
}

#[test]
fn a_folder_is_left_alone_when_rendering_fails() {
    let world = world();
    assert!(output(world.path(), &["render", "translated.yaml", "-o", "out/"]).status.success());
    let before = snapshot(world.path());
    assert!(!output(world.path(), &["render", "sealed.yaml", "broken.yaml", "-o", "out/"]).status.success());
    assert!(!output(world.path(), &["render", "sealed.yaml", "./sealed.yaml", "-o", "out/"]).status.success());
    assert!(before == snapshot(world.path()));
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let world = world();
    let folder = world.path();
    let closed = folder.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let mut places = vec!["value.txt/out.yaml", "no/such/folder/out.yaml", "/proc/no-such-file", "value.txt/"];
    if !rustix::process::geteuid().is_root() {
        places.push("closed/out.yaml");
        places.push("closed/");
    }
    for place in places {
        let before = snapshot(folder);
        let output = output(folder, &["render", "translated.yaml", "-o", place]);
        assert_eq!(output.status.code(), Some(1), "{place}: {}", told(&output));
        assert!(told(&output).starts_with("error: ") && told(&output).contains("hint: "), "{place}: {}", told(&output));
        assert!(before == snapshot(folder), "{place}");
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn relative_paths_lead_from_the_working_folder() {
    let world = world();
    let folder = world.path();
    fs::create_dir_all(folder.join("a/b")).unwrap();
    let expected = output(folder, &["render", "sealed.yaml"]).stdout;
    assert!(!expected.is_empty());
    let from_below = output(&folder.join("a/b"), &["render", "../../sealed.yaml"]);
    assert!(from_below.stdout == expected, "{}", told(&from_below));
    let from_above = output(
        folder.parent().unwrap(),
        &["render", &format!("{}/sealed.yaml", folder.file_name().unwrap().to_str().unwrap())],
    );
    assert!(from_above.stdout == expected, "{}", told(&from_above));
    let written = output(&folder.join("a"), &["render", "../sealed.yaml", "-o", "b/../out.yaml"]);
    assert!(written.status.success(), "{}", told(&written));
    assert!(fs::read(folder.join("a/out.yaml")).unwrap() == expected);
}

#[test]
fn rendering_what_was_rendered_changes_nothing() {
    let world = world();
    let folder = world.path();
    let first = output(folder, &["render", "translated.yaml", "sealed.yaml", "-o", "once.yaml"]);
    assert!(first.status.success());
    assert!(output(folder, &["render", "once.yaml", "-o", "twice.yaml"]).status.success());
    assert_eq!(fs::read(folder.join("once.yaml")).unwrap(), fs::read(folder.join("twice.yaml")).unwrap());
    assert!(output(folder, &["render", "once.yaml", "-o", "once.yaml"]).status.success());
    assert_eq!(fs::read(folder.join("once.yaml")).unwrap(), fs::read(folder.join("twice.yaml")).unwrap());
}

/// An output inside of the folder that is read is read the next time. Then the file stays as it is: by the
/// same bytes, or by an error that names it.
#[test]
fn an_output_inside_of_the_input_folder_is_stable() {
    let world = world();
    let folder = world.path();
    fs::create_dir(folder.join("in")).unwrap();
    fs::write(folder.join("in/translated.yaml"), TRANSLATED).unwrap();
    for place in ["in/out.yaml", "in/out/"] {
        let first = output(folder, &["render", "-R", "in", "-o", place]);
        assert!(first.status.success(), "{}", told(&first));
        let before = snapshot(folder);
        let second = output(folder, &["render", "-R", "in", "-o", place]);
        assert!(second.status.success() || told(&second).contains("in/out"), "{}", told(&second));
        assert!(before == snapshot(folder), "{place}");
        let _ = fs::remove_file(folder.join("in/out.yaml"));
    }
}

// --- Terminals ---

/// Runs a command of the shell with a terminal as all three standard streams.
fn on_a_terminal(folder: &Path, line: &str) -> Option<(i32, String)> {
    if !has("script") {
        skipped("script");
        return None;
    }
    let output = Command::new("script")
        .args(["-qec", line, "/dev/null"])
        .current_dir(folder)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Some((shown(output.status), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn a_terminal_as_standard_input_is_a_mistake_of_usage_h8() {
    let world = world();
    for command in ["render", "explain", "verify", "render -"] {
        let line = format!("{} {command} < /dev/tty", env!("CARGO_BIN_EXE_sealref"));
        let Some((code, shown)) = on_a_terminal(world.path(), &line) else { return };
        assert_eq!(code, 2, "{command}: {shown}");
        assert!(shown.contains("standard input is a terminal"), "{shown}");
    }
}

#[test]
fn colours_are_for_terminals_alone_h8() {
    let world = world();
    let program = env!("CARGO_BIN_EXE_sealref");
    let colour = "\u{1b}[1;31merror:\u{1b}[0m";
    let on = |line: String| on_a_terminal(world.path(), &line).map(|(_, shown)| shown);
    let Some(shown) = on(format!("{program} render broken.yaml")) else { return };
    assert!(shown.contains(colour), "{shown:?}");
    for line in [
        format!("NO_COLOR=1 {program} render broken.yaml"),
        format!("TERM=dumb {program} render broken.yaml"),
        format!("{program} render broken.yaml 2>&1 | cat"),
    ] {
        let shown = on(line.clone()).unwrap();
        assert!(shown.contains("error:") && !shown.contains('\u{1b}'), "{line}: {shown:?}");
    }
    let shown = on(format!("{program} render translated.yaml")).unwrap();
    assert!(shown.contains("kind: ExternalSecret") && !shown.contains('\u{1b}'), "{shown:?}");
}

// --- What is opened ---

/// The lines of a trace of the system calls about files, sockets and programs.
fn traced(folder: &Path, arguments: &[&str]) -> Option<(Output, Vec<String>)> {
    if !has("strace") {
        skipped("strace");
        return None;
    }
    let trace = folder.join("trace");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=%file,%network,%process,memfd_create,io_uring_setup", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_sealref"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let lines = fs::read_to_string(&trace).unwrap().lines().map(str::to_owned).collect();
    fs::remove_file(trace).unwrap();
    Some((output, lines))
}

fn opened<'l>(lines: &'l [String], name: &str) -> Vec<&'l String> {
    lines.iter().filter(|line| line.contains("open") && line.contains(&format!("{name}\""))).collect()
}

#[test]
fn a_translation_opens_no_socket_and_no_key_file() {
    let world = world();
    let Some((output, lines)) = traced(world.path(), &["render", "translated.yaml"]) else { return };
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(opened(&lines, "translated.yaml").len(), 1, "{lines:#?}");
    for name in ["sealing.key", "certificate.pem", "value.txt"] {
        assert!(opened(&lines, name).is_empty(), "{name}");
    }
    no_door_but_files(&lines);
    // The control: a seal opens all three, so that the trace is seen to show them
    let (output, lines) = traced(world.path(), &["render", "sealed.yaml"]).unwrap();
    assert!(output.status.success(), "{}", told(&output));
    for name in ["sealing.key", "certificate.pem", "value.txt"] {
        assert!(!opened(&lines, name).is_empty(), "{name}");
    }
    no_door_but_files(&lines);
}

#[test]
fn what_needs_no_value_opens_no_key_file() {
    let world = world();
    for arguments in [
        &["render", "--preview", "sealed.yaml", "translated.yaml"][..],
        &["explain", "sealed.yaml", "translated.yaml"],
        &["verify", "sealed.yaml"],
    ] {
        let Some((_, lines)) = traced(world.path(), arguments) else { return };
        for name in ["sealing.key", "value.txt"] {
            assert!(opened(&lines, name).is_empty(), "{arguments:?} opened {name}");
        }
        no_door_but_files(&lines);
    }
}

/// No program is started and nobody is called; a pair of sockets within the process hears of signals.
fn no_door_but_files(lines: &[String]) {
    let calls = ["socket(", "connect(", "bind(", "sendto(AF", "memfd_create(", "io_uring_setup(", "vfork(", "unlink"];
    let wrong: Vec<&String> = lines.iter().filter(|line| calls.iter().any(|call| line.contains(call))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("execve(")).count(), 1);
    let outside = |line: &&String| {
        let written = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| line.contains(flag));
        line.contains("open") && written && !line.contains("/dev/")
    };
    let written: Vec<&String> = lines.iter().filter(outside).collect();
    assert!(written.is_empty(), "{written:#?}");
}

// --- Poor surroundings ---

#[test]
fn the_environment_changes_nothing_h7_h8_h12() {
    let world = world();
    let expected = output(world.path(), &["render", "translated.yaml", "sealed.yaml"]).stdout;
    assert!(!expected.is_empty());
    let mut bare = sealref(world.path(), &["render", "translated.yaml", "sealed.yaml"]);
    assert!(bare.env_clear().output().unwrap().stdout == expected);
    for (name, value) in [
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "nowhere"),
        ("TZ", "Pacific/Kiritimati"),
        ("COLUMNS", "1"),
        ("TMPDIR", "/no/such/folder"),
        ("HOME", "/no/such/folder"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("VAULT_ADDR", "http://127.0.0.1:1"),
        ("KUBECONFIG", "/no/such/file"),
        ("ARGOCD_ENV_SEALREF_SEALING_KEY", "value.txt"),
        ("ARGOCD_ENV_SEALREF_CLUSTER", "other"),
        ("PARAM_SCOPE", "ClusterWide"),
        ("ARGOCD_ENV_LD_PRELOAD", "/no/such/library.so"),
        ("SSLKEYLOGFILE", "keys.log"),
        ("SSL_CERT_FILE", "/no/such/file"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "full"),
        ("RAYON_NUM_THREADS", "1"),
    ] {
        let mut command = sealref(world.path(), &["render", "translated.yaml", "sealed.yaml"]);
        let output = command.env(name, value).output().unwrap();
        assert!(output.stdout == expected, "{name}={value}: {}", told(&output));
    }
    assert!(!world.path().join("keys.log").exists());
}

#[test]
fn little_is_enough_h6() {
    let world = world();
    let expected = output(world.path(), &["render", "translated.yaml", "sealed.yaml"]).stdout;
    for limit in ["-n 16", "-s 512", "-v 400000", "-c unlimited", "-f 0"] {
        let line =
            format!("ulimit {limit} && exec {} render translated.yaml sealed.yaml", env!("CARGO_BIN_EXE_sealref"));
        let output = Command::new("sh").args(["-c", &line]).current_dir(&world).output().unwrap();
        let whole = output.status.success() && output.stdout == expected;
        assert!(whole || output.stdout.is_empty() && !output.status.success(), "{limit}: {}", told(&output));
    }
    // No file may grow: the old one stays, and nothing is left beside it
    fs::write(world.path().join("out.yaml"), "old\n").unwrap();
    let before = snapshot(world.path());
    let line =
        format!("trap '' XFSZ; ulimit -f 0 && {} render translated.yaml -o out.yaml", env!("CARGO_BIN_EXE_sealref"));
    let output = Command::new("sh").args(["-c", &line]).current_dir(&world).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(before == snapshot(world.path()));
}

#[test]
fn arguments_that_are_no_text_are_told_h8() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = world();
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe.yaml");
    let output = sealref(world.path(), &["render"]).arg(name).output().unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{:?} {}", output.status, told(&output));
    assert!(output.stdout.is_empty() && told(&output).starts_with("error:"), "{}", told(&output));
}

// --- Callers ---

#[test]
fn a_variable_of_a_caller_may_be_any_bytes_and_takes_no_command_away() {
    let world = world();
    // kustomize gives the path of a file; this is a file too, and a command
    fs::write(world.path().join("render"), TRANSLATED).unwrap();
    let odd = OsStr::from_bytes(b"\xff");
    for variable in ["HELM_PLUGIN_NAME", "KUSTOMIZE_PLUGIN_CONFIG_ROOT"] {
        for arguments in [&["--version"][..], &["render", "translated.yaml"]] {
            let output = sealref(world.path(), arguments).env(variable, odd).output().unwrap();
            assert!(output.status.success() && !output.stdout.is_empty(), "{variable}: {}", told(&output));
        }
    }
}

// --- Together ---

#[test]
fn runs_at_the_same_time_do_not_disturb_each_other() {
    let world = world();
    let folder = world.path();
    let expected = output(folder, &["render", "translated.yaml", "sealed.yaml"]).stdout;
    let children: Vec<(usize, Child)> = (0..12)
        .map(|n| {
            let file = if n % 3 == 0 { "shared.yaml".to_owned() } else { format!("out{n}.yaml") };
            let arguments = ["render", "translated.yaml", "sealed.yaml", "-o", &file];
            (n, sealref(folder, &arguments).spawn().unwrap())
        })
        .collect();
    for (n, child) in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{n}: {}", told(&output));
    }
    for name in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()) {
        let name = name.to_string_lossy().into_owned();
        assert!(!name.starts_with(".sealref-"), "{name} is left");
        if name.starts_with("out") || name == "shared.yaml" {
            assert!(fs::read(folder.join(&name)).unwrap() == expected, "{name}");
        }
    }
}
