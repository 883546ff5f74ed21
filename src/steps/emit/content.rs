//! What the API server, or the kubelet, would say of a value of a well-known type. Nothing is echoed.

use crate::error::Problem;
use crate::limits;
use crate::sources::Encrypted;
use crate::yaml::{Kind, Syntax, Tree, Value};

/// Judges one value that is about to be sealed.
pub(super) fn check(kind: Option<&str>, key: &str, value: &[u8]) -> Result<(), Problem> {
    if Encrypted::of(value).is_some() {
        return Err(Problem::new(format!("the value of \"{key}\" is still encrypted with SOPS"))
            .hint("let the reference say so (ref+sops instead of ref+file), or decrypt it"));
    }
    match (kind, key) {
        (Some("kubernetes.io/dockerconfigjson"), ".dockerconfigjson")
        | (Some("kubernetes.io/dockercfg"), ".dockercfg") => json(key, value),
        (Some("kubernetes.io/tls"), "tls.crt") => pem(key, value, "CERTIFICATE-----"),
        (Some("kubernetes.io/tls"), "tls.key") => pem(key, value, "PRIVATE KEY-----"),
        _ => Ok(()),
    }
}

/// The API server's bound on the annotations of an object.
pub(super) fn annotations(object: &Value) -> Result<(), Problem> {
    let length = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
    let size: usize = match object.get("metadata").and_then(|metadata| metadata.get("annotations")) {
        Some(Value::Map(entries)) => entries.iter().map(|(key, value)| key.len() + length(value)).sum(),
        _ => 0,
    };
    if size <= limits::ANNOTATIONS {
        return Ok(());
    }
    Err(Problem::new("the annotations are larger than the API server takes").hint("256 KiB in all; remove some"))
}

fn json(key: &str, value: &[u8]) -> Result<(), Problem> {
    let read = || {
        let text = std::str::from_utf8(value).ok()?;
        serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
        let tree = Tree::parse(text, Syntax::Concatenated).ok()?;
        (tree.kind(tree.root()) == Kind::Map).then_some(())
    };
    read().ok_or_else(|| {
        Problem::new(format!("the value of \"{key}\" is no JSON object"))
            .hint("the API server would refuse the Secret; see `kubectl create secret docker-registry`")
    })
}

fn pem(key: &str, value: &[u8], what: &str) -> Result<(), Problem> {
    let begins = std::str::from_utf8(value)
        .is_ok_and(|text| text.lines().any(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(what)));
    if begins {
        return Ok(());
    }
    Err(Problem::new(format!("the value of \"{key}\" is no PEM block that ends in \"{what}\""))
        .hint("a Secret of type kubernetes.io/tls holds a PEM certificate and its key"))
}
