//! The first five minutes: `sealref init` in a folder, and then exactly the commands that it prints, in a shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "support/case/opened.rs"]
#[allow(dead_code, reason = "no value is looked for here")]
mod opened;
#[path = "support/peers.rs"]
mod peers;

use peers::peer;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of a user, who has the programs that tests talk to.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.path("home")).unwrap();
        fs::create_dir_all(folder.path("repository/.git")).unwrap();
        for (name, text) in files {
            let path = folder.path("repository").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn shell(&self, line: &str) -> Output {
        let sealref = Path::new(env!("CARGO_BIN_EXE_sealref")).parent().unwrap();
        let path = format!("{}:{}:/usr/bin:/bin", sealref.display(), root().join("target/peers").display());
        Command::new("/bin/bash")
            .args(["-c", &format!("set -euo pipefail\n{line}")])
            .current_dir(self.path("repository"))
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", path)
            .output()
            .unwrap()
    }

    /// What a command prints that must succeed.
    fn run(&self, line: &str) -> String {
        let output = self.shell(line);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}\n{told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `init`, and gives the commands that it prints: the next one, and those behind it.
    fn init(&self) -> (String, Vec<String>) {
        let told = self.run("sealref init");
        let all = |word: &str| told.lines().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect();
        let (next, then): (Vec<String>, Vec<String>) = (all("next: "), all("then: "));
        assert_eq!(next.len(), 1, "{told}");
        (next[0].clone(), then)
    }

    /// Runs everything that is printed, in order; the last command renders. Gives its output, its seals opened.
    fn stopwatch(&self) -> String {
        let (next, then) = self.init();
        let explained = self.run(&next);
        assert!(explained.contains(" becomes "), "{next}\n{explained}");
        let (render, before) = then.split_last().unwrap();
        for command in before {
            self.run(command);
        }
        let rendered = self.run(render);
        fs::write(self.path("rendered.yaml"), &rendered).unwrap();
        self.run("sealref verify ../rendered.yaml");
        opened::opened(&rendered)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &to) } else { fs::copy(&entry, &to).map(|_| ()).unwrap() }
    }
}

/// What was rendered before stands beside the examples for other tests, and is not of the repository.
#[test]
fn the_next_command_works_in_the_repository_of_every_example() {
    let mut count = 0;
    for example in fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path()) {
        let folder = Folder::with(&[]);
        let repository = folder.path("repository");
        copy(&example, &repository);
        fs::remove_file(repository.join(".sealref.yaml")).unwrap();
        fs::remove_dir_all(repository.join("expected")).unwrap();
        let (next, _) = folder.init();
        let program = next.split(' ').next().unwrap();
        if ["helm", "kustomize"].contains(&program) && peer(program).is_none() {
            continue;
        }
        let output = folder.shell(&next);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {next}\n{told}", example.display());
        count += 1;
    }
    assert!(count > 8, "{count}");
}

#[test]
fn the_next_command_works_in_an_empty_folder() {
    let folder = Folder::with(&[]);
    let (next, _) = folder.init();
    assert!(folder.run(&next).contains("Secret shop/database becomes ExternalSecret"));
}

#[test]
fn it_works_for_another_folder_whose_name_a_shell_would_split() {
    let folder = Folder::with(&[(
        "my app; touch pwned/db.yaml",
        "{apiVersion: v1, kind: Secret, metadata: {name: db, namespace: shop}, stringData: {a: \"ref+vault://kv/a#/b\"}}",
    )]);
    let told = folder.run("sealref init 'my app; touch pwned'");
    let next = told.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
    assert!(folder.run(next).contains("Secret shop/db becomes ExternalSecret"), "{next}");
    assert!(!folder.path("repository/pwned").exists(), "{next}");
}

const CERTIFICATE: &str = include_str!("vectors/sealing/certificates/test-only-rsa-2048.pem");

#[test]
fn stopwatch_sops_with_sealed_secrets() {
    let database = fs::read_to_string(root().join("examples/sops/database.yaml")).unwrap();
    let rules = "creation_rules: [{age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p}]\n";
    let folder = Folder::with(&[(".sops.yaml", rules), ("database.yaml", &database), ("sealed.pem", CERTIFICATE)]);
    let identity = folder.path("home/.config/sops/age");
    fs::create_dir_all(&identity).unwrap();
    fs::copy(root().join("examples/sops/demo-identity.txt"), identity.join("keys.txt")).unwrap();
    let rendered = folder.stopwatch();
    // What `sops decrypt` prints
    assert!(rendered.contains("opens for \"shop/database\": \"shop\""), "{rendered}");
    assert_eq!(rendered.matches("kind: SealedSecret").count(), 1);
}

#[test]
fn stopwatch_vault_with_external_secrets() {
    let store = "apiVersion: external-secrets.io/v1\nkind: ClusterSecretStore\nmetadata: {name: team-vault}\nspec:\n  \
                 provider: {vault: {server: \"https://vault.example:8200\", path: kv, version: v2}}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: database, namespace: shop}\nstringData:\n  \
                  password: ref+vault://kv/shop/database#/password\n";
    let folder = Folder::with(&[("platform/store.yaml", store), ("shop/database.yaml", secret)]);
    let rendered = folder.stopwatch();
    for line in ["kind: ExternalSecret", "name: team-vault", "key: shop/database", "property: password"] {
        assert!(rendered.contains(line), "{line}: {rendered}");
    }
}

#[test]
fn stopwatch_aws_with_flux() {
    if peer("kustomize").is_none() {
        return;
    }
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop, namespace: flux-system}\n\
                spec: {path: ./apps/shop, prune: true, interval: 10m, sourceRef: {kind: GitRepository, name: fleet}}\n";
    let other = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: api}\nstringData:\n  \
                  token: ref+awssecrets://shop/api#/token\n";
    let folder = Folder::with(&[
        ("apps/base/kustomization.yaml", "resources: [namespace.yaml]\n"),
        ("apps/base/namespace.yaml", other),
        ("apps/shop/kustomization.yaml", "namespace: shop\nresources: [secret.yaml]\n"),
        ("apps/shop/secret.yaml", secret),
        ("clusters/prod/shop.yaml", flux),
    ]);
    // One edit: how the store is called, which nothing in the repository says.
    let (next, then) = folder.init();
    let settings = folder.path("repository/.sealref.yaml");
    let written = fs::read_to_string(&settings).unwrap();
    let edited = written.replace("name: aws}", "name: team-aws}");
    assert_ne!(written, edited);
    fs::write(&settings, edited).unwrap();
    assert!(next.starts_with("kustomize build apps/shop |"), "{next}");
    assert!(folder.run(&next).contains("from ClusterSecretStore team-aws"));
    let rendered = folder.run(&then[0]);
    for line in ["kind: ExternalSecret", "namespace: shop", "name: team-aws", "key: shop/api", "property: token"] {
        assert!(rendered.contains(line), "{line}: {rendered}");
    }
}

#[test]
fn stopwatch_plain_secrets() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: database, namespace: shop}\ndata:\n  \
                  password: cGxhaW4tczNjcmV0\n";
    let folder = Folder::with(&[("database.yaml", secret), ("sealed.pem", CERTIFICATE)]);
    let rendered = folder.stopwatch();
    assert!(rendered.contains("opens for \"shop/database\": \"plain-s3cret\""), "{rendered}");
    assert!(!rendered.contains("kind: Secret\n"), "{rendered}");
    // Deterministic: the key stays, and so do the bytes.
    let again = opened::opened(&folder.run("sealref render --sealing-key ~/sealing.key ."));
    assert_eq!(again, rendered);
}
