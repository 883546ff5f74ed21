//! What accounts may do with Secrets, beside what their workloads visibly need.
//!
//! Mounts and variables need no right at all: the kubelet reads them. What a program asks of the API stands in no
//! manifest, so nothing here proves that a right is not needed.

use std::collections::BTreeSet;
use std::iter;

use super::rbac::{Access, Grant, Object, Question, READ, Reach, Request, Resource, Subject, User};
use super::seen::{Seen, all, run_as};
use super::table::tell_at;
use super::{Finding, View};
use crate::error::Problem;
use crate::model;
use crate::yaml::{Kind, NodeId, Scalar};

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let access = view.access();
    for subject in access.subjects() {
        let reach = access.reach(&User::of(subject));
        let mut found = |rule, grant: &Grant, message: String| {
            tell_at(view, rule, grant.binding.place.or(grant.held.place), Problem::new(message), tell);
        };
        auth_config(view, subject, &reach, &mut found);
        if let Subject::ServiceAccount(namespace, name) = subject {
            let workloads = run_as(view, namespace, name);
            named(view, subject, &reach, &workloads, &mut found);
            unrestricted(access, subject, &reach, &workloads, &mut found);
        }
    }
}

type Found<'f> = &'f mut dyn FnMut(&'static str, &Grant, String);
type Workloads<'v, 's> = [(Seen<'v, 's>, NodeId)];

/// Single Secrets: which of them, and whether somebody seems to want them.
fn named(view: &View, subject: &Subject, reach: &Reach, workloads: &Workloads, found: Found) {
    for namespace in iter::once("").chain(reach.namespaces()) {
        let here = |grant: &Grant| grant.binding.namespace.as_deref().unwrap_or_default() == namespace;
        let named = |grant: &Grant| grant.held.rule.reads_secrets() && !grant.held.rule.names.is_empty();
        for grant in reach.rules(namespace).filter(|grant| here(grant) && named(grant)) {
            let names = &grant.held.rule.names;
            let place = if namespace.is_empty() { "every namespace" } else { namespace };
            let message = format!("{subject} may read {} in {place}", names.join(", "));
            found("rbac/named-secret-read", &grant, message);
            let near = Some(namespace).filter(|namespace| !namespace.is_empty());
            let used = |name: &&String| {
                let uses = view.inventory.uses_of(model::Object::Secrets, (near, name), None);
                let users: BTreeSet<_> = uses.map(|usage| usage.consumer).collect();
                workloads.iter().any(|(workload, _)| users.contains(&workload.id))
            };
            if let Some(name) = names.iter().find(used) {
                let message = format!("{subject} may read \"{name}\", which its pods have already");
                found("rbac/secret-read-and-mounted", &grant, message);
            }
            let unseen = |name: &&String| !used(name) && !is_mentioned(view, workloads, namespace, name);
            if let Some(name) = names.iter().find(|name| !workloads.is_empty() && unseen(name)) {
                let message = format!("{subject} may read \"{name}\", which nothing that runs as it names");
                found("rbac/no-visible-need", &grant, message);
            }
        }
    }
}

/// Does a text of a workload, or of a ConfigMap beside it, hold the name?
fn is_mentioned(view: &View, workloads: &Workloads, namespace: &str, name: &str) -> bool {
    let says = |seen: &Seen| {
        let mut scalars = seen.tree.nodes().filter(|node| seen.tree.kind(*node) == Kind::Scalar);
        scalars.any(|node| seen.tree.raw(node).is_some_and(|text| text.contains(name)))
    };
    let mut maps =
        all(view).filter(|seen| seen.identity.is("", "ConfigMap") && ["", seen.namespace()].contains(&namespace));
    workloads.iter().any(|(workload, _)| says(workload)) || maps.any(|map| says(&map))
}

/// All Secrets of a namespace or of the cluster.
fn unrestricted(access: &Access, subject: &Subject, reach: &Reach, workloads: &Workloads, found: Found) {
    if workloads.is_empty() {
        return;
    }
    let everywhere = Question { namespace: "", name: "", keys: None }.direct(reach, &READ);
    let some = || {
        reach
            .namespaces()
            .into_iter()
            .find_map(|namespace| Question { namespace, name: "", keys: None }.direct(reach, &READ))
    };
    let Some(grant) = everywhere.or_else(some) else { return };
    if workloads.iter().all(|(workload, pod)| has_no_token(workload, *pod)) {
        let message = format!("{subject} may read Secrets, and none of its pods has its token");
        found("rbac/right-unused", &grant, message);
    }
    let one = workloads.iter().all(|(workload, pod)| watches_one(workload, *pod));
    if one && everywhere.is_some() && access.subjects().contains(subject) {
        let message = format!("{subject} may read Secrets everywhere, and its pods are told to watch one namespace");
        found("rbac/cluster-wide-for-one-namespace", &grant, message);
    }
}

/// Neither by itself nor as a projected volume.
fn has_no_token(workload: &Seen, pod: NodeId) -> bool {
    let refused = workload.flag(pod, "automountServiceAccountToken") == Some(false);
    refused && workload.below(pod, "volumes[]/projected/sources[]/serviceAccountToken").is_empty()
}

/// By the variable and the arguments that operators take.
fn watches_one(workload: &Seen, pod: NodeId) -> bool {
    let is_one = |text: &str| !text.is_empty() && !text.contains(',');
    let named =
        |node: &NodeId| matches!(workload.text_below(*node, "name"), Some("WATCH_NAMESPACE" | "WATCH_NAMESPACES"));
    let own = |node: NodeId| {
        workload.text_below(node, "valueFrom/fieldRef/fieldPath") == Some("metadata.namespace")
            || workload.text_below(node, "value").is_some_and(is_one)
    };
    let says = |container: &NodeId| {
        let variable = workload.below(*container, "env[]").into_iter().find(named);
        let arguments = ["args[]", "command[]"].iter().flat_map(|list| workload.below(*container, list));
        let mut texts = arguments.filter_map(|node| workload.tree.text(node));
        variable.is_some_and(own)
            || texts.any(|text| text.trim_start_matches('-').strip_prefix("watch-namespace=").is_some_and(is_one))
    };
    workload.below(pod, "containers[]").iter().any(says)
}

/// On EKS, whoever writes this ConfigMap is whoever he likes.
fn auth_config(view: &View, subject: &Subject, reach: &Reach, found: Found) {
    let (namespace, name) = ("kube-system", "aws-auth");
    let grant = ["patch", "update"].iter().find_map(|verb| {
        let resource = Resource { group: "", resource: "configmaps", subresource: "", namespace, name };
        reach.allows(&Request { verb, object: Object::Resource(resource) })
    });
    let Some(grant) = grant.filter(Grant::is_ours) else { return };
    let rule = &grant.held.rule;
    let star = rule.resources.iter().any(|resource| resource == "*");
    let said = rule.names.iter().any(|its| its == name) || grant.binding.namespace.is_some();
    if !star && (said || is_eks(view)) {
        found("rbac/auth-config-written", &grant, format!("{subject} may change the ConfigMap {namespace}/{name}"));
    }
}

/// Something in the stream is only there on EKS.
fn is_eks(view: &View) -> bool {
    let annotated = |seen: &Seen| {
        let map = seen.at("metadata/annotations");
        let mut keys = map.into_iter().flat_map(|map| seen.tree.entries(map));
        keys.any(|(key, node)| {
            seen.tree.key(key).starts_with("eks.amazonaws.com/") && seen.tree.scalar(node) != Some(Scalar::Null)
        })
    };
    all(view).any(|seen| seen.identity.is("", "ServiceAccount") && annotated(&seen))
}
