//! Where something is: a file and a line, an object, a field of it.

use std::borrow::Cow;
use std::fmt;

/// Where something is. What is not known is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// A file as it was named, `stdin`, or another text that says where.
    pub source: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The object.
    pub object: Option<Object>,
    /// The path of a field in it, `data.password`; empty: the object itself.
    pub field: String,
}

/// An object of Kubernetes, as it names itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// `GROUP/VERSION`, or `v1`.
    pub api_version: String,
    /// `Secret`.
    pub kind: String,
    /// Its namespace, where it is written.
    pub namespace: Option<String>,
    /// Its name; empty where it is missing.
    pub name: String,
}

impl Location {
    /// A line of a file.
    #[must_use]
    pub fn line(source: impl Into<String>, line: usize) -> Self {
        Self { source: source.into(), line: Some(line), ..Self::default() }
    }

    /// `stdin:41`.
    #[must_use]
    pub fn head(&self) -> String {
        self.line.map_or_else(|| self.source.clone(), |line| format!("{}:{line}", self.source))
    }
}

/// `stdin:41 Secret shop/db, data.password`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        match (&self.object, self.field.as_str()) {
            (None, _) => Ok(()),
            (Some(object), "") => write!(f, " {object}"),
            (Some(object), field) => write!(f, " {object}, {field}"),
        }
    }
}

/// `Secret shop/db`.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "(no name)" } else { &self.name };
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{name}", self.kind),
            None => write!(f, "{} {name}", self.kind),
        }
    }
}

/// A text that says where, and no more.
impl From<String> for Location {
    fn from(source: String) -> Self {
        Self { source, ..Self::default() }
    }
}

impl From<&str> for Location {
    fn from(source: &str) -> Self {
        source.to_owned().into()
    }
}

impl From<Cow<'_, str>> for Location {
    fn from(source: Cow<str>) -> Self {
        source.into_owned().into()
    }
}
