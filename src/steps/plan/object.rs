//! The parts of a Secret manifest that are carried over, read strictly.

use std::borrow::Cow;

use crate::error::{Problem, meant, nearest};
use crate::model::{Identity, Metadata, Scope};
use crate::sources;
use crate::steps::find;
use crate::yaml::{Kind, NodeId, Scalar, Tree};

/// A Secret manifest without its values.
pub(super) struct Object<'t> {
    pub(super) secret: Cow<'t, Identity>,
    pub(super) metadata: Metadata,
    pub(super) secret_type: Option<String>,
    pub(super) immutable: Option<bool>,
}

/// Reads a Secret. Where it writes no namespace it has none.
pub(super) fn read<'t>(tree: &Tree, identity: &'t Identity) -> Result<Object<'t>, Problem> {
    fields(tree)?;
    let metadata = metadata(tree)?;
    for scope in Scope::ALL {
        if let Some(name) = scope.annotation().filter(|name| metadata.annotation(name).is_some()) {
            return Err(Problem::new(format!("the annotation {name} widens what a seal is bound to"))
                .hint("remove it; the scope is set in the settings: sealing: {scope: ...}"));
        }
    }
    for field in ["name", "namespace"] {
        let node = tree.at(tree.root(), &["metadata", field]);
        if node.is_some_and(|node| !matches!(tree.scalar(node), Some(Scalar::Text(_) | Scalar::Null))) {
            return Err(must_be_text(&format!("metadata.{field}")));
        }
    }
    if identity.name.is_empty() {
        let generated = tree.at(tree.root(), &["metadata", "generateName"]).is_some();
        let hint = if generated {
            "generateName is settled by the API server, too late for us"
        } else {
            "every object needs one"
        };
        return Err(Problem::new("the Secret has no metadata.name").hint(hint));
    }
    let at = |key| tree.get(tree.root(), key);
    let secret_type = match at("type").map(|node| tree.scalar(node)) {
        None | Some(Some(Scalar::Null)) => None,
        Some(Some(Scalar::Text(text))) => Some(text.to_owned()),
        Some(_) => return Err(must_be_text("type")),
    };
    let immutable = at("immutable").map_or(Ok(None), |node| immutable(tree, node))?;
    Ok(Object { secret: Cow::Borrowed(identity), metadata, secret_type, immutable })
}

/// Every field of a Secret.
const FIELDS: [&str; 7] = ["apiVersion", "data", "immutable", "kind", "metadata", "stringData", "type"];

/// A value under a misspelt field, or under none, would go out as it stands, or be lost.
fn fields(tree: &Tree) -> Result<(), Problem> {
    for (key, node) in tree.entries(tree.root()) {
        let name = tree.key(key);
        if name == sources::ENCRYPTION && find::is_sops(tree) {
            continue;
        }
        if !FIELDS.contains(&&*name) {
            return Err(no_field("Secret", &name, &FIELDS));
        }
        let map = tree.kind(node) == Kind::Map || matches!(tree.scalar(node), Some(Scalar::Null));
        if matches!(&*name, "data" | "metadata" | "stringData") && !map {
            return Err(must_be_map(&name));
        }
    }
    Ok(())
}

/// Labels and annotations, every value text.
pub(super) fn metadata(tree: &Tree) -> Result<Metadata, Problem> {
    let metadata = Metadata { labels: texts(tree, "labels")?, annotations: texts(tree, "annotations")? };
    for (name, _) in &metadata.annotations {
        let ours = name.strip_prefix(OURS).filter(|rest| !rest.starts_with("allow."));
        if let Some(rest) = ours.filter(|rest| !KNOWN.contains(rest)) {
            let known = nearest(rest, KNOWN);
            let hint = known
                .map_or_else(|| format!("known: {}", KNOWN.join(", ")), |near| format!("did you mean {OURS}{near}?"));
            return Err(Problem::new(format!("no annotation of sealref is called \"{name}\"")).hint(hint));
        }
    }
    Ok(metadata)
}

const OURS: &str = "sealref.dev/";

/// What we ask, and what we write.
const KNOWN: [&str; 7] = ["data-from", "ignore", "public-keys", "sealed-for", "sealed-with", "shadow", "target"];

fn texts(tree: &Tree, field: &str) -> Result<Vec<(String, String)>, Problem> {
    let Some(map) = tree.at(tree.root(), &["metadata", field]) else {
        return Ok(vec![]);
    };
    match (tree.kind(map), tree.scalar(map)) {
        (Kind::Map, _) => {}
        (_, Some(Scalar::Null)) => return Ok(vec![]),
        _ => {
            return Err(Problem::new(format!("metadata.{field} must be a map")).hint("write name: value below it"));
        }
    }
    let entries = tree.entries(map);
    // Of its size: all plans of a stream are held together
    let mut texts = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key = tree.key(key).into_owned();
        let Some(text) = tree.text(value) else {
            return Err(must_be_text(&format!("metadata.{field} \"{key}\"")));
        };
        texts.push((key, text.to_owned()));
    }
    Ok(texts)
}

/// The field `immutable`; nothing is as good as none.
pub(super) fn immutable(tree: &Tree, node: NodeId) -> Result<Option<bool>, Problem> {
    match tree.scalar(node) {
        Some(Scalar::Null) => Ok(None),
        Some(Scalar::Bool(immutable)) => Ok(Some(immutable)),
        _ => Err(Problem::new("immutable must be true or false").hint("write it without quotes")),
    }
}

pub(super) fn no_field(kind: &str, name: &str, known: &[&str]) -> Problem {
    let hint = meant(name, known.iter().copied(), |fields| format!("it has: {}", fields.join(", ")));
    Problem::new(format!("a {kind} has no field \"{name}\"")).hint(hint)
}

pub(super) fn must_be_map(what: &str) -> Problem {
    Problem::new(format!("{what} must be a map")).hint("write KEY: VALUE below it")
}

fn must_be_text(what: &str) -> Problem {
    Problem::new(format!("{what} must be text"))
        .hint("put the value in quotes; Kubernetes reads y, on and no as booleans")
}

/// A key of `data` that `stringData` has too.
pub(super) fn shadowed(tree: &Tree) -> Option<NodeId> {
    let data = tree.get(tree.root(), "data")?;
    let string_data = tree.get(tree.root(), "stringData")?;
    let twice = |(key, _): &(NodeId, NodeId)| tree.get(string_data, &tree.key(*key)).is_some();
    tree.entries(data).into_iter().find(twice).map(|(_, value)| value)
}
