//! The stores of External Secrets: where an ExternalSecret is told to look.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Problem;
use crate::yaml::{self, Tree};

/// Which of the two kinds a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
pub enum StoreKind {
    /// Readable from every namespace that its conditions admit.
    #[serde(rename = "ClusterSecretStore")]
    Cluster,
    /// Of one namespace.
    #[default]
    #[serde(rename = "SecretStore")]
    Namespaced,
}

impl StoreKind {
    /// The Kubernetes kind.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "ClusterSecretStore",
            Self::Namespaced => "SecretStore",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Cluster, Self::Namespaced].into_iter().find(|kind| kind.name() == name)
    }
}

/// The name of a store as an ExternalSecret writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreRef {
    /// SecretStore or ClusterSecretStore.
    pub kind: StoreKind,
    /// `metadata.name` of the store.
    pub name: String,
}

/// What a store says of the server behind it: the one entry of `spec.provider`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct StoreProvider {
    /// `vault`, `aws`, `gcpsm`.
    pub kind: String,
    /// The provider's fields.
    pub fields: Value,
}

impl TryFrom<Map<String, Value>> for StoreProvider {
    type Error = &'static str;

    fn try_from(map: Map<String, Value>) -> Result<Self, Self::Error> {
        let mut entries = map.into_iter();
        match (entries.next(), entries.next()) {
            (Some((kind, fields)), None) => Ok(Self { kind, fields }),
            _ => Err("expected exactly one provider, such as {vault: {server: ..., path: kv, version: v2}}"),
        }
    }
}

impl StoreProvider {
    /// A text field of the provider.
    #[must_use]
    pub fn field(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// The keys of a map of the provider.
    pub fn names(&self, path: &[&str]) -> impl Iterator<Item = &str> {
        self.at(path).and_then(Value::as_object).into_iter().flat_map(|map| map.keys().map(String::as_str))
    }

    fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.fields, |at, step| at.get(step))
    }
}

/// A store that is known: its name, and its provider where somebody has said it.
#[derive(Clone)]
pub struct StoreSpec {
    /// How it is named.
    pub store: StoreRef,
    /// The namespace of a SecretStore, where it is written.
    pub namespace: Option<String>,
    /// None: the store stands elsewhere, and nobody has said what is behind it.
    pub provider: Option<StoreProvider>,
}

impl StoreSpec {
    /// The store that an object is, if it is one.
    pub fn read(tree: &Tree) -> Result<Option<Self>, Problem> {
        let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node));
        let Some(kind) = text(&["kind"]).and_then(StoreKind::parse) else { return Ok(None) };
        let ours = text(&["apiVersion"]).is_some_and(|version| version.starts_with("external-secrets.io/"));
        let Some(name) = text(&["metadata", "name"]).filter(|_| ours) else { return Ok(None) };
        let provider = match tree.at(tree.root(), &["spec", "provider"]) {
            None => None,
            Some(node) => Some(yaml::read(tree, node).map_err(|mistake| {
                Problem::new(mistake.message).hint("write it as External Secrets documents its stores")
            })?),
        };
        let namespace = text(&["metadata", "namespace"]).map(str::to_owned);
        Ok(Some(Self { store: StoreRef { kind, name: name.to_owned() }, namespace, provider }))
    }
}
