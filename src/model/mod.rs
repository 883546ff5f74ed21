//! What flows: plain data without input or output, clock or randomness.
//!
//! Bytes become a [`Stream`] of [`Manifest`]s; what stands in them becomes [`Template`]s of
//! [`Reference`]s and an [`Inventory`]; those become a [`Plan`]; a plan becomes [`Fates`].
//! Nothing here has `Debug`: the text of manifests is presumed secret.

mod afterwards;
mod ask;
mod base64;
mod cloud;
mod excerpt;
mod fate;
mod inventory;
mod key_secret;
mod kustomization;
mod lineage;
mod makes;
mod manifest;
mod mark;
mod master_key;
mod pattern;
mod plan;
mod reach;
mod reference;
mod scope;
mod secret;
mod severity;
mod store;

pub use afterwards::{Afterwards, Change, FILLED_IN, Selects, is_filled_in};
pub use ask::{Ask, Keep, Method, Reply, Request, Tls, Wire, Wrapped};
pub use base64::unbase64;
pub use cloud::{AwsCall, AwsIdentity, AwsService, Cloud};
pub use fate::{Fate, Fates, Made};
pub use inventory::{Form, Inventory, Object, Provider, Refresh, Use, each};
pub use key_secret::{ACTIVE, KEY_LABEL, KeySecret};
pub use kustomization::{Kustomization, Layered, Role, Transformer};
pub use lineage::{GUARD, HASHED, LOCAL, MASK, SHADOW, is_mask};
pub use makes::Makes;
pub use manifest::{
    IGNORE, Identity, Input, Manifest, ManifestId, Place, STDIN, Source, Stream, annotation, annotation_key, ignored,
};
pub use mark::{LAST_APPLIED, SEALED_FOR, SEALED_WITH, unhashed};
pub use master_key::MasterKey;
pub use pattern::Pattern;
pub use plan::{Item, KEPT, Lift, Metadata, Origin, Plan, Provision, TargetName};
pub use reach::Reach;
pub use reference::{Address, Generator, Lookup, Opaque, Part, Raw, Reference, Remote, Scheme, Template, escaped};
pub use scope::Scope;
pub use secret::{DataKey, Keys, Payload, Secret, Values, Watch};
pub use severity::Severity;
pub use store::{StoreKind, StoreProvider, StoreRef, StoreSpec};
