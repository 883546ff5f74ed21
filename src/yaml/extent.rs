//! How much there is, aliases followed.
//!
//! Receives the beginnings and ends of collections, leaves and aliases in the order of the text; gives back what an
//! anchor names, and a complaint once an object is too large or too deep. It expands nothing.

use super::node::NodeId;
use crate::limits;

/// A message and a hint.
pub(super) type Words = (&'static str, &'static str);

/// The collections that are not closed yet, and what anchors name.
#[derive(Default)]
pub(super) struct Extent {
    open: Vec<Open>,
    /// By the parser's number; None while it is open.
    anchors: Vec<Option<Known>>,
}

/// A collection that is not closed yet.
struct Open {
    node: NodeId,
    anchor: usize,
    is_map: bool,
    children: usize,
    /// Nodes, itself among them.
    size: usize,
    /// Levels of collections below.
    height: usize,
}

/// What an anchor names, and how much of it there is.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) node: NodeId,
    size: usize,
    height: usize,
}

impl Extent {
    /// A collection begins.
    pub(super) fn open(&mut self, node: NodeId, anchor: usize, is_map: bool) {
        self.settle(anchor, None);
        self.open.push(Open { node, anchor, is_map, children: 0, size: 1, height: 0 });
    }

    /// The innermost collection ends.
    pub(super) fn close(&mut self) -> Option<NodeId> {
        let open = self.open.pop()?;
        let known = Known { node: open.node, size: open.size, height: open.height + 1 };
        self.settle(open.anchor, Some(known));
        self.add(known);
        Some(open.node)
    }

    /// A scalar.
    pub(super) fn leaf(&mut self, anchor: usize, node: NodeId) {
        let known = Known { node, size: 1, height: 0 };
        self.settle(anchor, Some(known));
        self.add(known);
    }

    /// Counts what was just read towards the collection it stands in.
    pub(super) fn add(&mut self, known: Known) {
        if let Some(open) = self.open.last_mut() {
            open.size = open.size.saturating_add(known.size);
            open.height = open.height.max(known.height);
            open.children += 1;
        }
    }

    /// What an anchor names; None while that is still open, so that it would hold itself.
    pub(super) fn known(&self, anchor: usize) -> Option<Known> {
        self.anchors.get(anchor).copied().flatten()
    }

    /// The collection that is open.
    pub(super) fn innermost(&self) -> Option<NodeId> {
        self.open.last().map(|open| open.node)
    }

    /// True where a key comes next.
    pub(super) fn expects_key(&self) -> bool {
        let open = self.open.last();
        open.is_some_and(|open| open.is_map && open.children.is_multiple_of(2))
    }

    /// A complaint about what is open.
    pub(super) fn bounded(&self) -> Result<(), Words> {
        let Some(open) = self.open.last() else {
            return Ok(());
        };
        if open.size > limits::NODES {
            return Err(("aliases expand too far", "write the object out"));
        }
        if open.height + self.open.len() > limits::DEPTH {
            return Err(("nested too deeply", "no Kubernetes object is as deep"));
        }
        Ok(())
    }

    fn settle(&mut self, anchor: usize, known: Option<Known>) {
        if anchor == 0 {
            return;
        }
        if self.anchors.len() <= anchor {
            self.anchors.resize(anchor + 1, None);
        }
        if let Some(slot) = self.anchors.get_mut(anchor) {
            *slot = known;
        }
    }
}
