//! Lists of objects by their lines.
//!
//! Receives one document or item and adds it to the pieces, as one or as the items that it lists. Lines tell where an
//! item begins; where they are not certain, the tree does. Items are never read here.

use std::borrow::Cow;

use memchr::memmem;

use super::node::Style;
use super::split::Splitter;
use super::{Fault, Kind, NodeId, Syntax, Tree};
use crate::limits;

/// Adds the objects of one document or item.
pub(super) fn split(
    splitter: &mut Splitter<'_, '_>,
    start: usize,
    end: usize,
    syntax: Syntax,
    depth: usize,
) -> Result<(), Fault> {
    let text = splitter.slice(start, end);
    if !(splitter.may_matter)(text) || !may_be_list(text) {
        splitter.push(start, end, syntax);
        return Ok(());
    }
    match Lines::default().read(text, matches!(syntax, Syntax::Item { .. })) {
        Found::Items(column, items) => {
            bounded(splitter.text, start, depth)?;
            items.into_iter().try_for_each(|(first, last)| {
                let syntax = Syntax::Item { column };
                split(splitter, start + first, start + last, syntax, depth + 1)
            })
        }
        Found::NoList => {
            splitter.push(start, end, syntax);
            Ok(())
        }
        Found::Unclear => split_by_tree(splitter, start, end, syntax, depth),
    }
}

/// The same for texts whose lines do not tell: flow style, tags, explicit keys.
pub(super) fn split_by_tree(
    splitter: &mut Splitter<'_, '_>,
    start: usize,
    end: usize,
    syntax: Syntax,
    depth: usize,
) -> Result<(), Fault> {
    let text = splitter.slice(start, end);
    // What does not parse is one piece: whoever reads it tells why.
    let tree = Tree::parse(text, syntax).ok();
    let items = tree.as_ref().and_then(|tree| items_of(tree, tree.root()));
    let places = tree.as_ref().zip(items).and_then(|(tree, items)| places(tree, text, items));
    let Some(places) = places else {
        splitter.push(start, end, syntax);
        return Ok(());
    };
    bounded(splitter.text, start, depth)?;
    places
        .into_iter()
        .try_for_each(|(first, last, syntax)| split(splitter, start + first, start + last, syntax, depth + 1))
}

/// Refuses lists in lists in lists.
pub(super) fn bounded(text: &str, at: usize, depth: usize) -> Result<(), Fault> {
    if depth < limits::LISTS {
        return Ok(());
    }
    Err(Fault::at(text, at, "lists within too many lists", "flatten them"))
}

/// True for the kinds whose items are objects of their own.
pub(super) fn is_list(kind: &str, version: &str) -> bool {
    match kind {
        "List" => true,
        "ResourceList" => version.starts_with("config.kubernetes.io/"),
        _ => kind.ends_with("List") && version == "v1",
    }
}

/// The items of a list of objects; None where it is none, or an empty one.
pub(super) fn items_of(tree: &Tree<'_>, object: NodeId) -> Option<NodeId> {
    let said = |key| tree.get(object, key).and_then(|node| tree.text(node)).unwrap_or("");
    let items = tree.get(object, "items")?;
    let full = tree.kind(items) == Kind::Seq && tree.items(items).next().is_some();
    (full && is_list(said("kind"), said("apiVersion"))).then_some(items)
}

/// A look at the bytes, so that almost nothing is read line by line. An escape may hide any word.
fn may_be_list(text: &str) -> bool {
    let has = |word: &str| memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    has("List") && has("items") || has("\\")
}

