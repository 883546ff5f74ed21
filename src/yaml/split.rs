//! A stream as the texts of its objects.
//!
//! Receives a whole input and gives back slices of it that, put together, are the input byte for byte. It reads markers
//! and line starts; a document that cannot matter is never looked into.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use super::{Fault, json, list, newlines};

/// Where a text stands, and so how another one must be written in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// One of several JSON values in a row, or one JSON value.
    Concatenated,
    /// Block or flow text between `---` markers.
    Document,
    /// A document that begins in the line of its marker: `--- {a: b}`.
    Inline,
    /// An item of a block list; its text starts at the line start and includes the dash.
    Item {
        /// The column of the dash.
        column: usize,
    },
    /// The same, to be written as JSON in one line.
    Line {
        /// The column of the dash.
        column: usize,
    },
    /// An element of a JSON or flow list.
    Member,
}

impl Syntax {
    /// True for the items of lists.
    #[must_use]
    pub fn in_list(self) -> bool {
        matches!(self, Self::Item { .. } | Self::Line { .. } | Self::Member)
    }
}

/// The text of one object.
pub struct Piece<'s> {
    /// What stands between the piece before and this one.
    pub before: &'s str,
    /// The object.
    pub text: &'s str,
    /// The line of its first byte in the whole input, counted from 1.
    pub line: usize,
    /// Where it stands.
    pub syntax: Syntax,
    /// What `may_matter` said of it.
    pub matters: bool,
}

/// All of an input: each piece with what is before it, and the tail.
pub struct Pieces<'s> {
    /// The objects.
    pub pieces: Vec<Piece<'s>>,
    /// What stands behind the last one.
    pub tail: &'s str,
}

/// Splits a stream into the texts of its objects: documents, JSON values, and the items of lists in them.
///
/// A text for which `may_matter` is false is one piece, whatever it holds.
pub fn pieces<'s>(text: &'s str, may_matter: &dyn Fn(&str) -> bool) -> Result<Pieces<'s>, Fault> {
    let chunks = documents(text)?;
    let mut splitter = Splitter { text, may_matter, pieces: Vec::with_capacity(chunks.len()), end: 0, line: 1 };
    let stream_of_json = chunks.len() == 1 && chunks.iter().all(|chunk| !chunk.marked);
    for chunk in &chunks {
        splitter.document(chunk, stream_of_json)?;
    }
    let tail = splitter.slice(splitter.end, text.len());
    Ok(Pieces { pieces: splitter.pieces, tail })
}

/// Puts several texts where one stood, each made by `Value::write` for that place.
#[must_use]
pub fn join(syntax: Syntax, texts: &[&str]) -> String {
    texts.join(match syntax {
        Syntax::Concatenated => "\n",
        Syntax::Document | Syntax::Inline => "---\n",
        Syntax::Item { .. } | Syntax::Line { .. } => "",
        Syntax::Member => ", ",
    })
}

/// What stands between two markers.
pub(super) struct Chunk {
    pub(super) start: usize,
    pub(super) end: usize,
    /// It begins in the line of its marker.
    pub(super) inline: bool,
    /// There is a marker before it.
    marked: bool,
}

/// The documents of a stream that hold more than comments.
pub(super) fn documents(text: &str) -> Result<Vec<Chunk>, Fault> {
    let mut chunks = Vec::new();
    let mut chunk = Chunk { start: byte_order_mark(text)?, end: 0, inline: false, marked: false };
    let mut fresh = true;
    loop {
        if fresh {
            chunk.start = directives(text, chunk.start)?;
        }
        let marker = marker(text, chunk.start, chunk.inline);
        chunk.end = marker.unwrap_or(text.len());
        if !is_blank(text.get(chunk.start..chunk.end).unwrap_or("")) {
            chunks.push(Chunk { ..chunk });
        }
        let Some(marker) = marker else {
            return Ok(chunks);
        };
        let behind = text.get(marker + 3..).unwrap_or("");
        let line = behind.find('\n').map_or(behind.len(), |end| end + 1);
        let said = behind.get(..line).unwrap_or("").trim_start_matches([' ', '\t']);
        let is_empty = said.trim().is_empty() || said.starts_with('#');
        fresh = text.get(marker..).is_some_and(|rest| rest.starts_with("..."));
        if fresh && !is_empty {
            let hint = "put a line that is --- before it";
            return Err(Fault::at(text, marker, "text behind the end of a document", hint));
        }
        chunk = Chunk {
            start: if is_empty { marker + 3 + line } else { marker + 3 + line - said.len() },
            end: 0,
            inline: !is_empty,
            marked: true,
        };
    }
}

