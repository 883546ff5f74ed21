//! The stores of External Secrets: where an ExternalSecret is told to look.

use serde_json::{Map, Value};

use crate::error::Problem;
use crate::yaml::{self, Tree};

/// Which of the two kinds a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreKind {
    /// Readable from every namespace that its conditions admit.
    Cluster,
    /// Of one namespace.
    #[default]
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreRef {
    /// SecretStore or ClusterSecretStore.
    pub kind: StoreKind,
    /// `metadata.name` of the store.
    pub name: String,
}

/// What a store says of the server behind it: the one entry of `spec.provider`.
#[derive(Clone)]
pub struct StoreProvider {
    /// `vault`, `aws`, `gcpsm`.
    pub kind: String,
    /// The provider's fields.
    pub fields: Value,
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
        let ours = text(&["apiVersion"]).is_some_and(|version| version.starts_with("external-secrets.io/"));
        let kind = text(&["kind"]).and_then(StoreKind::parse).filter(|_| ours);
        let (Some(kind), Some(name)) = (kind, text(&["metadata", "name"])) else { return Ok(None) };
        let provider = match tree.at(tree.root(), &["spec", "provider"]) {
            None => None,
            Some(node) => {
                let map: Map<String, Value> = yaml::read(tree, node).map_err(|mistake| {
                    Problem::new(mistake.message).hint("write it as External Secrets documents its stores")
                })?;
                map.into_iter().next().map(|(kind, fields)| StoreProvider { kind, fields })
            }
        };
        let namespace = text(&["metadata", "namespace"]).map(str::to_owned);
        Ok(Some(Self { store: StoreRef { kind, name: name.to_owned() }, namespace, provider }))
    }
}
