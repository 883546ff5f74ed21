//! Where kustomizations list the transformer: what changes names after it would break references and seals.
//!
//! The order of a build: `api/internal/target/kusttarget.go` of kubernetes-sigs/kustomize; inline transformers run before
//! those in files, whatever their order.

use super::{Finding, Severity};
use crate::error::{Location, Problem};
use crate::model::{Kustomization, Layered, Role, Transformer};

/// What is wrong with the places in which a build lists the transformer.
#[must_use]
pub fn layout(kustomizations: &[Kustomization]) -> Vec<Finding> {
    let mut found: Vec<Finding> = vec![];
    let mut error = |rule, place: Location, message: &str, hint: &str| {
        let problem = Problem::new(message).hint(hint).at(place);
        found.push(Finding { rule, object: None, severity: Severity::Error, problem });
    };
    let ours =
        |kustomization: &Kustomization| kustomization.transformers.iter().filter(|one| one.ours.is_some()).count();
    let outermost = kustomizations.iter().find(|kustomization| kustomization.role == Role::Outermost);
    if let Some(outermost) = outermost.filter(|outermost| ours(outermost) == 0) {
        let (message, hint) = ("the kustomization that is built does not list the transformer", LAST);
        error("build/transformer-missing", outermost.name.clone().into(), message, hint);
    }
    for kustomization in kustomizations {
        let last = kustomization.transformers.len();
        let mut before = false;
        for (number, transformer) in (1..).zip(&kustomization.transformers) {
            let Some(layered) = transformer.ours else { continue };
            let place = Location::line(&kustomization.name, transformer.line);
            for (rule, message, hint) in misplaced(kustomization.role, layered, transformer, number == last, before) {
                error(rule, place.clone(), message, hint);
            }
            before = true;
        }
    }
    found
}

type Words = (&'static str, &'static str, &'static str);

fn misplaced(role: Role, layered: Layered, transformer: &Transformer, last: bool, before: bool) -> Vec<Words> {
    let mut found = vec![];
    match (role, layered) {
        (Role::Base, Layered::No) => {
            found.push((
                "build/transformer-in-base",
                "a base lists the transformer, and layers above change names",
                LAST,
            ));
        }
        (Role::Component, _) => {
            found.push((
                "build/transformer-in-component",
                "a component lists the transformer: it works on a part",
                LAST,
            ));
        }
        (Role::Base, Layered::Yes) | (Role::Outermost, _) => {}
    }
    if transformer.inline {
        let what = "the transformer stands inline, and runs before those that are files";
        found.push(("build/transformer-inline", what, "put it into a file, and name the file there"));
    } else if !last {
        found.push(("build/transformer-not-last", "another transformer runs after the transformer of sealref", LAST));
    }
    if before {
        found.push(("build/transformer-twice", "the kustomization lists the transformer twice", "remove one of them"));
    }
    found
}

const LAST: &str = "list it in the outermost kustomization, as the last entry under transformers";
