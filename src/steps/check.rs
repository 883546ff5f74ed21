//! The whole is checked before a byte goes out. The only place that makes a [`Checked`].

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::emit::Outcome;
use crate::error::{Exit, Problem, Problems};
use crate::hosts::{Duplicates, Terms};
use crate::model::{
    Afterwards, Fate, Fates, Identity, Inventory, Lift, Made, ManifestId, Origin, Plan, Provision, Stream, Watch,
};
use crate::yaml::{Edits, Syntax, Tree};

/// Output that was checked. Its field is private to this file: nobody else can make one.
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

/// Checks that nothing is lost, nothing collides, no value shows, and every edit says what it should.
/// What our writer makes whole is not read back: its tests do that, against both Go readers.
pub fn check(
    stream: &Stream,
    plan: &Plan,
    inventory: &Inventory,
    terms: &Terms,
    outcome: Outcome,
    warnings: &mut Problems,
) -> Result<Checked, Problems> {
    let Outcome { fates, watch } = outcome;
    let mut problems = Problems::default();
    if fates.len() != stream.manifests.len() {
        problems.push(bug("the numbers of objects that came in and of those that would go out differ"));
    }
    problems.extend(collisions(stream, inventory, &fates, terms.duplicates));
    for (_, made) in fates.made() {
        problems.extend(terms.afterwards.breaks(&made.identity).collect());
    }
    warnings.extend(missed(stream, plan, &fates, &terms.afterwards));
    let mut lifts: BTreeMap<ManifestId, Vec<&Lift>> = BTreeMap::new();
    for lift in &plan.lifts {
        lift.places().first().into_iter().for_each(|place| lifts.entry(place.manifest).or_default().push(lift));
    }
    let checker = Checker { stream, lifts, watch, namespace: terms.namespace.as_deref() };
    let fates: Vec<(ManifestId, Vec<Made>, Fate)> = fates.into_parts().collect();
    warnings.extend(checker.copies(&fates));
    let outs: Vec<Result<Out, Problem>> =
        fates.into_par_iter().map(|(id, before, fate)| checker.out(id, before, fate)).collect();
    let outs = outs.into_iter().filter_map(|out| problems.keep(out)).collect();
    problems.or(Checked(outs))
}

fn bug(what: &str) -> Problem {
    Problem::new(format!("internal: {what}; nothing was written"))
        .hint("this is a bug in sealref, please report it with the output of `sealref explain`, which holds no values")
        .exit(Exit::Bug)
}

