//! Who will read a Secret of the stream once it is applied, and whether the cluster lets them now.

use std::collections::{BTreeMap, BTreeSet};

use super::Live;
use crate::error::Problem;
use crate::model::Place;
use crate::rules::rbac::{Access, Question, READ, Reach, Subject, User};
use crate::rules::table::tell_at;
use crate::rules::{Finding, View};

/// Secrets by namespace and name, each with the object that provides it.
type Secrets<'v> = BTreeMap<(&'v str, &'v str), Place>;

/// Somebody, one of the Secrets, and whether the roles of the cluster let him get it now.
struct Asked<'v> {
    subject: &'v Subject,
    question: Question<'v>,
    today: bool,
    place: Place,
}

pub(super) fn check(view: &View, live: &Live, today: &Access, tell: &mut dyn FnMut(Finding)) -> Result<(), Problem> {
    let secrets = provided(view);
    let then = view.access();
    let mut asked = vec![];
    let mut new = BTreeMap::new();
    let subjects: BTreeSet<&Subject> = then.subjects().into_iter().chain(today.subjects()).collect();
    for subject in subjects {
        let user = User::of(subject);
        let (before, after) = (today.reach(&user), then.reach(&user));
        sample(subject, &before, &secrets, &mut asked);
        for (place, found) in gained(&before, &after, &secrets) {
            let first = found.iter().next().copied();
            asked.extend(first.map(|(namespace, name)| Asked {
                subject,
                question: Question { namespace, name, keys: None },
                today: false,
                place,
            }));
            new.insert((subject, place), found);
        }
    }
    for ((subject, place), found) in &new {
        let message = format!("{subject} will be able to read {}, and by the cluster's roles cannot now", list(found));
        tell_at(view, "live/new-reader", Some(*place), Problem::new(message), tell);
    }
    confirm(view, live, &asked, tell)
}

/// Every Secret that the stream makes.
fn provided<'v>(view: &'v View) -> Secrets<'v> {
    let mut secrets = Secrets::new();
    for provider in &view.inventory.provides {
        let Some((tree, _)) = view.stream.get(provider.manifest).and_then(|manifest| manifest.read()) else { continue };
        let namespace = provider.namespace.unwrap_or(view.namespace);
        let place = Place { manifest: provider.manifest, node: tree.root() };
        secrets.entry((namespace, provider.name)).or_insert(place);
    }
    secrets
}

/// One question a namespace: who reads one Secret of it there mostly reads them all.
fn sample<'v>(subject: &'v Subject, before: &Reach, secrets: &Secrets<'v>, asked: &mut Vec<Asked<'v>>) {
    let mut seen = BTreeSet::new();
    for ((namespace, name), place) in secrets {
        let question = Question { namespace, name, keys: None };
        if question.direct(before, &["get"]).is_some() && seen.insert(*namespace) {
            asked.push(Asked { subject, question, today: true, place: *place });
        }
    }
}

/// What somebody can read afterwards and cannot before, by what lets him.
fn gained<'v>(before: &Reach, after: &Reach, secrets: &Secrets<'v>) -> BTreeMap<Place, BTreeSet<(&'v str, &'v str)>> {
    let mut gained: BTreeMap<Place, BTreeSet<_>> = BTreeMap::new();
    for (namespace, name) in secrets.keys() {
        let question = Question { namespace, name, keys: None };
        let Some(grant) = question.direct(after, &READ) else { continue };
        let place = grant.binding.place.or(grant.held.place).or(grant.role.place);
        if let Some(place) = place.filter(|_| question.direct(before, &READ).is_none()) {
            gained.entry(place).or_default().insert((*namespace, *name));
        }
    }
    gained
}

/// `Secret shop/db`, or `Secrets shop/db, shop/tls and 3 more`.
fn list(found: &BTreeSet<(&str, &str)>) -> String {
    let names: Vec<String> = found.iter().take(3).map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    let more = found.len() - names.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("Secret{} {}{more}", if found.len() == 1 { "" } else { "s" }, names.join(", "))
}

/// Asks the cluster itself: another authorizer than RBAC may decide too.
fn confirm(view: &View, live: &Live, asked: &[Asked], tell: &mut dyn FnMut(Finding)) -> Result<(), Problem> {
    let requests: Vec<_> = asked.iter().map(|one| (User::of(one.subject), one.question.request("get"))).collect();
    if requests.is_empty() {
        return Ok(());
    }
    let Some(answers) = live.others(&requests)? else {
        return Err(Problem::new(
            "who can read a Secret now is not confirmed: the cluster answers no questions about others",
        )
        .hint("whoever runs this needs \"create\" for subjectaccessreviews"));
    };
    for (one, says) in asked.iter().zip(answers).filter(|(one, says)| one.today != *says) {
        let (verb, roles) = if says { ("lets", "its roles do not") } else { ("does not let", "its roles do") };
        let Question { namespace, name, .. } = one.question;
        let message = format!("the cluster {verb} {} get Secret {namespace}/{name}, and {roles}", one.subject);
        tell_at(view, "live/other-authorizer", Some(one.place), Problem::new(message), tell);
    }
    Ok(())
}
