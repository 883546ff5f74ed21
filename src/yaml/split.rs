//! A stream as the texts of its objects.
//!
//! Receives a whole input and gives back slices of it that, put together, are the input byte for byte. It reads markers
//! and line starts; a document that cannot matter is never looked into.

use std::iter;
use std::sync::LazyLock;

use memchr::memmem::Finder;

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
/// A text for which `may_matter` is false is one piece, whatever it holds, and may be one with its neighbours.
pub fn pieces<'s>(text: &'s str, may_matter: &dyn Fn(&str) -> bool) -> Result<Pieces<'s>, Fault> {
    split(text, may_matter, BLOCK)
}

/// Splits a stream into its documents and JSON values alone.
pub fn apart(text: &str) -> Result<Pieces<'_>, Fault> {
    split(text, &|_| false, 0)
}

fn split<'s>(text: &'s str, may_matter: &dyn Fn(&str) -> bool, size: usize) -> Result<Pieces<'s>, Fault> {
    let mut splitter = Splitter { text, may_matter, pieces: Vec::new(), end: 0, line: 1 };
    let mut chunks = documents(text)?.peekable();
    while let Some(first) = chunks.next().transpose()? {
        let stream_of_json = !first.marked && chunks.peek().is_none();
        let end = first.start + size;
        let mut block = vec![first];
        while let Some(chunk) = chunks.next_if(|chunk| chunk.as_ref().is_ok_and(|chunk| chunk.end <= end)) {
            block.push(chunk?);
        }
        if !splitter.passes(&block)? {
            block.iter().try_for_each(|chunk| splitter.document(chunk, stream_of_json))?;
        }
    }
    let tail = splitter.slice(splitter.end, text.len());
    Ok(Pieces { pieces: splitter.pieces, tail })
}

/// Bytes of documents that are judged together, before each of them is.
const BLOCK: usize = 64 << 10;

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
    inline: bool,
    /// There is a marker before it.
    marked: bool,
    /// Directives may stand before it.
    fresh: bool,
}

impl Chunk {
    pub(super) fn syntax(&self) -> Syntax {
        if self.inline { Syntax::Inline } else { Syntax::Document }
    }
}

/// The documents of a stream that hold more than comments, one by one.
pub(super) fn documents(text: &str) -> Result<impl Iterator<Item = Result<Chunk, Fault>>, Fault> {
    let start = byte_order_mark(text)?;
    let mut markers = Markers { text, begin: 0 };
    let mut next = Some(Chunk { start, end: 0, inline: false, marked: false, fresh: true });
    let all = iter::from_fn(move || {
        let found = document(&mut markers, next.take()?);
        Some(found.map(|(chunk, behind)| {
            next = behind;
            chunk
        }))
    });
    let says_nothing = |chunk: &Chunk| is_blank(text.get(chunk.start..chunk.end).unwrap_or(""));
    Ok(all.filter(move |chunk| !chunk.as_ref().is_ok_and(says_nothing)))
}

/// The document that begins there, and where the one behind its marker begins.
fn document(markers: &mut Markers, mut chunk: Chunk) -> Result<(Chunk, Option<Chunk>), Fault> {
    let text = markers.text;
    if chunk.fresh {
        chunk.start = directives(text, chunk.start)?;
    }
    let marker = markers.next(chunk.start, chunk.inline);
    chunk.end = marker.unwrap_or(text.len());
    let Some(marker) = marker else {
        return Ok((chunk, None));
    };
    let behind = text.get(marker + 3..).unwrap_or("");
    let line = behind.find('\n').map_or(behind.len(), |end| end + 1);
    let said = behind.get(..line).unwrap_or("").trim_start_matches([' ', '\t']);
    let is_empty = said.trim().is_empty() || said.starts_with('#');
    let fresh = text.get(marker..).is_some_and(|rest| rest.starts_with("..."));
    if fresh && !is_empty {
        let hint = "put a line that is --- before it";
        return Err(Fault::at(text, marker, "text behind the end of a document", hint));
    }
    let start = if is_empty { marker + 3 + line } else { marker + 3 + line - said.len() };
    Ok((chunk, Some(Chunk { start, end: 0, inline: !is_empty, marked: true, fresh })))
}

