//! Rights that give no value away by themselves, and matter to who keeps Secrets: one finding for each subject and right.

use super::rbac::{Grant, PolicyRule, Question, READ, Reach, Subject, User, sealing_keys};
use super::seen::run_as;
use super::table::tell_at;
use super::{Finding, View};
use crate::error::Problem;

/// A rule, what is told, and the verbs on the resources of a group that it takes.
type Right = (&'static str, &'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const RIGHTS: [Right; 3] = [
    ("rbac/ports-forwarded", "reach any port of pods", &["create"], "", &["pods/portforward"]),
    (
        "rbac/roles-written",
        "write roles or bindings",
        &["create", "patch", "update"],
        "rbac.authorization.k8s.io",
        &["clusterrolebindings", "clusterroles", "rolebindings", "roles"],
    ),
    ("rbac/secrets-deleted", "delete any Secret", &["delete", "deletecollection"], "", &["secrets"]),
];

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let access = view.access();
    let keys = sealing_keys(view.stream, view.inventory, "", "");
    for subject in access.subjects() {
        let reach = access.reach(&User::of(subject));
        let reads = |namespace| Question { namespace, name: "", keys: None }.direct(&reach, &READ);
        // Who reads everything is told of already, and who is in system:masters is limited by nothing.
        if reads("").is_some() || *subject == Subject::Group("system:masters".to_owned()) {
            continue;
        }
        let mut found = |rule, grant: &Grant, message: String| {
            tell_at(view, rule, grant.binding.place.or(grant.held.place), Problem::new(message), tell);
        };
        for right in &RIGHTS {
            for (grant, place) in held(&reach, right) {
                found(right.0, &grant, format!("{subject} may {} in {place}", right.1));
            }
        }
        if let Some(namespace) = &keys
            && let Some(grant) = reads(namespace)
            && !is_controller(view, subject)
        {
            let message = format!("{subject} may read the sealing keys in namespace {namespace}");
            found("rbac/sealing-keys-read", &grant, message);
        }
    }
}

/// The first grant of a right in the whole cluster, else one in each namespace.
fn held<'a>(reach: &Reach<'a>, (_, _, verbs, group, resources): &Right) -> Vec<(Grant<'a>, String)> {
    let gives = |rule: &PolicyRule| {
        let about = |resource: &&str| {
            let (resource, sub) = resource.split_once('/').unwrap_or((*resource, ""));
            rule.has_resource(group, resource, sub)
        };
        rule.names.is_empty() && verbs.iter().any(|verb| rule.has_verb(verb)) && resources.iter().any(about)
    };
    let first = |place| reach.rules(place).find(|grant| grant.is_ours() && gives(&grant.held.rule));
    if let Some(grant) = first("") {
        return vec![(grant, "the whole cluster".to_owned())];
    }
    let namespaces = reach.namespaces().into_iter();
    namespaces.filter_map(|place| Some((first(place)?, format!("namespace {place}")))).collect()
}

/// The controller itself has to read them.
fn is_controller(view: &View, subject: &Subject) -> bool {
    let Subject::ServiceAccount(namespace, name) = subject else { return false };
    let is_its = |image: &str| image.contains("sealed-secrets");
    run_as(view, namespace, name).iter().any(|(workload, pod)| {
        let images = workload.below(*pod, "containers[]/image");
        images.iter().filter_map(|image| workload.tree.text(*image)).any(is_its)
    })
}
