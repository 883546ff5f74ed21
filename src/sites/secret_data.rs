//! `data` and `stringData` of a Secret. The Secret is replaced as a whole.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Site, Spot, Takes};
use crate::error::Problem;
use crate::model::{Identity, unbase64};
use crate::yaml::{Kind, NodeId, Scalar, Tree};

pub(super) struct SecretData;

impl Site for SecretData {
    fn name(&self) -> &'static str {
        "secret data"
    }

    fn takes(&self) -> Takes {
        Takes::All
    }

    fn covers(&self, identity: &Identity) -> bool {
        identity.is("", "Secret")
    }

    /// A key of `stringData` wins over the same key of `data`, as in the API server.
    fn find<'t>(&self, tree: &'t Tree, _: &Identity) -> Vec<Spot<'t>> {
        let mut spots: Vec<Spot> = vec![];
        for (field, value) in [("data", decoded as fn(&'t Tree, NodeId) -> _), ("stringData", plain)] {
            let Some(map) = tree.get(tree.root(), field) else {
                continue;
            };
            if tree.kind(map) != Kind::Map && !matches!(tree.scalar(map), Some(Scalar::Null)) {
                let value =
                    Err(Problem::new(format!("{field} must be a map")).hint("write each key and its value below it"));
                spots.push(Spot { node: map, key: field.into(), value });
            }
            let entries = tree.entries(map);
            if !spots.is_empty() {
                let keys: BTreeSet<Cow<str>> = entries.iter().map(|(key, _)| tree.key(*key)).collect();
                spots.retain(|spot| !keys.contains(&spot.key));
            }
            spots.reserve(entries.len());
            for (key, node) in entries {
                let said = tree.raw(key).unwrap_or_default();
                let key = tree.key(key);
                let value = if key == said { value(tree, node) } else { Err(another_key(said, &key)) };
                spots.push(Spot { node, key, value });
            }
        }
        spots
    }
}

/// YAML 1.1 reads `y`, `on` and the like as booleans, and so does Kubernetes, kustomize does not.
fn another_key(said: &str, key: &str) -> Problem {
    Problem::new(format!("Kubernetes reads the key {said} as \"{key}\"")).hint(format!("put it in quotes: \"{said}\""))
}

/// The text of a value, nothing being no text.
pub fn plain<'t>(tree: &'t Tree, node: NodeId) -> Result<Cow<'t, [u8]>, Problem> {
    match tree.scalar(node) {
        Some(Scalar::Text(text)) => Ok(Cow::Borrowed(text.as_bytes())),
        Some(Scalar::Null) => Ok(Cow::Borrowed(b"")),
        Some(Scalar::Bool(_)) => Err(not_text("a boolean", QUOTES)),
        Some(Scalar::Number(_)) => Err(not_text("a number", QUOTES)),
        None => Err(not_text("a map or a list", "write it as text, below a |")),
    }
}

fn not_text(found: &str, hint: &str) -> Problem {
    Problem::new(format!("the value must be text, found {found}")).hint(hint)
}

const QUOTES: &str = "put it in quotes";

fn decoded<'t>(tree: &'t Tree, node: NodeId) -> Result<Cow<'t, [u8]>, Problem> {
    let tagged = tree.bytes(node).and_then(|text| unbase64(text.as_bytes()));
    let text = match &tagged {
        Some(bytes) => Cow::Borrowed(bytes.as_slice()),
        None => plain(tree, node)?,
    };
    unbase64(&text).map(|mut bytes| Cow::Owned(std::mem::take(&mut *bytes))).ok_or_else(|| {
        Problem::new("the value is not base64")
            .hint("values under \"data\" are base64; plain text belongs under \"stringData\"")
    })
}
