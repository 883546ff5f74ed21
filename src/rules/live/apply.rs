//! What whoever applies the stream may not make: the API server lets nobody give what he does not have.
//!
//! Source: `pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased` and
//! `pkg/registry/rbac/escalation_check.go` of kubernetes/kubernetes.

use super::{Deployer, Live};
use crate::error::Problem;
use crate::model::Place;
use crate::rules::rbac::{Access, Binding, GROUP, Object, PolicyRule, Request, Resource, Role, User};
use crate::rules::table::tell_at;
use crate::rules::{Finding, View};

/// A role or a binding that the stream makes or changes.
struct Made<'a> {
    place: Place,
    /// `RoleBinding shop/web binds ClusterRole edit`.
    what: String,
    /// What writing it takes.
    write: Request<'a>,
    /// What writing it takes, whatever it grants.
    instead: Request<'a>,
    /// What it grants, where the deployer has to have that too: right by right.
    grants: Vec<Request<'a>>,
}

pub(super) fn check(
    view: &View,
    live: &Live,
    today: Option<&Access>,
    tell: &mut dyn FnMut(Finding),
) -> Result<(), Problem> {
    if let Some(today) = today {
        rebound(view, today, tell);
    }
    let user = match &live.deployer {
        Deployer::Asking(user) => user.as_ref(),
        Deployer::Named(user) => Some(user),
    };
    if user.is_some_and(|user| user.groups.iter().any(|group| group == "system:masters")) {
        return Ok(());
    }
    let who = user.map_or_else(|| "whoever asks".to_owned(), |user| format!("User {}", user.name));
    let then = view.access();
    let made: Vec<Made> = roles(then, today).chain(bindings(then, today)).collect();
    let written = live.deployer_may(&made.iter().map(|one| one.write).collect::<Vec<_>>())?;
    let instead = live.deployer_may(&made.iter().map(|one| one.instead).collect::<Vec<_>>())?;
    for ((one, written), instead) in made.iter().zip(written).zip(instead) {
        let message = if written {
            let lacks = if instead { vec![] } else { lacking(live, today.zip(user), &one.grants)? };
            (!lacks.is_empty())
                .then(|| format!("{who} may not apply this: {}, and {who} lacks {}", one.what, told(&lacks)))
        } else {
            Some(format!("{who} may not {} this", one.write.verb))
        };
        if let Some(message) = message {
            tell_at(view, "live/deployer", Some(one.place), Problem::new(message), tell);
        }
    }
    Ok(())
}

/// Roles that are new or that change; what stays as it is nobody judges again.
fn roles<'a>(then: &'a Access, today: Option<&'a Access>) -> impl Iterator<Item = Made<'a>> {
    then.roles().iter().filter_map(move |role| {
        let place = role.place?;
        let known = today.and_then(|today| today.role(role.namespace.as_deref(), &role.name));
        if known.is_some_and(|known| is_same_role(known, role)) {
            return None;
        }
        let resource = if role.namespace.is_some() { "roles" } else { "clusterroles" };
        let (namespace, name) = (role.namespace.as_deref().unwrap_or_default(), role.name.as_str());
        let (verb, name) = if known.is_some() { ("patch", name) } else { ("create", "") };
        let grants = match &role.aggregates {
            // Whatever anybody labels later is in it
            Some(_) => everything(),
            None => role.rules.iter().flat_map(|held| rights(&held.rule, namespace)).collect(),
        };
        let what = if role.aggregates.is_some() { "it aggregates whatever others write" } else { "it grants that" };
        Some(Made {
            place,
            what: what.to_owned(),
            write: on(verb, resource, namespace, name),
            instead: on("escalate", resource, namespace, name),
            grants,
        })
    })
}

fn bindings<'a>(then: &'a Access, today: Option<&'a Access>) -> impl Iterator<Item = Made<'a>> {
    then.bindings().filter_map(move |(binding, role)| {
        let place = binding.place?;
        let known = known(today, binding);
        let parts = |binding: &'a Binding| (&binding.role_kind, &binding.role, &binding.subjects);
        if known.is_some_and(|known| parts(known) == parts(binding)) {
            return None;
        }
        let resource = if binding.namespace.is_some() { "rolebindings" } else { "clusterrolebindings" };
        let namespace = binding.namespace.as_deref().unwrap_or_default();
        let (verb, name) = if known.is_some() { ("patch", binding.name.as_str()) } else { ("create", "") };
        let bound = if binding.role_kind == "Role" { "roles" } else { "clusterroles" };
        let rules = role.into_iter().flat_map(|role| &role.rules);
        Some(Made {
            place,
            what: format!("it binds {} {}", binding.role_kind, binding.role),
            write: on(verb, resource, namespace, name),
            instead: on("bind", bound, namespace, &binding.role),
            grants: rules.flat_map(|held| rights(&held.rule, namespace)).collect(),
        })
    })
}

