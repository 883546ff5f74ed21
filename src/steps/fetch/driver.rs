//! Between the sources and the world: a data key that is under another source's key is asked of that source, once the
//! operator's word on it is known; an object of the stream is given by its name.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::error::Problem;
use crate::model::{Ask, Manifest, ManifestId, Reply, STDIN, Stream, Wire, Wrapped};
use crate::settings::Policy;
use crate::sources;
use crate::yaml::{Syntax, Value};

/// Answers what one source asks of another, and passes on everything else.
pub(super) struct Driver<'d, 's> {
    stream: &'d Stream<'s>,
    wire: &'d mut dyn Wire,
    policy: &'d Policy,
    objects: OnceCell<BTreeMap<String, Vec<ManifestId>>>,
}

impl<'d, 's> Driver<'d, 's> {
    pub(super) fn new(stream: &'d Stream<'s>, wire: &'d mut dyn Wire, policy: &'d Policy) -> Self {
        Self { stream, wire, policy, objects: OnceCell::new() }
    }
}

impl Wire for Driver<'_, '_> {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let mut answers: Vec<Option<Result<Reply, Problem>>> = vec![];
        let mut passed = vec![];
        for ask in asks {
            match ask {
                Ask::Around(name) => answers.push(Some(self.around(&name))),
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

impl<'d, 's> Driver<'d, 's> {
    /// The text of an object as it stands; an item of a list as JSON, its keys in their order.
    fn object(&self, name: &str) -> Result<Reply, Problem> {
        let manifest = self.named(name)?;
        let text = match manifest.tree() {
            Ok(tree) if manifest.syntax != Syntax::Document => Value::of(tree, tree.root()).write(Syntax::Concatenated),
            _ => manifest.text.to_owned(),
        };
        Ok(Reply::of(Zeroizing::new(text.into_bytes())))
    }

    /// All of the file that an object stands in.
    fn around(&self, name: &str) -> Result<Reply, Problem> {
        let source = self.named(name)?.source;
        let piped = self.stream.names.get(source).is_none_or(|name| *name == STDIN);
        let all = self.stream.manifests.iter().filter(|manifest| manifest.source == source && !piped);
        let mut text: String = all.flat_map(|manifest| [manifest.before, manifest.text]).collect();
        text.push_str(self.stream.tails.get(source).filter(|_| !piped).copied().unwrap_or_default());
        Ok(Reply::of(Zeroizing::new(text.into_bytes())))
    }

    fn named(&self, name: &str) -> Result<&'d Manifest<'s>, Problem> {
        let objects = self.objects.get_or_init(|| {
            let mut objects: BTreeMap<String, Vec<ManifestId>> = BTreeMap::new();
            for (id, _, identity) in self.stream.read() {
                objects.entry(identity.path()).or_default().push(id);
            }
            objects
        });
        match objects.get(name).map(Vec::as_slice) {
            Some([id]) => self.stream.get(*id),
            _ => None,
        }
        .ok_or_else(|| {
            Problem::new(format!("more than one object of the stream is {name}")).hint("give each a name of its own")
        })
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
