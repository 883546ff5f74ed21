//! A text as a tree of places.
//!
//! Receives one object's text and gives back its nodes with the bytes they stand in. It alone knows the parser, and
//! never changes the text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::builder::{Builder, DEEP};
use super::node::{NOWHERE, NodeId, Sort, Style, Tree};
use super::tags::Words;
use super::{Fault, Syntax, characters, line_of, lines};
use crate::limits;

impl<'s> Tree<'s> {
    /// Reads exactly one object.
    pub fn parse(text: &'s str, syntax: Syntax) -> Result<Tree<'s>, Fault> {
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::at(text, 0, "the text is too long", "split it"));
        }
        characters::check(text)?;
        match lines::read(text, syntax) {
            Some(tree) => Ok(tree),
            None => parsed(text, syntax),
        }
    }
}

/// Reads any text.
pub(super) fn parsed(text: &str, syntax: Syntax) -> Result<Tree<'_>, Fault> {
    let mut reader = Reader { source: text, builder: Builder::new(text), anchors: BTreeMap::new(), documents: 0 };
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = limits::DEPTH;
    options.block_nesting_limit = limits::DEPTH;
    options.block_scalar_eof_without_line_feed = true;
    options.emit_anchor_events = true;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| told(text, &error))?;
        reader.take(event, &span)?;
    }
    reader.builder.finish(syntax)
}

/// What the parser tells, on its way into a tree.
struct Reader<'s> {
    source: &'s str,
    builder: Builder<'s>,
    /// What anchors name, by the parser's number.
    anchors: BTreeMap<usize, NodeId>,
    documents: usize,
}

