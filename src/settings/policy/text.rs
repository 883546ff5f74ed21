//! Texts of a policy that have a form, checked where they stand, so that each mistake has its line.

use serde::Deserialize;

use crate::model::Pattern;

/// Where a pattern stands for whoever asks: always a whole segment, so that `team` is never `team-a`.
const PROJECT: &str = "{project}";

/// A pattern over whole segments, for each project that asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Segments(String);

impl Segments {
    /// The pattern for one project.
    #[must_use]
    pub fn of(&self, project: &str) -> Pattern {
        Pattern::new(&self.shown(project))
    }

    /// The same as a text.
    #[must_use]
    pub fn shown(&self, project: &str) -> String {
        self.0.replace(PROJECT, project)
    }
}

impl TryFrom<String> for Segments {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let braces = |segment: &str| segment.contains(['{', '}']);
        let climbs = |segment: &str| matches!(segment, "." | "..");
        let strange = |c: char| c.is_control() || matches!(c, '%' | '\\');
        match () {
            () if text.is_empty() => Err("expected a pattern such as kv/{project}/**"),
            () if text.split('/').any(|segment| segment != PROJECT && braces(segment)) => {
                Err("expected {project} as a whole segment: kv/{project}/**, and no other braces")
            }
            () if text.split('/').any(climbs) || text.contains(strange) => {
                Err("expected a pattern without . or .. as a segment, % and \\")
            }
            () => Ok(Self(text)),
        }
    }
}

/// The name of a project or a namespace, as Kubernetes has them (RFC 1123).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let good = text.chars().all(letters) && ends(text.chars().next()) && ends(text.chars().next_back());
        (good && text.len() <= 253).then_some(Self(text)).ok_or("expected a name: a-z 0-9 . - such as payments-dev")
    }
}

/// Which projects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Projects {
    /// Every project.
    All,
    /// One.
    One(Name),
}

impl Projects {
    /// Is the project one of them?
    #[must_use]
    pub fn has(&self, project: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => name.0 == project,
        }
    }
}

impl TryFrom<String> for Projects {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "*" {
            return Ok(Self::All);
        }
        Name::try_from(text).map(Self::One).map_err(|_| "expected the whole name of a project, or \"*\" for all")
    }
}

/// A path from the root of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct AbsolutePath(String);

impl AbsolutePath {
    /// The path.
    #[must_use]
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AbsolutePath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = text.starts_with('/') && !text.split('/').any(|step| step == "..");
        good.then_some(Self(text)).ok_or("expected an absolute path without .. in it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_a_whole_segment() {
        for (text, good) in [
            ("kv/{project}/**", true),
            ("{project}", true),
            ("/{project}/*", true),
            ("arn:aws:kms:eu-west-1:1:alias/{project}", true),
            ("kv/{project}-*/**", false),
            ("kv/team-{project}", false),
            ("kv/{env}/**", false),
            ("kv/../**", false),
            ("kv/%2e%2e/**", false),
            ("", false),
        ] {
            assert_eq!(Segments::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
        let pattern = Segments("kv/{project}/**".to_owned()).of("team");
        assert!(pattern.matches("kv/team/db") && !pattern.matches("kv/team-a/db") && !pattern.matches("kv/Team/db"));
    }

    #[test]
    fn names_are_those_of_kubernetes() {
        for (text, good) in [
            ("a", true),
            ("team-a.b", true),
            ("", false),
            ("*", false),
            ("a/b", false),
            ("A", false),
            ("..", false),
            ("-a", false),
        ] {
            assert_eq!(Name::try_from(text.to_owned()).is_ok(), good, "{text}");
            assert_eq!(Projects::try_from(text.to_owned()).is_ok(), good || text == "*", "{text}");
        }
    }
}
