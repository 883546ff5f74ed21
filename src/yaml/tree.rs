//! A text as a tree of places.
//!
//! Receives one object's text and gives back its nodes with the bytes they stand in; everything that readers disagree
//! about is refused here, once. It alone knows the parser, and never changes the text.

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::extent::Extent;
use super::node::{NOWHERE, Node, NodeId, Sort, Style, Tree};
use super::{Fault, Syntax, characters, duplicates, line_of, tags};
use crate::limits;

impl<'s> Tree<'s> {
    /// Reads exactly one object.
    pub fn parse(text: &'s str, syntax: Syntax) -> Result<Tree<'s>, Fault> {
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::at(text, 0, "the text is too long", "split it"));
        }
        characters::check(text)?;
        let mut builder = Builder::new(text);
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        options.flow_nesting_limit = limits::DEPTH;
        options.block_nesting_limit = limits::DEPTH;
        options.block_scalar_eof_without_line_feed = true;
        options.emit_anchor_events = true;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| told(text, &error))?;
            builder.take(event, &span)?;
        }
        builder.finish(syntax)
    }
}

struct Builder<'s> {
    source: &'s str,
    nodes: Vec<Node<'s>>,
    extent: Extent,
    documents: usize,
    decoded: Vec<(NodeId, String)>,
}

impl<'s> Builder<'s> {
    fn new(source: &'s str) -> Self {
        Self {
            source,
            nodes: Vec::with_capacity(source.len() / 24),
            extent: Extent::default(),
            documents: 0,
            decoded: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'s>, span: &Span) -> Result<(), Fault> {
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
                let style = match style {
                    StructureStyle::Block => Style::BlockMap,
                    StructureStyle::Flow => Style::FlowMap,
                };
                self.start(style, anchor, tag.as_deref(), span)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let style = match style {
                    StructureStyle::Block => Style::BlockSeq,
                    StructureStyle::Flow => Style::FlowSeq,
                };
                self.start(style, anchor, tag.as_deref(), span)
            }
            Event::MappingEnd | Event::SequenceEnd => self.end(span),
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
        let (start, end) = offset(span);
        if text.len() > limits::SCALAR {
            return Err(self.fault(start, "a scalar is too large", "keep it elsewhere"));
        }
        self.tag_ends(span)?;
        let sort = sort(tag).ok_or_else(|| self.unknown_tag(start))?;
        let (text, style, start, end) = match style {
            ScalarStyle::Plain if start == end => (Cow::Borrowed(""), Style::Absent, start, end),
            ScalarStyle::Plain => {
                self.colon(end)?;
                (text, Style::Plain, start, end)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let (start, end) = self.block_span(start, end);
                (text, Style::BlockScalar, start, end)
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => (text, Style::Quoted, start, end),
        };
        let is_key = self.extent.expects_key();
        let held =
            tags::check(sort, style, &text, is_key).map_err(|(message, hint)| self.fault(start, message, hint))?;
        let id = self.push(text, style, sort, start, end)?;
        self.decoded.extend(held.map(|held| (id, held)));
        self.extent.leaf(anchor, id);
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
        let hint = "use letters, digits, - and _";
        Err(self.fault(at, "an odd character in the name of an anchor", hint))
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Fault> {
        let (start, end) = offset(span);
        let name = self.source.get(start..end).unwrap_or("");
        self.name(name.trim_start_matches('*'), start)?;
        let Some(known) = self.extent.known(anchor) else {
            let hint = "an anchor cannot hold itself";
            return Err(self.fault(start, "an alias that names what it stands in", hint));
        };
        let id = self.push(Cow::Borrowed(""), Style::Alias, Sort::None, start, end)?;
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            node.target = known.node;
        }
        self.extent.add(known);
        self.bounded(start)
    }

    fn start(&mut self, style: Style, anchor: usize, tag: Option<&Tag>, span: &Span) -> Result<(), Fault> {
        let (start, end) = offset(span);
        self.tag_ends(span)?;
        let name = match style {
            Style::BlockMap | Style::FlowMap => "map",
            _ => "seq",
        };
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema_tag(name) && !is_bang(tag)) {
            return Err(self.unknown_tag(start));
        }
        let sort = if tag.is_some() { Sort::Collection } else { Sort::None };
        let node = self.push(Cow::Borrowed(""), style, sort, start, end)?;
        self.extent.open(node, anchor, name == "map");
        self.bounded(start)
    }

    fn end(&mut self, span: &Span) -> Result<(), Fault> {
        let Some(closed) = self.extent.close() else {
            return Ok(());
        };
        let after = self.next_id();
        if let Some(node) = self.nodes.get_mut(closed.0 as usize) {
            node.after = after;
            if matches!(node.style, Style::FlowMap | Style::FlowSeq) {
                node.end = u32::try_from(offset(span).1).unwrap_or(node.end);
            }
        }
        self.bounded(offset(span).0)
    }

    /// Refuses what is too deep, and what aliases make too large.
    fn bounded(&self, at: usize) -> Result<(), Fault> {
        let bounded = self.extent.bounded();
        bounded.map_err(|(message, hint)| self.fault(at, message, hint))
    }

    fn push(&mut self, text: Cow<'s, str>, style: Style, tag: Sort, start: usize, end: usize) -> Result<NodeId, Fault> {
        if self.nodes.len() >= limits::NODES {
            return Err(self.fault(start, "too many values in one object", "split the object"));
        }
        let id = self.next_id();
        let position = |at| u32::try_from(at).unwrap_or(u32::MAX);
        self.nodes.push(Node {
            text,
            start: position(start),
            end: position(end),
            parent: self.extent.innermost().unwrap_or(NOWHERE),
            after: NodeId(id.0 + 1),
            target: NOWHERE,
            style,
            tag,
            is_key: self.extent.expects_key(),
        });
        Ok(id)
    }

    fn next_id(&self) -> NodeId {
        NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
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

    fn finish(mut self, syntax: Syntax) -> Result<Tree<'s>, Fault> {
        if self.nodes.is_empty() {
            let end = self.source.len();
            self.push(Cow::Borrowed(""), Style::Absent, Sort::None, end, end)?;
        }
        let mut root = NodeId(0);
        if let Syntax::Item { .. } = syntax {
            let one = self.nodes.first().is_some_and(|list| {
                let next = self.nodes.get(1).map_or(NOWHERE, |item| item.after);
                list.style == Style::BlockSeq && next == list.after
            });
            if !one {
                return Err(self.fault(0, "this is not one item of a list", "check its indentation"));
            }
            root = NodeId(1);
        }
        let tree = Tree { source: self.source, nodes: self.nodes, root, decoded: self.decoded };
        duplicates::check(&tree)?;
        Ok(tree)
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
    Fault { line: line_of(text, at), message: message.to_owned(), hint }
}

fn words(kind: &ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::RecursionLimitExceeded => ("nested too deeply", "no Kubernetes object is as deep"),
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
