//! What others on the machine see of sealref while it runs and after it has gone: nothing.
//!
//! Root sees everything; so where these tests run as root, the program and its neighbour are nobody.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

#[path = "support/hunter.rs"]
#[allow(dead_code, reason = "only the search is needed")]
mod hunter;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;

use hunter::Hunter;
use program::{Program, SEALREF, end};
use server::Server;

const CANARY: &str = "Tq4nZ8cV1bM6xL3kJ9hGfD";
const NOBODY: u32 = 65534;
const KEY: &[u8; 32] = b"Wj4rL8tE2yU6iB0oXn5mQz9kSd3fVh7g";
const IN_YAML: &str = "Dc6xV0nM4aJ8sG2hFk7pTz";
const REMOTE: &str = "Lf1yQ5wO9rI3tU7bEj6mXk";
const HELD: &str = "Ny8wC2gE6vH0lT4dXs9kJa";
const STREAM: &str = "Public0fTheStream";

fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}");
}

fn has(program: &str) -> bool {
    std::env::var("PATH").unwrap().split(':').any(|folder| Path::new(folder).join(program).exists())
}

/// The same user for the program and its neighbour, who is not root.
fn nobody(command: &mut Command) -> &mut Command {
    if geteuid().is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// A folder that everybody may write to, with the program in it.
fn place() -> (Program, PathBuf) {
    let program = Program::new();
    let copy = program.folder().join("sealref");
    fs::copy(SEALREF, &copy).unwrap();
    for path in [program.folder(), &copy] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    (program, copy)
}

/// Starts a line of a shell, and waits until what it starts has read more than a pipe holds: it is past its beginning.
fn waiting(folder: &Path, line: &str) -> (Child, ChildStdin) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).current_dir(folder).env_clear().env("CANARY", CANARY);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = nobody(&mut command).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("# {CANARY}\n").repeat(10_000).as_bytes()).unwrap();
    (child, stdin)
}

/// What reads everything and waits for more.
const CONTROL: &str = "exec /bin/cat";

#[test]
fn a_crash_leaves_no_core_h11_p1() {
    for signal in [Signal::ABORT, Signal::SEGV, Signal::QUIT, Signal::BUS, Signal::FPE] {
        let core = |line: &str| {
            let (program, copy) = place();
            let line = format!("ulimit -c unlimited; {}", line.replace("SEALREF", copy.to_str().unwrap()));
            let (mut child, stdin) = waiting(program.folder(), &line);
            // Rust's own handler of SEGV and BUS lets the first one pass that does not come from memory
            for _ in 0..2 {
                let _ = kill_process(Pid::from_child(&child), signal);
                std::thread::sleep(Duration::from_millis(50));
            }
            drop(stdin);
            let status = child.wait().unwrap();
            let names = fs::read_dir(program.folder()).unwrap().map(|entry| entry.unwrap().path());
            let cores: Vec<PathBuf> = names.filter(|path| *path != copy).collect();
            let held =
                cores.iter().any(|path| memchr::memmem::find(&fs::read(path).unwrap(), CANARY.as_bytes()).is_some());
            (status, cores, held)
        };
        let (_, cores, held) = core(CONTROL);
        if cores.is_empty() {
            return skipped("a_crash_leaves_no_core_h11_p1: this machine writes no cores into the working folder");
        }
        assert!(held, "the core of the control holds its variables");
        let (status, cores, _) = core("exec SEALREF render -");
        assert!(cores.is_empty(), "{signal:?}: {cores:?}");
        assert!(!status.core_dumped(), "{signal:?}");
        assert!(!status.success(), "{signal:?}");
    }
}

