//! How far a seal reaches: under which names and in which namespaces the controller opens it.
//!
//! Source: the README of bitnami-labs/sealed-secrets on scopes.

use super::seen::{Seen, Tell};
use crate::model::Scope;

pub(super) fn look(seen: &Seen, tell: Tell) {
    if seen.identity.group() != "bitnami.com" {
        return;
    }
    let scope = Scope::of(|name| seen.annotation(name).and_then(|node| seen.tree.text(node)) == Some("true"));
    let root = seen.tree.root();
    match scope {
        Scope::ClusterWide => {
            tell("seals/cluster-wide", root, "whoever may make a SealedSecret anywhere has it opened".to_owned());
        }
        Scope::NamespaceWide => {
            tell("seals/namespace-wide", root, "it is opened under any name of its namespace".to_owned());
        }
        Scope::Strict => {}
    }
    if scope != Scope::ClusterWide && seen.identity.namespace.is_none() {
        tell("seals/no-namespace", root, "it was sealed for one namespace, and writes none".to_owned());
    }
}
