//! Lines of `NAME=value`: no quotes, no blanks that are cut off, `\n` for a line end.

use super::node::Node;

/// The only document of a file; the line where it is none.
pub(super) fn read(text: &str) -> Result<Vec<Node>, usize> {
    let lines = (1..).zip(text.split('\n')).filter(|(_, line)| !line.is_empty());
    let entry = |(number, line): (usize, &str)| match (line.strip_prefix('#'), line.split_once('=')) {
        (Some(comment), _) => Ok((String::new(), Node::comment(comment))),
        (None, Some((key, value))) => Ok((key.to_owned(), Node::text(value.replace("\\n", "\n")))),
        (None, None) => Err(number),
    };
    Ok(vec![Node::Map(lines.map(entry).collect::<Result<_, _>>()?)])
}
