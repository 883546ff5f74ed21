//! Consumers follow: values that were lifted become references to keys of Secrets.

use super::emit::Outcome;
use crate::model::{Lift, Place, Plan, Stream};
use crate::settings::Allowed;
use crate::sites;
use crate::yaml::Value;

/// Says every change against the unchanged tree.
pub fn rewire(stream: &Stream, plan: &Allowed<Plan>, outcome: &mut Outcome) {
    for lift in &plan.lifts {
        let Place { manifest, node } = lift.place();
        let tree = stream.get(manifest).and_then(|manifest| manifest.tree().ok());
        let (Some(tree), Some(edits)) = (tree, outcome.fates.edits(manifest)) else { continue };
        match lift {
            Lift::Key { site, name, key, .. } => {
                if let Some(site) = sites::find(site) {
                    site.lift(tree, node, name, key, edits);
                }
            }
            Lift::Text { text, .. } => edits.set(node, Value::text(text.clone())),
        }
    }
}
