//! The Secret that shadows an object of ours while kustomize still works.
//!
//! kustomize knows which fields name Secrets, and settles names after every transformer. A Secret under the final name
//! and with all earlier ones lets it point every reference there; `local-config` makes it leave the Secret out in the
//! end. Source: `api/resource/resource.go` and `api/filters/nameref` of kubernetes-sigs/kustomize.

use crate::model::{HASHED, Identity, LOCAL, Metadata, Origin, Provision, SHADOW, Stream};
use crate::sources;
use crate::yaml::{NodeId, Value};

/// What a shadow holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing: what would read or change its values in a layer above fails, or is noticed.
    Nothing,
    /// The references, so that a layer above can do the work again.
    References,
}

/// The Secret that shadows what stands for `provision` under its final name.
pub(super) fn cast(stream: &Stream, provision: &Provision, name: &str, holds: Holds) -> (Identity, Value<'static>) {
    let secret = &provision.secret;
    let metadata = &provision.metadata;
    let mut entries: Vec<(&str, Value)> = vec![("name", text(name))];
    entries.extend(secret.namespace.as_deref().map(|namespace| ("namespace", text(namespace))));
    entries.push(("annotations", pairs(annotations(provision, name, holds))));
    let mut object = vec![("apiVersion", text("v1")), ("kind", text("Secret"))];
    if holds == Holds::References {
        if !metadata.labels.is_empty() {
            entries.push(("labels", pairs(metadata.labels.clone())));
        }
        object.extend(references(stream, provision));
    }
    object.push(("metadata", Value::map(entries)));
    (Identity { name: name.to_owned(), ..secret.clone().into_owned() }, Value::map(object))
}

fn annotations(provision: &Provision, name: &str, holds: Holds) -> Vec<(String, String)> {
    let secret = &provision.secret;
    let earlier = [
        ("previousKinds", secret.kind.as_str()),
        ("previousNames", secret.name.as_str()),
        ("previousNamespaces", secret.namespace.as_deref().unwrap_or("default")),
    ];
    let suffix = name.strip_prefix(&secret.name).unwrap_or_default();
    let all = provision.metadata.annotations.iter().filter(|(name, _)| {
        let kept = holds == Holds::References || name.starts_with(INTERNAL);
        kept && name != HASHED && !earlier.iter().any(|(own, _)| is_internal(name, own))
    });
    let mut annotations: Vec<(String, String)> = all.cloned().collect();
    for (own, now) in earlier {
        annotations.push((format!("{INTERNAL}{own}"), extended(&provision.metadata, own, now)));
    }
    annotations.push((LOCAL.to_owned(), "true".to_owned()));
    annotations.push(match holds {
        Holds::Nothing => (SHADOW.to_owned(), "blank".to_owned()),
        Holds::References => (SHADOW.to_owned(), format!("full{suffix}")),
    });
    annotations.sort();
    annotations
}

/// The earlier ones, and the present one behind them.
fn extended(metadata: &Metadata, own: &str, now: &str) -> String {
    let before = metadata.annotations.iter().find(|(name, _)| is_internal(name, own));
    before.map_or_else(|| now.to_owned(), |(_, before)| format!("{before},{now}"))
}

fn is_internal(name: &str, own: &str) -> bool {
    name.strip_prefix(INTERNAL) == Some(own)
}

/// What the Secret says as it came in, or what a workload said.
fn references(stream: &Stream, provision: &Provision) -> Vec<(&'static str, Value<'static>)> {
    let Some((tree, _)) = stream.get(provision.origin.manifest()).and_then(|manifest| manifest.read()) else {
        return vec![];
    };
    let own = |node: NodeId| Value::of(tree, node).into_owned();
    match provision.origin {
        Origin::Lifted(_) | Origin::Promoted(_) => {
            let values = provision.items.iter().map(|item| (item.key.to_string(), own(item.place.node)));
            vec![("stringData", Value::map(values))]
        }
        Origin::Replaced(_) => {
            let fields = ["data", "immutable", sources::ENCRYPTION, "stringData", "type"].into_iter();
            fields.filter_map(|field| Some((field, own(tree.get(tree.root(), field)?)))).collect()
        }
    }
}

fn pairs(pairs: Vec<(String, String)>) -> Value<'static> {
    Value::map(pairs.into_iter().map(|(name, value)| (name, Value::text(value))))
}

fn text(text: &str) -> Value<'static> {
    Value::text(text.to_owned())
}

const INTERNAL: &str = "internal.config.kubernetes.io/";