/// The length of the byte order mark; another one at the start of a line is refused.
fn byte_order_mark(text: &str) -> Result<usize, Fault> {
    let mark = "\u{feff}";
    let start = if text.starts_with(mark) { mark.len() } else { 0 };
    for at in memmem::find_iter(text.as_bytes(), mark.as_bytes()) {
        let before = text.get(..at).unwrap_or("");
        if at > 0 && (at == start || before.ends_with('\n') || before.ends_with("--- ")) {
            return Err(Fault::at(text, at, "a byte order mark inside the stream", "remove it"));
        }
    }
    Ok(start)
}

/// Passes over the directives before a document, if there are some.
fn directives(text: &str, start: usize) -> Result<usize, Fault> {
    let mut at = start;
    let mut seen = None;
    for line in text.get(start..).unwrap_or("").split_inclusive('\n') {
        let bare = line.trim();
        if line.starts_with('%') {
            if !is_known_directive(bare) {
                let hint = "only %YAML 1.1, %YAML 1.2 and %TAG are known";
                return Err(Fault::at(text, at, "an unknown directive", hint));
            }
            seen = Some(at);
        } else if !bare.is_empty() && !bare.starts_with('#') {
            break;
        }
        at += line.len();
    }
    let Some(seen) = seen else {
        return Ok(start);
    };
    if text.get(at..).is_some_and(|rest| rest.starts_with("---")) {
        Ok(at)
    } else {
        let hint = "put a line that is --- behind it";
        Err(Fault::at(text, seen, "a directive without a document", hint))
    }
}

fn is_known_directive(line: &str) -> bool {
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next()) {
        (Some("%YAML"), Some("1.1" | "1.2"), rest) => rest.is_none_or(|rest| rest.starts_with('#')),
        // `!!` means the core types, and no directive may say otherwise.
        (Some("%TAG"), Some(handle), Some(prefix)) => {
            handle.starts_with('!') && (handle != "!!" || prefix == "tag:yaml.org,2002:")
        }
        _ => false,
    }
}

/// The next line from `start` on that is a marker.
fn marker(text: &str, start: usize, inline: bool) -> Option<usize> {
    let rest = text.get(start..)?;
    if !inline && is_marker(rest) {
        return Some(start);
    }
    let bytes = rest.as_bytes();
    let next = |finder: &Finder, within| {
        finder.find_iter(within).map(|at| at + 1).find(|at| rest.get(*at..).is_some_and(is_marker))
    };
    let begin = next(&BEGINS, bytes);
    let within = begin.map_or(bytes, |at| bytes.get(..at).unwrap_or(bytes));
    next(&ENDS, within).or(begin).map(|at| start + at)
}

/// What looks for markers, made once.
static BEGINS: LazyLock<Finder> = LazyLock::new(|| Finder::new("\n---"));
static ENDS: LazyLock<Finder> = LazyLock::new(|| Finder::new("\n..."));

fn is_marker(rest: &str) -> bool {
    let behind = rest.strip_prefix("---").or_else(|| rest.strip_prefix("..."));
    behind.is_some_and(|behind| matches!(behind.bytes().next(), None | Some(b' ' | b'\t' | b'\n' | b'\r')))
}

/// True where only comments and blank lines stand.
fn is_blank(text: &str) -> bool {
    text.split('\n').all(|line| {
        let bare = line.trim_matches([' ', '\t', '\r']);
        bare.is_empty() || bare.starts_with('#')
    })
}

/// Collects the pieces, in the order of the text.
pub(super) struct Splitter<'s, 'f> {
    pub(super) text: &'s str,
    pub(super) may_matter: &'f dyn Fn(&str) -> bool,
    pieces: Vec<Piece<'s>>,
    /// Behind the last piece, and the line of that.
    end: usize,
    line: usize,
}

impl<'s> Splitter<'s, '_> {
    fn document(&mut self, chunk: &Chunk, stream_of_json: bool) -> Result<(), Fault> {
        let (start, end) = (chunk.start, chunk.end);
        let syntax = if chunk.inline { Syntax::Inline } else { Syntax::Document };
        match json::values(self.text, start, end)? {
            Some(values) if stream_of_json || values.len() > 1 => {
                let mut values = values.into_iter();
                values.try_for_each(|(start, end)| list::split(self, (start, end, Syntax::Concatenated), 0))
            }
            _ => list::split(self, (start, end, syntax), 0),
        }
    }

    /// Adds one piece.
    pub(super) fn push(&mut self, (start, end, syntax): list::Span, matters: bool) {
        let before = self.slice(self.end, start);
        let text = self.slice(start, end);
        let line = self.line + newlines(before);
        self.pieces.push(Piece { before, text, line, syntax, matters });
        (self.end, self.line) = (end, line + newlines(text));
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'s str {
        self.text.get(start..end).unwrap_or("")
    }
}
