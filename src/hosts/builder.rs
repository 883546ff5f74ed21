//! Builders: what makes manifests of a folder that a stranger wrote.
//!
//! Receives the folder, all that came with it and the program's absolute path; gives back the manifests. The program
//! gets an argument vector, a bare environment and no HOME, finds no other program, downloads nothing, and what it
//! prints on standard error is never passed on: it may quote what a Secret holds.

use std::path::{Path, PathBuf};

use super::{kustomization, stream};
use crate::error::{Exit, Problem, Problems, all_known, meant};
use crate::limits;
use crate::model::{Input, Source};
use crate::outside::files::{self, Kind, Recursive};
use crate::outside::process::Program;
use crate::settings::{Builder, Policy};

mod helm;
mod kustomize;

pub use helm::Release;

/// What a folder is, and so what makes manifests of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A chart, for `helm template`.
    Chart,
    /// Manifests: nothing makes them.
    Directory,
    /// For `kustomize build`.
    Kustomization,
}

impl Layout {
    const ALL: [Self; 3] = [Self::Chart, Self::Directory, Self::Kustomization];

    /// What builds it, as users say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chart => "helm",
            Self::Directory => "directory",
            Self::Kustomization => "kustomize",
        }
    }

    /// What builds it, as a policy grants it.
    #[must_use]
    pub fn builder(self) -> Option<Builder> {
        match self {
            Self::Chart => Some(Builder::Helm),
            Self::Directory => None,
            Self::Kustomization => Some(Builder::Kustomize),
        }
    }

    /// What is built by what a user names.
    pub fn named(name: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|layout| layout.name() == name).ok_or_else(|| {
            Problem::new(format!("no builder is called \"{name}\"")).hint(meant(
                name,
                Self::ALL.map(Self::name),
                all_known,
            ))
        })
    }

    /// What a folder says of itself.
    pub fn of(folder: &Path) -> Result<Self, Problem> {
        let there = |name: &&str| files::kind(&folder.join(name)).is_ok();
        match (kustomization::NAMES.iter().any(there), there(&"Chart.yaml")) {
            (true, true) => Err(Problem::new("the folder is a kustomization and a Helm chart")
                .hint("choose one by the parameter builder: kustomize or helm")),
            (true, false) => Ok(Self::Kustomization),
            (false, true) => Ok(Self::Chart),
            (false, false) => Ok(Self::Directory),
        }
    }
}

/// A folder that is to be built.
pub struct Build<'a> {
    /// The folder, absolute and without links.
    pub folder: &'a Path,
    /// All that came with it, likewise: nothing else is read.
    pub root: &'a Path,
    /// Folders in the folder too, where nothing is built.
    pub recursive: Recursive,
    /// What Helm renders it as.
    pub release: &'a Release,
    /// How long a program may take.
    pub seconds: u64,
}

impl Build<'_> {
    /// The manifests.
    pub fn run(&self, layout: Layout, policy: &Policy) -> Result<Input, Problems> {
        files::links_stay(self.root).map_err(refused)?;
        let Some(builder) = layout.builder() else { return self.manifests() };
        let (arguments, causes) = match builder {
            Builder::Helm => (helm::arguments(self.release, self.folder)?, helm::CAUSES),
            Builder::Kustomize => (kustomize::arguments(self.folder, self.root)?, kustomize::CAUSES),
        };
        let program = Path::new(policy.builder(builder)?);
        Ok(Input(vec![self.printed(layout.name(), program, &arguments, causes)?]))
    }

    /// Those that are there, by their names in the repository.
    fn manifests(&self) -> Result<Input, Problems> {
        let mut input = stream::in_folder(self.folder, self.recursive)?;
        for source in &mut input.0 {
            if let Ok(below) = Path::new(&source.name).strip_prefix(self.root) {
                source.name = below.to_string_lossy().into_owned();
            }
        }
        Ok(input)
    }

    fn printed(
        &self,
        name: &'static str,
        program: &Path,
        arguments: &[String],
        causes: &[Cause],
    ) -> Result<Source, Problem> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = Program {
            file: program,
            arguments: &arguments,
            folder: self.folder,
            // Nothing is below it and nothing can be made there: no settings, no plugins, and on the PATH no git. It needs
            // no folder of ours, which would be left behind when Argo CD's server kills us
            home: Path::new(NOTHING),
            path: NOTHING.into(),
            variables: &[],
            seconds: self.seconds,
            printed: limits::INPUT,
        }
        .run()?;
        if ended.success {
            return Source::read(name, ended.stdout);
        }
        Err(self.failure(name, causes, &String::from_utf8_lossy(&ended.stderr)))
    }

    /// What it said, in our words: its own may quote values.
    fn failure(&self, name: &str, causes: &[Cause], said: &str) -> Problem {
        let known = causes.iter().find(|(words, ..)| said.contains(words));
        let problem = match known {
            Some((_, cause, hint)) => Problem::new(format!("{name} failed: {cause}")).hint(*hint),
            None => Problem::new(format!("{name} failed")).hint(format!("run {name} yourself to see what it says")),
        };
        match said.split(|c: char| c.is_whitespace() || "'\"`(),".contains(c)).find_map(|word| self.file(word)) {
            Some(file) => problem.at(file),
            None => problem,
        }
    }

    /// A word that names a file of the repository: only that is passed on, with the line that follows it.
    fn file(&self, word: &str) -> Option<String> {
        let mut parts = word.split(':');
        let name = Path::new(parts.next()?);
        let line = parts.next().filter(|line| line.parse::<u32>().is_ok());
        // Helm puts the chart's name before the paths of a chart
        let inside: PathBuf = name.components().skip(1).collect();
        let file = [name, &inside].into_iter().find_map(|name| {
            let file = files::resolve(&self.folder.join(name)).ok()?;
            let below = file.strip_prefix(self.root).ok()?.to_path_buf();
            (files::kind(&file) == Ok(Kind::File)).then_some(below)
        })?;
        Some(line.map_or_else(|| file.display().to_string(), |line| format!("{}:{line}", file.display())))
    }
}

/// Stands where a folder is wanted, and is none; as in /etc/passwd, for those who have no home.
const NOTHING: &str = "/nonexistent";

/// Words of a program, what they mean, and what to do about it.
type Cause = (&'static str, &'static str, &'static str);

/// Not what was granted.
fn refused(problem: Problem) -> Problem {
    problem.exit(Exit::Refused)
}
