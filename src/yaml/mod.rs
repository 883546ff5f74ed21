//! Text that is read once and never changed.
//!
//! Receives the bytes of manifests, settings and values; gives back trees of what Kubernetes reads in them, and new
//! text for what is to change. It never waits, never prints, and a [`Fault`] never holds a word of the text.

mod aliases;
mod builder;
mod characters;
mod comments;
mod de;
mod duplicates;
mod edit;
mod json;
mod lines;
mod list;
mod lookup;
mod mistake;
mod node;
mod scalar;
mod spans;
mod splice;
mod split;
mod tags;
mod tree;
mod untangle;
mod value;
mod write;

pub use aliases::Times;
pub use comments::Comment;
pub use de::read;
pub use edit::{Applied, Edits};
pub use list::{Envelope, envelope};
pub use mistake::Mistake;
pub use node::{Kind, NodeId, Tree};
pub use scalar::{Number, Plain, Scalar, kubernetes, kustomize, number};
pub use split::{Piece, Pieces, Syntax, apart, join, pieces};
pub use untangle::untangled;
pub use value::Value;

/// What is wrong with a text; never its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, counted from 1 within the text that was given.
    pub line: usize,
    /// What is wrong: fixed words, and at most the number of another line.
    pub message: String,
    /// The one next thing to do.
    pub hint: &'static str,
}

impl Fault {
    /// A fault at the byte `at` of `text`.
    fn at(text: &str, at: usize, message: impl Into<String>, hint: &'static str) -> Self {
        Self { line: line_of(text, at), message: message.into(), hint }
    }

    /// The same fault, told for a text in which this one begins at `line`.
    #[must_use]
    pub fn from_line(mut self, line: usize) -> Self {
        self.line += line.saturating_sub(1);
        self
    }
}

/// The line of a byte, counted from 1.
fn line_of(text: &str, at: usize) -> usize {
    newlines(text.get(..at).unwrap_or(text)) + 1
}

fn newlines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}
