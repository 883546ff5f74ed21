//! What the user named on the command line.
//!
//! Receives paths that are trusted to be meant, so links are followed; gives back their kind or their
//! bytes. It never reads a device, a socket or a terminal.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "opens what the user named")]

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use super::{
    content,
    refusal::{Refusal, advice, shown},
};
use crate::{error::Problem, outside::reason::reason};

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file, or a pipe such as a shell's process substitution.
    File,
    /// A folder.
    Folder,
}

/// Says whether a path leads to a file or to a folder.
pub fn kind(path: &Path) -> Result<Kind, Problem> {
    let found = fs::metadata(path).map_err(|error| failed(path, &error))?.file_type();
    if found.is_dir() {
        Ok(Kind::Folder)
    } else if found.is_file() || found.is_fifo() {
        Ok(Kind::File)
    } else {
        Err(Refusal::NotRegular.problem(&path.to_string_lossy()))
    }
}

/// The absolute path without links; it must exist.
pub fn resolve(path: &Path) -> Result<PathBuf, Problem> {
    fs::canonicalize(path).map_err(|error| failed(path, &error))
}

/// The bytes of a file that the user named. A pipe is read to its end.
pub fn read_file(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
    bytes(path, limit).map_err(|refusal| refusal.problem(&path.to_string_lossy()))
}

fn bytes(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    // A pipe must be opened as one that waits for its writer, all else as what never waits
    if fs::metadata(path)?.file_type().is_fifo() {
        let mut pipe = open(path, OFlags::NOCTTY)?;
        if pipe.metadata()?.file_type().is_fifo() {
            return content::stream(&mut pipe, limit);
        }
        return content::regular(pipe, limit);
    }
    content::regular(open(path, OFlags::NOCTTY | OFlags::NONBLOCK)?, limit)
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | flags, Mode::empty())?.into())
}

fn failed(path: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("{} can't be opened: {}", shown(path), reason(error))).hint(advice(error))
}
