//! The program, started as a user starts it, in a folder of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) const SEALREF: &str = env!("CARGO_BIN_EXE_sealref");

/// Runs a program to its end, with this as its standard input.
pub(crate) fn end(command: &mut Command, stdin: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A program that refuses early never reads to the end.
        scope.spawn(move || pipe.write_all(stdin).is_ok());
        child.wait_with_output().unwrap()
    })
}

/// A folder in which the program runs.
pub(crate) struct Program(tempfile::TempDir);

impl Program {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Runs a line of a shell in which `sealref` is the program; `ulimit` and redirections are the shell's.
    pub(crate) fn shell(&self, line: &str, stdin: &[u8]) -> Output {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("sealref() {{ {SEALREF} \"$@\"; }}; {line}")]);
        end(command.current_dir(self.folder()).env_clear(), stdin)
    }

    /// The program with these arguments and no variables.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SEALREF);
        command.args(arguments).current_dir(self.folder()).env_clear();
        command
    }

    /// What `sealref render -` with an address space of 1 GiB says of a stream.
    pub(crate) fn render(stream: &str) -> (Option<i32>, String, String) {
        let output = Self::new().shell("ulimit -v 1048576; sealref render -", stream.as_bytes());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// The same, refused: one error and a hint, and nothing on standard output.
    pub(crate) fn refuses(stream: &str, message: &str) {
        let (code, stdout, stderr) = Self::render(stream);
        assert_eq!((code, stdout.len()), (Some(1), 0), "{stderr}");
        let expected = format!("{message}\nhint: ");
        assert!(stderr.contains(&expected), "expected {expected:?}, found {stderr}");
        assert_eq!(stderr.lines().count(), 2, "{stderr}");
    }
}
