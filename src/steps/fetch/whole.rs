//! Whole secrets that are sealed: once they are read, each of their keys is one of the Secret.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Problems;
use crate::model::{Address, Item, Plan, Provision, Reference, Stream, Template};
use crate::settings::Allowed;
use crate::sources;
use crate::steps::plan;

/// The keys of each whole secret.
pub(super) type Known = BTreeMap<Address<'static>, Vec<String>>;

/// Gives Secrets the keys of the whole secrets that they take. As in External Secrets a key of its own wins, and of
/// several whole secrets the last one.
pub(super) fn add(stream: &Stream, plan: &mut Allowed<Plan>, sealed: &[usize], known: &Known) -> Problems {
    let mut problems = Problems::default();
    for &number in sealed {
        let Some(provision) = plan.provisions.get(number).filter(|provision| !provision.extracts.is_empty()) else {
            continue;
        };
        let items = items(provision, known);
        plan.add_keys(number, items);
        problems.extend(plan.provisions.get(number).map(|one| plan::all_keys(stream, one)).unwrap_or_default());
    }
    problems
}

fn items(provision: &Provision, known: &Known) -> Vec<Item<'static>> {
    let own: BTreeSet<&str> = provision.items.iter().map(|item| &*item.key).collect();
    let mut taken: BTreeMap<&str, &Reference> = BTreeMap::new();
    for reference in &provision.extracts {
        let keys = known.get(&sources::whole(&reference.address)).into_iter().flatten();
        taken.extend(keys.filter(|key| !own.contains(key.as_str())).map(|key| (key.as_str(), reference)));
    }
    let item = |(key, reference): (&str, &Reference)| Item {
        key: key.to_owned().into(),
        place: reference.place,
        template: Template::reference(reference.place, sources::key_of(&reference.address, key)),
    };
    taken.into_iter().map(item).collect()
}
