//! To which names a SealedSecret is bound.

use schemars::JsonSchema;
use serde::Deserialize;

/// To which names a SealedSecret is bound (`EncryptionLabel` in sealed-secrets).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Scope {
    /// Opens under any name in any namespace.
    ClusterWide,
    /// Opens under any name in its namespace.
    NamespaceWide,
    /// Opens under its own name and namespace alone.
    #[default]
    Strict,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::ClusterWide, Self::NamespaceWide, Self::Strict];

    /// The word of settings, reports and the derivation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClusterWide => "ClusterWide",
            Self::NamespaceWide => "NamespaceWide",
            Self::Strict => "Strict",
        }
    }

    /// The OAEP label: empty, `<namespace>`, or `<namespace>/<name>`.
    #[must_use]
    pub fn label(self, namespace: &str, name: &str) -> Vec<u8> {
        match self {
            Self::ClusterWide => Vec::new(),
            Self::NamespaceWide => namespace.into(),
            Self::Strict => format!("{namespace}/{name}").into(),
        }
    }

    /// The scope of an object of which it is known which annotations are set; cluster-wide wins, as in the controller.
    pub fn of(is_set: impl Fn(&str) -> bool) -> Self {
        Self::ALL.into_iter().find(|scope| scope.annotation().is_some_and(&is_set)).unwrap_or_default()
    }

    /// The annotation that must be `"true"` on the SealedSecret's own metadata; none for `Strict`.
    #[must_use]
    pub fn annotation(self) -> Option<&'static str> {
        match self {
            Self::ClusterWide => Some("sealedsecrets.bitnami.com/cluster-wide"),
            Self::NamespaceWide => Some("sealedsecrets.bitnami.com/namespace-wide"),
            Self::Strict => None,
        }
    }
}
