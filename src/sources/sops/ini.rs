//! Sections of `name = value`, as the INI library of SOPS reads them (gopkg.in/ini.v1): a comment belongs to the key below
//! it, and SOPS puts it behind that key.

use super::node::Node;

/// The only document of a file; the line where it is none.
pub(super) fn read(text: &str) -> Result<Vec<Node>, usize> {
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').split_inclusive('\n'));
    // What stands before any section belongs to one of this name.
    let mut sections: Vec<(String, Vec<(String, Node)>)> = vec![("DEFAULT".to_owned(), vec![])];
    let mut comment = String::new();
    while let Some((number, line)) = lines.next() {
        let line = line.trim_start();
        if line.starts_with(['#', ';']) {
            comment.push_str(line);
        } else if let Some(inside) = line.strip_prefix('[') {
            let (name, behind) = inside.rsplit_once(']').filter(|(name, _)| !name.is_empty()).ok_or(number)?;
            comment.push_str(behind.find(['#', ';']).and_then(|at| behind.get(at..)).unwrap_or(""));
            sections.push((name.to_owned(), take(&mut comment).into_iter().collect()));
        } else if !line.is_empty() {
            let (key, behind) = key(line).ok_or(number)?;
            let mut rest = lines.by_ref().map(|(_, line)| line);
            let value = value(behind, &mut rest, &mut comment).ok_or(number)?;
            let (_, entries) = sections.last_mut().ok_or(number)?;
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(number);
            }
            entries.push((key, Node::text(value)));
            entries.extend(take(&mut comment));
        }
    }
    Ok(vec![Node::Map(sections.into_iter().map(|(name, entries)| (name, Node::Map(entries))).collect())])
}

/// Values of metadata hold line ends as `\n`.
pub(super) fn with_newlines((key, node): (String, Node)) -> (String, Node) {
    match node {
        Node::Scalar(scalar) => {
            let text = String::from_utf8_lossy(&scalar.bytes).replace("\\n", "\n");
            (key, Node::text(text))
        }
        other => (key, other),
    }
}

/// The comment that was gathered, without its first sign.
fn take(gathered: &mut String) -> Option<(String, Node)> {
    let comment = std::mem::take(gathered);
    let comment = comment.trim();
    let sign = comment.chars().next()?;
    Some((String::new(), Node::comment(comment.trim_start_matches([sign, ' ']))))
}

/// A key, which may be quoted, and what stands behind its sign.
fn key(line: &str) -> Option<(String, &str)> {
    let quote = ["\"\"\"", "\"", "`"].into_iter().find(|quote| line.starts_with(quote));
    let (name, behind) = match quote {
        Some(quote) => {
            let (name, behind) = line.strip_prefix(quote)?.split_once(quote)?;
            (name, behind.get(behind.find(['=', ':'])? + 1..)?)
        }
        None => line.split_once(['=', ':'])?,
    };
    let name = name.trim();
    // One that is a dash is a number that is counted up.
    (!name.is_empty() && name != "-").then(|| (name.to_owned(), behind))
}

/// A value, which may go on in the lines below; None where its quote is never closed.
fn value<'l>(behind: &str, rest: &mut impl Iterator<Item = &'l str>, comment: &mut String) -> Option<String> {
    let line = behind.trim_start();
    let quoted = ["\"\"\"", "`"].into_iter().find_map(|quote| Some((quote, line.strip_prefix(quote)?)));
    if let Some((quote, inside)) = quoted.filter(|(_, inside)| !inside.is_empty()) {
        let mut text = String::new();
        let mut next = inside;
        while !next.contains(quote) {
            text.push_str(next);
            next = rest.next()?;
        }
        text.push_str(next.rsplit_once(quote)?.0);
        return Some(text);
    }
    let line = line.trim();
    if let Some(first) = line.strip_suffix('\\') {
        let mut text = first.to_owned();
        for next in rest.map(str::trim) {
            let Some(more) = next.strip_suffix('\\') else {
                text.push_str(next);
                break;
            };
            text.push_str(more);
        }
        return Some(text);
    }
    let (value, beside) = line.split_at(line.find(['#', ';']).unwrap_or(line.len()));
    comment.push_str(beside);
    let value = value.trim();
    let surrounded = |quote: char| {
        let inside = value.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains(quote)).then_some(inside)
    };
    Some(surrounded('\'').or_else(|| surrounded('"')).unwrap_or(value).to_owned())
}
