//! The forms in which SOPS keeps a file.

use super::node::Node;
use super::{dotenv, flat, ini, tree};
use crate::error::Problem;

/// A form of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// Any bytes, as one encrypted value within JSON.
    Binary,
    /// Lines of `NAME=value`.
    Dotenv,
    /// Sections of `name = value`.
    Ini,
    /// A JSON object.
    Json,
    /// YAML documents.
    Yaml,
}

impl Store {
    /// The form that SOPS takes a file for, by its name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let ends = |ending: &str| name.ends_with(ending);
        match () {
            () if ends(".yaml") || ends(".yml") => Self::Yaml,
            () if ends(".json") => Self::Json,
            () if ends(".env") => Self::Dotenv,
            () if ends(".ini") => Self::Ini,
            () => Self::Binary,
        }
    }

    /// The form of this name, as SOPS' `--input-type` has it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Binary, Self::Dotenv, Self::Ini, Self::Json, Self::Yaml];
        all.into_iter().find(|store| store.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }

    /// The documents of a file without their metadata, and the metadata of the first; None where it has none.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Option<(Vec<Node>, Node)>, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| self.unreadable(None))?;
        let mut documents = match self {
            Self::Binary | Self::Json => tree::json(text),
            Self::Dotenv => dotenv::read(text),
            Self::Ini => ini::read(text),
            Self::Yaml => tree::yaml(text),
        }
        .map_err(|line| self.unreadable(Some(line)))?;
        let mut metadata = documents.iter_mut().map(|document| match self {
            Self::Dotenv => take(document, |key| key.strip_prefix("sops_")).and_then(flat::unflatten),
            _ => take(document, |key| (key == "sops").then_some(""))
                .and_then(|mut found| found.pop())
                .map(|(_, node)| node),
        });
        let first = metadata.next().flatten();
        metadata.for_each(drop);
        let first = match (self, first) {
            (Self::Ini, Some(Node::Map(entries))) => {
                flat::unflatten(entries.into_iter().map(ini::with_newlines).collect())
            }
            (_, first) => first,
        };
        Ok(first.map(|metadata| (documents, metadata)))
    }

    fn unreadable(self, line: Option<usize>) -> Problem {
        let line = line.map_or_else(String::new, |line| format!(", see line {line}"));
        Problem::new(format!("the file is not {} as SOPS writes it{line}", self.name()))
            .hint("is it complete? its kind follows from its name, else give ?format=NAME")
    }
}

/// Takes entries out of a document by their keys, comments excepted; None where there is none.
fn take(document: &mut Node, wanted: impl Fn(&str) -> Option<&str>) -> Option<Vec<(String, Node)>> {
    let Node::Map(entries) = document else { return None };
    let (mut found, mut others) = (vec![], vec![]);
    for (key, node) in std::mem::take(entries) {
        match wanted(&key).filter(|_| !matches!(node, Node::Comment(_))) {
            Some(name) => found.push((name.to_owned(), node)),
            None => others.push((key, node)),
        }
    }
    *entries = others;
    (!found.is_empty()).then_some(found)
}
