//! Texts of the settings that have a form, checked where they stand, so that each mistake has its line.

use serde::Deserialize;

/// A text that reshuffles every ciphertext when it is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Epoch(pub(super) String);

impl TryFrom<String> for Epoch {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let good = text.len() <= 64 && text.chars().all(letters);
        good.then_some(Self(text)).ok_or("expected at most 64 of A-Z a-z 0-9 . _ - such as \"2026-11\"")
    }
}

/// The name of a variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Variable(pub(super) String);

impl TryFrom<String> for Variable {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let good = !name.is_empty() && name.chars().all(letters);
        good.then_some(Self(name)).ok_or("expected the name of a variable: letters, digits, _ and -")
    }
}

/// What a variable stands for: within one segment of a path, and never more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Segment(pub(super) String);

impl TryFrom<String> for Segment {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let more = |c: char| c.is_control() || matches!(c, '/' | '#' | '?' | '+' | '%' | '\\' | '{' | '}' | '*');
        let good = !text.is_empty() && text != "." && text != ".." && !text.contains(more);
        good.then_some(Self(text)).ok_or("expected one segment of a path, without / # ? + % \\ { } *")
    }
}

/// One end of a rewrite: a scheme and a pattern over its paths.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Link {
    pub(super) scheme: String,
    pub(super) path: String,
}

impl TryFrom<String> for Link {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once("://") {
            Some((scheme, path)) if !scheme.is_empty() && !path.is_empty() => {
                Ok(Self { scheme: scheme.to_owned(), path: path.to_owned() })
            }
            _ => Err("expected an address: SCHEME://PATH"),
        }
    }
}

/// Where in an object a name stands: keys joined by `/`, `[]` behind a list, `*` for any key, `~1` for a slash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FieldPath(String);

impl FieldPath {
    /// The path, without a slash at its beginning.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FieldPath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let path = text.strip_prefix('/').unwrap_or(&text);
        let good = path.split('/').all(|step| {
            let key = step.strip_suffix("[]").unwrap_or(step);
            !key.is_empty() && !key.contains(['[', ']', '{', '}'])
        });
        // Dots join keys elsewhere; here they are letters of a key, and no object's first key has one.
        let good = good && path.split('/').next().is_some_and(|first| !first.contains('.'));
        good.then(|| Self(path.to_owned())).ok_or("expected keys joined by slashes, such as spec/tls[]/secretName")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_stays_within_its_segment() {
        for (text, good) in [
            ("prod", true),
            ("a.b-c", true),
            ("a/b", false),
            ("..", false),
            ("", false),
            ("a%2fb", false),
            ("*", false),
        ] {
            assert_eq!(Segment::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn an_epoch_is_short_and_plain() {
        for (text, good) in [("", true), ("2026-11", true), ("a b", false), ("x/y", false)] {
            assert_eq!(Epoch::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
        assert!(Epoch::try_from("a".repeat(65)).is_err());
    }
}
