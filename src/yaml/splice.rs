//! Changes as cuts in a text.
//!
//! Receives changes and the tree they are said against; gives back the text with only the touched bytes changed, or
//! nothing where it cannot tell them. It trusts no result of its own: the caller reads it back.

use super::edit::{Change, Edits};
use super::node::{NodeId, Style};
use super::spans::Text;
use super::write::{self, is_plain, quoted};
use super::{Tree, Value};

/// The text with all changes; None where one of them has no place that is certain.
pub(super) fn splice(edits: &Edits, tree: &Tree<'_>) -> Option<String> {
    let text = Text { tree, source: tree.said() };
    let mut splicer = Splicer { text: &text, edits, cuts: Vec::new() };
    splicer.value(tree.root())?;
    // Stable: what was said first comes first.
    splicer.cuts.sort_by_key(|cut| (cut.start, cut.end, usize::MAX - cut.column));
    let mut out = String::with_capacity(text.source.len() + 256);
    let line_ends = write::LineEnds::of(text.source);
    let mut at = 0;
    for cut in splicer.cuts {
        // A gap that begins before the last one ended is an overlap.
        out.push_str(text.source.get(at..cut.start)?);
        out.push_str(&line_ends.write(cut.text));
        at = cut.end;
    }
    out.push_str(text.source.get(at..)?);
    Some(out)
}

/// The bytes from `start` to `end` become `text`.
struct Cut {
    start: usize,
    end: usize,
    /// How deep it stands: of two texts at one place the deeper one comes first.
    column: usize,
    text: String,
}

struct Splicer<'t, 's> {
    text: &'t Text<'t, 's>,
    edits: &'t Edits,
    cuts: Vec<Cut>,
}

impl Splicer<'_, '_> {
    fn cut(&mut self, start: usize, end: usize, text: String) {
        self.cuts.push(Cut { start, end, column: 0, text });
    }

    /// All changes of a value and of what stands below it.
    fn value(&mut self, n: NodeId) -> Option<()> {
        let (tree, edits) = (self.text.tree, self.edits);
        let children: Vec<NodeId> = tree.children(n).collect();
        let is_map = matches!(tree.node(n).style, Style::BlockMap | Style::FlowMap);
        let is_empty = if is_map {
            children.iter().step_by(2).all(|key| matches!(edits.of_key(*key), Some(Change::Remove)))
        } else {
            children.is_empty()
        };
        let fits = |change: &Change| match change {
            Change::Append(_) => !is_map && !is_empty,
            Change::Insert(..) => is_map && !is_empty,
            _ => false,
        };
        if !edits.of(n).iter().all(fits) || is_map && is_empty && !children.is_empty() {
            return self.set(n, &edits.meant(tree, n).ok()?);
        }
        if !is_map {
            children.iter().try_for_each(|item| self.value(*item))?;
            return self.append(n, children.first().zip(children.last()));
        }
        let keys: Vec<(NodeId, NodeId)> = tree.own(n).collect();
        for (at, (key, value)) in keys.iter().enumerate() {
            match edits.of_key(*key) {
                Some(Change::Entry(name, value)) => self.entry(*key, name, value)?,
                Some(Change::Remove) => self.remove(&keys, at)?,
                Some(Change::Rename(name)) => {
                    let (start, end) = self.text.span(*key);
                    let mut text = String::new();
                    if is_plain(name) && !self.text.in_flow(*key) {
                        text.push_str(name);
                    } else {
                        quoted(&mut text, name);
                    }
                    self.cut(start, end, text);
                    self.value(*value)?;
                }
                _ => self.value(*value)?,
            }
        }
        self.insert(n, &keys)
    }

    /// Another key with another value.
    fn entry(&mut self, key: NodeId, name: &str, value: &Value<'_>) -> Option<()> {
        let start = self.text.span(key).0;
        let end = self.text.value_end(self.text.tree.own_value(key))?;
        let text = if self.text.in_flow(key) {
            member(name, value)
        } else {
            block_entry(name, value, self.text.indent(start)?)
        };
        self.cut(start, end, text);
        Some(())
    }

    fn set(&mut self, n: NodeId, value: &Value<'_>) -> Option<()> {
        let tree = self.text.tree;
        let (start, end) = self.text.span(n);
        let bare =
            matches!(tree.node(n).style, Style::Alias | Style::FlowMap | Style::FlowSeq | Style::Plain | Style::Quoted);
        let mut text = String::new();
        if self.text.in_flow(n) {
            value.json(&mut text);
            self.cut(start, end, text);
            return bare.then_some(());
        }
        if bare && value.is_in_line() {
            value.in_line(&mut text);
            self.cut(start, end, text);
            return Some(());
        }
        let last = self.text.value_end(n)?;
        if let Some(key) = tree.own_key(n) {
            // Key and colon are written by the one writer of entries, and all but the key is taken.
            let (key, colon) = self.text.span(key);
            text = block_entry("k", value, self.text.indent(key)?).split_off(1);
            self.cut(colon, last, text);
        } else {
            value.block(&mut text, self.text.indent(start)?);
            self.cut(start, last, text);
        }
        Some(())
    }

