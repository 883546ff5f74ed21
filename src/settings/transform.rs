//! The shape of a `SecretTransform`: the repository's side of the settings, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::{Level, Vendored};
use super::consumer::{ConfigMaps, Consumer, HelmReleases, Reload};
use super::text::{Epoch, Link, Segment, Variable};
use super::{EsoVersion, Interval};
use crate::model::{Pattern, Scope, StoreProvider, StoreRef};

/// The settings of a repository: a file `.sealref.yaml`, or one given by `--config`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Transform {
    /// `sealref.dev/v1alpha1`.
    pub api_version: String,
    /// `SecretTransform`.
    pub kind: String,
    /// The name, for messages.
    #[serde(default)]
    pub metadata: Option<Name>,
    /// What is set.
    #[serde(default)]
    pub spec: Spec,
}

impl Transform {
    /// The `apiVersion` of all kinds of sealref.
    pub const API_VERSION: &str = "sealref.dev/v1alpha1";
    /// The `kind`.
    pub const KIND: &str = "SecretTransform";
}

/// `metadata`; labels and annotations are for others.
#[derive(Deserialize, JsonSchema)]
pub struct Name {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// What is set; everything may be left out.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Spec {
    /// Another file of settings, relative to this one. Maps are merged, lists and the rest replaced.
    pub extends: Option<String>,
    /// The environment, unless one is chosen on the command line.
    pub environment: Option<String>,
    /// The cluster, unless the command line, or the environment that is chosen, names one.
    pub cluster: Option<String>,
    /// What stands for a Secret whose references are of a scheme, where it differs from the default.
    pub targets: BTreeMap<String, String>,
    /// Which store an ExternalSecret looks into. The first rule that matches is taken.
    pub stores: Option<Vec<Store>>,
    /// Files with SecretStores and ClusterSecretStores, relative to this file.
    pub store_files: Option<Vec<String>>,
    /// How often External Secrets fetches again: `1h`, `15m`.
    #[schemars(with = "Option<String>")]
    pub refresh_interval: Option<Interval>,
    /// The release of External Secrets in the cluster: `2.9`.
    #[schemars(with = "Option<String>")]
    pub eso_version: Option<EsoVersion>,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// The environments by name; one is chosen with `--environment`.
    pub environments: BTreeMap<String, Environment>,
    /// How values are sealed.
    pub sealing: Sealing,
    /// True: every kustomization that builds on another has this transformer, and each does the work again. Then every
    /// value must be a reference.
    pub layered: Option<bool>,
    /// What is put behind the names that kustomize would put a hash behind.
    pub suffix: Option<Suffix>,
    /// True: nothing owns the Secrets in the cluster and no tool prunes them, for as long as they move to another kind.
    pub handover: Option<bool>,
    /// What happens to literal values in Secrets.
    pub plaintext: Option<Plaintext>,
    /// What holds for some Secrets only. The first rule that matches is taken.
    pub secrets: Option<Vec<SecretRule>>,
    /// Secrets that something outside the stream provides.
    pub provided: Option<Vec<Provided>>,
    /// What happens to references in ConfigMaps.
    pub config_maps: Option<ConfigMaps>,
    /// What happens to references in the values of HelmReleases.
    pub helm_releases: Option<HelmReleases>,
    /// How workloads learn that a Secret has changed; left out: not from us.
    pub reload: Option<Reload>,
    /// Objects that name Secrets, beyond those that sealref knows.
    pub consumers: Option<Vec<Consumer>>,
    /// How grave the findings of rules are, by their ids: `rbac/cluster-admin: Warning`.
    pub rules: BTreeMap<String, Level>,
    /// Rules about leaks as gitleaks has them: a file `.gitleaks.toml`, relative to this one.
    pub leak_rules: Option<String>,
    /// Objects that others have written: what rules find in them is less grave.
    pub vendored: Option<Vec<Vendored>>,
}

/// A rule that names a store.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Which references.
    #[serde(rename = "match")]
    pub matches: StoreMatch,
    /// Which store.
    #[serde(rename = "use")]
    pub store: StoreRef,
    /// `spec.provider` of that store, where the store itself stands elsewhere.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub provider: Option<StoreProvider>,
}

/// Which references a store rule is for.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreMatch {
    /// The scheme of the reference.
    pub scheme: String,
    /// A pattern over the path: `*` within a segment, `**` over any number of segments.
    #[serde(default)]
    pub path: Option<String>,
    /// Parameters with these values.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// A cluster.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The certificate of its sealed-secrets controller: a file relative to this one, or the PEM itself.
    pub certificate: String,
}

/// An environment.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// The cluster it runs in.
    pub cluster: Option<String>,
    /// What `{name}` in the path of a reference stands for.
    #[schemars(with = "BTreeMap<String, String>")]
    pub variables: BTreeMap<Variable, Segment>,
    /// Where references lead instead. The first that matches is taken.
    pub rewrites: Vec<RewriteRule>,
}

/// From one address to another.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RewriteRule {
    /// `vault://kv/**`.
    #[schemars(with = "String")]
    pub from: Link,
    /// `file://local/**`.
    #[schemars(with = "String")]
    pub to: Link,
}

/// How values are sealed.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sealing {
    /// The certificate, where there is one cluster: a file relative to this one, or the PEM itself.
    pub certificate: Option<String>,
    /// The sealing key.
    pub key: Option<KeySource>,
    /// The sealing key before it, while it is being replaced: names and checksums that follow from values still follow
    /// from it, so that nothing restarts.
    #[serde(rename = "previousKey")]
    pub previous_key: Option<KeySource>,
    /// To which names SealedSecrets are bound.
    pub scope: Option<Scope>,
    /// A text that reshuffles every ciphertext when it is changed.
    #[schemars(with = "Option<String>")]
    pub epoch: Option<Epoch>,
    /// True: fresh random ciphertexts at every render, and no sealing key.
    pub randomised: Option<bool>,
}

