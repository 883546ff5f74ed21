//! Golden cases: one file, one story. The format and its rules stand in tests/README.md.
//!
//! The real program runs in a fresh folder with an empty environment. With `BLESS=1` the sections that
//! a file has are written anew with what came out; whoever blesses reads the difference.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

mod difference;
#[allow(dead_code, reason = "the table is for the hunt")]
#[path = "../hunter.rs"]
mod hunter;
mod opened;
mod story;

use difference::difference;
use hunter::Hunter;
use opened::opened;
use story::{Section, Story};

/// Every value of a test that is secret holds this word.
static HUNTER: LazyLock<Hunter> = LazyLock::new(|| Hunter::new(&[("value", b"s3cret".to_vec())]));

/// What `--- sealing` lays out: a certificate whose private key is published, and the key 00, 01, ... 1f.
const CERTIFICATE: &str = "tests/vectors/sealing/certificates/test-only-rsa-2048.pem";
const KEY: &str = "sealref-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// What a report says of who wrote it, which no release may change a story by.
const VERSION: &str = concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"");

/// Runs the cases of a folder whose names begin with `prefix`, and fails with all that went wrong.
pub(crate) fn check(folder: &str, prefix: &str) {
    let paths = list(folder, prefix);
    assert!(!paths.is_empty(), "no cases begin with {folder}/{prefix}");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let told = std::panic::catch_unwind(|| judge(path)).unwrap_or_else(|_| Err("it panicked".into()));
                    if let Err(told) = told {
                        failures.lock().unwrap().insert(path.clone(), told);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let told: Vec<String> = failures.iter().map(|(path, told)| format!("{}\n{told}", path.display())).collect();
    assert!(told.is_empty(), "{} of {} cases fail\n\n{}", told.len(), paths.len(), told.join("\n"));
}

/// The cases of a folder, sorted.
pub(crate) fn list(folder: &str, prefix: &str) -> Vec<PathBuf> {
    let folder = root().join("tests").join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with(".case") && name.starts_with(prefix)
    });
    paths.sort();
    paths
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a run left behind.
struct Run {
    folder: tempfile::TempDir,
    output: Output,
}

impl Run {
    /// What a stream says, with ciphertexts opened, and the folder's name and our version taken out.
    fn said(&self, bytes: &[u8]) -> Vec<u8> {
        let here = self.folder.path().to_string_lossy().into_owned();
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                opened(&text.replace(&here, "FOLDER").replace(VERSION, "\"version\": \"VERSION\"")).into_bytes()
            }
            Err(_) => bytes.to_vec(),
        }
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.path().join(name)).ok().map(|bytes| self.said(&bytes))
    }
}

fn judge(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap();
    let mut story = Story::read(&text)?;
    let run = play(&story)?;
    never_told(&story, &run.output)?;
    if std::env::var("BLESS").is_ok_and(|bless| bless == "1") {
        for section in &mut story.sections {
            match section.name.as_str() {
                "stdout" => section.body = run.said(&run.output.stdout),
                "stderr" => section.body = run.said(&run.output.stderr),
                "after" => section.body = run.file(&section.what).unwrap_or_default(),
                _ => {}
            }
        }
        fs::write(path, story.write()).unwrap();
    }
    compare(&story, &run)
}

/// Lays out the files and runs the commands; all but the last one must succeed.
fn play(story: &Story) -> Result<Run, String> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let (mut environment, mut stdin) = (vec![], &[][..]);
    for Section { name, what, body, .. } in &story.sections {
        match name.as_str() {
            "stdin" => stdin = body,
            "file" => fs::write(at(what), body).unwrap(),
            "folder" => fs::create_dir_all(at(what)).unwrap(),
            "copy" => {
                let (from, to) = what.split_once(" as ").ok_or("copy FILE as NAME")?;
                fs::copy(root().join(from), at(to)).map_err(|error| format!("{from}: {error}"))?;
            }
            "sealing" => {
                fs::copy(root().join(CERTIFICATE), at("cert.pem")).unwrap();
                fs::write(at("sealing.key"), KEY).unwrap();
            }
            "link" => {
                let (from, to) = what.split_once(" to ").ok_or("link NAME to TARGET")?;
                std::os::unix::fs::symlink(to, at(from)).unwrap();
            }
            "env" => environment.push(what.split_once('=').ok_or("env NAME=VALUE")?),
            _ => {}
        }
    }
    let mut last = None;
    for (number, args) in story.args.iter().enumerate() {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealref"))
            .args(args)
            .current_dir(folder.path())
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses its arguments never reads.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        if number + 1 < story.args.len() && !output.status.success() {
            return Err(format!("an earlier command failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        last = Some(output);
    }
    Ok(Run { folder, output: last.ok_or("no args:")? })
}

/// No value in a message, and none on standard output unless the story says why.
fn never_told(story: &Story, output: &Output) -> Result<(), String> {
    if let Some((_, form)) = HUNTER.find(&output.stderr).first() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("a value stands in a message ({form}):\n{told}"));
    }
    if let Some((_, form)) = HUNTER.find(&output.stdout).first().filter(|_| story.plain.is_none()) {
        return Err(format!("a value stands on standard output ({form}), and the case does not say why (plain: ...)"));
    }
    Ok(())
}

fn compare(story: &Story, run: &Run) -> Result<(), String> {
    let mut told = String::new();
    let mut expect = |what: &str, expected: &[u8], found: &[u8]| {
        if expected != found {
            told.push_str(&format!("  {what}:\n{}", difference(expected, found)));
        }
    };
    let code = run.output.status.code();
    expect("exit", story.exit.to_string().as_bytes(), code.map_or("a signal".into(), |c| c.to_string()).as_bytes());
    let (stdout, stderr) = (run.said(&run.output.stdout), run.said(&run.output.stderr));
    match story.section("stdout") {
        Some(section) => expect("stdout", &section.body, &stdout),
        // All or nothing, whatever the story is about.
        None if story.exit != 0 => expect("stdout", b"", &stdout),
        None => {}
    }
    match story.section("stderr") {
        Some(section) => expect("stderr", &section.body, &stderr),
        None if story.exit == 0 => expect("stderr", b"", &stderr),
        None => {}
    }
    for section in &story.sections {
        match (section.name.as_str(), run.file(&section.what)) {
            ("after", Some(found)) => expect(&section.what, &section.body, &found),
            ("after", None) => expect(&section.what, b"a file", b"nothing"),
            ("gone", Some(_)) => expect(&section.what, b"nothing", b"a file"),
            _ => {}
        }
    }
    if told.is_empty() { Ok(()) } else { Err(told) }
}
