//! A guard in the resources of a kustomization: it stays in the build until sealref has run, so that a cluster refuses
//! the whole where a builder has skipped us.

use super::emit::Outcome;
use crate::error::{Problem, Problems};
use crate::hosts::{Names, Terms};
use crate::model::{GUARD, LOCAL, Stream};
use crate::yaml::Value;

/// Marks each guard in a list as one that the builder leaves out in the end. Guards that are documents did not come so far.
pub(super) fn dismiss(stream: &Stream, terms: &Terms, outcome: &mut Outcome) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for (id, tree, identity) in stream.read().filter(|(.., identity)| identity.is(GUARD.0, GUARD.1)) {
        if terms.names == Names::Final {
            let what = format!("a {} stands in a list that no builder works on any more", identity.kind);
            problems.push(Problem::new(what).hint("write it as a document of its own").at(stream.tell_object(id)));
        } else if let Some(edits) = outcome.fates.edits(id) {
            edits.insert(tree, tree.root(), &["metadata", "annotations", LOCAL], Value::text("true"));
        }
    }
    problems.or(())
}
