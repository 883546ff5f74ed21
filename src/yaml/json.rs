//! JSON by its brackets.
//!
//! Receives a text that begins with a bracket and gives back where its values begin and end. It only finds the ends of
//! things: what stands in them is judged by the tree, when somebody reads it.

use super::split::Splitter;
use super::{Fault, Syntax, list};
use crate::limits;

/// The JSON values in a row between `start` and `end`; None where the text is YAML, be it in flow style.
pub(super) fn values(text: &str, start: usize, end: usize) -> Result<Option<Vec<(usize, usize)>>, Fault> {
    let bytes = text.as_bytes().get(..end).unwrap_or_default();
    let mut values = Vec::new();
    let mut at = blank(bytes, start);
    while let Some(b'{' | b'[') = bytes.get(at) {
        match skip(bytes, at) {
            Skipped::Value(end) => values.push((at, end)),
            Skipped::Deep(at) => {
                let hint = "no Kubernetes object is as deep";
                return Err(Fault::at(text, at, "nested too deeply", hint));
            }
            Skipped::End => {
                let message = "a bracket or quotation mark that is never closed";
                return Err(Fault::at(text, at, message, "is the text cut off?"));
            }
            Skipped::NoJson => return Ok(None),
        }
        at = blank(bytes, values.last().map_or(at, |(_, end)| *end));
    }
    Ok((at == bytes.len() && !values.is_empty()).then_some(values))
}

/// Adds the objects of one JSON value.
pub(super) fn split(
    splitter: &mut Splitter<'_, '_>,
    start: usize,
    end: usize,
    syntax: Syntax,
    depth: usize,
) -> Result<(), Fault> {
    let text = splitter.slice(start, end);
    if !(splitter.may_matter)(text) {
        splitter.push(start, end, syntax);
        return Ok(());
    }
    let bytes = splitter.text.as_bytes().get(..end).unwrap_or_default();
    let members = if text.starts_with('[') {
        elements(bytes, start)
    } else {
        match list_items(splitter.text, bytes, start) {
            Items::At(items) => elements(bytes, items),
            Items::None => None,
            Items::Unclear => return list::split_by_tree(splitter, start, end, syntax, depth),
        }
    };
    let objects = |at: &(usize, usize)| bytes.get(at.0) == Some(&b'{');
    let Some(members) = members.filter(|all| !all.is_empty() && all.iter().all(objects)) else {
        splitter.push(start, end, syntax);
        return Ok(());
    };
    list::bounded(splitter.text, start, depth)?;
    members.into_iter().try_for_each(|(start, end)| split(splitter, start, end, Syntax::Member, depth + 1))
}

/// Where the items of a list are.
enum Items {
    At(usize),
    None,
    /// Escapes or repetitions: the tree must look.
    Unclear,
}

/// The value of `items` in an object that is a list.
fn list_items(text: &str, bytes: &[u8], start: usize) -> Items {
    let mut kind = None;
    let mut version = None;
    let mut items = None;
    let mut at = blank(bytes, start + 1);
    while bytes.get(at) == Some(&b'"') {
        let Some(key_end) = string(bytes, at) else {
            return Items::Unclear;
        };
        let colon = blank(bytes, key_end);
        let value = blank(bytes, colon + 1);
        let Skipped::Value(value_end) = skip(bytes, value) else {
            return Items::Unclear;
        };
        let key = text.get(at..key_end).unwrap_or("");
        let said = text.get(value..value_end).unwrap_or("");
        let twice = match key {
            "\"kind\"" => kind.replace(said).is_some(),
            "\"apiVersion\"" => version.replace(said).is_some(),
            "\"items\"" => items.replace(value).is_some(),
            _ => key.contains('\\'),
        };
        if twice || bytes.get(colon) != Some(&b':') {
            return Items::Unclear;
        }
        at = blank(bytes, value_end);
        if bytes.get(at) == Some(&b',') {
            at = blank(bytes, at + 1);
        }
    }
    if [kind, version].into_iter().flatten().any(|said| said.contains('\\')) {
        return Items::Unclear;
    }
    let bare = |said: Option<&str>| said.unwrap_or("").trim_matches('"').to_owned();
    match items {
        Some(at) if bytes.get(at) == Some(&b'[') && list::is_list(&bare(kind), &bare(version)) => Items::At(at),
        _ => Items::None,
    }
}

/// The elements of an array; None where it is no well-formed one.
fn elements(bytes: &[u8], start: usize) -> Option<Vec<(usize, usize)>> {
    let mut elements = Vec::new();
    let mut at = blank(bytes, start + 1);
    while *bytes.get(at)? != b']' {
        let Skipped::Value(end) = skip(bytes, at) else {
            return None;
        };
        elements.push((at, end));
        at = blank(bytes, end);
        match bytes.get(at)? {
            b',' => at = blank(bytes, at + 1),
            b']' => {}
            _ => return None,
        }
    }
    Some(elements)
}

/// What was found where a value was expected.
enum Skipped {
    Deep(usize),
    End,
    NoJson,
    Value(usize),
}

/// The end of the value that begins at `start`.
fn skip(bytes: &[u8], start: usize) -> Skipped {
    let mut open = Vec::new();
    let mut at = start;
    loop {
        at = blank(bytes, at);
        match bytes.get(at) {
            None => return Skipped::End,
            Some(b'{') => open.push(b'}'),
            Some(b'[') => open.push(b']'),
            Some(close @ (b'}' | b']')) => {
                if open.pop() != Some(*close) {
                    return Skipped::NoJson;
                }
            }
            Some(b'"') => match string(bytes, at) {
                Some(end) => at = end - 1,
                None => return Skipped::End,
            },
            Some(b',' | b':') if !open.is_empty() => {}
            Some(_) => match word(bytes, at) {
                Some(end) => at = end - 1,
                None => return Skipped::NoJson,
            },
        }
        at += 1;
        if open.is_empty() {
            return Skipped::Value(at);
        }
        if open.len() > limits::DEPTH {
            return Skipped::Deep(at);
        }
    }
}

/// The end of a string, behind its quotation mark.
fn string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The end of a number, `true`, `false` or `null`, or of a beginning of one at the very end.
fn word(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.')).count();
    let said = rest.get(..length).filter(|said| !said.is_empty())?;
    let is_number = said.iter().all(|c| c.is_ascii_digit() || b"+-.eE".contains(c))
        && said.first().is_some_and(|c| c.is_ascii_digit() || *c == b'-');
    let words: [&[u8]; 3] = [b"true", b"false", b"null"];
    let cut_off = length == rest.len() && words.iter().any(|word| word.starts_with(said));
    (is_number || words.contains(&said) || cut_off).then_some(start + length)
}

/// The next byte that is no white space.
fn blank(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let blanks = rest.iter().take_while(|c| matches!(c, b' ' | b'\t' | b'\n' | b'\r')).count();
    start.min(bytes.len()) + blanks
}
