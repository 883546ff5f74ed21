//! Who calls us, as data: a call becomes a [`Job`]. A host calls no step, and no step asks who the host is.

pub mod argocd;
pub mod builder;
pub mod flux;
pub mod helm;
pub mod krm;
pub mod kustomization;
pub mod kustomize_plugin;
pub mod policy;
mod settings;
pub mod stream;

pub use settings::{Certificates, Pinned, certificates, same_settings};

use crate::model::{Afterwards, Input, Source, StoreSpec};
use crate::settings::{Policy, Settings};

/// How the values of Secrets are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// References in them lead to values.
    #[default]
    References,
    /// They are values themselves, byte for byte.
    Verbatim,
}

/// What the caller has settled.
pub struct Terms {
    /// How the values of Secrets are read.
    pub reading: Reading,
    /// The namespace of objects that do not write one.
    pub namespace: Option<String>,
    /// The time, in seconds of the Unix epoch.
    pub now: i64,
    /// What is wanted with values.
    pub values: Wanted,
    /// What is done about what may be wrong.
    pub doubts: Doubts,
    /// Whether names will still change.
    pub names: Names,
    /// How what stands for an item of a block list is written.
    pub items: Items,
    /// What two Secrets of one name are.
    pub duplicates: Duplicates,
    /// Where warnings go.
    pub warnings: Told,
    /// What is done to the output before it is applied.
    pub afterwards: Afterwards,
}

/// What two Secrets of one name are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// A mistake.
    #[default]
    Refused,
    /// One for a hook and one for the rest, or one for each hook: they are there at different times.
    Tolerated,
}

/// Where warnings go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Into the `results` of the list that comes out, where there is one to tell them from.
    Results,
    /// To standard error.
    #[default]
    Stderr,
}

/// Whether names will still change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// They are not there yet: a builder asks for what it will name, and calls again.
    Early,
    /// They are as the cluster will see them.
    #[default]
    Final,
    /// A builder changes names, and the references to them, after us. It knows only Secrets, so a blank one, which it
    /// leaves out in the end, shadows each object that we make.
    Growing,
}

/// How what stands for an item of a block list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Items {
    /// As a block, for people and their comments.
    #[default]
    Blocks,
    /// As JSON in one line, which no reader takes for anything else.
    Lines,
}

/// What is wanted with values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing is fetched, and ciphertexts are the word `preview`.
    Preview,
    /// They are fetched and sealed.
    #[default]
    Sealed,
}

/// What is done about what may be wrong and need not be: a certificate that has expired or will soon, an encrypted
/// Secret of which nobody can tell whether something was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doubts {
    /// A warning: the controller still decrypts, and a rollback must render.
    #[default]
    Told,
    /// An error.
    Refused,
}

/// One run: what came in, what holds, what was settled.
pub struct Job {
    /// The manifests.
    pub input: Input,
    /// What holds.
    pub settings: Settings,
    /// Stores from the files that the settings name.
    pub stores: Vec<StoreSpec>,
    /// Rules about leaks from the file that the settings name.
    pub leak_rules: Option<Source>,
    /// What was settled.
    pub terms: Terms,
    /// What may be done.
    pub policy: Policy,
}
