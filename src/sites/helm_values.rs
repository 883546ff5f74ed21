//! `spec.values` of a Flux HelmRelease. Subtrees are lifted into a Secret whose text is YAML, and which
//! `spec.valuesFrom` names.
//!
//! Flux merges `valuesFrom` in order, and `values` last. So ours comes last in the list, and what was lifted leaves
//! `values`: the result is the same. Source: "Values overrides" in Flux's API reference of HelmRelease.

use std::borrow::Cow;

use super::{Site, Spot, Takes};
use crate::model::Identity;
use crate::yaml::{Edits, Kind, NodeId, Scalar, Tree, Value};

pub(super) struct HelmValues;

impl Site for HelmValues {
    fn name(&self) -> &'static str {
        super::HELM_VALUES
    }

    fn takes(&self) -> Takes {
        Takes::Referring
    }

    fn covers(&self, identity: &Identity) -> bool {
        identity.is("helm.toolkit.fluxcd.io", "HelmRelease")
    }

    fn find<'t>(&self, tree: &'t Tree, _: &Identity) -> Vec<Spot<'t>> {
        let mut spots = vec![];
        if let Some(values) = tree.at(tree.root(), &["spec", "values"]) {
            below(tree, values, &mut spots);
        }
        spots
    }

    fn lift(&self, tree: &Tree, nodes: &[NodeId], name: &str, key: &str, edits: &mut Edits) {
        for node in nodes {
            let entries = tree.parent(*node).into_iter().flat_map(|map| tree.entries(map));
            entries.filter(|(_, value)| value == node).for_each(|(key, _)| edits.remove(key));
        }
        let texts = [("kind", "Secret"), ("name", name), ("valuesKey", key)];
        let from = Value::map(texts.map(|(key, text)| (key, Value::text(text.to_owned()))));
        match tree.at(tree.root(), &["spec", "valuesFrom"]) {
            Some(list) => edits.append(list, from),
            None => edits.insert(tree, tree.root(), &["spec", "valuesFrom"], Value::List(vec![from])),
        }
    }
}

/// Every text below a place.
fn below<'t>(tree: &'t Tree, node: NodeId, spots: &mut Vec<Spot<'t>>) {
    match (tree.kind(node), tree.scalar(node)) {
        (Kind::Map, _) => tree.entries(node).into_iter().for_each(|(_, value)| below(tree, value, spots)),
        (Kind::Seq, _) => tree.items(node).for_each(|item| below(tree, item, spots)),
        (_, Some(Scalar::Text(text))) => {
            spots.push(Spot { node, key: "".into(), value: Ok(Cow::Borrowed(text.as_bytes())) });
        }
        _ => {}
    }
}
