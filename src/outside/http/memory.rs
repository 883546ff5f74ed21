//! Answers that serve for a whole run, such as logins: in memory, wiped at its end.

use zeroize::Zeroizing;

use crate::model::{Keep, Reply, Request};

/// What was kept.
#[derive(Default)]
pub(super) struct Memory(Vec<(Key, Reply)>);

/// What makes two requests the same: the URL and what is sent.
#[derive(PartialEq)]
pub(super) struct Key(Zeroizing<String>, Option<Zeroizing<Vec<u8>>>);

impl Memory {
    /// The key under which the answer is to be kept, where it is.
    pub(super) fn key(request: &Request) -> Option<Key> {
        let key = || Key(Zeroizing::new(request.url.clone()), request.body.clone());
        (request.keep != Keep::No).then(key)
    }

    /// The answer that was kept, unless a new one is wanted.
    pub(super) fn reply(&self, request: &Request) -> Option<Reply> {
        let key = Self::key(request).filter(|_| request.keep == Keep::Run)?;
        self.0.iter().find(|(known, _)| *known == key).map(|(_, reply)| copy(reply))
    }

    /// Keeps what was answered well, in the place of what was kept before.
    pub(super) fn keep(&mut self, key: Key, reply: &Reply) {
        self.0.retain(|(known, _)| *known != key);
        if reply.status == 200 {
            self.0.push((key, copy(reply)));
        }
    }
}

fn copy(reply: &Reply) -> Reply {
    Reply { bytes: reply.bytes.clone(), status: reply.status }
}