/// Where the items of a list stand in its text.
fn places(tree: &Tree<'_>, text: &str, items: NodeId) -> Option<Vec<(usize, usize, Syntax)>> {
    let is_flow = tree.node(items).style == Style::FlowSeq;
    let mut places: Vec<(usize, usize, Syntax)> = Vec::new();
    for item in tree.children(items) {
        let node = tree.node(item);
        let (start, end) = (node.start as usize, node.end as usize);
        if is_flow {
            if node.style != Style::FlowMap || !text.get(start..end)?.starts_with('{') {
                return None;
            }
            places.push((start, end, Syntax::Member));
            continue;
        }
        let (line, column) = dash_before(text, start)?;
        if !matches!(node.style, Style::BlockMap | Style::FlowMap) {
            return None;
        }
        if let Some(last) = places.last_mut() {
            last.1 = without_comments(text, last.0, line, column);
        }
        places.push((line, text.len(), Syntax::Item { column }));
    }
    if let (false, Some(last)) = (is_flow, places.last_mut()) {
        let Syntax::Item { column } = last.2 else {
            return None;
        };
        // What stands behind the items begins with the next key of the list itself.
        let end = tree
            .nodes()
            .find(|node| *node >= tree.node(items).after)
            .map_or(text.len(), |next| tree.node(next).start as usize);
        let line = text.get(..end)?.rfind('\n').map_or(0, |at| at + 1);
        let end = if end == text.len() { end } else { line };
        last.1 = without_comments(text, last.0, end, column);
    }
    Some(places)
}

/// The line and the column of the dash of an item that begins at `start`, if nothing but comments stands between.
fn dash_before(text: &str, start: usize) -> Option<(usize, usize)> {
    let mut end = start;
    loop {
        let line = text.get(..end)?.rfind('\n').map_or(0, |at| at + 1);
        let before = text.get(line..end)?;
        let said = before.find(" #").map_or(before, |at| before.get(..at).unwrap_or(before));
        match said.trim() {
            "-" => return Some((line, said.find('-')?)),
            "" => end = line.checked_sub(1)?,
            comment if comment.starts_with('#') => end = line.checked_sub(1)?,
            _ => return None,
        }
    }
}

/// The end of an item without the comments that stand below it, no deeper than its dash.
fn without_comments(text: &str, start: usize, end: usize, column: usize) -> usize {
    let text = text.get(start..end).unwrap_or("");
    let mut at = text.len();
    let mut kept = at;
    for line in text.split_inclusive('\n').rev() {
        at -= line.len();
        let bare = line.trim_start_matches(' ');
        if bare.starts_with('#') && line.len() - bare.len() <= column {
            kept = at;
        } else if !bare.trim().is_empty() {
            break;
        }
    }
    start + kept
}

/// What the lines tell.
enum Found {
    Items(usize, Vec<(usize, usize)>),
    NoList,
    Unclear,
}

/// The reading of one map line by line: only its own keys are looked at.
#[derive(Default)]
struct Lines<'t> {
    column: Option<usize>,
    kind: Option<Cow<'t, str>>,
    version: Option<Cow<'t, str>>,
    /// The column of the dashes, once known, and where each item begins.
    dash: Option<usize>,
    starts: Vec<usize>,
    items_end: usize,
    within_items: bool,
    seen_items: bool,
    /// The line before said the kind or the version: a deeper line would go on with it.
    header_above: bool,
}

