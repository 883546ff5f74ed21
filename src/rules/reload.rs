//! Annotations that are to restart workloads, and will not: on the wrong object, at the wrong place, with a value that
//! nobody reads, or for something that the workload does not use.
//!
//! Sources: the READMEs of Stakater Reloader (1.4) and of Wave. Named objects are regular expressions, anchored at both
//! ends; what stands on the workload hides what stands on its pod template.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{Finding, Severity, View};
use crate::error::Problem;
use crate::model::{Identity, ManifestId, Object, Place, Provider};
use crate::yaml::{NodeId, Tree};

/// What a workload uses, by kind and name.
type Used<'v> = BTreeSet<(Object, &'v str)>;

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let mut used: BTreeMap<ManifestId, Used> = BTreeMap::new();
    for ((object, name), uses) in &view.inventory.uses {
        for usage in uses {
            used.entry(usage.consumer).or_default().insert((*object, name));
        }
    }
    let nothing = Used::new();
    for (id, tree, identity) in view.stream.read() {
        let used = used.get(&id).unwrap_or(&nothing);
        let mut found = |rule, node, message: String, hint: &str| {
            let problem = Problem::new(message).hint(hint).at(view.stream.tell(Place { manifest: id, node }));
            tell(Finding { rule, object: Some(id), severity: Severity::Warning, problem });
        };
        Workload { tree, identity, used, view }.check(&mut found);
    }
}

type Found<'f> = &'f mut dyn FnMut(&'static str, NodeId, String, &str);

struct Workload<'v, 's> {
    tree: &'v Tree<'s>,
    identity: &'v Identity,
    used: &'v Used<'v>,
    view: &'v View<'v, 's>,
}

/// Secrets of a namespace that say themselves that nothing restarts for them, where what provides them is in the stream.
fn ignored<'v>(view: &'v View<'v, '_>, namespace: Option<&str>) -> BTreeSet<&'v str> {
    let near = |its: Option<&str>| its.is_none() || namespace.is_none() || its == namespace;
    let provides = view.inventory.provides.iter().filter(|provider| near(provider.namespace));
    let says = |provider: &&Provider| {
        let tree = view.stream.get(provider.manifest).and_then(|manifest| manifest.tree().ok());
        let says = |tree: &Tree, path: &[&str]| {
            let map = tree.at(tree.root(), path);
            map.and_then(|map| tree.at(map, &["metadata", "annotations", IGNORE])).and_then(|node| tree.text(node))
                == Some("true")
        };
        let templates = [&[][..], &["spec", "template"], &["spec", "target", "template"]];
        tree.is_some_and(|tree| templates.iter().any(|path| says(tree, path)))
    };
    provides.filter(says).map(|provider| provider.name).collect()
}

/// On a Secret or ConfigMap: nothing restarts for it.
const IGNORE: &str = "reloader.stakater.com/ignore";

/// Annotations that ask Reloader for something, with the kind of object they are about.
const ASKS: [(&str, &[Object]); 6] = [
    ("configmap.reloader.stakater.com/auto", &[Object::ConfigMaps]),
    ("configmap.reloader.stakater.com/reload", &[Object::ConfigMaps]),
    ("reloader.stakater.com/auto", &[Object::ConfigMaps, Object::Secrets]),
    ("reloader.stakater.com/search", &[Object::ConfigMaps, Object::Secrets]),
    ("secret.reloader.stakater.com/auto", &[Object::Secrets]),
    ("secret.reloader.stakater.com/reload", &[Object::Secrets]),
];

/// Asks Wave to look at what a workload uses.
pub const WAVE: &str = "wave.pusher.com/update-on-config-change";

/// What Go reads as a boolean.
const BOOLEANS: [&str; 12] = ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"];

