//! Writing files: whole, or not at all.
//!
//! Receives a path and all of the content, gives back nothing. It never leaves half a file, never
//! writes through a link to another folder, and makes no folder unless asked.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "writes files")]

use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{
    refusal::{advice, shown},
    temporary::{Temporary, folder},
};
use crate::{error::Problem, outside::reason::reason};

/// Who may read a file that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Its owner alone.
    Private,
    /// Whoever could read the file before; for a new file, everybody whom the umask allows.
    Public,
}

/// Writes a file so that afterwards either the old content or all of the new is there.
///
/// The mode of an existing file is kept.
pub fn write_atomically(path: &Path, pieces: &[&str], privacy: Privacy) -> Result<(), Problem> {
    write_with(path, privacy, |file| {
        let mut writer = BufWriter::new(file);
        for piece in pieces {
            writer.write_all(piece.as_bytes())?;
        }
        writer.flush()
    })
}

/// Writes a file that did not exist.
pub fn write_new(path: &Path, bytes: &[u8], privacy: Privacy) -> Result<(), Problem> {
    let write = || {
        let temporary = Temporary::new_in(folder(path), mode(privacy))?;
        temporary.file()?.write_all(bytes)?;
        temporary.claim(path)
    };
    write().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Problem::new(format!("{} exists already", shown(path)))
            .hint("nothing was overwritten; choose another name or move it away"),
        _ => failed(path, "written", &error),
    })
}

/// Removes a file; that it is gone already is fine. Of a link, the link is removed.
pub fn remove(path: &Path) -> Result<(), Problem> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, "removed", &error)),
        _ => Ok(()),
    }
}

/// Makes a folder and those above it, where they are missing.
pub fn create_folder(path: &Path) -> Result<(), Problem> {
    fs::create_dir_all(path).map_err(|error| failed(path, "created", &error))
}

fn write_with(path: &Path, privacy: Privacy, content: impl FnOnce(&File) -> io::Result<()>) -> Result<(), Problem> {
    let target = Target::of(path)?;
    let write = || {
        let temporary = Temporary::new_in(folder(&target.path), mode(privacy))?;
        if let (Some(old), Privacy::Public) = (&target.old, privacy) {
            take_after(temporary.file()?, old)?;
        }
        content(temporary.file()?)?;
        temporary.replace(&target.path)
    };
    write().map_err(|error| failed(path, "written", &error))
}

/// Where the content goes, and what is there now.
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) old: Option<fs::Metadata>,
}

impl Target {
    pub(super) fn of(path: &Path) -> Result<Self, Problem> {
        let failed = |error: io::Error| failed(path, "written", &error);
        let old = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = path.to_path_buf();
                return Ok(Self { path, old: None });
            }
            found => found.map_err(failed)?,
        };
        if old.is_file() {
            let path = path.to_path_buf();
            return Ok(Self { path, old: Some(old) });
        }
        let target = fs::canonicalize(path).map_err(failed)?;
        let home = fs::canonicalize(folder(path)).map_err(failed)?;
        if !target.starts_with(home) {
            return Err(Problem::new(format!("{} is a link that leaves its folder", shown(path)))
                .hint("name the file that it leads to, or remove the link"));
        }
        let old = fs::metadata(&target).map_err(failed)?;
        if !old.is_file() {
            return Err(not_regular(path));
        }
        Ok(Self { path: target, old: Some(old) })
    }
}

/// Owner where we may set it, then mode: setting the owner may clear bits of the mode.
pub(super) fn take_after(file: &File, old: &fs::Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Only root may; without it the file is ours, as with any editor that renames
        let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
    }
    file.set_permissions(Permissions::from_mode(old.mode() & PERMISSIONS))
}

pub(super) fn mode(privacy: Privacy) -> u32 {
    match privacy {
        Privacy::Private => 0o600,
        Privacy::Public => 0o644,
    }
}

fn not_regular(path: &Path) -> Problem {
    Problem::new(format!("{} is not a regular file", shown(path)))
        .hint("to write into a pipe or device, leave the name out and redirect the output")
}

pub(super) fn failed(path: &Path, verb: &str, error: &io::Error) -> Problem {
    Problem::new(format!("{} can't be {verb}: {}", shown(path), reason(error))).hint(advice(error))
}

/// The bits of a mode that say who may read, write and execute.
const PERMISSIONS: u32 = 0o777;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_half_way_leaves_the_old_file_and_nothing_else_h2() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.yaml");
        fs::write(&path, "old").unwrap();
        for name in ["out.yaml", "new.yaml"] {
            let problem = write_with(&folder.path().join(name), Privacy::Public, |mut file| {
                file.write_all(b"half")?;
                assert_eq!(fs::read_dir(folder.path())?.count(), 2);
                Err(rustix::io::Errno::NOSPC.into())
            })
            .unwrap_err();
            assert!(problem.message().ends_with("no space left on the device"));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_panic_half_way_leaves_nothing_h10() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.yaml");
        let outcome = std::panic::catch_unwind(|| write_with(&path, Privacy::Public, |_| panic!("half way")));
        assert!(outcome.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
