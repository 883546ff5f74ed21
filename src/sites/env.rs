//! `env[].value` of containers, init containers and ephemeral containers. The value is lifted into a
//! Secret, and the variable takes it from there.

use std::borrow::Cow;

use super::{Site, Spot, Takes};
use crate::error::Problem;
use crate::model::{Identity, each};
use crate::yaml::{Edits, NodeId, Scalar, Tree, Value};

pub(super) struct Env;

impl Site for Env {
    fn name(&self) -> &'static str {
        "env"
    }

    fn takes(&self) -> Takes {
        Takes::Referring
    }

    fn covers(&self, identity: &Identity) -> bool {
        pod(identity).is_some()
    }

    fn find<'t>(&self, tree: &'t Tree, identity: &Identity) -> Vec<Spot<'t>> {
        let mut spots = vec![];
        let Some(pod) = pod(identity).and_then(|path| tree.at(tree.root(), path)) else {
            return spots;
        };
        for list in ["containers[]", "initContainers[]", "ephemeralContainers[]"] {
            each(tree, pod, list, &mut |container| {
                let text = |node, key| tree.get(node, key).and_then(|node| tree.text(node));
                let name = text(container, "name").unwrap_or_default();
                each(tree, container, "env[]", &mut |variable| {
                    let Some(node) = tree.get(variable, "value") else {
                        return;
                    };
                    let key = format!("{name}.{}", text(variable, "name").unwrap_or_default());
                    spots.push(Spot { node, key: key.into(), value: value(tree, node) });
                });
            });
        }
        spots
    }

    fn lift(&self, tree: &Tree, nodes: &[NodeId], name: &str, key: &str, edits: &mut Edits) {
        for node in nodes {
            let entries = tree.parent(*node).into_iter().flat_map(|variable| tree.entries(variable));
            for (entry, _) in entries.filter(|(_, value)| value == node) {
                let texts = [("key", key), ("name", name)];
                let selector = Value::map(texts.map(|(key, text)| (key, Value::text(text.to_owned()))));
                edits.replace_entry(entry, "valueFrom".to_owned(), Value::map([("secretKeyRef", selector)]));
            }
        }
    }
}

/// Where the pod stands in a workload of Kubernetes or Argo Rollouts.
fn pod(identity: &Identity) -> Option<&'static [&'static str]> {
    Some(match (identity.group(), identity.kind.as_str()) {
        ("", "Pod") => &["spec"],
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job")
        | ("", "ReplicationController")
        | ("argoproj.io", "Rollout") => &["spec", "template", "spec"],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        ("", "PodTemplate") => &["template", "spec"],
        _ => return None,
    })
}

fn value<'t>(tree: &'t Tree, node: NodeId) -> Result<Cow<'t, [u8]>, Problem> {
    match tree.scalar(node) {
        Some(Scalar::Text(text)) => Ok(Cow::Borrowed(text.as_bytes())),
        // Not ours to judge: it holds no reference, and the API server says what it thinks of it.
        Some(_) => Ok(Cow::Borrowed(b"")),
        None => Err(Problem::new("the value of an environment variable must be text").hint("put it in quotes")),
    }
}
