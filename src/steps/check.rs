//! The whole is checked before a byte goes out. The only place that makes a [`Checked`].

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::emit::Outcome;
use crate::error::{Exit, Problem, Problems};
use crate::limits;
use crate::model::{Fate, Identity, Inventory, Lift, Made, ManifestId, Plan, Stream, Watch};
use crate::yaml::{Syntax, Tree};

/// Output that was checked. Its fields are private to this file: nobody else can make one.
pub struct Checked(Vec<Out>);

/// One manifest on its way out.
pub struct Out {
    /// Objects that go before it.
    pub before: Vec<String>,
    /// What stands for it; None: it goes out byte for byte.
    pub instead: Option<Vec<String>>,
}

impl Checked {
    /// The texts, one for each manifest that came in.
    #[must_use]
    pub fn into_inner(self) -> Vec<Out> {
        self.0
    }
}

/// Checks that nothing is lost, nothing collides, no value shows and every object reads back.
pub fn check(stream: &Stream, plan: &Plan, inventory: &Inventory, outcome: Outcome) -> Result<Checked, Problems> {
    let Outcome { fates, watch } = outcome;
    let mut problems = Problems::default();
    if fates.len() != stream.manifests.len() {
        problems.push(bug("the numbers of objects that came in and of those that would go out differ"));
    }
    problems.extend(collisions(stream, inventory, fates.made()));
    let made: Vec<(ManifestId, &Made)> = fates.made().collect();
    let wrong: Vec<Problem> = made.par_iter().filter_map(|(id, made)| judge(stream, *id, made, &watch)).collect();
    problems.extend(wrong.into_iter().collect());
    let mut outs = Vec::with_capacity(stream.manifests.len());
    for (id, manifest) in (0..).map(ManifestId).zip(&stream.manifests) {
        let before = fates.before(id).iter().map(|made| made.text.clone()).collect();
        let instead = match fates.of(id) {
            None | Some(Fate::Kept) => None,
            Some(Fate::Replaced(first, rest)) => {
                Some(std::iter::once(first).chain(rest).map(|made| made.text.clone()).collect())
            }
            Some(Fate::Edited(edits)) => {
                let edited = manifest.tree().map_err(Clone::clone).and_then(|tree| edits.apply(tree, manifest.syntax));
                let edited = edited.map_err(|fault| stream.problem(manifest, &fault));
                let edited = problems.keep(edited).map(|applied| applied.text);
                if let Some(text) = &edited {
                    problems.keep(unlifted(stream, plan, id, text, manifest.syntax));
                    problems.keep(unseen(stream, id, text, manifest.text, &watch));
                }
                edited.map(|text| vec![text])
            }
        };
        outs.push(Out { before, instead });
    }
    problems.or(Checked(outs))
}

fn bug(what: &str) -> Problem {
    Problem::new(format!("internal: {what}; nothing was written"))
        .hint("this is a bug in sealref, please report it with the output of `sealref explain`, which holds no values")
        .exit(Exit::Bug)
}

/// What we make meets neither itself nor what is there.
fn collisions<'m>(
    stream: &Stream,
    inventory: &Inventory,
    made: impl Iterator<Item = (ManifestId, &'m Made)>,
) -> Problems {
    let mut problems = Problems::default();
    let mut seen: BTreeMap<&Identity, ManifestId> = BTreeMap::new();
    for (id, made) in made {
        let there = inventory.by_identity.get(&made.identity).copied();
        let twice = seen.insert(&made.identity, id);
        if let Some(other) = there.or(twice) {
            let other = stream.tell_object(other);
            problems.push(
                Problem::new(format!("{} would be made a second time: {other} is it already", made.identity))
                    .hint("remove one of them, or rename the Secret")
                    .at(stream.tell_object(id)),
            );
        }
    }
    problems
}

/// An object that we made reads back as what it is meant to be, and shows no value.
fn judge(stream: &Stream, id: ManifestId, made: &Made, watch: &Watch) -> Option<Problem> {
    let at = || stream.tell_object(id);
    let manifest = stream.get(id)?;
    let Ok(tree) = Tree::parse(&made.text, manifest.syntax) else {
        return Some(bug("an object that was made does not read back").at(at()));
    };
    let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node));
    let same = text(&["kind"]) == Some(&made.identity.kind)
        && text(&["metadata", "name"]) == Some(&made.identity.name)
        && text(&["metadata", "namespace"]) == made.identity.namespace.as_deref();
    if !same {
        return Some(bug("an object that was made reads back as another one").at(at()));
    }
    let annotations = tree.at(tree.root(), &["metadata", "annotations"]);
    let size: usize = annotations.map_or(0, |map| {
        let length = |(key, value)| tree.key(key).len() + tree.raw(value).map_or(0, str::len);
        tree.entries(map).into_iter().map(length).sum()
    });
    if size > limits::ANNOTATIONS {
        return Some(
            Problem::new("the annotations are larger than the API server takes")
                .hint("256 KiB in all; remove some")
                .at(at()),
        );
    }
    unseen(stream, id, &made.text, manifest.text, watch).err()
}

/// No value that was fetched stands in a text, unless it stood in the manifest before.
fn unseen(stream: &Stream, id: ManifestId, text: &str, original: &str, watch: &Watch) -> Result<(), Problem> {
    if !watch.sees_more(text, original) {
        return Ok(());
    }
    Err(Problem::new("a value that was fetched would stand in the output in plain")
        .hint("is a name, a label or an annotation equal to a secret? nothing was written")
        .at(stream.tell_object(id)))
}

/// Each lifted value points to its Secret in the text that goes out.
fn unlifted(stream: &Stream, plan: &Plan, id: ManifestId, text: &str, syntax: Syntax) -> Result<(), Problem> {
    let of = |lift: &&Lift| matches!(lift, Lift::Key { place, .. } if place.manifest == id);
    let wanted = plan.lifts.iter().filter(of).count();
    let Ok(tree) = Tree::parse(text, syntax) else {
        return Err(bug("an object that was edited does not read back").at(stream.tell_object(id)));
    };
    let points = |lift: &&Lift| match lift {
        Lift::Key { place, name, key, .. } if place.manifest == id => tree.nodes().any(|node| {
            let at = |field| tree.get(node, field).and_then(|node| tree.text(node));
            at("name") == Some(name) && at("key") == Some(key)
        }),
        _ => false,
    };
    if plan.lifts.iter().filter(points).count() == wanted {
        return Ok(());
    }
    Err(bug("a value that was lifted does not point to its Secret").at(stream.tell_object(id)))
}