impl<'t> Lines<'t> {
    fn read(mut self, text: &'t str, mut is_item: bool) -> Found {
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let here = at;
            at += line.len();
            let mut indent = line.bytes().take_while(|c| *c == b' ').count();
            if self.is_below_an_item(indent) {
                continue;
            }
            let bare = line.get(indent..).unwrap_or("");
            let mut said = bare.trim_end_matches(['\n', '\r', ' ', '\t']);
            if said.is_empty() || said.starts_with('#') {
                continue;
            }
            if is_item && self.column.is_none() {
                let Some(behind) = said.strip_prefix('-') else {
                    return Found::Unclear;
                };
                let key = behind.trim_start_matches(' ');
                if key.is_empty() || key.starts_with('#') {
                    is_item = false;
                    continue;
                }
                indent += said.len() - key.len();
                said = key;
            }
            let column = *self.column.get_or_insert(indent);
            if indent < column {
                return Found::Unclear;
            }
            let is_dash = said == "-" || said.starts_with("- ");
            if self.within_items && (is_dash && self.dash.is_none_or(|dash| dash == indent)) {
                self.dash = Some(indent);
                self.starts.push(here);
                continue;
            }
            if indent > column {
                let shallow = self.within_items && self.dash.is_none_or(|dash| indent <= dash);
                if shallow || self.header_above {
                    return Found::Unclear;
                }
                continue;
            }
            if is_dash {
                if self.within_items {
                    return Found::Unclear;
                }
                continue;
            }
            if self.within_items {
                self.within_items = false;
                self.items_end = here;
            }
            if !self.key(said) {
                return Found::Unclear;
            }
        }
        if self.within_items {
            self.items_end = text.len();
        }
        self.found(text)
    }

    /// Most lines of a list are such, and need no other look.
    fn is_below_an_item(&self, indent: usize) -> bool {
        self.within_items && self.dash.is_some_and(|dash| indent > dash)
    }

    /// Takes a line that is a key of the map; false where it is not plainly one.
    fn key(&mut self, line: &'t str) -> bool {
        let Some((key, value)) = plain_key(line) else {
            return false;
        };
        let value = match value.find(" #") {
            Some(comment) if !value.starts_with(['"', '\'']) => value.get(..comment).unwrap_or(""),
            _ => value,
        };
        let Some(value) = plain_value(value.trim()) else {
            return false;
        };
        self.header_above = false;
        match key {
            "kind" => {
                self.header_above = true;
                self.kind.replace(Cow::Borrowed(value)).is_none()
            }
            "apiVersion" => {
                self.header_above = true;
                self.version.replace(Cow::Borrowed(value)).is_none()
            }
            "items" => {
                self.within_items = value.is_empty();
                !std::mem::replace(&mut self.seen_items, true) && matches!(value, "" | "[]" | "null" | "~")
            }
            _ => true,
        }
    }

    fn found(self, text: &str) -> Found {
        let (kind, version) = (self.kind.unwrap_or_default(), self.version.unwrap_or_default());
        let Some(dash) = self.dash.filter(|_| is_list(&kind, &version)) else {
            return Found::NoList;
        };
        let ends = self.starts.iter().skip(1).copied().chain([self.items_end]);
        let items = self.starts.iter().zip(ends);
        let items = items.map(|(start, end)| (*start, without_comments(text, *start, end, dash)));
        Found::Items(dash, items.collect())
    }
}

/// A key that is a bare or a simply quoted word, and what stands behind its colon.
fn plain_key(line: &str) -> Option<(&str, &str)> {
    let is_word = |key: &str| {
        !key.is_empty() && key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'/' | b'-'))
    };
    let (key, value) = line.split_once(':')?;
    let bare = key.trim_end();
    let key = match bare.as_bytes() {
        [b'"', .., b'"'] | [b'\'', .., b'\''] => bare.get(1..bare.len() - 1)?,
        _ => bare,
    };
    (is_word(key) && (value.is_empty() || value.starts_with([' ', '\t']))).then_some((key, value))
}

/// A value that ends with its line, or goes on in deeper lines without a quotation mark.
fn plain_value(value: &str) -> Option<&str> {
    let mut bytes = value.bytes();
    match bytes.next() {
        Some(quote @ (b'"' | b'\'')) => {
            let inner = value.get(1..)?;
            let end = inner.find(char::from(quote))?;
            let behind = inner.get(end + 1..)?.trim_start();
            let said = inner.get(..end)?;
            let closed = behind.is_empty() || behind.starts_with('#');
            (closed && !said.contains('\\')).then_some(said)
        }
        Some(b'{' | b'[') => matches!(value, "{}" | "[]").then_some(value),
        Some(b'&' | b'*' | b'!' | b'?' | b'%' | b'@' | b'`') => None,
        _ => Some(value),
    }
}
