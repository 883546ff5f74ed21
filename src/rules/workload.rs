//! As whom workloads run, and how they take their Secrets.

use std::collections::BTreeMap;

use super::View;
use super::rbac::Subject;
use super::seen::{Seen, Tell, brings, find};
use crate::model::Identity;
use crate::yaml::NodeId;

const ACCOUNT: (&str, &str) = ("", "ServiceAccount");

pub(super) fn look(seen: &Seen, tell: Tell) {
    if let Some(pod) = seen.pod() {
        runs_as(seen, pod, tell);
        takes(seen, pod, tell);
    }
    let kind = (seen.identity.group(), seen.identity.kind.as_str());
    let sensitive = matches!(kind, ("", "Secret") | ("rbac.authorization.k8s.io", "Role" | "RoleBinding"));
    if sensitive && seen.identity.namespace.as_deref() == Some("default") {
        tell("workload/default-namespace", seen.tree.root(), "it stands in the namespace default".to_owned());
    }
}

fn runs_as(seen: &Seen, pod: NodeId, tell: Tell) {
    let named = seen.account(pod);
    let near = seen.identity.namespace.as_deref();
    let account = find(seen.view, ACCOUNT, near, named.unwrap_or("default"));
    let of_account = account.as_ref().and_then(|account| account.flag(account.tree.root(), AUTOMOUNT));
    // What the pod itself says wins over what its account says.
    let said = seen.flag(pod, AUTOMOUNT).or(of_account);
    match (named, account) {
        (None | Some("default"), _) if said != Some(false) => {
            tell("workload/default-account", pod, "it runs as the default ServiceAccount".to_owned());
        }
        (None | Some("default"), _) => {}
        (Some(name), None) if brings(seen.view, ACCOUNT, near) && !seen.view.has_account(near, name) => {
            tell("workload/account-missing", pod, format!("ServiceAccount \"{name}\" is not in the stream"));
        }
        (Some(name), Some(_)) if said != Some(false) => {
            if !is_bound(seen.view, seen.identity, name) {
                tell("workload/token-unused", pod, format!("nothing is granted to ServiceAccount \"{name}\""));
            } else if said.is_none() {
                tell(
                    "workload/token-mounted",
                    pod,
                    format!("the token of ServiceAccount \"{name}\" is mounted, and nobody has said so"),
                );
            }
        }
        (Some(_), _) => {}
    }
}

const AUTOMOUNT: &str = "automountServiceAccountToken";

/// Does any binding name the account, or a group of a namespace that it is in?
fn is_bound(view: &View, of: &Identity, name: &str) -> bool {
    let namespace = of.namespace.as_deref().unwrap_or(view.namespace);
    let own = |subject: &Subject| match subject {
        Subject::Group(group) => *group == format!("system:serviceaccounts:{namespace}"),
        // Where the namespace is not written, any may be meant.
        Subject::ServiceAccount(its, account) => account == name && (its == namespace || of.namespace.is_none()),
        Subject::User(_) => false,
    };
    view.access().bindings().any(|(binding, _)| binding.subjects.iter().any(own))
}

/// Secrets in the environment, and volumes with Secrets: how they are mounted.
fn takes(seen: &Seen, pod: NodeId, tell: Tell) {
    let containers = seen.containers(pod);
    for container in &containers {
        for node in seen.below(*container, "env[]/valueFrom/secretKeyRef") {
            tell("workload/secret-in-env", node, "a Secret becomes a variable of the environment".to_owned());
        }
        for node in seen.below(*container, "envFrom[]/secretRef") {
            tell("workload/whole-secret-in-env", node, "every key of a Secret becomes a variable".to_owned());
        }
    }
    for (volume, node) in volumes(seen, pod) {
        let mounts: Vec<NodeId> = containers
            .iter()
            .flat_map(|container| seen.below(*container, "volumeMounts[]"))
            .filter(|mount| seen.text_below(*mount, "name") == Some(volume))
            .collect();
        let part = |mount: &&NodeId| ["subPath", "subPathExpr"].iter().any(|key| seen.tree.get(**mount, key).is_some());
        if let Some(mount) = mounts.iter().find(part) {
            let message = format!("volume \"{volume}\" holds a Secret, and is mounted by subPath");
            tell("workload/secret-under-subpath", *mount, message);
        }
        let of_all = seen.below(pod, "containers[]");
        let mounting = of_all.iter().filter(|container| {
            seen.below(**container, "volumeMounts[]/name").iter().any(|name| seen.tree.text(*name) == Some(volume))
        });
        if of_all.len() > 1 && mounting.count() == of_all.len() {
            let message = format!("all {} containers mount volume \"{volume}\", which holds a Secret", of_all.len());
            tell("workload/secret-in-many-containers", node, message);
        }
    }
}

/// Volumes that hold a Secret, by their names.
fn volumes<'v>(seen: &Seen<'v, '_>, pod: NodeId) -> BTreeMap<&'v str, NodeId> {
    let holds = |volume: &NodeId| {
        ["secret/secretName", "projected/sources[]/secret/name"]
            .iter()
            .any(|path| !seen.below(*volume, path).is_empty())
    };
    let named = |volume: NodeId| Some((seen.text_below(volume, "name")?, volume));
    seen.below(pod, "volumes[]").into_iter().filter(holds).filter_map(named).collect()
}
