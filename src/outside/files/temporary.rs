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

use tempfile::{Builder, NamedTempFile};

/// A file under construction.
pub(super) struct Temporary {
    file: Option<NamedTempFile<File>>,
    path: PathBuf,
}

impl Temporary {
    /// Makes one in `folder`. The process's umask is taken from `mode`.
    pub(super) fn new_in(folder: &Path, mode: u32) -> io::Result<Self> {
        // Held across both steps, so that a signal finds either no file or its name
        let mut alive = alive();
        // Opened by us and not by tempfile, whose errors hide the number behind text
        let open = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        let file = Builder::new().prefix(".sealref-").make_in(folder, open)?;
        let path = file.path().to_path_buf();
        alive.push(path.clone());
        Ok(Self { file: Some(file), path })
    }

    /// The open file.
    pub(super) fn file(&self) -> io::Result<&File> {
        self.file.as_ref().map(NamedTempFile::as_file).ok_or_else(gone)
    }

    /// Gives it its final name, instead of whatever had it.
    pub(super) fn replace(mut self, path: &Path) -> io::Result<()> {
        self.file()?.sync_all()?;
        let file = self.file.take().ok_or_else(gone)?;
        file.persist(path).map_err(|error| error.error)?;
        keep_name(path)
    }

    /// Gives each its final name, or none. What a name had before is a file too: where one cannot be given its name,
    /// those before it get back what they had. A signal waits for the end of it.
    ///
    /// # Errors
    /// The number of the one that could not be given its name, and why.
    pub(super) fn replace_all(all: &mut [(Self, Self, PathBuf)]) -> Result<(), (usize, io::Error)> {
        for (number, (new, old, _)) in all.iter().enumerate() {
            let written = || new.file()?.sync_all().and_then(|()| old.file()?.sync_all());
            written().map_err(|error| (number, error))?;
        }
        let _wait = alive();
        for number in 0..all.len() {
            let Err(error) = named(all, number, |(new, ..)| new) else { continue };
            for done in (0..number).rev() {
                named(all, done, |(_, old, _)| old).map_err(|error| (done, error))?;
            }
            return Err((number, error));
        }
        let mut paths = all.iter().map(|(.., path)| path).enumerate();
        paths.try_for_each(|(number, path)| keep_name(path).map_err(|error| (number, error)))
    }

    /// Gives it its final name, unless something has it.
    pub(super) fn claim(mut self, path: &Path) -> io::Result<()> {
        self.file()?.sync_all()?;
        let file = self.file.take().ok_or_else(gone)?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        keep_name(path)
    }
}

/// Gives one of a pair its name.
fn named(
    all: &mut [(Temporary, Temporary, PathBuf)],
    number: usize,
    which: fn(&mut (Temporary, Temporary, PathBuf)) -> &mut Temporary,
) -> io::Result<()> {
    let pair = all.get_mut(number).ok_or_else(gone)?;
    let file = which(pair).file.take().ok_or_else(gone)?;
    file.persist(&pair.2).map(drop).map_err(|error| error.error)
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(self.file.take());
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
fn keep_name(path: &Path) -> io::Result<()> {
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
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotFound.into()
}

static ALIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
