//! Plan to values: the only step that waits. It asks nobody where nothing is sealed.

use std::collections::BTreeMap;

use crate::error::{Problem, Problems};
use crate::hosts::{Job, Old, Wanted};
use crate::limits;
use crate::model::{Address, Ask, Payload, Place, Plan, Provision, Stream, Values, Wire};
use crate::seal::{Certificate, Demo, Material, SealingKey, Validity};
use crate::settings::{Allowed, Key, Public, Settings};
use crate::{sources, targets};

/// How ciphertexts are made.
pub enum Mode {
    /// From the sealing key: equal values at equal places give equal bytes.
    Derived(Material),
    /// Not at all: the word `preview` stands where they would.
    Preview,
    /// From fresh random bytes.
    Randomised,
}

/// What is needed to seal.
pub struct Seals {
    /// Whose controller will open it; None for a preview.
    pub certificate: Option<Certificate>,
    /// How ciphertexts are made.
    pub mode: Mode,
}

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
    let sealed: Vec<&Provision> = plan.provisions.iter().filter(|p| seals(p)).collect();
    if sealed.is_empty() {
        return Ok(Fetched { values: Values::default(), seals: None });
    }
    if job.terms.values == Wanted::Preview {
        let seals = Seals { certificate: None, mode: Mode::Preview };
        return Ok(Fetched { values: Values::default(), seals: Some(seals) });
    }
    let mut problems = Problems::default();
    let certificate = problems.keep(certificate(job, wire, warnings));
    let mode = problems.keep(mode(job, wire, warnings));
    let values = values(stream, &sealed, wire, &mut problems);
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

/// The certificate of the controller; an old one is a warning.
pub fn certificate(job: &Job, wire: &mut dyn Wire, warnings: &mut Problems) -> Result<Certificate, Problem> {
    let Some(place) = &job.settings.certificate else {
        return Err(Problem::new("no certificate is known to seal for")
            .hint("give --certificate FILE, or name it in .sealref.yaml: sealing: {certificate: sealed-secrets.pem}"));
    };
    let (name, certificate) = match place {
        Public::Text(text) => ("the certificate in the settings".to_owned(), Certificate::read(text.as_bytes())),
        Public::File(name) => (name.clone(), Certificate::read(&wire.ask(Ask::File(name.clone()))?.0)),
        Public::Named(name) => (name.clone(), Certificate::read(&wire.ask(Ask::Named(name.clone()))?.0)),
    };
    let certificate = certificate.map_err(|problem| problem.at(name.clone()))?;
    let (_, end) = certificate.dates();
    let (what, hint) = match certificate.validity(job.terms.now) {
        Validity::Valid => return Ok(certificate),
        Validity::NotYetValid => {
            return Err(Problem::new("the certificate is not valid yet")
                .hint("is the clock of this machine right?")
                .at(name));
        }
        Validity::Expired => (
            format!("the certificate expired on {end}"),
            "the controller still decrypts; renew it: fetch the current one into the repository",
        ),
        Validity::ExpiresSoon { days } => (
            format!("the certificate expires in {days} days"),
            "fetch the controller's current one into the repository",
        ),
    };
    let problem = Problem::new(what).hint(hint).at(name);
    match job.terms.old_certificate {
        Old::Refused => Err(problem),
        Old::Told => {
            warnings.push(problem);
            Ok(certificate)
        }
    }
}

/// How ciphertexts are made; a key that everybody can read is a warning.
pub fn mode(job: &Job, wire: &mut dyn Wire, warnings: &mut Problems) -> Result<Mode, Problem> {
    let Settings { key, randomised, .. } = &job.settings;
    if *randomised {
        return Ok(Mode::Randomised);
    }
    let Some(place) = key else {
        return Err(Problem::new("no sealing key is known, and without one every render would differ")
            .hint("make one: `sealref keys new -o FILE`, then --sealing-key FILE or sealing: {key: ...} in the settings; or choose --randomised"));
    };
    let bytes = match place {
        Key::Sops => {
            return Err(Problem::new("sealing.key is FromSops, and this version cannot read SOPS files")
                .hint("make a key: `sealref keys new -o FILE`"));
        }
        Key::Age(name) => {
            let (file, identities) = (wire.ask(Ask::File(name.clone()))?, wire.ask(Ask::Identities)?);
            sources::decrypt(&file.0, &identities.0).map_err(|problem| problem.at(name.clone()))?
        }
        Key::Environment(name) => wire.ask(Ask::Environment(name.clone()))?.0,
        Key::File(name) => wire.ask(Ask::File(name.clone()))?.0,
        Key::Named(name) => wire.ask(Ask::Named(name.clone()))?.0,
    };
    let (key, demo) = SealingKey::read(&bytes).map_err(|problem| problem.at("the sealing key"))?;
    let told = match (demo, place) {
        (Demo::Yes, _) => Some((
            "the sealing key is a published demo key: whoever knows it can test guesses of every value",
            "make your own with `sealref keys new`",
        )),
        (Demo::No, Key::File(_)) => Some((
            "the sealing key stands in plain text in the repository",
            "keep it outside (an absolute path, or --sealing-key), or encrypted: key: {age: sealing.key.age}",
        )),
        (Demo::No, _) => None,
    };
    if let Some((what, hint)) = told {
        warnings.push(Problem::new(what).hint(hint));
    }
    let material = Material::new(Some(&key), &[]);
    material.map(Mode::Derived).ok_or_else(|| Problem::new("the sealing key is empty"))
}

/// Asks each source once, for all of its addresses, each address once.
fn values(stream: &Stream, sealed: &[&Provision], wire: &mut dyn Wire, problems: &mut Problems) -> Values {
    let mut wanted: BTreeMap<&'static str, BTreeMap<Address<'static>, Place>> = BTreeMap::new();
    for reference in sealed.iter().flat_map(|provision| provision.references()) {
        let address = reference.address.clone().into_owned();
        let family = sources::family(address.scheme.0);
        wanted.entry(family).or_default().entry(address).or_insert(reference.place);
    }
    let mut values = Values::default();
    let mut wrong: Vec<(Place, Problem)> = vec![];
    for (family, addresses) in wanted {
        let fetch = sources::find(family).and_then(|(source, _)| source.fetch());
        let Some(fetch) = fetch else { continue };
        let asked: Vec<&Address> = addresses.keys().collect();
        let answers = fetch.fetch(&asked, wire);
        for ((address, place), answer) in addresses.iter().zip(answers) {
            match answer.and_then(small_enough) {
                Ok(payload) => values.insert(address.clone(), payload),
                Err(problem) => wrong.push((*place, problem)),
            }
        }
    }
    wrong.sort_by_key(|(place, _)| *place);
    problems.extend(wrong.into_iter().map(|(place, problem)| problem.at(stream.tell(place))).collect());
    values
}

fn small_enough(payload: Payload) -> Result<Payload, Problem> {
    if payload.len() <= limits::SECRET {
        return Ok(payload);
    }
    Err(Problem::new("the value is larger than a Secret may be").hint("a Secret holds 1 MiB at most"))
}
