//! Workloads learn that a Secret has changed: annotations for a controller, or a checksum in the pod template.
//!
//! Only Deployments, StatefulSets, DaemonSets, Argo Rollouts and DeploymentConfigs: a Job runs once, a CronJob reads
//! anew each time, and a controller that is told of one would run it.

use std::collections::{BTreeMap, BTreeSet};

use super::emit::Outcome;
use crate::error::{Problem, Problems};
use crate::model::{Identity, Inventory, ManifestId, Object, Origin, Plan, Refresh, Stream, annotation, ignored};
use crate::rules::reload::WAVE;
use crate::settings::{Controller, Reload, Settings, When};
use crate::yaml::{Edits, Tree, Value};

mod keyed;
mod reloader;

pub use keyed::{Checksums, settle};

/// For each workload the provisions for which it has to start again, by their numbers in the plan.
pub struct Restarts(BTreeMap<ManifestId, BTreeSet<usize>>);

impl Restarts {
    /// By the settings, and by how each workload takes each Secret in.
    #[must_use]
    pub fn of(stream: &Stream, plan: &Plan, inventory: &Inventory, settings: &Settings, own: Option<&str>) -> Self {
        let mut restarts = Self(BTreeMap::new());
        let Some(Reload { when, .. }) = settings.reload.filter(|_| settings.reloads()) else {
            return restarts;
        };
        for (number, provision) in plan.provisions.iter().enumerate() {
            let object = match provision.origin {
                Origin::Promoted(_) => Object::ConfigMaps,
                Origin::Lifted(_) | Origin::Replaced(_) => Object::Secrets,
            };
            let named = (provision.secret.namespace.as_deref(), provision.secret.name.as_str());
            let uses = inventory.uses_of(object, named, own);
            for usage in uses.filter(|usage| when == When::Always || usage.refresh == Refresh::Restart) {
                restarts.insert(stream, usage.consumer, number);
            }
            if let Origin::Lifted(workload) = provision.origin {
                restarts.insert(stream, workload, number);
            }
        }
        restarts
    }

    /// Every provision for which something has to start again.
    pub(super) fn provisions(&self) -> BTreeSet<usize> {
        self.0.values().flatten().copied().collect()
    }

    fn insert(&mut self, stream: &Stream, workload: ManifestId, number: usize) {
        let read = stream.get(workload).and_then(|manifest| manifest.read());
        if read.is_some_and(|(tree, identity)| restarts(identity) && !ignored(tree)) {
            self.0.entry(workload).or_default().insert(number);
        }
    }
}

/// Kinds whose pods are replaced one after the other.
fn restarts(identity: &Identity) -> bool {
    matches!(
        (identity.group(), identity.kind.as_str()),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet")
            | ("argoproj.io", "Rollout")
            | ("apps.openshift.io", "DeploymentConfig")
    )
}

/// Says every annotation against the unchanged tree.
pub fn annotate(
    stream: &Stream,
    plan: &Plan,
    restarts: &Restarts,
    checksums: &Checksums,
    settings: &Settings,
    outcome: &mut Outcome,
    warnings: &mut Problems,
) {
    let Some(Reload { controller, .. }) = settings.reload else { return };
    for (workload, numbers) in &restarts.0 {
        let Some((tree, identity)) = stream.get(*workload).and_then(|manifest| manifest.read()) else { continue };
        let names: BTreeSet<&str> = numbers
            .iter()
            .filter_map(|number| plan.provisions.get(*number))
            .map(|provision| provision.secret.name.as_str())
            .collect();
        let Some(edits) = outcome.fates.edits(*workload) else { continue };
        match controller {
            Controller::Checksum => {
                let sum = checksums.0.get(workload).cloned().unwrap_or_default();
                let path = ["spec", "template", "metadata", "annotations", "sealref.dev/checksum"];
                edits.insert(tree, tree.root(), &path, Value::text(sum));
            }
            Controller::Reloader => reloader::annotate(tree, &names, edits),
            Controller::Suffix => {}
            Controller::Wave if identity.group() == "apps" => wave(tree, edits),
            Controller::Wave => warnings.push(
                Problem::new(format!("Wave does not know {}, so nothing restarts it", identity.kind))
                    .hint("reload: {controller: Reloader} knows it")
                    .at(stream.tell_object(*workload)),
            ),
        }
    }
}

/// Wave finds what a workload uses by itself. What a user has said stays.
fn wave(tree: &Tree, edits: &mut Edits) {
    if annotation(tree, WAVE).is_none() {
        edits.insert(tree, tree.root(), &["metadata", "annotations", WAVE], Value::text("true"));
    }
}
