//! What can be asked of a tree.
//!
//! Receives places and gives back what Kubernetes reads there, with aliases and merges followed. It never parses and
//! never changes anything.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::node::{Kind, NOWHERE, NodeId, Sort, Style, Tree};
use super::scalar::{self, Plain, Scalar};
use super::{Fault, line_of, newlines};

impl<'s> Tree<'s> {
    /// The object itself.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// True where nothing stands but comments, or an explicit null.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scalar(self.root).is_some_and(|read| read == Scalar::Null)
    }

    /// What stands at a place, aliases followed.
    #[must_use]
    pub fn kind(&self, n: NodeId) -> Kind {
        match self.node(self.target(n)).style {
            Style::BlockMap | Style::FlowMap => Kind::Map,
            Style::BlockSeq | Style::FlowSeq => Kind::Seq,
            _ => Kind::Scalar,
        }
    }

    /// The value of a key, aliases and merges followed; None where there is none, or no map.
    #[must_use]
    pub fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        self.entry(map, key).map(|(_, value)| self.target(value))
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn at(&self, from: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(from, |node, key| self.get(node, key))
    }

    /// The keys of a map with their values, aliases followed and merges included; a key of its own hides a merged one.
    #[must_use]
    pub fn entries(&self, map: NodeId) -> Vec<(NodeId, NodeId)> {
        let mut pairs = self.pairs(map);
        for (_, value) in &mut pairs {
            *value = self.target(*value);
        }
        pairs
    }

    /// The members of a list, aliases followed.
    pub fn items(&self, list: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let list = self.target(list);
        let is_list = self.kind(list) == Kind::Seq;
        self.children(list).take_while(move |_| is_list).map(|item| self.target(item))
    }

    /// A scalar as Kubernetes reads it; None where there is none.
    #[must_use]
    pub fn scalar(&self, n: NodeId) -> Option<Scalar<'_>> {
        let id = self.target(n);
        let node = self.node(id);
        if self.kind(id) != Kind::Scalar {
            return None;
        }
        let text = self.characters(id);
        Some(match (node.tag, node.style) {
            (Sort::Text, _) | (Sort::None, Style::Quoted | Style::BlockScalar) => Scalar::Text(text),
            (Sort::Binary, _) => Scalar::Text(self.decoded(id).unwrap_or("")),
            _ => match scalar::kubernetes(text) {
                Plain::Bool(value) => Scalar::Bool(value),
                Plain::Null => Scalar::Null,
                Plain::Number(text) => Scalar::Number(text),
                Plain::Infinite | Plain::Merge | Plain::Text(_) | Plain::Time(_) => Scalar::Text(text),
            },
        })
    }

    /// A scalar as kustomize and sops read it, tags of numbers and booleans being taken at their word.
    #[must_use]
    pub fn plain(&self, n: NodeId) -> Option<Plain<'_>> {
        let id = self.target(n);
        let node = self.node(id);
        (self.kind(id) == Kind::Scalar).then(|| match (node.tag, node.style) {
            (Sort::Text, _) | (Sort::None, Style::Quoted | Style::BlockScalar) => Plain::Text(self.characters(id)),
            (Sort::Binary, _) => Plain::Text(self.decoded(id).unwrap_or("")),
            _ => scalar::kustomize(self.characters(id)),
        })
    }

    /// Text, where Kubernetes reads text that is written as text.
    #[must_use]
    pub fn text(&self, n: NodeId) -> Option<&str> {
        match self.scalar(n) {
            Some(Scalar::Text(text)) if self.bytes(n).is_none() => Some(text),
            _ => None,
        }
    }

    /// The characters of a scalar, whatever it is.
    #[must_use]
    pub fn raw(&self, n: NodeId) -> Option<&str> {
        (self.kind(n) == Kind::Scalar).then(|| self.characters(self.target(n)))
    }

    /// The base64 of a `!!binary` scalar.
    #[must_use]
    pub fn bytes(&self, n: NodeId) -> Option<&str> {
        let id = self.target(n);
        (self.node(id).tag == Sort::Binary).then(|| self.characters(id))
    }

    /// A key as it is called in JSON: `on` is "true", `1` is "1".
    #[must_use]
    pub fn key(&self, n: NodeId) -> Cow<'_, str> {
        self.key_text(n).unwrap_or_default()
    }

    /// The line in which it begins, counted from 1 within the text.
    #[must_use]
    pub fn line(&self, n: NodeId) -> usize {
        line_of(self.source, self.node(n).start as usize)
    }

    /// The lines in which places begin. Those that stand in the order of the text take one pass over it.
    pub fn lines(&self, places: impl Iterator<Item = NodeId>) -> Vec<usize> {
        let (mut at, mut line) = (0, 1);
        let next = |n: NodeId| {
            let start = self.node(n).start as usize;
            let between = self.source.get(at..start).map(newlines);
            line = between.map_or_else(|| self.line(n), |between| line + between);
            at = start;
            line
        };
        places.map(next).collect()
    }

    /// The scalars that begin in a line, counted from 1, in their order, keys included.
    pub fn in_line(&self, line: usize) -> impl Iterator<Item = NodeId> {
        let mut start = 0;
        let mut lines = self.source.split_inclusive('\n').map(|text| {
            let here = start..start + text.len();
            start = here.end;
            here
        });
        let here = lines.nth(line.saturating_sub(1)).unwrap_or_default();
        self.nodes().filter(move |n| {
            let is_scalar = !matches!(
                self.node(*n).style,
                Style::Absent | Style::BlockMap | Style::BlockSeq | Style::FlowMap | Style::FlowSeq
            );
            is_scalar && here.contains(&(self.node(*n).start as usize))
        })
    }

    /// A fault at a place.
    pub(super) fn fault(&self, n: NodeId, message: impl Into<String>, hint: &'static str) -> Fault {
        Fault::at(self.source, self.node(n).start as usize, message, hint)
    }

    /// Where it is, for messages: `spec.containers[0].env[2].value`.
    #[must_use]
    pub fn path(&self, n: NodeId) -> String {
        let mut steps = Vec::new();
        let mut at = n;
        while at != self.root
            && let Some(parent) = self.parent(at)
        {
            steps.push(match self.node(parent).style {
                Style::BlockSeq | Style::FlowSeq => {
                    let index = self.children(parent).take_while(|item| *item != at).count();
                    format!("[{index}]")
                }
                _ => self.own_key(at).map_or_else(String::new, |key| step(&self.key(key))),
            });
            at = parent;
        }
        steps.reverse();
        let path = steps.concat();
        path.strip_prefix('.').unwrap_or(&path).to_owned()
    }

    /// Every place in the order of the text, keys included.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let end = self.node(self.root).after;
        (self.root.0..end.0).map(NodeId)
    }

    /// True where it is a key.
    #[must_use]
    pub fn is_key(&self, n: NodeId) -> bool {
        self.node(n).is_key
    }

    /// The collection it stands in.
    #[must_use]
    pub fn parent(&self, n: NodeId) -> Option<NodeId> {
        let parent = self.node(n).parent;
        (parent != NOWHERE && n != self.root).then_some(parent)
    }

    /// A map or a list as it is written, brackets included; None in block style.
    #[must_use]
    pub fn flow(&self, n: NodeId) -> Option<&'s str> {
        let node = self.node(self.target(n));
        let is_flow = matches!(node.style, Style::FlowMap | Style::FlowSeq);
        self.source.get(node.start as usize..node.end as usize).filter(|_| is_flow)
    }

    /// The whole text.
    #[must_use]
    pub fn said(&self) -> &'s str {
        self.source
    }

    /// The comments and blank lines before the object.
    #[must_use]
    pub fn leading(&self) -> &'s str {
        let mut end = 0;
        for line in self.source.split_inclusive('\n') {
            let bare = line.trim_start_matches('\u{feff}').trim();
            if !bare.is_empty() && !bare.starts_with('#') {
                break;
            }
            end += line.len();
        }
        self.source.get(..end).unwrap_or("")
    }

    /// What an alias names, else the place itself.
    #[must_use]
    pub fn target(&self, n: NodeId) -> NodeId {
        let named = if self.node(n).style == Style::Alias { self.more().aliases.of(n) } else { None };
        named.copied().unwrap_or(n)
    }

    /// The nodes directly below, keys and values alike.
    pub(super) fn children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let end = self.node(parent).after;
        let mut at = NodeId(parent.0.saturating_add(1));
        std::iter::from_fn(move || {
            let here = at;
            (here < end).then(|| {
                at = self.node(here).after;
                here
            })
        })
    }

    /// The keys and values that a map itself holds, nothing being followed but the map.
    pub fn own(&self, map: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let map = self.target(map);
        let is_map = self.kind(map) == Kind::Map;
        let mut children = self.children(map).take_while(move |_| is_map);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The entries of a map, merges followed, the values' aliases not.
    pub(super) fn pairs(&self, map: NodeId) -> Vec<(NodeId, NodeId)> {
        let mut pairs: Vec<(NodeId, NodeId)> = self.own(map).collect();
        let Some(at) = pairs.iter().position(|(key, _)| self.is_merge(*key)) else {
            return pairs;
        };
        let (_, value) = pairs.remove(at);
        let mut seen: BTreeSet<Cow<'_, str>> = pairs.iter().map(|(key, _)| self.key(*key)).collect();
        let mut merged = self.merged(value);
        merged.retain(|(key, _)| seen.insert(self.key(*key)));
        pairs.splice(at..at, merged);
        pairs
    }

    /// The key and the value of a name, merges followed, the value's alias not.
    pub(super) fn entry(&self, map: NodeId, name: &str) -> Option<(NodeId, NodeId)> {
        let mut merge = None;
        for (key, value) in self.own(map) {
            if self.is_merge(key) {
                merge = Some(value);
            } else if self.key_is(key, name) {
                return Some((key, value));
            }
        }
        let value = merge?;
        match self.kind(value) {
            Kind::Map => self.entry(value, name),
            Kind::Seq => self.items(value).find_map(|item| self.entry(item, name)),
            Kind::Scalar => None,
        }
    }

    /// What a merge brings, the first of equal keys first.
    pub(super) fn merged(&self, value: NodeId) -> Vec<(NodeId, NodeId)> {
        match self.kind(value) {
            Kind::Map => self.pairs(value),
            Kind::Seq => self.items(value).flat_map(|item| self.pairs(item)).collect(),
            Kind::Scalar => Vec::new(),
        }
    }

    /// True for a plain `<<`.
    pub(super) fn is_merge(&self, key: NodeId) -> bool {
        let node = self.node(key);
        let fits = node.style == Style::Plain && node.end == node.start + 2;
        fits && node.tag == Sort::None && self.characters(key) == "<<"
    }

    /// A key as it is called in JSON; None where it has no such name.
    pub(super) fn key_text(&self, n: NodeId) -> Option<Cow<'_, str>> {
        let id = self.target(n);
        let (node, text) = (self.node(id), self.characters(id));
        match (node.tag, node.style) {
            (Sort::Text, _) | (Sort::None, Style::Quoted | Style::BlockScalar) => Some(Cow::Borrowed(text)),
            (Sort::Bool | Sort::Float | Sort::Int | Sort::None, _) => scalar::key(text),
            _ => None,
        }
    }

    /// What a `!!binary` scalar holds.
    fn decoded(&self, n: NodeId) -> Option<&str> {
        self.more().decoded.of(n).map(String::as_str)
    }

    /// The key of the entry that a key or a value stands in; a key has nothing below it, so it stands just before.
    pub(super) fn own_key(&self, part: NodeId) -> Option<NodeId> {
        if self.is_key(part) {
            return Some(part);
        }
        let before = NodeId(part.0.checked_sub(1)?);
        (self.is_key(before) && self.node(before).parent == self.node(part).parent).then_some(before)
    }

    /// The value of a key.
    pub(super) fn own_value(&self, key: NodeId) -> NodeId {
        self.node(key).after
    }

    /// Compares without allocating where the key is plainly a word.
    fn key_is(&self, key: NodeId, name: &str) -> bool {
        let (node, text) = (self.node(key), self.characters(key));
        match node.style {
            Style::Quoted if node.tag == Sort::None => text == name,
            Style::Plain if node.tag == Sort::None && scalar::is_word(text) => text == name,
            _ => self.key(key) == name,
        }
    }
}

/// One key of a path.
fn step(key: &str) -> String {
    let plain = key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'<'));
    if plain && !key.is_empty() { format!(".{key}") } else { format!("[{key:?}]") }
}
