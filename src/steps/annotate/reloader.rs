//! Stakater Reloader, which goes by annotations on the workload. Source: its README and
//! `internal/pkg/handler/upgrade.go` of release 1.4.

use std::collections::BTreeSet;

use crate::model::annotation;
use crate::yaml::{Edits, NodeId, Tree, Value};

/// The Secrets for whose change the workload restarts: regular expressions, anchored by Reloader at both ends.
const RELOAD: &str = "secret.reloader.stakater.com/reload";

/// Secrets that are left out of everything, by their exact names.
const EXCLUDE: &str = "secrets.exclude.reloader.stakater.com/reload";

/// `false` in one of these is the word of a user.
const AUTO: [&str; 2] = ["reloader.stakater.com/auto", "secret.reloader.stakater.com/auto"];

/// While none of these stands on the workload, Reloader asks the pod template for them.
const ASKED: [&str; 8] = [
    "configmap.reloader.stakater.com/auto",
    "configmap.reloader.stakater.com/reload",
    "reloader.stakater.com/auto",
    "reloader.stakater.com/search",
    "secret.reloader.stakater.com/auto",
    RELOAD,
    "secretproviderclass.reloader.stakater.com/auto",
    "secretproviderclass.reloader.stakater.com/reload",
];

/// Adds the names to what a user has written; a second time it adds nothing.
pub(super) fn annotate(tree: &Tree, names: &BTreeSet<&str>, edits: &mut Edits) {
    let template = tree.at(tree.root(), &["spec", "template", "metadata", "annotations"]);
    // What is said there counts no more once something is said here, so it is said here.
    let moved = !ASKED.iter().any(|name| annotation(tree, name).is_some());
    let said = |name: &str| {
        let there = template.filter(|_| moved).and_then(|map| text(tree, map, name));
        annotation(tree, name).or(there)
    };
    if AUTO.iter().any(|name| said(name) == Some("false")) {
        return;
    }
    let listed = |name| annotation(tree, name).unwrap_or_default().split(',').map(str::trim);
    let excluded: BTreeSet<&str> = listed(EXCLUDE).collect();
    let before = said(RELOAD).map(str::trim).unwrap_or_default();
    let known: BTreeSet<&str> = before.split(',').map(str::trim).collect();
    let mut items: Vec<String> = if before.is_empty() { vec![] } else { vec![before.to_owned()] };
    for name in names.iter().filter(|name| !excluded.contains(*name)) {
        let escaped = name.replace('.', "\\.");
        if !known.contains(name) && !known.contains(escaped.as_str()) {
            items.push(escaped);
        }
    }
    let after = items.join(",");
    if after == before {
        return;
    }
    let mut add = |name, text: &str| {
        edits.insert(tree, tree.root(), &["metadata", "annotations", name], Value::text(text.to_owned()));
    };
    for name in ASKED.iter().filter(|name| moved && **name != RELOAD) {
        if let Some(text) = said(name) {
            add(name, text);
        }
    }
    add(RELOAD, &after);
}

fn text<'t>(tree: &'t Tree, map: NodeId, key: &str) -> Option<&'t str> {
    tree.get(map, key).and_then(|node| tree.text(node))
}
