//! Secrets that never change, or whose change nobody sees.
//!
//! Sources: the API of external-secrets (v1) and kubernetes.io on Secrets.

use std::collections::BTreeSet;

use super::seen::{Seen, Tell, all};
use crate::model::{Object, Refresh};
use crate::settings::Interval;
use crate::yaml::{NodeId, Scalar};

pub(super) fn look(seen: &Seen, tell: Tell) {
    let spec = match (seen.identity.group(), seen.identity.kind.as_str()) {
        ("external-secrets.io", "ExternalSecret") => seen.at("spec"),
        ("external-secrets.io", "ClusterExternalSecret") => seen.at("spec/externalSecretSpec"),
        _ => None,
    };
    if let Some(spec) = spec {
        interval(seen, spec, tell);
        unseen(seen, spec, tell);
    }
    let immutable = ["immutable", "spec/template/immutable", "spec/target/immutable"];
    for node in immutable.iter().filter_map(|path| seen.at(path)) {
        let keeps = is_hashed(&seen.identity.name) || seen.at("spec").is_some_and(|spec| is_generated_once(seen, spec));
        if seen.tree.scalar(node) == Some(Scalar::Bool(true)) && is_secret(seen) && !keeps {
            tell("rotation/immutable", node, "it cannot change, and its name does not follow its content".to_owned());
        }
    }
    if seen.identity.is("", "Secret") && seen.text("type") == Some("kubernetes.io/service-account-token") {
        tell("rotation/token-secret", seen.tree.root(), "the token in it never ends".to_owned());
    }
    if let Some(pod) = seen.pod() {
        keys(seen, pod, tell);
    }
}

fn is_secret(seen: &Seen) -> bool {
    let kind = seen.identity.kind.as_str();
    matches!(seen.identity.group(), "" | "bitnami.com" | "external-secrets.io") && kind.ends_with("Secret")
}

/// Ends the name in what looks like a hash: letters and digits, or letters that kustomize writes for digits?
fn is_hashed(name: &str) -> bool {
    let (_, last) = name.rsplit_once('-').unwrap_or(("", name));
    let letters = |c: char| c.is_ascii_digit() || "bcdfghjkmnpqrstvwxz".contains(c);
    last.len() >= 6 && (last.chars().all(letters) || last.contains(|c: char| c.is_ascii_digit()))
}

/// What is made once never changes under its name.
fn is_generated_once(seen: &Seen, spec: NodeId) -> bool {
    is_generated(seen, spec) && seen.text_below(spec, "refreshPolicy") == Some("CreatedOnce")
}

fn is_generated(seen: &Seen, spec: NodeId) -> bool {
    !seen.below(spec, "dataFrom[]/sourceRef/generatorRef").is_empty()
}

fn interval(seen: &Seen, spec: NodeId, tell: Tell) {
    let policy = seen.below(spec, "refreshPolicy").into_iter().next();
    let said = seen.below(spec, "refreshInterval").into_iter().next();
    let often = said.and_then(|node| seen.tree.raw(node)).and_then(Interval::parse);
    let once = policy.filter(|node| seen.tree.text(*node) == Some("CreatedOnce"));
    let never = once.or(said.filter(|_| often.is_some_and(|often| often == Interval::NEVER)));
    // What is generated anew would be another value.
    if let Some(node) = never.filter(|_| !is_generated(seen, spec)) {
        tell("rotation/never", node, "it is fetched once, and a new value never arrives".to_owned());
    } else if let (Some(node), Some(often), None) = (said, often, never) {
        if often < Interval::MINUTE {
            tell("rotation/too-often", node, format!("it is fetched every {often}"));
        } else if Interval::parse("24h").is_some_and(|day| often > day) {
            tell("rotation/seldom", node, format!("a new value arrives after up to {often}"));
        }
    }
}

/// Somebody reads what is fetched again and again only when he starts, and nobody restarts him.
fn unseen(seen: &Seen, spec: NodeId, tell: Tell) {
    let name = seen.text_below(spec, "target/name").unwrap_or(&seen.identity.name);
    let near = seen.identity.namespace.as_deref();
    let uses = seen.view.inventory.uses_of(Object::Secrets, (near, name), None);
    let readers: BTreeSet<_> = uses.filter(|one| one.refresh == Refresh::Restart).map(|one| one.consumer).collect();
    if readers.is_empty() {
        return;
    }
    let deaf = all(seen.view).find(|workload| {
        let restarts = ["reloader.stakater.com/auto", "secret.reloader.stakater.com/auto", RELOAD, WAVE];
        let kind = workload.identity.kind.as_str();
        let lasts = matches!(kind, "DaemonSet" | "Deployment" | "Rollout" | "StatefulSet");
        readers.contains(&workload.id) && lasts && restarts.iter().all(|name| workload.annotation(name).is_none())
    });
    if let Some(workload) = deaf {
        let message = format!("{} reads it when it starts, and nothing restarts it", workload.identity);
        tell("rotation/not-reloaded", seen.tree.root(), message);
    }
}

const RELOAD: &str = "secret.reloader.stakater.com/reload";
const WAVE: &str = "wave.pusher.com/update-on-config-change";

/// Variables whose value is a key of a cloud that lives on.
const KEYS: [&str; 4] =
    ["AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS_JSON", "OCI_CLI_KEY_CONTENT"];

fn keys(seen: &Seen, pod: NodeId, tell: Tell) {
    for container in seen.containers(pod) {
        for variable in seen.below(container, "env[]") {
            let of_secret = !seen.below(variable, "valueFrom/secretKeyRef").is_empty();
            let name = seen.text_below(variable, "name").unwrap_or_default();
            if of_secret && KEYS.contains(&name) {
                tell("rotation/cloud-key", variable, format!("{name} is a key that lives on"));
            }
        }
    }
}
