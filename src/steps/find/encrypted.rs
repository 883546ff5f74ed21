//! Values of Secrets that SOPS has encrypted, before the build or in the files that a builder put into them: each becomes
//! a reference to the object that it stands in.

use crate::error::Problem;
use crate::model::{Address, Identity};
use crate::sites::Spot;
use crate::sources::{self, Encrypted};
use crate::yaml::{Kind, Tree};

/// What is encrypted in one Secret.
pub(super) struct Envelope<'e> {
    tree: &'e Tree<'e>,
    identity: &'e Identity,
    metadata: Metadata,
}

/// What is needed to open single values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Metadata {
    /// Entries of the Secret, made of a file of `NAME=value` lines.
    Entries,
    /// A field of the manifest.
    Field,
    /// Not there.
    None,
}

impl<'e> Envelope<'e> {
    /// Takes what is no value of the Secret out of its keys.
    pub(super) fn of(tree: &'e Tree, identity: &'e Identity, spots: &mut Vec<Spot>) -> Self {
        let entries = spots.iter().filter_map(|spot| Some((&*spot.key, spot.value.as_deref().ok()?)));
        let metadata = match () {
            () if is_sops(tree) => Metadata::Field,
            () if sources::are_encrypted_lines(entries) => Metadata::Entries,
            () => Metadata::None,
        };
        if metadata == Metadata::Entries {
            spots.retain(|spot| !sources::is_encryption_metadata(&spot.key));
        }
        Self { tree, identity, metadata }
    }

    /// What says that it is encrypted has something encrypted in it: else nobody would check what it says.
    pub(super) fn hollow(&self, spots: &[Spot]) -> Option<Problem> {
        let encrypted = || spots.iter().any(|spot| self.address(spot).is_some());
        (self.metadata != Metadata::None && !encrypted()).then(|| {
            Problem::new("the Secret says that SOPS has encrypted it, and no value of it is")
                .hint("take it from its history, or encrypt it again; a Secret in clear has no metadata of SOPS")
        })
    }

    /// The reference that a value stands for; None where it is not encrypted.
    pub(super) fn address(&self, spot: &Spot) -> Option<Result<Address<'static>, Problem>> {
        let raw = self.tree.raw(spot.node).unwrap_or_default().as_bytes();
        let decoded = spot.value.as_deref().unwrap_or_default();
        let within = || if decoded == raw { None } else { Encrypted::of(decoded) };
        let value = Encrypted::of(raw).or_else(within)?;
        if value == Encrypted::Value && self.metadata == Metadata::None {
            return Some(Err(Problem::new("the value is encrypted with SOPS, and what opens it is not in the object")
                .hint("encrypt each Secret as a document of its own; of an encrypted List nobody can read an item")));
        }
        let in_data =
            self.tree.get(self.tree.root(), "data").is_some_and(|data| self.tree.parent(spot.node) == Some(data));
        let field = if in_data { "data" } else { "stringData" };
        Some(Ok(sources::within(self.identity, field, &spot.key)))
    }
}

/// True where the object says that SOPS has encrypted it.
pub(in crate::steps) fn is_sops(tree: &Tree) -> bool {
    tree.get(tree.root(), sources::ENCRYPTION).is_some_and(|node| tree.kind(node) == Kind::Map)
}

/// What only the cluster's reader of names and kinds can use must not be encrypted.
pub(super) fn wholly(tree: &Tree, identity: &Identity) -> Option<Problem> {
    let hidden = |text: &str| Encrypted::of(text.as_bytes()).is_some();
    let metadata = tree.get(tree.root(), "metadata").filter(|_| identity.is("", "Secret"));
    let inside = |node| std::iter::successors(Some(node), |node| tree.parent(*node)).any(|node| Some(node) == metadata);
    let in_metadata = || tree.nodes().any(|node| inside(node) && tree.text(node).is_some_and(hidden));
    let says = [&identity.api_version, &identity.kind].into_iter().any(|text| hidden(text));
    (is_sops(tree) && (says || in_metadata())).then(|| {
        Problem::new("the object is encrypted as a whole, its kind or name too")
            .hint("encrypt only the values: encrypted_regex: ^(data|stringData)$ in .sops.yaml")
    })
}
