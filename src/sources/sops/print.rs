//! A whole file as `sops decrypt` prints it, byte for byte. YAML is not printed: its writer moves comments and folds text in
//! ways of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::node::{Node, Scalar, Type};
use super::store::Store;

type Text = Zeroizing<Vec<u8>>;

/// None where the store is not printed, or the document has no form in it.
pub(super) fn print(store: Store, documents: &[Node]) -> Option<Text> {
    let [Node::Map(entries)] = documents else { return None };
    let mut out = Zeroizing::new(Vec::with_capacity(room(entries)));
    match store {
        Store::Binary => {
            let data = entries.iter().find(|(key, node)| key == "data" && matches!(node, Node::Scalar(_)));
            out.extend_from_slice(text(&data?.1)?);
        }
        Store::Dotenv => dotenv(entries, &mut out)?,
        Store::Ini => ini(entries, &mut out)?,
        Store::Json => {
            map(entries, 0, &mut out);
            out.push(b'\n');
        }
        Store::Yaml => return None,
    }
    Some(out)
}

/// Enough bytes that the text is never moved: a byte of JSON can take six, and lines are indented.
fn room(entries: &[(String, Node)]) -> usize {
    fn of(node: &Node, depth: usize) -> usize {
        let member = |key: usize, node| 6 * key + 2 * depth + 16 + of(node, depth + 1);
        match node {
            Node::Comment(text) => 2 * text.len() + 8,
            Node::List(items) => 8 + items.iter().map(|item| member(0, item)).sum::<usize>(),
            Node::Map(entries) => {
                let longest = entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
                8 + entries.iter().map(|(_, node)| member(longest, node)).sum::<usize>()
            }
            Node::Scalar(scalar) => 6 * scalar.bytes.len() + 64,
        }
    }
    entries.iter().map(|(key, node)| 6 * key.len() + 32 + of(node, 1)).sum::<usize>()
        + entries.len() * entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0)
}

/// The text of a text.
fn text(node: &Node) -> Option<&[u8]> {
    match node {
        Node::Scalar(scalar) if matches!(scalar.kind, Type::Text | Type::Bytes) => Some(&scalar.bytes),
        _ => None,
    }
}

fn dotenv(entries: &[(String, Node)], out: &mut Text) -> Option<()> {
    for (key, node) in entries {
        if let Node::Comment(comment) = node {
            out.push(b'#');
            out.extend_from_slice(comment);
        } else {
            out.extend_from_slice(key.as_bytes());
            out.push(b'=');
            for byte in text(node)? {
                match byte {
                    b'\n' => out.extend_from_slice(b"\\n"),
                    byte => out.push(*byte),
                }
            }
        }
        out.push(b'\n');
    }
    Some(())
}

/// As gopkg.in/ini.v1 writes: signs aligned, a blank line between sections, no header for keys before any section.
fn ini(sections: &[(String, Node)], out: &mut Text) -> Option<()> {
    for (number, (name, section)) in sections.iter().enumerate() {
        let Node::Map(entries) = section else { return None };
        let has_keys = entries.iter().any(|(_, node)| matches!(node, Node::Scalar(_)));
        let is_head = number == 0 && name.eq_ignore_ascii_case("DEFAULT");
        if let Some((_, Node::Comment(comment))) = entries.first() {
            ini_comment(comment, out);
        }
        if !is_head {
            out.extend_from_slice(format!("[{name}]\n").as_bytes());
        } else if !has_keys {
            continue;
        }
        let keys = entries.iter().filter(|(_, node)| matches!(node, Node::Scalar(_))).map(|(key, _)| ini_key(key));
        let width = keys.map(|key| key.len()).max().unwrap_or(0);
        for (place, (key, node)) in entries.iter().enumerate() {
            let Node::Scalar(_) = node else { continue };
            // The comment behind a key was above it.
            if let Some((_, Node::Comment(comment))) = entries.get(place + 1) {
                ini_comment(comment, out);
            }
            out.extend_from_slice(format!("{:width$} = ", ini_key(key)).as_bytes());
            let value = std::str::from_utf8(text(node)?).ok()?;
            let quote = match () {
                () if value.contains(['\n', '`']) => "\"\"\"",
                () if value.contains(['#', ';']) => "`",
                () if value.trim().len() != value.len() => "\"",
                () => "",
            };
            for part in [quote, value, quote, "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        if number + 1 < sections.len() {
            out.push(b'\n');
        }
    }
    Some(())
}

fn ini_key(key: &str) -> String {
    match () {
        () if key.contains(['"', '=', ':']) => format!("`{key}`"),
        () if key.contains('`') => format!("\"\"\"{key}\"\"\""),
        () => key.to_owned(),
    }
}

fn ini_comment(comment: &[u8], out: &mut Text) {
    for line in comment.split(|byte| *byte == b'\n') {
        let (sign, rest) = match line {
            [sign @ (b'#' | b';'), rest @ ..] => (*sign, rest.trim_ascii()),
            rest => (b';', rest.trim_ascii()),
        };
        out.extend_from_slice(&[sign, b' ']);
        out.extend_from_slice(rest);
        out.push(b'\n');
    }
}

fn json(node: &Node, depth: usize, out: &mut Text) {
    match node {
        Node::Comment(_) => {}
        Node::List(items) => {
            let items = items.iter().filter(|item| !matches!(item, Node::Comment(_)));
            members([b'[', b']'], items, depth, out, |item, out| json(item, depth + 1, out));
        }
        Node::Map(entries) => map(entries, depth, out),
        Node::Scalar(scalar) => json_scalar(scalar, out),
    }
}

fn map(entries: &[(String, Node)], depth: usize, out: &mut Text) {
    let entries = entries.iter().filter(|(_, node)| !matches!(node, Node::Comment(_)));
    members([b'{', b'}'], entries, depth, out, |(key, node), out| {
        quoted(key, out);
        out.extend_from_slice(b": ");
        json(node, depth + 1, out);
    });
}

/// Members, each in a line of its own.
fn members<T>(
    [open, close]: [u8; 2],
    members: impl Iterator<Item = T>,
    depth: usize,
    out: &mut Text,
    write: impl Fn(T, &mut Text),
) {
    let line = |depth: usize, out: &mut Text| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b'\t', depth));
    };
    out.push(open);
    let mut is_empty = true;
    for member in members {
        if !is_empty {
            out.push(b',');
        }
        is_empty = false;
        line(depth + 1, out);
        write(member, out);
    }
    if !is_empty {
        line(depth, out);
    }
    out.push(close);
}

fn json_scalar(scalar: &Scalar, out: &mut Text) {
    match scalar.kind {
        Type::Null => out.extend_from_slice(b"null"),
        Type::Bool | Type::Float | Type::Int => out.extend_from_slice(&scalar.printed(Store::Json)),
        Type::Bytes => quoted(&Zeroizing::new(STANDARD.encode(&scalar.bytes)), out),
        Type::Text | Type::Time => quoted(&String::from_utf8_lossy(&scalar.bytes), out),
    }
}

/// A string as encoding/json writes it, where it could stand in HTML too.
fn quoted(text: &str, out: &mut Text) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}
