//! Plan to values: the only step that waits. It asks nobody where nothing is sealed.

use std::collections::BTreeMap;

use crate::error::{Problem, Problems};
use crate::hosts::{Doubts, Job, Wanted};
use crate::limits;
use crate::model::{Address, Payload, Place, Plan, Provision, Reference, Stream, Values, Wire};
use crate::settings::{Allowed, Policy};
use crate::{sources, targets};

mod driver;
mod seals;
mod under;
mod whole;

use driver::{Driver, Terms};
pub use seals::{Keyring, Mode, Seals, certificate, mode};

/// What `fetch` gives.
pub struct Fetched {
    /// One payload for each address.
    pub values: Values,
    /// None where nothing is sealed.
    pub seals: Option<Seals>,
}

/// Fetches what has to be known.
pub fn fetch(
    stream: &Stream,
    plan: &mut Allowed<Plan>,
    job: &Job,
    wire: &mut dyn Wire,
    warnings: &mut Problems,
) -> Result<Fetched, Problems> {
    let numbered = || (0..).zip(&plan.provisions).filter(|(_, provision)| seals(provision));
    let granted: Vec<(Option<usize>, &Provision)> = numbered().map(|(n, one)| (plan.grant(n), one)).collect();
    let sealed: Vec<&Provision> = granted.iter().map(|(_, provision)| *provision).collect();
    if sealed.is_empty() {
        return Ok(Fetched { values: Values::default(), seals: None });
    }
    if job.terms.values == Wanted::Preview {
        warnings.extend(unknown_keys(stream, &sealed));
        let seals = Seals { certificate: None, mode: Mode::Preview };
        return Ok(Fetched { values: Values::default(), seals: Some(seals) });
    }
    let mut problems = Problems::default();
    let certificate = problems.keep(certificate(job, wire, warnings));
    let mode = problems
        .keep(seals::enough(job, &sealed).and_then(|()| mode(job, job.settings.previous_key.as_ref(), wire, warnings)));
    let (values, keys) = values(stream, &granted, (wire, &job.policy), &mut problems);
    let numbers: Vec<usize> = numbered().map(|(number, _)| number).collect();
    if problems.is_empty() {
        problems.extend(whole::add(stream, plan, &numbers, &keys));
    }
    for provision in numbers.iter().filter_map(|number| plan.provisions.get(*number)) {
        problems.keep(unverified(stream, provision, &values, job.terms.doubts, warnings));
    }
    match (certificate, mode) {
        (Some(certificate), Some(mode)) => {
            let seals = Seals { certificate: Some(certificate), mode };
            problems.or(Fetched { values, seals: Some(seals) })
        }
        _ => Err(problems),
    }
}

/// Which keys a whole secret has, is not asked for a preview.
fn unknown_keys(stream: &Stream, sealed: &[&Provision]) -> Problems {
    let whole = sealed.iter().filter(|provision| !provision.extracts.is_empty());
    let told = |provision: &&&Provision| {
        Problem::new("the preview leaves out the keys of whole secrets, which are not known without reading them")
            .hint("name each key in stringData to see it in a preview")
            .at(stream.tell_object(provision.origin.manifest()))
    };
    whole.map(|provision| told(&provision)).collect()
}

fn seals(provision: &Provision) -> bool {
    targets::find(provision.target.0).is_ok_and(super::super::targets::Target::seals)
}

/// A builder sorts keys, and what was signed in another order can be checked no more.
fn unverified(
    stream: &Stream,
    provision: &Provision,
    values: &Values,
    doubts: Doubts,
    warnings: &mut Problems,
) -> Result<(), Problem> {
    if !provision.references().any(|reference| values.is_unverified(&reference.address)) {
        return Ok(());
    }
    let problem = Problem::new("each value of the encrypted Secret is genuine, and nobody can tell whether one is missing or was emptied: its MAC does not fit after a build")
        .hint("sort the keys and set mac_only_encrypted: true in .sops.yaml, or let a reference lead to the file itself")
        .at(stream.tell_object(provision.origin.manifest()));
    match doubts {
        Doubts::Refused => Err(problem),
        Doubts::Told => {
            warnings.push(problem);
            Ok(())
        }
    }
}

