//! Plan to values: the only step that waits. It asks nobody where nothing is sealed.

use std::collections::BTreeMap;

use crate::error::{Problem, Problems};
use crate::hosts::{Doubts, Job, Wanted};
use crate::limits;
use crate::model::{Address, Payload, Place, Plan, Provision, Stream, Values, Wire};
use crate::settings::{Allowed, Policy};
use crate::{sources, targets};

mod driver;
mod seals;
mod under;

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
    plan: &Allowed<Plan>,
    job: &Job,
    wire: &mut dyn Wire,
    warnings: &mut Problems,
) -> Result<Fetched, Problems> {
    let numbered = (0..).zip(&plan.provisions).filter(|(_, provision)| seals(provision));
    let granted: Vec<(Option<usize>, &Provision)> = numbered.map(|(n, provision)| (plan.grant(n), provision)).collect();
    let sealed: Vec<&Provision> = granted.iter().map(|(_, provision)| *provision).collect();
    if sealed.is_empty() {
        return Ok(Fetched { values: Values::default(), seals: None });
    }
    if job.terms.values == Wanted::Preview {
        let seals = Seals { certificate: None, mode: Mode::Preview };
        return Ok(Fetched { values: Values::default(), seals: Some(seals) });
    }
    let mut problems = Problems::default();
    let certificate = problems.keep(certificate(job, wire, warnings));
    let mode = problems.keep(seals::enough(job, &sealed).and_then(|()| mode(job, wire, warnings)));
    let values = values(stream, &granted, (wire, &job.policy), &mut problems);
    for provision in sealed {
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
) -> Values {
    let mut wanted: BTreeMap<(&'static str, Option<usize>), BTreeMap<Address<'static>, Place>> = BTreeMap::new();
    let references = sealed.iter().flat_map(|(grant, provision)| provision.references().map(|r| (*grant, r)));
    for (grant, reference) in references {
        let address = reference.address.clone().into_owned();
        let family = sources::family(address.scheme.0);
        wanted.entry((family, grant)).or_default().entry(address).or_insert(reference.place);
    }
    let mut values = Values::default();
    let mut wrong: Vec<(Place, Problem)> = vec![];
    for ((family, grant), addresses) in wanted {
        let Some((source, _)) = sources::find(family) else { continue };
        let Some(fetch) = source.fetch() else { continue };
        let asked: Vec<&Address> = addresses.keys().collect();
        let mut driver = Driver::new(stream, wire, Terms { source, policy, grant });
        let answers = fetch.fetch(&asked, &mut driver);
        let mut failed: Vec<(Place, Problem)> = vec![];
        for ((address, place), answer) in addresses.iter().zip(answers) {
            match answer.and_then(small_enough) {
                Ok(payload) => values.insert(address.clone(), payload),
                Err(problem) => failed.push((*place, problem)),
            }
        }
        wrong.extend(distinct(failed, addresses.len()));
    }
    wrong.sort_by_key(|(place, _)| *place);
    problems.extend(wrong.into_iter().map(|(place, problem)| problem.at(stream.tell(place))).collect());
    values
}

/// What fails for all of a source alike (its server is down, nobody can log in) is one problem, told where it is met first.
fn distinct(mut failed: Vec<(Place, Problem)>, asked: usize) -> Vec<(Place, Problem)> {
    failed.sort_by_key(|(place, _)| *place);
    let alike = failed.len() == asked && failed.windows(2).all(|pair| matches!(pair, [(_, a), (_, b)] if a == b));
    if alike {
        failed.truncate(1);
    }
    failed
}

fn small_enough(payload: Payload) -> Result<Payload, Problem> {
    if payload.len() <= limits::SECRET {
        return Ok(payload);
    }
    Err(Problem::new("the value is larger than a Secret may be").hint("a Secret holds 1 MiB at most"))
}
