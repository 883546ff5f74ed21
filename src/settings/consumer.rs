//! What the settings say of objects that name Secrets: which they are, how they follow, how they learn of changes.

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::FieldPath;

/// What happens to references in ConfigMaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ConfigMaps {
    /// They are an error.
    #[default]
    Deny,
    /// The ConfigMap becomes a Secret, and what names it follows.
    Promote,
}

/// What happens to references in the values of HelmReleases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum HelmReleases {
    /// They are an error.
    #[default]
    Deny,
    /// They are lifted into a Secret that `spec.valuesFrom` names.
    Lift,
}

/// How workloads learn that a Secret has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    /// Who restarts them.
    pub controller: Controller,
    /// For which Secrets.
    #[serde(default)]
    pub when: When,
}

/// Who restarts workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Controller {
    /// Nobody: a keyed checksum in the pod template changes with the values.
    Checksum,
    /// Stakater Reloader, by an annotation that lists the Secrets.
    Reloader,
    /// Nobody: the Secret is immutable, and its name changes with the values.
    Suffix,
    /// Wave, by an annotation that asks it to look.
    Wave,
}

/// For which Secrets workloads restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum When {
    /// All that they use.
    Always,
    /// Those whose new content would not reach the pods otherwise: `env`, `envFrom`, `subPath`, init containers.
    #[default]
    Needed,
    /// None.
    Never,
}

/// A place where objects of a kind name a Secret.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// The API group; left out for the core group.
    #[serde(default)]
    pub group: String,
    /// The kind.
    pub kind: String,
    /// `spec/tls[]/secretName`: keys joined by `/`, `[]` behind a list, `*` for any key, `~1` for a slash.
    #[schemars(with = "String")]
    pub path: FieldPath,
}
