//! Between the sources and the world: a data key that is under another source's key is asked of that source, once the
//! operator's word on it is known.

use crate::error::Problem;
use crate::model::{Ask, Reply, Wire, Wrapped};
use crate::settings::Policy;
use crate::sources;

/// Answers what one source asks of another, and passes on everything else.
pub(super) struct Driver<'d> {
    pub(super) wire: &'d mut dyn Wire,
    pub(super) policy: &'d Policy,
}

impl Wire for Driver<'_> {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let mut answers: Vec<Option<Result<Reply, Problem>>> = vec![];
        let mut passed = vec![];
        for ask in asks {
            match ask {
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

impl Driver<'_> {
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
