//! What a debugger and a tracer force: a panic in each step, a system call that fails, and what is written only in passing.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use super::fail_on;
use super::program::{SEALREF, end};
use super::world::{KEYED, PLAIN, World, all, servers};

/// The path of a program of the machine, or nothing after a line that says so. With `CI=true` it must be there.
fn tool(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap();
    let found = path.split(':').map(|folder| format!("{folder}/{name}")).find(|path| Path::new(path).exists());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is missing");
        let _ = writeln!(std::io::stderr(), "skipped: {name} is missing");
    }
    found
}

/// The first line of the body of a function.
fn line_of(file: &str, function: &str) -> usize {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let begins = |line: &&str| line.contains(&format!("fn {function}(")) || line.contains(&format!("fn {function}<"));
    let start = lines.iter().position(begins).unwrap_or_else(|| panic!("{file} has no {function}"));
    // Lines count from 1, and the body begins one later
    start + lines[start..].iter().position(|line| line.ends_with('{')).unwrap() + 2
}

/// Where a step begins to work; the last ones are below `emit`, on threads of their own, with values at hand.
const STEPS: [(&str, &str); 12] = [
    ("src/steps/read.rs", "read"),
    ("src/steps/find.rs", "find"),
    ("src/steps/plan.rs", "plan"),
    ("src/steps/claims.rs", "claims"),
    ("src/steps/fetch.rs", "fetch"),
    ("src/steps/emit.rs", "emit"),
    ("src/steps/rewire.rs", "rewire"),
    ("src/steps/annotate.rs", "annotate"),
    ("src/steps/check.rs", "check"),
    ("src/steps/write.rs", "write"),
    ("src/targets/sealed_secret.rs", "emit"),
    ("src/outside/files/write.rs", "write_atomically"),
];

#[test]
fn a_panic_in_each_step_tells_no_value_and_leaves_no_core_h10() {
    let Some(gdb) = tool("gdb") else { return };
    let world = World::new();
    world.put("app/in.yaml", all());
    let mut leaks = vec![];
    for (file, function) in STEPS {
        let place = format!("{file}:{}", line_of(file, function));
        // From there straight into the library's own panic, which calls our hook and aborts
        let line = format!(
            "ulimit -c unlimited; exec {gdb} -q -batch -nx -ex 'set confirm off' -ex 'set startup-with-shell off' \
             -ex 'set breakpoint pending off' -ex 'break {place}' -ex run -ex 'jump core::panicking::panic_cannot_unwind' \
             -ex 'signal SIGABRT' --args {SEALREF} render in.yaml -o ../tmp/out.yaml {}",
            KEYED.join(" ")
        );
        let (output, found) = world.hunt(&place, &mut world.line(&line), b"");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert_eq!(told.matches("error: internal: bug at ").count(), 1, "{place}: {told}");
        assert!(told.contains("received signal SIGABRT"), "{place}: {told}");
        let left: Vec<_> = fs::read_dir(world.path("app")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("core")), "{place}: {left:?}");
        assert!(!world.path("tmp/out.yaml").exists(), "{place}");
        leaks.extend(found);
    }
    fail_on(&leaks);
}

/// Runs under the tracer; the trace stands outside of the world.
fn traced(world: &World, options: &[&str], arguments: &[&str], input: &[u8]) -> Option<(Output, Vec<u8>, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut command = world.command(&[]);
    let mut tracer = Command::new(tool("strace")?);
    tracer.args(["-f", "-qq", "-o"]).arg(&trace).args(options).arg(SEALREF).args(arguments);
    tracer.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    tracer.current_dir(command.current_dir(world.path("app")).get_current_dir().unwrap());
    let (output, leaks) = world.hunt(&format!("{options:?} {arguments:?}"), &mut tracer, input);
    Some((output, fs::read(trace).unwrap(), leaks))
}

/// Each system call of a run fails, one at a time: nothing is told of a value, and output is whole or not there.
#[test]
fn nothing_leaks_where_any_system_call_fails() {
    let world = World::new();
    let (arguments, input) = ([&["render"][..], &KEYED].concat(), all());
    let whole = world.hunt("", &mut world.command(&arguments), input.as_bytes()).0;
    assert!(whole.status.success());
    let mut leaks = vec![];
    let mut failed = 0;
    for call in ["openat", "openat2", "read", "fstat", "statx", "write", "mmap", "clone3", "getrandom", "prctl"] {
        let error = match call {
            "mmap" | "clone3" => "ENOMEM",
            _ => "EIO",
        };
        for number in 1..25 {
            let inject = format!("inject={call}:error={error}:when={number}");
            let Some((output, trace, found)) = traced(&world, &["-e", &inject], &arguments, input.as_bytes()) else {
                return;
            };
            if memchr::memmem::find(&trace, b"(INJECTED)").is_none() {
                break;
            }
            let complete = output.stdout == whole.stdout;
            assert!(complete || output.stdout.is_empty() || call == "write", "{inject}: half an output");
            assert!(complete || !output.status.success(), "{inject}: it says that all is well");
            failed += usize::from(!output.status.success());
            leaks.extend(found);
        }
    }
    assert!(failed > 40, "only {failed} calls mattered");
    fail_on(&leaks);
}

/// What goes out of the process, deleted files and started programs among it.
const OUTGOING: [&str; 4] = [
    "-s",
    "1000000",
    "-e",
    "trace=write,pwrite64,writev,pwritev2,sendto,sendmsg,sendmmsg,connect,execve,memfd_create,%file",
];

#[test]
fn nothing_leaks_in_passing_into_files_or_programs() {
    let world = World::new();
    let mut leaks = vec![];
    for (arguments, input) in [
        (&["render"][..], all()),
        (&["render", "-o", "../tmp/out.yaml"], all()),
        (&["render", "-o", "../tmp/out.yaml"], servers(&world)),
        (&["render", "--report", "../tmp/report"], format!("{}---\nkind: Secret\nx: ref+file://plain.txt\n", all())),
        (&["explain"], all()),
    ] {
        let arguments = [arguments, &KEYED].concat();
        let Some((_, trace, _)) = traced(&world, &OUTGOING, &arguments, input.as_bytes()) else { return };
        // The variables that we gave it stand in no call of its own; a token goes to its server
        let found = world.hunter.find(&trace).into_iter().filter(|(canary, _)| *canary != "token");
        leaks.extend(found.map(|(canary, form)| format!("{arguments:?}: {canary} as {form} in a system call")));
    }
    fail_on(&leaks);
    // The mole: a file that is gone when anybody looks
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut mole = Command::new(tool("strace").unwrap());
    mole.args(["-f", "-qq", "-o"]).arg(&trace).args(OUTGOING);
    mole.args(["/bin/sh", "-c", "printf %s \"$(cat plain.txt)\" > gone; rm gone"]).current_dir(world.path("app"));
    assert!(end(&mut mole, b"").status.success());
    let found = world.hunter.find(&fs::read(trace).unwrap());
    assert!(found.iter().any(|(canary, _)| *canary == "plain file"), "{}", PLAIN.len());
}
