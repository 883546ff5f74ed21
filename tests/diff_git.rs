//! `sealref diff --git REV` with the real git: what it says, and that nothing which a repository names is run.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A repository; everything that runs in it would leave a file `pwned`.
struct Repository(tempfile::TempDir);

impl Repository {
    /// None where git is missing.
    fn new() -> Option<Self> {
        if Command::new("git").arg("--version").output().is_err() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "git is missing");
            let _ = writeln!(std::io::stderr(), "skipped: git");
            return None;
        }
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q", "."]);
        Some(repository)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", "/nowhere");
        for (name, value) in [("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example"), ("GIT_COMMITTER_NAME", "a")]
        {
            command.env(name, value);
        }
        command.env("GIT_COMMITTER_EMAIL", "a@example").output().unwrap()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = self.run("git", arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "x"]);
    }

    /// What it prints, and what it tells.
    fn diff(&self, arguments: &[&str]) -> (bool, String, String) {
        let output = self.run(env!("CARGO_BIN_EXE_sealref"), &[&["diff"], arguments].concat());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    fn is_pwned(&self) -> bool {
        self.path("pwned").exists()
    }
}

const OLD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: old}\n";

#[test]
fn a_revision_is_compared_with_the_folder() {
    let Some(repository) = Repository::new() else { return };
    repository.write("app/a.yaml", OLD);
    repository.write("app/notes.txt", "no manifest");
    repository.write("app/.hidden/b.yaml", OLD);
    repository.write("elsewhere/a.yaml", OLD);
    repository.commit();
    let unchanged = (true, "nothing changed\n".to_owned(), String::new());
    assert_eq!(repository.diff(&["--git", "HEAD"]), unchanged);
    repository.write("app/a.yaml", &OLD.replace("old", "new"));
    repository.write("elsewhere/a.yaml", &OLD.replace("name: a", "name: b"));
    let changed = (true, "other fields changed: 1 object\n  ConfigMap a: data.k\n".to_owned(), String::new());
    assert_eq!(repository.diff(&["--git", "HEAD", "app"]), changed);
    assert_eq!(repository.diff(&["--git", "HEAD", "app/a.yaml"]), changed);
    let (_, all, _) = repository.diff(&["--git", "HEAD"]);
    assert!(all.contains("ConfigMap b"), "{all}");
    for (revision, words) in [("gone", "git knows no revision \"gone\" here"), ("--output=pwned", "is not a name")] {
        let (done, printed, told) = repository.diff(&[&format!("--git={revision}")]);
        assert!(!done && printed.is_empty() && told.contains(words), "{told}");
    }
    assert!(!repository.is_pwned());
}

/// Links are followed in a commit as in the folder, and a name need not be UTF-8.
#[test]
fn a_clean_tree_has_changed_nothing_whatever_its_files_are_called() {
    let Some(repository) = Repository::new() else { return };
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, repository.path(name)).unwrap();
    let named = |name: &str| OLD.replace("name: a", &format!("name: {name}"));
    repository.write(".app/base/real.yaml", &named("real"));
    repository.write(".app/.data/hidden", &named("hidden"));
    repository.write(".app/folder/x.yaml", &named("x"));
    link("base/real.yaml", ".app/link.yaml");
    link("./more", ".app/data");
    link(".data", ".app/more");
    link("data/hidden", ".app/through.yaml");
    link("link.yaml", ".app/twice.yaml");
    link("folder", ".app/folder.yaml");
    let odd = std::os::unix::ffi::OsStrExt::from_bytes(b"bad\xff.yaml");
    fs::write(repository.path(".app").join::<&std::ffi::OsStr>(odd), named("odd")).unwrap();
    repository.commit();
    let unchanged = (true, "nothing changed\n".to_owned(), String::new());
    assert_eq!(repository.diff(&["--git", "HEAD", ".app"]), unchanged);
    repository.write(".app/.data/hidden", &named("hidden").replace("old", "new"));
    let changed = "other fields changed: 1 object\n  ConfigMap hidden: data.k\n".to_owned();
    assert_eq!(repository.diff(&["--git", "HEAD", ".app"]), (true, changed, String::new()));
}

#[test]
fn many_files_come_in_parts_and_whole() {
    let Some(repository) = Repository::new() else { return };
    for number in 0..1200 {
        repository.write(&format!("{number}.yaml"), &OLD.replace("name: a", &format!("name: a{number}")));
    }
    repository.commit();
    assert_eq!(repository.diff(&["--git", "HEAD"]).1, "nothing changed\n");
    repository.write("777.yaml", &OLD.replace("name: a", "name: a777").replace("old", "new"));
    assert_eq!(repository.diff(&["--git", "HEAD"]).1, "other fields changed: 1 object\n  ConfigMap a777: data.k\n");
}

