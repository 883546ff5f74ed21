//! `sealref init`: looks at a repository and writes the settings that fit it, and nothing else.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Done;
use crate::error::{Problem, Problems, Quiet};
use crate::outside::files::{self, Privacy};

mod draft;
mod next;
mod repository;

use repository::Repository;

/// Look at a repository, write the settings that fit it, and say what was assumed
///
/// Writes .sealref.yaml into the folder, and changes nothing else. A file that is there stays.
#[derive(Args)]
pub(super) struct Init {
    /// The folder; - is the working folder with --dry-run
    #[arg(value_name = "DIR|-", default_value = ".")]
    folder: PathBuf,
    /// Print what would be written
    #[arg(long)]
    dry_run: bool,
    /// Write a guard for the cluster instead: a ValidatingAdmissionPolicy that refuses plaintext Secrets
    #[arg(long)]
    guard: bool,
}

/// The name of the settings.
const SETTINGS: &str = ".sealref.yaml";
/// The name of the guard.
const GUARD: &str = "sealref-guard.yaml";

impl Init {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let print = self.dry_run || self.folder == Path::new("-");
        let folder = if self.folder == Path::new("-") { PathBuf::from(".") } else { self.folder };
        let name = if self.guard { GUARD } else { SETTINGS };
        let path = if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
        if files::kind(&path).is_ok() && !print {
            return Err(Problem::new("the file is there already, and stays as it is")
                .hint("--dry-run prints what would be written")
                .at(path.to_string_lossy())
                .into());
        }
        if let Some(above) = above(&folder).filter(|_| !self.guard && !print) {
            return Err(Problem::new(format!("{} holds here already, and no more once this folder has its own", above.display()))
                .hint("change that one; or write a file that begins with its fields, and --dry-run shows which would fit here")
                .at(path.to_string_lossy())
                .into());
        }
        let (text, told) = if self.guard {
            (include_str!("init/guard.yaml").to_owned(), vec![guarded(&path)])
        } else {
            let repository = Repository::read(&folder)?;
            let (text, assumed) = draft::draft(&repository);
            (text, told(&repository, &assumed, &path))
        };
        let told = told.iter().map(|line| Quiet(line).to_string()).collect::<Vec<_>>().join("\n") + "\n";
        if print {
            return Ok(Done { told, ..Done::output(text) });
        }
        files::write_new(&path, text.as_bytes(), Privacy::Public)?;
        Ok(Done::output(told))
    }
}

/// Settings of a folder above, in the same repository.
fn above(folder: &Path) -> Option<PathBuf> {
    let top = files::repository(folder)?;
    let parent = files::resolve(folder).ok()?.parent()?.to_path_buf();
    files::upwards(&parent, &[SETTINGS], Some(&top))
}

fn told(repository: &Repository, assumed: &[String], path: &Path) -> Vec<String> {
    let lines = |word: &str, lines: &[String]| lines.iter().map(|line| format!("{word}: {line}")).collect::<Vec<_>>();
    let mut told = lines("found", &repository.told());
    told.extend(lines("assumed", assumed));
    told.push(format!("settings: {}", path.display()));
    let next = next::commands(repository);
    for (number, command) in next.iter().enumerate() {
        told.push(format!("{}: {command}", if number == 0 { "next" } else { "then" }));
    }
    told
}

fn guarded(path: &Path) -> String {
    format!("next: kubectl apply --server-side -f {}", next::quoted(&path.to_string_lossy()))
}
