//! Which Secrets another kind is to give, under the same name, and what has to be said before that.
//!
//! Receives what was and what is to be, gives back moves. Nothing here reads a value.
//! Source: `pkg/controller` of sealed-secrets, `pkg/controllers/externalsecret` of external-secrets, and both at work
//! (`tests/adopt.rs`).

use super::plan::validate::is_subdomain;
use crate::error::{Exit, Problem, Problems};
use crate::hosts::Job;
use crate::model::{KEPT, LAST_APPLIED, Plan, Stream, annotation};
use crate::settings::Interval;
use crate::targets::{self, LEFT, Target};
use crate::yaml::{Tree, Value};

mod given;

use given::{Given, Gives, Place, given_by, replaced};

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

/// A Secret that another object is to give, under the same name.
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
    /// The file of what gives it now, where only SOPS can change that.
    pub encrypted: Option<String>,
    /// True where nothing that is to be has the place of what gives it now.
    pub goes: bool,
    /// The annotations that the move leaves on it, and that nobody has written there.
    pub left: Vec<&'static str>,
}

/// The Secrets that change hands from what the plan found to what it makes.
///
/// # Errors
/// A name that is none, or a Secret that no steps can move.
pub fn planned(
    stream: &Stream,
    plan: &Plan,
    job: &Job,
    keep: Keep,
    warnings: &mut Problems,
) -> Result<Vec<Move>, Problems> {
    moves(&replaced(stream, plan, job), &given_by(stream, Some(plan), job)?, (job, keep), warnings)
}

/// The Secrets that change hands from one stream to what the plan makes of another.
///
/// # Errors
/// A name that is none, or a Secret that no steps can move.
pub fn between(
    old: &Stream,
    (stream, plan): (&Stream, &Plan),
    job: &Job,
    keep: Keep,
    warnings: &mut Problems,
) -> Result<Vec<Move>, Problems> {
    moves(&given_by(old, None, job)?, &given_by(stream, Some(plan), job)?, (job, keep), warnings)
}

fn moves(old: &Given, new: &Given, (job, keep): (&Job, Keep), warnings: &mut Problems) -> Result<Vec<Move>, Problems> {
    let (mut found, mut problems) = (vec![], Problems::default());
    for (place, was) in old {
        let Some(is) = new.get(place) else {
            warnings.extend(elsewhere(place, old, new));
            continue;
        };
        // What stays goes on giving the Secret
        let stays = |gives: &Gives| is.iter().any(|other| (&other.kind, &other.name) == (&gives.kind, &gives.name));
        let (Some(from), Some(to)) = (was.first().filter(|_| !was.iter().any(stays)), is.first()) else { continue };
        let here = |problem: Problem| problem.at(told(place));
        if let Some(unknown) = was.iter().chain(is).find(|gives| gives.giver().is_none()) {
            let message = format!("{} becomes {}, and nobody has tried the steps for that", from.kind, to.kind);
            let hint = format!("{} may delete the Secret with itself: give the new one another name", unknown.kind);
            warnings.push(here(Problem::new(message).hint(hint)));
            continue;
        }
        let there = |(other, gives): (&Place, &Vec<Gives>)| {
            other.0 == place.0 && gives.iter().any(|one| one.kind == from.kind && one.name == from.name)
        };
        let whole = was.iter().chain(is).try_for_each(|gives| gives.makes().map(drop));
        let one = whole.and_then(|()| moved(place, (from, to), job, keep)).map_err(here);
        found.extend(problems.keep(one).map(|one| Move { goes: !new.iter().any(there), ..one }));
    }
    if let Some(one) = found.iter().find(|one| one.namespace.is_none()) {
        let message = format!("the namespace of {} is not known: the commands ask that of kubectl's context", one.name);
        warnings.push(Problem::new(message).hint("give --namespace"));
    }
    problems.or(found)
}

fn told((namespace, name): &Place) -> String {
    let namespace = namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{SECRET} {namespace}{name}")
}

/// A Secret that only seems to go, or to be another: in one of the streams its namespace differs or is not written.
fn elsewhere(place: &Place, old: &Given, new: &Given) -> Problems {
    let others = new.keys().filter(|other| other.1 == place.1 && !old.contains_key(*other));
    let problem = |other| {
        let message = format!("nothing gives it afterwards; {} is another one to us", told(other));
        Problem::new(message)
            .hint("where they are one, give --namespace; else the old one goes and the new one is made")
    };
    others.map(|other| problem(other).at(told(place))).collect()
}

fn moved(place: &Place, (from, to): (&Gives, &Gives), job: &Job, keep: Keep) -> Result<Move, Problem> {
    let (namespace, name) = place;
    if let Some(bad) = [name, &from.name, &to.name].into_iter().chain(namespace).find(|text| !is_subdomain(text)) {
        return Err(Problem::new(format!("\"{bad}\" is no name that an object can have"))
            .hint("lower-case letters, digits, dashes and dots, as in DNS"));
    }
    let (before, after) = (from.makes()?, to.makes()?);
    let another = "give the new Secret another name, and whoever uses it";
    if before.immutable || after.immutable {
        let which = if before.immutable { "is" } else { "becomes" };
        return Err(
            Problem::new(format!("it {which} immutable, so no controller writes the new one over it")).hint(another)
        );
    }
    let [was, is] = [&before, &after].map(|one| one.secret_type.as_deref().unwrap_or("Opaque"));
    if was != is {
        return Err(
            Problem::new(format!("its type changes from {was} to {is}, which nothing can change")).hint(another)
        );
    }
    let (Some(giver), Some(taker)) = (from.giver(), to.giver()) else {
        return Err(Problem::new("a kind was found and is not known").exit(Exit::Bug));
    };
    let planned = to.tree().is_none();
    if planned
        && job.settings.refresh_interval == Interval::NEVER
        && matches!(taker, Giver::Made(made) if !made.seals())
    {
        return Err(Problem::new("what is to give it is never refreshed, so it would never own the Secret")
            .hint("set refreshInterval: 1h in the settings until it is moved"));
    }
    let patch = match (giver, from.tree()) {
        (Giver::Made(target), Some(tree)) => target.release(tree)?,
        (_, tree) => kept(tree, keep),
    };
    let last = matches!(taker, Giver::Made(_)).then_some(LAST_APPLIED);
    let own = |name: &&str| !after.annotations.iter().any(|own| own == name);
    Ok(Move {
        namespace: namespace.clone(),
        name: name.clone(),
        from: (giver, from.name.clone()),
        to: (taker, to.name.clone()),
        patch,
        encrypted: from.encrypted(),
        goes: false,
        left: LEFT.into_iter().chain(last).filter(own).collect(),
    })
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
