//! What a reference leads to, in the words in which an operator grants it.

use super::Address;

/// What a reference reaches.
pub struct Reach {
    /// The scheme.
    pub scheme: &'static str,
    /// The path that a grant's pattern is about.
    pub path: String,
    /// What leads to another place under the same path, by name: a region, an account, a namespace.
    pub turns: Vec<(String, String)>,
    /// The environment variable that it reads.
    pub variable: Option<String>,
    /// The reference, for messages.
    pub shown: String,
}

impl Reach {
    /// Of an address whose path says where it leads, and whose parameters may lead elsewhere.
    #[must_use]
    pub fn of(address: &Address) -> Self {
        let turns = address.parameters.iter().filter(|(name, _)| !SELECT.contains(&&**name));
        Self {
            scheme: address.scheme.0,
            path: address.path.to_string(),
            turns: turns.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            variable: None,
            shown: address.to_string(),
        }
    }
}

/// Parameters that choose within what the path names. Every other one leads elsewhere.
const SELECT: [&str; 5] = ["format", "in", "version", "version_id", "version_stage"];
