//! Secrets that stand in plain text.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::{RegexSet, RegexSetBuilder};

use super::{Finding, Severity, View, tokens};
use crate::error::Problem;
use crate::model::{Place, is_mask};
use crate::yaml::{Kind, NodeId, Tree};

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    for (manifest, tree, identity) in view.stream.read() {
        if !identity.is("", "Secret") {
            continue;
        }
        for (key, node) in values(tree) {
            let place = Place { manifest, node };
            let raw = tree.raw(node).unwrap_or_default();
            let decoded = STANDARD.decode(raw.replace(['\n', '\r', ' '], "")).unwrap_or_default();
            let decoded = String::from_utf8_lossy(&decoded);
            let (rule, problem) = match raw {
                "" if tree.scalar(node).is_some() => continue,
                // Told already, where it was found as text.
                _ if (view.referring)(raw, place) => continue,
                _ if is_sops(&key, &decoded) => (
                    "references/sops",
                    Problem::new("a value is still encrypted with SOPS, or masked")
                        .hint("decrypt it while rendering; the cluster would take it for the value"),
                ),
                _ if is_sops(&key, raw) => continue,
                _ if (view.referring)(&decoded, place) => (
                    "references/unresolved",
                    Problem::new("a reference was not resolved")
                        .hint("was sealref render skipped? it also reads what stands in base64"),
                ),
                _ if (view.passes)(tree, identity, &key) => continue,
                _ => (
                    "plaintext/secret",
                    Problem::new("a Secret stands in the stream in plain text")
                        .hint("put a reference there and render, or mark the key: sealref.dev/public-keys"),
                ),
            };
            let problem = problem.at(view.stream.tell(place));
            tell(Finding { rule, object: Some(place.manifest), severity: Severity::Error, problem });
        }
    }
}

/// Is it what Helm keeps of a release, with everything that Helm gives it? Source: `pkg/storage/driver/secrets.go`.
#[must_use]
pub fn is_record_of_helm(tree: &Tree, name: &str) -> bool {
    let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node));
    let (kind, owner) =
        (text(&["type"]).unwrap_or_default(), text(&["metadata", "labels", "owner"]).unwrap_or_default());
    format!("{kind} of {owner}") == "helm.sh/release.v1 of helm"
        && name.starts_with("sh.helm.release.v1.")
        && values(tree).iter().all(|(key, _)| key == "release")
}

/// The values with their keys; where a field is no map, the field itself.
fn values(tree: &Tree) -> Vec<(String, NodeId)> {
    let mut values = vec![];
    for field in ["data", "stringData"] {
        let Some(node) = tree.get(tree.root(), field) else { continue };
        match tree.kind(node) {
            Kind::Map => values.extend(tree.entries(node).into_iter().map(|(key, node)| (tree.key(key).into(), node))),
            Kind::Scalar | Kind::Seq => values.push((field.to_owned(), node)),
        }
    }
    values
}

/// Names keys whose literal values are public.
pub const PUBLIC_KEYS: &str = "sealref.dev/public-keys";

/// The keys that the annotation names.
pub fn public(said: Option<&str>) -> impl Iterator<Item = &str> {
    said.unwrap_or_default().split([',', ' ', '\n', '\t']).filter(|name| !name.is_empty())
}

/// What kustomize's generator makes of encrypted files: `ENC[`, keys such as `sops_mac`; and Flux's mask.
fn is_sops(key: &str, text: &str) -> bool {
    key.starts_with("sops_") || text.contains("ENC[AES256_GCM,") || is_mask(text)
}

/// Each shape of a secret, and what it is called. Sources: RFC 3986 (userinfo), RFC 7468.
const SHAPES: [(&str, &str); 3] = [
    (r"://[^/\s:@\x01]*:[^/\s@\x01]+@", "a password in a URL"),
    (r"-----BEGIN[ A-Z0-9]* PRIVATE KEY", "a private key"),
    (
        r"(?i)\b(?:password|passwd|pwd|secret|token|api_?key|access_?key)\s*[=:]\s*[^\s;,&$\{\x01][^\s;,&\x01]{2,}",
        "a password or token",
    ),
];

/// Without Unicode, the tables are a tenth of the size.
static DETECTORS: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSetBuilder::new(SHAPES.iter().map(|(shape, _)| shape)).unicode(false).build().ok());

/// Stands where a reference stood: no shape takes it for part of a secret.
pub const REFERENCE: char = '\u{1}';

/// What kind of secret a text holds, in words; never the secret.
#[must_use]
pub fn detect(text: &str) -> Option<&'static str> {
    let first = DETECTORS.as_ref().and_then(|detectors| detectors.matches(text.as_bytes()).into_iter().next());
    first.and_then(|first| SHAPES.get(first)).map(|(_, name)| *name).or_else(|| tokens::find(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_around_references_are_seen_and_harmless_text_is_not() {
        for (text, secret) in [
            ("postgres://u:hunter2@", true),
            ("postgres://u:hunter2@db/\u{1}", true),
            ("postgres://u:\u{1}@db:5432/app", false),
            ("postgres://\u{1}:\u{1}@db:5432/app", false),
            ("https://host:8443/path@x", false),
            ("host=db password=\u{1}", false),
            ("host=db password=hunter2", true),
            ("user=\u{1} sslmode=require", false),
            ("password: ${PASSWORD}", false),
            ("-----BEGIN RSA PRIVATE KEY-----\n", true),
            ("AKIAQ7XWZ3M5N6PRKT2V", true),
            ("token_url: https://sts.example/\u{1}", false),
        ] {
            assert_eq!(detect(text).is_some(), secret, "{text}");
        }
    }
}
