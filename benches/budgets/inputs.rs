//! What the jobs read: made up, the same at every run, in a folder that goes away.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The folder with all inputs, with settings and a key of its own.
pub struct Inputs(TempDir);

const SETTINGS: &str = "\
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata:
  name: bench
spec:
  plaintext: Seal
  stores:
    - match: {scheme: vault, path: \"kv/**\"}
      use: {kind: ClusterSecretStore, name: vault}
      provider:
        vault: {server: \"https://vault.example:8200\", path: kv, version: v2}
  sealing:
    certificate: demo-certificate.pem
    key: {file: demo-sealing.key}
";

const FETCHED: &str = "\
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata:
  name: fetched
spec:
  targets: {vault: SealedSecret}
  sealing:
    key: {file: demo-sealing.key}
";

impl Inputs {
    pub fn new() -> Self {
        let inputs = Self(TempDir::new().expect("a temporary folder"));
        inputs.write(".sealref.yaml", SETTINGS);
        inputs.write("fetched.sealref.yaml", FETCHED);
        let certificate = "tests/vectors/sealing/certificates/test-only-rsa-2048.pem";
        for (file, name) in [
            ("examples/quickstart/demo-certificate.pem", "demo-certificate.pem"),
            ("examples/quickstart/demo-sealing.key", "demo-sealing.key"),
            (certificate, "rsa-2048.pem"),
        ] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            std::fs::copy(file, inputs.folder().join(name)).expect("the example's files");
        }
        inputs
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, text).expect("room for the inputs");
        path
    }
}

/// Files that SOPS encrypts for one age key, and a Secret for each. The key lies in the file `identity`.
pub fn encrypted(folder: &Path, sops: &Path, keygen: &Path, files: usize) -> String {
    let printed = Command::new(keygen).output().expect("age-keygen runs").stdout;
    let identity = String::from_utf8(printed).expect("a key is text");
    std::fs::write(folder.join("identity"), &identity).expect("room for the key");
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a recipient");
    let mut text = String::new();
    for file in 0..files {
        let name = format!("{file}.enc.yaml");
        let clear = format!("key-0: value-{file:08}-0\nkey-1: value-{file:08}-1\nkey-2: value-{file:08}-2\n");
        std::fs::write(folder.join(&name), clear).expect("room for the inputs");
        let mut command = Command::new(sops);
        command.current_dir(folder).args([
            "--disable-version-check",
            "encrypt",
            "--in-place",
            "--age",
            recipient,
            &name,
        ]);
        assert!(command.status().expect("sops runs").success());
        let reference = |key: &str| format!("ref+sops://{name}#/{key}");
        let _ = write!(text, "---\n{}", secret_of(file, "", reference, 3));
    }
    text
}

/// Secrets whose every value is a reference into Vault.
pub fn referring(secrets: usize, references: usize) -> String {
    let mut text = String::new();
    for secret in 0..secrets {
        let _ = write!(
            text,
            "---\n{}",
            secret_of(secret, "", |key| format!("ref+vault://kv/shop/app-{secret}#/{key}"), references)
        );
    }
    text
}

/// Secrets of ten references each, over fifty paths of one server, as `reference` writes one of a path and a key.
pub fn fetched(secrets: usize, reference: impl Fn(usize, &str) -> String) -> String {
    let secret = |number| format!("---\n{}", secret_of(number, "", |key| reference(number % 50, key), 10));
    (0..secrets).map(secret).collect()
}

/// Secrets whose every value is a literal of 32 characters.
pub fn literal(secrets: usize, values: usize) -> String {
    let mut text = String::new();
    for secret in 0..secrets {
        let _ = write!(
            text,
            "---\n{}",
            secret_of(secret, "", |key| format!("value-{secret:08}-of-{key}-{:012}", secret * 7919), values)
        );
    }
    text
}

fn secret_of(number: usize, indent: &str, value: impl Fn(&str) -> String, values: usize) -> String {
    let mut text = format!(
        "apiVersion: v1\n{indent}kind: Secret\n{indent}metadata:\n{indent}  name: app-{number}\n{indent}  namespace: shop\n\
         {indent}  labels:\n{indent}    app.kubernetes.io/name: app-{number}\n{indent}type: Opaque\n{indent}stringData:\n"
    );
    for at in 0..values {
        let key = format!("key-{at}");
        let _ = writeln!(text, "{indent}  {key}: {}", value(&key));
    }
    text
}

/// Workloads that name no Secret, at least this many bytes of them.
pub fn unmarked(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 4096);
    let mut number = 0;
    while text.len() < bytes {
        let _ = write!(text, "---\n{}", workload(number, "", false));
        number += 1;
    }
    text
}

/// Objects as `kustomize build` writes them: each fourth a Secret of two references, the others workloads.
pub fn built(objects: usize) -> String {
    let mut text = String::new();
    for number in 0..objects {
        let object = match number % 4 {
            0 => secret_of(number, "", |key| format!("ref+vault://kv/shop/app-{number}#/{key}"), 2),
            _ => workload(number, "", false),
        };
        let _ = write!(text, "---\n{object}");
    }
    text
}

/// A ResourceList of at least this many bytes; one item in ten is a Secret that will change, and either
/// the others name Secrets, so that they have to be read, or they do not.
pub fn resource_list(bytes: usize, named: bool) -> String {
    let mut text = String::with_capacity(bytes + 4096);
    text.push_str("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n");
    let mut number = 0;
    while text.len() < bytes {
        let item = match number % 10 {
            0 => secret_of(number, "  ", |key| format!("ref+vault://kv/shop/app-{number}#/{key}"), 10),
            _ => workload(number, "  ", named),
        };
        let _ = write!(text, "- {item}");
        number += 1;
    }
    text.push_str("functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: function\n");
    text
}

fn workload(number: usize, indent: &str, named: bool) -> String {
    let mut text = String::new();
    let pull = if named { "      imagePullSecrets:\n      - name: registry\n" } else { "" };
    let lines = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number}
  namespace: shop
  labels:
    app.kubernetes.io/name: app-{number}
    app.kubernetes.io/part-of: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: app-{number}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: app-{number}
    spec:
{pull}      containers:
      - name: main
        image: registry.example/shop/app-{number}:1.{number}.0
        args: [\"--port=8080\", \"--log-level=info\"]
        env:
        - name: LOG_LEVEL
          value: info
        - name: CACHE_URL
          value: redis://cache.shop.svc:6379/{number}
        ports:
        - containerPort: 8080
          name: http
        resources:
          limits: {{cpu: 500m, memory: 256Mi}}
          requests: {{cpu: 100m, memory: 128Mi}}
        readinessProbe:
          httpGet:
            path: /ready
            port: http
          periodSeconds: 10
"
    );
    for (count, line) in lines.lines().enumerate() {
        let _ = writeln!(text, "{}{line}", if count == 0 { "" } else { indent });
    }
    text
}

/// One object, and nothing to do.
pub const ONE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: b\n";
