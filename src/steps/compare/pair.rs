//! Which object of one set is which of the other, and what workloads do about it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::changed::changed;
use super::{Cause, Change, Object};
use crate::error::Problem;
use crate::limits;
use crate::model::{Identity, annotation, unhashed};

/// Every change, those of one cause together.
///
/// # Errors
/// The aliases of an object make too much of it.
pub fn compare<'o>(old: &'o [Object<'o>], new: &'o [Object<'o>]) -> Result<Vec<Change>, Problem> {
    let (mut before, mut after) = (by_identity(old), by_identity(new));
    let mut left = old.iter().chain(new).map(|object| object.tree.nodes().count()).sum::<usize>() + limits::ALIASED;
    let mut changes = vec![];
    let both: Vec<Key> = before.keys().filter(|key| after.contains_key(*key)).copied().collect();
    for key in both {
        if let (Some(old), Some(new)) = (before.remove(&key), after.remove(&key)) {
            changes.extend(changed(old, new, &mut left)?);
        }
    }
    // Another kind under the same name is graver than another name.
    for (old, new) in moved(&mut before, &mut after, given) {
        let (from, to) = (&old.identity, &new.identity);
        changes.push(Change::new(Cause::Target, to).told(from.kind.clone(), to.kind.clone()));
    }
    for (old, new) in moved(&mut before, &mut after, hashed) {
        changes.extend(changed(old, new, &mut left)?);
    }
    changes.extend(after.values().map(|new| Change::new(Cause::Added, &new.identity)));
    changes.extend(before.values().map(|old| Change::new(Cause::Removed, &old.identity)));
    changes.extend(reloaded(new, &changes));
    changes.sort_by(|a, b| (a.cause, &a.object).cmp(&(b.cause, &b.object)));
    Ok(changes)
}

/// Group, kind, namespace and name.
type Named<'o> = (&'o str, &'o str, Option<&'o str>, &'o str);

/// The how manieth of them it is, too.
type Key<'o> = (Named<'o>, usize);

type Set<'o> = BTreeMap<Key<'o>, &'o Object<'o>>;

fn by_identity<'o>(objects: &'o [Object<'o>]) -> Set<'o> {
    let mut known: BTreeMap<Named, usize> = BTreeMap::new();
    let keyed = |object: &'o Object<'o>| {
        let Identity { kind, namespace, name, .. } = &object.identity;
        let named = (object.identity.group(), kind.as_str(), namespace.as_deref(), name.as_str());
        let number = known.entry(named).or_default();
        *number += 1;
        ((named, *number), object)
    };
    objects.iter().map(keyed).collect()
}

/// Takes out of both sets what is alike in them, the first of the one with the first of the other.
fn moved<'o>(
    before: &mut Set<'o>,
    after: &mut Set<'o>,
    mut alike: impl FnMut(&'o Identity) -> Option<Named<'o>>,
) -> Vec<(&'o Object<'o>, &'o Object<'o>)> {
    let mut fits: BTreeMap<Named, VecDeque<Key>> = BTreeMap::new();
    for (key, new) in after.iter() {
        if let Some(alike) = alike(&new.identity) {
            fits.entry(alike).or_default().push_back(*key);
        }
    }
    let gone: Vec<(Key, &'o Object)> = before.iter().map(|(key, old)| (*key, *old)).collect();
    let mut found = vec![];
    for (key, old) in gone {
        let fit = alike(&old.identity).and_then(|alike| fits.get_mut(&alike)?.pop_front());
        if let Some(new) = fit.and_then(|fit| after.remove(&fit)) {
            before.remove(&key);
            found.push((old, new));
        }
    }
    found
}

/// Kinds that give a Secret of their own name.
const SECRETS: [(&str, &str); 3] =
    [("", "Secret"), ("bitnami.com", "SealedSecret"), ("external-secrets.io", "ExternalSecret")];

/// The Secret that an object gives, whatever its own kind.
fn given(one: &Identity) -> Option<Named<'_>> {
    let gives = SECRETS.iter().any(|(group, kind)| one.is(group, kind));
    gives.then_some(("", "", one.namespace.as_deref(), one.name.as_str()))
}

/// The object without the ten letters that stand for its content; None where it has none.
fn hashed(one: &Identity) -> Option<Named<'_>> {
    Some((one.group(), one.kind.as_str(), one.namespace.as_deref(), unhashed(&one.name)?))
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Syntax, Tree};

    fn objects(count: usize, name: impl Fn(usize) -> String) -> Vec<Object<'static>> {
        let object = |number| {
            let identity = Identity {
                api_version: "v1".to_owned(),
                kind: "Secret".to_owned(),
                namespace: None,
                name: name(number),
            };
            let Ok(tree) = Tree::parse("{}", Syntax::Document) else { panic!("it parses") };
            Object { identity, tree }
        };
        (0..count).map(object).collect()
    }

    /// Each object is looked at once, however many have gone and come.
    #[test]
    fn looking_for_what_has_moved_is_linear() {
        let (old, new) = (objects(1000, |n| format!("a{n}-2222222222")), objects(1000, |n| format!("a{n}-4444444444")));
        let (mut before, mut after) = (by_identity(&old), by_identity(&new));
        let mut looked = 0;
        let found = moved(&mut before, &mut after, |one| {
            looked += 1;
            hashed(one)
        });
        assert_eq!((found.len(), before.len(), after.len(), looked), (1000, 0, 0, 2000));
        assert!(found.iter().all(|(old, new)| hashed(&old.identity) == hashed(&new.identity)));
    }

    #[test]
    fn objects_of_one_name_are_told_apart_by_their_number() {
        let all = objects(3, |_| "a".to_owned());
        let numbers: Vec<usize> = by_identity(&all).keys().map(|(_, number)| *number).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }

    /// Suffixes are those of kustomize (`api/hasher`): `mm2dt5h9bg` and the like.
    #[test]
    fn a_suffix_has_the_letters_of_a_hash() {
        for (name, is) in
            [("app-mm2dt5h9bg", true), ("app-production", false), ("app-monitoring", false), ("app-2222", false)]
        {
            let one = &objects(1, |_| name.to_owned())[0].identity;
            assert_eq!(hashed(one).is_some(), is, "{name}");
        }
    }
}
