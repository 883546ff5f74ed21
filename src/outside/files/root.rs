//! A folder, and reading files beneath it.
//!
//! Receives names that strangers wrote, gives back the bytes of regular files below the folder, and never
//! of anything else.
#![expect(clippy::disallowed_methods, reason = "opens the root")]

use std::{
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Component, Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, open};
use zeroize::Zeroizing;

use super::{
    beneath, content,
    operand::resolve,
    refusal::{Refusal, advice, shown},
};
use crate::{error::Problem, outside::reason::reason};

/// A folder that is open; everything is opened beneath it.
#[derive(Debug)]
pub struct Root {
    handle: OwnedFd,
    path: PathBuf,
    /// Where the handle lies below the path: nothing else is read.
    only: PathBuf,
    hard_links: HardLinks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HardLinks {
    Allow,
    Refuse,
}

impl Root {
    /// Opens a folder. Its path is resolved now and never again.
    pub fn open(path: &Path) -> Result<Root, Problem> {
        let resolved = resolve(path)?;
        if resolved.parent().is_none() {
            return Err(Problem::new("\"/\" can't be the root of files")
                .hint("name the folder of the repository or application"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match open(&resolved, flags, Mode::empty()) {
            Ok(handle) => Ok(Root { handle, path: resolved, only: PathBuf::new(), hard_links: HardLinks::Allow }),
            Err(rustix::io::Errno::NOTDIR) => {
                Err(Problem::new(format!("{} is not a folder", shown(path)))
                    .hint("name the folder that the files lie in"))
            }
            Err(errno) => {
                let error = errno.into();
                let message = format!("{} can't be opened: {}", shown(path), reason(&error));
                Err(Problem::new(message).hint(advice(&error)))
            }
        }
    }

    /// The same root, refusing files that have a second name: it may lie where others write.
    #[must_use]
    pub fn without_hard_links(self) -> Root {
        Root { hard_links: HardLinks::Refuse, ..self }
    }

    /// The same root, of which only what lies in this folder is read. Names stay as they are.
    ///
    /// # Errors
    /// The folder is not there, or not below the root.
    pub fn only(self, folder: &Path) -> Result<Root, Problem> {
        let inner = Root::open(folder)?;
        let only =
            inner.path.strip_prefix(&self.path).map_err(|_| Refusal::Leaves.problem(&folder.to_string_lossy()))?;
        Ok(Root { handle: inner.handle, only: only.to_path_buf(), ..self })
    }

    /// The folder: absolute, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the file `name`, which is relative to `folder`, which is relative to the root.
    ///
    /// Both may climb with `..`, but not above the root, and links are followed where they stay below
    /// it. Anything in `.git`, anything but a regular file, and more than `limit` bytes are refused.
    pub fn read(&self, folder: &Path, name: &str, limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
        self.bytes(folder, name, limit).map_err(|refusal| refusal.problem(name))
    }

    fn bytes(&self, folder: &Path, name: &str, limit: usize) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        if name.is_empty() {
            return Err(Refusal::Empty);
        }
        if folder.has_root() || name.starts_with('/') {
            return Err(Refusal::Absolute);
        }
        let file = beneath::open(&self.handle, &self.inner(folder.join(name))?)?;
        let metadata = content::checked(&file)?;
        if self.hard_links == HardLinks::Refuse && metadata.nlink() > 1 {
            return Err(Refusal::HardLink);
        }
        content::regular(file, limit)
    }

    /// The path as seen from where the handle lies.
    fn inner(&self, path: PathBuf) -> Result<PathBuf, Refusal> {
        if self.only == Path::new("") {
            return Ok(path);
        }
        let plain = plain(&path).ok_or(Refusal::Leaves)?;
        plain.strip_prefix(&self.only).map(Path::to_path_buf).map_err(|_| Refusal::Elsewhere)
    }
}

/// The path without `.` and `..`; None where it climbs above its beginning.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !plain.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            part => plain.push(part),
        }
    }
    Some(plain)
}
