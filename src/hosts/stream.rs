//! The plain host: files, folders or standard input, and names that are final.

use std::path::{Path, PathBuf};

use super::kustomization;
use super::settings::Found;
use super::{Doubts, Duplicates, Items, Job, Names, Reading, Terms, Told, Wanted};
use crate::error::{Exit, Problem, Problems};
use crate::limits;
use crate::model::{Afterwards, Input, STDIN, Source};
use crate::outside::files::{self, Kind, Recursive};
use crate::outside::wire::World;
use crate::outside::{clock, environment, stdio};
use crate::settings::{Chosen, Plaintext, Policy};

/// What was typed.
pub struct Call {
    /// Files, folders, or `-`; none is `-`.
    pub operands: Vec<String>,
    /// Folders in folders too.
    pub recursive: Recursive,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--root`.
    pub root: Option<PathBuf>,
    /// What was chosen over the settings.
    pub chosen: Chosen,
    /// `--plaintext`, for `seal`.
    pub plaintext: Option<Plaintext>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// What an operator says, or the command line.
    pub policy: Policy,
    /// `--identity`.
    pub identities: Vec<PathBuf>,
    /// How the values of Secrets are read.
    pub reading: Reading,
    /// What is wanted with values.
    pub values: Wanted,
    /// What is done about what may be wrong.
    pub doubts: Doubts,
    /// What is done to the output before it is applied.
    pub afterwards: Afterwards,
}

/// A job, and the world that answers its questions.
pub fn job(input: Input, call: Call) -> Result<(Job, World), Problems> {
    let found = Found::search(&call)?;
    job_under(found, input, call)
}

/// The same, under settings that were found.
pub(super) fn job_under(found: Found, input: Input, call: Call) -> Result<(Job, World), Problems> {
    let settings = found.settings(&call)?;
    let stores = found.stores(&settings)?;
    let leak_rules = found.leak_rules(&settings)?;
    let terms = Terms {
        reading: call.reading,
        namespace: namespace(&call)?,
        now: clock::now(),
        values: call.values,
        doubts: call.doubts,
        names: Names::Final,
        items: Items::Blocks,
        duplicates: Duplicates::Refused,
        warnings: Told::Stderr,
        afterwards: call.afterwards,
    };
    let world = found.world(call.identities);
    Ok((Job { input, settings, stores, leak_rules, terms, policy: call.policy }, world))
}

/// The namespace of objects that write none.
fn namespace(call: &Call) -> Result<Option<String>, Problem> {
    let own = call.policy.namespace(call.namespace.clone())?;
    match (own, call.afterwards.namespace.clone()) {
        (Some(own), Some(moved)) if own != moved => {
            let exit = if call.policy.holds() { Exit::Refused } else { Exit::Usage };
            let what = format!("the namespace is {own}, and everything is moved to {moved} before it is applied");
            Err(Problem::new(what)
                .hint("say the same in --namespace, or Argo CD's own, and in targetNamespace")
                .exit(exit))
        }
        (own, moved) => Ok(own.or(moved)),
    }
}

/// What the operands lead to.
pub fn input(call: &Call) -> Result<Input, Problems> {
    let mut problems = Problems::default();
    let mut sources = vec![];
    let operands: Vec<&str> = call.operands.iter().map(String::as_str).collect();
    let operands = if operands.is_empty() { vec!["-"] } else { operands };
    for operand in operands {
        let read = match operand {
            "-" => standard_input().map(|source| vec![source]).map_err(Problems::from),
            path => from_path(Path::new(path), call.recursive),
        };
        sources.extend(problems.keep(read).unwrap_or_default());
    }
    let input = Input(sources);
    if problems.is_empty() && input.bytes() > limits::INPUT {
        problems.push(too_large());
    }
    problems.or(input)
}

fn too_large() -> Problem {
    Problem::new("the input is larger than 100 MiB").hint("render it in parts; Argo CD takes no more at once")
}

fn standard_input() -> Result<Source, Problem> {
    if stdio::stdin_is_terminal() {
        return Err(Problem::new("standard input is a terminal")
            .hint("name a file or a folder, or pipe manifests in: kustomize build DIR | sealref render -")
            .exit(Exit::Usage));
    }
    Source::borrow(STDIN, stdio::read_stdin(limits::INPUT)?.for_good())
}

fn from_path(path: &Path, recursive: Recursive) -> Result<Vec<Source>, Problems> {
    if files::kind(path)? == Kind::File {
        return Ok(vec![file(path)?]);
    }
    refuse_builds(path)?;
    in_folder(path, recursive).map(|input| input.0)
}

/// The manifests of a folder, whatever else is in it.
pub(super) fn in_folder(path: &Path, recursive: Recursive) -> Result<Input, Problems> {
    let mut problems = Problems::default();
    let found = files::list(path, recursive)?;
    if found.is_empty() {
        let hint = "files that end in .yaml, .yml or .json are read; -R looks into folders too";
        return Err(Problem::new("no manifests are in the folder").hint(hint).at(path.to_string_lossy()).into());
    }
    let sources: Vec<Source> = found.iter().filter_map(|path| problems.keep(file(path))).collect();
    problems.or(Input(sources))
}

fn file(path: &Path) -> Result<Source, Problem> {
    let bytes = files::read_file(path, limits::INPUT)?;
    Source::read(&path.to_string_lossy(), bytes)
}

/// What builds manifests is not itself manifests.
fn refuse_builds(folder: &Path) -> Result<(), Problem> {
    let there = |name: &&str| files::kind(&folder.join(name)).is_ok();
    let shown = folder.to_string_lossy();
    if kustomization::NAMES.iter().any(there) {
        return Err(Problem::new("the folder is a kustomization")
            .hint(format!("build it first: kustomize build {shown} | sealref render -"))
            .at(shown));
    }
    if there(&"Chart.yaml") {
        return Err(Problem::new("the folder is a Helm chart")
            .hint(format!("render it first: helm template {shown} | sealref render -"))
            .at(shown));
    }
    Ok(())
}

/// The identities that the environment names.
pub fn identities_of_environment() -> Result<Vec<PathBuf>, Problem> {
    let path = environment::variable("SEALREF_IDENTITY")?;
    Ok(path.map(|path| PathBuf::from(path.as_str())).into_iter().collect())
}
