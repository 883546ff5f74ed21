//! Settings and objects as Rust types.
//!
//! Receives a place in a tree and gives back a value of a type that serde can make, or one mistake with its line and
//! path. It never tells what was written, only what was expected.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::scalar::{self, Number};
use super::{Kind, Mistake, NodeId, Scalar, Tree};

/// Reads a value of a type that serde knows.
pub fn read<'t, T: serde::Deserialize<'t>>(tree: &'t Tree<'_>, node: NodeId) -> Result<T, Mistake> {
    T::deserialize(Reader { tree, node }).map_err(|mistake| mistake.at(tree, node))
}

#[derive(Clone, Copy)]
struct Reader<'a, 't> {
    tree: &'t Tree<'a>,
    node: NodeId,
}

impl<'t> Reader<'_, 't> {
    fn to(self, node: NodeId) -> Self {
        Self { tree: self.tree, node }
    }

    fn found(self) -> &'static str {
        match self.tree.kind(self.node) {
            Kind::Map => "a map",
            Kind::Seq => "a list",
            Kind::Scalar => match self.tree.scalar(self.node) {
                Some(Scalar::Bool(_)) => "true or false",
                Some(Scalar::Number(_)) => "a number",
                Some(Scalar::Text(_)) => "text",
                Some(Scalar::Null) | None => "nothing",
            },
        }
    }

    fn wrong(self, expected: &str) -> Mistake {
        let mut mistake = Mistake::new(format!("expected {expected}, found {}", self.found()));
        let quotable = matches!(self.tree.scalar(self.node), Some(Scalar::Bool(_) | Scalar::Number(_)));
        if expected == "text" && quotable {
            mistake.hint = Some("put it in double quotes".to_owned());
        }
        mistake.at(self.tree, self.node)
    }

    fn is_null(self) -> bool {
        self.tree.scalar(self.node) == Some(Scalar::Null)
    }

    fn number<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.tree.scalar(self.node) {
            Some(Scalar::Number(text)) => visit_number(text, visitor),
            _ => Err(self.wrong("a number")),
        }
    }
}

fn visit_number<'t, V: Visitor<'t>>(text: &str, visitor: V) -> Result<V::Value, Mistake> {
    match scalar::number(text) {
        Some(Number::Float(float)) => visitor.visit_f64(float),
        Some(Number::Int(int)) => match (i64::try_from(int), u64::try_from(int)) {
            (_, Ok(int)) => visitor.visit_u64(int),
            (Ok(int), _) => visitor.visit_i64(int),
            _ => Err(Mistake::new("a number that is too large".to_owned())),
        },
        None => Err(Mistake::new("expected a number".to_owned())),
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
            self.number(visitor).map_err(|mistake| mistake.at(self.tree, self.node))
        })*
    };
}

