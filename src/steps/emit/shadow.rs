//! The Secret that shadows an object of ours while kustomize still works.
//!
//! kustomize knows which fields name Secrets, and settles names after every transformer. A Secret without values, under
//! the final name and with all earlier ones, lets it point every reference there; `local-config` makes it leave the
//! Secret out in the end. Source: `api/resource/resource.go` and `api/filters/nameref` of kubernetes-sigs/kustomize.

use super::name::HASHED;
use crate::model::{Identity, Metadata, Provision};
use crate::yaml::Value;

/// A Secret of this name, with nothing in it.
pub(super) fn blank<'p>(provision: &Provision, name: &str) -> (Identity, Value<'p>) {
    let secret = &provision.secret;
    let namespace = secret.namespace.as_deref();
    let mut annotations: Vec<(String, String)> = vec![];
    let earlier = [
        ("previousKinds", secret.kind.as_str()),
        ("previousNames", secret.name.as_str()),
        ("previousNamespaces", namespace.unwrap_or("default")),
    ];
    for (name, value) in &provision.metadata.annotations {
        if name.starts_with(INTERNAL) && name != HASHED && !earlier.iter().any(|(own, _)| is_internal(name, own)) {
            annotations.push((name.clone(), value.clone()));
        }
    }
    for (own, now) in earlier {
        annotations.push((format!("{INTERNAL}{own}"), extended(&provision.metadata, own, now)));
    }
    annotations.push(("config.kubernetes.io/local-config".to_owned(), "true".to_owned()));
    annotations.push((SHADOW.to_owned(), "true".to_owned()));
    annotations.sort();
    let annotations = annotations.into_iter().map(|(name, value)| (name, Value::text(value)));
    let mut metadata = vec![("annotations", Value::map(annotations)), ("name", Value::text(name.to_owned()))];
    metadata.extend(namespace.map(|namespace| ("namespace", Value::text(namespace.to_owned()))));
    let object = Value::map([
        ("apiVersion", Value::text("v1")),
        ("kind", Value::text("Secret")),
        ("metadata", Value::map(metadata)),
    ]);
    (Identity { name: name.to_owned(), ..secret.clone() }, object)
}

/// The earlier ones, and the present one behind them.
fn extended(metadata: &Metadata, own: &str, now: &str) -> String {
    let before = metadata.annotations.iter().find(|(name, _)| is_internal(name, own));
    before.map_or_else(|| now.to_owned(), |(_, before)| format!("{before},{now}"))
}

fn is_internal(name: &str, own: &str) -> bool {
    name.strip_prefix(INTERNAL) == Some(own)
}

const INTERNAL: &str = "internal.config.kubernetes.io/";
/// Marks what must never reach a cluster.
const SHADOW: &str = "sealref.dev/shadow";
