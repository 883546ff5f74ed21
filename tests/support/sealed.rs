//! What references become that are sealed: the real program fetches and seals, the test opens.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[allow(dead_code, reason = "the table is for the hunt")]
#[path = "hunter.rs"]
mod hunter;
#[path = "case/opened.rs"]
mod opened;

use hunter::Hunter;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The environment in which sealref runs, and nothing else is in it.
pub(crate) type Environment<'a> = &'a [(&'a str, &'a str)];

/// Keys with their values, or the exit code and what was told, of a Secret with these references under these keys.
pub(crate) fn sealed(references: &[(&str, &str)], environment: Environment) -> Sealed {
    sealed_with(&[], references, environment)
}

type Sealed = Result<BTreeMap<String, String>, (i32, String)>;

/// The same, with every key of whole secrets too.
pub(crate) fn sealed_with(whole: &[&str], references: &[(&str, &str)], environment: Environment) -> Sealed {
    let folder = tempfile::tempdir().unwrap();
    let certificate = root().join("tests/vectors/sealing/certificates/test-only-rsa-2048.pem");
    fs::copy(certificate, folder.path().join("cert.pem")).unwrap();
    fs::write(folder.path().join("sealing.key"), (0..32).collect::<Vec<u8>>()).unwrap();
    let mut stream = String::from(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: prod\n  annotations:\n    \
         sealref.dev/target: SealedSecret\n",
    );
    if !whole.is_empty() {
        stream.push_str(&format!("    sealref.dev/data-from: \"{}\"\n", whole.join(" ")));
    }
    if !references.is_empty() {
        stream.push_str("stringData:\n");
    }
    for (key, reference) in references {
        stream.push_str(&format!("  {key}: \"{reference}\"\n"));
    }
    let output = run(folder.path(), &stream, environment);
    let told = String::from_utf8(output.stderr).unwrap();
    if !output.status.success() {
        assert!(output.stdout.is_empty(), "a failed run wrote to standard output");
        let found = Hunter::new(&[("value", b"s3cret".to_vec())]).find(told.as_bytes());
        assert!(found.is_empty(), "a value stands in a message ({found:?}): {told}");
        return Err((output.status.code().unwrap(), told));
    }
    assert_eq!(told, "");
    let text = opened::opened(&String::from_utf8(output.stdout).unwrap());
    let value = |line: &str| {
        let (key, rest) = line.trim().split_once(": ")?;
        let (_, value) = rest.split_once("opens for \"prod/db\": ")?;
        Some((key.trim_matches('"').to_owned(), value.trim_end_matches('"').strip_suffix('>')?.to_owned()))
    };
    Ok(text.lines().filter_map(value).collect())
}

fn run(folder: &Path, stream: &str, environment: Environment) -> std::process::Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealref"))
        .args(["render", "-", "--certificate", "cert.pem", "--sealing-key", "sealing.key"])
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// One reference that is refused: the exit code, and the message with its hint, which say this.
pub(crate) fn refuses(reference: &str, environment: Environment, exit: i32, words: &str) {
    match sealed(&[("key", reference)], environment) {
        Ok(_) => panic!("{reference} gives a value"),
        Err((code, told)) => {
            assert!(told.contains(words), "{reference}: expected {words:?}, found {told}");
            assert!(told.contains("\nhint: "), "{reference}: no hint in {told}");
            assert_eq!(code, exit, "{reference}: {told}");
        }
    }
}