/// Where the sealing key is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum KeySource {
    /// The data keys of the SOPS files that the values come from; no key of its own.
    FromSops,
    /// An age file, relative to this one.
    #[serde(rename = "age")]
    Age(String),
    /// An environment variable.
    #[serde(rename = "env")]
    Env(String),
    /// A file: an absolute path outside of the repository, or one relative to this file.
    #[serde(rename = "file")]
    File(String),
}

/// What is put behind the names that kustomize would put a hash behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Suffix {
    /// A keyed hash of the values; of an object that holds none, a hash of what it says.
    #[default]
    Hmac,
    /// Nothing: a changed value then restarts no workload.
    None,
}

/// What happens to literal values in Secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Plaintext {
    /// They are an error.
    #[default]
    Deny,
    /// The Secret goes out as it is.
    Pass,
    /// They are sealed.
    Seal,
}

/// What holds for some Secrets only.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretRule {
    /// Which Secrets.
    #[serde(rename = "match")]
    pub matches: Named,
    /// What happens to their literal values.
    #[serde(default)]
    pub plaintext: Option<Plaintext>,
    /// Keys whose literal values are public.
    #[serde(default)]
    pub public_keys: Vec<String>,
    /// What stands for them.
    #[serde(default)]
    pub target: Option<String>,
    /// Why; required where `plaintext` is `Pass`.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Named {
    /// Does it match an object?
    pub fn matches(&self, name: &str, namespace: Option<&str>, label: &dyn Fn(&str) -> Option<String>) -> bool {
        let fits = |pattern: &Option<Pattern>, text| pattern.as_ref().is_none_or(|pattern| pattern.matches(text));
        fits(&self.name, name)
            && fits(&self.namespace, namespace.unwrap_or(""))
            && self.labels.iter().all(|(key, value)| label(key).as_deref() == Some(value))
    }
}

/// Objects by name, namespace and labels; what is left out matches everything.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Named {
    /// A pattern: `grafana-*`.
    #[schemars(with = "Option<String>")]
    pub name: Option<Pattern>,
    /// A pattern.
    #[schemars(with = "Option<String>")]
    pub namespace: Option<Pattern>,
    /// Labels with these values.
    pub labels: BTreeMap<String, String>,
}

/// A Secret that something outside the stream provides.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provided {
    /// A pattern: `*-tls`.
    #[schemars(with = "String")]
    pub name: Pattern,
    /// A pattern.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub namespace: Option<Pattern>,
    /// Who provides it.
    pub by: String,
}

impl Spec {
    /// These settings over those they extend: maps merged entry by entry, the rest replaced.
    #[must_use]
    pub fn over(mut self, mut base: Spec) -> Spec {
        base.targets.append(&mut self.targets);
        base.clusters.append(&mut self.clusters);
        base.environments.append(&mut self.environments);
        base.rules.append(&mut self.rules);
        let sealing = Sealing {
            certificate: self.sealing.certificate.or(base.sealing.certificate),
            key: self.sealing.key.or(base.sealing.key),
            previous_key: self.sealing.previous_key.or(base.sealing.previous_key),
            scope: self.sealing.scope.or(base.sealing.scope),
            epoch: self.sealing.epoch.or(base.sealing.epoch),
            randomised: self.sealing.randomised.or(base.sealing.randomised),
        };
        Spec {
            extends: None,
            environment: self.environment.or(base.environment),
            cluster: self.cluster.or(base.cluster),
            targets: base.targets,
            stores: self.stores.or(base.stores),
            store_files: self.store_files.or(base.store_files),
            refresh_interval: self.refresh_interval.or(base.refresh_interval),
            eso_version: self.eso_version.or(base.eso_version),
            clusters: base.clusters,
            environments: base.environments,
            sealing,
            layered: self.layered.or(base.layered),
            suffix: self.suffix.or(base.suffix),
            handover: self.handover.or(base.handover),
            plaintext: self.plaintext.or(base.plaintext),
            secrets: self.secrets.or(base.secrets),
            provided: self.provided.or(base.provided),
            config_maps: self.config_maps.or(base.config_maps),
            helm_releases: self.helm_releases.or(base.helm_releases),
            reload: self.reload.or(base.reload),
            consumers: self.consumers.or(base.consumers),
            rules: base.rules,
            leak_rules: self.leak_rules.or(base.leak_rules),
            vendored: self.vendored.or(base.vendored),
        }
    }

    /// Makes every path that stands in these settings relative to another folder.
    pub fn move_paths(&mut self, to: &dyn Fn(&str) -> String) {
        let file = |path: &mut String| {
            if !is_pem(path) {
                *path = to(path);
            }
        };
        self.store_files.iter_mut().flatten().for_each(file);
        self.leak_rules.iter_mut().for_each(file);
        self.clusters.values_mut().for_each(|cluster| file(&mut cluster.certificate));
        self.sealing.certificate.iter_mut().for_each(file);
        for key in [&mut self.sealing.key, &mut self.sealing.previous_key] {
            match key {
                Some(KeySource::Age(path) | KeySource::File(path)) => file(path),
                Some(KeySource::Env(_) | KeySource::FromSops) | None => {}
            }
        }
    }
}

/// True where a certificate stands in the settings itself.
pub(super) fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN")
}