/// The binding of the same name that the cluster has.
fn known<'a>(today: Option<&'a Access>, binding: &Binding) -> Option<&'a Binding> {
    let mut all = today?.bindings().map(|(known, _)| known);
    all.find(|known| known.namespace == binding.namespace && known.name == binding.name)
}

/// No binding is ever given another role.
fn rebound(view: &View, today: &Access, tell: &mut dyn FnMut(Finding)) {
    for (binding, _) in view.access().bindings().filter(|(binding, _)| binding.place.is_some()) {
        let known = known(Some(today), binding);
        let other = |known: &&Binding| (&known.role_kind, &known.role) != (&binding.role_kind, &binding.role);
        if let Some(known) = known.filter(other) {
            let message = format!("the cluster's binding of this name is to {} {}", known.role_kind, known.role);
            tell_at(view, "live/role-ref", binding.place, Problem::new(message), tell);
        }
    }
}

fn is_same_role(known: &Role, role: &Role) -> bool {
    let rules = |role: &Role| role.rules.iter().map(|held| held.rule.clone()).collect::<Vec<_>>();
    known.aggregates == role.aggregates && (role.aggregates.is_some() || rules(known) == rules(role))
}

fn on<'a>(verb: &'a str, resource: &'a str, namespace: &'a str, name: &'a str) -> Request<'a> {
    Request { verb, object: Object::Resource(Resource { group: GROUP, resource, subresource: "", namespace, name }) }
}

/// A rule, right by right: a star, or a rule without names, is only had by who has the same.
fn rights<'a>(rule: &'a PolicyRule, namespace: &'a str) -> Vec<Request<'a>> {
    let names: Vec<&str> =
        if rule.names.is_empty() { vec![""] } else { rule.names.iter().map(String::as_str).collect() };
    let mut rights = vec![];
    for verb in &rule.verbs {
        rights.extend(rule.urls.iter().map(|url| Request { verb, object: Object::Path(url) }));
        for (group, resource) in rule.groups.iter().flat_map(|group| rule.resources.iter().map(move |one| (group, one)))
        {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            rights.extend(names.iter().map(|name| {
                let resource = Resource { group, resource, subresource, namespace, name };
                Request { verb, object: Object::Resource(resource) }
            }));
        }
    }
    rights
}

fn everything() -> Vec<Request<'static>> {
    let resource = Resource { group: "*", resource: "*", subresource: "", namespace: "", name: "" };
    vec![Request { verb: "*", object: Object::Resource(resource) }, Request { verb: "*", object: Object::Path("*") }]
}

/// The rights that the deployer does not have: by the cluster's roles, which alone count; where they are not known, by
/// what the cluster answers.
fn lacking<'m, 'a>(
    live: &Live,
    known: Option<(&Access, &User)>,
    grants: &'m [Request<'a>],
) -> Result<Vec<&'m Request<'a>>, Problem> {
    let has = match known {
        Some((today, user)) => {
            let reach = today.reach(user);
            grants.iter().map(|right| reach.allows(right).is_some()).collect()
        }
        None => live.deployer_may(grants)?,
    };
    Ok(grants.iter().zip(has).filter(|(_, has)| !has).map(|(right, _)| right).collect())
}

/// The first three, as they would stand in a rule.
fn told(rights: &[&Request]) -> String {
    let one = |right: &&Request| {
        let verbs = vec![right.verb.to_owned()];
        let rule = match &right.object {
            Object::Path(path) => PolicyRule { urls: vec![(*path).to_owned()], verbs, ..PolicyRule::default() },
            Object::Resource(Resource { group, resource, subresource, name, .. }) => PolicyRule {
                groups: vec![(*group).to_owned()],
                names: Some((*name).to_owned()).filter(|name| !name.is_empty()).into_iter().collect(),
                resources: vec![if subresource.is_empty() {
                    (*resource).to_owned()
                } else {
                    format!("{resource}/{subresource}")
                }],
                urls: vec![],
                verbs,
            },
        };
        rule.to_string()
    };
    let first: Vec<String> = rights.iter().take(3).map(one).collect();
    let more = rights.len() - first.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", first.join("; "))
}
