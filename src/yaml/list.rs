//! Lists of objects by their lines.
//!
//! Receives one document or item and adds it to the pieces, as one or as the items that it lists. Lines tell where an
//! item begins; where they are not certain, the tree does. Items are never read here.

use memchr::{memchr_iter, memmem};

use super::node::Style;
use super::split::{Splitter, documents};
use super::{Fault, Kind, NodeId, Syntax, Tree, json, newlines};
use crate::limits;

/// Bytes from one place to another, and what they are.
pub(super) type Span = (usize, usize, Syntax);

/// Adds the objects of one document, value or item.
pub(super) fn split(splitter: &mut Splitter<'_, '_>, span: Span, depth: usize) -> Result<(), Fault> {
    let (start, end, syntax) = span;
    let text = splitter.slice(start, end);
    let matters = (splitter.may_matter)(text);
    let Some(items) = matters.then(|| items(text, syntax)).flatten() else {
        splitter.push(span, matters);
        return Ok(());
    };
    if depth >= limits::LISTS {
        return Err(Fault::at(splitter.text, start, "lists within too many lists", "flatten them"));
    }
    items
        .into_iter()
        .try_for_each(|(first, last, syntax)| split(splitter, (start + first, start + last, syntax), depth + 1))
}

/// A document that lists objects, and what can be asked of it without reading them.
pub struct Envelope<'s> {
    /// The document without the items, every line where it was.
    pub around: String,
    /// The first item, and where it stands.
    pub first: Option<(&'s str, Syntax)>,
    /// How many items there are.
    pub items: usize,
}

/// The list that a text is; a document that lists nothing has no items. None for several documents.
pub fn envelope(text: &str) -> Result<Option<Envelope<'_>>, Fault> {
    let documents = documents(text)?.collect::<Result<Vec<_>, _>>()?;
    let [document] = documents.as_slice() else { return Ok(None) };
    let (start, end) = (document.start, document.end);
    let said = text.get(start..end).unwrap_or("");
    let spans = items(said, Syntax::Document).unwrap_or_default();
    let first = spans.first().map_or(end, |(first, ..)| start + first);
    let last = spans.last().map_or(end, |(_, last, _)| start + last);
    let lines = "\n".repeat(newlines(text.get(first..last).unwrap_or("")));
    let around = [text.get(..first).unwrap_or(""), &lines, text.get(last..end).unwrap_or("")].concat();
    let first = spans.first().and_then(|(first, last, syntax)| Some((said.get(*first..*last)?, *syntax)));
    Ok(Some(Envelope { around, first, items: spans.len() }))
}

/// True for the kinds whose items are objects of their own.
pub(super) fn is_list(kind: &str, version: &str) -> bool {
    match kind {
        "List" => true,
        "ResourceList" => version.starts_with("config.kubernetes.io/"),
        // As kubectl gets them: lists of the core group, and of roles and bindings.
        _ => kind.ends_with("List") && (version == "v1" || version.starts_with("rbac.authorization.k8s.io/")),
    }
}

/// The items of a list of objects; None where it is none, or an empty one.
pub(super) fn items_of(tree: &Tree<'_>, object: NodeId) -> Option<NodeId> {
    let items = of_list(tree, object)?;
    (tree.kind(items) == Kind::Seq && tree.items(items).next().is_some()).then_some(items)
}

/// What stands under `items` in a list of objects.
fn of_list(tree: &Tree<'_>, object: NodeId) -> Option<NodeId> {
    let said = |key| tree.get(object, key).and_then(|node| tree.text(node)).unwrap_or("");
    is_list(said("kind"), said("apiVersion")).then(|| tree.get(object, "items")).flatten()
}

/// The items of a list; None where it is none, or its items cannot be told apart.
fn items(text: &str, syntax: Syntax) -> Option<Vec<Span>> {
    if !may_be_list(text) {
        return None;
    }
    if text.trim_start().starts_with(['{', '[']) {
        return match json::values(text, 0, text.len()).ok()?.as_deref() {
            Some([(start, end)]) => json::objects(text, *start, *end)
                .map(|items| items.into_iter().map(|(start, end)| (start, end, Syntax::Member)).collect()),
            _ => items_by_tree(text, syntax),
        };
    }
    let is_list = lines(text, syntax).and_then(|(colon, block)| {
        let is_list = !block.starts.is_empty() && is_list_around(text, syntax, colon, &block)?;
        Some(is_list.then(|| block.spans(text)))
    });
    is_list.unwrap_or_else(|| items_by_tree(text, syntax))
}

/// A look at the bytes before anything is read. An array needs no word, and an escape may hide any.
fn may_be_list(text: &str) -> bool {
    let has = |word: &str| memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    has("List") && has("items") || has("\\") || text.trim_start().starts_with('[')
}

