//! What a renewal and a rotation change, in lines: no more than they must. The examples are rendered before and after;
//! each line that differs is named by what stands before its colon, and `sealref diff` says why in one line each.

#![cfg(feature = "vault")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

#[path = "support/openbao.rs"]
#[allow(dead_code, reason = "other tests ask more of the server")]
mod openbao;
#[path = "support/peers.rs"]
mod peers;

use openbao::{OpenBao, ROOT};

/// A repository with all examples, and variables of whoever renders.
struct Repository {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&root.join("examples"), &folder.path().join("examples"));
        copy(&root.join("tests/vectors/sealing/certificates"), &folder.path().join("certificates"));
        fs::create_dir(folder.path().join(".git")).unwrap();
        let identity = folder.path().join("examples/rotation-sops/demo-identity.txt");
        Self { folder, variables: vec![("SOPS_AGE_KEY_FILE", identity.display().to_string())] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a program prints that has to succeed.
    fn run(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(self.variables.iter().cloned());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn sealref(&self, arguments: &[&str]) -> String {
        self.run(env!("CARGO_BIN_EXE_sealref"), arguments)
    }

    fn render(&self, example: &str, more: &[&str]) -> String {
        self.sealref(&[&["render", &format!("examples/rotation-{example}")], more].concat())
    }

    /// Rewrites a file of an example, in which the text stands.
    fn edit(&self, file: &str, (from, to): (&str, &str)) {
        let path = self.path(&format!("examples/rotation-{file}"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Each line that differs, and what `diff` says of all of them.
    fn compare(&self, old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        fs::write(self.path("old.yaml"), old).unwrap();
        fs::write(self.path("new.yaml"), new).unwrap();
        let said = self.sealref(&["diff", "old.yaml", "new.yaml"]);
        (changed(old, new), said.lines().map(str::to_owned).collect())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &to) } else { fs::copy(&entry, &to).map(|_| ()).unwrap() }
    }
}

/// Nothing is added or removed; lines that differ do so behind the same words.
fn changed(old: &str, new: &str) -> Vec<String> {
    assert_eq!(old.lines().count(), new.lines().count(), "lines came or went");
    let head = |line: &str| line.trim_start().trim_start_matches("- ").split(':').next().unwrap().to_owned();
    let differing = old.lines().zip(new.lines()).filter(|(old, new)| old != new);
    differing.inspect(|(old, new)| assert_eq!(head(old), head(new))).map(|(old, _)| head(old)).collect()
}

#[test]
fn a_password_in_sops_changes_its_value_and_the_checksum() {
    let Some(sops) = peers::peer("sops") else { return };
    let repository = Repository::new();
    let file = "examples/rotation-sops/secrets/database.yaml";
    let (before, encrypted) = (repository.render("sops", &[]), fs::read_to_string(repository.path(file)).unwrap());
    repository.run(sops, &["set", file, r#"["password"]"#, r#""third-demo-value""#]);
    let (lines, said) = repository.compare(&before, &repository.render("sops", &[]));
    assert_eq!(lines, ["password", "sealref.dev/checksum"]);
    assert_eq!(
        said,
        [
            "value changed: 1 value",
            "  SealedSecret shop/database: password",
            "restarts: 1 workload",
            "  Deployment shop/web: spec.template.metadata.annotations.sealref.dev/checksum",
        ]
    );
    let lines = changed(&encrypted, &fs::read_to_string(repository.path(file)).unwrap());
    assert!(lines.iter().all(|line| ["password", "lastmodified", "mac"].contains(&line.as_str())), "{lines:?}");
}

#[test]
fn a_password_in_vault_that_is_fetched_changes_nothing_and_a_version_its_number() {
    let repository = Repository::new();
    let before = repository.render("vault-eso", &[]);
    // Whatever Vault holds: nobody asks it
    assert_eq!(repository.compare(&before, &repository.render("vault-eso", &[])).1, ["nothing changed"]);
    repository.edit("vault-eso/app.yaml", ("version=3", "version=4"));
    let (lines, said) = repository.compare(&before, &repository.render("vault-eso", &[]));
    assert_eq!(lines, ["version"]);
    assert_eq!(
        said,
        [
            "reference changed: 1 value",
            "  ExternalSecret shop/signing: key (kv/shop/signing#key@3 -> kv/shop/signing#key@4)"
        ]
    );
}

#[test]
fn a_password_in_vault_that_is_sealed_changes_its_value_and_the_name() {
    let Some(server) = OpenBao::start() else { return };
    let mut repository = Repository::new();
    repository.variables.extend([("VAULT_ADDR", server.address()), ("VAULT_TOKEN", ROOT.to_owned())]);
    let put = |password: &str| {
        server.api("POST", "secret/data/shop/database", &json!({"data": {"password": password, "username": "shop"}}))
    };
    put("demo-a");
    let before = repository.render("vault-sealed", &[]);
    assert_eq!(repository.render("vault-sealed", &[]), before);
    put("demo-b");
    let after = repository.render("vault-sealed", &[]);
    let (lines, said) = repository.compare(&before, &after);
    assert_eq!(lines, ["name", "sealref.dev/sealed-for", "password", "valueFrom"]);
    assert_eq!(
        said.iter().filter(|line| !line.starts_with(' ')).collect::<Vec<_>>(),
        ["name changed: 1 object, 1 value sealed anew, which may have changed too", "restarts: 1 workload"]
    );
    // A renewal leaves the name alone, and so the workload
    let renewed = repository.render("vault-sealed", &["--certificate", RENEWED]);
    let (lines, said) = repository.compare(&after, &renewed);
    assert_eq!(lines, ["sealref.dev/sealed-with", "password"]);
    assert_eq!(said[0], "certificate changed: 1 value");
    assert_eq!(said.len(), 2);
}

const CERTIFICATE: &str = "certificates/test-only-rsa-2048.pem";

/// Of the same key, with other dates.
const SAME_KEY: &str = "certificates/accepted-expired.pem";

/// Of another key.
const RENEWED: &str = "certificates/test-only-rsa-3072.pem";

#[test]
fn a_renewed_certificate_changes_ciphertexts_and_its_fingerprint() {
    let repository = Repository::new();
    let render = |certificate| repository.render("sops", &["--certificate", certificate]);
    let before = render(CERTIFICATE);
    // What is sealed for is a key; how long its certificate holds says nothing
    assert_ne!(
        fs::read(repository.path(CERTIFICATE)).unwrap(),
        fs::read(repository.path(SAME_KEY)).unwrap(),
        "it is the same file"
    );
    assert_eq!(render(SAME_KEY), before);
    let (lines, said) = repository.compare(&before, &render(RENEWED));
    assert_eq!(lines, ["sealref.dev/sealed-with", "password", "username"]);
    assert_eq!(
        said,
        [
            "certificate changed: 2 values",
            "  SealedSecret shop/database: password, username (c819bed720d6 -> 01386392aa26)"
        ]
    );
}

#[test]
fn a_certificate_of_cert_manager_and_a_job_pass_byte_for_byte() {
    let repository = Repository::new();
    for example in ["certificate", "cronjob"] {
        let given = fs::read_to_string(repository.path(&format!("examples/rotation-{example}/app.yaml"))).unwrap();
        assert_eq!(repository.render(example, &[]), given);
        let settings = format!("examples/rotation-{example}/.sealref.yaml");
        repository.sealref(&["check", "--config", &settings, &format!("examples/rotation-{example}")]);
    }
    let before = repository.render("certificate", &[]);
    repository.edit("certificate/app.yaml", ("720h0m0s", "480h0m0s"));
    let (lines, said) = repository.compare(&before, &repository.render("certificate", &[]));
    assert_eq!(lines, ["renewBefore"]);
    assert_eq!(said, ["other fields changed: 1 object", "  Certificate shop/web: spec.renewBefore"]);
}

#[test]
fn what_is_generated_changes_by_another_name_alone() {
    let repository = Repository::new();
    let before = repository.render("generated", &[]);
    let of = |text: &str, kind: &str| {
        let found =
            text.split("---\n").find(|object| object.contains(&format!("kind: {kind}\nmetadata:\n  name: cache-")));
        found.unwrap_or_else(|| panic!("no {kind}\n{text}")).to_owned()
    };
    // Another length is for the next password: nothing makes this one anew
    repository.edit("generated/app.yaml", ("length=32", "length=40"));
    let longer = repository.render("generated", &[]);
    let (lines, said) = repository.compare(&before, &longer);
    assert_eq!(lines, ["length"]);
    assert_eq!(said, ["other fields changed: 1 object", "  Password shop/cache-1-password: spec.length"]);
    assert_eq!(of(&longer, "ExternalSecret"), of(&before, "ExternalSecret"));
    for kept in ["refreshInterval: \"0s\"", "refreshPolicy: CreatedOnce", "immutable: true"] {
        assert!(of(&longer, "ExternalSecret").contains(kept), "{kept}");
    }
    repository.edit("generated/app.yaml", ("cache-1", "cache-2"));
    let (lines, said) = repository.compare(&longer, &repository.render("generated", &[]));
    assert_eq!(lines, ["name", "name", "name", "name", "metadata", "valueFrom"]);
    let headlines: Vec<&String> = said.iter().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        headlines,
        ["restarts: 1 workload", "added: 2 objects", "removed: 2 objects", "other fields changed: 1 object"]
    );
}