impl<'s> Reader<'s> {
    fn take(&mut self, event: Event<'s>, span: &Span) -> Result<(), Fault> {
        let is_block = |style| style == StructureStyle::Block;
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let hint = "split the text at its document markers";
                    return Err(self.fault(offset(span).0, "a second document", hint));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Anchor(_, name) => self.name(&name, offset(span).0),
            Event::MappingStart(style, anchor, tag) => {
                let style = if is_block(style) { Style::BlockMap } else { Style::FlowMap };
                self.start(style, "map", anchor, tag.as_deref(), span)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let style = if is_block(style) { Style::BlockSeq } else { Style::FlowSeq };
                self.start(style, "seq", anchor, tag.as_deref(), span)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.builder.end(offset(span).1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'s, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<(), Fault> {
        let (mut start, mut end) = offset(span);
        self.tag_ends(span)?;
        let sort = sort(tag).ok_or_else(|| self.unknown_tag(start))?;
        let style = match style {
            ScalarStyle::Plain if start == end => Style::Absent,
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::BlockScalar,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        };
        match style {
            Style::Plain => self.colon(end)?,
            Style::BlockScalar => (start, end) = self.block_span(start, end),
            _ => {}
        }
        let text = if style == Style::Absent { Cow::Borrowed("") } else { text };
        let id = self.builder.scalar(text, style, sort, (start, end))?;
        self.name_it(anchor, id);
        Ok(())
    }

    /// Go takes a bracket or a comma that touches a tag for a part of it.
    fn tag_ends(&self, span: &Span) -> Result<(), Fault> {
        let Some(at) = span.tag_start.and_then(|mark| mark.byte_offset()) else {
            return Ok(());
        };
        let rest = self.source.get(at..).unwrap_or("");
        let word = rest.split([' ', '\t', '\r', '\n']).next().unwrap_or("");
        if word.contains([',', '[', ']', '{', '}']) {
            return Err(self.unknown_tag(at));
        }
        Ok(())
    }

    /// Go takes a colon that no blank follows for text: `[a:]` holds one text for it, and a map for us.
    fn colon(&self, end: usize) -> Result<(), Fault> {
        let behind = self.source.get(end..).and_then(|rest| rest.strip_prefix(':'));
        let touches = behind.is_some_and(|rest| rest.starts_with([',', '[', ']', '{', '}']));
        if touches {
            let hint = "put a space behind it, or quote the text";
            return Err(self.fault(end, "a colon that no space follows", hint));
        }
        Ok(())
    }

    /// Go takes other characters for the end of the name, and so reads another document.
    fn name(&self, name: &str, at: usize) -> Result<(), Fault> {
        let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
        if name.bytes().all(known) {
            return Ok(());
        }
        Err(self.fault(at, "an odd character in the name of an anchor", "use letters, digits, - and _"))
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Fault> {
        let (start, end) = offset(span);
        let name = self.source.get(start..end).unwrap_or("");
        self.name(name.trim_start_matches('*'), start)?;
        let target = self.anchors.get(&anchor).copied().unwrap_or(NOWHERE);
        self.builder.alias(target, (start, end))
    }

    fn start(&mut self, style: Style, name: &str, anchor: usize, tag: Option<&Tag>, span: &Span) -> Result<(), Fault> {
        self.tag_ends(span)?;
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema_tag(name) && !is_bang(tag)) {
            return Err(self.unknown_tag(offset(span).0));
        }
        let sort = if tag.is_some() { Sort::Collection } else { Sort::None };
        let node = self.builder.start(style, sort, offset(span))?;
        self.name_it(anchor, node);
        Ok(())
    }

    /// Keeps what an anchor names; 0 is none.
    fn name_it(&mut self, anchor: usize, node: NodeId) {
        if anchor != 0 {
            self.anchors.insert(anchor, node);
        }
    }

    /// A block scalar from its header to its last line; the parser gives neither.
    fn block_span(&self, start: usize, end: usize) -> (usize, usize) {
        let body = self.source.get(start..end).unwrap_or("");
        let whole = body.rfind('\n').map_or(0, |at| at + 1);
        let tail = body.get(whole..).unwrap_or("");
        let end = if tail.bytes().all(|c| c == b' ') && whole > 0 { start + whole } else { end };
        let above = self.source.get(..start).unwrap_or("");
        let header = above.trim_end_matches([' ', '\t', '\n', '\r']);
        let line = header.rfind('\n').map_or(0, |at| at + 1);
        let indicator = header.get(line..).and_then(header_in_line);
        (indicator.map_or(start, |at| line + at), end.max(start))
    }

    fn fault(&self, at: usize, message: &str, hint: &'static str) -> Fault {
        Fault::at(self.source, at, message, hint)
    }

    fn unknown_tag(&self, at: usize) -> Fault {
        self.fault(at, "an unknown tag", "remove it, or quote the text that begins with !")
    }
}

/// Where the header of a block scalar begins in its line: the last `|` or `>` before a comment.
fn header_in_line(line: &str) -> Option<usize> {
    let code = line.find(" #").map_or(line, |at| line.get(..at).unwrap_or(line));
    let trimmed = code.trim_end_matches(|c: char| c.is_ascii_digit() || "+- \t".contains(c));
    trimmed.ends_with(['|', '>']).then(|| trimmed.len() - 1)
}

/// The bytes of a span; the parser counts them for every text that is given as a whole.
fn offset(span: &Span) -> (usize, usize) {
    let start = span.start.byte_offset().unwrap_or_default();
    (start, span.end.byte_offset().unwrap_or(start))
}

fn is_bang(tag: &Tag) -> bool {
    tag.handle().is_empty() && tag.suffix() == "!"
}

/// What a tag makes of a scalar; None where we do not know it.
fn sort(tag: Option<&Tag>) -> Option<Sort> {
    let Some(tag) = tag else {
        return Some(Sort::None);
    };
    if is_bang(tag) {
        return Some(Sort::Text);
    }
    match &*tag.suffix_in_namespace("tag:yaml.org,2002:")? {
        "binary" => Some(Sort::Binary),
        "bool" => Some(Sort::Bool),
        "float" => Some(Sort::Float),
        "int" => Some(Sort::Int),
        "map" | "seq" => Some(Sort::Collection),
        "null" => Some(Sort::Null),
        "str" => Some(Sort::Text),
        _ => None,
    }
}

/// The parser's complaint in our words: its own may hold characters of the text.
fn told(text: &str, error: &ScanError) -> Fault {
    let at = error.marker().byte_offset().unwrap_or_default();
    let (message, hint) = words(error.kind());
    let line = line_of(text, at);
    // Behind a plain text a tab looks like more of it, and the parser complains of what follows.
    let near = text.lines().skip(line.saturating_sub(1)).take(2);
    let tab = near.zip(line..).find(|(near, _)| near.trim_start_matches(' ').starts_with('\t'));
    let told = tab.map(|(_, line)| (line, words(&ErrorKind::TabInIndentation)));
    let (line, (message, hint)) = told.unwrap_or((line, (message, hint)));
    Fault { line, message: message.to_owned(), hint }
}

fn words(kind: &ErrorKind) -> Words {
    match kind {
        ErrorKind::RecursionLimitExceeded => DEEP,
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => ("a tab in the indentation", "indent with spaces"),
        ErrorKind::UnknownAnchor => ("an alias without an anchor before it", "write the value out, or add the anchor"),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => ("a bracket that is never closed", "is the text cut off?"),
        ErrorKind::UnclosedQuotedScalar => ("a quotation mark that is never closed", "is the text cut off?"),
        ErrorKind::UndeclaredTagHandle => ("an unknown tag", "remove it"),
        ErrorKind::BomInsideDocument => ("a byte order mark inside the text", "remove it"),
        ErrorKind::MappingValueNotAllowed => {
            ("a colon where no value can begin", "quote text that holds a colon and a space")
        }
        ErrorKind::InvalidIndentation => ("the indentation does not fit", "align the keys"),
        _ => ("this is no valid YAML", "check the lines around it"),
    }
}
