//! Names in places that no table knows: what names an object may be a custom resource that nobody has listed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Identity, Place, Stream, Use};
use crate::yaml::{Kind, NodeId, Tree};

/// Where each text of a stream stands.
pub(super) struct Mentions<'t>(BTreeMap<&'t str, Vec<Place>>);

impl<'t> Mentions<'t> {
    pub(super) fn new(stream: &'t Stream) -> Self {
        let mut texts: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
        for (manifest, tree, _) in stream.read() {
            for node in tree.nodes() {
                if let Some(text) = tree.text(node) {
                    texts.entry(text).or_default().push(Place { manifest, node });
                }
            }
        }
        Self(texts)
    }

    /// Where an object is named, by the keys around, and none of `known` is it. `namespace` is where objects go that
    /// write none.
    pub(super) fn beside<'u>(
        &self,
        stream: &Stream,
        named: &Identity,
        known: impl Iterator<Item = &'u Use>,
        namespace: Option<&str>,
    ) -> Vec<Place> {
        let known: BTreeSet<Place> = known.map(|usage| Place { manifest: usage.consumer, node: usage.node }).collect();
        let is_beside = |place: &&Place| {
            let Some((tree, identity)) = stream.get(place.manifest).and_then(|manifest| manifest.read()) else {
                return false;
            };
            let said = said_namespace(tree, place.node).or(identity.namespace.as_deref());
            let spaces = (said.or(namespace), named.namespace.as_deref().or(namespace));
            let apart = matches!(spaces, (Some(its), Some(ours)) if its != ours);
            let followed = known.contains(&Place { node: tree.target(place.node), ..**place });
            !apart && !followed && names(tree, place.node, &named.kind)
        };
        self.0.get(named.name.as_str()).into_iter().flatten().filter(is_beside).copied().collect()
    }
}

/// The namespace that stands beside a name, or that everything of the object goes to, as with Flux.
fn said_namespace<'t>(tree: &'t Tree, node: NodeId) -> Option<&'t str> {
    let beside = tree.parent(node).and_then(|map| tree.get(map, "namespace"));
    let target = || tree.at(tree.root(), &["spec", "targetNamespace"]);
    beside.filter(|beside| *beside != node).or_else(target).and_then(|namespace| tree.text(namespace))
}

/// Does a name stand where an object of this kind is named? Stores have "secret" in their names too.
fn names(tree: &Tree, node: NodeId, kind: &str) -> bool {
    if tree.is_key(node) || tree.kind(node) != Kind::Scalar {
        return false;
    }
    let path = tree.path(node);
    let mut keys = path.rsplit('.').map(|step| step.split('[').next().unwrap_or(step).to_ascii_lowercase());
    let (own, outer) = (keys.next().unwrap_or_default(), keys.next().unwrap_or_default());
    let word = kind.to_ascii_lowercase();
    let says = |key: &str| key.contains(&word) && !key.contains("store");
    // External Secrets calls the kind of a `caProvider` its type
    let is_kind = |key| {
        let beside = tree.parent(node).and_then(|map| tree.get(map, key));
        beside.is_some_and(|beside| tree.text(beside) == Some(kind))
    };
    says(&own) || own == "name" && (says(&outer) || is_kind("kind") || is_kind("type"))
}
