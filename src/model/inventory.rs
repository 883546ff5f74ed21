//! What the stream holds: who uses Secrets, what provides them, which stores there are.
//!
//! Made once by `find`; plan, rewire, check, explain and the rules ask it and never walk again.

use std::collections::BTreeMap;

use super::{Identity, ManifestId, StoreSpec};
use crate::yaml::{NodeId, Tree};

/// A place where an object names a Secret, or a ConfigMap that may become one.
pub struct Use {
    /// Who.
    pub consumer: ManifestId,
    /// The namespace in which it looks: said beside the name, or its own; None where neither is written.
    pub namespace: Option<String>,
    /// The node with the name.
    pub node: NodeId,
    /// The map or list in which the name stands.
    pub holder: NodeId,
    /// The map in which the holder stands.
    pub around: NodeId,
    /// How it is said.
    pub form: Form,
    /// How the consumer comes by new content.
    pub refresh: Refresh,
    /// `optional: true`: it starts without.
    pub optional: bool,
}

/// Among which objects the name is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A ConfigMap.
    ConfigMaps,
    /// A Secret.
    Secrets,
}

/// How a name is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `env[].valueFrom`.
    Env,
    /// `envFrom[]`.
    EnvFrom,
    /// `kind: Secret` or `kind: ConfigMap` stands beside it.
    Kind,
    /// The name alone says it.
    Other,
    /// A source of a projected volume.
    Projected,
    /// A role's `resourceNames`.
    RoleNames,
    /// `NAMESPACE/NAME` or `NAME`.
    Slashed,
    /// A volume.
    Volume,
}

/// How a consumer comes by new content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// It looks again, or is told.
    Live,
    /// Only when its pods start again.
    Restart,
}

/// An object in the stream that will give a Secret its content.
pub struct Provider<'t> {
    /// Which object.
    pub manifest: ManifestId,
    /// The Secret's namespace, where it is written.
    pub namespace: Option<&'t str>,
    /// The Secret's name.
    pub name: &'t str,
}

/// What is where, asked by everybody, made once.
#[derive(Default)]
pub struct Inventory<'t> {
    /// Who names a Secret or a ConfigMap, by what is named; empty where nobody was going to ask (most renders).
    pub uses: BTreeMap<(Object, String), Vec<Use>>,
    /// What provides Secrets.
    pub provides: Vec<Provider<'t>>,
    /// SecretStores and ClusterSecretStores.
    pub stores: Vec<(ManifestId, StoreSpec)>,
    /// Objects by what they are.
    pub by_identity: BTreeMap<&'t Identity, ManifestId>,
}

impl Inventory<'_> {
    /// Who names an object. What writes no namespace goes to `namespace`; where that is not known either, it may
    /// be any.
    pub fn uses_of<'i>(
        &'i self,
        object: Object,
        (its, name): (Option<&'i str>, &str),
        namespace: Option<&'i str>,
    ) -> impl Iterator<Item = &'i Use> {
        let uses = self.uses.get(&(object, name.to_owned())).map_or(&[][..], Vec::as_slice);
        uses.iter().filter(move |usage| {
            let sides = (usage.namespace.as_deref().or(namespace), its.or(namespace));
            matches!(sides, (Some(a), Some(b)) if a == b) || matches!(sides, (None, _) | (_, None))
        })
    }
}

/// Follows a path of the consumers' table (`spec/tls[]/secretName`; `*` is any key, `~1` a slash) and shows each
/// node at its end.
pub fn each(tree: &Tree, at: NodeId, path: &str, see: &mut dyn FnMut(NodeId)) {
    if path.is_empty() {
        return see(at);
    }
    let (step, rest) = path.split_once('/').unwrap_or((path, ""));
    if step == "*" {
        return tree.entries(at).into_iter().for_each(|(_, node)| each(tree, node, rest, see));
    }
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
