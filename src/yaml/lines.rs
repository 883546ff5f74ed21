//! Objects that are read line by line.
//!
//! Receives a text and gives back its tree, if each of its lines is one of the few that almost all manifests are made
//! of: `key: value`, `- item`, a comment, text behind `|`, brackets that end where they began. For any other text it gives
//! nothing, and the parser reads the whole of it: what is wrong with a text is never told here.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::iter::repeat_n;

use super::builder::Builder;
use super::node::{Sort, Style};
use super::{Syntax, Tree};

#[cfg(test)]
mod tests;

/// Reads a text, if it can; then it reads as the parser does.
pub(super) fn read(text: &str, syntax: Syntax) -> Option<Tree<'_>> {
    if memchr::memchr2(b'\t', b'\r', text.as_bytes()).is_some() {
        return None;
    }
    let mut lines = Lines { text, next: 0, builder: Builder::new(text), blocks: vec![], owed: None };
    while let Some(line) = lines.line() {
        if !is_blank(line.said) {
            lines.entry(line)?;
        }
    }
    lines.finish(syntax)
}

struct Lines<'s> {
    text: &'s str,
    /// Where the next line begins.
    next: usize,
    builder: Builder<'s>,
    /// The blocks that the line stands in, the innermost last.
    blocks: Vec<Block>,
    /// The end of a key whose value has not come yet.
    owed: Option<usize>,
}

#[derive(Clone, Copy)]
struct Block {
    indent: usize,
    is_map: bool,
}

/// What a line says from its column `indent` on, which is the byte `at` of the text.
#[derive(Clone, Copy)]
struct Line<'s> {
    indent: usize,
    at: usize,
    said: &'s str,
}

impl Line<'_> {
    fn is_item(self) -> bool {
        self.said.starts_with("- ")
    }

    /// What follows `width` bytes and spaces.
    fn behind(self, width: usize) -> Option<Self> {
        let width = width + self.said.bytes().skip(width).take_while(|byte| *byte == b' ').count();
        Some(Self { indent: self.indent + width, at: self.at + width, said: self.said.get(width..)? })
    }
}

