//! Changes as cuts in a text.
//!
//! Receives changes and the tree they are said against; gives back the text with only the touched bytes changed, or
//! nothing where it cannot tell them. It trusts no result of its own: the caller reads it back.

use super::edit::{Change, Edits};
use super::tree::{NodeId, Sort, Style};
use super::write::{self, quoted};
use super::{Kind, Tree, Value};

/// The bytes from `start` to `end` become `text`.
struct Cut {
    start: usize,
    end: usize,
    /// How deep it stands: of two texts at one place the deeper one comes first.
    column: usize,
    text: String,
}

/// The text with all changes; None where one of them has no place that is certain.
pub(super) fn splice(edits: &Edits, tree: &Tree<'_>) -> Option<String> {
    let text = Text { tree, source: tree.said() };
    let mut cuts = Vec::new();
    for (n, changes) in &edits.0 {
        text.cuts(edits, *n, changes, &mut cuts)?;
    }
    // Stable: what was said first comes first.
    cuts.sort_by_key(|cut| (cut.start, cut.end, usize::MAX - cut.column));
    let mut out = String::with_capacity(text.source.len() + 256);
    let mut at = 0;
    for cut in cuts {
        // A gap that begins before the last one ended is an overlap.
        out.push_str(text.source.get(at..cut.start)?);
        out.push_str(&line_ends(text.source, cut.text));
        at = cut.end;
    }
    out.push_str(text.source.get(at..)?);
    Some(out)
}

/// A text that we made, with the line ends of the document.
pub(super) fn line_ends(document: &str, made: String) -> String {
    if made.contains('\n') && document.contains("\r\n") {
        made.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        made
    }
}

struct Text<'t, 's> {
    tree: &'t Tree<'s>,
    source: &'s str,
}

