//! Changes as cuts in a text.
//!
//! Receives changes and the tree they are said against; gives back the text with only the touched bytes changed, or
//! nothing where it cannot tell them. It trusts no result of its own: the caller reads it back.

use super::edit::{Change, Edits};
use super::node::{NodeId, Sort, Style};
use super::spans::Text;
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
        out.push_str(&write::line_ends(text.source, cut.text));
        at = cut.end;
    }
    out.push_str(text.source.get(at..)?);
    Some(out)
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
        if bare && value.is_in_line() {
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
}

#[cfg(test)]
mod tests {
    use super::super::{Syntax, Tree, Value};
    use super::*;

    /// The text after an edit, which must be a splice.
    fn spliced(source: &str, change: impl FnOnce(&Tree<'_>, &mut Edits)) -> String {
        let tree = Tree::parse(source, Syntax::Document).unwrap();
        let mut edits = Edits::default();
        change(&tree, &mut edits);
        let applied = edits.apply(&tree, Syntax::Document).unwrap();
        assert!(!applied.anew, "written anew: {}", applied.text);
        applied.text
    }

    fn inserted(source: &str, path: &[&str]) -> String {
        spliced(source, |tree, edits| {
            edits.insert(tree, tree.root(), path, Value::text("new"));
        })
    }

    fn key(tree: &Tree<'_>, path: &[&str]) -> NodeId {
        tree.own_key(tree.at(tree.root(), path).unwrap()).unwrap()
    }

    #[test]
    fn a_new_key_finds_its_place() {
        for (source, path, wanted) in [
            ("a: 1\nc: 2\n", &["b"] as &[&str], "a: 1\nb: new\nc: 2\n"),
            ("a: 1\n# of c\n# too\nc: 2\n", &["b"], "a: 1\nb: new\n# of c\n# too\nc: 2\n"),
            ("c: 1\na: 2 # x\n# end\n", &["b"], "c: 1\na: 2 # x\nb: new\n# end\n"),
            ("a: 1", &["b"], "a: 1\nb: new"),
            ("a:\n  x: |\n    t\n\nz: 1\n", &["a", "y1"], "a:\n  x: |\n    t\n  y1: new\n\nz: 1\n"),
            ("a:\nz: 1\n", &["a", "b"], "a:\n  b: new\nz: 1\n"),
            ("a: {}\nz: 1\n", &["a", "b"], "a:\n  b: new\nz: 1\n"),
            ("a: {x: 1}\n", &["a", "b"], "a: {\"b\": \"new\", x: 1}\n"),
            ("{\"a\": 1}", &["b"], "{\"a\": 1, \"b\": \"new\"}"),
            ("{\n  \"a\": 1\n}\n", &["b"], "{\n  \"a\": 1,\n  \"b\": \"new\"\n}\n"),
            ("{\n\t\"b\": 1\n}\n", &["a"], "{\n\t\"a\": \"new\",\n\t\"b\": 1\n}\n"),
        ] {
            assert_eq!(inserted(source, path), wanted, "{source:?}");
        }
    }

    #[test]
    fn two_inserts_below_one_new_map_merge() {
        let text = spliced("kind: A\n", |tree, edits| {
            edits.insert(tree, tree.root(), &["metadata", "annotations", "b"], Value::text("1"));
            edits.insert(tree, tree.root(), &["metadata", "annotations", "a"], Value::text("2"));
        });
        assert_eq!(text, "kind: A\nmetadata:\n  annotations:\n    b: \"1\"\n    a: \"2\"\n");
    }

    #[test]
    fn what_goes_takes_its_lines_only() {
        for (source, path, wanted) in [
            ("a: 1\nb:\n  c: 2\n# d\nd: 3\n", &["b"] as &[&str], "a: 1\n# d\nd: 3\n"),
            ("a:\n  b: 1 # x\nc: 2\n", &["a", "b"], "a: {} # x\nc: 2\n"),
            ("{\"a\": 1, \"b\": 2}", &["a"], "{\"b\": 2}"),
            ("{\"a\": 1, \"b\": 2}", &["b"], "{\"a\": 1}"),
        ] {
            let text = spliced(source, |tree, edits| edits.remove(key(tree, path)));
            assert_eq!(text, wanted, "{source:?}");
        }
    }

    #[test]
    fn an_entry_becomes_another_one() {
        let source = "env:\n- name: A # a\n  value: x # b\n- {name: B, value: y}\n";
        let text = spliced(source, |tree, edits| {
            let items: Vec<NodeId> = tree.items(tree.at(tree.root(), &["env"]).unwrap()).collect();
            for item in items {
                let key = tree.own_key(tree.get(item, "value").unwrap()).unwrap();
                let from = Value::map([("secretKeyRef", Value::map([("key", Value::text("k"))]))]);
                edits.replace_entry(key, "valueFrom".to_owned(), from);
            }
        });
        let wanted = "env:\n- name: A # a\n  valueFrom:\n    secretKeyRef:\n      key: k # b\n- {name: B, \"valueFrom\": {\"secretKeyRef\": {\"key\": \"k\"}}}\n";
        assert_eq!(text, wanted);
    }
}
