//! Roles and bindings that the API server refuses, or that do not do what they say.
//!
//! Sources: `pkg/apis/rbac/validation` of kubernetes/kubernetes, and how its authorizer matches.

use super::rbac::{GROUP, PolicyRule, Role, Subject, policy_rule};
use super::table::tell_at;
use super::{Finding, View};
use crate::error::Problem;
use crate::model::{Identity, ManifestId, Place};
use crate::yaml::{NodeId, Tree};

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    for (id, tree, identity) in view.stream.read().filter(|(_, _, identity)| identity.group() == GROUP) {
        let mut tell = |rule, node, message: String| {
            tell_at(view, rule, Some(Place { manifest: id, node }), Problem::new(message), tell);
        };
        let rules = || tree.get(tree.root(), "rules").into_iter().flat_map(|list| tree.items(list));
        match identity.kind.as_str() {
            "ClusterRole" | "Role" => {
                let all: Vec<_> = rules().map(|node| (node, policy_rule(tree, node))).collect();
                for (node, rule) in &all {
                    let node = *node;
                    if let Some(message) = refused(rule, &identity.kind) {
                        tell("rbac/invalid", node, message.to_owned());
                    } else {
                        dead(rule, &all, &mut |rule, message| tell(rule, node, message));
                    }
                }
                unused(view, id, identity, &mut |rule, message| tell(rule, tree.root(), message));
            }
            "ClusterRoleBinding" | "RoleBinding" => binding(view, (id, tree, identity), &mut tell),
            _ => {}
        }
    }
}

/// Why the API server does not take a rule.
fn refused(rule: &PolicyRule, kind: &str) -> Option<&'static str> {
    let resources = !rule.groups.is_empty() || !rule.resources.is_empty() || !rule.names.is_empty();
    Some(match () {
        () if rule.verbs.is_empty() => "the rule has no verbs",
        () if !rule.urls.is_empty() && kind == "Role" => "a Role cannot grant paths that are no resources",
        () if !rule.urls.is_empty() && resources => "one rule grants resources and paths",
        () if rule.urls.is_empty() && rule.groups.is_empty() => "the rule has no apiGroups (the core group is \"\")",
        () if rule.urls.is_empty() && rule.resources.is_empty() => "the rule has no resources",
        () => return None,
    })
}

const VERBS: [&str; 12] = [
    "approve",
    "bind",
    "create",
    "delete",
    "deletecollection",
    "escalate",
    "get",
    "impersonate",
    "list",
    "patch",
    "update",
    "watch",
];

/// Resources of the core group and of RBAC whose singular is no word of the API.
const PLURALS: [&str; 9] = [
    "configmaps",
    "namespaces",
    "nodes",
    "persistentvolumes",
    "pods",
    "rolebindings",
    "roles",
    "secrets",
    "serviceaccounts",
];

