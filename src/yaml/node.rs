//! What a tree is made of.
//!
//! Holds the nodes of one object: small, in the order of the text, and never changed once they are read. It knows
//! neither the parser nor what the nodes mean.

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
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    /// Scalars that read otherwise than they are written: without escapes, folds, indentation.
    pub(super) held: Vec<Box<str>>,
    /// What `!!binary` scalars hold, as Kubernetes reads it.
    pub(super) decoded: Vec<(NodeId, String)>,
}

/// The nodes stand in document order: a first child is the next one, a next sibling is `after`.
pub(super) struct Node {
    pub(super) said: Said,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) parent: NodeId,
    pub(super) after: NodeId,
    pub(super) style: Style,
    pub(super) tag: Sort,
    pub(super) is_key: bool,
}

/// Where what a node says stands.
#[derive(Clone, Copy)]
pub(super) enum Said {
    /// In the node that it names.
    Alias(NodeId),
    /// Among the texts that the tree holds.
    Held(u32),
    /// In its span.
    Here,
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

/// No node: the parent of the root.
pub(super) const NOWHERE: NodeId = NodeId(u32::MAX);

impl Tree<'_> {
    pub(super) fn node(&self, n: NodeId) -> &Node {
        // Ids are only made for nodes that were pushed.
        self.nodes.get(n.0 as usize).unwrap_or(&NOTHING)
    }

    /// The characters of a scalar, as they are read.
    pub(super) fn characters(&self, n: NodeId) -> &str {
        let node = self.node(n);
        match node.said {
            Said::Held(at) => self.held.get(at as usize).map_or("", |text| text),
            Said::Here => node.here(self.source),
            Said::Alias(_) => "",
        }
    }
}

impl Node {
    /// The characters of its span, without quotes.
    pub(super) fn here<'s>(&self, source: &'s str) -> &'s str {
        let (start, end) = (self.start as usize, self.end as usize);
        let place = match self.style {
            Style::Plain => start..end,
            Style::Quoted => start + 1..end.saturating_sub(1),
            _ => return "",
        };
        source.get(place).unwrap_or("")
    }
}

/// What a foreign id reads as.
static NOTHING: Node = Node {
    said: Said::Here,
    start: 0,
    end: 0,
    parent: NOWHERE,
    after: NOWHERE,
    style: Style::Absent,
    tag: Sort::None,
    is_key: false,
};
