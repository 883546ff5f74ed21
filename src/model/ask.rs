//! What sources ask of the world, as data: tests and fuzzing answer from a script.

use zeroize::Zeroizing;

use crate::error::Problem;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// The value of an environment variable.
    Environment(String),
    /// A file beneath the root, named relative to the settings' folder.
    File(String),
    /// The age identities that the operator gave.
    Identities,
    /// A file that the operator named, wherever it is.
    Named(String),
}

/// One answer: bytes that are wiped on drop.
pub struct Reply(pub Zeroizing<Vec<u8>>);

/// The only way from a source to the world. Deadlines, retries and redaction lie behind it, once.
pub trait Wire {
    /// Asks everything at once; answers in the same order.
    fn ask_all(&mut self, asks: &[Ask]) -> Vec<Result<Reply, Problem>>;

    /// Asks one thing.
    fn ask(&mut self, ask: Ask) -> Result<Reply, Problem> {
        let gone = || Problem::new("a question was not answered").exit(crate::error::Exit::Bug);
        self.ask_all(&[ask]).pop().unwrap_or_else(|| Err(gone()))
    }
}
