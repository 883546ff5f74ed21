//! Lists whose items share anchors.
//!
//! Receives a stream and gives back the same stream with such lists written anew, so that each item can be read alone.
//! It leaves everything else as it is, and parses only documents that hold both an anchor and an alias.

use super::split::documents;
use super::{Fault, NodeId, Tree, Value, line_of, list, write};

/// The text with every list written anew whose items share anchors; None where there is no such list.
pub fn untangled(text: &str, may_matter: &dyn Fn(&str) -> bool) -> Result<Option<String>, Fault> {
    if !shares(text) {
        return Ok(None);
    }
    let mut out = String::new();
    let mut at = 0;
    for chunk in documents(text)? {
        let chunk = chunk?;
        let said = text.get(chunk.start..chunk.end).unwrap_or("");
        if !shares(said) || !may_matter(said) {
            continue;
        }
        let line = line_of(text, chunk.start);
        let syntax = chunk.syntax();
        let tree = Tree::parse(said, syntax).map_err(|fault| fault.from_line(line))?;
        if !is_tangled(&tree, tree.root()) {
            continue;
        }
        if !tree.more().decoded.is_empty() {
            let hint = "write the base64 into data without the tag";
            return Err(Fault::at(text, chunk.start, "binary data in a list that shares anchors", hint));
        }
        out.push_str(text.get(at..chunk.start).unwrap_or(""));
        out.push_str(tree.leading());
        let anew = Value::of(&tree, tree.root()).write(syntax);
        out.push_str(&write::LineEnds::of(said).write(anew));
        at = chunk.end;
    }
    if at == 0 {
        return Ok(None);
    }
    out.push_str(text.get(at..).unwrap_or(""));
    Ok(Some(out))
}

/// True where an alias and an anchor of one name may stand in the text.
fn shares(text: &str) -> bool {
    let mut aliases = names(text, b'*').peekable();
    if aliases.peek().is_none() {
        return false;
    }
    let anchors: std::collections::BTreeSet<&str> = names(text, b'&').collect();
    !anchors.is_empty() && aliases.any(|alias| anchors.contains(alias))
}

/// The names behind a sign that stands where a value may begin.
fn names(text: &str, sign: u8) -> impl Iterator<Item = &str> {
    memchr::memchr_iter(sign, text.as_bytes()).filter_map(move |at| {
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        let begins = before.is_none_or(|c| b" \t\n\r[{,".contains(c));
        let name = text.get(at + 1..).filter(|_| begins)?;
        let end = name.find([' ', '\t', '\n', '\r', ',', '[', ']', '{', '}']).unwrap_or(name.len());
        name.get(..end).filter(|name| !name.is_empty())
    })
}

/// True for a list, or a list in it, with an item that names what stands outside of it.
fn is_tangled(tree: &Tree<'_>, object: NodeId) -> bool {
    let Some(items) = list::items_of(tree, object) else {
        return false;
    };
    tree.children(items).any(|item| {
        let end = tree.node(item).after;
        let leaves = (item.0..end.0).map(NodeId).any(|node| {
            let target = tree.target(node);
            target != node && !(item..end).contains(&target)
        });
        leaves || is_tangled(tree, item)
    })
}