    fn remove(&mut self, keys: &[(NodeId, NodeId)], at: usize) -> Option<()> {
        let text = self.text;
        let (key, value) = *keys.get(at)?;
        let next = keys.get(at + 1).map(|(key, _)| text.span(*key).0);
        let start = text.span(key).0;
        let end = text.said_end(value)?;
        let line = text.line_start(start);
        let (start, end) = match (text.in_flow(key), next) {
            (true, Some(next)) => (start, next),
            (true, None) => (text.said_end(keys.get(at.checked_sub(1)?)?.1)?, end),
            _ if text.source.get(line..start)?.bytes().all(|c| c == b' ') => (line, text.next_line(end)),
            // The first key behind a dash: the next one takes its place.
            _ => (start, next?),
        };
        self.cut(start, end, String::new());
        Some(())
    }

    fn insert(&mut self, map: NodeId, keys: &[(NodeId, NodeId)]) -> Option<()> {
        let (text, edits) = (self.text, self.edits);
        if edits.of(map).is_empty() {
            return Some(());
        }
        let mut new = edits.inserted(map).into_entries();
        new.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (first, _) = keys.first()?;
        let (last, last_value) = keys.last()?;
        let end = text.said_end(*last_value)?;
        let sorted = keys.is_sorted_by_key(|(key, _)| text.tree.key(*key));
        for (name, value) in new {
            let next = keys.iter().map(|(key, _)| *key).find(|key| sorted && *text.tree.key(*key) > *name);
            if text.tree.node(map).style == Style::FlowMap {
                let near = text.span(next.unwrap_or(*last)).0;
                let (gap, member) = (text.gap(near), member(&name, &value));
                match next {
                    Some(_) => self.cut(near, near, format!("{member},{gap}")),
                    None => self.cut(end, end, format!(",{gap}{member}")),
                }
                continue;
            }
            let column = text.indent(text.span(*first).0)?;
            let entry = block_entry(&name, &value, column);
            match next {
                Some(next) => self.above(text.span(next).0, column, &entry)?,
                None => self.below(end, column, &entry),
            }
        }
        Some(())
    }

    fn append(&mut self, list: NodeId, items: Option<(&NodeId, &NodeId)>) -> Option<()> {
        let (text, edits) = (self.text, self.edits);
        for change in edits.of(list) {
            let (Change::Append(value), Some((first, last))) = (change, items) else {
                return None;
            };
            let end = text.said_end(*last)?;
            if text.tree.node(list).style == Style::FlowSeq {
                let mut member = format!(",{}", text.gap(text.span(*last).0));
                value.json(&mut member);
                self.cut(end, end, member);
                continue;
            }
            let start = text.span(*first).0;
            let line = text.line_start(start);
            let column = text.indent(line + text.source.get(line..start)?.rfind('-')?)?;
            let mut item = "- ".to_owned();
            value.block(&mut item, column + 2);
            self.below(end, column, &item);
        }
        Some(())
    }

    /// A new line above a key and the comments that stand right above it.
    fn above(&mut self, start: usize, column: usize, text: &str) -> Option<()> {
        let source = self.text.source;
        let mut line = self.text.line_start(start);
        let pad = " ".repeat(column);
        if source.get(line..start)?.contains('-') {
            // Behind a dash: it takes the place of the first key.
            self.cuts.push(Cut { start, end: start, column, text: format!("{text}\n{pad}") });
            return Some(());
        }
        while line > 0 {
            let above = self.text.line_start(line - 1);
            let comment = source.get(above..line)?;
            if comment.find('#') != Some(column) || !comment.trim_start().starts_with('#') {
                break;
            }
            line = above;
        }
        self.cuts.push(Cut { start: line, end: line, column, text: format!("{pad}{text}\n") });
        Some(())
    }

    /// A new line below the one in which something ends.
    fn below(&mut self, end: usize, column: usize, text: &str) {
        let at = self.text.next_line(end);
        let pad = " ".repeat(column);
        let is_fresh = at == 0 || self.text.source.as_bytes().get(at - 1) == Some(&b'\n');
        let text = if is_fresh { format!("{pad}{text}\n") } else { format!("\n{pad}{text}") };
        self.cuts.push(Cut { start: at, end: at, column, text });
    }
}

/// A key and a value as JSON.
fn member(name: &str, value: &Value<'_>) -> String {
    let mut out = String::new();
    quoted(&mut out, name);
    out.push_str(": ");
    value.json(&mut out);
    out
}

fn block_entry(name: &str, value: &Value<'_>, column: usize) -> String {
    let mut out = String::new();
    write::entry(&mut out, name, value, column);
    out
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