impl<'s> Lines<'s> {
    /// The next line, without its end and its indentation.
    fn line(&mut self) -> Option<Line<'s>> {
        let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let start = Line { indent: 0, at: self.next, said: rest.get(..length)? };
        self.next += length + 1;
        start.behind(0)
    }

    /// A line that begins with a key or a dash.
    fn entry(&mut self, line: Line<'s>) -> Option<()> {
        if let Some(key_end) = self.owed.take() {
            let map = self.blocks.last()?;
            if line.indent > map.indent {
                return self.block(line.at, line);
            }
            // A list may stand as far left as the key that it belongs to; the parser then says where its first item is
            if line.indent == map.indent && line.is_item() {
                return self.block(line.behind(1)?.at, line);
            }
            self.absent(key_end)?;
        }
        let ends = |block: &Block| match block.indent.cmp(&line.indent) {
            Ordering::Greater => true,
            Ordering::Equal => !block.is_map && !line.is_item(),
            Ordering::Less => false,
        };
        while self.blocks.last().is_some_and(ends) {
            self.close();
        }
        match self.blocks.last() {
            Some(block) if block.indent == line.indent && block.is_map != line.is_item() => self.member(line),
            None if self.builder.is_empty() => self.block(line.at, line),
            _ => None,
        }
    }

    /// The first line of a block.
    fn block(&mut self, start: usize, line: Line<'s>) -> Option<()> {
        let is_map = !line.is_item();
        let style = if is_map { Style::BlockMap } else { Style::BlockSeq };
        self.builder.start(style, Sort::None, (start, start)).ok()?;
        self.blocks.push(Block { indent: line.indent, is_map });
        self.member(line)
    }

    fn close(&mut self) {
        self.blocks.pop();
        self.builder.end(0);
    }

    /// An item, or a key with what stands behind it.
    fn member(&mut self, line: Line<'s>) -> Option<()> {
        if line.is_item() {
            let item = line.behind(1)?;
            if item.is_item() || key(item.said).is_some() {
                return self.block(item.at, item);
            }
            return self.value(line.indent, item);
        }
        let key = key(line.said)?;
        self.plain(Cow::Borrowed(key), line.at, line.at + key.len())?;
        let value = line.behind(key.len() + 1)?;
        if is_blank(value.said) {
            self.owed = Some(line.at + key.len());
            return Some(());
        }
        self.value(line.indent, value)
    }

    /// What stands behind a key or a dash, in a block of that indentation.
    fn value(&mut self, indent: usize, line: Line<'s>) -> Option<()> {
        match line.said.as_bytes().first()? {
            b'|' => self.literal(indent, line),
            b'[' | b'{' | b'"' | b'\'' => {
                let rest = self.in_line(line.at, line.said)?;
                is_end(rest).then_some(())
            }
            _ => self.folded(indent, line),
        }
    }

    /// Text without quotes, with the lines below that it goes on in.
    fn folded(&mut self, indent: usize, line: Line<'s>) -> Option<()> {
        let first = plain(line.said)?;
        let (mut text, mut end) = (Cow::Borrowed(first), line.at + first.len());
        // Nothing goes on behind a comment
        while first.len() == line.said.len()
            && let Some(below) = self.line()
        {
            if below.indent <= indent || is_blank(below.said) {
                self.next = below.at - below.indent;
                break;
            }
            let more = plain(below.said).filter(|more| more.len() == below.said.len())?;
            text.to_mut().push(' ');
            text.to_mut().push_str(more);
            end = below.at + more.len();
        }
        self.plain(text, line.at, end)
    }

    fn plain(&mut self, text: Cow<'s, str>, start: usize, end: usize) -> Option<()> {
        self.builder.scalar(text, Style::Plain, Sort::None, (start, end)).ok().map(drop)
    }

    fn absent(&mut self, at: usize) -> Option<()> {
        self.builder.scalar(Cow::Borrowed(""), Style::Absent, Sort::None, (at, at)).ok().map(drop)
    }

    /// The lines below a bar, without their indentation.
    fn literal(&mut self, indent: usize, bar: Line<'s>) -> Option<()> {
        let ends = match bar.said {
            "|" => "\n",
            "|-" => "",
            _ => return None,
        };
        let (mut text, mut column, mut blank) = (String::new(), None, 0);
        while let Some(line) = self.line() {
            if line.said.is_empty() {
                // Spaces alone may belong to the text or not
                (line.indent == 0).then_some(())?;
                blank += 1;
                continue;
            }
            let column = *column.get_or_insert(line.indent);
            (column > indent).then_some(())?;
            let start = line.at - line.indent;
            if line.indent < column {
                self.next = start;
                break;
            }
            text.extend(repeat_n('\n', blank));
            text.push_str(self.text.get(start + column..line.at + line.said.len())?);
            blank = 1;
        }
        // The parser has rules of its own for what no line feed ends
        if column.is_none() || self.next > self.text.len() {
            return None;
        }
        text.push_str(ends);
        self.builder.scalar(Cow::Owned(text), Style::BlockScalar, Sort::None, (bar.at, self.next)).ok().map(drop)
    }

    /// Something in quotes or brackets; gives what stands behind it.
    fn in_line(&mut self, at: usize, said: &'s str) -> Option<&'s str> {
        let first = *said.as_bytes().first()?;
        match first {
            b'[' => self.bracket(at, said, b']'),
            b'{' => self.bracket(at, said, b'}'),
            b'"' | b'\'' => {
                let length = memchr::memchr3(b'"', b'\'', b'\\', said.as_bytes().get(1..)?)?;
                let (text, rest) = (said.get(1..=length)?, said.get(length + 2..)?);
                if said.as_bytes().get(length + 1) != Some(&first) || rest.starts_with('\'') {
                    return None;
                }
                let span = (at, at + length + 2);
                self.builder.scalar(Cow::Borrowed(text), Style::Quoted, Sort::None, span).ok()?;
                Some(rest)
            }
            _ => {
                let length = said.bytes().take_while(|byte| is_word(*byte)).count();
                let text = said.get(..length).filter(|text| begins_plain(text))?;
                self.plain(Cow::Borrowed(text), at, at + length)?;
                said.get(length..)
            }
        }
    }

    /// The members of a list or map in brackets.
    fn bracket(&mut self, at: usize, said: &'s str, close: u8) -> Option<&'s str> {
        let is_map = close == b'}';
        let style = if is_map { Style::FlowMap } else { Style::FlowSeq };
        self.builder.start(style, Sort::None, (at, at + 1)).ok()?;
        let place = |rest: &str| at + said.len() - rest.len();
        let mut rest = said.get(1..)?.trim_start_matches(' ');
        loop {
            if rest.as_bytes().first() == Some(&close) {
                rest = rest.get(1..)?;
                self.builder.end(place(rest));
                return Some(rest);
            }
            let member = place(rest);
            rest = self.in_line(member, rest)?;
            if is_map {
                (place(rest) - member < LONGEST).then_some(())?;
                rest = rest.strip_prefix(": ")?.trim_start_matches(' ');
                rest = self.in_line(place(rest), rest)?;
            }
            rest = rest.trim_start_matches(' ');
            if rest.as_bytes().first() != Some(&close) {
                rest = rest.strip_prefix(',')?.trim_start_matches(' ');
            }
        }
    }

    fn finish(mut self, syntax: Syntax) -> Option<Tree<'s>> {
        if self.builder.is_empty() {
            return None;
        }
        if let Some(key_end) = self.owed.take() {
            self.absent(key_end)?;
        }
        while !self.blocks.is_empty() {
            self.close();
        }
        self.builder.finish(syntax).ok()
    }
}

