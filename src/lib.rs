//! `sealref` reads rendered Kubernetes manifests, finds references to secrets, and replaces them with
//! SealedSecret or ExternalSecret objects, so that no plaintext reaches a manifest, a cache, a log or git.

#![forbid(unsafe_code)]

pub mod error;
pub mod limits;
pub mod seal;
