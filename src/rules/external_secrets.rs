//! ExternalSecrets that the operator refuses, that fetch more than is needed, or that reach further than meant.
//!
//! Sources: the API of external-secrets (v1), its webhook (`externalsecret_validator.go`), and its release notes: 0.17
//! serves `v1beta1` no longer.

use std::collections::BTreeSet;

use super::seen::{Seen, Tell};
use crate::yaml::NodeId;

const GROUP: &str = "external-secrets.io";

pub(super) fn look(seen: &Seen, tell: Tell) {
    let kind = seen.identity.kind.as_str();
    if seen.identity.group() != GROUP {
        return;
    }
    let versioned = ["ClusterExternalSecret", "ClusterSecretStore", "ExternalSecret", "SecretStore"].contains(&kind);
    if let Some(node) = seen.at("apiVersion").filter(|_| versioned && !seen.identity.api_version.ends_with("/v1")) {
        let message = format!("{} is not served since External Secrets 0.17", seen.identity.api_version);
        tell("externalsecret/version", node, message);
    }
    let spec = match kind {
        "ClusterExternalSecret" => {
            everywhere(seen, tell);
            "spec/externalSecretSpec"
        }
        "ExternalSecret" => "spec",
        _ => return,
    };
    let Some(spec) = seen.at(spec) else { return };
    asked(seen, spec, tell);
    policies(seen, spec, tell);
}

/// A selector without conditions selects all namespaces.
fn everywhere(seen: &Seen, tell: Tell) {
    let selectors = ["spec/namespaceSelector", "spec/namespaceSelectors[]"];
    let empty = selectors.iter().flat_map(|path| seen.each(path)).find(|node| seen.selects_all(*node));
    if let Some(node) = empty {
        tell("externalsecret/in-every-namespace", node, "the selector selects every namespace".to_owned());
    }
}

/// What is fetched.
fn asked(seen: &Seen, spec: NodeId, tell: Tell) {
    let (data, from) = (seen.below(spec, "data[]"), seen.below(spec, "dataFrom[]"));
    if data.is_empty() && from.is_empty() {
        tell("externalsecret/nothing-asked", spec, "neither data nor dataFrom asks for anything".to_owned());
    }
    let mut keys = BTreeSet::new();
    for node in seen.below(spec, "data[]/secretKey") {
        if seen.tree.text(node).is_some_and(|key| !keys.insert(key)) {
            tell("externalsecret/key-twice", node, "two entries give the same key".to_owned());
        }
    }
    let mut generated = None;
    for entry in &from {
        let ways = ["extract", "find", "sourceRef/generatorRef"];
        if ways.iter().filter(|way| !seen.below(*entry, way).is_empty()).count() != 1 {
            let message = "an entry of dataFrom needs exactly one of extract, find and sourceRef.generatorRef";
            tell("externalsecret/one-way", *entry, message.to_owned());
        }
        for find in seen.below(*entry, "find") {
            if is_broad(seen, find) {
                tell("externalsecret/broad-find", find, "it fetches everything that the store can read".to_owned());
            }
        }
        generated = generated.or_else(|| seen.below(*entry, "sourceRef/generatorRef").into_iter().next());
    }
    let others = !data.is_empty() || from.len() > 1;
    if let Some(node) = generated.filter(|_| others && fetches_again(seen, spec)) {
        tell(
            "externalsecret/generated-anew",
            node,
            "what is generated changes whenever the rest is fetched".to_owned(),
        );
    }
}

fn is_broad(seen: &Seen, find: NodeId) -> bool {
    let pattern = seen.text_below(find, "name/regexp");
    let all = pattern.is_none_or(|pattern| matches!(pattern, ".*" | "^.*$" | ".+" | "^.+$" | "." | "^"));
    let path = seen.text_below(find, "path").filter(|path| *path != "/");
    all && path.is_none() && seen.below(find, "tags/*").is_empty()
}

fn fetches_again(seen: &Seen, spec: NodeId) -> bool {
    !matches!(seen.text_below(spec, "refreshPolicy"), Some("CreatedOnce" | "OnChange"))
}

/// Who owns what is made, and what happens to it.
fn policies(seen: &Seen, spec: NodeId, tell: Tell) {
    let creation = seen.text_below(spec, "target/creationPolicy").unwrap_or("Owner");
    let deletion = seen.below(spec, "target/deletionPolicy").into_iter().next();
    let refused = match deletion.and_then(|node| seen.tree.text(node)) {
        Some("Delete") if creation != "Owner" => Some("deletionPolicy: Delete needs creationPolicy: Owner"),
        Some("Merge") if creation == "None" => Some("deletionPolicy: Merge does not go with creationPolicy: None"),
        _ => None,
    };
    if let (Some(node), Some(message)) = (deletion, refused) {
        tell("externalsecret/policies", node, message.to_owned());
    }
    let copied = matches!(creation, "Merge" | "Orphan") && seen.below(spec, "target/template").is_empty();
    if copied {
        let message = "labels and annotations, those of Argo CD too, are copied to a Secret that it does not own";
        tell("externalsecret/metadata-copied", spec, message.to_owned());
    }
}
