//! Which Secrets another kind is to give, under the same name, and what has to be said before that.
//!
//! Receives what was and what is to be, gives back moves. Nothing here reads a value.
//! Source: `pkg/controller` of sealed-secrets, `pkg/controllers/externalsecret` of external-secrets, and both at work
//! (`tests/adopt.rs`).

use std::collections::BTreeMap;

use super::annotate::Restarts;
use super::find;
use super::plan::validate::is_subdomain;
use crate::error::{Problem, Problems};
use crate::hosts::Job;
use crate::model::{KEPT, Origin, Plan, Stream, annotation};
use crate::settings::Controller;
use crate::targets::{self, Target};
use crate::yaml::{Tree, Value};

/// What kubectl writes of an object that it applied on its own side: all of it, with the values of a Secret.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What gives a Secret.
#[derive(Clone, Copy)]
pub enum Giver {
    /// It is applied itself.
    Applied,
    /// The controller of an object of this kind.
    Made(&'static dyn Target),
}

impl Giver {
    /// The kind of the object that is applied.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Applied => SECRET,
            Self::Made(target) => target.name(),
        }
    }

    fn of(kind: &str) -> Option<Self> {
        match kind {
            SECRET => Some(Self::Applied),
            kind => targets::find(kind).ok().map(Self::Made),
        }
    }
}

const SECRET: &str = "Secret";

/// How a tool is told not to delete what is no longer among its manifests.
#[derive(Clone, Copy)]
pub enum Keep {
    /// By an annotation.
    Annotated(&'static str, &'static str),
    /// By forgetting that it was applied.
    Forgotten,
}

/// A Secret whose kind changes under its name.
pub struct Move {
    /// Its namespace, where it is known.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What gives it now, and the name of that.
    pub from: (Giver, String),
    /// What is to give it, and the name of that.
    pub to: (Giver, String),
    /// The merge patch on what gives it now.
    pub patch: Value<'static>,
}

/// Namespace and name of a Secret.
type Place = (Option<String>, String);
/// What gives a Secret: its kind, its name, and what it says.
type Gives<'t> = (Giver, String, Option<&'t Tree<'t>>);
type Given<'t> = BTreeMap<Place, Vec<Gives<'t>>>;

/// The Secrets that change their kind from what the plan found to what it makes.
///
/// # Errors
/// A name that is none.
pub fn planned(stream: &Stream, plan: &Plan, job: &Job, keep: Keep) -> Result<Vec<Move>, Problems> {
    let new = given_by(stream, Some(plan), job)?;
    let mut old = Given::new();
    for provision in plan.provisions.iter().filter(|one| matches!(one.origin, Origin::Replaced(_))) {
        let tree = stream.get(provision.origin.manifest()).and_then(|manifest| manifest.tree().ok());
        let place = place(provision.secret.namespace.as_ref(), &provision.secret.name, job);
        old.entry(place).or_default().push((Giver::Applied, provision.secret.name.clone(), tree));
    }
    moves(&old, &new, keep)
}

/// The Secrets that change their kind from one stream to what the plan makes of another.
///
/// # Errors
/// A name that is none.
pub fn between(old: &Stream, (stream, plan): (&Stream, &Plan), job: &Job, keep: Keep) -> Result<Vec<Move>, Problems> {
    moves(&given_by(old, None, job)?, &given_by(stream, Some(plan), job)?, keep)
}

fn place(namespace: Option<&String>, name: &str, job: &Job) -> Place {
    (namespace.or(job.terms.namespace.as_ref()).cloned(), name.to_owned())
}

/// What gives each Secret: what is planned, and what stands in the stream and stays.
fn given_by<'t>(stream: &'t Stream, plan: Option<&Plan>, job: &Job) -> Result<Given<'t>, Problems> {
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
        if let Some(giver) = Giver::of(provision.target.0) {
            let name = &provision.secret.name;
            let place = place(provision.secret.namespace.as_ref(), name, job);
            given.entry(place).or_default().push((giver, name.clone(), None));
        }
    }
    let stays = |id| planned.iter().all(|one| one.origin.manifest() != id);
    for provider in inventory.provides.iter().filter(|provider| stays(provider.manifest)) {
        let Some((tree, identity)) = stream.get(provider.manifest).and_then(|manifest| manifest.read()) else {
            continue;
        };
        if let Some(giver) = Giver::of(&identity.kind) {
            let place = place(provider.namespace.as_ref(), &provider.name, job);
            given.entry(place).or_default().push((giver, identity.name.clone(), Some(tree)));
        }
    }
    Ok(given)
}

fn moves(old: &Given, new: &Given, keep: Keep) -> Result<Vec<Move>, Problems> {
    let (mut found, mut problems) = (vec![], Problems::default());
    for (place, was) in old {
        let Some((to, to_name, _)) = new.get(place).and_then(|is| is.first()) else { continue };
        // Where one of the kinds stays it goes on giving the Secret
        let stays = |(giver, ..): &&Gives| new.get(place).into_iter().flatten().any(|is| is.0.kind() == giver.kind());
        let Some((from, from_name, tree)) = was.first().filter(|_| !was.iter().any(|gives| stays(&gives))) else {
            continue;
        };
        let (namespace, name) = place;
        if ![name, from_name, to_name].into_iter().chain(namespace).all(|text| is_subdomain(text)) {
            problems.push(
                Problem::new(format!("\"{name}\" or its namespace is no name that an object can have"))
                    .hint("lower-case letters, digits, dashes and dots, as in DNS"),
            );
            continue;
        }
        found.push(Move {
            namespace: namespace.clone(),
            name: name.clone(),
            from: (*from, from_name.clone()),
            to: (*to, to_name.clone()),
            patch: match from {
                Giver::Applied => kept(*tree, keep),
                Giver::Made(target) => target.release(),
            },
        });
    }
    problems.or(found)
}

/// The merge patch after which a tool leaves a Secret alone and any controller may take it.
fn kept(tree: Option<&Tree>, keep: Keep) -> Value<'static> {
    let (free, yes) = targets::FREE;
    let mut annotations = vec![(free, Value::text(yes))];
    match keep {
        Keep::Annotated(name, word) => {
            // Those of Argo CD are lists
            let said = tree.and_then(|tree| annotation(tree, name)).filter(|_| name == KEPT[1].0);
            let said = said.map(|said| said.split(',').map(str::trim).filter(|one| *one != word && !one.is_empty()));
            let words: Vec<&str> = said.into_iter().flatten().chain([word]).collect();
            annotations.push((name, Value::text(words.join(","))));
            Value::map([("metadata", Value::map([("annotations", Value::map(annotations))]))])
        }
        Keep::Forgotten => {
            annotations.push((LAST_APPLIED, Value::Null));
            let labels = Value::map([("applyset.kubernetes.io/part-of", Value::Null)]);
            Value::map([("metadata", Value::map([("annotations", Value::map(annotations)), ("labels", labels)]))])
        }
    }
}
