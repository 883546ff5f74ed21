//! Between the sources and the world: a data key that is under another source's key is asked of that source, once the
//! operator's word on it is known; an object of the stream is given by its name.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow::{Break, Continue};

use zeroize::Zeroizing;

use super::under::{Under, divided, joined};
use crate::error::Problem;
use crate::model::{Ask, Manifest, ManifestId, Reply, STDIN, Stream, Wire, Wrapped};
use crate::settings::{Granted, Policy};
use crate::sources::{self, Source};
use crate::yaml::{Syntax, Value};

/// Answers what one source asks of another, and passes on everything else.
pub(super) struct Driver<'d, 's> {
    stream: &'d Stream<'s>,
    wire: &'d mut dyn Wire,
    terms: Terms<'d>,
    objects: OnceCell<BTreeMap<String, Vec<ManifestId>>>,
}

/// Who asks, and under which grant.
pub(super) struct Terms<'d> {
    pub(super) source: &'static dyn Source,
    pub(super) policy: &'d Policy,
    pub(super) grant: Option<usize>,
}

impl<'d, 's> Driver<'d, 's> {
    pub(super) fn new(stream: &'d Stream<'s>, wire: &'d mut dyn Wire, terms: Terms<'d>) -> Self {
        Self { stream, wire, terms, objects: OnceCell::new() }
    }
}

impl Wire for Driver<'_, '_> {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let (answers, passed) = divided(asks, |ask| match ask {
            Ask::Around(name) => Break(self.around(&name)),
            Ask::Object(name) => Break(self.object(&name)),
            Ask::Unwrap(wrapped) => Break(self.unwrap(&wrapped)),
            other => Continue(other),
        });
        let count = passed.len();
        let granted = self.terms.granted();
        let replies = match Under::new(self.wire, granted.as_ref(), self.terms.source) {
            Ok(mut under) => under.ask_all(passed),
            Err(problem) => (0..count).map(|_| Err(problem.clone())).collect(),
        };
        joined(answers, replies)
    }
}

impl<'d> Terms<'d> {
    fn granted(&self) -> Option<Granted<'d>> {
        self.policy.granted(self.grant?)
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
        let (source, keys) = sources::holder(&wrapped.key).ok_or_else(|| {
            let names = wrapped.key.names();
            let name = names.first().map(String::as_str).unwrap_or_default();
            Problem::new(format!("this build of sealref cannot ask for the key \"{name}\""))
                .hint("use a release, or build with --features full")
        })?;
        let Terms { policy, grant, .. } = self.terms;
        // Under a policy the server that the operator named holds the keys of everybody.
        if policy.holds() || !keys.configured(&wrapped.key, self.wire)? {
            policy.allow_key(&wrapped.key, grant)?;
        }
        let granted = self.terms.granted();
        keys.unwrap(wrapped, &mut Under::new(self.wire, granted.as_ref(), source)?).map(Reply::of)
    }
}
