//! What follows from the values themselves, by a key: the suffix of a Secret's name, or a checksum in a pod template.

use std::collections::BTreeMap;

use super::Restarts;
use crate::error::{Problem, Problems};
use crate::model::{ManifestId, Plan, Provision, Stream};
use crate::seal::{Material, Tagged, checksum};
use crate::settings::{Allowed, Controller, Settings};
use crate::steps::emit::{DOMAIN, PREVIEW};
use crate::steps::fetch::{Fetched, Mode};
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
    restarts: &Restarts,
    settings: &Settings,
) -> Result<Checksums, Problems> {
    let mut problems = Problems::default();
    let mut checksums = Checksums::default();
    match settings.reload.map(|reload| reload.controller) {
        Some(Controller::Suffix) => {
            for number in restarts.provisions() {
                let Some(provision) = plan.provisions.get(number) else { continue };
                let kind = provision.secret_type.as_deref().unwrap_or("Opaque").to_owned();
                let tagged = tagged(provision, fetched);
                if let Some(tagged) = problems.keep(tagged.map_err(|problem| at(stream, provision, problem))) {
                    let suffix = tagged.map_or(PREVIEW.to_owned(), |tagged| tagged.suffix(&kind, true));
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
    let material: &Material = match &seals.mode {
        Mode::Derived(material) => material,
        Mode::Preview => return Ok(None),
        Mode::Randomised => {
            return Err(Problem::new("a suffix or a checksum needs a sealing key, and ciphertexts are randomised")
                .hint(
                    "nothing is ever hashed without a key: set sealing.key, or choose reload: {controller: Reloader}",
                ));
        }
    };
    let namespace = provision.secret.namespace.clone().unwrap_or_default();
    let name = provision.secret.name.clone();
    let mut items = vec![];
    for item in &provision.items {
        let secret = fetched.values.compose(&item.template)?;
        let tag = secret.spend(|plaintext| material.tag(DOMAIN, &namespace, &name, &item.key, plaintext));
        items.push((item.key.clone(), tag));
    }
    items.sort();
    Ok(Some(Tagged { namespace, name, items }))
}
