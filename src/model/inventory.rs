//! What the stream holds: who uses Secrets, what provides them, which stores there are.
//!
//! Made once by `find`; plan, rewire, check, explain and the rules ask it and never walk again.

use std::collections::BTreeMap;

use super::{Identity, ManifestId, StoreSpec};
use crate::yaml::{NodeId, Tree};

/// A place where an object names a Secret.
pub struct Use {
    /// Who.
    pub consumer: ManifestId,
    /// The node with the Secret's name.
    pub name: NodeId,
    /// `optional: true`: it starts without.
    pub optional: bool,
}

/// An object in the stream that will give a Secret its content.
pub struct Provider {
    /// Which object.
    pub manifest: ManifestId,
    /// The Secret's namespace, where it is written.
    pub namespace: Option<String>,
    /// The Secret's name.
    pub name: String,
}

/// What is where, asked by everybody, made once.
#[derive(Default)]
pub struct Inventory {
    /// Who names a Secret; empty where nobody was going to ask (a render).
    pub uses: Vec<Use>,
    /// What provides Secrets.
    pub provides: Vec<Provider>,
    /// SecretStores and ClusterSecretStores.
    pub stores: Vec<(ManifestId, StoreSpec)>,
    /// Objects by what they are.
    pub by_identity: BTreeMap<Identity, ManifestId>,
}

/// Follows a path of the consumers' table (`spec/tls[]/secretName`; `~1` is a slash) and shows each
/// node at its end.
pub fn each(tree: &Tree, at: NodeId, path: &str, see: &mut dyn FnMut(NodeId)) {
    if path.is_empty() {
        return see(at);
    }
    let (step, rest) = path.split_once('/').unwrap_or((path, ""));
    let (key, list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
    let slashed;
    let key = if key.contains("~1") {
        slashed = key.replace("~1", "/");
        slashed.as_str()
    } else {
        key
    };
    match tree.get(at, key) {
        Some(node) if list => tree.items(node).for_each(|item| each(tree, item, rest, see)),
        Some(node) => each(tree, node, rest, see),
        None => {}
    }
}
