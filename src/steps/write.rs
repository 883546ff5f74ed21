//! What was checked, as texts: the slices that came in, with ours in their places.

use std::borrow::Cow;

use super::Output;
use super::check::{Checked, Out};
use crate::error::{Exit, Problem, Problems};
use crate::model::{Manifest, Stream};
use crate::yaml::{Syntax, join};

/// The outputs, one for each source. Takes only what was checked.
pub fn write<'s>(stream: &Stream<'s>, checked: Checked) -> Result<Vec<Output<'s>>, Problems> {
    let outs = checked.into_inner();
    let empty = |name: &&'s str| Output { name, pieces: vec![] };
    let mut outputs: Vec<Output> = stream.names.iter().map(empty).collect();
    if outs.len() != stream.manifests.len() {
        let what = "internal: not every object has a fate; nothing was written";
        return Err(Problem::new(what).exit(Exit::Bug).into());
    }
    for (manifest, out) in stream.manifests.iter().zip(outs) {
        let Some(output) = outputs.get_mut(manifest.source) else {
            continue;
        };
        output.pieces.push(manifest.before.into());
        put(&mut output.pieces, manifest, out);
    }
    for (output, tail) in outputs.iter_mut().zip(&stream.tails) {
        output.pieces.push((*tail).into());
    }
    Ok(outputs)
}

fn put<'s>(pieces: &mut Vec<Cow<'s, str>>, manifest: &Manifest<'s>, out: Out) {
    let Out { before, instead } = out;
    if before.is_empty() && instead.is_none() {
        pieces.push(Cow::Borrowed(manifest.text));
        return;
    }
    // What the user wrote above the object stays above it.
    let leading = match (manifest.syntax, &instead) {
        (Syntax::Document, Some(_)) => manifest.tree().map_or("", |tree| tree.leading()),
        _ => "",
    };
    // An edited text has its comments still.
    let keeps = instead.iter().flatten().next().is_some_and(|text| text.starts_with(leading));
    if !keeps && !leading.is_empty() {
        pieces.push(Cow::Borrowed(leading));
    }
    let mut own = instead.unwrap_or_else(|| vec![manifest.text.to_owned()]);
    if let (Syntax::Item { column }, Some(first)) = (manifest.syntax, own.first_mut())
        && let Some(text) = commented(manifest.text, column, first)
    {
        *first = text;
    }
    // What we made follows the line ends of what it stands for.
    let windows = manifest.text.contains("\r\n");
    let ends = |text: String| if windows && !text.contains('\r') { text.replace('\n', "\r\n") } else { text };
    let mut texts: Vec<String> = before.into_iter().chain(own).map(ends).collect();
    if texts.len() == 1 {
        pieces.extend(texts.pop().map(Cow::Owned));
    } else {
        pieces.push(Cow::Owned(texts.join(&ends(join(manifest.syntax, &["", ""])))));
    }
}

/// An item with the comments that stand between the dash and the first key of another.
fn commented(original: &str, column: usize, item: &str) -> Option<String> {
    let behind = |text: &str| text.get(column..)?.strip_prefix("- ").map(|_| column + 2);
    let (start, own) = (behind(original)?, behind(item)?);
    let lines = original.get(start..)?.split_inclusive('\n');
    let length: usize = lines.take_while(|line| line.trim_start().starts_with('#')).map(str::len).sum();
    let comments = original.get(start..start + length).filter(|comments| !comments.is_empty())?;
    // An edited text has them still.
    let (dash, rest) = (item.get(..own)?, item.get(own..).filter(|rest| !rest.starts_with('#'))?);
    Some([dash, comments, &" ".repeat(own), rest].concat())
}
