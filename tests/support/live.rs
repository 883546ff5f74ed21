//! Streams of roles and bindings, and what `--live` says of them.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::program::Program;

pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";

/// An object of RBAC as JSON, which is YAML too.
pub(crate) fn object(kind: &str, namespace: &str, name: &str, rest: Value) -> Value {
    let mut object = rest;
    object["apiVersion"] = json!(format!("{RBAC}/v1"));
    object["kind"] = json!(kind);
    object["metadata"]["name"] = json!(name);
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

#[allow(clippy::needless_pass_by_value, reason = "json! makes it where it is given")]
pub(crate) fn role(namespace: &str, name: &str, rules: Value) -> Value {
    object(if namespace.is_empty() { "ClusterRole" } else { "Role" }, namespace, name, json!({"rules": rules}))
}

#[allow(clippy::needless_pass_by_value, reason = "json! makes it where it is given")]
pub(crate) fn binding(namespace: &str, name: &str, (kind, role): (&str, &str), subject: Value) -> Value {
    let whole = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let rest = json!({"roleRef": {"apiGroup": RBAC, "kind": kind, "name": role}, "subjects": [subject]});
    object(whole, namespace, name, rest)
}

pub(crate) fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

pub(crate) fn account(name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": "shop", "name": name})
}

pub(crate) fn person(kind: &str, name: &str) -> Value {
    json!({"kind": kind, "apiGroup": RBAC, "name": name})
}

pub(crate) fn path(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap().to_lowercase();
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/apis/{RBAC}/v1/namespaces/{namespace}/{kind}s"),
        None => format!("/apis/{RBAC}/v1/{kind}s"),
    }
}

/// An object that makes the Secret shop/db.
pub(crate) const MAKES_DB: &str = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: db, namespace: shop}\n\
    spec:\n  refreshInterval: 24h\n  secretStoreRef: {name: vault, kind: ClusterSecretStore}\n\
    \x20 data: [{secretKey: password, remoteRef: {key: db}}]\n";

pub(crate) fn stream(objects: &[Value]) -> String {
    let mut text = MAKES_DB.to_owned();
    for object in objects {
        text.push_str(&format!("---\n{object}\n"));
    }
    text
}

pub(crate) fn kubeconfig(server: &str, token: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         users: [{{name: a, user: {{token: {token}}}}}]\nclusters:\n- name: a\n  cluster: {{server: \"{server}\"{more}}}\n"
    )
}

pub(crate) fn run(config: &str, arguments: &str, stream: &str) -> Output {
    let program = Program::new();
    fs::write(program.folder().join("kubeconfig"), config).unwrap();
    program.shell(&format!("export KUBECONFIG=kubeconfig; sealref {arguments}"), stream.as_bytes())
}

/// Rules and messages.
pub(crate) fn findings(output: &Output) -> Vec<(String, String)> {
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let one = |finding: &Value| (text(finding, "rule"), text(finding, "message"));
    told["findings"].as_array().unwrap().iter().map(one).collect()
}

pub(crate) fn check(config: &str, arguments: &str, stream: &str) -> Vec<(String, String)> {
    findings(&run(config, &format!("check - --format json {arguments}"), stream))
}

pub(crate) fn of<'f>(rule: &str, found: &'f [(String, String)]) -> Vec<&'f str> {
    found.iter().filter(|(its, _)| its == rule).map(|(_, message)| message.as_str()).collect()
}