#[test]
fn a_neighbour_of_the_same_user_sees_nothing_p1() {
    let (program, copy) = place();
    let seen = |line: &str| {
        let (mut child, stdin) = waiting(program.folder(), line);
        let pid = child.id();
        let looked = ["environ", "maps", "auxv", "mem", "fd", "cwd/", "task/*/environ", "stack"].map(|name| {
            let line = match name {
                "fd" | "cwd/" => format!("ls /proc/{pid}/{name}"),
                // The first page that can be read of the stack
                "mem" => format!(
                    "at=$(sed -n 's/-.*\\[stack\\]//p' /proc/{pid}/maps) && \
                     dd if=/proc/{pid}/mem bs=1 count=16 skip=$((0x$at)) iflag=skip_bytes"
                ),
                name => format!("cat /proc/{pid}/{name}"),
            };
            let mut neighbour = Command::new("/bin/sh");
            let output = end(nobody(neighbour.args(["-c", &line])), b"");
            (name, output.status.success() && !output.stdout.is_empty())
        });
        let traced = has("strace").then(|| {
            let mut neighbour = Command::new("timeout");
            let output = end(nobody(neighbour.args(["1", "strace", "-qq", "-p", &pid.to_string()])), b"");
            !String::from_utf8_lossy(&output.stderr).contains("Operation not permitted")
        });
        child.kill().unwrap();
        child.wait().unwrap();
        drop(stdin);
        (looked, traced)
    };
    let (looked, traced) = seen(CONTROL);
    let open: Vec<&str> = looked.iter().filter(|(_, seen)| *seen).map(|(name, _)| *name).collect();
    assert!(["environ", "maps", "fd"].iter().all(|name| open.contains(name)), "the control is seen: {open:?}");
    let (looked, own) = seen(&format!("exec {} render -", copy.display()));
    assert!(looked.iter().all(|(_, seen)| !seen), "{looked:?}");
    assert!(own != Some(true), "it can be traced (the control: {traced:?})");
}

const SETTINGS: &str = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec:\n  targets: {vault: SealedSecret}\n  \
                        sealing: {certificate: certificate.pem, key: {file: key}}\n";

/// Everything writable in the memory of a process, while it waits.
fn memory(pid: u32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut all = vec![];
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut part = vec![0; usize::try_from(to - from).unwrap()];
        if memory.seek(SeekFrom::Start(from)).is_ok() && memory.read_exact(&mut part).is_ok() {
            all.extend(part);
        }
    }
    all
}

