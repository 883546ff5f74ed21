//! Keys that mean two things.
//!
//! Receives a tree and gives back a fault where a map holds one key twice, where a key is no text, and where the two Go
//! readers would give different answers about a merge. It never mends anything.

use std::borrow::Cow;

use super::node::{NodeId, Sort, Style};
use super::{Fault, Kind, Tree, line_of};

/// Refuses maps that readers would read differently.
pub(super) fn check(tree: &Tree<'_>) -> Result<(), Fault> {
    let mut keys: Vec<(Cow<'_, str>, NodeId)> = Vec::new();
    for map in tree.nodes() {
        if !matches!(tree.node(map).style, Style::BlockMap | Style::FlowMap) {
            continue;
        }
        keys.clear();
        let mut merge = None;
        for (key, value) in tree.own(map) {
            let key = checked(tree, key)?;
            if tree.is_merge(key) {
                if let Some(first) = merge.replace(key) {
                    return Err(twice(tree, first, key));
                }
                mergeable(tree, value)?;
            } else {
                keys.push((tree.key(key), key));
            }
        }
        unique(tree, &mut keys)?;
        if let Some(merge) = merge {
            after_what_it_overrides(tree, map, merge, &keys)?;
        }
    }
    Ok(())
}

/// A key that JSON can hold.
fn checked(tree: &Tree<'_>, key: NodeId) -> Result<NodeId, Fault> {
    let node = tree.node(tree.target(key));
    let text = tree.kind(key) == Kind::Scalar && node.tag != Sort::Binary && tree.key_text(key).is_some();
    if text {
        return Ok(key);
    }
    let at = tree.node(key).start as usize;
    Err(Fault::at(tree.source, at, "a key that is no text", "quote the key"))
}

fn unique(tree: &Tree<'_>, keys: &mut [(Cow<'_, str>, NodeId)]) -> Result<(), Fault> {
    // Sorted, not hashed: linear enough for 300,000 keys, and no key can be chosen to make it slow.
    keys.sort_unstable();
    match keys.windows(2).find(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
        Some([a, b]) => Err(twice(tree, a.1, b.1)),
        _ => Ok(()),
    }
}

fn twice(tree: &Tree<'_>, first: NodeId, second: NodeId) -> Fault {
    let first = line_of(tree.source, tree.node(first).start as usize);
    let at = tree.node(second).start as usize;
    let message = format!("a key that stands already in line {first}");
    Fault::at(tree.source, at, message, "remove one; most tools silently keep the last")
}

/// A merge takes a map, or a list of maps.
fn mergeable(tree: &Tree<'_>, value: NodeId) -> Result<(), Fault> {
    let fits = match tree.kind(value) {
        Kind::Map => true,
        // An alias to a list of maps is no list of maps for Go.
        Kind::Seq => {
            tree.node(value).style != Style::Alias && tree.items(value).all(|item| tree.kind(item) == Kind::Map)
        }
        Kind::Scalar => false,
    };
    if fits {
        return Ok(());
    }
    let at = tree.node(value).start as usize;
    Err(Fault::at(tree.source, at, "a merge of what is no map", "merge a map or a list of maps"))
}

/// kubectl lets a merge override the keys above it, kustomize does not.
fn after_what_it_overrides(
    tree: &Tree<'_>,
    map: NodeId,
    merge: NodeId,
    keys: &[(Cow<'_, str>, NodeId)],
) -> Result<(), Fault> {
    if keys.iter().all(|(_, key)| *key > merge) {
        return Ok(());
    }
    let Some((_, value)) = tree.own(map).find(|(key, _)| *key == merge) else {
        return Ok(());
    };
    for (key, _) in tree.merged(value) {
        let name = tree.key(key);
        let found = keys.binary_search_by(|(known, _)| known.cmp(&name));
        let above = found.ok().and_then(|at| keys.get(at));
        if above.is_some_and(|(_, own)| *own < merge) {
            let at = tree.node(merge).start as usize;
            let message = "a merge below a key that it holds too";
            return Err(Fault::at(tree.source, at, message, "move the merge to the top of its map"));
        }
    }
    Ok(())
}
