//! `sealref diff`: what changed and why, for those who review; without any key, and never a value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use super::Done;
use crate::error::{Exit, Problem, Problems};
use crate::limits;
use crate::model::{Identity, STDIN, Source};
use crate::outside::files::{self, Kind, Recursive};
use crate::outside::stdio;
use crate::steps::compare::{self, Object};

mod git;
mod report;

/// Explain what changed between two sets of manifests: certificate, key, value, reference, store, name, restarts
///
/// Reads what was rendered, or what is to be rendered. Needs no key and tells no value: why a seal differs stands beside
/// it, in annotations that `render` writes.
#[derive(Args)]
pub(super) struct Diff {
    /// Two files or folders, the older one first; - is standard input. With --git one, in its two states
    #[arg(value_name = "FILE|DIR|-")]
    operands: Vec<PathBuf>,
    /// Compare with what a commit, branch or tag holds
    #[arg(long, value_name = "REV")]
    git: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The form of the answer.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a program.
    Json,
    /// For a pull request.
    Markdown,
    /// For a person.
    Text,
}

/// Files by their names below what was named; what is a file itself has none. Names need not be UTF-8.
type Files = BTreeMap<PathBuf, Zeroizing<Vec<u8>>>;

impl Diff {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let folder = PathBuf::from(".");
        let (old, new) = match (&self.git, self.operands.as_slice()) {
            (Some(_), []) => (&folder, &folder),
            (Some(_), [one]) => (one, one),
            (None, [old, new]) => (old, new),
            _ => return Err(usage().into()),
        };
        let before = self.git.as_ref().map_or_else(|| here(old), |revision| git::files(revision, old));
        let (old, new) = (Side::read(before?, old)?, Side::read(here(new)?, new)?);
        let mut changes = compare::compare(&old.objects()?, &new.objects()?)?;
        let other = |name: &&PathBuf| old.others.get(*name) != new.others.get(*name);
        let names: BTreeSet<&PathBuf> = old.others.keys().chain(new.others.keys()).filter(other).collect();
        changes.extend(names.into_iter().map(|name| compare::file(&name.to_string_lossy())));
        Ok(Done::output(match self.format {
            Format::Json => report::json(&changes),
            Format::Markdown => report::markdown(&changes),
            Format::Text => report::text(&changes),
        }))
    }
}

fn usage() -> Problem {
    Problem::new("two things are compared, and another number was named")
        .hint("sealref diff OLD NEW, or sealref diff --git REV DIR")
        .exit(Exit::Usage)
}

fn no_object(name: &str) -> Problem {
    Problem::new("something in it is no object of Kubernetes").hint("each document has apiVersion and kind").at(name)
}

/// What is there now.
fn here(path: &Path) -> Result<Files, Problem> {
    if path == Path::new("-") {
        return Ok([(PathBuf::new(), stdio::read_stdin(limits::INPUT)?.to_vec().into())].into());
    }
    if files::kind(path)? == Kind::File {
        return Ok([(PathBuf::new(), files::read_file(path, limits::INPUT)?)].into());
    }
    let mut found = Files::new();
    let mut left = limits::INPUT;
    for file in files::list(path, Recursive::Yes)? {
        let name = file.strip_prefix(path).unwrap_or(&file).to_owned();
        let bytes = files::read_file(&file, limits::INPUT)?;
        left = left.checked_sub(bytes.len()).ok_or_else(too_large)?;
        found.insert(name, bytes);
    }
    Ok(found)
}

fn too_large() -> Problem {
    Problem::new("more than 100 MiB are to be compared").hint("compare one folder after the other")
}

/// One of the two.
struct Side {
    /// Files of objects.
    sources: Vec<Source>,
    /// Files that hold something else, such as the values of a chart.
    others: BTreeMap<PathBuf, String>,
}

impl Side {
    fn read(files: Files, path: &Path) -> Result<Self, Problem> {
        let mut side = Self { sources: vec![], others: BTreeMap::new() };
        for (name, bytes) in files {
            let alone = name.as_os_str().is_empty();
            let shown = match path.to_str() {
                Some("-") => STDIN.into(),
                Some(path) if alone => path.into(),
                _ => name.to_string_lossy(),
            };
            let source = Source::read(&shown, bytes)?;
            match objects(&source) {
                Ok(Some(_)) => side.sources.push(source),
                // What was named by itself was meant
                Err(problem) if alone => return Err(problem),
                Ok(None) if alone => return Err(no_object(&shown)),
                Ok(None) | Err(_) => {
                    side.others.insert(name, source.text.into_owned());
                }
            }
        }
        Ok(side)
    }

    fn objects(&self) -> Result<Vec<Object<'_>>, Problem> {
        let all: Result<Vec<_>, Problem> = self.sources.iter().map(objects).collect();
        Ok(all?.into_iter().flatten().flatten().collect())
    }
}

/// None: something in it is no object of Kubernetes.
fn objects(source: &Source) -> Result<Option<Vec<Object<'_>>>, Problem> {
    let mut found = vec![];
    for object in source.objects()? {
        let (_, tree) = object?;
        if tree.is_empty() {
            continue;
        }
        let Some(identity) = Identity::of(&tree) else { return Ok(None) };
        found.push(Object { identity, tree });
    }
    Ok(Some(found))
}
