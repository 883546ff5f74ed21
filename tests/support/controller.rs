//! Keys of controllers, and what the real kubeseal makes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::peers::peer;
use crate::program::end;

pub(crate) fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing/certificates")
}

/// The file of a test certificate, or of its private key: `2048.pem`, `2048.key.pem`.
pub(crate) fn file(name: &str) -> PathBuf {
    certificates().join(format!("test-only-rsa-{name}"))
}

/// A Secret in which a controller keeps a key, with what the API server adds.
pub(crate) fn key_secret(name: &str, bits: &str) -> Value {
    let part = |name: String| STANDARD.encode(fs::read(file(&name)).unwrap());
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": "kube-system",
            "generateName": "sealed-secrets-key",
            "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
        },
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": part(format!("{bits}.pem")), "tls.key": part(format!("{bits}.key.pem"))},
    })
}

/// What `kubeseal` makes of a Secret; None where it is missing.
pub(crate) fn seal(secret: &Value, scope: &str, bits: &str) -> Option<String> {
    let mut command = Command::new(peer("kubeseal")?);
    command.args(["-o", "yaml", "--scope", scope, "--cert"]).arg(file(&format!("{bits}.pem")));
    let output = end(command.env_remove("KUBECONFIG"), secret.to_string().as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The `data` that `kubeseal --recovery-unseal` finds with this private key.
pub(crate) fn open(sealed: &str, bits: &str) -> Option<Value> {
    let mut command = Command::new(peer("kubeseal").unwrap());
    command.args(["--recovery-unseal", "-o", "json", "--recovery-private-key"]).arg(file(&format!("{bits}.key.pem")));
    let output = end(command.env_remove("KUBECONFIG"), sealed.as_bytes());
    let secret = output.status.success().then(|| serde_json::from_slice::<Value>(&output.stdout).unwrap());
    secret.map(|mut secret| secret["data"].take())
}
