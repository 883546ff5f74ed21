//! What will stand for each Secret, decided before any value is known.

use std::borrow::Cow;

use super::{Identity, Lookup, ManifestId, Opaque, Place, Reference, Scope, StoreRef, Template};

/// The name of a target as the registry of targets has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetName(pub &'static str);

/// Where a provision comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Lifted out of this workload; goes before it.
    Lifted(ManifestId),
    /// Stands for this ConfigMap.
    Promoted(ManifestId),
    /// Stands for this Secret.
    Replaced(ManifestId),
}

impl Origin {
    /// The manifest it comes from.
    #[must_use]
    pub fn manifest(self) -> ManifestId {
        match self {
            Self::Lifted(id) | Self::Promoted(id) | Self::Replaced(id) => id,
        }
    }
}

/// Labels and annotations as they came in, in order.
#[derive(Clone, Default)]
pub struct Metadata {
    /// `metadata.labels`.
    pub labels: Vec<(String, String)>,
    /// `metadata.annotations`.
    pub annotations: Vec<(String, String)>,
}

impl Metadata {
    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Adds to what an annotation says; several words of one are joined by commas.
    fn annotate(&mut self, name: &str, word: &str) {
        match self.annotations.iter_mut().find(|(key, _)| key == name) {
            Some((_, text)) if text.split(',').any(|known| known.trim() == word) => {}
            Some((_, text)) if text.is_empty() => word.clone_into(text),
            Some((_, text)) => *text = format!("{text},{word}"),
            None => self.annotations.push((name.to_owned(), word.to_owned())),
        }
    }
}

/// A value that was found at a site; in a provision, one key of its Secret.
pub struct Item<'t> {
    /// The key that it has, or will have, in a Secret.
    pub key: Cow<'t, str>,
    /// Where its value stands.
    pub place: Place,
    /// What it says.
    pub template: Template<'t>,
}

/// One Secret to be provided.
pub struct Provision<'t> {
    /// Where it comes from.
    pub origin: Origin,
    /// What a layer below made of the same Secret, and what this one stands for.
    pub supersedes: Option<ManifestId>,
    /// The Secret it provides: kind `Secret`, its namespace, and its name without what `emit` puts behind it.
    pub secret: Cow<'t, Identity>,
    /// The name under which it came in, where it goes out under another.
    pub base: Option<String>,
    /// Labels and annotations of the Secret.
    pub metadata: Metadata,
    /// `type` of the Secret, where it is written.
    pub secret_type: Option<String>,
    /// `immutable` of the Secret, where it is written.
    pub immutable: Option<bool>,
    /// What will stand for it.
    pub target: TargetName,
    /// The stores its references look into; references name them by number.
    pub stores: Vec<StoreRef>,
    /// Its keys, in order.
    pub items: Vec<Item<'t>>,
    /// Whole secrets whose every property becomes a key.
    pub extracts: Vec<Reference<'t>>,
    /// To what its values are bound, where the target seals.
    pub scope: Scope,
    /// What sets its seals apart from those of other tenants; empty without a policy.
    pub domain: String,
}

impl<'t> Provision<'t> {
    /// A Secret of these keys, for which nothing else is settled yet.
    #[must_use]
    pub fn new(
        origin: Origin,
        secret: Cow<'t, Identity>,
        metadata: Metadata,
        items: Vec<Item<'t>>,
        scope: Scope,
    ) -> Self {
        Self {
            origin,
            supersedes: None,
            secret,
            base: None,
            metadata,
            secret_type: None,
            immutable: None,
            target: TargetName(""),
            stores: vec![],
            items,
            extracts: vec![],
            scope,
            domain: String::new(),
        }
    }

    /// Gives back what it was made of, and keeps what it is called and where it comes from: that is asked still.
    pub fn empty(&mut self) {
        (self.items, self.extracts, self.stores) = (vec![], vec![], vec![]);
        (self.metadata, self.secret_type) = (Metadata::default(), None);
    }

    /// Every reference of the provision.
    pub fn references(&self) -> impl Iterator<Item = &Reference<'t>> {
        let items = self.items.iter().flat_map(|item| item.template.references());
        items.chain(&self.extracts)
    }

    /// Does it hold values that a generator makes once?
    #[must_use]
    pub fn is_made_once(&self) -> bool {
        self.references().any(|one| matches!(&one.lookup, Some(Lookup::Generated(generator)) if !generator.again))
    }
}

/// All that is decided.
#[derive(Default)]
pub struct Plan<'t> {
    /// The Secrets to be provided, in the order of the stream.
    pub provisions: Vec<Provision<'t>>,
    /// Values of workloads that change.
    pub lifts: Vec<Lift>,
    /// Secrets that pass as they are, with the reason.
    pub passing: Vec<(ManifestId, &'static str)>,
}

impl Plan<'_> {
    /// Gives a Secret the name of its content: it never changes and is never pruned, so that a rollback finds it.
    pub fn suffix(&mut self, number: usize, suffix: &str) {
        let Some(provision) = self.provisions.get_mut(number) else { return };
        let name = format!("{}-{suffix}", provision.secret.name);
        let base = std::mem::replace(&mut provision.secret.to_mut().name, name.clone());
        provision.immutable = Some(true);
        for (key, value) in KEPT {
            // Those of Argo CD are lists; the others have one value.
            if key.starts_with("argocd.") {
                provision.metadata.annotate(key, value);
            } else {
                provision.metadata.annotations.retain(|(name, _)| name != key);
                provision.metadata.annotations.push((key.to_owned(), value.to_owned()));
            }
        }
        let own = provision.origin;
        for lift in &mut self.lifts {
            match lift {
                Lift::Key { places, name: lifted, .. }
                    if *lifted == base && places.iter().all(|place| own == Origin::Lifted(place.manifest)) =>
                {
                    lifted.clone_from(&name);
                }
                Lift::Key { .. } | Lift::Text { .. } => {}
            }
        }
        provision.base = Some(base);
    }
}

/// What keeps an object that is no longer in the stream, and its application in sync: Argo CD, Flux, Helm.
pub const KEPT: [(&str, &str); 4] = [
    ("argocd.argoproj.io/compare-options", "IgnoreExtraneous"),
    ("argocd.argoproj.io/sync-options", "Prune=false"),
    ("helm.sh/resource-policy", "keep"),
    ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
];

/// A value of a workload that changes.
pub enum Lift {
    /// It comes from a key of a lifted Secret.
    Key {
        /// Where it stands, in one manifest.
        places: Vec<Place>,
        /// The lifted Secret.
        name: String,
        /// Its key.
        key: String,
    },
    /// It loses the mark of an escape.
    Text {
        /// Where the value stands.
        place: Place,
        /// What it says without the mark.
        text: String,
    },
}

impl Lift {
    /// The text of a value that holds escapes and no reference.
    #[must_use]
    pub fn text(template: &Template, place: Place) -> Self {
        Self::Text { place, text: template.literals().filter_map(Opaque::text).collect() }
    }

    /// Where it stands; several values of one key stand in one manifest.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        match self {
            Self::Key { places, .. } => places,
            Self::Text { place, .. } => std::slice::from_ref(place),
        }
    }
}
