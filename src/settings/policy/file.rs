//! The shape of a `SealrefPolicy`: the operator's side of the settings, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::tenant::TenantEntry;
use super::text::{AbsolutePath, Projects, Segments};
use crate::model::{Pattern, Reach, Scope, StoreRef};
use crate::settings::transform::{Cluster, Name, Store};
use crate::settings::{Interval, Transform};

/// What projects may do: a file given by `--policy`, or named by `SEALREF_POLICY`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SealrefPolicy {
    /// `sealref.dev/v1alpha1`.
    pub api_version: String,
    /// `SealrefPolicy`.
    pub kind: String,
    /// The name, for messages.
    #[serde(default)]
    pub metadata: Option<Name>,
    /// What holds.
    pub spec: PolicySpec,
}

impl SealrefPolicy {
    /// The `apiVersion`.
    pub const API_VERSION: &str = Transform::API_VERSION;
    /// The `kind`.
    pub const KIND: &str = "SealrefPolicy";
}

/// What holds. Paths of files are absolute, or relative to the policy.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PolicySpec {
    /// Files of tenants: `tenants/*.yaml`, each document of which is one.
    pub tenant_files: Option<String>,
    /// Tenants beside those of files.
    pub tenants: Vec<TenantEntry>,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// The stores, and what is behind each.
    pub stores: Vec<Store>,
    /// Who may do what. What nothing grants is refused.
    pub grants: Vec<Grant>,
    /// The servers from which values are read, by their scheme.
    pub sources: BTreeMap<String, serde_json::Map<String, Value>>,
    /// How values are sealed.
    pub sealing: PolicySealing,
    /// The programs that build manifests.
    pub builders: Builders,
    /// Annotations that a Secret may carry into the cluster: patterns such as `example.com/*`. Others are refused, for
    /// some make controllers copy Secrets.
    #[schemars(with = "Vec<String>")]
    pub annotations: Vec<Pattern>,
    /// The rules that an annotation `sealref.dev/allow.*` may switch off.
    pub suppress: Vec<String>,
    /// No ExternalSecret is fetched more often than this.
    #[schemars(with = "Option<String>")]
    pub minimum_refresh_interval: Option<Interval>,
}

/// What some projects may do. It judges a Secret as a whole: no part of it is granted elsewhere.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Grant {
    /// Whole names of projects, or `*`.
    #[schemars(with = "Vec<String>")]
    pub projects: Vec<Projects>,
    /// Where its objects may go; left out: into the tenant's namespaces.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub namespaces: Option<Vec<Segments>>,
    /// The references that may be followed.
    #[serde(default)]
    pub read: Vec<Read>,
    /// The stores that an ExternalSecret may name.
    #[serde(default)]
    pub stores: Vec<StoreRef>,
    /// What may stand for a Secret.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The programs that may build its manifests.
    #[serde(default)]
    pub builders: Vec<Builder>,
    /// The clusters that may be chosen.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// To what seals may be bound.
    #[serde(default = "strict")]
    pub scopes: Vec<Scope>,
    /// Environment variables that may be read.
    #[serde(default)]
    pub environment: Vec<String>,
    /// Keys of services that encrypted files may name, and roles for them: ARNs, resources, URLs.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub keys: Vec<Segments>,
    /// Folders of the repository whose files may be read; left out: the Application's own.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub file_roots: Vec<Segments>,
    /// As whom values are read, by scheme: `{vault: {role: "sealref-{project}"}}`.
    #[serde(default, rename = "as")]
    pub identity: BTreeMap<String, BTreeMap<String, String>>,
    /// Files of private keys that open encrypted files.
    #[serde(default)]
    pub identities: Vec<String>,
    /// What sets its seals apart; left out: the project.
    #[serde(default)]
    pub domain: Option<String>,
    /// True: literal values may be sealed (`plaintext: Seal`).
    #[serde(default)]
    pub seal_plaintext: bool,
    /// Keys whose literal values may stay public.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub public_keys: Vec<Pattern>,
    /// Kinds of objects beside ExternalSecrets and stores that may be written by hand: `VaultStaticSecret`.
    #[serde(default)]
    pub objects: Vec<String>,
}

fn strict() -> Vec<Scope> {
    vec![Scope::Strict]
}

/// References that may be followed.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Their scheme.
    pub scheme: String,
    /// A pattern over their paths: `*` within a segment, `**` over any number of them, `{project}` a whole one.
    #[schemars(with = "String")]
    pub path: Segments,
    /// Where else they may lead, by parameter: `region`, `namespace`, and `account` of an ARN. What is left out may not
    /// stand in a reference.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub parameters: BTreeMap<String, Segments>,
}

impl Read {
    /// Does a reference stay within?
    pub(super) fn meets(&self, project: &str, reach: &Reach) -> bool {
        let granted = |(name, value): &(String, String)| {
            self.parameters.get(name).is_some_and(|pattern| pattern.of(project).matches(value))
        };
        // What an escape that was not undone means, only its server knows.
        let plain = !reach.path.contains('%');
        plain
            && self.scheme == reach.scheme
            && self.path.of(project).matches(&reach.path)
            && reach.turns.iter().all(granted)
    }

    /// As a reference is written.
    pub(super) fn shown(&self, project: &str) -> String {
        let pairs = self.parameters.iter().map(|(name, value)| format!("{name}={}", value.shown(project)));
        let pairs: Vec<String> = pairs.collect();
        let pairs = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        format!("{}://{}{pairs}", self.scheme, self.path.shown(project))
    }
}

/// How values are sealed.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySealing {
    /// The sealing key.
    pub key: Option<KeyFile>,
    /// The sealing key before it, while it is being replaced: names and checksums still follow from it.
    #[serde(rename = "previousKey")]
    pub previous_key: Option<KeyFile>,
}

/// A file that holds a key.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Its path.
    pub file: String,
}

/// A program that builds manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Builder {
    /// `helm template`.
    Helm,
    /// `kustomize build`.
    Kustomize,
}

/// Where the programs are: absolute paths.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Builders {
    #[schemars(with = "Option<String>")]
    helm: Option<AbsolutePath>,
    #[schemars(with = "Option<String>")]
    kustomize: Option<AbsolutePath>,
}

impl Builders {
    /// Where a program is.
    #[must_use]
    pub fn path(&self, builder: Builder) -> Option<&str> {
        let path = match builder {
            Builder::Helm => &self.helm,
            Builder::Kustomize => &self.kustomize,
        };
        path.as_ref().map(AbsolutePath::as_str)
    }
}