impl Text<'_, '_> {
    fn cuts(&self, edits: &Edits, n: NodeId, changes: &[Change], cuts: &mut Vec<Cut>) -> Option<()> {
        let mut inserts: Vec<(&str, &Value<'static>)> = Vec::new();
        let mut appends: Vec<&Value<'static>> = Vec::new();
        // What is said of an alias alone is written out in its place.
        let is_alias = self.tree.node(n).style == Style::Alias;
        let mut within = false;
        for change in changes {
            match change {
                Change::Append(_) if is_alias => within = true,
                Change::Append(value) => appends.push(value),
                Change::Entry(key, value) => cuts.push(self.entry(n, key, value)?),
                Change::Insert(key, value) => inserts.push((key, value)),
                Change::Remove => self.remove(edits, n, cuts)?,
                Change::Rename(to) => cuts.push(self.rename(n, to)?),
                Change::Set(value) => cuts.push(self.set(n, value)?),
                Change::Within(..) => within = true,
            }
        }
        if within {
            let whole = edits.meant(self.tree, n).ok()?;
            cuts.push(self.set(n, &whole)?);
        }
        if !inserts.is_empty() {
            self.insert(edits, n, inserts, cuts)?;
        }
        if !appends.is_empty() {
            self.append(n, &appends, cuts)?;
        }
        Some(())
    }

    fn rename(&self, key: NodeId, to: &str) -> Option<Cut> {
        let node = self.tree.node(key);
        if !matches!(node.style, Style::Plain | Style::Quoted) || node.tag != Sort::None {
            return None;
        }
        let (start, end) = self.span(key);
        let mut text = String::new();
        if write::is_plain(to) && !self.in_flow(key) {
            text.push_str(to);
        } else {
            quoted(&mut text, to);
        }
        Some(Cut { start, end, column: 0, text })
    }

    /// Another key with another value.
    fn entry(&self, key: NodeId, name: &str, value: &Value<'_>) -> Option<Cut> {
        let start = self.plain_key(key)?;
        let end = self.value_end(self.tree.own_value(key))?;
        let mut text = String::new();
        if self.in_flow(key) {
            quoted(&mut text, name);
            text.push_str(": ");
            value.json(&mut text);
        } else {
            write::entry(&mut text, name, value, self.indent(start)?);
        }
        Some(Cut { start, end, column: 0, text })
    }

    fn set(&self, n: NodeId, value: &Value<'_>) -> Option<Cut> {
        let node = self.tree.node(n);
        let parent = self.tree.parent(n)?;
        let (start, end) = self.span(n);
        let bare = node.tag == Sort::None
            && matches!(node.style, Style::Alias | Style::FlowMap | Style::FlowSeq | Style::Plain | Style::Quoted);
        let mut text = String::new();
        if self.in_flow(n) {
            value.json(&mut text);
            return (bare && self.has_brackets(n)).then_some(Cut { start, end, column: 0, text });
        }
        if bare && is_in_line(value) {
            value.in_line(&mut text);
            return Some(Cut { start, end, column: 0, text });
        }
        if self.tree.kind(parent) == Kind::Map {
            let key = self.tree.own_key(n)?;
            let column = self.indent(self.plain_key(key)?)?;
            // Key and colon are written by the one writer of entries, and all but the key is taken.
            write::entry(&mut text, "k", value, column);
            text.remove(0);
            let start = self.span(key).1;
            return Some(Cut { start, end: self.value_end(n)?, column: 0, text });
        }
        if node.tag != Sort::None || node.style == Style::Absent {
            return None;
        }
        let column = self.indent(start)?;
        value.block(&mut text, column);
        Some(Cut { start, end: self.value_end(n)?, column: 0, text })
    }

    fn remove(&self, edits: &Edits, key: NodeId, cuts: &mut Vec<Cut>) -> Option<()> {
        let map = self.tree.parent(key)?;
        let gone = |key: NodeId| edits.of(key).iter().any(|c| matches!(c, Change::Remove));
        let mut keys = self.tree.own(map).map(|(key, _)| key);
        let mut before = None;
        let mut all = true;
        let first = keys.next()?;
        if first == key {
            all = gone(first);
        }
        let mut next = None;
        let mut last = first;
        for one in keys {
            all &= gone(one);
            if one == key {
                before = Some(last);
            }
            if last == key {
                next = Some(one);
            }
            last = one;
        }
        all &= gone(first);
        if all {
            // The map stays, and is empty; said once, by its first key.
            let inserts = edits.of(map).iter().any(|c| matches!(c, Change::Insert(..)));
            if key == first && !inserts {
                cuts.push(self.set(map, &Value::Map(Vec::new()))?);
            }
            return (!inserts).then_some(());
        }
        let start = self.plain_key(key)?;
        let value_end = self.said_end(self.tree.own_value(key))?;
        let (start, end) = if self.in_flow(key) {
            match (next, before) {
                (Some(next), _) => (start, self.plain_key(next)?),
                (None, Some(before)) => (self.said_end(self.tree.own_value(before))?, value_end),
                (None, None) => return None,
            }
        } else {
            let line = self.line_start(start);
            self.indent(start)?;
            if self.source.get(line..start)?.bytes().all(|c| c == b' ') {
                (line, self.next_line(value_end))
            } else {
                // The first key behind a dash: the next one takes its place.
                (start, self.plain_key(next?)?)
            }
        };
        cuts.push(Cut { start, end, column: 0, text: String::new() });
        Some(())
    }

    fn insert(
        &self,
        edits: &Edits,
        map: NodeId,
        mut new: Vec<(&str, &Value<'static>)>,
        cuts: &mut Vec<Cut>,
    ) -> Option<()> {
        new.sort_by_key(|(key, _)| *key);
        let keys: Vec<(NodeId, NodeId)> = self.tree.own(map).collect();
        let (Some((first, _)), Some((last, last_value))) = (keys.first(), keys.last()) else {
            let whole = Value::map(new.into_iter().map(|(key, value)| (key, value.clone())));
            cuts.push(self.set(map, &whole)?);
            return Some(());
        };
        if edits.of(*last).iter().any(|c| matches!(c, Change::Entry(..) | Change::Remove)) {
            return None;
        }
        let sorted = keys.is_sorted_by_key(|(key, _)| self.tree.key(*key));
        for (name, value) in new {
            let successor = keys.iter().map(|(key, _)| *key).find(|key| sorted && *self.tree.key(*key) > *name);
            let cut = if self.tree.node(map).style == Style::FlowMap {
                self.insert_in_flow(map, name, value, successor, *last, *last_value)?
            } else {
                let column = self.indent(self.plain_key(*first)?)?;
                let mut text = String::new();
                write::entry(&mut text, name, value, column);
                match successor {
                    Some(successor) => self.before_key(successor, column, &text)?,
                    None => self.after(self.said_end(*last_value)?, column, &text),
                }
            };
            cuts.push(cut);
        }
        Some(())
    }

    fn insert_in_flow(
        &self,
        map: NodeId,
        name: &str,
        value: &Value<'_>,
        successor: Option<NodeId>,
        last: NodeId,
        last_value: NodeId,
    ) -> Option<Cut> {
        if !self.has_brackets(map) {
            return None;
        }
        let near = self.plain_key(successor.unwrap_or(last))?;
        let gap = self.gap(near);
        let mut text = String::new();
        quoted(&mut text, name);
        text.push_str(": ");
        value.json(&mut text);
        let (at, text) = if successor.is_some() {
            (near, format!("{text},{gap}"))
        } else {
            (self.said_end(last_value)?, format!(",{gap}{text}"))
        };
        Some(Cut { start: at, end: at, column: 0, text })
    }

    fn append(&self, list: NodeId, new: &[&Value<'static>], cuts: &mut Vec<Cut>) -> Option<()> {
        let items: Vec<NodeId> = self.tree.children(list).collect();
        let (Some(first), Some(end), Kind::Seq) = (items.first(), items.last(), self.tree.kind(list)) else {
            let whole = Value::List(new.iter().map(|value| (*value).clone()).collect());
            cuts.push(self.set(list, &whole)?);
            return Some(());
        };
        for value in new {
            let mut text = String::new();
            let cut = if self.tree.node(list).style == Style::FlowSeq {
                value.json(&mut text);
                let at = self.said_end(*end)?;
                let text = format!(",{}{text}", self.gap(self.span(*end).0));
                Cut { start: at, end: at, column: 0, text }
            } else {
                let start = self.span(*first).0;
                let line = self.line_start(start);
                let dash = line + self.source.get(line..start)?.rfind('-')?;
                let column = self.indent(dash)?;
                text.push_str("- ");
                value.block(&mut text, column + 2);
                self.after(self.said_end(list)?, column, &text)
            };
            cuts.push(cut);
        }
        Some(())
    }

    /// A new line above a key and the comments that stand right above it.
    fn before_key(&self, key: NodeId, column: usize, text: &str) -> Option<Cut> {
        let start = self.plain_key(key)?;
        let mut line = self.line_start(start);
        let mut text = text.to_owned();
        if self.source.get(line..start)?.contains('-') {
            // Behind a dash: it takes the place of the first key.
            text.push('\n');
            write::pad(&mut text, column);
            return Some(Cut { start, end: start, column, text });
        }
        while line > 0 {
            let above = self.line_start(line - 1);
            let comment = self.source.get(above..line)?;
            if comment.find('#') != Some(column) || !comment.trim_start().starts_with('#') {
                break;
            }
            line = above;
        }
        text.insert_str(0, &" ".repeat(column));
        text.push('\n');
        Some(Cut { start: line, end: line, column, text })
    }

    /// A new line below the one in which something ends.
    fn after(&self, end: usize, column: usize, text: &str) -> Cut {
        let at = self.next_line(end);
        let at_line_start = at == 0 || self.source.as_bytes().get(at - 1) == Some(&b'\n');
        let mut line = String::new();
        if !at_line_start {
            line.push('\n');
        }
        write::pad(&mut line, column);
        line.push_str(text);
        if at_line_start {
            line.push('\n');
        }
        Cut { start: at, end: at, column, text: line }
    }

    /// What stands between two members of a flow collection, before the one at `at`.
    fn gap(&self, at: usize) -> String {
        let before = self.source.get(self.line_start(at)..at).unwrap_or("");
        if before.bytes().all(|c| matches!(c, b' ' | b'\t')) && at > before.len() {
            format!("\n{before}")
        } else {
            " ".to_owned()
        }
    }

    /// The first byte of a key that can be spoken of by its span.
    fn plain_key(&self, key: NodeId) -> Option<usize> {
        let node = self.tree.node(key);
        let bare = matches!(node.style, Style::Plain | Style::Quoted) && node.tag == Sort::None;
        bare.then(|| self.span(key).0)
    }

    /// The column of a key or a dash before which only spaces and dashes stand in its line.
    fn indent(&self, at: usize) -> Option<usize> {
        let before = self.source.get(self.line_start(at)..at)?;
        let dashes = before.bytes().all(|c| matches!(c, b' ' | b'-')) && !before.contains("--");
        (dashes && !before.ends_with('-')).then_some(before.len())
    }

    /// The end of what a node says in its last line.
    fn value_end(&self, n: NodeId) -> Option<usize> {
        let end = self.said_end(n)?;
        let said = self.source.get(self.span(n).0..end)?;
        Some(end - (said.len() - said.trim_end_matches(['\n', '\r']).len()))
    }

    /// The end of what a node says: comments and blank lines below it are not its own.
    fn said_end(&self, n: NodeId) -> Option<usize> {
        let node = self.tree.node(n);
        let (start, end) = self.span(n);
        match node.style {
            Style::BlockMap | Style::BlockSeq => self.said_end(self.tree.children(n).last()?),
            Style::Absent if node.tag != Sort::None => None,
            Style::Absent => {
                let behind = self.source.get(end..)?;
                let colon = behind.trim_start_matches([' ', '\t']);
                let blank = behind.len() - colon.len();
                Some(if colon.starts_with(':') && !node.is_key { end + blank + 1 } else { end })
            }
            Style::BlockScalar => {
                let said = self.source.get(start..end)?;
                let header = said.lines().next().unwrap_or("");
                if header.contains('+') {
                    return Some(end);
                }
                Some(start + said.trim_end_matches([' ', '\n', '\r']).len())
            }
            _ => Some(end),
        }
    }

    /// True where an ancestor is written in flow style.
    fn in_flow(&self, n: NodeId) -> bool {
        self.tree
            .parent(n)
            .is_some_and(|parent| matches!(self.tree.node(parent).style, Style::FlowMap | Style::FlowSeq))
    }

    /// False for the pair `a: b` in `[a: b]`, which is a flow map without brackets.
    fn has_brackets(&self, n: NodeId) -> bool {
        let (start, end) = self.span(n);
        match self.tree.node(n).style {
            Style::FlowMap | Style::FlowSeq => {
                start < end && self.source.get(start..).is_some_and(|s| s.starts_with(['{', '[']))
            }
            _ => true,
        }
    }

    fn span(&self, n: NodeId) -> (usize, usize) {
        let node = self.tree.node(n);
        (node.start as usize, node.end as usize)
    }

    fn line_start(&self, at: usize) -> usize {
        self.source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
    }

    /// The start of the line below the one in which something ends.
    fn next_line(&self, end: usize) -> usize {
        if end > 0 && self.source.as_bytes().get(end - 1) == Some(&b'\n') {
            return end;
        }
        let rest = self.source.get(end..).unwrap_or("");
        rest.find('\n').map_or(self.source.len(), |at| end + at + 1)
    }
}

/// True for a value that is written in one line.
fn is_in_line(value: &Value<'_>) -> bool {
    match value {
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        Value::Text(text) => !text.contains('\n'),
        Value::Bool(_) | Value::Null | Value::Number(_) => true,
    }
}