/// Each is first shown to run where plain git is asked.
#[test]
fn nothing_that_a_repository_names_is_run() {
    let Some(repository) = Repository::new() else { return };
    repository.write("a.yaml", OLD);
    repository.write(".gitattributes", "*.yaml filter=bad diff=bad\n");
    repository.commit();
    let pwn = repository.path("pwn");
    fs::write(&pwn, format!("#!/bin/sh\ntouch {}\n", repository.path("pwned").display())).unwrap();
    assert!(Command::new("chmod").args(["+x", pwn.to_str().unwrap()]).status().unwrap().success());
    let pwn = pwn.display();
    let config = format!(
        "[core]\nfsmonitor = {pwn}\npager = {pwn}\nsshCommand = {pwn}\n[pager]\nshow = {pwn}\nls-tree = {pwn}\n\
         [diff]\nexternal = {pwn}\n[diff \"bad\"]\ntextconv = {pwn}\ncommand = {pwn}\n\
         [filter \"bad\"]\nsmudge = {pwn}\nclean = {pwn}\nprocess = {pwn}\n[alias]\nls-tree = !{pwn}\nshow = !{pwn}\n"
    );
    let before = fs::read_to_string(repository.path(".git/config")).unwrap();
    fs::write(repository.path(".git/config"), format!("{before}{config}")).unwrap();
    repository.run("git", &["status"]);
    assert!(repository.is_pwned(), "the trap works");
    fs::remove_file(repository.path("pwned")).unwrap();
    repository.write("a.yaml", &OLD.replace("old", "new"));
    let (done, printed, told) = repository.diff(&["--git", "HEAD", "a.yaml"]);
    assert!(done, "{told}");
    assert_eq!(printed, "other fields changed: 1 object\n  ConfigMap a: data.k\n");
    assert!(!repository.is_pwned());
}

/// A clone that leaves objects out fetches them when they are asked for, by the program that its configuration names.
#[test]
fn what_a_partial_clone_lacks_is_not_fetched() {
    let Some(repository) = Repository::new() else { return };
    repository.write("a.yaml", OLD);
    repository.commit();
    let object = repository.git(&["rev-parse", "HEAD:a.yaml"]);
    let (folder, name) = object.trim().split_at(2);
    let trap = repository.path("trap");
    fs::write(&trap, format!("#!/bin/sh\ntouch {}\n", repository.path("pwned").display())).unwrap();
    assert!(Command::new("chmod").args(["+x", trap.to_str().unwrap()]).status().unwrap().success());
    let config = format!(
        "[extensions]\npartialClone = origin\n[remote \"origin\"]\npromisor = true\nurl = ext::{} %S\n[protocol \"ext\"]\nallow = always\n",
        trap.display()
    );
    let before = fs::read_to_string(repository.path(".git/config")).unwrap().replace("version = 0", "version = 1");
    fs::write(repository.path(".git/config"), format!("{before}{config}")).unwrap();
    fs::remove_file(repository.path(&format!(".git/objects/{folder}/{name}"))).unwrap();
    repository.run("git", &["show", object.trim()]);
    assert!(repository.is_pwned(), "the trap works");
    fs::remove_file(repository.path("pwned")).unwrap();
    let (done, printed, told) = repository.diff(&["--git", "HEAD", "a.yaml"]);
    assert!(!done && printed.is_empty(), "{printed}");
    assert!(told.starts_with("error: a.yaml: git has only a part of that revision"), "{told}");
    assert!(!repository.is_pwned());
}

/// A renewal is one line with one number, however many seals differ; and only ciphertexts and marks differ in the files.
#[test]
fn a_renewal_of_240_values_is_one_line() {
    let Some(repository) = Repository::new() else { return };
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing/certificates");
    let mut stream = String::new();
    for number in 0..80 {
        stream.push_str(&format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s{number}, namespace: shop}}\nstringData: {{a: one{number}, b: two, c: three}}\n"
        ));
    }
    repository.write("source/all.yaml", &stream);
    repository
        .write(".sealref.yaml", "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {plaintext: Seal}\n");
    fs::write(repository.path("key"), [7; 32]).unwrap();
    let render = |certificate: &str| {
        let certificate = vectors.join(certificate);
        let arguments = ["render", "source/all.yaml", "-o", "out/all.yaml", "--sealing-key", "key", "--certificate"];
        fs::create_dir_all(repository.path("out")).unwrap();
        let arguments = [&arguments[..], &[certificate.to_str().unwrap()]].concat();
        let output = repository.run(env!("CARGO_BIN_EXE_sealref"), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    render("test-only-rsa-2048.pem");
    repository.commit();
    render("test-only-rsa-3072.pem");
    let (_, printed, _) = repository.diff(&["--git", "HEAD", "out"]);
    assert_eq!(printed.lines().next(), Some("certificate changed: 240 values"));
    assert_eq!(printed.lines().count(), 12, "{printed}");
    // One line for each ciphertext, and one for what each was sealed with
    let lines = repository.git(&["diff", "--numstat", "--", "out"]);
    assert_eq!(lines.split_whitespace().collect::<Vec<_>>(), ["320", "320", "out/all.yaml"]);
}
