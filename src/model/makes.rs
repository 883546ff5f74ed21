//! What an object says of the Secret that it is or makes, beside its values.

use crate::yaml::{NodeId, Scalar, Tree};

/// What cannot be changed of a live Secret, and what is written on it.
#[derive(Default)]
pub struct Makes {
    /// Its `type`, where it is written.
    pub secret_type: Option<String>,
    /// `immutable: true`.
    pub immutable: bool,
    /// The names of its annotations.
    pub annotations: Vec<String>,
}

impl Makes {
    /// By the node that has its `type` and `metadata`, and the one that has `immutable`.
    #[must_use]
    pub fn read(tree: &Tree, template: Option<NodeId>, holder: Option<NodeId>) -> Self {
        let below = |path: &[&str]| template.and_then(|node| tree.at(node, path));
        let immutable = holder.and_then(|node| tree.get(node, "immutable")).and_then(|node| tree.scalar(node));
        let annotations = below(&["metadata", "annotations"]).map(|node| tree.entries(node)).unwrap_or_default();
        Self {
            secret_type: below(&["type"]).and_then(|node| tree.text(node)).map(str::to_owned),
            immutable: immutable == Some(Scalar::Bool(true)),
            annotations: annotations.into_iter().map(|(key, _)| tree.key(key).into_owned()).collect(),
        }
    }
}