/// Reads the keys of a map line by line, for the colon of `items` and what stands below; None where a key is not plain.
fn lines(text: &str, syntax: Syntax) -> Option<(usize, Block)> {
    let mut behind_dash = matches!(syntax, Syntax::Item { .. });
    let mut column = None;
    let mut found: Option<(usize, Block)> = None;
    let mut at = 0;
    while let Some(line) = line_at(text, at) {
        let start = at;
        at += line.len();
        let (mut indent, mut bare) = indented(line);
        if behind_dash && !is_blank(bare) {
            let key = bare.strip_prefix('-')?.trim_start_matches(' ');
            (indent, bare, behind_dash) = (indent + bare.len() - key.len(), key, false);
        }
        if is_blank(bare) || column.is_some_and(|column| indent > column || indent == column && is_dash(bare)) {
            continue;
        }
        if *column.get_or_insert(indent) != indent {
            return None;
        }
        if is_dash(bare) {
            continue;
        }
        let (key, value) = bare.split_once(':')?;
        let is_word = key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'/' | b'-'));
        if !is_word || !value.starts_with([' ', '\t', '\r', '\n']) && !value.is_empty() {
            return None;
        }
        if key == "items" {
            let block = Block::read(text, at, None);
            if !is_blank(value.trim_start_matches([' ', '\t'])) || block.dash < indent || found.is_some() {
                return None;
            }
            at = block.end;
            if line_at(text, at).is_some_and(|line| indented(line).0 > indent) {
                return None;
            }
            found = Some((start + line.len() - value.len(), block));
        }
    }
    Some(found.unwrap_or_else(|| (0, Block::read("", 0, None))))
}

/// True for a list, read without its items; None where that is no YAML, or where the last item does not end there: what
/// stands behind it must not be taken from it.
fn is_list_around(text: &str, syntax: Syntax, colon: usize, block: &Block) -> Option<bool> {
    let (last, rest) = (text.get(*block.starts.last()?..block.end)?, text.get(block.end..)?);
    if !rest.is_empty() {
        Tree::parse(last, Syntax::Item { column: block.dash }).ok()?;
    }
    let without = [text.get(..colon)?, " []\n", rest].concat();
    let tree = Tree::parse(&without, syntax).ok()?;
    let items = of_list(&tree, tree.root());
    Some(items.is_some_and(|items| tree.node(items).start as usize == colon + 1))
}

/// The same for texts whose lines do not tell: flow style, tags, quoted keys. What does not parse is one piece: whoever
/// reads it tells why.
fn items_by_tree(text: &str, syntax: Syntax) -> Option<Vec<Span>> {
    let tree = Tree::parse(text, syntax).ok()?;
    let list = items_of(&tree, tree.root())?;
    let items = tree.children(list).map(|item| tree.node(item));
    let start = tree.node(list).start as usize;
    if tree.node(list).style == Style::BlockSeq {
        let line = |at| text.get(..at).and_then(|above| above.rfind('\n')).map_or(0, |at| at + 1);
        let next = tree.nodes().find(|node| *node >= tree.node(list).after);
        let end = next.map_or(text.len(), |next| line(tree.node(next).start as usize));
        let block = Block::read(text, line(start), Some(end));
        return (block.starts.len() == items.count()).then(|| block.spans(text));
    }
    let is_object = |span: &Span| text.get(span.0..span.1).is_some_and(|item| item.starts_with('{'));
    let spans: Vec<Span> = items.map(|item| (item.start as usize, item.end as usize, Syntax::Member)).collect();
    spans.iter().all(is_object).then_some(spans)
}

/// The items of a block list.
struct Block {
    /// The column of the dashes.
    dash: usize,
    /// The line of each item.
    starts: Vec<usize>,
    /// The first line that is none of theirs.
    end: usize,
}

impl Block {
    /// Reads the lines from `start` on, to the end where it is known, else as far as they plainly belong to one list.
    fn read(text: &str, start: usize, end: Option<usize>) -> Self {
        let mut block = Self { dash: usize::MAX, starts: Vec::new(), end: start };
        let last = end.unwrap_or(text.len());
        let bytes = text.as_bytes().get(start..last).unwrap_or_default();
        let ends = memchr_iter(b'\n', bytes).map(|end| start + end + 1).chain([last]);
        for next in ends {
            let line = text.as_bytes().get(block.end..next).unwrap_or_default();
            // Most lines are such, and need no other look.
            let is_deep = line.get(..=block.dash).is_some_and(|blank| blank.iter().all(|c| *c == b' '));
            if !is_deep {
                let (indent, bare) = indented(text.get(block.end..next).unwrap_or(""));
                let is_item = is_dash(bare) && (block.starts.is_empty() || indent == block.dash);
                if is_item {
                    block.dash = indent;
                    block.starts.push(block.end);
                } else if end.is_none() && !is_blank(bare) {
                    break;
                }
            }
            block.end = next;
        }
        block
    }

    /// Each item, without the comments that stand below it, no deeper than its dash.
    fn spans(&self, text: &str) -> Vec<Span> {
        let ends = self.starts.iter().skip(1).copied().chain([self.end]);
        let syntax = Syntax::Item { column: self.dash };
        let spans = self.starts.iter().zip(ends).map(|(start, end)| {
            let mut kept = end;
            let mut at = end;
            for line in text.get(*start..end).unwrap_or("").split_inclusive('\n').rev() {
                at -= line.len();
                let (indent, bare) = indented(line);
                if bare.starts_with('#') && indent <= self.dash {
                    kept = at;
                } else if !bare.trim().is_empty() {
                    break;
                }
            }
            (*start, kept, syntax)
        });
        spans.collect()
    }
}

/// The line that begins at a place, with its end.
fn line_at(text: &str, at: usize) -> Option<&str> {
    text.get(at..)?.split_inclusive('\n').next()
}

/// The spaces before a line, and the rest.
fn indented(line: &str) -> (usize, &str) {
    let bare = line.trim_start_matches(' ');
    (line.len() - bare.len(), bare)
}

fn is_blank(bare: &str) -> bool {
    bare.is_empty() || bare.starts_with(['\n', '\r', '#'])
}

fn is_dash(bare: &str) -> bool {
    matches!(bare.as_bytes(), [b'-'] | [b'-', b' ' | b'\r' | b'\n', ..])
}
