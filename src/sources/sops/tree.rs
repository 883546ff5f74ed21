//! YAML and JSON: documents as go.yaml.in/yaml/v3 and encoding/json read them, merges unmerged and aliases followed.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::node::{Comment, Node, Type, decimals};
use super::time;
use crate::yaml::{self, Kind, NodeId, Number, Plain, Syntax, Tree, apart, number};

/// The documents of a YAML file, comments being entries; the line where it is none.
pub(super) fn yaml(text: &str) -> Result<Vec<Node>, usize> {
    let split = apart(text).map_err(|fault| fault.line)?;
    let document = |piece: &crate::yaml::Piece| {
        let tree = Tree::parse(piece.text, piece.syntax).map_err(|fault| fault.from_line(piece.line).line)?;
        let mut comments: BTreeMap<NodeId, Vec<yaml::Comment>> = BTreeMap::new();
        for comment in tree.comments() {
            comments.entry(comment.owner).or_default().push(comment);
        }
        let reader = Reader { tree: &tree, comments, scalar: yaml_scalar };
        match tree.kind(tree.root()) {
            Kind::Map => reader.node(tree.root()),
            // A document of comments
            Kind::Scalar if tree.is_empty() => Ok(Node::Map(vec![])),
            _ => Err(tree.line(tree.root())),
        }
        .map_err(|line| piece.line + line - 1)
    };
    split.pieces.iter().map(document).collect()
}

/// The only document of a JSON file; the line where it is none.
pub(super) fn json(text: &str) -> Result<Vec<Node>, usize> {
    let tree = Tree::parse(text, Syntax::Document).map_err(|fault| fault.line)?;
    let is_object = tree.kind(tree.root()) == Kind::Map && text.trim_start().starts_with('{');
    if !is_object || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Err(1);
    }
    let reader = Reader { tree: &tree, comments: BTreeMap::new(), scalar: json_scalar };
    Ok(vec![reader.node(tree.root())?])
}

struct Reader<'t> {
    tree: &'t Tree<'t>,
    comments: BTreeMap<NodeId, Vec<yaml::Comment<'t>>>,
    scalar: fn(&Tree<'_>, NodeId) -> Option<Node>,
}

impl Reader<'_> {
    /// The line where it is nothing that SOPS writes.
    fn node(&self, n: NodeId) -> Result<Node, usize> {
        let here = self.tree.target(n);
        match self.tree.kind(here) {
            Kind::Map => {
                let mut entries = vec![];
                for (key, value) in self.tree.own(here) {
                    entries.extend(self.above(key).map(|comment| (String::new(), comment)));
                    let name = match self.tree.plain(key) {
                        Some(Plain::Merge) => "<<",
                        Some(Plain::Text(name)) => name,
                        _ => return Err(self.tree.line(key)),
                    };
                    entries.push((name.to_owned(), self.node(value)?));
                }
                Ok(Node::Map(entries))
            }
            Kind::Seq => {
                let mut items = vec![];
                for item in self.tree.items(here) {
                    items.extend(self.above(item));
                    items.push(self.node(item)?);
                }
                Ok(Node::List(items))
            }
            Kind::Scalar => (self.scalar)(self.tree, here).ok_or_else(|| self.tree.line(here)),
        }
    }

    /// The comments of an entry or an item.
    fn above(&self, n: NodeId) -> impl Iterator<Item = Node> {
        self.comments
            .get(&n)
            .into_iter()
            .flatten()
            .map(|comment| Node::Comment(Comment { text: Zeroizing::new(comment.text.into()), beside: comment.beside }))
    }
}

/// None for numbers beyond 64 bits with a sign, which SOPS refuses.
fn yaml_scalar(tree: &Tree<'_>, n: NodeId) -> Option<Node> {
    Some(match tree.plain(n)? {
        Plain::Bool(yes) => Node::scalar(Type::Bool, if yes { "True" } else { "False" }),
        Plain::Infinite => return None,
        Plain::Merge => Node::text("<<"),
        Plain::Null => Node::scalar(Type::Null, ""),
        Plain::Number(text) => match number(text)? {
            Number::Int(int) => Node::scalar(Type::Int, i64::try_from(int).ok()?.to_string()),
            Number::Float(float) => Node::scalar(Type::Float, decimals(float)),
        },
        Plain::Text(text) => Node::text(text),
        Plain::Time(text) => Node::scalar(Type::Time, time::nanoseconds(text)?),
    })
}

/// Without quotes stand only the words and numbers of JSON.
fn json_scalar(tree: &Tree<'_>, n: NodeId) -> Option<Node> {
    Some(match tree.plain(n)? {
        Plain::Number(text) => match text.parse::<i64>() {
            Ok(int) => Node::scalar(Type::Int, int.to_string()),
            Err(_) => Node::scalar(Type::Float, decimals(text.parse().ok().filter(|float: &f64| float.is_finite())?)),
        },
        _ => return yaml_scalar(tree, n),
    })
}
