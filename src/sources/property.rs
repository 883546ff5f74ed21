//! One value out of a file of YAML or JSON (`#/a/b`), or every value of a map in it.

use zeroize::Zeroizing;

use super::whole::is_whole;
use crate::error::Problem;
use crate::model::{Address, Keys, Payload};
use crate::yaml::{Kind, NodeId, Scalar, Syntax, Tree, Value};

/// What an address wants of the bytes it leads to.
///
/// # Errors
/// As [`select_in`] and [`keys`].
pub(super) fn payload(bytes: &[u8], address: &Address, whole: &str) -> Result<Payload, Problem> {
    let property = address.property.as_deref();
    if is_whole(address) {
        return keys_in(bytes, property, whole).map(Payload::whole);
    }
    select_in(bytes, property, whole).map(Payload::new)
}

/// The bytes of the whole file, or of the scalar that the steps lead to.
///
/// # Errors
/// The file is no YAML, a step leads nowhere, or the end is no scalar. Never a word of the file.
pub(super) fn select(bytes: &[u8], property: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Problem> {
    select_in(bytes, property, "the file")
}

/// The same, out of something else.
///
/// # Errors
/// The same. `whole` is what it is called in messages.
pub(super) fn select_in(bytes: &[u8], property: Option<&str>, whole: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let Some(property) = property else {
        return not_empty(bytes);
    };
    let unreadable = || {
        Problem::new(format!("{whole} is no YAML or JSON that a key can be looked up in"))
            .hint(format!("leave out what stands behind \"#\" to take the whole {}", whole.trim_start_matches("the ")))
    };
    let tree = parsed(bytes).ok_or_else(unreadable)?;
    value(&tree, tree.root(), property, whole)
}

/// Every value of the map that the steps lead to.
///
/// # Errors
/// As [`keys`], and what is no YAML or JSON.
pub(super) fn keys_in(bytes: &[u8], property: Option<&str>, whole: &str) -> Result<Keys, Problem> {
    let unreadable = || no_map(whole, property);
    let tree = parsed(bytes).ok_or_else(unreadable)?;
    keys(&tree, tree.root(), property, whole)
}

fn parsed(bytes: &[u8]) -> Option<Tree<'_>> {
    Tree::parse(std::str::from_utf8(bytes).ok()?, Syntax::Document).ok()
}

/// The scalar that the steps of a property lead to, as text: numbers as they are written.
///
/// # Errors
/// A step leads nowhere, or the end is no scalar, or it is empty. `whole` is what the steps begin at, for messages.
pub(super) fn value(tree: &Tree, from: NodeId, property: &str, whole: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let node = find(tree, from, property, whole)?;
    match (tree.kind(node), tree.scalar(node)) {
        (_, Some(Scalar::Text(text) | Scalar::Number(text))) => not_empty(text.as_bytes()),
        (_, Some(Scalar::Bool(yes))) => not_empty(if yes { b"true" } else { b"false" }),
        (_, Some(Scalar::Null)) => not_empty(b""),
        (Kind::Map, _) => Err(no_scalar("a map")),
        (_, None) => Err(no_scalar("a list")),
    }
}

fn find(tree: &Tree, from: NodeId, property: &str, whole: &str) -> Result<NodeId, Problem> {
    property.split('/').try_fold(from, |node, step| {
        tree.get(node, step).ok_or_else(|| {
            Problem::new(format!("{whole} has no key \"{step}\" there"))
                .hint("steps are separated by \"/\"; lists have no steps")
        })
    })
}

/// Every value of the map that the steps of a property lead to, as External Secrets' `extract` gives them: text as it
/// is, numbers and JSON as they are written, nothing for null.
///
/// # Errors
/// A step leads nowhere, or what stands there is no map, or it is empty.
pub(super) fn keys(tree: &Tree, from: NodeId, property: Option<&str>, whole: &str) -> Result<Keys, Problem> {
    let node = property.map_or(Ok(from), |property| find(tree, from, property, whole))?;
    if tree.kind(node) != Kind::Map {
        return Err(no_map(whole, property));
    }
    let value = |(key, node): (NodeId, NodeId)| (tree.key(key).into_owned(), as_text(tree, node));
    some_keys(tree.entries(node).into_iter().map(value).collect(), whole)
}

/// Keys of which there is one at least.
///
/// # Errors
/// There is none.
pub(super) fn some_keys(keys: Keys, whole: &str) -> Result<Keys, Problem> {
    if keys.is_empty() {
        return Err(Problem::new(format!("{whole} has no keys")).hint("write values into it, or leave it out"));
    }
    Ok(keys)
}

pub(super) fn no_map(whole: &str, property: Option<&str>) -> Problem {
    let there = property.map_or(String::new(), |property| format!(" at \"{property}\""));
    Problem::new(format!("{whole} is no map of keys{there}, and every key is asked for"))
        .hint("a whole secret is an object of JSON or YAML; name the key in stringData to take one value")
}

fn as_text(tree: &Tree, node: NodeId) -> Zeroizing<Vec<u8>> {
    let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
    match tree.scalar(node) {
        Some(Scalar::Text(text) | Scalar::Number(text)) => bytes(text),
        Some(Scalar::Bool(yes)) => bytes(if yes { "true" } else { "false" }),
        Some(Scalar::Null) => bytes(""),
        None => match tree.flow(node).filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()) {
            Some(json) => bytes(json),
            None => Zeroizing::new(Value::of(tree, node).write(Syntax::Concatenated).into_bytes()),
        },
    }
}

pub(super) fn no_scalar(what: &str) -> Problem {
    Problem::new(format!("the key leads to {what}, and a Secret holds text")).hint("add a step: #/a/b")
}

fn not_empty(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if bytes.is_empty() {
        return Err(empty());
    }
    Ok(Zeroizing::new(bytes.to_vec()))
}

pub(super) fn empty() -> Problem {
    Problem::new("the value is empty")
        .hint("an empty secret is almost always a mistake; write \"\" in the Secret where it is meant")
}
