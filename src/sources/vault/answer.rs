//! What a server answered: JSON with `data`, `auth` or `errors` in it, of which only the first two are read.

use zeroize::Zeroizing;

use crate::error::{Exit, Problem};
use crate::model::Keys;
use crate::sources::property;
use crate::yaml::{Kind, NodeId, Scalar, Syntax, Tree};

/// An answer of JSON.
pub(super) struct Answer<'a>(Tree<'a>);

impl<'a> Answer<'a> {
    /// # Errors
    /// It is no JSON object: the page of a proxy, an answer that was cut off. Never a word of it.
    pub(super) fn read(operation: &str, bytes: &'a [u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.trim_start().starts_with('{'));
        let tree = text.and_then(|text| Tree::parse(text, Syntax::Concatenated).ok());
        tree.map(Self).ok_or_else(|| strange(operation))
    }

    /// A text.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        self.0.text(self.0.at(self.0.root(), path)?)
    }

    /// A boolean that is true.
    pub(super) fn is_true(&self, path: &[&str]) -> bool {
        self.0.at(self.0.root(), path).and_then(|node| self.0.scalar(node)) == Some(Scalar::Bool(true))
    }

    /// An object.
    pub(super) fn map(&self, path: &[&str]) -> Option<NodeId> {
        self.0.at(self.0.root(), path).filter(|node| self.0.kind(*node) == Kind::Map)
    }

    /// The value that a property of an object leads to.
    pub(super) fn value(&self, map: NodeId, property: &str, secret: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        property::value(&self.0, map, property, secret)
    }

    /// Every value of an object.
    pub(super) fn keys(&self, map: NodeId, property: Option<&str>, secret: &str) -> Result<Keys, Problem> {
        property::keys(&self.0, map, property, secret)
    }
}

/// Something else answered.
pub(super) fn strange(operation: &str) -> Problem {
    Problem::new(format!("{operation}: what answered does not answer as the server should"))
        .hint("is the address right, or is a login page or a proxy between?")
}

/// Servers tell nobody whether something is missing or forbidden, and neither do we.
pub(super) fn closed(operation: &str) -> Problem {
    Problem::new(format!("{operation}: it is not there, or not allowed"))
        .hint("is the path spelled right (MOUNT/PATH), and does a policy of the token let it be read?")
}

/// A status that says the same for every path.
pub(super) fn unexpected(operation: &str, status: u16) -> Problem {
    match status {
        401 | 403 | 404 => closed(operation),
        500..=599 => Problem::new(format!("{operation}: the server answered {status}"))
            .hint("its log says why")
            .exit(Exit::Source),
        _ => Problem::new(format!("{operation}: the server answered {status}"))
            .hint("is the address right (https://, the port), and the namespace?"),
    }
}