/// When output begins, every value has been sealed, and nothing holds one any more: no buffer, no key, and no block of
/// memory that was given back.
#[test]
fn no_value_is_left_in_memory_when_output_begins_p4() {
    if !geteuid().is_root() {
        return skipped(
            "no_value_is_left_in_memory_when_output_begins_p4: only root sees the memory of a hardened process",
        );
    }
    let program = Program::new();
    let put = |name: &str, bytes: &[u8]| fs::write(program.folder().join(name), bytes).unwrap();
    let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/demo-certificate.pem");
    put("certificate.pem", &fs::read(certificate).unwrap());
    put(".sealref.yaml", SETTINGS.as_bytes());
    put("key", KEY);
    put("plain.txt", CANARY.as_bytes());
    put("values.yaml", format!("db: {{password: {IN_YAML}}}\n").as_bytes());
    let server = Server::start(|stream, request, _| {
        let mount = r#"{"data": {"path": "kv/", "type": "kv", "options": {"version": "2"}}}"#.to_owned();
        let value = format!(r#"{{"data": {{"data": {{"k": "{REMOTE}"}}, "metadata": {{}}}}}}"#);
        server::answer(stream, 200, "", if request.contains("/sys/internal/") { &mount } else { &value });
    });
    // More than a pipe holds goes out behind the Secret
    let filler =
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: {}}}\n", STREAM.repeat(60));
    let stream = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData:\n  a: ref+file://plain.txt\n  \
         b: 'postgres://u:ref+file://plain.txt+@h'\n  c: ref+file://values.yaml#/db/password\n{VAULT}{}",
        filler.repeat(400)
    );
    put("in.yaml", stream.as_bytes());
    let mut child = program
        .command(&["render", "in.yaml"])
        .envs([("VAULT_ADDR", server.url("")), ("VAULT_TOKEN", "token".to_owned())])
        .envs([("HELD", HELD)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    let memory = memory(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(memchr::memmem::find(&memory, STREAM.as_bytes()).is_some(), "the control: text of the stream is seen");
    let hunter = Hunter::new(&[
        ("file", CANARY.into()),
        ("YAML file", IN_YAML.into()),
        ("sealing key", KEY.to_vec()),
        ("server", REMOTE.into()),
        ("variable", HELD.into()),
    ]);
    let found = hunter.find(&memory);
    // What was given in a variable stays there, where the kernel put it; it shows that the hunt finds what is left
    assert!(found.contains(&("variable", "raw")), "the control: {found:?}");
    let left: Vec<_> = found.iter().filter(|(canary, _)| *canary != "variable").collect();
    assert!(left.is_empty(), "{left:?}");
}

const VAULT: &str = "  d: ref+vault://kv/db#/k\n";

const SEALED: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: ref+file://plain.txt}\n";

/// A run of which some system calls fail; None where there is no tracer, after a line that says so.
fn injected(program: &Program, calls: &[&str], arguments: &[&str]) -> Option<std::process::Output> {
    if !has("strace") {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "strace is missing");
        let _ = writeln!(std::io::stderr(), "skipped: strace is missing");
        return None;
    }
    let trace = tempfile::tempdir().unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(trace.path().join("trace"));
    for call in calls {
        command.args(["-e", &format!("inject={call}")]);
    }
    let output = end(command.arg(SEALREF).args(arguments).current_dir(program.folder()), SEALED.as_bytes());
    let trace = fs::read_to_string(trace.path().join("trace")).unwrap();
    assert!(calls.is_empty() || trace.contains("(INJECTED)"), "{calls:?}: nothing failed");
    Some(output)
}

fn sealing() -> Program {
    let program = Program::new();
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    fs::copy(quickstart.join("demo-certificate.pem"), program.folder().join("certificate.pem")).unwrap();
    fs::write(program.folder().join("key"), [7; 32]).unwrap();
    fs::write(program.folder().join("plain.txt"), CANARY).unwrap();
    fs::write(program.folder().join(".sealref.yaml"), SETTINGS).unwrap();
    program
}

#[test]
fn a_kernel_that_lacks_or_forbids_calls_is_enough_h7() {
    let program = sealing();
    let Some(expected) = injected(&program, &[], &["render"]) else { return };
    assert!(expected.status.success(), "{}", String::from_utf8_lossy(&expected.stderr));
    for calls in [
        &["openat2:error=ENOSYS"][..],
        &["prctl:error=EPERM"],
        &["prlimit64:error=EPERM"],
        &["openat2:error=ENOSYS", "prctl:error=EPERM", "prlimit64:error=EPERM"],
    ] {
        let output = injected(&program, calls, &["render"]).unwrap();
        assert!(output.status.success() && output.stdout == expected.stdout, "{calls:?}");
    }
    // What is walked around has the same fences
    std::os::unix::fs::symlink("/etc/passwd", program.folder().join("passwd")).unwrap();
    fs::rename(program.folder().join("passwd"), program.folder().join("plain.txt")).unwrap();
    let output = injected(&program, &["openat2:error=ENOSYS"], &["render"]).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
}

/// Nothing is drawn from anywhere else, and a panic of the standard library about it is a bug like any other.
#[test]
fn without_randomness_nothing_is_sealed_f17_c4() {
    let program = sealing();
    let arguments = ["render", "--randomised"];
    let Some(well) = injected(&program, &[], &arguments) else { return };
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stderr));
    let mut told = vec![];
    for number in 1..5 {
        let output = injected(&program, &[&format!("getrandom:error=EIO:when={number}+")], &arguments).unwrap();
        assert!(output.status.code() == Some(70) && output.stdout.is_empty(), "{number}: {:?}", output.status);
        told.push(String::from_utf8(output.stderr).unwrap());
    }
    assert!(told.iter().any(|told| told.contains("the operating system gives no randomness\nhint: ")), "{told:?}");
    assert!(told.iter().any(|told| told.contains("error: internal: bug at ")), "{told:?}");
}
