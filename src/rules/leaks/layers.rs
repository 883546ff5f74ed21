//! What stands inside of a text: base64, gzip, JSON, YAML, and lines with a name and a value.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::limits;
use crate::model::unbase64;
use crate::yaml::{self, Kind, NodeId, Tree};

/// What a text turns out to be.
pub(super) enum Layer {
    /// Another text.
    Encoded(String),
    /// Something that was left packed, because so much was unpacked before.
    Packed,
    /// Nothing that anybody can look into.
    Plain,
    /// JSON or YAML: its texts, each with the key that it stands under.
    Structured(Vec<(String, String)>),
}

/// What a text turns out to be.
///
/// `comments`: what somebody has allowed is left out. `unpacked`: the bytes that may still be unpacked.
pub(super) fn layer(text: &str, comments: bool, unpacked: &Cell<usize>) -> Layer {
    let trimmed = text.trim();
    if let Some(inner) = encoded(trimmed, unpacked) {
        return inner;
    }
    let many = trimmed.contains('\n') || trimmed.starts_with(['{', '[']);
    many.then(|| structured(trimmed, comments)).flatten().map_or(Layer::Plain, Layer::Structured)
}

/// The text behind base64, and gzip within.
fn encoded(text: &str, unpacked: &Cell<usize>) -> Option<Layer> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r');
    if text.len() < 16 || !text.bytes().all(letters) {
        return None;
    }
    let bytes = unbase64(text.as_bytes())?;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let most = limits::FILE.min(unpacked.get());
        if most == 0 {
            return Some(Layer::Packed);
        }
        let mut inner = vec![];
        let read = GzDecoder::new(bytes.as_slice()).take(u64::try_from(most).ok()?).read_to_end(&mut inner);
        unpacked.set(unpacked.get().saturating_sub(inner.len()));
        read.ok()?;
        inner
    } else {
        bytes.to_vec()
    };
    let text = String::from_utf8(bytes).ok()?;
    let readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    (!text.is_empty() && text.chars().all(readable)).then_some(Layer::Encoded(text))
}

/// Every text of JSON or YAML; None where it is neither, or holds none.
fn structured(text: &str, comments: bool) -> Option<Vec<(String, String)>> {
    let mut texts = vec![];
    for piece in yaml::pieces(text, &|_| true).ok()?.pieces {
        let tree = Tree::parse(piece.text, piece.syntax).ok()?;
        if tree.kind(tree.root()) == Kind::Scalar {
            return None;
        }
        let allowed = if comments && is_allowed(piece.text) { tree.remarked(&is_allowed) } else { BTreeSet::new() };
        inside(&tree, tree.root(), "", &mut |key, node| {
            if let Some(text) = tree.text(node).filter(|_| !allowed.contains(&node)) {
                texts.push((key.to_owned(), text.to_owned()));
            }
        });
    }
    (!texts.is_empty()).then_some(texts)
}

fn inside(tree: &Tree, node: NodeId, key: &str, see: &mut dyn FnMut(&str, NodeId)) {
    match tree.kind(node) {
        Kind::Map => {
            let name = tree.get(node, "name").and_then(|node| tree.text(node));
            if let (Some(name), Some(value)) = (name, tree.get(node, "value")) {
                see(name, value);
            }
            for (key, value) in tree.own(node).filter(|(_, value)| tree.target(*value) == *value) {
                inside(tree, value, &tree.key(key), see);
            }
        }
        Kind::Scalar => see(key, node),
        Kind::Seq => tree.items(node).for_each(|item| inside(tree, item, "", see)),
    }
}

/// Names and values of lines such as `name = value`, `export NAME=value`, `name: value`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        if line.starts_with(['#', ';', '!']) || line.starts_with("//") || line.starts_with("--") {
            return None;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once(['=', ':'])?;
        let name = name.trim().trim_matches(['"', '\'']);
        let value = value.trim().trim_end_matches([',', ';']).trim_matches(['"', '\'']);
        let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@');
        (!name.is_empty() && name.chars().all(of_name)).then_some((name, value))
    })
}

/// A text without the lines that somebody has allowed. JSON in one line has no comments, only values that look like one.
pub(super) fn without_allowed(text: &str) -> Cow<'_, str> {
    let one_line = !text.trim_end().contains('\n') && text.trim_start().starts_with(['{', '[']);
    if one_line || !is_allowed(text) {
        return Cow::Borrowed(text);
    }
    text.split_inclusive('\n').map(|line| if is_allowed(line) { "\n" } else { line }).collect()
}

/// Comments of gitleaks and of detect-secrets that say that nothing is wrong in a line.
pub(super) fn is_allowed(line: &str) -> bool {
    line.contains("gitleaks:allow") || line.contains("pragma: allowlist secret")
}