/// What a rule says and does not grant.
fn dead(rule: &PolicyRule, all: &[(NodeId, PolicyRule)], tell: &mut dyn FnMut(&'static str, String)) {
    if let Some(resource) = rule.resources.iter().find(|resource| resource.len() > 2 && resource.ends_with("/*")) {
        tell("rbac/literal-star", format!("\"{resource}\" is no wildcard: it grants nothing"));
    }
    if rule.names.iter().any(|name| name == "*") {
        tell("rbac/literal-star", "the name \"*\" is no wildcard: only an object of that name is meant".to_owned());
    }
    // Another rule of the role may well grant it.
    let elsewhere = |verb: &str| {
        let mut others = all.iter().map(|(_, other)| other).filter(|other| other.names.is_empty());
        others.any(|other| other.has_verb(verb) && rule.resources.iter().all(|one| other.resources.contains(one)))
    };
    let never = |verb: &&String| ["create", "deletecollection"].contains(&verb.as_str()) && !elsewhere(verb);
    let top = rule.resources.iter().all(|resource| !resource.contains('/'));
    if !rule.names.is_empty() && top && rule.verbs.iter().any(|verb| never(&verb)) {
        let message = "create and deletecollection name no object, so a rule with names never grants them";
        tell("rbac/names-without-effect", message.to_owned());
    }
    let secrets = rule.has_resource("", "secrets", "");
    if !rule.names.is_empty() && secrets && ["list", "watch"].iter().any(|verb| rule.has_verb(verb)) {
        let message = "list and watch with names are granted only to who asks for metadata.name in a field selector";
        tell("rbac/names-in-lists", message.to_owned());
    }
    let lower = |verb: &&String| !VERBS.contains(&verb.as_str()) && VERBS.contains(&verb.to_lowercase().as_str());
    if let Some(verb) = rule.verbs.iter().find(lower) {
        tell("rbac/unknown-word", format!("\"{verb}\" is no verb: verbs are in lower case"));
    }
    if let Some(group) = rule.groups.iter().find(|group| matches!(group.as_str(), "v1" | "core")) {
        tell("rbac/unknown-word", format!("\"{group}\" is no API group: the core group is the empty text"));
    }
    let singular = |word: &&String| PLURALS.iter().any(|plural| plural.strip_suffix('s') == Some(word.as_str()));
    if let Some(word) = rule.resources.iter().find(singular) {
        tell("rbac/unknown-word", format!("\"{word}\" is no resource: resources are plural"));
    }
}

type Tell<'t> = &'t mut dyn FnMut(&'static str, NodeId, String);

fn binding(view: &View, (id, tree, identity): (ManifestId, &Tree, &Identity), tell: Tell) {
    let access = view.access();
    let here = Place { manifest: id, node: tree.root() };
    let Some((binding, role)) = access.bindings().find(|(binding, _)| binding.place == Some(here)) else { return };
    let at = |path: &[&str]| tree.at(tree.root(), path).unwrap_or(tree.root());
    let cluster = identity.kind == "ClusterRoleBinding";
    let text = |node, key: &str| tree.get(node, key).and_then(|node| tree.text(node)).unwrap_or_default();
    match binding.role_kind.as_str() {
        "ClusterRole" => {}
        "Role" if !cluster => {}
        _ => tell("rbac/invalid", at(&["roleRef"]), "the kind of role cannot be bound here".to_owned()),
    }
    if binding.role.is_empty() || text(at(&["roleRef"]), "apiGroup") != GROUP {
        tell("rbac/invalid", at(&["roleRef"]), format!("roleRef needs a name and apiGroup: {GROUP}"));
    }
    if role.is_none() && !binding.role.is_empty() {
        let message = format!("{} \"{}\" is not in the stream, and no cluster has it", binding.role_kind, binding.role);
        tell("rbac/role-missing", at(&["roleRef"]), message);
    }
    if let Some(role) = role.filter(|_| !cluster) {
        ineffective(role, &mut |message| tell("rbac/without-effect", at(&["roleRef"]), message));
    }
    let mut subjects = tree.get(tree.root(), "subjects").into_iter().flat_map(|list| tree.items(list)).peekable();
    if subjects.peek().is_none() {
        tell("rbac/nobody-bound", tree.root(), "the binding has no subjects".to_owned());
    }
    for node in subjects {
        let account = text(node, "kind") == "ServiceAccount";
        if account && cluster && text(node, "namespace").is_empty() {
            let message = "a ServiceAccount in a ClusterRoleBinding needs a namespace: the API server refuses it";
            tell("rbac/invalid", node, message.to_owned());
        }
        if account && !text(node, "apiGroup").is_empty() {
            tell("rbac/invalid", node, "a ServiceAccount has no apiGroup".to_owned());
        }
    }
    for subject in binding.subjects.iter().filter(|subject| is_missing(view, subject)) {
        tell(
            "rbac/account-missing",
            at(&["subjects"]),
            format!("{subject} is not in the stream, and others of its namespace are"),
        );
    }
}

/// A ServiceAccount of a namespace that the stream brings accounts for, and not this one.
fn is_missing(view: &View, subject: &Subject) -> bool {
    let Subject::ServiceAccount(namespace, name) = subject else { return false };
    let of = |identity: &Identity| identity.namespace.clone().unwrap_or_else(|| view.namespace.to_owned());
    let accounts = || view.inventory.by_identity.keys().filter(|identity| identity.is("", "ServiceAccount"));
    // Where namespaces are not written yet, any may be meant.
    let here = accounts().any(|identity| of(identity) == *namespace);
    let mut same = accounts().filter(|identity| identity.name == *name);
    let same = same.any(|identity| identity.namespace.is_none() || of(identity) == *namespace);
    name != "default" && here && !same && !view.has_account(Some(namespace), name)
}

/// Cluster-scoped resources, which a RoleBinding cannot give; `namespaces` it can, by their names.
const CLUSTER_SCOPED: [&str; 9] = [
    "certificatesigningrequests",
    "clusterrolebindings",
    "clusterroles",
    "customresourcedefinitions",
    "mutatingwebhookconfigurations",
    "nodes",
    "persistentvolumes",
    "storageclasses",
    "validatingwebhookconfigurations",
];

fn ineffective(role: &Role, tell: &mut dyn FnMut(String)) {
    let scoped = |resource: &String| CLUSTER_SCOPED.contains(&resource.split('/').next().unwrap_or_default());
    let ours = role.rules.iter().filter(|held| held.place.is_some());
    let dead = ours
        .map(|held| &held.rule)
        .find(|rule| !rule.urls.is_empty() || !rule.resources.is_empty() && rule.resources.iter().all(scoped));
    if let Some(rule) = dead {
        tell(format!("a RoleBinding gives nothing cluster-wide, and {role} has: {rule}"));
    }
}

/// A role that nobody has; others may still bind a ClusterRole.
fn unused(view: &View, id: ManifestId, identity: &Identity, tell: &mut dyn FnMut(&'static str, String)) {
    let access = view.access();
    let its = |role: &Role| role.place.is_some_and(|place| place.manifest == id);
    let bound = access.bindings().any(|(_, role)| role.is_some_and(its));
    if identity.kind == "Role" && !bound {
        tell("rbac/role-unused", "no binding of the stream names the Role".to_owned());
    }
}
