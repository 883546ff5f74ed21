//! `data` of a ConfigMap. Where the settings let it, the ConfigMap becomes a Secret as a whole.

use std::borrow::Cow;

use super::{Site, Spot, Takes};
use crate::model::Identity;
use crate::yaml::{Scalar, Tree};

pub(super) struct ConfigMap;

impl Site for ConfigMap {
    fn name(&self) -> &'static str {
        super::CONFIG_MAP
    }

    fn takes(&self) -> Takes {
        Takes::AllOrNone
    }

    fn covers(&self, identity: &Identity) -> bool {
        identity.is("", "ConfigMap")
    }

    fn find<'t>(&self, tree: &'t Tree, _: &Identity) -> Vec<Spot<'t>> {
        let data = tree.get(tree.root(), "data").into_iter().flat_map(|map| tree.entries(map));
        let spot = |(key, node)| {
            // What is no text holds no reference, and the API server says what it thinks of it.
            let text = match tree.scalar(node) {
                Some(Scalar::Text(text)) => text.as_bytes(),
                _ => b"",
            };
            Spot { node, key: tree.key(key), value: Ok(Cow::Borrowed(text)) }
        };
        data.map(spot).collect()
    }
}
