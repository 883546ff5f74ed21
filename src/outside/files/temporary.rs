//! Files that exist until they are complete.
//!
//! Receives a folder and a mode, gives back a file with a random hidden name in it. It never survives:
//! it takes its final name, or it is removed, also when a signal ends the process.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "makes and renames files")]

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::{Builder, TempPath};

/// A file under construction.
pub(super) struct Temporary {
    /// Open while it is written.
    file: Option<File>,
    name: Option<TempPath>,
    path: PathBuf,
}

impl Temporary {
    /// Makes one in `folder`. The process's umask is taken from `mode`.
    pub(super) fn new_in(folder: &Path, mode: u32) -> io::Result<Self> {
        // Held across both steps, so that a signal finds either no file or its name
        let mut alive = alive();
        // Opened by us and not by tempfile, whose errors hide the number behind text
        let open = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        let (file, name) = Builder::new().prefix(".sealref-").make_in(folder, open)?.into_parts();
        let path = name.to_path_buf();
        alive.push(path.clone());
        Ok(Self { file: Some(file), name: Some(name), path })
    }

    /// The open file.
    pub(super) fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(gone)
    }

    /// Its content reaches the disk, and its handle goes: there may be more files than handles.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.file()?.sync_all()?;
        self.file = None;
        Ok(())
    }

    /// Gives it its final name; whether that survives a power cut is for [`keep_name`].
    pub(super) fn rename(&mut self, path: &Path) -> io::Result<()> {
        self.name.take().ok_or_else(gone)?.persist(path).map_err(|error| error.error)
    }

    /// Gives it its final name, instead of whatever had it.
    pub(super) fn replace(mut self, path: &Path) -> io::Result<()> {
        self.close()?;
        self.rename(path)?;
        keep_name(path)
    }

    /// Gives it its final name, unless something has it.
    pub(super) fn claim(mut self, path: &Path) -> io::Result<()> {
        self.close()?;
        self.name.take().ok_or_else(gone)?.persist_noclobber(path).map_err(|error| error.error)?;
        keep_name(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(self.name.take());
        alive().retain(|path| *path != self.path);
    }
}

/// Removes all of them. While the answer is held, no new one is made.
pub(in crate::outside) fn remove_all() -> MutexGuard<'static, Vec<PathBuf>> {
    let mut alive = alive();
    for path in alive.drain(..) {
        // The process ends now, and nobody could be told
        let _ = fs::remove_file(&path);
        let _ = fs::remove_dir_all(path);
    }
    alive
}

/// What is to be removed when a signal ends the process.
pub(super) fn alive() -> MutexGuard<'static, Vec<PathBuf>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A rename survives a power cut once the folder is written, where the file system can do that.
pub(super) fn keep_name(path: &Path) -> io::Result<()> {
    let Ok(folder) = File::open(folder(path)) else {
        // A folder that we may write and not read
        return Ok(());
    };
    match folder.sync_all() {
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}

/// The folder that holds `path`.
#[must_use]
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotFound.into()
}

static ALIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
