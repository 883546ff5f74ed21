//! A file of YAML as `sops decrypt` prints it: as go.yaml.in/yaml/v3 writes (`emitterc.go`, `encode.go`), with four blanks
//! for each level, and never folded. Comments behind the last entry of a collection are left out, as in [`super::tree`].

use super::node::{Comment, Node, Scalar, Type};
use super::print::Out;
use super::store::Store;
use crate::yaml::{Plain, kustomize};

/// None for what has no place in YAML as SOPS writes it: bytes, and keys of more than 128 bytes or several lines.
pub(super) fn write(documents: &[Node], out: Out) -> Option<()> {
    let mut writer = Writer { out, placed: false };
    for (number, document) in documents.iter().enumerate() {
        if number > 0 {
            (writer.out)(b"---\n");
        }
        match document {
            Node::Map(_) if document.is_empty() => (writer.out)(b"{}\n"),
            Node::Map(entries) => writer.map(entries, 0, true)?,
            _ => return None,
        }
    }
    Some(())
}

/// Blanks of a level.
const LEVEL: usize = 4;

struct Writer<'o> {
    out: Out<'o>,
    /// The cursor stands behind the sign of an item already.
    placed: bool,
}

/// What stands on the left of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Key,
    Sign,
}

impl Left {
    /// Where lines of a value begin.
    fn indent(self, indent: usize) -> usize {
        match self {
            Self::Key => LEVEL * (indent / LEVEL + 1),
            Self::Sign => indent + 2,
        }
    }
}

