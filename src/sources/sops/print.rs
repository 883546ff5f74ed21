//! A whole file as `sops decrypt` prints it, byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::node::{Node, Scalar, Type};
use super::print_yaml;
use super::store::Store;

/// Where the text goes, piece by piece.
pub(super) type Out<'o> = &'o mut dyn FnMut(&[u8]);

/// Maps, lists and values as JSON in one line.
pub(super) fn compact(node: &Node) -> Zeroizing<Vec<u8>> {
    let mut length = 0;
    json(node, None, &mut |piece| length += piece.len());
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    json(node, None, &mut |piece| bytes.extend_from_slice(piece));
    bytes
}

/// None where the documents have no form in the store.
pub(super) fn print(store: Store, documents: &[Node]) -> Option<Zeroizing<Vec<u8>>> {
    // Measured first: growing would leave copies behind.
    let mut length = 0;
    write(store, documents, &mut |piece| length += piece.len())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    write(store, documents, &mut |piece| bytes.extend_from_slice(piece))?;
    Some(bytes)
}

fn write(store: Store, documents: &[Node], out: Out) -> Option<()> {
    if store == Store::Yaml {
        return print_yaml::write(documents, out);
    }
    let [Node::Map(entries)] = documents else { return None };
    match store {
        Store::Binary => out(text(entries.iter().find_map(|(key, node)| (key == "data").then_some(node))?)?),
        Store::Dotenv => dotenv(entries, out)?,
        Store::Ini => ini(entries, out)?,
        Store::Json => {
            map(entries, Some(0), out);
            out(b"\n");
        }
        Store::Yaml => {}
    }
    Some(())
}

/// The text of a text.
fn text(node: &Node) -> Option<&[u8]> {
    match node {
        Node::Scalar(scalar) if matches!(scalar.kind, Type::Text | Type::Bytes) => Some(&scalar.bytes),
        _ => None,
    }
}

fn dotenv(entries: &[(String, Node)], out: Out) -> Option<()> {
    for (key, node) in entries {
        if let Node::Comment(comment) = node {
            out(b"#");
            out(&comment.text);
        } else {
            out(key.as_bytes());
            out(b"=");
            for byte in text(node)? {
                match byte {
                    b'\n' => out(b"\\n"),
                    byte => out(&[*byte]),
                }
            }
        }
        out(b"\n");
    }
    Some(())
}

/// As gopkg.in/ini.v1 writes: signs aligned, a blank line between sections, no header for keys before any section.
fn ini(sections: &[(String, Node)], out: Out) -> Option<()> {
    for (number, (name, section)) in sections.iter().enumerate() {
        let Node::Map(entries) = section else { return None };
        let has_keys = entries.iter().any(|(_, node)| matches!(node, Node::Scalar(_)));
        let is_head = number == 0 && name.eq_ignore_ascii_case("DEFAULT");
        if let Some((_, Node::Comment(comment))) = entries.first() {
            ini_comment(&comment.text, out);
        }
        if !is_head {
            out(format!("[{name}]\n").as_bytes());
        } else if !has_keys {
            continue;
        }
        let keys = entries.iter().filter(|(_, node)| matches!(node, Node::Scalar(_))).map(|(key, _)| ini_key(key));
        let width = keys.map(|key| key.len()).max().unwrap_or(0);
        for (place, (key, node)) in entries.iter().enumerate() {
            let Node::Scalar(_) = node else { continue };
            // The comment behind a key was above it.
            if let Some((_, Node::Comment(comment))) = entries.get(place + 1) {
                ini_comment(&comment.text, out);
            }
            out(format!("{:width$} = ", ini_key(key)).as_bytes());
            let value = std::str::from_utf8(text(node)?).ok()?;
            let quote = match () {
                () if value.contains(['\n', '`']) => "\"\"\"",
                () if value.contains(['#', ';']) => "`",
                () if value.trim().len() != value.len() => "\"",
                () => "",
            };
            for part in [quote, value, quote, "\n"] {
                out(part.as_bytes());
            }
        }
        if number + 1 < sections.len() {
            out(b"\n");
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

fn ini_comment(comment: &[u8], out: Out) {
    for line in comment.split(|byte| *byte == b'\n') {
        let (sign, rest) = match line {
            [sign @ (b'#' | b';'), rest @ ..] => (*sign, rest.trim_ascii()),
            rest => (b';', rest.trim_ascii()),
        };
        out(&[sign, b' ']);
        out(rest);
        out(b"\n");
    }
}

/// `depth` is that of what it stands in; None: everything in one line.
fn json(node: &Node, depth: Option<usize>, out: Out) {
    match node {
        Node::Comment(_) => {}
        Node::List(items) => {
            let items = items.iter().filter(|item| !matches!(item, Node::Comment(_)));
            members([b'[', b']'], items, depth, out, |item, out| json(item, deeper(depth), out));
        }
        Node::Map(entries) => map(entries, depth, out),
        Node::Scalar(scalar) => json_scalar(scalar, out),
    }
}

fn deeper(depth: Option<usize>) -> Option<usize> {
    depth.map(|depth| depth + 1)
}

fn map(entries: &[(String, Node)], depth: Option<usize>, out: Out) {
    let entries = entries.iter().filter(|(_, node)| !matches!(node, Node::Comment(_)));
    members([b'{', b'}'], entries, depth, out, |(key, node), out| {
        quoted(key, out);
        out(if depth.is_some() { b": " } else { b":" });
        json(node, deeper(depth), out);
    });
}

/// Members, each in a line of its own.
fn members<T>(
    [open, close]: [u8; 2],
    members: impl Iterator<Item = T>,
    depth: Option<usize>,
    out: Out,
    write: impl Fn(T, Out),
) {
    let line = |depth: Option<usize>, out: Out| {
        let Some(depth) = depth else { return };
        out(b"\n");
        (0..depth).for_each(|_| out(b"\t"));
    };
    out(&[open]);
    let mut is_empty = true;
    for member in members {
        if !is_empty {
            out(b",");
        }
        is_empty = false;
        line(deeper(depth), out);
        write(member, out);
    }
    if !is_empty {
        line(depth, out);
    }
    out(&[close]);
}

fn json_scalar(scalar: &Scalar, out: Out) {
    match scalar.kind {
        Type::Null => out(b"null"),
        Type::Bool | Type::Float | Type::Int => out(&scalar.printed(Store::Json)),
        Type::Bytes => quoted(&Zeroizing::new(STANDARD.encode(&scalar.bytes)), out),
        Type::Text | Type::Time => quoted(&String::from_utf8_lossy(&scalar.bytes), out),
    }
}

/// A string as encoding/json writes it, where it could stand in HTML too.
fn quoted(text: &str, out: Out) {
    out(b"\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out(&[b'\\', c as u8]),
            '\u{8}' => out(b"\\b"),
            '\u{c}' => out(b"\\f"),
            '\n' => out(b"\\n"),
            '\r' => out(b"\\r"),
            '\t' => out(b"\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out(b"\"");
}
