//! Stores of External Secrets: who may use them, and what they hold themselves.
//!
//! Sources: the API of external-secrets (v1) and `ValidateSecretSelector` of its runtime.

use super::rbac::{Object, Request, Resource, Subject, User};
use super::seen::{Seen, Tell, brings, find, run_as};
use crate::yaml::Scalar;

const GROUP: &str = "external-secrets.io";

pub(super) fn look(seen: &Seen, tell: Tell) {
    match (seen.identity.group(), seen.identity.kind.as_str()) {
        (GROUP, "ClusterSecretStore") => {
            open(seen, tell);
            store(seen, tell);
        }
        (GROUP, "SecretStore") => {
            foreign(seen, tell);
            store(seen, tell);
        }
        (GROUP, _) => missing(seen, tell),
        ("", "ServiceAccount") => mints(seen, tell),
        _ => {}
    }
}

/// A condition that admits everybody is none.
fn open(seen: &Seen, tell: Tell) {
    let everywhere = |pattern: &str| matches!(pattern, "" | ".*" | "^.*$" | ".+" | "^.+$");
    let all = seen.each("spec/conditions[]/namespaceRegexes[]");
    let star = all.iter().find(|node| seen.tree.text(**node).is_some_and(everywhere));
    let selectors = seen.each("spec/conditions[]/namespaceSelector");
    let empty = selectors.into_iter().find(|node| seen.selects_all(*node));
    if !seen.holds("spec/conditions") {
        tell("stores/open-to-everybody", seen.tree.root(), "every namespace may use the store".to_owned());
    } else if let Some(node) = star.copied().or(empty) {
        tell("stores/open-to-everybody", node, "the condition admits every namespace".to_owned());
    }
}

/// Where long-lived keys stand although the provider knows an identity of the workload.
const STATIC: &[&str] = &[
    "spec/provider/aws/auth/secretRef",
    "spec/provider/azurekv/authSecretRef/clientSecret",
    "spec/provider/gcpsm/auth/secretRef",
    "spec/provider/kubernetes/auth/token",
    "spec/provider/vault/auth/appRole/secretRef",
    "spec/provider/vault/auth/tokenSecretRef",
    "spec/provider/vault/auth/userPass/secretRef",
];

/// Where a provider takes a credential as text.
const LITERAL: &[&str] = &[
    "spec/provider/beyondtrust/auth/*/value",
    "spec/provider/delinea/clientSecret/value",
    "spec/provider/fake/data[]/value",
    "spec/provider/scaleway/secretKey/value",
    "spec/provider/secretserver/password/value",
    "spec/provider/secretserver/token/value",
];

/// Where the address of a server stands.
const SERVERS: &[&str] = &[
    "spec/provider/doppler/url",
    "spec/provider/gitlab/url",
    "spec/provider/infisical/hostAPI",
    "spec/provider/onepassword/connectHost",
    "spec/provider/openBao/server",
    "spec/provider/vault/server",
    "spec/provider/webhook/url",
];

fn store(seen: &Seen, tell: Tell) {
    if let Some(node) = STATIC.iter().find_map(|path| seen.at(path)) {
        tell("stores/static-credentials", node, "the store logs in with a credential that lives on".to_owned());
    }
    for node in LITERAL.iter().flat_map(|path| seen.each(path)) {
        if seen.tree.raw(node).is_some_and(|text| !text.is_empty()) && seen.tree.scalar(node) != Some(Scalar::Null) {
            tell("stores/literal-credentials", node, "a value stands in the store itself".to_owned());
        }
    }
    for node in SERVERS.iter().flat_map(|path| seen.each(path)) {
        let open = seen.tree.text(node).and_then(|text| text.strip_prefix("http://"));
        if open.is_some_and(|host| !["localhost", "127.0.0.1", "[::1]"].iter().any(|own| host.starts_with(own))) {
            tell("stores/unencrypted", node, "the store asks its server without TLS".to_owned());
        }
    }
}

/// A SecretStore reads Secrets of its own namespace alone.
fn foreign(seen: &Seen, tell: Tell) {
    let Some(own) = seen.identity.namespace.as_deref() else { return };
    let Some(provider) = seen.at("spec/provider") else { return };
    let refs = seen.tree.nodes().filter(|node| !seen.tree.is_key(*node) && *node > provider);
    for node in refs {
        let said = ["name", "namespace"].map(|key| seen.tree.get(node, key).and_then(|node| seen.tree.text(node)));
        let key = seen.tree.path(node);
        let last = key.rsplit('.').next().unwrap_or_default();
        let selects = last.ends_with("Ref") || matches!(last, "bearerToken" | "clientCert" | "clientKey");
        if let [Some(_), Some(namespace)] = said
            && selects
            && namespace != own
        {
            tell("stores/foreign-namespace", node, format!("a SecretStore of {own} names an object of {namespace}"));
        }
    }
}

/// A store that nobody brings, where others of its kind are brought.
fn missing(seen: &Seen, tell: Tell) {
    let refs = ["spec/secretStoreRef", "spec/externalSecretSpec/secretStoreRef", "spec/secretStoreRefs[]"];
    for node in refs.iter().flat_map(|path| seen.each(path)) {
        let Some(name) = seen.text_below(node, "name") else { continue };
        let kind = seen.text_below(node, "kind").unwrap_or("SecretStore");
        let near = seen.identity.namespace.as_deref().filter(|_| kind == "SecretStore");
        if brings(seen.view, (GROUP, kind), near) && find(seen.view, (GROUP, kind), near, name).is_none() {
            tell("stores/missing", node, format!("{kind} \"{name}\" is not in the stream"));
        }
    }
}

/// External Secrets itself may be any ServiceAccount, unless somebody says which.
fn mints(seen: &Seen, tell: Tell) {
    let subject = Subject::ServiceAccount(seen.namespace().to_owned(), seen.identity.name.clone());
    let resource = Resource { group: "", resource: "serviceaccounts", subresource: "token", namespace: "", name: "" };
    let reach = seen.view.access().reach(&User::of(&subject));
    if reach.allows(&Request { verb: "create", object: Object::Resource(resource) }).is_none() {
        return;
    }
    let is_operator = |image: &str| image.contains("external-secrets/external-secrets");
    for (workload, pod) in run_as(seen.view, seen.namespace(), &seen.identity.name) {
        let images: Vec<_> = workload.below(pod, "containers[]/image");
        if images.iter().filter_map(|image| workload.tree.text(*image)).any(is_operator) {
            let message = "External Secrets may issue a token of every ServiceAccount of the cluster".to_owned();
            return tell("stores/operator-issues-tokens", seen.tree.root(), message);
        }
    }
}
