//! As whom, and with which keys, values are read under a grant: what the policy says, and nothing that is lying around.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::file::Grant;
use super::rules::Rules;
use crate::model::Pattern;

/// What a grant says of a source over what the policy says, by field.
pub(super) type Own<'p> = BTreeMap<&'p str, String>;

/// A grant in force.
pub struct Granted<'p> {
    rules: &'p Rules,
    grant: &'p Grant,
    project: &'p str,
}

impl<'p> Granted<'p> {
    pub(super) fn new(rules: &'p Rules, project: &'p str, number: usize) -> Option<Self> {
        Some(Self { rules, grant: rules.spec.grants.get(number)?, project })
    }

    /// The files of private keys that open encrypted files.
    pub fn identities(&self) -> impl Iterator<Item = String> {
        self.grant.identities.iter().map(|path| self.rules.path(path))
    }

    /// May this environment variable be read?
    #[must_use]
    pub fn has_variable(&self, name: &str) -> bool {
        self.grant.environment.iter().any(|known| known == name)
    }

    /// What the policy says of a source, and as whom this grant reads it. None: nothing, and it is not read.
    #[must_use]
    pub fn source(&self, scheme: &str) -> Option<(&'p Map<String, Value>, Own<'p>)> {
        let block = self.rules.spec.sources.get(scheme)?;
        let own = self.grant.identity.get(scheme);
        let filled =
            |(name, value): (&'p String, &'p String)| (name.as_str(), value.replace("{project}", self.project));
        Some((block, own.into_iter().flatten().map(filled).collect()))
    }

    /// Keys of services, and roles for them, that encrypted files may name.
    #[must_use]
    pub fn keys(&self) -> Vec<Pattern> {
        self.grant.keys.iter().map(|key| key.of(self.project)).collect()
    }
}

impl Rules {
    /// What sets the seals of a grant apart.
    pub(super) fn domain(&self, project: &str, grant: usize) -> String {
        let own = self.spec.grants.get(grant).and_then(|grant| grant.domain.clone());
        own.unwrap_or_else(|| project.to_owned())
    }
}
