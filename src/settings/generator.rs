//! The shape of a `ReferenceGenerator`: a list of references from which a Secret is made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::transform::Name;

/// References that become a Secret without a manifest of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Generator {
    /// `sealref.dev/v1alpha1`.
    pub api_version: String,
    /// `ReferenceGenerator`.
    pub kind: String,
    /// Name and namespace of the Secret.
    pub metadata: Name,
    /// What is in it.
    pub spec: References,
}

impl Generator {
    /// The `kind`.
    pub const KIND: &str = "ReferenceGenerator";
}

/// What is in the Secret.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct References {
    /// `type` of the Secret.
    #[serde(rename = "type")]
    pub secret_type: Option<String>,
    /// Keys with references.
    pub data: BTreeMap<String, String>,
    /// Whole secrets whose every field becomes a key.
    pub data_from: Vec<String>,
    /// `KEY=PATH` or `PATH`: files, encrypted ones too, relative to the settings.
    pub files: Vec<String>,
    /// Files of `KEY=VALUE` lines.
    pub envs: Vec<String>,
    /// What kustomize's own generators know.
    pub options: Options,
}

/// What kustomize's own generators know.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Options {
    /// True: no hash behind the name.
    pub disable_name_suffix_hash: bool,
    /// What happens to a Secret of the name that is there.
    pub behavior: Behavior,
    /// `immutable` of the Secret.
    pub immutable: Option<bool>,
    /// `metadata.labels` of the Secret.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations` of the Secret.
    pub annotations: BTreeMap<String, String>,
}

/// What happens to a Secret of the name that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Behavior {
    /// It is an error.
    #[default]
    Create,
    /// It gets the keys of this one.
    Merge,
    /// It is replaced.
    Replace,
}

impl Behavior {
    /// The word of kustomize.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
}
