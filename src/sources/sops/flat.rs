//! Metadata of stores that know no nesting: `age__list_0__map_enc`.

use std::collections::BTreeMap;

use super::node::Node;
use crate::limits;

/// The tree of flattened entries; None where two of them contradict each other or a list has gaps.
pub(super) fn unflatten(entries: Vec<(String, Node)>) -> Option<Node> {
    let steps = |(key, node): (String, Node)| {
        let key = format!("__map_{key}").replace("__map_", "\0m").replace("__list_", "\0l");
        let mut steps: Vec<String> = key.split('\0').skip(1).map(str::to_owned).collect();
        steps.reverse();
        (steps.len() <= limits::DEPTH).then_some((steps, node))
    };
    grow(entries.into_iter().map(steps).collect::<Option<Vec<_>>>()?)
}

/// The first step of each entry is its last element.
fn grow(mut entries: Vec<(Vec<String>, Node)>) -> Option<Node> {
    if entries.iter().any(|(steps, _)| steps.is_empty()) {
        return entries.pop().filter(|_| entries.is_empty()).map(|(_, node)| node);
    }
    let (mut keys, mut items) = (BTreeMap::new(), BTreeMap::new());
    for (mut steps, node) in entries {
        let step = steps.pop()?;
        match (step.strip_prefix('m'), step.strip_prefix('l')) {
            (Some(key), _) => keys.entry(key.to_owned()).or_insert_with(Vec::new).push((steps, node)),
            (_, Some(item)) => {
                items.entry(item.parse::<usize>().ok()?).or_insert_with(Vec::new).push((steps, node));
            }
            _ => return None,
        }
    }
    if items.is_empty() {
        return keys.into_iter().map(|(key, below)| Some((key, grow(below)?))).collect::<Option<_>>().map(Node::Map);
    }
    let whole = keys.is_empty() && items.keys().copied().eq(0..items.len());
    whole.then(|| items.into_values().map(grow).collect::<Option<_>>().map(Node::List))?
}