/// The length of the byte order mark; another one at the start of a line is refused.
fn byte_order_mark(text: &str) -> Result<usize, Fault> {
    let mark = "\u{feff}";
    let start = if text.starts_with(mark) { mark.len() } else { 0 };
    for at in memchr::memchr_iter(0xef, text.as_bytes()) {
        let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
        let begins = at == start || before.ends_with('\n') || before.ends_with("--- ");
        if at > 0 && begins && rest.starts_with(mark) {
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

/// Finds the lines that are markers, front to back, each byte being looked at once.
struct Markers<'s> {
    text: &'s str,
    /// The next line that is `---`, or the end of the text; not looked for yet where it is not ahead.
    begin: usize,
}

impl Markers<'_> {
    /// The next line from `start` on that is a marker.
    fn next(&mut self, start: usize, inline: bool) -> Option<usize> {
        let end = self.text.len();
        if !inline && self.text.get(start..).is_some_and(is_marker) {
            return Some(start);
        }
        if self.begin <= start {
            self.begin = self.find(&BEGINS, start, end).unwrap_or(end);
        }
        self.find(&ENDS, start, self.begin).or(Some(self.begin)).filter(|at| *at < end)
    }

    fn find(&self, finder: &Finder, start: usize, end: usize) -> Option<usize> {
        let within = self.text.as_bytes().get(start..end)?;
        let mut lines = finder.find_iter(within).map(|at| start + at + 1);
        lines.find(|at| self.text.get(*at..).is_some_and(is_marker))
    }
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
    let mut rest = text.trim_start_matches(BLANK);
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, below)| below.trim_start_matches(BLANK));
    }
    rest.is_empty()
}

const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

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
    /// Passes over documents in a row, as one piece, where there are several and none of them may matter.
    fn passes(&mut self, block: &[Chunk]) -> Result<bool, Fault> {
        let [first, .., last] = block else { return Ok(false) };
        if (self.may_matter)(self.slice(first.start, last.end)) {
            return Ok(false);
        }
        // JSON that does not end is refused wherever it stands
        block.iter().try_for_each(|chunk| json::values(self.text, chunk.start, chunk.end).map(drop))?;
        self.push((first.start, last.end, first.syntax()), false);
        Ok(true)
    }

    fn document(&mut self, chunk: &Chunk, stream_of_json: bool) -> Result<(), Fault> {
        let (start, end) = (chunk.start, chunk.end);
        match json::values(self.text, start, end)? {
            Some(values) if stream_of_json || values.len() > 1 => {
                let mut values = values.into_iter();
                values.try_for_each(|(start, end)| list::split(self, (start, end, Syntax::Concatenated), 0))
            }
            _ => list::split(self, (start, end, chunk.syntax()), 0),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> bool {
        text.contains("Secret")
    }

    #[test]
    fn documents_pass_in_blocks_and_every_byte_and_line_is_kept() {
        let quiet = |count| "---\na: 1\n".repeat(count);
        let (above, below) = (quiet(20_000), quiet(10_000));
        let text = format!("{above}---\nkind: Secret\n{below}... # the end\n");
        let Ok(Pieces { pieces, tail }) = pieces(&text, &secret) else { panic!("it is well formed") };
        let texts = pieces.iter().flat_map(|piece| [piece.before, piece.text]);
        assert_eq!(texts.chain([tail]).collect::<String>(), text);
        let mut matter = pieces.iter().filter(|piece| piece.matters);
        assert_eq!(matter.next().map(|piece| (piece.text, piece.line)), Some(("kind: Secret\n", 40_002)));
        assert!(matter.next().is_none());
        // Those of the block in which the Secret stands are judged one by one
        assert!(pieces.len() < 10_000, "{}", pieces.len());
        let Ok(each) = apart(&text) else { panic!("it is well formed") };
        assert_eq!(each.pieces.len(), 30_001);
    }

    #[test]
    fn each_marker_is_found_wherever_lines_look_like_one() {
        let lines = ["a\n", "---\n", "...\n", "---a\n", " ---\n", "... # b\n", "....\n"];
        for count in 0..7_usize.pow(5) {
            let said: Vec<&str> = (0..5).map(|at| lines[count / 7_usize.pow(at) % 7]).collect();
            let text = said.concat();
            let mut line = 0;
            let mut expected = vec![];
            for said in said {
                if ["---\n", "...\n", "... # b\n"].contains(&said) {
                    expected.push(line);
                }
                line += said.len();
            }
            let mut markers = Markers { text: &text, begin: 0 };
            let mut start = 0;
            let found = iter::from_fn(|| {
                let at = markers.next(start, false)?;
                start = at + 3;
                Some(at)
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn json_without_an_end_does_not_pass_in_a_block() {
        for cut in ["a: 1\n---\n{\"b\": [", "{\"b\": \n---\na: 1\n"] {
            assert!(pieces(cut, &secret).is_err(), "{cut}");
        }
    }
}
