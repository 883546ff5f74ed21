//! The writer.
//!
//! Receives a value and gives back text that both Go readers read as that value: every text comes back as text. Flow
//! style is always JSON. It never reads what it wrote.

use super::scalar::{self, Plain};
use super::{Syntax, Value};

impl Value<'_> {
    /// A whole object, in the way of the place where it will stand.
    #[must_use]
    pub fn write(&self, syntax: Syntax) -> String {
        let mut out = String::new();
        self.write_to(&mut out, syntax);
        out
    }

    /// The same, behind what stands in a text already.
    pub fn write_to(&self, out: &mut String, syntax: Syntax) {
        match syntax {
            Syntax::Document => {
                self.block(out, 0);
                out.push('\n');
            }
            Syntax::Item { column } => {
                pad(out, column);
                out.push_str("- ");
                self.block(out, column + 2);
                out.push('\n');
            }
            Syntax::Line { column } => {
                pad(out, column);
                out.push_str("- ");
                self.json(out);
                out.push('\n');
            }
            Syntax::Concatenated | Syntax::Member => self.json(out),
            Syntax::Inline => {
                self.json(out);
                out.push('\n');
            }
        }
    }

    /// JSON in one line.
    pub(super) fn json(&self, out: &mut String) {
        match self {
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::List(items) => {
                out.push('[');
                for (count, item) in items.iter().enumerate() {
                    if count > 0 {
                        out.push_str(", ");
                    }
                    item.json(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (count, (key, value)) in entries.iter().enumerate() {
                    if count > 0 {
                        out.push_str(", ");
                    }
                    quoted(out, key);
                    out.push_str(": ");
                    value.json(out);
                }
                out.push('}');
            }
            Self::Null => out.push_str("null"),
            Self::Number(text) => match scalar::json_number(text) {
                Some(number) => out.push_str(&number),
                None => quoted(out, text),
            },
            Self::Text(text) => quoted(out, text),
        }
    }

    /// Block style; the cursor stands at `column`, and no line end follows.
    pub(super) fn block(&self, out: &mut String, column: usize) {
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                for (count, (key, value)) in entries.iter().enumerate() {
                    if count > 0 {
                        line(out, column);
                    }
                    entry(out, key, value, column);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for (count, item) in items.iter().enumerate() {
                    if count > 0 {
                        line(out, column);
                    }
                    out.push_str("- ");
                    item.block(out, column + 2);
                }
            }
            _ => self.in_line(out),
        }
    }

    /// True for a value that is written in one line.
    pub(super) fn is_in_line(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Text(text) => !text.contains('\n'),
            Self::Bool(_) | Self::Null | Self::Number(_) => true,
        }
    }

    /// A scalar or an empty collection, in one line.
    pub(super) fn in_line(&self, out: &mut String) {
        match self {
            Self::Text(text) if is_plain(text) => out.push_str(text),
            Self::Number(text) if scalar::number(text).is_some() => out.push_str(text),
            _ => self.json(out),
        }
    }
}

/// `key: value`, with what belongs to it on further lines; the cursor stands at `column`.
pub(super) fn entry(out: &mut String, key: &str, value: &Value<'_>, column: usize) {
    if is_plain(key) {
        out.push_str(key);
    } else {
        quoted(out, key);
    }
    out.push(':');
    match value {
        Value::Text(text) if is_plain(text) => {
            out.push(' ');
            out.push_str(text);
        }
        Value::Map(entries) if !entries.is_empty() => {
            line(out, column + 2);
            value.block(out, column + 2);
        }
        Value::List(items) if !items.is_empty() => {
            line(out, column);
            value.block(out, column);
        }
        Value::Text(text) if is_literal(text) => literal(out, text, column + 2),
        _ => {
            out.push(' ');
            value.in_line(out);
        }
    }
}

/// True for text that needs no quotes anywhere, in either reader.
pub(super) fn is_plain(text: &str) -> bool {
    let is_text = scalar::is_word(text)
        || text.starts_with(|c: char| c.is_ascii_alphabetic()) && scalar::kubernetes(text) == Plain::Text(text);
    is_text && text.bytes().fold(true, |fits, c| fits & FITS.get(usize::from(c)).is_some_and(|fit| *fit))
}

/// The bytes that stand without quotes. A table, because every key and most values are judged by it.
static FITS: [bool; 256] = {
    let mut fits = [false; 256];
    let mut c = 0;
    while c < 128 {
        #[expect(clippy::indexing_slicing, reason = "of a constant, while it is compiled")]
        {
            fits[c as usize] = matches!(c, b'+' | b'-'..=b'9' | b'A'..=b'Z' | b'_' | b'a'..=b'z');
        }
        c += 1;
    }
    fits
};

/// True for text of several lines that a `|` block keeps exactly.
fn is_literal(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n')
        && !lines.is_empty()
        && !text.starts_with([' ', '\n', '\t'])
        && !lines.ends_with('\n')
        && lines.split('\n').all(|line| !line.ends_with([' ', '\t']))
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
}

fn literal(out: &mut String, text: &str, column: usize) {
    out.push_str(if text.ends_with('\n') { " |" } else { " |-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(out, column);
            out.push_str(line);
        }
    }
}

/// Double quotes as JSON and both YAML readers know them: no `\/`, no surrogate pairs.
pub(super) fn quoted(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            // Nothing above U+FFFF is unprintable here, so four digits are enough.
            c => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

/// True for what both Go readers accept within quotes and never take for the end of a line, and what shows where it
/// stands: Unicode's bidirectional controls do not.
fn is_printable(c: char) -> bool {
    !matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        && !matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A new line, up to a column.
fn line(out: &mut String, column: usize) {
    out.push('\n');
    pad(out, column);
}

/// Spaces up to a column.
pub(super) fn pad(out: &mut String, column: usize) {
    const SPACES: &str = "                                ";
    match SPACES.get(..column) {
        Some(spaces) => out.push_str(spaces),
        None => out.extend(std::iter::repeat_n(' ', column)),
    }
}

/// How the lines of a document end.
pub(super) enum LineEnds {
    Unix,
    Windows,
}

impl LineEnds {
    pub(super) fn of(document: &str) -> Self {
        if document.contains("\r\n") { Self::Windows } else { Self::Unix }
    }

    /// A text that we made, with these line ends.
    pub(super) fn write(&self, made: String) -> String {
        match self {
            Self::Windows if made.contains('\n') => made.replace("\r\n", "\n").replace('\n', "\r\n"),
            Self::Unix | Self::Windows => made,
        }
    }
}
