//! Keys that mean two things.
//!
//! Receives a tree and gives back a fault where a map holds one key twice, where a key is no text, and where the two Go
//! readers would give different answers about a merge. It never mends anything.

use std::borrow::Cow;

use super::node::{NodeId, Sort, Style};
use super::{Fault, Kind, Tree};

/// Refuses maps that readers would read differently.
pub(super) fn check(tree: &Tree<'_>) -> Result<(), Fault> {
    let mut keys: Vec<(Cow<'_, str>, NodeId)> = Vec::new();
    let is_map = |n: &NodeId| matches!(tree.node(*n).style, Style::BlockMap | Style::FlowMap);
    for map in tree.nodes().filter(is_map) {
        keys.clear();
        let mut merge = None;
        for (key, value) in tree.own(map) {
            let is_text = tree.kind(key) == Kind::Scalar && tree.node(tree.target(key)).tag != Sort::Binary;
            let Some(name) = tree.key_text(key).filter(|_| is_text) else {
                return Err(tree.fault(key, "a key that is no text", "quote the key"));
            };
            if !tree.is_merge(key) {
                keys.push((name, key));
            } else if let Some((first, _)) = merge.replace((key, value)) {
                return Err(twice(tree, first, key));
            }
        }
        // Sorted, not hashed: linear enough for 300,000 keys, and no key can be chosen to make it slow.
        keys.sort_unstable();
        if let Some([a, b]) = keys.windows(2).find(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            return Err(twice(tree, a.1, b.1));
        }
        if let Some((merge, value)) = merge {
            merges(tree, merge, value, &keys)?;
        }
    }
    Ok(())
}

fn twice(tree: &Tree<'_>, first: NodeId, second: NodeId) -> Fault {
    let message = format!("a key that stands already in line {}", tree.line(first));
    tree.fault(second, message, "remove one; most tools silently keep the last")
}

/// A merge takes a map, or a list of maps, and stands above the keys that it holds too: kubectl lets it override those
/// above it, kustomize does not.
fn merges(tree: &Tree<'_>, merge: NodeId, value: NodeId, keys: &[(Cow<'_, str>, NodeId)]) -> Result<(), Fault> {
    let fits = match tree.kind(value) {
        Kind::Map => true,
        // An alias to a list of maps is no list of maps for Go.
        Kind::Seq => {
            tree.node(value).style != Style::Alias && tree.items(value).all(|item| tree.kind(item) == Kind::Map)
        }
        Kind::Scalar => false,
    };
    if !fits {
        return Err(tree.fault(value, "a merge of what is no map", "merge a map or a list of maps"));
    }
    let is_above = |name: &str| {
        let found = keys.binary_search_by(|(known, _)| (**known).cmp(name));
        found.ok().and_then(|at| keys.get(at)).is_some_and(|(_, own)| *own < merge)
    };
    let all_below = keys.iter().all(|(_, key)| *key > merge);
    if all_below || !tree.merged(value).into_iter().any(|(key, _)| is_above(&tree.key(key))) {
        return Ok(());
    }
    Err(tree.fault(merge, "a merge below a key that it holds too", "move the merge to the top of its map"))
}
