//! `sealref` reads rendered Kubernetes manifests, finds references to secrets, and replaces them with
//! SealedSecret or ExternalSecret objects, so that no plaintext reaches a manifest, a cache, a log or git.
//!
//! ```text
//! bytes in                                                                          bytes out
//!    |                                                                                  ^
//!   read -> find -> plan -> (policy) -> fetch -> emit -> rewire -> annotate -> check -> write
//! ```
//!
//! Singular nouns are what flows ([`model`]), verbs are the [`steps`], plurals are plug-ins
//! ([`grammars`], [`sites`], [`sources`], [`targets`], [`rules`], [`reports`], [`alerts`], [`hosts`]), and
//! [`outside`] is the world. [`yaml`] reads and writes text, [`seal`] encrypts, [`settings`] says what
//! may be. Arrows point one way: limits, error <- yaml <- model <- seal, settings, plug-ins <- steps
//! <- cli.

#![forbid(unsafe_code)]
#![warn(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::exit,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

pub mod alerts;
pub mod cli;
pub mod error;
pub mod grammars;
pub mod hosts;
pub mod limits;
pub mod model;
pub mod outside;
pub mod reports;
pub mod rules;
pub mod seal;
pub mod settings;
pub mod sites;
pub mod sources;
pub mod steps;
pub mod targets;
pub mod yaml;
