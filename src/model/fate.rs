//! What becomes of each manifest. No fate drops an object (promise 3).

use std::collections::BTreeMap;

use super::{Identity, ManifestId, Stream};
use crate::yaml::Edits;

/// An object that we made, written at once.
pub struct Made {
    /// What it is.
    pub identity: Identity,
    /// Its text, in the syntax of the manifest it stands for.
    pub text: String,
}

/// What becomes of one manifest.
pub enum Fate {
    /// Goes out with changes.
    Edited(Edits),
    /// Goes out byte for byte.
    Kept,
    /// Goes out as one object, or more.
    Replaced(Box<Made>, Vec<Made>),
}

/// The fate of every manifest of a stream.
pub struct Fates {
    of: Vec<Fate>,
    before: BTreeMap<ManifestId, Vec<Made>>,
}

impl Fates {
    /// Everything is kept, to begin with.
    #[must_use]
    pub fn new(stream: &Stream) -> Self {
        let of = stream.manifests.iter().map(|_| Fate::Kept).collect();
        Self { of, before: BTreeMap::new() }
    }

    /// Settles the fate of one manifest.
    pub fn replace(&mut self, id: ManifestId, first: Box<Made>, rest: Vec<Made>) {
        if let Some(fate) = self.of.get_mut(id.0 as usize) {
            *fate = Fate::Replaced(first, rest);
        }
    }

    /// Puts an object before a manifest.
    pub fn put_before(&mut self, id: ManifestId, made: impl IntoIterator<Item = Made>) {
        self.before.entry(id).or_default().extend(made);
    }

    /// The changes of a manifest that is not replaced.
    pub fn edits(&mut self, id: ManifestId) -> Option<&mut Edits> {
        let fate = self.of.get_mut(id.0 as usize)?;
        if matches!(fate, Fate::Kept) {
            *fate = Fate::Edited(Edits::default());
        }
        match fate {
            Fate::Edited(edits) => Some(edits),
            Fate::Kept | Fate::Replaced(..) => None,
        }
    }

    /// How many manifests have a fate: as many as came in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// True where nothing came in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Each manifest with what was put before it and its fate.
    pub fn into_parts(self) -> impl Iterator<Item = (ManifestId, Vec<Made>, Fate)> {
        let Self { of, mut before } = self;
        (0..).map(ManifestId).zip(of).map(move |(id, fate)| (id, before.remove(&id).unwrap_or_default(), fate))
    }

    /// Every object that we made.
    pub fn made(&self) -> impl Iterator<Item = (ManifestId, &Made)> {
        let replaced = (0..).zip(&self.of).flat_map(|(id, fate)| {
            let (first, rest) = match fate {
                Fate::Replaced(first, rest) => (Some(&**first), rest.as_slice()),
                Fate::Edited(_) | Fate::Kept => (None, [].as_slice()),
            };
            first.into_iter().chain(rest).map(move |made| (ManifestId(id), made))
        });
        let put = self.before.iter();
        replaced.chain(put.flat_map(|(id, all)| all.iter().map(move |made| (*id, made))))
    }
}
