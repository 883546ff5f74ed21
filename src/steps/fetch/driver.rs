//! Between the sources and the world: a data key that is under another source's key is asked of that source, once the
//! operator's word on it is known; an object of the stream is given by its name.

use zeroize::Zeroizing;

use crate::error::Problem;
use crate::model::{Ask, Reply, Stream, Wire, Wrapped};
use crate::settings::Policy;
use crate::sources;
use crate::yaml::{Syntax, Value};

/// Answers what one source asks of another, and passes on everything else.
pub(super) struct Driver<'d, 's> {
    pub(super) stream: &'d Stream<'s>,
    pub(super) wire: &'d mut dyn Wire,
    pub(super) policy: &'d Policy,
}

impl Wire for Driver<'_, '_> {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let mut answers: Vec<Option<Result<Reply, Problem>>> = vec![];
        let mut passed = vec![];
        for ask in asks {
            match ask {
                Ask::Object(name) => answers.push(Some(self.object(&name))),
                Ask::Unwrap(wrapped) => answers.push(Some(self.unwrap(&wrapped))),
                other => {
                    passed.push(other);
                    answers.push(None);
                }
            }
        }
        let mut replies = self.wire.ask_all(passed).into_iter();
        answers.into_iter().filter_map(|answer| answer.or_else(|| replies.next())).collect()
    }
}

impl Driver<'_, '_> {
    /// The text of an object as it stands; an item of a list as JSON, its keys in their order.
    fn object(&self, name: &str) -> Result<Reply, Problem> {
        let mut named = self.stream.read().filter(|(_, _, identity)| identity.path() == name);
        let (Some((id, tree, _)), None) = (named.next(), named.next()) else {
            return Err(Problem::new(format!("more than one object of the stream is {name}"))
                .hint("give each a name of its own"));
        };
        let text = match self.stream.get(id) {
            Some(manifest) if manifest.syntax == Syntax::Document => manifest.text.to_owned(),
            _ => Value::of(tree, tree.root()).write(Syntax::Concatenated),
        };
        Ok(Reply::of(Zeroizing::new(text.into_bytes())))
    }

    fn unwrap(&mut self, wrapped: &Wrapped) -> Result<Reply, Problem> {
        let keys = sources::keys(&wrapped.key).ok_or_else(|| {
            let names = wrapped.key.names();
            let name = names.first().map(String::as_str).unwrap_or_default();
            Problem::new(format!("this build of sealref cannot ask for the key \"{name}\""))
                .hint("use a release, or build with --features full")
        })?;
        if !keys.configured(&wrapped.key, self.wire)? {
            self.policy.allow_key(&wrapped.key)?;
        }
        keys.unwrap(wrapped, self.wire).map(Reply::of)
    }
}
