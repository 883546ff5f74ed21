//! One value out of a file of YAML or JSON: `#/a/b`.

use zeroize::Zeroizing;

use crate::error::Problem;
use crate::yaml::{Kind, NodeId, Scalar, Syntax, Tree};

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
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
    let tree = Tree::parse(text, Syntax::Document).map_err(|_| unreadable())?;
    value(&tree, tree.root(), property, whole)
}

/// The scalar that the steps of a property lead to, as text: numbers as they are written.
///
/// # Errors
/// A step leads nowhere, or the end is no scalar, or it is empty. `whole` is what the steps begin at, for messages.
pub(super) fn value(tree: &Tree, from: NodeId, property: &str, whole: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut node = from;
    for step in property.split('/') {
        node = tree.get(node, step).ok_or_else(|| {
            Problem::new(format!("{whole} has no key \"{step}\" there"))
                .hint("steps are separated by \"/\"; lists have no steps")
        })?;
    }
    match (tree.kind(node), tree.scalar(node)) {
        (_, Some(Scalar::Text(text) | Scalar::Number(text))) => not_empty(text.as_bytes()),
        (_, Some(Scalar::Bool(yes))) => not_empty(if yes { b"true" } else { b"false" }),
        (_, Some(Scalar::Null)) => not_empty(b""),
        (Kind::Map, _) => Err(no_scalar("a map")),
        (_, None) => Err(no_scalar("a list")),
    }
}

fn no_scalar(what: &str) -> Problem {
    Problem::new(format!("the key leads to {what}, and a Secret holds text")).hint("add a step: #/a/b")
}

fn not_empty(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if bytes.is_empty() {
        return Err(Problem::new("the value is empty")
            .hint("an empty secret is almost always a mistake; write \"\" in the Secret where it is meant"));
    }
    Ok(Zeroizing::new(bytes.to_vec()))
}