impl Workload<'_, '_> {
    fn check(&self, found: Found) {
        let top = self.asks(&["metadata", "annotations"]);
        let template = self.asks(&["spec", "template", "metadata", "annotations"]);
        for (name, node, _) in self.asks(&["metadata", "labels"]) {
            found("reload/place", node, format!("{name} is a label"), "write it under metadata.annotations");
        }
        for (name, node, _) in &template {
            let said = top.iter().any(|(other, ..)| other == name);
            if !said && (*name == WAVE || !top.is_empty()) {
                let hint = "write it under the workload's own metadata.annotations";
                found("reload/place", *node, format!("nobody reads {name} on the pod template"), hint);
            }
        }
        let template = if top.is_empty() { template } else { vec![] };
        for (name, node, text) in top.into_iter().chain(template) {
            if let Some((message, hint)) = self.unknown_kind(name) {
                found("reload/kind", node, message, hint);
            } else if name.ends_with("/reload") {
                self.list(name, node, text, found);
            } else {
                self.switch(name, node, text, found);
            }
        }
    }

    /// Annotations or labels that ask for something.
    fn asks(&self, at: &[&str]) -> Vec<(&'static str, NodeId, &str)> {
        let names = ASKS.iter().map(|(name, _)| *name).chain([WAVE]);
        let map = self.tree.at(self.tree.root(), at);
        let ask = |name| {
            let node = self.tree.get(map?, name)?;
            Some((name, node, self.tree.raw(node)?))
        };
        names.filter_map(ask).collect()
    }

    fn unknown_kind(&self, name: &str) -> Option<(String, &'static str)> {
        let kind = self.identity.kind.as_str();
        match (self.identity.group(), kind) {
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet") => None,
            ("argoproj.io", "Rollout") | ("apps.openshift.io", "DeploymentConfig") if name != WAVE => None,
            ("batch", "Job" | "CronJob") if name != WAVE => {
                Some((format!("{name} on a {kind} makes Reloader run it"), "take it away: the next run reads anew"))
            }
            _ => Some((format!("{name} has no effect on a {kind}"), "write it on the workload that uses the Secret")),
        }
    }

    fn list(&self, name: &'static str, node: NodeId, text: &str, found: Found) {
        let objects = objects(name);
        let excluded = match objects {
            [Object::ConfigMaps] => "configmaps.exclude.reloader.stakater.com/reload",
            _ => "secrets.exclude.reloader.stakater.com/reload",
        };
        let excluded = self.tree.at(self.tree.root(), &["metadata", "annotations", excluded]);
        let excluded = excluded.and_then(|node| self.tree.text(node)).unwrap_or_default();
        let mut excluded: BTreeSet<&str> = excluded.split(',').map(str::trim).collect();
        excluded.extend(ignored(self.view, self.identity.namespace.as_deref()));
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let Ok(pattern) = Regex::new(&format!("^(?:{item})$")) else {
                let hint = "a name stands for itself, with a backslash before each dot";
                found("reload/value", node, format!("\"{item}\" is no regular expression"), hint);
                continue;
            };
            let names = self.used.iter().filter(|(object, name)| objects.contains(object) && pattern.is_match(name));
            let names: Vec<&str> = names.map(|(_, name)| *name).collect();
            if names.is_empty() {
                let hint = "remove it, or correct the name";
                found("reload/unused", node, format!("nothing here uses \"{item}\", for which it restarts"), hint);
            } else if names.iter().all(|name| excluded.contains(name)) {
                let hint = "remove it here, or from the annotation that excludes it, there or on the Secret";
                found("reload/excluded", node, format!("\"{item}\" is excluded by another annotation"), hint);
            }
        }
    }

    fn switch(&self, name: &'static str, node: NodeId, text: &str, found: Found) {
        let exact = matches!(name, WAVE) || name.ends_with("/search");
        let known = if exact { text == "true" || text == "false" } else { BOOLEANS.contains(&text) };
        if !known {
            found("reload/value", node, format!("{name} is neither true nor false"), "write \"true\"");
        } else if text.starts_with(['1', 't', 'T']) && !self.used.iter().any(|(kind, _)| objects(name).contains(kind)) {
            let hint = "remove it: nothing that it uses can change";
            found("reload/unused", node, format!("{name} is set, and nothing is used that it is about"), hint);
        }
    }
}

/// What an annotation is about.
fn objects(name: &str) -> &'static [Object] {
    let ask = ASKS.iter().find(|(ask, _)| *ask == name);
    ask.map_or(&[Object::ConfigMaps, Object::Secrets], |(_, objects)| objects)
}