/// Bytes of a key; the parser refuses more than 1,024 characters.
const LONGEST: usize = 1000;

/// True for nothing, and for a comment.
fn is_blank(said: &str) -> bool {
    said.is_empty() || said.starts_with('#')
}

/// True where a value has ended: a comment needs a space before it.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || (rest.starts_with(' ') && is_blank(rest.trim_start_matches(' ')))
}

/// The key that a line begins with.
fn key(said: &str) -> Option<&str> {
    let is_part = |byte: &u8| is_word(*byte) || *byte == b':';
    let length = said.bytes().take_while(is_part).count();
    let key = said.get(..length)?.strip_suffix(':')?;
    let ends = matches!(said.as_bytes().get(length), None | Some(b' '));
    (ends && key.len() < LONGEST && begins_plain(key)).then_some(key)
}

/// Characters that mean themselves wherever they stand.
fn is_word(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'-'..=b'9' | b'_' | b'$' | b'=' | b'+')
}

/// True where text without quotes may begin as this does, and is neither a dash nor the end of a document.
fn begins_plain(text: &str) -> bool {
    match text.as_bytes() {
        [b'-', second, ..] => *second != b'-' && is_word(*second),
        [] | [b'.', b'.', b'.', ..] => false,
        [first, ..] => is_word(*first) && *first != b'-',
    }
}

/// Text without quotes, up to the end of its line or a comment.
fn plain(said: &str) -> Option<&str> {
    let bytes = said.as_bytes();
    let begins = match bytes {
        [b'-', b'-', third, ..] => third.is_ascii_alphanumeric(),
        [b'-', ..] => begins_plain(said),
        // Indicators: YAML 1.2.2, rule 22
        [first, ..] => !b"?:,[]{}#&*!|>'\"%@`".contains(first),
        [] => false,
    };
    let mut end = begins.then_some(bytes.len())?;
    for at in memchr::memchr2_iter(b':', b'#', bytes) {
        match bytes.get(at - 1..=at + 1).or(bytes.get(at - 1..)) {
            Some([_, b':'] | [_, b':', b' ']) => return None,
            Some([b' ', b'#', ..]) => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    Some(said.get(..end)?.trim_end_matches(' '))
}
