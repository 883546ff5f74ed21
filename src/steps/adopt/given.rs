//! What gives each Secret, in a stream or by a plan.

use std::collections::BTreeMap;

use super::Giver;
use crate::error::{Problem, Problems};
use crate::hosts::Job;
use crate::model::{Makes, Origin, Plan, Provision, STDIN, Stream};
use crate::settings::Controller;
use crate::steps::annotate::Restarts;
use crate::steps::find::{self, is_sops};
use crate::targets;
use crate::yaml::Tree;

/// Namespace and name of a Secret.
pub(super) type Place = (Option<String>, String);
pub(super) type Given<'t> = BTreeMap<Place, Vec<Gives<'t>>>;

/// An object that gives a Secret: the Secret itself, or what it is made of.
pub(super) struct Gives<'t> {
    pub(super) kind: String,
    pub(super) name: String,
    says: Says<'t>,
}

/// What is known of it.
enum Says<'t> {
    /// It is planned.
    Planned(&'t Provision<'t>),
    /// It stands in a file.
    Stands(&'t Tree<'t>, &'t str),
}

impl<'t> Gives<'t> {
    /// What it is to us; None for kinds that nobody has tried.
    pub(super) fn giver(&self) -> Option<Giver> {
        Giver::of(&self.kind)
    }

    pub(super) fn tree(&self) -> Option<&'t Tree<'t>> {
        match self.says {
            Says::Planned(_) => None,
            Says::Stands(tree, _) => Some(tree),
        }
    }

    /// The file that only SOPS can change.
    pub(super) fn encrypted(&self) -> Option<String> {
        match self.says {
            Says::Stands(tree, file) if is_sops(tree) => Some(if file == STDIN { "FILE" } else { file }.to_owned()),
            Says::Planned(_) | Says::Stands(..) => None,
        }
    }

    /// What it says of the Secret.
    ///
    /// # Errors
    /// It does not make the whole Secret.
    pub(super) fn makes(&self) -> Result<Makes, Problem> {
        match (&self.says, self.giver()) {
            (Says::Planned(provision), _) => Ok(Makes {
                secret_type: provision.secret_type.clone(),
                immutable: provision.immutable == Some(true) || provision.is_made_once(),
                annotations: carried(provision).map(str::to_owned).collect(),
            }),
            (Says::Stands(tree, _), Some(Giver::Made(target))) => target.makes(tree),
            (Says::Stands(tree, _), _) => Ok(Makes::read(tree, Some(tree.root()), Some(tree.root()))),
        }
    }
}

fn carried<'p>(provision: &'p Provision) -> impl Iterator<Item = &'p str> {
    provision.metadata.annotations.iter().map(|(name, _)| name.as_str()).filter(|name| targets::is_carried(name))
}

fn place(namespace: Option<&str>, name: &str, job: &Job) -> Place {
    (namespace.or(job.terms.namespace.as_deref()).map(str::to_owned), name.to_owned())
}

/// The Secrets of a stream that are replaced, as they stand.
pub(super) fn replaced<'t>(stream: &'t Stream, plan: &Plan, job: &Job) -> Given<'t> {
    let mut given = Given::new();
    for provision in plan.provisions.iter().filter(|one| matches!(one.origin, Origin::Replaced(_))) {
        let Some(manifest) = stream.get(provision.origin.manifest()) else { continue };
        let Some((tree, identity)) = manifest.read() else { continue };
        let place = place(provision.secret.namespace.as_deref(), &provision.secret.name, job);
        let says = Says::Stands(tree, stream.names.get(manifest.source).copied().unwrap_or(STDIN));
        let gives = Gives { kind: identity.kind.clone(), name: provision.secret.name.clone(), says };
        given.entry(place).or_default().push(gives);
    }
    given
}

/// What gives each Secret: what is planned, and what stands in the stream and stays.
pub(super) fn given_by<'t>(stream: &'t Stream, plan: Option<&'t Plan<'t>>, job: &Job) -> Result<Given<'t>, Problems> {
    let inventory = find::inventory_of(stream, &job.settings)?;
    let mut given = Given::new();
    let planned = plan.map_or(&[][..], |plan| &plan.provisions);
    let renamed = plan.filter(|_| job.settings.reload.is_some_and(|reload| reload.controller == Controller::Suffix));
    let restarts = renamed
        .map(|plan| Restarts::of(stream, plan, &inventory, &job.settings, job.terms.namespace.as_deref()).provisions());
    for (number, provision) in planned.iter().enumerate() {
        // What gets a suffix is another Secret each time
        if restarts.as_ref().is_some_and(|restarts| restarts.contains(&number)) {
            continue;
        }
        let name = &provision.secret.name;
        let place = place(provision.secret.namespace.as_deref(), name, job);
        let kind = provision.target.0.to_owned();
        let gives = Gives { kind, name: name.clone(), says: Says::Planned(provision) };
        given.entry(place).or_default().push(gives);
    }
    let stays = |id| planned.iter().all(|one| one.origin.manifest() != id);
    for provider in inventory.provides.iter().filter(|provider| stays(provider.manifest)) {
        let Some(manifest) = stream.get(provider.manifest) else { continue };
        let Some((tree, identity)) = manifest.read() else { continue };
        let place = place(provider.namespace, provider.name, job);
        let says = Says::Stands(tree, stream.names.get(manifest.source).copied().unwrap_or(STDIN));
        given.entry(place).or_default().push(Gives { kind: identity.kind.clone(), name: identity.name.clone(), says });
    }
    Ok(given)
}