impl<'t> Deserializer<'t> for Reader<'_, 't> {
    type Error = Mistake;

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let read = match self.tree.kind(self.node) {
            Kind::Map => return self.deserialize_map(visitor),
            Kind::Seq => return self.deserialize_seq(visitor),
            Kind::Scalar => match self.tree.scalar(self.node) {
                Some(Scalar::Bool(value)) => visitor.visit_bool(value),
                Some(Scalar::Number(text)) => visit_number(text, visitor),
                Some(Scalar::Text(text)) => visitor.visit_borrowed_str(text),
                Some(Scalar::Null) | None => visitor.visit_unit(),
            },
        };
        read.map_err(|mistake| mistake.at(self.tree, self.node))
    }

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.tree.scalar(self.node) {
            Some(Scalar::Bool(value)) => visitor.visit_bool(value),
            _ => Err(self.wrong("true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.tree.text(self.node) {
            Some(text) => visitor.visit_borrowed_str(text).map_err(|mistake: Mistake| mistake.at(self.tree, self.node)),
            None => Err(self.wrong("text")),
        }
    }

    fn deserialize_string<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.is_null() { visitor.visit_unit() } else { Err(self.wrong("nothing")) }
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.tree.kind(self.node) != Kind::Seq {
            return Err(self.wrong("a list"));
        }
        let items: Vec<NodeId> = self.tree.items(self.node).collect();
        visitor
            .visit_seq(Items { reader: self, items: items.into_iter() })
            .map_err(|mistake| mistake.at(self.tree, self.node))
    }

    fn deserialize_tuple<V: Visitor<'t>>(self, _: usize, v: V) -> Result<V::Value, Mistake> {
        self.deserialize_seq(v)
    }

    fn deserialize_map<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.tree.kind(self.node) != Kind::Map {
            return Err(self.wrong("a map"));
        }
        let rest = self.tree.entries(self.node).into_iter();
        visitor
            .visit_map(Entries { reader: self, rest, value: self.node })
            .map_err(|mistake| mistake.at(self.tree, self.node))
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let read = match self.tree.kind(self.node) {
            Kind::Scalar if self.tree.text(self.node).is_some() => {
                visitor.visit_enum(Variant { reader: self, name: self.node, content: None })
            }
            Kind::Map => match self.tree.entries(self.node).as_slice() {
                [(key, value)] => visitor.visit_enum(Variant { reader: self, name: *key, content: Some(*value) }),
                _ => return Err(self.wrong("a map with one key")),
            },
            _ => return Err(self.wrong("a name")),
        };
        read.map_err(|mistake| mistake.at(self.tree, self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { <V: Visitor<'t>> bytes byte_buf unit_struct tuple_struct }
}

struct Items<'a, 't> {
    reader: Reader<'a, 't>,
    items: std::vec::IntoIter<NodeId>,
}

impl<'t> SeqAccess<'t> for Items<'_, 't> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let reader = self.reader.to(item);
        let read = seed.deserialize(reader);
        read.map(Some).map_err(|mistake| mistake.at(reader.tree, item))
    }
}

struct Entries<'a, 't> {
    reader: Reader<'a, 't>,
    rest: std::vec::IntoIter<(NodeId, NodeId)>,
    value: NodeId,
}

impl<'t> MapAccess<'t> for Entries<'_, 't> {
    type Error = Mistake;

    fn next_key_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = value;
        let tree = self.reader.tree;
        let read = seed.deserialize(tree.key(key).into_deserializer());
        read.map(Some).map_err(|mistake: Mistake| mistake.at(tree, key))
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let reader = self.reader.to(self.value);
        seed.deserialize(reader).map_err(|mistake| mistake.at(reader.tree, self.value))
    }
}

struct Variant<'a, 't> {
    reader: Reader<'a, 't>,
    name: NodeId,
    content: Option<NodeId>,
}

impl<'a, 't> EnumAccess<'t> for Variant<'a, 't> {
    type Error = Mistake;
    type Variant = Content<'a, 't>;

    fn variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<(S::Value, Content<'a, 't>), Mistake> {
        let tree = self.reader.tree;
        let name = if self.content.is_some() { tree.key(self.name) } else { tree.text(self.name).unwrap_or("").into() };
        let read = seed.deserialize(name.into_deserializer());
        let name = read.map_err(|mistake: Mistake| mistake.at(tree, self.name))?;
        let at = self.reader.to(self.content.unwrap_or(self.name));
        Ok((name, Content { reader: at, is_there: self.content.is_some() }))
    }
}

struct Content<'a, 't> {
    reader: Reader<'a, 't>,
    is_there: bool,
}

impl<'t> VariantAccess<'t> for Content<'_, 't> {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        if !self.is_there || self.reader.is_null() { Ok(()) } else { Err(self.reader.wrong("nothing")) }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value, Mistake> {
        if self.is_there {
            seed.deserialize(self.reader)
        } else {
            Err(self.reader.wrong("a map with this name as its key"))
        }
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, visitor: V) -> Result<V::Value, Mistake> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'t>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        if self.is_there {
            self.reader.deserialize_map(visitor)
        } else {
            Err(self.reader.wrong("a map with this name as its key"))
        }
    }
}
