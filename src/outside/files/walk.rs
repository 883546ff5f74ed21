//! Opening a file beneath a folder where the kernel can't do it: component by component.
//!
//! Receives the same as `beneath`, gives back the same, and refuses every link, because where it leads
//! can't be judged and followed in one step.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "opens files of the root"
)]

use std::{
    ffi::OsStr,
    fs::File,
    os::fd::{AsFd, OwnedFd},
    path::{Component, Path},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};

use super::refusal::Refusal;

/// Opens `path` beneath `root`. `..` goes back to a handle that was already open, never by name.
pub(super) fn open(root: &OwnedFd, path: &Path) -> Result<File, Refusal> {
    let mut folders: Vec<OwnedFd> = Vec::new();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(folders.pop().ok_or(Refusal::Leaves)?),
            Component::Normal(name) => {
                let here = folders.last().unwrap_or(root);
                if parts.peek().is_none() {
                    return step(here, name, OFlags::NONBLOCK).map(File::from);
                }
                folders.push(step(here, name, OFlags::DIRECTORY)?);
            }
            Component::Prefix(_) | Component::RootDir => return Err(Refusal::Absolute),
        }
    }
    Err(Refusal::Folder)
}

/// True for git's folder, also where the file system ignores case.
pub(super) fn is_git(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case(".git")
}

fn step(folder: &OwnedFd, name: &OsStr, more: OFlags) -> Result<OwnedFd, Refusal> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    match openat(folder, name, flags | more, Mode::empty()) {
        Err(Errno::LOOP | Errno::NOTDIR) if is_link(folder, name) => Err(Refusal::Unsure),
        done => Ok(done?),
    }
}

/// Only chooses between two messages; nothing is opened for it.
fn is_link(folder: impl AsFd, name: &OsStr) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}
