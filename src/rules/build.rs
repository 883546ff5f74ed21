//! What a build leaves behind where sealref did not run in it, or not to the end.

use super::{Finding, Severity, View};
use crate::error::Problem;
use crate::model::{GUARD, Identity, Place, SHADOW, annotation};

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let mut error = |rule, problem| tell(Finding { rule, object: None, severity: Severity::Error, problem });
    let is_guard = |identity: &Identity| identity.is(GUARD.0, GUARD.1);
    for manifest in view.stream.ours.iter().filter(|ours| ours.identity().is_ok_and(is_guard)) {
        error("build/skipped", skipped().at(view.stream.tell_line(manifest, 1)));
    }
    for (manifest, tree, identity) in view.stream.read() {
        let told = |problem: Problem| problem.at(view.stream.tell(Place { manifest, node: tree.root() }));
        if is_guard(identity) {
            error("build/skipped", told(skipped()));
        }
        if annotation(tree, SHADOW).is_some() {
            let problem = Problem::new("what only kustomize should see is still in the stream")
                .hint("was config.kubernetes.io/local-config removed, or the function run without kustomize?");
            error("build/shadow", told(problem));
        }
    }
}

fn skipped() -> Problem {
    Problem::new("the guard is still in the stream: sealref did not run in the build")
        .hint("kustomize skips exec functions silently without --enable-exec")
}
