//! How often places stand in an object once its aliases are written out.

use std::collections::BTreeMap;

use super::{NodeId, Tree};

/// Counts places. Aliases that merges bring count too, whether a key of its own hides what they bring or not.
pub struct Times<'t> {
    tree: &'t Tree<'t>,
    aliases: BTreeMap<NodeId, Vec<NodeId>>,
    known: BTreeMap<NodeId, usize>,
}

impl<'t> Times<'t> {
    /// None where there are no aliases: each place stands there once.
    #[must_use]
    pub fn of(tree: &'t Tree<'t>) -> Option<Self> {
        if tree.more().aliases.is_empty() {
            return None;
        }
        let mut aliases: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for node in tree.nodes().filter(|node| tree.target(*node) != *node) {
            aliases.entry(tree.target(node)).or_default().push(node);
        }
        Some(Self { tree, aliases, known: BTreeMap::new() })
    }

    /// How often a place stands there. It goes up, and from an anchor to its aliases, which is no further than the object
    /// is deep.
    pub fn each(&mut self, node: NodeId) -> usize {
        if let Some(known) = self.known.get(&node) {
            return *known;
        }
        let mut times = self.tree.parent(node).map_or(1, |parent| self.each(parent));
        for alias in self.aliases.remove(&node).unwrap_or_default() {
            times = times.saturating_add(self.each(alias));
        }
        self.known.insert(node, times);
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Syntax;

    #[test]
    fn places_are_counted_through_aliases_of_what_holds_them() {
        let text = "a: &list [&word x, *word]\nb: [*list, *list]\nc: {<<: &map {d: *list}}\ne: *map\nf: y\n";
        let Ok(tree) = Tree::parse(text, Syntax::Document) else { panic!("it is well formed") };
        let Some(mut times) = Times::of(&tree) else { panic!("it has aliases") };
        let mut each = |path: &[&str]| times.each(tree.at(tree.root(), path).unwrap());
        assert_eq!((each(&["a"]), each(&["f"]), each(&["e"])), (5, 1, 2));
        let word = tree.items(tree.at(tree.root(), &["a"]).unwrap()).next().unwrap();
        assert_eq!(times.each(word), 10);
    }

    #[test]
    fn without_aliases_nothing_is_counted() {
        let Ok(tree) = Tree::parse("a: &b 1\n", Syntax::Document) else { panic!("it is well formed") };
        assert!(Times::of(&tree).is_none());
    }
}
