//! JSON by its brackets.
//!
//! Receives a text that begins with a bracket and gives back where its values begin and end. It only finds the ends of
//! things: what stands in them is judged by the tree, when somebody reads it.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Deserializer, Result as Read};

use super::Fault;
use super::list::is_list;
use crate::limits;

/// The JSON values in a row between `start` and `end`; None where the text is YAML, be it in flow style.
pub(super) fn values(text: &str, start: usize, end: usize) -> Result<Option<Vec<(usize, usize)>>, Fault> {
    let mut cursor = Cursor { text: text.get(..end).unwrap_or(""), at: start };
    let mut values = Vec::new();
    while let Some(b'{' | b'[') = cursor.next() {
        let start = cursor.at;
        match cursor.value::<IgnoredAny>() {
            Ok(_) => values.push((start, cursor.at)),
            Err(error) if error.is_eof() => {
                let message = "a bracket or quotation mark that is never closed";
                return Err(Fault::at(text, end, message, "is the text cut off?"));
            }
            Err(_) if is_deep(cursor.text.get(start..).unwrap_or("")) => {
                return Err(Fault::at(text, start, "nested too deeply", "no Kubernetes object is as deep"));
            }
            Err(_) => return Ok(None),
        }
    }
    Ok((cursor.next().is_none() && !values.is_empty()).then_some(values))
}

/// The members of an array or of a list of objects; None where one of them is no object, or there are none.
pub(super) fn objects(text: &str, start: usize, end: usize) -> Option<Vec<(usize, usize)>> {
    let mut cursor = Cursor { text: text.get(..end)?, at: start };
    if cursor.next() == Some(b'{') {
        cursor.at = items(&mut cursor)?;
    }
    let objects = cursor.members([b'[', b']'], |cursor| {
        let start = (cursor.next() == Some(b'{')).then_some(cursor.at)?;
        cursor.value::<IgnoredAny>().ok()?;
        Some((start, cursor.at))
    })?;
    (!objects.is_empty()).then_some(objects)
}

/// Where the items of a list begin. What is said twice is left to the tree, which refuses it.
fn items(cursor: &mut Cursor<'_>) -> Option<usize> {
    let (mut kind, mut version, mut items) = (None, None, None);
    cursor.members([b'{', b'}'], |cursor| {
        let key: String = cursor.value().ok()?;
        cursor.eat(b':')?;
        let twice = match &*key {
            "apiVersion" => version.replace(cursor.value::<String>().ok()?).is_some(),
            "kind" => kind.replace(cursor.value::<String>().ok()?).is_some(),
            _ => {
                let start = cursor.at;
                cursor.value::<IgnoredAny>().ok()?;
                key == "items" && items.replace(start).is_some()
            }
        };
        (!twice).then_some(())
    })?;
    items.filter(|_| is_list(&kind.unwrap_or_default(), &version.unwrap_or_default()))
}

/// True where more brackets are open than an object can have, strings being taken for brackets too.
fn is_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|c| {
        match c {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > limits::DEPTH
    })
}

/// A place in JSON.
struct Cursor<'s> {
    text: &'s str,
    at: usize,
}

impl Cursor<'_> {
    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blanks = rest.iter().take_while(|c| matches!(c, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    /// Passes over a mark, if it comes next.
    fn eat(&mut self, mark: u8) -> Option<()> {
        (self.next()? == mark).then(|| self.at += 1)
    }

    /// Passes over one value.
    fn value<T: DeserializeOwned>(&mut self) -> Read<T> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let mut values = Deserializer::from_str(rest).into_iter();
        let value = values.next().unwrap_or_else(|| serde_json::from_str(""))?;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Passes over what stands between two brackets.
    fn members<T>(&mut self, [open, close]: [u8; 2], mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut members = Vec::new();
        self.eat(open)?;
        while self.eat(close).is_none() {
            members.push(one(self)?);
            if self.eat(b',').is_none() {
                return self.eat(close).map(|()| members);
            }
        }
        Some(members)
    }
}
