//! What stands for a Secret. A target never sees a value: it gets a function from template to ciphertext.
//!
//! A new target is one file here and two lines in this one.

mod external_secret;
mod metadata;
mod sealed_secret;

use crate::error::{Problem, all_known, meant};
use crate::model::{Identity, Makes, Provision, Template};
use crate::yaml::{Tree, Value};
pub use metadata::FREE;

/// Annotations that a Secret keeps from having been let go of; the first one is on it while it is.
pub const LEFT: [&str; 6] = {
    let [free, compare, sync, helm, flux] = metadata::HANDOVER;
    [free.0, sealed_secret::UNOWNED.0, compare.0, sync.0, helm.0, flux.0]
};

/// What the settings say that a target writes down.
pub struct Terms {
    /// `spec.refreshInterval`.
    pub refresh_interval: String,
    /// The `apiVersion` of an ExternalSecret.
    pub external_secrets: &'static str,
    /// Whether list items carry `nullBytePolicy`.
    pub null_byte_policy: bool,
    /// Whether the Secret in the cluster is let go of, for another kind to take.
    pub handover: bool,
    /// What a renderer writes down about the seals it made, empty where it made none.
    pub sealed_with: String,
}

/// From the key of an item and its template to base64 of the ciphertext.
pub type Seal<'s> = &'s dyn Fn(&str, &Template) -> Result<String, Problem>;

/// One kind of object that can stand for a Secret.
pub trait Target: Sync {
    /// The name in settings and annotations: its Kubernetes kind.
    fn name(&self) -> &'static str;

    /// True where values have to be known.
    fn seals(&self) -> bool;

    /// The condition that its controller sets once the Secret is there.
    fn condition(&self) -> &'static str;

    /// What such an object says of the Secret that it makes.
    ///
    /// # Errors
    /// It does not make the whole Secret.
    fn makes(&self, object: &Tree) -> Result<Makes, Problem>;

    /// The merge patch after which its controller owns the Secret no more and any other one may take it.
    ///
    /// # Errors
    /// No patch lets this one go without its value being lost.
    fn release(&self, object: &Tree) -> Result<Value<'static>, Problem>;

    /// Can it stand for this Secret? Asked when it is planned, before any value is known.
    fn can(&self, provision: &Provision) -> Result<(), Problem>;

    /// The objects that stand for the Secret, under its final name; the first one is the one that provides it.
    fn emit<'p>(
        &self,
        provision: &'p Provision,
        name: &'p str,
        terms: &'p Terms,
        seal: Seal,
    ) -> Result<Vec<(Identity, Value<'p>)>, Problem>;
}

/// All targets.
pub static TARGETS: &[&dyn Target] = &[&external_secret::ExternalSecret, &sealed_secret::SealedSecret];

/// The target with this name.
///
/// # Errors
/// There is none; the hint names the nearest, or all.
pub fn find(name: &str) -> Result<&'static dyn Target, Problem> {
    TARGETS.iter().find(|target| target.name() == name).copied().ok_or_else(|| {
        let hint = meant(name, TARGETS.iter().map(|target| target.name()), all_known);
        Problem::new(format!("no target is called \"{name}\"")).hint(hint)
    })
}

/// Does an annotation go into the Secret in the cluster, where controllers act on it?
#[must_use]
pub fn is_carried(annotation: &str) -> bool {
    metadata::is_carried(annotation)
}

/// The target for values that have to be known, and the one for values that need not be.
#[must_use]
pub fn default(seals: bool) -> Option<&'static dyn Target> {
    TARGETS.iter().find(|target| target.seals() == seals).copied()
}
