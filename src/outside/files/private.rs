//! A folder for a moment, and programs on the PATH: what is needed to try another program.
//!
//! Receives names, gives back paths. The folder is readable by its owner alone and never survives, also when a signal
//! ends the process.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "makes a folder and links, asks which files run"
)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use tempfile::{Builder, TempDir};

use super::{
    refusal::{advice, shown},
    temporary::alive,
};
use crate::{
    error::Problem,
    outside::{environment, reason::reason},
};

/// A folder that is gone, with all that is in it, when this is dropped.
pub struct PrivateFolder {
    folder: TempDir,
}

impl PrivateFolder {
    /// Makes one where temporary files belong.
    pub fn new() -> Result<Self, Problem> {
        // Held across both steps, so that a signal finds either no folder or its name
        let mut alive = alive();
        let folder = Builder::new().prefix("sealref-").tempdir().map_err(|error| {
            Problem::new(format!("no temporary folder can be made: {}", reason(&error)))
                .hint("set TMPDIR to a folder that can be written to")
        })?;
        alive.push(folder.path().to_path_buf());
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A link in it that leads to `target`.
    pub fn link(&self, name: &str, target: &Path) -> Result<(), Problem> {
        let link = self.path().join(name);
        symlink(target, &link).map_err(|error| {
            Problem::new(format!("{} can't be made: {}", shown(&link), reason(&error))).hint(advice(&error))
        })
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // Nobody could do anything about it, and the system clears the folder sooner or later
        let _ = fs::remove_dir_all(self.path());
        alive().retain(|path| *path != self.path());
    }
}

/// The file that a shell would start for a name. What the PATH names relative to the working folder is left out: whoever
/// wrote that folder is no one to start programs for.
#[must_use]
pub fn on_the_path(program: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & EXECUTABLE != 0)
    };
    let folders = environment::paths("PATH").into_iter().filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(runs)
}

/// The bits of a mode that let somebody execute.
const EXECUTABLE: u32 = 0o111;
