//! What a tree is made of.
//!
//! Holds the nodes of one object: small, in the order of the text, and never changed once they are read. It knows
//! neither the parser nor what the nodes mean.

use std::borrow::Cow;

/// A place in a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// What stands at a place, aliases followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keys and values.
    Map,
    /// Text, a number, a boolean or nothing.
    Scalar,
    /// A list.
    Seq,
}

/// One object, read once. It has no `Debug`: its scalars may be secrets.
pub struct Tree<'s> {
    pub(super) source: &'s str,
    pub(super) nodes: Vec<Node<'s>>,
    pub(super) root: NodeId,
    /// What `!!binary` scalars hold, as Kubernetes reads it.
    pub(super) decoded: Vec<(NodeId, String)>,
}

/// The nodes stand in document order: a first child is the next one, a next sibling is `after`.
pub(super) struct Node<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) parent: NodeId,
    pub(super) after: NodeId,
    /// Of an alias: the node that it names.
    pub(super) target: NodeId,
    pub(super) style: Style,
    pub(super) tag: Sort,
    pub(super) is_key: bool,
}

/// How a node is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Absent,
    Alias,
    BlockMap,
    BlockScalar,
    BlockSeq,
    FlowMap,
    FlowSeq,
    Plain,
    Quoted,
}

/// What a tag says a scalar is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Binary,
    Bool,
    Collection,
    Float,
    Int,
    None,
    Null,
    /// `!!str`, or `!`, which is the same to Kubernetes.
    Text,
}

/// No node: the parent of the root, and the target of what is no alias.
pub(super) const NOWHERE: NodeId = NodeId(u32::MAX);

impl<'s> Tree<'s> {
    pub(super) fn node(&self, n: NodeId) -> &Node<'s> {
        // Ids are only made for nodes that were pushed.
        self.nodes.get(n.0 as usize).unwrap_or_else(|| nothing())
    }
}

/// What a foreign id reads as.
fn nothing<'t>() -> &'t Node<'static> {
    static NOTHING: Node<'static> = Node {
        text: Cow::Borrowed(""),
        start: 0,
        end: 0,
        parent: NOWHERE,
        after: NOWHERE,
        target: NOWHERE,
        style: Style::Absent,
        tag: Sort::None,
        is_key: false,
    };
    &NOTHING
}
