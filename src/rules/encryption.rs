//! How the API server encrypts what it stores.
//!
//! Source: kubernetes.io, "Encrypting Confidential Data at Rest".

use super::seen::{Seen, Tell};
use crate::yaml::NodeId;

pub(super) fn look(seen: &Seen, tell: Tell) {
    if !seen.identity.is("apiserver.config.k8s.io", "EncryptionConfiguration") {
        return;
    }
    let mut covered = false;
    for entry in seen.each("resources[]") {
        let resources = seen.below(entry, "resources[]");
        let covers = |node: &NodeId| matches!(seen.tree.text(*node), Some("secrets" | "*." | "*.*"));
        let secrets = resources.iter().any(covers);
        covered |= secrets;
        let providers = seen.below(entry, "providers[]");
        let Some(first) = providers.first() else { continue };
        let is = |kind: &str| seen.tree.get(*first, kind).is_some();
        if secrets && is("identity") {
            tell("encryption/identity-first", *first, "Secrets are written without encryption".to_owned());
        }
        if is("aescbc") || is("aesgcm") {
            let message = "aescbc is open to padding attacks, and aesgcm needs a new key every 200,000 writes";
            tell("encryption/weak-cipher", *first, message.to_owned());
        }
        for kms in providers.iter().flat_map(|provider| seen.below(*provider, "kms")) {
            if seen.text_below(kms, "apiVersion") != Some("v2") {
                tell("encryption/kms-v1", kms, "it is version 1 of the interface to key services".to_owned());
            }
        }
        for key in providers.iter().flat_map(|provider| seen.below(*provider, "*/keys[]/secret")) {
            if seen.tree.raw(key).is_some_and(|text| !text.is_empty()) {
                tell("encryption/key-in-stream", key, "the key that encrypts all Secrets stands here".to_owned());
            }
        }
    }
    if !covered {
        tell("encryption/secrets-missing", seen.tree.root(), "no entry is about secrets".to_owned());
    }
}
