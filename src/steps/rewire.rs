//! Consumers follow: values that were lifted become references to keys of Secrets, and what names an object that
//! goes out under another name or kind names it so.

use std::collections::BTreeSet;

use super::emit::Outcome;
use crate::error::{Problem, Problems};
use crate::model::{Form, Inventory, Lift, Object, Origin, Place, Plan, Provision, Stream, Use, ignored};
use crate::sites;
use crate::yaml::{Edits, NodeId, Tree, Value};

/// Says every change against the unchanged tree. `namespace` is where objects go that write none.
pub fn rewire(
    stream: &Stream,
    plan: &Plan,
    inventory: &Inventory,
    namespace: Option<&str>,
    outcome: &mut Outcome,
) -> Result<(), Problems> {
    for lift in &plan.lifts {
        let Some(Place { manifest, .. }) = lift.places().first().copied() else { continue };
        let read = stream.get(manifest).and_then(|manifest| manifest.read());
        let (Some((tree, identity)), Some(edits)) = (read, outcome.fates.edits(manifest)) else { continue };
        match lift {
            Lift::Key { places, name, key } => {
                if let Some(site) = sites::of(identity) {
                    let nodes: Vec<NodeId> = places.iter().map(|place| place.node).collect();
                    site.lift(tree, &nodes, name, key, edits);
                }
            }
            Lift::Text { place, text } => edits.set(place.node, Value::text(text.clone())),
        }
    }
    let follower = Follower { stream, inventory, namespace, outcome };
    follower.all(plan)
}

/// Lets consumers follow to other names and kinds.
struct Follower<'f, 's> {
    stream: &'f Stream<'s>,
    inventory: &'f Inventory<'f>,
    namespace: Option<&'f str>,
    outcome: &'f mut Outcome,
}

impl Follower<'_, '_> {
    fn all(mut self, plan: &Plan) -> Result<(), Problems> {
        let (mut problems, mut told) = (Problems::default(), BTreeSet::new());
        for provision in &plan.provisions {
            let promoted = matches!(provision.origin, Origin::Promoted(_));
            if !promoted && provision.base.is_none() {
                continue;
            }
            let before = provision.base.as_ref().unwrap_or(&provision.secret.name);
            let named = (provision.secret.namespace.as_deref(), before.as_str());
            let object = if promoted { Object::ConfigMaps } else { Object::Secrets };
            let (stream, inventory) = (self.stream, self.inventory);
            for usage in inventory.uses_of(object, named, self.namespace) {
                let place = Place { manifest: usage.consumer, node: usage.node };
                // Through an alias a place may be found twice.
                if let Err(problem) = self.follow(provision, object, usage)
                    && told.insert(place)
                {
                    problems.push(problem.at(stream.tell(place)));
                }
            }
        }
        problems.or(())
    }

    fn follow(&mut self, provision: &Provision, object: Object, usage: &Use) -> Result<(), Problem> {
        let name = &provision.secret.name;
        let tree = self.stream.get(usage.consumer).and_then(|manifest| manifest.tree().ok());
        let Some(tree) = tree else { return Ok(()) };
        if ignored(tree) {
            return Err(Problem::new(format!("an object marked with sealref.dev/ignore names what is now \"{name}\""))
                .hint("take the mark away, so that the name can follow"));
        }
        if self.may_be_another(provision, object, usage) {
            return Err(Problem::new("the name may mean objects of several namespaces")
                .hint("write metadata.namespace, or give --namespace"));
        }
        let Some(edits) = self.outcome.fates.edits(usage.consumer) else { return Ok(()) };
        if object == Object::ConfigMaps {
            promote(tree, usage, edits)?;
        }
        if provision.base.is_some() { rename(tree, usage, name, edits) } else { Ok(()) }
    }

    /// Where it is not known in which namespace a name is looked up, another object of that name may be meant.
    fn may_be_another(&self, provision: &Provision, object: Object, usage: &Use) -> bool {
        let its = provision.secret.namespace.as_deref();
        if self.namespace.is_some() || usage.namespace.is_some() && its.is_some() {
            return false;
        }
        let name = provision.base.as_ref().unwrap_or(&provision.secret.name);
        let elsewhere = |other: &Use| other.namespace.is_some() && other.namespace != usage.namespace;
        if usage.namespace.is_some() && self.inventory.uses_of(object, (its, name), None).any(elsewhere) {
            return true;
        }
        match object {
            Object::ConfigMaps => {
                let mut all = self.inventory.by_identity.keys();
                all.any(|other| other.is("", "ConfigMap") && other.name == *name && other.namespace.as_deref() != its)
            }
            Object::Secrets => {
                let mut all = self.inventory.provides.iter();
                all.any(|other| other.name == *name && other.namespace != its)
            }
        }
    }
}

/// Another name at the same place.
fn rename(tree: &Tree, usage: &Use, name: &str, edits: &mut Edits) -> Result<(), Problem> {
    unshared(tree, usage.node)?;
    let said = tree.text(usage.node).unwrap_or_default();
    let front = said.split_once('/').filter(|_| usage.form == Form::Slashed).map(|(namespace, _)| namespace);
    let text = front.map_or_else(|| name.to_owned(), |front| format!("{front}/{name}"));
    match (usage.form, tree.parent(usage.node)) {
        // The Secret before stays for a rollback, and whoever might read it still may.
        (Form::RoleNames, Some(list)) => edits.append(list, Value::text(text)),
        _ => edits.set(usage.node, Value::text(text)),
    }
    Ok(())
}

/// What an alias brings to another place would change there too.
fn unshared(tree: &Tree, node: NodeId) -> Result<(), Problem> {
    if tree.nodes().any(|other| other != node && tree.target(other) == node) {
        return Err(Problem::new("the name of a Secret that changes stands behind an alias").hint("write it out"));
    }
    Ok(())
}

/// What named a ConfigMap names a Secret.
fn promote(tree: &Tree, usage: &Use, edits: &mut Edits) -> Result<(), Problem> {
    let to = match usage.form {
        Form::Env => "secretKeyRef",
        Form::EnvFrom => "secretRef",
        Form::Projected | Form::Volume => "secret",
        Form::Kind => {
            if let Some(kind) = tree.get(usage.holder, "kind") {
                edits.set(kind, Value::text("Secret"));
            }
            return Ok(());
        }
        Form::Other | Form::RoleNames | Form::Slashed => return Ok(()),
    };
    let key_of = |map, value| tree.entries(map).into_iter().find(|(_, node)| *node == value).map(|(key, _)| key);
    if let Some(key) = key_of(usage.around, usage.holder) {
        edits.rename(key, to.to_owned());
    }
    // A volume has its own word for the name; a source of a projected volume has not.
    if let (Form::Volume, Some(key)) = (usage.form, key_of(usage.holder, usage.node)) {
        unshared(tree, usage.holder)?;
        if tree.parent(key) != Some(usage.holder) {
            return Err(Problem::new("the name of a ConfigMap stands behind a merge").hint("write it out"));
        }
        edits.rename(key, "secretName".to_owned());
    }
    Ok(())
}
