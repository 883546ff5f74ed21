//! Who reads many Secrets by a right of his own: one finding for each subject and place, at the binding.

use super::rbac::{Access, Grant, PolicyRule, Question, READ, Reach, Subject, User};
use super::table::tell_at;
use super::{Finding, View};
use crate::error::Problem;

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let access = view.access();
    for subject in access.subjects() {
        let reach = access.reach(&User::of(subject));
        for (rule, grant, what) in readings(subject, &reach) {
            let verbs = grant.held.rule.verbs.join(", ").replace('*', "do anything with");
            let message = format!("{subject} may {verbs} {what}, by {}", grant.role);
            tell_at(view, rule, grant.binding.place.or(grant.held.place), Problem::new(message), tell);
        }
    }
    roles(view, access, tell);
    for (binding, _) in access.bindings() {
        if binding.subjects.contains(&Subject::Group("system:masters".to_owned())) {
            let message = "the binding is for system:masters, which no binding limits".to_owned();
            tell_at(view, "rbac/masters-bound", binding.place, Problem::new(message), tell);
        }
    }
}

fn readings<'a>(subject: &Subject, reach: &Reach<'a>) -> Vec<(&'static str, Grant<'a>, String)> {
    let direct = |namespace| {
        let question = Question { namespace, name: "", keys: None };
        question.direct(reach, &READ).filter(Grant::is_ours)
    };
    let open = open_to(subject);
    if let Some(grant) = direct("") {
        let usual =
            if is_everything(&grant.held.rule) { "rbac/cluster-admin" } else { "rbac/secrets-readable-cluster-wide" };
        return vec![(open.unwrap_or(usual), grant, "every Secret of the cluster".to_owned())];
    }
    let mut told = vec![];
    for namespace in reach.namespaces() {
        if let Some(grant) = direct(namespace) {
            let lists = matches!(subject, Subject::Group(_) | Subject::User(_)) && grant.held.rule.has_verb("list");
            let usual = if lists { "rbac/secrets-listed-by-people" } else { "rbac/secrets-readable-in-namespace" };
            told.push((open.unwrap_or(usual), grant, format!("every Secret of namespace {namespace}")));
        } else if let Some(open) = open {
            // Even a single one is too much for everybody.
            let named = reach.rules(namespace).filter(Grant::is_ours).find(|grant| grant.held.rule.reads_secrets());
            told.extend(named.map(|grant| {
                (open, grant, format!("Secrets {} of namespace {namespace}", grant.held.rule.names.join(", ")))
            }));
        }
    }
    told
}

fn is_everything(rule: &PolicyRule) -> bool {
    let all = |list: &[String]| list.iter().any(|item| item == "*");
    all(&rule.verbs) && all(&rule.groups) && all(&rule.resources) && rule.names.is_empty()
}

/// Subjects that are more than one somebody.
fn open_to(subject: &Subject) -> Option<&'static str> {
    match subject {
        Subject::Group(name) if matches!(name.as_str(), "system:authenticated" | "system:unauthenticated") => {
            Some("rbac/secrets-open-to-everybody")
        }
        Subject::User(name) if name == "system:anonymous" => Some("rbac/secrets-open-to-everybody"),
        Subject::Group(name) if name.starts_with("system:serviceaccounts") => Some("rbac/secrets-open-to-all-accounts"),
        Subject::ServiceAccount(_, name) if name == "default" => Some("rbac/secrets-open-to-default-account"),
        _ => None,
    }
}

/// What is wrong with a role whoever has it.
fn roles(view: &View, access: &Access, tell: &mut dyn FnMut(Finding)) {
    let star = |list: &[String]| list.iter().any(|item| item == "*");
    for role in access.roles().iter().filter(|role| role.aggregates.is_none()) {
        let views = role.labels.get("rbac.authorization.k8s.io/aggregate-to-view").is_some_and(|label| label == "true");
        if let Some(held) = role.rules.iter().find(|held| views && held.rule.reads_secrets()) {
            let problem = Problem::new(format!("{role} lets whoever may view a namespace read its Secrets"));
            tell_at(view, "rbac/secrets-in-view", held.place, problem, tell);
        }
        let held = role.rules.iter().find(|held| {
            let rule = &held.rule;
            !is_everything(rule)
                && rule.reads_secrets()
                && (star(&rule.resources) || star(&rule.groups) || star(&rule.verbs))
        });
        if let Some(held) = held {
            let problem = Problem::new(format!("{role} gives Secrets away with a wildcard: {}", held.rule));
            tell_at(view, "rbac/secrets-by-wildcard", held.place, problem, tell);
        }
    }
}
