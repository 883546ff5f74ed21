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
    /// None where no node has anything more: most trees of a stream.
    pub(super) more: Option<Box<More>>,
}

/// What few nodes have.
pub(super) struct More {
    /// The nodes that aliases name.
    pub(super) aliases: Few<NodeId>,
    /// What `!!binary` scalars hold, as Kubernetes reads it.
    pub(super) decoded: Few<String>,
    /// Scalars that read otherwise than they are written: without escapes, folds, indentation.
    pub(super) held: Few<Box<str>>,
}

/// In the order of the nodes.
pub(super) struct Few<T>(Vec<(NodeId, T)>);

impl<T> Few<T> {
    pub(super) const NONE: Self = Self(vec![]);

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what a node has that comes behind all others.
    pub(super) fn push(&mut self, node: NodeId, what: T) {
        self.0.push((node, what));
    }

    pub(super) fn of(&self, node: NodeId) -> Option<&T> {
        let at = self.0.binary_search_by_key(&node, |(id, _)| *id).ok()?;
        self.0.get(at).map(|(_, what)| what)
    }
}

/// The nodes stand in document order: a first child is the next one, a next sibling is `after`.
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) parent: NodeId,
    pub(super) after: NodeId,
    pub(super) style: Style,
    pub(super) tag: Sort,
    pub(super) is_key: bool,
    /// What it says is not what stands in its span.
    pub(super) is_held: bool,
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
    pub(super) fn more(&self) -> &More {
        self.more.as_deref().unwrap_or(&NO_MORE)
    }

    pub(super) fn node(&self, n: NodeId) -> &Node {
        // Ids are only made for nodes that were pushed.
        self.nodes.get(n.0 as usize).unwrap_or(&NOTHING)
    }

    /// The characters of a scalar, as they are read.
    pub(super) fn characters(&self, n: NodeId) -> &str {
        let node = self.node(n);
        if node.is_held { self.more().held.of(n).map_or("", |text| text) } else { node.here(self.source) }
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

impl More {
    pub(super) const NONE: Self = Self { aliases: Few::NONE, decoded: Few::NONE, held: Few::NONE };
}

static NO_MORE: More = More::NONE;

/// What a foreign id reads as.
static NOTHING: Node = Node {
    start: 0,
    end: 0,
    parent: NOWHERE,
    after: NOWHERE,
    style: Style::Absent,
    tag: Sort::None,
    is_key: false,
    is_held: false,
};