/// What we make meets neither itself nor what is there.
fn collisions(stream: &Stream, inventory: &Inventory, fates: &Fates, duplicates: Duplicates) -> Problems {
    let mut problems = Problems::default();
    let mut seen = BTreeMap::new();
    for (id, made) in fates.made() {
        // What stands under the name of what it replaces is no second one.
        let there = inventory.by_identity.get(&made.identity).copied().filter(|there| *there != id);
        let Identity { api_version, kind, namespace, name } = &made.identity;
        // What differs most comes first.
        let twice = seen.insert((name, namespace, kind, api_version), id);
        let twice = twice.filter(|_| duplicates == Duplicates::Refused);
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

/// What would be changed of an object that is replaced.
fn missed(stream: &Stream, plan: &Plan, fates: &Fates, afterwards: &Afterwards) -> Problems {
    let stays = |provision: &&Provision| matches!(provision.origin, Origin::Lifted(_));
    let replaced = plan.provisions.iter().filter(|provision| !stays(provision));
    let replaced: BTreeSet<ManifestId> = replaced.map(|provision| provision.origin.manifest()).collect();
    let made = fates.made().filter(|(id, _)| replaced.contains(id));
    let both = made.filter_map(|(id, made)| Some((stream.get(id)?.identity().ok()?, &made.identity)));
    both.flat_map(|(before, by_then)| afterwards.misses(before, by_then)).collect()
}

struct Checker<'c, 's> {
    stream: &'c Stream<'s>,
    lifts: BTreeMap<ManifestId, Vec<&'c Lift>>,
    watch: Watch,
    namespace: Option<&'c str>,
}

impl Checker<'_, '_> {
    fn out(&self, id: ManifestId, before: Vec<Made>, fate: Fate) -> Result<Out, Problem> {
        let texts = |made: Vec<Made>| made.into_iter().map(|made| made.text).collect::<Vec<_>>();
        let before = texts(before);
        let instead = match fate {
            Fate::Kept => None,
            Fate::Edited(edits) => Some(vec![self.edited(id, &edits)?]),
            Fate::Replaced(first, rest) => Some(texts(std::iter::once(*first).chain(rest).collect())),
        };
        for text in before.iter().chain(instead.iter().flatten()) {
            self.unseen(id, text)?;
        }
        Ok(Out { before, instead })
    }

    /// Values that stood in plain text in what stays, whoever put them there: the first place of each.
    fn copies(&self, fates: &[(ManifestId, Vec<Made>, Fate)]) -> Problems {
        let mut told = BTreeSet::new();
        let mut copies = Problems::default();
        let stays = fates.iter().filter(|(.., fate)| !matches!(fate, Fate::Replaced(..)));
        for manifest in stays.filter_map(|(id, ..)| self.stream.get(*id)) {
            for (value, start) in self.watch.places(manifest.text) {
                if told.insert(value) {
                    let line = manifest.text.get(..start).map_or(1, |above| above.matches('\n').count() + 1);
                    let problem = Problem::new("a value that is sealed stands here in plain, or in base64")
                        .hint("put a reference there too: whoever reads this object knows the value");
                    copies.push(problem.at(self.stream.tell_line(manifest, line)));
                }
            }
        }
        copies
    }

    fn edited(&self, id: ManifestId, edits: &Edits) -> Result<String, Problem> {
        let manifest = self.stream.get(id).ok_or_else(|| bug("an edit of no object"))?;
        let edited = manifest.tree().map_err(Clone::clone).and_then(|tree| edits.apply(tree, manifest.syntax));
        let text = edited.map_err(|fault| self.stream.problem(manifest, &fault))?.text;
        self.unlifted(id, &text, manifest.syntax)?;
        Ok(text)
    }

    /// No value that was fetched stands in a text, unless it stood in the manifest before, or is a word
    /// that we write ourselves.
    fn unseen(&self, id: ManifestId, text: &str) -> Result<(), Problem> {
        let original = self.stream.get(id).map_or("", |manifest| manifest.text);
        if !self.watch.sees_more(text, original) {
            return Ok(());
        }
        let namespace = self.namespace.unwrap_or_default();
        if !self.watch.sees_more(text, &format!("{original}\n{namespace}\n{WORDS}")) {
            return Ok(());
        }
        Err(Problem::new("a value that was fetched would stand in the output in plain")
            .hint("is a name, a label or an annotation equal to a secret? nothing was written")
            .at(self.stream.tell_object(id)))
    }

    /// Each lifted value points to its Secret in the text that goes out.
    fn unlifted(&self, id: ManifestId, text: &str, syntax: Syntax) -> Result<(), Problem> {
        let wrong = |what| bug(what).at(self.stream.tell_object(id));
        let tree = Tree::parse(text, syntax).map_err(|_| wrong("an object that was edited does not read back"))?;
        let selectors: BTreeSet<(&str, &str)> = tree
            .nodes()
            .filter_map(|node| {
                let selector = tree.at(node, &["valueFrom", "secretKeyRef"]).unwrap_or(node);
                let at = |field| tree.get(selector, field).and_then(|node| tree.text(node));
                Some((at("name")?, at("key").or_else(|| at("valuesKey"))?))
            })
            .collect();
        let points = |lift: &Lift| match lift {
            Lift::Key { name, key, .. } => selectors.contains(&(name.as_str(), key.as_str())),
            Lift::Text { .. } => true,
        };
        let mut lifts = self.lifts.get(&id).into_iter().flatten();
        let all = lifts.all(|lift| points(lift));
        all.then_some(()).ok_or_else(|| wrong("a value that was lifted does not point to its Secret"))
    }
}

/// What stands in every object that we make.
const WORDS: &str = "apiVersion kind metadata name namespace labels annotations spec encryptedData template \
    immutable SealedSecret ExternalSecret bitnami.com/v1alpha1 external-secrets.io/v1 sealref.dev/sealed-for \
    sealref.dev/sealed-with sealedsecrets.bitnami.com/cluster-wide sealedsecrets.bitnami.com/namespace-wide";
