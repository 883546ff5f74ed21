//! What follows from the values themselves, by a key: the suffix of a Secret's name, or a checksum in a pod template.

use std::collections::BTreeMap;

use super::Restarts;
use crate::error::{Problem, Problems};
use crate::hosts::Job;
use crate::model::{Inventory, ManifestId, Object, Plan, Provision, Stream, ignored};
use crate::seal::{Tagged, checksum};
use crate::settings::{Allowed, Controller};
use crate::steps::emit::{self, PREVIEW};
use crate::steps::fetch::{Fetched, Mode};
use crate::steps::mention::Mentions;
use crate::targets;

/// The checksum of each workload.
#[derive(Default)]
pub struct Checksums(pub(super) BTreeMap<ManifestId, String>);

/// Gives Secrets their suffixes, or workloads their checksums, where the settings ask for one of them.
///
/// # Errors
/// A value is not known here, or there is no key.
pub fn settle(
    stream: &Stream,
    plan: &mut Allowed<Plan>,
    fetched: &Fetched,
    (restarts, inventory): (&Restarts, &Inventory),
    job: &Job,
) -> Result<Checksums, Problems> {
    let mut problems = Problems::default();
    let mut checksums = Checksums::default();
    match job.settings.reload.map(|reload| reload.controller) {
        Some(Controller::Suffix) => {
            problems.extend(left_behind(stream, plan, (restarts, inventory), job.terms.namespace.as_deref()));
            for number in restarts.provisions() {
                let Some(provision) = plan.provisions.get(number) else { continue };
                let tagged = tagged(provision, fetched);
                if let Some(tagged) = problems.keep(tagged.map_err(|problem| at(stream, provision, problem))) {
                    let suffix = tagged.map_or(PREVIEW.to_owned(), |tagged| tagged.suffix(true));
                    plan.suffix(number, &suffix);
                }
            }
        }
        Some(Controller::Checksum) => {
            for (workload, numbers) in &restarts.0 {
                let mut all = vec![];
                for provision in numbers.iter().filter_map(|number| plan.provisions.get(*number)) {
                    let tagged = tagged(provision, fetched);
                    all.extend(problems.keep(tagged.map_err(|problem| at(stream, provision, problem))).flatten());
                }
                all.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
                let sum = if all.is_empty() { PREVIEW.to_owned() } else { checksum(&all) };
                checksums.0.insert(*workload, sum);
            }
        }
        Some(Controller::Reloader | Controller::Wave) | None => {}
    }
    problems.or(checksums)
}

/// What names a Secret that gets another name, where nobody knows that it does.
fn left_behind(
    stream: &Stream,
    plan: &Plan,
    (restarts, inventory): (&Restarts, &Inventory),
    namespace: Option<&str>,
) -> Problems {
    let mentions = Mentions::new(stream);
    let mut problems = Problems::default();
    for provision in restarts.provisions().into_iter().filter_map(|number| plan.provisions.get(number)) {
        let secret = &provision.secret;
        let known = inventory.uses_of(Object::Secrets, (secret.namespace.as_deref(), &secret.name), namespace);
        let beside = mentions.beside(stream, secret, known, namespace).into_iter();
        for place in beside.filter(|place| place.manifest != provision.origin.manifest()) {
            let tree = stream.get(place.manifest).and_then(|manifest| manifest.tree().ok());
            if !tree.is_some_and(ignored) {
                let what = format!("the object names the Secret \"{}\", which gets another name", secret.name);
                let hint =
                    "list the place in the settings, under consumers, or mark the object with sealref.dev/ignore";
                problems.push(Problem::new(what).hint(hint).at(stream.tell(place)));
            }
        }
    }
    problems
}

fn at(stream: &Stream, provision: &Provision, problem: Problem) -> Problem {
    problem.at(stream.tell_object(provision.origin.manifest()))
}

/// The tags of a Secret; None in a preview.
fn tagged(provision: &Provision, fetched: &Fetched) -> Result<Option<Tagged>, Problem> {
    let seals = targets::find(provision.target.0)?.seals();
    let Some(seals) = fetched.seals.as_ref().filter(|_| seals) else {
        let what = format!(
            "the values of an {} are not known here, and the reload is to follow from them",
            provision.target.0
        );
        return Err(Problem::new(what).hint("choose reload: {controller: Reloader}, which looks in the cluster"));
    };
    let keyring = match &seals.mode {
        Mode::Derived(keyring) => keyring,
        Mode::Preview => return Ok(None),
        Mode::Randomised => {
            return Err(Problem::new("a suffix or a checksum needs a sealing key, and ciphertexts are randomised")
                .hint(
                    "nothing is ever hashed without a key: set sealing.key, or choose reload: {controller: Reloader}",
                ));
        }
    };
    emit::tagged(&fetched.values, keyring, provision).map(Some)
}