/// Asks each source once under each grant, for all of its addresses, each address once.
fn values(
    stream: &Stream,
    sealed: &[(Option<usize>, &Provision)],
    (wire, policy): (&mut dyn Wire, &Policy),
    problems: &mut Problems,
) -> (Values, whole::Known) {
    let mut wanted: BTreeMap<(&'static str, Option<usize>), BTreeMap<Address<'static>, Place>> = BTreeMap::new();
    let single = |reference: &Reference| (reference.place, reference.address.clone().into_owned());
    let every = |reference: &Reference| (reference.place, sources::whole(&reference.address));
    let references = sealed.iter().flat_map(|(grant, provision)| {
        let items = provision.items.iter().flat_map(|item| item.template.references()).map(single);
        items.chain(provision.extracts.iter().map(every)).map(|(place, address)| (*grant, place, address))
    });
    for (grant, place, address) in references {
        let family = sources::family(address.scheme.0);
        wanted.entry((family, grant)).or_default().entry(address).or_insert(place);
    }
    let (mut values, mut keys) = (Values::default(), whole::Known::new());
    let mut wrong: Vec<(Place, Problem)> = vec![];
    for ((family, grant), addresses) in wanted {
        let Some((source, _)) = sources::find(family) else { continue };
        let Some(fetch) = source.fetch() else { continue };
        let asked: Vec<&Address> = addresses.keys().collect();
        let mut driver = Driver::new(stream, wire, Terms { source, policy, grant });
        let answers = fetch.fetch(&asked, &mut driver);
        let mut failed: Vec<Failed> = vec![];
        for ((address, place), answer) in addresses.iter().zip(answers) {
            match answer.and_then(small_enough) {
                Ok(payload) => keep(address, payload, &mut values, &mut keys),
                Err(problem) => failed.push(Failed { path: &address.path, place: *place, problem }),
            }
        }
        wrong.extend(distinct(failed, &addresses));
    }
    wrong.sort_by_key(|(place, _)| *place);
    problems.extend(wrong.into_iter().map(|(place, problem)| problem.at(stream.tell(place))).collect());
    (values, keys)
}

/// A value is kept under its address, and each one of a whole secret under that of its key.
fn keep(address: &Address<'static>, payload: Payload, values: &mut Values, keys: &mut whole::Known) {
    if !sources::is_whole(address) {
        return values.insert(address.clone(), payload);
    }
    let all = keys.entry(address.clone()).or_default();
    for (key, value) in payload.keys() {
        values.insert(sources::key_of(address, &key), value);
        all.push(key);
    }
}

/// A value that could not be had.
struct Failed<'a> {
    path: &'a str,
    place: Place,
    problem: Problem,
}

/// What fails for all of a source alike (its server is down, nobody can log in) is one problem, and so is what fails for
/// all values of one file or secret: told where it is met first.
fn distinct(failed: Vec<Failed>, asked: &BTreeMap<Address, Place>) -> Vec<(Place, Problem)> {
    let mut of_path: BTreeMap<&str, (usize, Vec<Failed>)> = BTreeMap::new();
    for address in asked.keys() {
        of_path.entry(&address.path).or_default().0 += 1;
    }
    let everything = alike(&failed, asked.len());
    for one in failed {
        of_path.entry(one.path).or_default().1.push(one);
    }
    let paths = of_path.len();
    let mut told: Vec<(Place, Problem)> = vec![];
    for (asked, mut failed) in of_path.into_values() {
        failed.sort_by_key(|one| one.place);
        let more = if alike(&failed, asked) { failed.drain(1..).count() } else { 0 };
        let places = if more == 1 { "place" } else { "places" };
        told.extend(failed.into_iter().map(|Failed { place, problem, .. }| match more {
            0 => (place, problem),
            more => (place, problem.adding(&format!("; so it is at {more} more {places}"))),
        }));
    }
    told.sort_by_key(|(place, _)| *place);
    if everything && paths > 1 {
        told.truncate(1);
    }
    told
}

/// Have all that were asked for failed, and for the same reason?
fn alike(failed: &[Failed], asked: usize) -> bool {
    failed.len() == asked && failed.windows(2).all(|pair| matches!(pair, [a, b] if a.problem == b.problem))
}

fn small_enough(payload: Payload) -> Result<Payload, Problem> {
    if payload.len() <= limits::SECRET {
        return Ok(payload);
    }
    Err(Problem::new("the value is larger than a Secret may be").hint("a Secret holds 1 MiB at most"))
}
