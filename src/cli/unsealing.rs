//! Private keys of a controller, as somebody gives them: a backup that age encrypts, or in plain text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::options;
use crate::error::{Exit, Problem, Problems};
use crate::hosts::stream::identities_of_environment;
use crate::limits;
use crate::model::{Source, Wire};
use crate::outside::files::{self, Kind, Recursive};
use crate::outside::wire::World;
use crate::steps;
use crate::steps::unseal::Controller;

/// What opens values.
#[derive(Args)]
pub(super) struct Unsealing {
    /// A backup that `sealref keys backup` wrote; --identity opens it
    #[arg(long, value_name = "FILE", help_heading = "Private keys")]
    backup: Vec<PathBuf>,
    /// The controller's private keys in plain text: PEM, or Secrets as kubectl prints them; who reads the file opens everything
    #[arg(long, value_name = "FILE", help_heading = "Private keys")]
    danger_private_key: Vec<PathBuf>,
}

impl Unsealing {
    /// The keys, all of them.
    pub(super) fn controller(&self, wire: &mut dyn Wire) -> Result<Controller, Problems> {
        if self.backup.is_empty() && self.danger_private_key.is_empty() {
            return Err(Problem::new("no private key is given")
                .hint("--backup FILE and --identity FILE; `sealref keys backup` makes one")
                .exit(Exit::Usage)
                .into());
        }
        let mut controller = Controller::default();
        for path in &self.backup {
            let name = path.to_string_lossy();
            let bytes = files::read_file(path, limits::INPUT)?;
            let bytes = steps::decrypt(&bytes, wire).map_err(|problem| problem.at(name.clone()))?;
            controller.add(&name, &bytes)?;
        }
        for path in &self.danger_private_key {
            controller.add(&path.to_string_lossy(), &files::read_file(path, limits::INPUT)?)?;
        }
        Ok(controller)
    }
}

/// The files that may hold a SealedSecret, each once, whatever names lead to it.
pub(super) fn read(operands: &[PathBuf]) -> Result<Vec<(PathBuf, Source)>, Problems> {
    let (mut problems, mut found) = (Problems::default(), vec![]);
    let mut seen = BTreeSet::new();
    let mut left = limits::INPUT;
    let mut folders = vec![];
    for operand in operands {
        if files::kind(operand)? == Kind::Folder {
            folders.push((operand, files::resolve(operand)?));
        }
    }
    for operand in operands {
        let is_folder = folders.iter().any(|(folder, _)| *folder == operand);
        let paths =
            if is_folder { files::list_of(operand, Recursive::Yes, &is_manifest)? } else { vec![operand.clone()] };
        for path in paths {
            let resolved = files::resolve(&path)?;
            // A link to what lies beneath an operand is nothing of its own
            let beneath = |(folder, top): &(&PathBuf, PathBuf)| Some(folder.join(resolved.strip_prefix(top).ok()?));
            let path = folders.iter().find_map(beneath).unwrap_or(path);
            if !seen.insert(resolved) {
                continue;
            }
            let bytes = files::read_file(&path, limits::INPUT)?;
            left = left.checked_sub(bytes.len()).ok_or_else(too_large)?;
            if !is_folder || memchr::memmem::find(&bytes, b"SealedSecret").is_some() {
                found.extend(problems.keep(source(&path, bytes)).map(|source| (path, source)));
            }
        }
    }
    problems.or(found)
}

/// By its ending, in letters of any case: what is left out without a word may be what mattered.
fn is_manifest(file: &Path) -> bool {
    let ending = file.extension().unwrap_or_default();
    ["json", "yaml", "yml"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// That there was nothing to look at is no success.
pub(super) fn nothing() -> Problem {
    Problem::new("no SealedSecret is in these files")
        .hint("name the folder that holds them; files that end in .yaml, .yml or .json are read, hidden ones are not")
}

fn source(path: &Path, bytes: Zeroizing<Vec<u8>>) -> Result<Source, Problem> {
    Source::read(&path.to_string_lossy(), bytes)
}

fn too_large() -> Problem {
    Problem::new("more than 100 MiB are to be read").hint("name one folder after the other")
}

/// The world for who asks of it no file of a repository: identities, and servers.
pub(super) fn world(mut identities: Vec<PathBuf>) -> Result<World, Problem> {
    if identities.is_empty() {
        identities = identities_of_environment()?;
    }
    identities.iter().try_for_each(|path| options::names_a_file(&path.to_string_lossy()))?;
    let here = files::resolve(Path::new("."))?;
    Ok(World::new(files::Root::open(&here)?, PathBuf::new(), identities))
}
