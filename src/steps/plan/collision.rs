//! No two Secrets of one name: not among what we make, nor with what is there.

use std::collections::{BTreeMap, BTreeSet};

use super::lifted::HELM_HOOK;
use crate::error::{Problem, Problems};
use crate::hosts::{Duplicates, Job};
use crate::model::{Inventory, ManifestId, Origin, Plan, Stream};

/// Every Secret that would be provided twice.
pub(super) fn all(stream: &Stream, inventory: &Inventory, plan: &Plan, job: &Job) -> Problems {
    let mut problems = Problems::default();
    // Where objects go that write none.
    let namespace = job.terms.namespace.as_deref();
    let replaced = plan.provisions.iter().filter_map(|provision| match provision.origin {
        Origin::Replaced(id) => Some(id),
        Origin::Lifted(_) | Origin::Promoted(_) => None,
    });
    let superseded = plan.provisions.iter().filter_map(|provision| provision.supersedes);
    let replaced: BTreeSet<ManifestId> = replaced.chain(superseded).collect();
    let hooks = plan.provisions.iter().filter(|provision| provision.metadata.annotation(HELM_HOOK).is_some());
    let hooks: BTreeSet<ManifestId> = hooks.map(|provision| provision.origin.manifest()).collect();
    let mut taken: BTreeMap<(&str, Option<&str>), ManifestId> = BTreeMap::new();
    for provider in inventory.provides.iter().filter(|provider| !replaced.contains(&provider.manifest)) {
        taken.insert((provider.name, provider.namespace.or(namespace)), provider.manifest);
    }
    for provision in &plan.provisions {
        let secret = &provision.secret;
        let id = provision.origin.manifest();
        // A hook is there at another time than the rest.
        let fits = |other| {
            let tolerated = job.terms.duplicates == Duplicates::Tolerated && replaced.contains(&id);
            tolerated && replaced.contains(&other) && (hooks.contains(&id) || hooks.contains(&other))
        };
        if let Some(other) = taken.insert((&secret.name, secret.namespace.as_deref().or(namespace)), id)
            && !fits(other)
        {
            let other = stream.tell_object(other);
            problems.push(
                Problem::new(format!("the Secret \"{}\" is already provided by {other}", secret.name))
                    .hint("remove one of them, or rename the Secret")
                    .at(stream.tell_object(id)),
            );
        }
    }
    problems
}
