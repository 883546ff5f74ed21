//! Nodes that become a tree.
//!
//! Receives what stands in a text, in the order in which it stands there, and gives back the tree; everything that
//! readers disagree about is refused here, once. It knows neither the parser nor lines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::node::{Kind, More, NOWHERE, Node, NodeId, Sort, Style, Tree};
use super::tags::{self, Words};
use super::{Fault, Syntax, duplicates, newlines};
use crate::limits;

/// What is said of nesting.
pub(super) const DEEP: Words = ("nested too deeply", "no Kubernetes object is as deep");

/// The first and the last byte but one.
pub(super) type Span = (usize, usize);

/// A tree that is not complete yet.
pub(super) struct Builder<'s> {
    source: &'s str,
    nodes: Vec<Node>,
    open: Vec<Open>,
    more: More,
}

/// A collection that is not closed yet.
struct Open {
    node: NodeId,
    is_map: bool,
    children: usize,
}

impl<'s> Builder<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        // A line holds a key and a value, some a dash or more; many short ones are mostly blank
        let nodes = (newlines(source) * 5 / 2).min(source.len() / 10).min(limits::NODES);
        Self { source, nodes: Vec::with_capacity(nodes + 2), open: Vec::new(), more: More::NONE }
    }

    /// True before anything was added.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a scalar: a key or a value, whichever comes next.
    pub(super) fn scalar(&mut self, text: Cow<'s, str>, style: Style, sort: Sort, span: Span) -> Result<NodeId, Fault> {
        if text.len() > limits::SCALAR {
            return Err(self.fault(span.0, "a scalar is too large", "keep it elsewhere"));
        }
        let held = tags::check(sort, style, &text, self.expects_key());
        let held = held.map_err(|(message, hint)| self.fault(span.0, message, hint))?;
        let id = self.push(style, sort, span)?;
        // Not compared byte by byte: a text that was borrowed is the very one that stands there
        let is_here =
            |here: &str| here.len() == text.len() && (here.is_empty() || std::ptr::eq(here, &raw const *text));
        if let Some(node) = self.nodes.last_mut().filter(|node| !is_here(node.here(self.source))) {
            node.is_held = true;
            self.more.held.push(id, text.into());
        }
        if let Some(held) = held {
            self.more.decoded.push(id, held);
        }
        Ok(id)
    }

    /// Adds a second place of what stands at `target` already.
    pub(super) fn alias(&mut self, target: NodeId, span: Span) -> Result<(), Fault> {
        if target == NOWHERE || self.open.iter().any(|open| open.node == target) {
            let hint = "an anchor cannot hold itself";
            return Err(self.fault(span.0, "an alias that names what it stands in", hint));
        }
        let id = self.push(Style::Alias, Sort::None, span)?;
        self.more.aliases.push(id, target);
        Ok(())
    }

    /// Begins a collection; what follows stands in it.
    pub(super) fn start(&mut self, style: Style, sort: Sort, span: Span) -> Result<NodeId, Fault> {
        let is_map = matches!(style, Style::BlockMap | Style::FlowMap);
        let node = self.push(style, sort, span)?;
        self.open.push(Open { node, is_map, children: 0 });
        if self.open.len() > limits::DEPTH {
            let (message, hint) = DEEP;
            return Err(self.fault(span.0, message, hint));
        }
        Ok(node)
    }

    /// Ends the collection that began last. Where a block ends, its nodes say; a bracket has a place of its own.
    pub(super) fn end(&mut self, end: usize) {
        let after = self.next_id();
        let closed = self.open.pop().and_then(|open| self.nodes.get_mut(open.node.0 as usize));
        if let Some(node) = closed {
            node.after = after;
            if matches!(node.style, Style::FlowMap | Style::FlowSeq) {
                node.end = u32::try_from(end).unwrap_or(node.end);
            }
        }
    }

    /// True where a key comes next.
    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_map && open.children.is_multiple_of(2))
    }

    fn push(&mut self, style: Style, tag: Sort, (start, end): Span) -> Result<NodeId, Fault> {
        if self.nodes.len() >= limits::NODES {
            return Err(self.fault(start, "too many values in one object", "split the object"));
        }
        let id = self.next_id();
        let is_key = self.expects_key();
        let parent = self.open.last_mut().map_or(NOWHERE, |open| {
            open.children += 1;
            open.node
        });
        let position = |at| u32::try_from(at).unwrap_or(u32::MAX);
        let (start, end, after) = (position(start), position(end), NodeId(id.0 + 1));
        self.nodes.push(Node { start, end, parent, after, style, tag, is_key, is_held: false });
        Ok(id)
    }

    fn next_id(&self) -> NodeId {
        NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }

    fn fault(&self, at: usize, message: &str, hint: &'static str) -> Fault {
        Fault::at(self.source, at, message, hint)
    }

    /// The tree, if it is one object.
    pub(super) fn finish(mut self, syntax: Syntax) -> Result<Tree<'s>, Fault> {
        if self.is_empty() {
            let end = self.source.len();
            self.push(Style::Absent, Sort::None, (end, end))?;
        }
        let mut root = NodeId(0);
        if let Syntax::Item { .. } | Syntax::Line { .. } = syntax {
            let one = self.nodes.first().is_some_and(|list| {
                let next = self.nodes.get(1).map_or(NOWHERE, |item| item.after);
                list.style == Style::BlockSeq && next == list.after
            });
            if !one {
                return Err(self.fault(0, "this is not one item of a list", "check its indentation"));
            }
            root = NodeId(1);
        }
        // All trees of a stream are held together
        self.nodes.shrink_to_fit();
        let Self { source, nodes, more, .. } = self;
        let is_plain = more.aliases.is_empty() && more.decoded.is_empty() && more.held.is_empty();
        let tree = Tree { source, nodes, root, more: (!is_plain).then(|| Box::new(more)) };
        if !tree.more().aliases.is_empty() {
            let (size, height) = extent(&tree, NodeId(0), &mut BTreeMap::new());
            if height > limits::DEPTH {
                let (message, hint) = DEEP;
                return Err(tree.fault(root, message, hint));
            }
            if size > limits::NODES {
                return Err(tree.fault(root, "aliases expand too far", "write the object out"));
            }
        }
        duplicates::check(&tree)?;
        Ok(tree)
    }
}

/// Nodes and levels below a place, aliases followed. What an alias names stands before it and has been counted by then,
/// so that this goes no deeper than the text.
fn extent(tree: &Tree<'_>, n: NodeId, named: &mut BTreeMap<NodeId, (usize, usize)>) -> (usize, usize) {
    let target = tree.target(n);
    if let Some(known) = named.get(&target) {
        return *known;
    }
    let (mut size, mut height) = (1_usize, 0);
    for child in tree.children(target) {
        let below = extent(tree, child, named);
        size = size.saturating_add(below.0);
        height = height.max(below.1);
    }
    let levels = if tree.kind(target) == Kind::Scalar { 0 } else { height + 1 };
    if target != n {
        named.insert(target, (size, levels));
    }
    (size, levels)
}
