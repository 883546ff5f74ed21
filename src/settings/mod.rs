//! What may be configured: the repository's side (`SecretTransform`), the choice of an environment, and
//! the operator's word on a plan.
//!
//! Receives texts that somebody else has read; gives back [`Settings`] and [`Allowed`]. Opens nothing.

mod checks;
mod consumer;
mod environment;
mod generator;
mod interval;
mod policy;
mod schema;
mod text;
mod transform;
mod version;

pub use checks::{Level, Vendored};
pub use consumer::{ConfigMaps, Consumer, Controller, HelmReleases, Reload, When};
pub use environment::{Chosen, Key, Public, Rewrite, Settings, StoreRule};
pub use generator::{Behavior, Generator, References};
pub use interval::Interval;
pub use policy::{Allowed, Builder, Claim, Claims, Granted, Need, Policy, Rules, SealrefPolicy, Tenant};
pub use schema::{KINDS, schema};
pub use transform::{Environment, Plaintext, Provided, SecretRule, Spec, Suffix, Transform};
pub use version::EsoVersion;
