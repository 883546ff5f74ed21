//! As whom workloads run.

use super::rbac::Subject;
use super::table::tell_at;
use super::{Finding, Rule, View};
use crate::error::Problem;
use crate::model::{Identity, Place};
use crate::yaml::{NodeId, Scalar, Tree};

pub(super) struct Workloads;

impl Rule for Workloads {
    fn check(&self, view: &View, tell: &mut dyn FnMut(Finding)) {
        for (manifest, tree, identity) in view.stream.read() {
            let Some(pod) = pod(tree, identity) else { continue };
            let mut found = |rule, message: String| {
                tell_at(view, rule, Some(Place { manifest, node: pod }), Problem::new(message), tell);
            };
            let named = ["serviceAccountName", "serviceAccount"].into_iter().filter_map(|key| tree.get(pod, key));
            let named = named.filter_map(|node| tree.text(node)).find(|name| !name.is_empty());
            let account = account(view, identity, named.unwrap_or("default"));
            match (named, &account) {
                (None | Some("default"), account) => {
                    if !refuses_token(tree, pod) && !account.is_some_and(|(tree, root)| refuses_token(tree, root)) {
                        found("workload/default-account", "it runs as the default ServiceAccount".to_owned());
                    }
                }
                (Some(name), None) if brings_others(view, identity) => {
                    found("workload/account-missing", format!("ServiceAccount \"{name}\" is not in the stream"));
                }
                (Some(name), Some((of_account, root))) => {
                    let refused = refuses_token(tree, pod) || refuses_token(of_account, *root);
                    // What the pod itself says wins over what its account says.
                    let wanted =
                        tree.get(pod, AUTOMOUNT).and_then(|node| tree.scalar(node)) == Some(Scalar::Bool(true));
                    if (wanted || !refused) && !is_bound(view, identity, name) {
                        found("workload/token-unused", format!("nothing is granted to ServiceAccount \"{name}\""));
                    }
                }
                (Some(_), None) => {}
            }
        }
    }
}

const AUTOMOUNT: &str = "automountServiceAccountToken";

/// The pod that an object makes.
fn pod(tree: &Tree, identity: &Identity) -> Option<NodeId> {
    let path: &[&str] = match (identity.group(), identity.kind.as_str()) {
        ("", "Pod") => &["spec"],
        (
            "" | "apps" | "batch",
            "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet",
        ) => &["spec", "template", "spec"],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    };
    tree.at(tree.root(), path)
}

fn refuses_token(tree: &Tree, node: NodeId) -> bool {
    tree.get(node, AUTOMOUNT).and_then(|node| tree.scalar(node)) == Some(Scalar::Bool(false))
}

/// Objects that write no namespace go where the others go.
fn is_near(one: &Identity, other: &Identity) -> bool {
    one.namespace == other.namespace || one.namespace.is_none() || other.namespace.is_none()
}

fn account<'v, 's>(view: &View<'v, 's>, of: &Identity, name: &str) -> Option<(&'v Tree<'s>, NodeId)> {
    let accounts = view.inventory.by_identity.iter().filter(|(identity, _)| identity.is("", "ServiceAccount"));
    let mut fitting = accounts.filter(|(identity, _)| identity.name == name && is_near(identity, of));
    let (tree, _) = view.stream.get(*fitting.next()?.1)?.read()?;
    Some((tree, tree.root()))
}

fn brings_others(view: &View, of: &Identity) -> bool {
    let mut all = view.inventory.by_identity.keys();
    all.any(|identity| identity.is("", "ServiceAccount") && is_near(identity, of))
}

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
