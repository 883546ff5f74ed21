//! Settings and objects as Rust types.
//!
//! Receives a place in a tree and gives back a value of a type that serde can make, or one mistake with its line and
//! path. It never tells what was written, only what was expected.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Unexpected, Visitor};

use super::scalar::{self, Number};
use super::{Kind, Mistake, NodeId, Scalar, Tree};

/// Reads a value of a type that serde knows.
pub fn read<'t, T: serde::Deserialize<'t>>(tree: &'t Tree<'_>, node: NodeId) -> Result<T, Mistake> {
    T::deserialize(Reader { tree, node })
}

/// A key or a value.
#[derive(Clone, Copy)]
struct Reader<'t, 's> {
    tree: &'t Tree<'s>,
    node: NodeId,
}

impl<'t, 's> Reader<'t, 's> {
    fn any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let Self { tree, node } = self;
        if tree.is_key(node) {
            return match tree.key(node) {
                Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
                Cow::Owned(key) => visitor.visit_string(key),
            };
        }
        match (tree.kind(node), tree.scalar(node)) {
            (Kind::Map, _) => visitor.visit_map(self.entries()),
            (Kind::Seq, _) => visitor.visit_seq(SeqDeserializer::new(tree.items(node).map(|node| Self { tree, node }))),
            (_, Some(Scalar::Bool(value))) => visitor.visit_bool(value),
            (_, Some(Scalar::Number(text))) => number(text, visitor),
            (_, Some(Scalar::Text(_))) if tree.bytes(node).is_some() => {
                Err(Mistake::invalid_type(Unexpected::Bytes(&[]), &visitor))
            }
            (_, Some(Scalar::Text(text))) => visitor.visit_borrowed_str(text),
            _ => visitor.visit_unit(),
        }
    }

    fn entries(self) -> Entries<'t, 's> {
        Entries { tree: self.tree, left: self.tree.entries(self.node).into_iter(), value: self.node }
    }

    fn variant<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match (self.tree.text(self.node), self.tree.entries(self.node).len()) {
            (Some(name), _) => visitor.visit_enum(name.into_deserializer()),
            (_, 1) => visitor.visit_enum(MapAccessDeserializer::new(self.entries())),
            (_, 0) => self.any(Wanted("a name")).map(|never| match never {}),
            _ => self.any(Wanted("a map with one key")).map(|never| match never {}),
        }
    }
}

/// The entries of a map. What a type says of a value that was read gets that value's place.
struct Entries<'t, 's> {
    tree: &'t Tree<'s>,
    left: std::vec::IntoIter<(NodeId, NodeId)>,
    value: NodeId,
}

impl<'t> MapAccess<'t> for Entries<'t, '_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'t>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some((node, value)) = self.left.next() else { return Ok(None) };
        self.value = value;
        let key = seed.deserialize(Reader { tree: self.tree, node });
        key.map(Some).map_err(|mistake| mistake.at(self.tree, node))
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (tree, node) = (self.tree, self.value);
        seed.deserialize(Reader { tree, node }).map_err(|mistake| mistake.at(tree, node))
    }
}

impl<'t> IntoDeserializer<'t, Mistake> for Reader<'t, '_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'t> Deserializer<'t> for Reader<'t, '_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.any(visitor).map_err(|mistake| mistake.at(self.tree, self.node))
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let is_null = self.tree.scalar(self.node) == Some(Scalar::Null);
        if is_null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.variant(visitor).map_err(|mistake| mistake.at(self.tree, self.node))
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        if self.tree.kind(self.node) == Kind::Map {
            return self.deserialize_any(visitor);
        }
        self.deserialize_any(Wanted("a map")).map(|never| match never {})
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'t>> bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier
    }
}

fn number<'t, V: Visitor<'t>>(text: &str, visitor: V) -> Result<V::Value, Mistake> {
    match scalar::number(text) {
        Some(Number::Float(float)) => visitor.visit_f64(float),
        Some(Number::Int(int)) => match (u64::try_from(int), i64::try_from(int)) {
            (Ok(int), _) => visitor.visit_u64(int),
            (_, Ok(int)) => visitor.visit_i64(int),
            _ => visitor.visit_i128(int),
        },
        None => visitor.visit_unit(),
    }
}

/// Takes nothing: serde then tells what was found instead.
struct Wanted(&'static str);

impl Visitor<'_> for Wanted {
    type Value = Infallible;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
