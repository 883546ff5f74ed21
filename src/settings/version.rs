//! The release of External Secrets that will read what we write: some fields changed between releases.
//! Which and when: `api/v1` of external-secrets/external-secrets at each tag.

use serde::Deserialize;

/// Major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct EsoVersion(u32, u32);

impl TryFrom<String> for EsoVersion {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected a version such as \"2.9\" or \"v2.9.0\"")
    }
}

impl EsoVersion {
    /// Where the settings say nothing: the newest release whose fields are known.
    pub const NEWEST: Self = Self(2, 9);

    /// Reads `2.9`, `v2.9.0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.');
        let version = Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        let patch_is_number = numbers.next().is_none_or(|patch| patch.parse::<u32>().is_ok());
        (patch_is_number && numbers.next().is_none()).then_some(version)
    }

    /// The API version that it serves: `v1` came with 0.16, and `v1beta1` went with 0.17.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        if self < Self(0, 16) { "external-secrets.io/v1beta1" } else { "external-secrets.io/v1" }
    }

    /// 2.3 to 2.6 write `nullBytePolicy: Ignore` into every list item; others do not know it or do not.
    #[must_use]
    pub fn defaults_null_byte_policy(self) -> bool {
        (Self(2, 3)..=Self(2, 6)).contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(EsoVersion::parse("v2.4.1"), Some(EsoVersion(2, 4)));
        assert_eq!(EsoVersion::parse("0.15"), Some(EsoVersion(0, 15)));
        for text in ["", "2", "two.nine", "2.9.0.1", "2.x"] {
            assert_eq!(EsoVersion::parse(text), None, "{text}");
        }
        assert!(EsoVersion::parse("2.6.9").unwrap().defaults_null_byte_policy());
        assert!(!EsoVersion::NEWEST.defaults_null_byte_policy());
        assert_eq!(EsoVersion(0, 15).api_version(), "external-secrets.io/v1beta1");
    }
}
