//! The kustomizations that a build goes through, as far as they list sealref.

/// What one kustomization is to the one that is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Listed under `resources` (or the older `bases`).
    Base,
    /// Listed under `components`.
    Component,
    /// The one that is built.
    Outermost,
}

/// One kustomization.
pub struct Kustomization {
    /// Its file, as messages call it.
    pub name: String,
    /// What it is to the one that is built.
    pub role: Role,
    /// Its entries under `transformers`, in order.
    pub transformers: Vec<Transformer>,
}

/// One entry under `transformers`.
pub struct Transformer {
    /// The line of the entry, counted from 1.
    pub line: usize,
    /// True where the YAML itself stands there, not the name of a file.
    pub inline: bool,
    /// What it is of ours; None: it is none of ours.
    pub ours: Option<Layered>,
}

/// Whether layers above do the work again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layered {
    /// `layered` is not set.
    No,
    /// `layered: true`.
    Yes,
}
