//! The manifests in a folder.
//!
//! Receives a folder that the user named, gives back the paths of its files, sorted, and never one that a
//! link brings in from elsewhere.
#![expect(clippy::disallowed_methods, reason = "lists folders")]

use std::{
    ffi::OsStr,
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
};

use super::refusal::{Refusal, advice, shown};
use crate::{error::Problem, outside::reason::reason};

/// Whether folders in a folder are listed too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recursive {
    /// Only the folder itself.
    #[default]
    No,
    /// Folders in it, to any depth.
    Yes,
}

/// The files of a folder whose names end in `.yaml`, `.yml` or `.json`, sorted by the bytes of their
/// paths. Hidden files and folders are left out, as are links to folders. A link that leaves the
/// folder is a problem: leaving it out would lose objects without a word.
pub fn list(folder: &Path, recursive: Recursive) -> Result<Vec<PathBuf>, Problem> {
    list_of(folder, recursive, &is_manifest)
}

/// Does its name end as those of manifests do?
#[must_use]
pub fn is_manifest(file: &Path) -> bool {
    ends(file, &["json", "yaml", "yml"])
}

/// Has a file one of these endings?
#[must_use]
pub fn ends(file: &Path, endings: &[&str]) -> bool {
    file.extension().and_then(OsStr::to_str).is_some_and(|end| endings.contains(&end))
}

/// The same, of files that are wanted by their names.
pub fn list_of(folder: &Path, recursive: Recursive, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Problem> {
    let top = fs::canonicalize(folder).map_err(|error| failed(folder, &error))?;
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| failed(&folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| failed(&folder, &error))?;
            match sort(&entry, &top, wanted).map_err(|refusal| told(&entry, &refusal))? {
                Entry::File => found.push(entry.path()),
                Entry::Folder if recursive == Recursive::Yes => waiting.push(entry.path()),
                Entry::Folder | Entry::Other => {}
            }
        }
    }
    found.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(found)
}

/// Refuses a folder in which a link, at any depth, leads out of it: other programs follow links wherever they lead
/// (CVE-2022-24348). A link to nothing leads nowhere.
pub fn links_stay(folder: &Path) -> Result<(), Problem> {
    let top = fs::canonicalize(folder).map_err(|error| failed(folder, &error))?;
    let mut waiting = vec![top.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, &error))? {
            let entry = entry.map_err(|error| failed(&folder, &error))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(|error| failed(&folder, &error))?);
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_symlink() && fs::canonicalize(&path).is_ok_and(|target| !target.starts_with(&top)) {
                let name = path.strip_prefix(&top).unwrap_or(&path);
                return Err(Problem::new(format!("{} is a link that leads out of the repository", shown(name)))
                    .hint("commit what it leads to instead"));
            }
        }
    }
    Ok(())
}

enum Entry {
    File,
    Folder,
    Other,
}

fn sort(entry: &DirEntry, top: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Entry, Refusal> {
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return Ok(Entry::Other);
    }
    let kind = entry.file_type()?;
    if kind.is_dir() {
        return Ok(Entry::Folder);
    }
    if !wanted(&entry.path()) {
        return Ok(Entry::Other);
    }
    if kind.is_file() {
        return Ok(Entry::File);
    }
    if !kind.is_symlink() {
        return Err(Refusal::NotRegular);
    }
    let target = fs::canonicalize(entry.path())?;
    if !target.starts_with(top) {
        return Err(Refusal::Leaves);
    }
    let target = fs::metadata(target)?;
    if target.is_file() {
        Ok(Entry::File)
    } else if target.is_dir() {
        Ok(Entry::Other)
    } else {
        Err(Refusal::NotRegular)
    }
}

fn told(entry: &DirEntry, refusal: &Refusal) -> Problem {
    let path = entry.path();
    match refusal {
        Refusal::Leaves => Problem::new(format!("{} is a link that leaves the folder", shown(&path)))
            .hint("copy the file into the folder, or name it on the command line"),
        other => other.problem(&path.to_string_lossy()),
    }
}

fn failed(folder: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("{} can't be listed: {}", shown(folder), reason(error))).hint(advice(error))
}
