//! Who reads Secrets by a detour, and by no right of his own: one finding for each subject and kind of detour.

use std::collections::BTreeMap;

use super::rbac::{Grant, PATHS, Question, READ, Reach, Subject, User};
use super::table::tell_at;
use super::{Finding, View};
use crate::error::Problem;
use crate::model::Place;

/// Which rule tells which ways.
const RULES: [(&str, &[&str]); 10] = [
    ("rbac/certificates-approved", &["P12"]),
    ("rbac/containers-entered", &["P4", "P5"]),
    ("rbac/impersonate", &["P8"]),
    ("rbac/nodes-proxy", &["P6"]),
    ("rbac/roles-escalated", &["P9", "P10"]),
    ("rbac/stores-written", &["P15", "P16", "P19"]),
    ("rbac/tokens-issued", &["P7", "P11"]),
    ("rbac/volumes-created", &["P14"]),
    ("rbac/webhooks-written", &["P13"]),
    ("rbac/workloads-written", &["P1", "P2", "P3", "P18"]),
];

/// What somebody may do, and where; and the first binding that lets him.
type Told = BTreeMap<&'static str, (Place, Vec<String>)>;

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let access = view.access();
    for subject in access.subjects() {
        for (rule, (place, what)) in detours(subject, &access.reach(&User::of(subject))) {
            let message = format!("{subject} may {}", what.join(", and "));
            tell_at(view, rule, Some(place), Problem::new(message), tell);
        }
    }
}

fn detours(subject: &Subject, reach: &Reach) -> Told {
    let mut told = Told::new();
    // What somebody may do whom no binding limits says nothing.
    if *subject == Subject::Group("system:masters".to_owned()) {
        return told;
    }
    let question = |namespace| Question { namespace, name: "", keys: None };
    let everywhere = question("");
    if everywhere.direct(reach, &READ).is_some() {
        return told;
    }
    for (rule, ids) in RULES {
        for path in PATHS.iter().filter(|path| ids.contains(&path.id.as_str())) {
            let mut add = |grants: &[Grant], place: &str| {
                if let Some(at) = grants.iter().find_map(|grant| grant.binding.place.or(grant.held.place)) {
                    told.entry(rule).or_insert((at, vec![])).1.push(format!("{} {place}", path.what));
                }
            };
            if let Some(way) = everywhere.detour(reach, path) {
                add(&way.grants, "in the whole cluster");
                continue;
            }
            for namespace in reach.namespaces() {
                let question = question(namespace);
                let way = question.direct(reach, &READ).is_none().then(|| question.detour(reach, path)).flatten();
                if let Some(way) = way {
                    add(&way.grants, &format!("in namespace {namespace}"));
                }
            }
        }
    }
    told
}
