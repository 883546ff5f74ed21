//! Consumers follow: values that were lifted become references to keys of Secrets, and what named a ConfigMap that
//! became a Secret names the Secret.

use super::emit::Outcome;
use crate::model::{Form, Inventory, Lift, Object, Origin, Place, Plan, Stream, Use};
use crate::settings::Allowed;
use crate::sites;
use crate::yaml::{Edits, Tree, Value};

/// Says every change against the unchanged tree. `namespace` is where objects go that write none.
pub fn rewire(
    stream: &Stream,
    plan: &Allowed<Plan>,
    inventory: &Inventory,
    namespace: Option<&str>,
    outcome: &mut Outcome,
) {
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
    for provision in plan.provisions.iter().filter(|provision| matches!(provision.origin, Origin::Promoted(_))) {
        let named = (provision.secret.namespace.as_deref(), provision.secret.name.as_str());
        for usage in inventory.uses_of(Object::ConfigMap, named, namespace) {
            let tree = stream.get(usage.consumer).and_then(|manifest| manifest.tree().ok());
            if let (Some(tree), Some(edits)) = (tree, outcome.fates.edits(usage.consumer)) {
                promote(tree, usage, edits);
            }
        }
    }
}

/// What named a ConfigMap names a Secret.
fn promote(tree: &Tree, usage: &Use, edits: &mut Edits) {
    let to = match usage.form {
        Form::Env => "secretKeyRef",
        Form::EnvFrom => "secretRef",
        Form::Projected | Form::Volume => "secret",
        Form::Kind => {
            let kind = tree.get(usage.holder, "kind");
            return kind.into_iter().for_each(|kind| edits.set(kind, Value::text("Secret")));
        }
        Form::Other | Form::RoleNames | Form::Slashed => return,
    };
    let key_of = |map, value| tree.entries(map).into_iter().find(|(_, node)| *node == value).map(|(key, _)| key);
    if let Some(key) = key_of(usage.around, usage.holder) {
        edits.rename(key, to.to_owned());
    }
    // A volume has its own word for the name; a source of a projected volume has not.
    if let (Form::Volume, Some(key)) = (usage.form, key_of(usage.holder, usage.node)) {
        edits.rename(key, "secretName".to_owned());
    }
}