impl Writer<'_> {
    /// Entries, or items, which have no keys. `leading`: what stands above the first was not written yet.
    fn members<'n>(
        &mut self,
        members: impl Iterator<Item = (Option<&'n str>, &'n Node)>,
        indent: usize,
        leading: bool,
    ) -> Option<()> {
        let mut comments: Vec<&Comment> = vec![];
        let mut above = leading;
        for (key, node) in members {
            if let Node::Comment(comment) = node {
                comments.push(comment);
                continue;
            }
            let (beside, heads): (Vec<_>, Vec<_>) = comments.drain(..).partition(|comment| comment.beside);
            if above {
                self.heads(&heads, indent)?;
            }
            above = true;
            if let Some(key) = key {
                self.begin(indent);
                self.key(key)?;
                self.value(node, indent, Left::Key, &beside)?;
            } else {
                // What stands above the first entry of an item stands above the item
                self.heads(&node.leading(), indent)?;
                self.begin(indent);
                (self.out)(b"-");
                self.value(node, indent, Left::Sign, &beside)?;
            }
        }
        Some(())
    }

    fn map(&mut self, entries: &[(String, Node)], indent: usize, leading: bool) -> Option<()> {
        self.members(entries.iter().map(|(key, node)| (Some(key.as_str()), node)), indent, leading)
    }

    fn value(&mut self, node: &Node, indent: usize, left: Left, beside: &[&Comment]) -> Option<()> {
        let inner = left.indent(indent);
        match node {
            Node::Comment(_) => None,
            Node::Scalar(scalar) => {
                (self.out)(b" ");
                self.scalar(scalar, inner, left, beside)
            }
            _ if node.is_empty() => {
                (self.out)(if matches!(node, Node::Map(_)) { b" {}" } else { b" []" });
                self.end(beside)
            }
            Node::List(_) | Node::Map(_) => {
                let leading = left == Left::Key;
                if leading {
                    self.end(beside)?;
                } else {
                    (self.out)(b" ");
                    self.placed = true;
                }
                match node {
                    Node::Map(entries) => self.map(entries, inner, leading),
                    Node::List(items) => self.members(items.iter().map(|item| (None, item)), inner, leading),
                    _ => None,
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar, indent: usize, left: Left, beside: &[&Comment]) -> Option<()> {
        match scalar.kind {
            Type::Bytes => return None,
            Type::Null => (self.out)(b"null"),
            Type::Bool | Type::Float | Type::Int | Type::Time => (self.out)(&scalar.printed(Store::Yaml)),
            Type::Text => {
                let text = std::str::from_utf8(&scalar.bytes).ok()?;
                match Style::of(text) {
                    // A blank in front needs a number of blanks, and the library's is wrong within a list
                    Style::Literal if left == Left::Key || !text.starts_with([' ', '\n']) => {
                        return self.literal(text, indent, beside);
                    }
                    Style::Literal => self.double(text),
                    style => self.in_line(text, style),
                }
            }
        }
        self.end(beside)
    }

    fn key(&mut self, key: &str) -> Option<()> {
        let style = match Style::of(key) {
            Style::Literal => return None,
            style => style,
        };
        self.in_line(key, style);
        (self.out)(b":");
        (key.len() <= 128).then_some(())
    }

    fn in_line(&mut self, text: &str, style: Style) {
        match style {
            Style::Plain => (self.out)(text.as_bytes()),
            Style::Single => {
                (self.out)(b"'");
                text.split_inclusive('\'').for_each(|piece| {
                    (self.out)(piece.as_bytes());
                    if piece.ends_with('\'') {
                        (self.out)(b"'");
                    }
                });
                (self.out)(b"'");
            }
            Style::Double | Style::Literal => self.double(text),
        }
    }

    fn double(&mut self, text: &str) {
        (self.out)(b"\"");
        for c in text.chars() {
            let short = ESCAPES.iter().find(|(known, _)| *known == c);
            match short {
                Some((_, letter)) => (self.out)(&[b'\\', *letter]),
                None if is_printable(c) => (self.out)(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {
                    let number = u32::from(c);
                    let escape = match number {
                        0..=0xff => format!("\\x{number:02X}"),
                        0x100..=0xffff => format!("\\u{number:04X}"),
                        _ => format!("\\U{number:08X}"),
                    };
                    (self.out)(escape.as_bytes());
                }
            }
        }
        (self.out)(b"\"");
    }

    /// A text of several lines, each in one of its own.
    fn literal(&mut self, text: &str, indent: usize, beside: &[&Comment]) -> Option<()> {
        (self.out)(b"|");
        if text.starts_with([' ', '\n']) {
            (self.out)(b"4");
        }
        let lines = text.strip_suffix('\n');
        (self.out)(match lines {
            None => b"-",
            Some(lines) if lines.is_empty() || lines.ends_with('\n') => b"+",
            Some(_) => b"",
        });
        self.end(beside)?;
        for line in lines.unwrap_or(text).split('\n') {
            if !line.is_empty() {
                self.begin(indent);
                (self.out)(line.as_bytes());
            }
            (self.out)(b"\n");
        }
        Some(())
    }

    /// Comments in lines of their own.
    fn heads(&mut self, comments: &[&Comment], indent: usize) -> Option<()> {
        for comment in comments {
            self.begin(indent);
            self.comment(comment)?;
        }
        Some(())
    }

    /// The end of a line, with the comments beside it.
    fn end(&mut self, beside: &[&Comment]) -> Option<()> {
        let Some((last, others)) = beside.split_last() else {
            (self.out)(b"\n");
            return Some(());
        };
        others.is_empty().then_some(())?;
        (self.out)(b" ");
        self.comment(last)
    }

    fn comment(&mut self, comment: &Comment) -> Option<()> {
        (!comment.text.contains(&b'\n')).then_some(())?;
        for piece in [b"#", comment.text.as_slice(), b"\n"] {
            (self.out)(piece);
        }
        Some(())
    }

    fn begin(&mut self, indent: usize) {
        if !std::mem::take(&mut self.placed) {
            (0..indent).for_each(|_| (self.out)(b" "));
        }
    }
}

/// How a text is written.
#[derive(Clone, Copy)]
enum Style {
    Double,
    Literal,
    Plain,
    Single,
}

impl Style {
    fn of(text: &str) -> Self {
        let is_special = |c: char| c != '\t' && !is_printable(c) && c != '\n';
        let unfit = text.contains(is_special) || text.contains(" \n");
        let is_text = matches!(kustomize(text), Plain::Text(_)) && !is_old(text);
        match () {
            () if text.contains('\n') && !unfit && !text.ends_with(' ') => Self::Literal,
            () if text.contains(['\n', '\t']) || unfit || !is_text => Self::Double,
            () if text.starts_with(' ') || text.ends_with(' ') || has_indicator(text) => Self::Single,
            () => Self::Plain,
        }
    }
}

/// What YAML 1.1 reads as something else than text, and 1.2 does not.
fn is_old(text: &str) -> bool {
    let is_bool = matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF"
    );
    is_bool || is_sexagesimal(text)
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`
fn is_sexagesimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let loose = |text: &str| text.bytes().all(|c| c.is_ascii_digit() || c == b'_');
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    rest.peek().is_some()
        && first.starts_with(|c: char| c.is_ascii_digit())
        && loose(first)
        && loose(fraction)
        && rest.all(|part| digits(part) && (part.len() == 1 || part.len() == 2 && part < "60"))
}

/// Would it be read as something of YAML's own?
fn has_indicator(text: &str) -> bool {
    let blank = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t']);
    let sign = match text.split_at_checked(1) {
        Some(("#" | "," | "[" | "]" | "{" | "}" | "&" | "*" | "!" | "|" | ">" | "'" | "\"" | "%" | "@" | "`", _)) => {
            true
        }
        Some(("?" | ":" | "-", rest)) => blank(rest),
        _ => false,
    };
    sign || ["---", "..."].iter().any(|mark| text.starts_with(mark))
        || text.contains(" #")
        || text.contains(": ")
        || text.ends_with(':')
}

/// As `yamlprivateh.go` has it: nothing above U+FFFF.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

const ESCAPES: [(char, u8); 14] = [
    ('\0', b'0'),
    ('\u{7}', b'a'),
    ('\u{8}', b'b'),
    ('\t', b't'),
    ('\n', b'n'),
    ('\u{b}', b'v'),
    ('\u{c}', b'f'),
    ('\r', b'r'),
    ('\u{1b}', b'e'),
    ('"', b'"'),
    ('\\', b'\\'),
    ('\u{85}', b'N'),
    ('\u{2028}', b'L'),
    ('\u{2029}', b'P'),
];
