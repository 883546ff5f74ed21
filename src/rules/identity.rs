//! Identities that a cloud gives to workloads: annotations that no cloud takes, or that nobody uses.
//!
//! Sources: AWS IAM roles for service accounts, GKE Workload Identity, Azure Workload Identity (their pages on the
//! annotations), and how external-secrets reads them.

use std::sync::LazyLock;

use regex::Regex;

use super::seen::{Seen, Tell, brings, find, run_as};
use crate::yaml::NodeId;

const AWS: &str = "eks.amazonaws.com/role-arn";
const AZURE: &str = "azure.workload.identity/client-id";
const GOOGLE: &str = "iam.gke.io/gcp-service-account";
const ACCOUNT: (&str, &str) = ("", "ServiceAccount");

/// Each annotation with what it has to look like.
static FORMS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let forms = [
        (AWS, r"^arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/[\w+=,.@/-]+$"),
        (AZURE, r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"),
        (GOOGLE, r"^[a-z0-9-]+@[a-z0-9.:-]+\.gserviceaccount\.com$"),
    ];
    forms.into_iter().filter_map(|(name, form)| Some((name, Regex::new(form).ok()?))).collect()
});

pub(super) fn look(seen: &Seen, tell: Tell) {
    match (seen.identity.group(), seen.identity.kind.as_str()) {
        ("", "ServiceAccount") => account(seen, tell),
        ("external-secrets.io", "ClusterSecretStore" | "SecretStore") => store(seen, tell),
        _ => {
            misplaced(seen, tell);
            if let Some(pod) = seen.pod() {
                workload(seen, pod, tell);
            }
        }
    }
}

/// The annotation of a cloud on an account, with its text.
fn given<'v>(seen: &Seen<'v, '_>) -> Option<(&'static str, NodeId, &'v str)> {
    let annotated = |name| {
        let node = seen.annotation(name)?;
        Some((name, node, seen.tree.text(node).unwrap_or_default()))
    };
    [AWS, AZURE, GOOGLE].into_iter().find_map(annotated)
}

fn account(seen: &Seen, tell: Tell) {
    let Some((name, node, text)) = given(seen) else { return };
    // What is filled in later is no mistake yet.
    let open = text.contains(['$', '{', '<']);
    if FORMS.iter().any(|(its, form)| *its == name && !open && !form.is_match(text)) {
        tell("identity/malformed", node, format!("no cloud takes what {name} says"));
    }
    if seen.identity.name == "default" {
        let message = "every pod of the namespace that names no account has the identity".to_owned();
        tell("identity/default-account", node, message);
    }
    let users = run_as(seen.view, seen.namespace(), &seen.identity.name);
    if let [(first, _), .., (last, _)] = users.as_slice() {
        let count = users.len();
        let message =
            format!("{count} workloads share the identity, {} and {} among them", first.identity, last.identity);
        tell("identity/shared", node, message);
    }
}

/// What runs as an account that a cloud knows.
fn workload(seen: &Seen, pod: NodeId, tell: Tell) {
    let name = seen.account(pod).unwrap_or("default");
    let Some(account) = find(seen.view, ACCOUNT, seen.identity.namespace.as_deref(), name) else { return };
    let Some((cloud, ..)) = given(&account) else { return };
    let template = seen.tree.parent(pod).unwrap_or(seen.tree.root());
    let label = seen.tree.at(template, &["metadata", "labels", "azure.workload.identity/use"]);
    if cloud == AZURE && label.and_then(|node| seen.tree.text(node)) != Some("true") {
        tell("identity/label-missing", pod, "its pods lack the label azure.workload.identity/use: \"true\"".to_owned());
    }
    let keys: &[&str] = match cloud {
        AWS => &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
        AZURE => &["AZURE_CLIENT_SECRET"],
        _ => &["GOOGLE_APPLICATION_CREDENTIALS"],
    };
    for container in seen.containers(pod) {
        let mut variables = seen.below(container, "env[]").into_iter();
        let is_key = |node: &NodeId| seen.text_below(*node, "name").is_some_and(|name| keys.contains(&name));
        if let Some(variable) = variables.find(is_key) {
            let message = "the container has keys of its own, and they win over the identity".to_owned();
            tell("identity/keys-beside", variable, message);
        }
    }
}

/// Where a store names the account as which it logs in, and what that account needs.
const LOGINS: [(&str, &str); 3] = [
    ("spec/provider/aws/auth/jwt/serviceAccountRef", AWS),
    ("spec/provider/azurekv/serviceAccountRef", AZURE),
    ("spec/provider/gcpsm/auth/workloadIdentity/serviceAccountRef", GOOGLE),
];

fn store(seen: &Seen, tell: Tell) {
    for (path, annotation) in LOGINS {
        let Some(node) = seen.at(path) else { continue };
        let Some(name) = seen.text_below(node, "name") else { continue };
        let said = seen.text_below(node, "namespace").or(seen.identity.namespace.as_deref());
        match find(seen.view, ACCOUNT, said, name) {
            None if said.is_some() && brings(seen.view, ACCOUNT, said) && !seen.view.has_account(said, name) => {
                tell("identity/account-missing", node, format!("ServiceAccount \"{name}\" is not in the stream"));
            }
            Some(account) if account.annotation(annotation).is_none() => {
                let message = format!("ServiceAccount \"{name}\" lacks {annotation}");
                tell("identity/not-annotated", node, message);
            }
            _ => {}
        }
    }
}

/// The clouds look at accounts alone.
fn misplaced(seen: &Seen, tell: Tell) {
    let maps = ["metadata/annotations", "spec/template/metadata/annotations"];
    for map in maps.iter().filter_map(|path| seen.at(path)) {
        for name in [AWS, GOOGLE] {
            if let Some(node) = seen.tree.get(map, name) {
                tell("identity/misplaced", node, format!("{name} has no effect on a {}", seen.identity.kind));
            }
        }
    }
}
