//! The indirect ways to the value of a Secret: what somebody may do who then reads it without any right to secrets.
//!
//! Sources: the RBAC good practices and the authorization pages of Kubernetes; KEP-5284 (constrained impersonation);
//! the API groups of the operators that are named.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::yaml::{self, Syntax, Tree};

/// One way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// What it is called: `P1`.
    pub id: String,
    /// What somebody may do: `create pods`.
    pub what: String,
    /// How that leads to the value.
    pub why: String,
    /// Any of these suffices; of each all parts are needed.
    pub needs: Vec<Vec<Need>>,
}

/// One right: any of the verbs on any of the resources.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// A verb that ends in a colon stands for all that begin so.
    pub verbs: Vec<String>,
    /// The API group.
    #[serde(default)]
    pub group: String,
    /// `pods`, `pods/exec`; `userextras/*`: any of its subresources.
    pub resources: Vec<String>,
    /// Where it must hold.
    #[serde(default)]
    pub scope: Scope,
    /// Which names help, where a rule lists names.
    #[serde(default)]
    pub named: Named,
}

/// Where a right must hold.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Scope {
    /// Cluster-wide: the resource has no namespace.
    Cluster,
    /// In the namespace of the sealed-secrets controller.
    SealingKeys,
    /// In the Secret's namespace.
    #[default]
    Secret,
}

/// Which of the names that a rule lists help.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Named {
    /// Any object will do.
    #[default]
    Any,
    /// The request names none, so a rule with names never matches.
    Never,
    /// The Secret's own namespace.
    Namespace,
    /// A role that grants reading the Secret.
    Role,
    /// A ServiceAccount of the Secret's namespace that may read it.
    ServiceAccount,
    /// A signer that issues certificates for clients of the API server.
    Signer,
    /// A user or group that may read it.
    User,
}

/// All ways. P17 is asked only for Secrets that a SealedSecret provides. P20 (`*` as a verb holds impersonate, bind and
/// escalate) and P21 (roles that External Secrets aggregates to edit) are what matching and aggregation give anyway.
pub static PATHS: LazyLock<Vec<Path>> = LazyLock::new(|| {
    let tree = Tree::parse(include_str!("paths.yaml"), Syntax::Document);
    tree.ok().and_then(|tree| yaml::read(&tree, tree.root()).ok()).unwrap_or_default()
});
