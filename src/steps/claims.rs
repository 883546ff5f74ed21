//! What a stream wants, in the words in which an operator grants it: what its Secrets become, and what other objects
//! say that are let through.

mod written;

use super::{is_sealed, plan};
use crate::hosts::{Job, Wanted};
use crate::model::{Address, Lookup, Origin, Place, Plan, Provision, Reach, Stream};
use crate::settings::{Claim, Claims, Need};
use crate::{sources, targets};

/// All of it; without a policy only the variables that would be read.
pub(super) fn claims(stream: &Stream, plan: &Plan, job: &Job) -> Claims {
    let whole = job.policy.holds();
    let of = |provision| if whole { of_provision(stream, provision, job) } else { variables(provision, job) };
    let written = if whole { written::claims(stream, job) } else { vec![] };
    Claims { provisions: plan.provisions.iter().map(of).collect(), written }
}

fn variables(provision: &Provision, job: &Job) -> Claim {
    let mut claim = Claim::default();
    // Nothing is read for what is translated, nor for a preview.
    let is_read = is_sealed(provision) && job.terms.values == Wanted::Sealed;
    for reference in provision.references().filter(|_| is_read) {
        let read =
            sources::find(reference.address.scheme.0).and_then(|(source, _)| source.variable(&reference.address));
        if let Some(name) = read {
            claim.add(Some(reference.place), Need::Variable(name.to_owned()));
        }
    }
    claim
}

fn of_provision(stream: &Stream, provision: &Provision, job: &Job) -> Claim {
    let mut claim = Claim::default();
    let id = provision.origin.manifest();
    let object = stream.get(id).and_then(|manifest| manifest.read());
    let place = object.map(|(tree, _)| Place { manifest: id, node: tree.root() });
    let namespace = provision.secret.namespace.as_ref().or(job.terms.namespace.as_ref());
    claim.add(place, Need::Namespace(namespace.cloned()));
    let seals = is_sealed(provision);
    for reference in provision.references() {
        let reach = reach(&reference.address);
        if let Some(name) = reach.variable.clone() {
            claim.add(Some(reference.place), Need::Variable(name));
        }
        claim.add(Some(reference.place), Need::Read(reach));
        let store = match &reference.lookup {
            Some(Lookup::Remote(number, _)) => provision.stores.get(*number),
            Some(Lookup::Generated(generator)) => generator.store.as_ref(),
            None => None,
        };
        if let Some(store) = store {
            claim.add(Some(reference.place), Need::Store(store.clone(), self::reach(&reference.address)));
        }
    }
    claim.add(place, Need::Target(provision.target.0.to_owned()));
    if seals {
        claim.add(place, Need::Scope(provision.scope));
        for reference in provision.references() {
            if let Some(scheme) = server(&reference.address) {
                claim.add(Some(reference.place), Need::Server(scheme));
            }
        }
    }
    let chosen = job.settings.cluster.as_deref();
    if seals || chosen.is_some() {
        claim.add(place, Need::Cluster(job.policy.cluster(chosen)));
    }
    literals(provision, job, seals, &mut claim);
    for (name, _) in provision.metadata.annotations.iter().filter(|(name, _)| targets::is_carried(name)) {
        claim.add(place, Need::Annotation(name.clone()));
    }
    claim
}

/// Values that stand in the repository: public ones, and what is sealed all the same. What stood in a ConfigMap was no
/// secret.
fn literals(provision: &Provision, job: &Job, seals: bool, claim: &mut Claim) {
    if matches!(provision.origin, Origin::Promoted(_)) {
        return;
    }
    let public = plan::public_keys(provision, job);
    for item in provision.items.iter().filter(|item| item.template.is_literal()) {
        if public.contains(&*item.key) {
            claim.add(Some(item.place), Need::PublicKey(item.key.to_string()));
        } else if seals && item.template.literals().any(|literal| !literal.0.is_empty()) {
            claim.add(Some(item.place), Need::SealPlaintext);
        }
    }
}

/// Where an address leads.
pub(super) fn reach(address: &Address) -> Reach {
    sources::find(address.scheme.0).map_or_else(|| Reach::of(address), |(source, _)| source.reach(address))
}

/// The scheme under which a policy says how a value is read, where a server is asked for it.
pub(super) fn server(address: &Address) -> Option<&'static str> {
    let (_, facts) = sources::find(address.scheme.0)?;
    (!facts.providers.is_empty()).then_some(facts.scheme)
}
