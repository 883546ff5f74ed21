//! What every store reads a file into, and what a value looks like as text.
//!
//! The same tree holds a file before and after it is decrypted; it has no `Debug`, since its scalars are secrets.

use std::ops::Range;

use zeroize::Zeroizing;

use super::store::Store;

/// A part of a document, in the order of the file.
pub(super) enum Node {
    /// A comment between the entries of a map or the items of a list.
    Comment(Comment),
    /// Items.
    List(Vec<Node>),
    /// Entries; a comment stands under an empty key.
    Map(Vec<(String, Node)>),
    /// A value.
    Scalar(Scalar),
}

impl Node {
    /// Text as it stands in a file.
    pub(super) fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::scalar(Type::Text, text)
    }

    /// A value as it stands in a file.
    pub(super) fn scalar(kind: Type, bytes: impl Into<Vec<u8>>) -> Self {
        Self::Scalar(Scalar { bytes: Zeroizing::new(bytes.into()), kind, protection: Protection::Clear })
    }

    /// A comment as it stands in a file.
    pub(super) fn comment(text: impl Into<Vec<u8>>) -> Self {
        Self::Comment(Comment { text: Zeroizing::new(text.into()), beside: false })
    }

    /// A map or a list of nothing but comments.
    pub(super) fn is_empty(&self) -> bool {
        let is_comment = |node: &Self| matches!(node, Self::Comment(_));
        match self {
            Self::Comment(_) | Self::Scalar(_) => false,
            Self::List(items) => items.iter().all(is_comment),
            Self::Map(entries) => entries.iter().all(|(_, node)| is_comment(node)),
        }
    }

    /// The comments above the first entry or item.
    pub(super) fn leading(&self) -> Vec<&Comment> {
        let all: Vec<&Self> = match self {
            Self::Comment(_) | Self::Scalar(_) => vec![],
            Self::List(items) => items.iter().collect(),
            Self::Map(entries) => entries.iter().map(|(_, node)| node).collect(),
        };
        let comments = all.into_iter().map_while(|node| if let Self::Comment(c) = node { Some(c) } else { None });
        comments.filter(|comment| !comment.beside).collect()
    }
}

/// A comment.
pub(super) struct Comment {
    /// Without its sign.
    pub(super) text: Zeroizing<Vec<u8>>,
    /// It stands behind the value that follows it here, in the same line.
    pub(super) beside: bool,
}

/// One value.
pub(super) struct Scalar {
    /// As the MAC has it: `True`, `-1`, `0.5`, a time of RFC 3339.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// What it is.
    pub(super) kind: Type,
    /// How it stands in the file.
    pub(super) protection: Protection,
}

impl Scalar {
    /// The bytes, as `sops --extract` prints them; none for null.
    pub(super) fn printed(&self, store: Store) -> Zeroizing<Vec<u8>> {
        let float = || std::str::from_utf8(&self.bytes).ok()?.parse().ok();
        match self.kind {
            Type::Bool => Zeroizing::new(self.bytes.to_ascii_lowercase()),
            Type::Float => match float() {
                Some(float) if store == Store::Yaml => Zeroizing::new(exponent(float, -4..6).into_bytes()),
                Some(float) => Zeroizing::new(exponent(float, -6..21).into_bytes()),
                None => self.bytes.clone(),
            },
            _ => self.bytes.clone(),
        }
    }
}

/// How a value stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// In clear, as the file's own rule wants it.
    Clear,
    /// Nothing was there to be encrypted: SOPS leaves empty text as it is, wherever it stands.
    Empty,
    /// Encrypted, and bound to its path.
    Encrypted,
}

/// What a value is. Nothing authenticates it but the MAC, and that only where it changes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `True` or `False`.
    Bool,
    /// Bytes, which only old versions wrote.
    Bytes,
    /// A float of 64 bits.
    Float,
    /// An integer of 64 bits.
    Int,
    /// Nothing: neither encrypted nor part of the MAC.
    Null,
    /// Text, of which only binary files are no UTF-8.
    Text,
    /// A time.
    Time,
}

/// strconv.FormatFloat(f, 'f', -1, 64): the fewest digits, never an exponent.
pub(super) fn decimals(float: f64) -> String {
    match float {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => format!("{float}"),
    }
}

/// The fewest digits, with an exponent where that lies outside of the range: strconv.FormatFloat(f, 'g', -1, 64) has -4..6,
/// encoding/json -6..21.
fn exponent(float: f64, without: Range<i32>) -> String {
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if without.contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let least = if without.end == 21 { 1 } else { 2 };
    format!("{mantissa}e{sign}{:0>least$}", exponent.abs())
}
