//! Which object of one set is which of the other, and what workloads do about it.

use std::collections::{BTreeMap, BTreeSet};

use super::changed::changed;
use super::{Cause, Change, Object};
use crate::model::{Identity, annotation};

/// Every change, those of one cause together.
#[must_use]
pub fn compare(old: &[Object], new: &[Object]) -> Vec<Change> {
    let (mut before, mut after) = (by_identity(old), by_identity(new));
    let mut changes = vec![];
    let both: Vec<Key> = before.keys().filter(|key| after.contains_key(*key)).cloned().collect();
    for key in both {
        if let (Some(old), Some(new)) = (before.remove(&key), after.remove(&key)) {
            changes.extend(changed(old, new));
        }
    }
    // The first fit: another kind under the same name is graver than another name.
    for (cause, is) in [(Cause::Target, takes_over as fn(&Identity, &Identity) -> bool), (Cause::Name, is_renamed)] {
        let gone: Vec<Key> = before.keys().cloned().collect();
        for key in gone {
            let Some(old) = before.get(&key).copied() else { continue };
            let found = after.iter().find(|(_, new)| is(&old.identity, &new.identity));
            let Some((found, new)) = found.map(|(found, new)| (found.clone(), *new)) else { continue };
            before.remove(&key);
            after.remove(&found);
            let (from, to) = (&old.identity, &new.identity);
            changes.push(match cause {
                Cause::Target => Change::new(cause, to).told(from.kind.clone(), to.kind.clone()),
                _ => Change::new(cause, to).told(from.name.clone(), to.name.clone()),
            });
            if cause == Cause::Name {
                changes.extend(changed(old, new).into_iter().filter(|change| change.cause != Cause::Name));
            }
        }
    }
    changes.extend(after.values().map(|new| Change::new(Cause::Added, &new.identity)));
    changes.extend(before.values().map(|old| Change::new(Cause::Removed, &old.identity)));
    changes.extend(reloaded(new, &changes));
    changes.sort_by(|a, b| (a.cause, &a.object).cmp(&(b.cause, &b.object)));
    changes
}

/// Group, kind, namespace and name, and the how manieth of them it is.
type Key = (String, String, Option<String>, String, usize);

fn by_identity<'o, 's>(objects: &'o [Object<'s>]) -> BTreeMap<Key, &'o Object<'s>> {
    let mut found = BTreeMap::new();
    for object in objects {
        let Identity { kind, namespace, name, .. } = &object.identity;
        let key = |number| (object.identity.group().to_owned(), kind.clone(), namespace.clone(), name.clone(), number);
        let mut number = 0;
        while found.contains_key(&key(number)) {
            number += 1;
        }
        found.insert(key(number), object);
    }
    found
}

/// Kinds that give a Secret of their own name.
const SECRETS: [(&str, &str); 3] =
    [("", "Secret"), ("bitnami.com", "SealedSecret"), ("external-secrets.io", "ExternalSecret")];

fn takes_over(old: &Identity, new: &Identity) -> bool {
    let gives = |one: &Identity| SECRETS.iter().any(|(group, kind)| one.is(group, kind));
    gives(old) && gives(new) && (&old.namespace, &old.name) == (&new.namespace, &new.name)
}

/// The same object with another of the ten letters that stand for its content.
fn is_renamed(old: &Identity, new: &Identity) -> bool {
    let base = |name: &str| -> Option<String> {
        let (base, suffix) = name.rsplit_once('-')?;
        let hash = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
        (suffix.len() == SUFFIX && suffix.chars().all(hash)).then(|| base.to_owned())
    };
    let same = (old.group(), &old.kind, &old.namespace) == (new.group(), &new.kind, &new.namespace);
    same && base(&old.name).is_some_and(|old| base(&new.name) == Some(old))
}

/// Letters of the suffix that kustomize, and we, put behind a name.
const SUFFIX: usize = 10;

/// Workloads that Stakater Reloader starts anew for a value that changed, and that have not changed themselves.
fn reloaded(new: &[Object], changes: &[Change]) -> Vec<Change> {
    let restarted: BTreeSet<&str> =
        changes.iter().filter(|change| change.cause == Cause::Restart).map(|change| change.object.as_str()).collect();
    let values: BTreeSet<&str> = changes
        .iter()
        .filter(|change| change.cause == Cause::Value)
        .filter_map(|change| change.object.split_once(' ').map(|(_, place)| place))
        .collect();
    let mut found = vec![];
    for Object { identity, tree } in new {
        let Some(listed) = annotation(tree, "secret.reloader.stakater.com/reload") else { continue };
        let named = listed.split(',').map(|name| name.trim().replace('\\', ""));
        let here = named.filter(|name| {
            let place = identity.namespace.as_ref().map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            values.contains(place.as_str())
        });
        let here: Vec<String> = here.collect();
        if !here.is_empty() && !restarted.contains(identity.to_string().as_str()) {
            found.push(Change { parts: here, ..Change::new(Cause::Restart, identity) });
        }
    }
    found
}
