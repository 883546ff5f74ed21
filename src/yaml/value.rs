//! Values that we make.
//!
//! Receives names and values, or a place in a tree, and gives back what is to be written. It knows no syntax; equality
//! is equality of meaning. It has no `Debug`: values may be secrets.

use std::borrow::Cow;

use super::{Kind, NodeId, Scalar, Tree, scalar};

/// Something that has a JSON form.
#[derive(Clone)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A list.
    List(Vec<Value<'a>>),
    /// Keys and values, in the order in which they are written.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
    /// Nothing.
    Null,
    /// A number, as it is written.
    Number(Cow<'a, str>),
    /// Text.
    Text(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// A map of these entries, in this order.
    pub fn map<K: Into<Cow<'a, str>>>(entries: impl IntoIterator<Item = (K, Value<'a>)>) -> Self {
        let entries = entries.into_iter();
        Self::Map(entries.map(|(key, value)| (key.into(), value)).collect())
    }

    /// Text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A whole number.
    #[must_use]
    pub fn int(number: i64) -> Self {
        Self::Number(Cow::Owned(number.to_string()))
    }

    /// What Kubernetes reads at a place, aliases and merges followed.
    #[must_use]
    pub fn of(tree: &'a Tree<'_>, n: NodeId) -> Self {
        match tree.kind(n) {
            // A tree is never deeper than `limits::DEPTH`, aliases followed.
            Kind::Map => Self::Map(
                tree.entries(n).into_iter().map(|(key, value)| (tree.key(key), Self::of(tree, value))).collect(),
            ),
            Kind::Seq => Self::List(tree.items(n).map(|item| Self::of(tree, item)).collect()),
            Kind::Scalar => match tree.scalar(n) {
                Some(Scalar::Bool(value)) => Self::Bool(value),
                Some(Scalar::Number(text)) => Self::Number(Cow::Borrowed(text)),
                Some(Scalar::Text(text)) => Self::Text(Cow::Borrowed(text)),
                Some(Scalar::Null) | None => Self::Null,
            },
        }
    }

    /// The same, borrowing from nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
            Self::Map(entries) => Value::Map(
                entries.into_iter().map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned())).collect(),
            ),
            Self::Null => Value::Null,
            Self::Number(text) => Value::Number(Cow::Owned(text.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        }
    }

    /// The entries of a map.
    pub(super) fn into_entries(self) -> Vec<(Cow<'a, str>, Self)> {
        if let Self::Map(entries) = self { entries } else { Vec::new() }
    }

    /// The value of a key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Map(entries) => entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Adds an entry to a map, at its end, or gives a key that is there a new value. What is no map stays as it is.
    pub fn push(&mut self, key: impl Into<Cow<'a, str>>, value: Value<'a>) {
        let Self::Map(entries) = self else {
            return;
        };
        let key = key.into();
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => entries.push((key, value)),
        }
    }
}

/// Equality of meaning: keys in any order, `0x10` being 16.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => same_entries(a, b),
            (Self::Null, Self::Null) => true,
            (Self::Number(a), Self::Number(b)) => a == b || scalar::number(a) == scalar::number(b),
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

/// Maps are mostly in the same order; where they are not, both are sorted.
fn same_entries(a: &[(Cow<'_, str>, Value<'_>)], b: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.iter().zip(b).all(|(a, b)| a.0 == b.0) {
        return a.iter().zip(b).all(|(a, b)| a.1 == b.1);
    }
    let mut a: Vec<_> = a.iter().collect();
    let mut b: Vec<_> = b.iter().collect();
    a.sort_by(|x, y| x.0.cmp(&y.0));
    b.sort_by(|x, y| x.0.cmp(&y.0));
    a.into_iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1 == b.1)
}
