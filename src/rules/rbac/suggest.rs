//! The smallest rights that ServiceAccounts need to read Secrets, and what of the roles that stand there goes beyond.
//!
//! A need is a Secret that somebody reads through the API; who mounts one, or has it in his environment, needs no right.
//! Only reading is judged; whatever else a role grants stays.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Access, Grant, User};
use super::object::{Binding, Held, Role, Subject};
use super::policy::PolicyRule;
use super::question::{Question, READ};

/// Secrets, by namespace and name, that each ServiceAccount reads.
pub type Needs = BTreeMap<Subject, BTreeSet<(String, String)>>;

/// What would have to change.
#[derive(Default)]
pub struct Suggestion<'a> {
    /// Roles of the stream with the rules that they keep.
    pub narrowed: Vec<(&'a Role, Vec<PolicyRule>)>,
    /// Who lacks which right then: the names by ServiceAccount and namespace.
    pub added: BTreeMap<(Subject, String), BTreeSet<String>>,
    /// What each ServiceAccount has and does not need.
    pub taken: Vec<(Subject, Grant<'a>)>,
    /// What goes beyond and cannot be taken away by changing one role, and why.
    pub left: Vec<(Subject, Grant<'a>, &'static str)>,
}

/// Compares what ServiceAccounts may read with what they need.
#[must_use]
pub fn suggest<'a>(access: &'a Access, needs: &Needs) -> Suggestion<'a> {
    let mut found = Suggestion::default();
    for role in access.roles().iter().filter(|role| role.rules.iter().any(|held| held.rule.reads_secrets())) {
        if why_left(access, role).is_some() {
            continue;
        }
        let users: Vec<(&Binding, &Subject)> = users(access, role).collect();
        let rules: Vec<PolicyRule> = role.rules.iter().flat_map(|held| kept(&held.rule, &users, needs)).collect();
        if !users.is_empty() && !role.rules.iter().map(|held| &held.rule).eq(&rules) {
            found.narrowed.push((role, rules));
        }
    }
    let accounts = access.subjects().into_iter().chain(needs.keys()).filter(|one| is_account(one));
    for account in accounts.collect::<BTreeSet<_>>() {
        let user = User::of(account);
        let reach = access.reach(&user);
        let places: BTreeSet<&str> = reach.namespaces().into_iter().chain([""]).collect();
        for namespace in places {
            // What the stream has no part in is nobody's to change.
            let own = |grant: &Grant<'a>| grant.binding.namespace.as_deref().unwrap_or_default() == namespace;
            for grant in reach.rules(namespace).filter(own).filter(Grant::is_ours) {
                if !goes_beyond(&grant, account, needs) {
                    continue;
                }
                match why_left(access, grant.role) {
                    Some(why) => found.left.push((account.clone(), grant, why)),
                    None => found.taken.push((account.clone(), grant)),
                }
            }
        }
        for (namespace, name) in needs.get(account).into_iter().flatten() {
            let question = Question { namespace, name, keys: None };
            let request = question.request("get");
            let still = reach.rules(namespace).any(|grant| match found.narrowed_rules(grant.role) {
                Some(rules) => rules.iter().any(|rule| rule.allows(&request)),
                None => grant.held.rule.allows(&request),
            });
            if !still {
                found.added.entry((account.clone(), namespace.clone())).or_default().insert(name.clone());
            }
        }
    }
    found
}

impl Suggestion<'_> {
    fn narrowed_rules(&self, role: &Role) -> Option<&[PolicyRule]> {
        let mut narrowed = self.narrowed.iter();
        narrowed.find(|(one, _)| std::ptr::eq(*one, role)).map(|(_, rules)| rules.as_slice())
    }
}

fn is_account(subject: &Subject) -> bool {
    matches!(subject, Subject::ServiceAccount(..))
}

fn has_star(list: &[String]) -> bool {
    list.iter().any(|item| item == "*")
}

/// Who has a role, and through which binding.
fn users<'a>(access: &'a Access, role: &'a Role) -> impl Iterator<Item = (&'a Binding, &'a Subject)> {
    let its = access.bindings().filter(|(_, bound)| bound.is_some_and(|bound| std::ptr::eq(bound, role)));
    its.flat_map(|(binding, _)| binding.subjects.iter().map(move |subject| (binding, subject)))
}

/// Why a role cannot be narrowed for the ServiceAccounts that have it.
fn why_left(access: &Access, role: &Role) -> Option<&'static str> {
    let mut reading = role.rules.iter().map(|held: &Held| &held.rule).filter(|rule| rule.reads_secrets());
    let selects = |other: &Role| {
        let mut selectors = other.aggregates.iter().flatten();
        role.namespace.is_none() && selectors.any(|selector| selector.selects(&role.labels))
    };
    Some(match () {
        () if role.place.is_none() => "the role is not in the stream: bind one that lists what is needed",
        () if role.aggregates.is_some() => "the role is made of others: bind one that lists what is needed",
        () if access.roles().iter().any(selects) => "other roles are made of this one: bind one of its own",
        () if users(access, role).any(|(_, subject)| !is_account(subject)) => {
            "people or groups have the role too: bind one of its own"
        }
        () if reading.any(|rule| has_star(&rule.resources) || has_star(&rule.groups)) => {
            "a wildcard covers Secrets: list the resources that are needed"
        }
        () => return None,
    })
}

/// Does a right to read go beyond the needs of whoever has it?
fn goes_beyond(grant: &Grant, account: &Subject, needs: &Needs) -> bool {
    let rule = &grant.held.rule;
    let one = [(grant.binding, account)];
    rule.reads_secrets() && (rule.names.is_empty() || rule.names.iter().any(|name| !needed_by_all(name, &one, needs)))
}

/// Does everybody who has a rule need the Secret of this name, where his binding holds?
fn needed_by_all(name: &str, users: &[(&Binding, &Subject)], needs: &Needs) -> bool {
    users.iter().all(|(binding, subject)| {
        let own = binding.namespace.clone().zip(needs.get(subject));
        own.is_some_and(|(namespace, needed)| needed.contains(&(namespace, name.to_owned())))
    })
}

/// What stays of a rule: everything but reading Secrets that not all need.
fn kept(rule: &PolicyRule, users: &[(&Binding, &Subject)], needs: &Needs) -> Vec<PolicyRule> {
    let (needed, beyond): (Vec<String>, Vec<String>) =
        rule.names.iter().cloned().partition(|name| needed_by_all(name, users, needs));
    if !rule.reads_secrets() || !rule.names.is_empty() && beyond.is_empty() {
        return vec![rule.clone()];
    }
    let secrets = || vec!["secrets".to_owned()];
    let others: Vec<String> = rule.resources.iter().filter(|one| *one != "secrets").cloned().collect();
    let writes: Vec<String> =
        rule.verbs.iter().filter(|verb| *verb != "*" && !READ.contains(&verb.as_str())).cloned().collect();
    let mut kept = vec![];
    if !others.is_empty() {
        kept.push(PolicyRule { resources: others, ..rule.clone() });
    }
    if !needed.is_empty() {
        kept.push(PolicyRule { resources: secrets(), names: needed, ..rule.clone() });
    }
    if !writes.is_empty() {
        kept.push(PolicyRule { resources: secrets(), names: beyond, verbs: writes, ..rule.clone() });
    }
    kept
}
