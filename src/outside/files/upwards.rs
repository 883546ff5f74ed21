//! Looking for a file in a folder and in those above it.
//!
//! Receives names, gives back the nearest path, and never opens what it finds.
#![expect(clippy::disallowed_methods, reason = "asks which files exist")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The path of the nearest of `names`, from the folder `from` upwards to `stop_at`, which is looked at
/// too. In one folder the first of the names wins. Nothing outside `stop_at` is looked at.
#[must_use]
pub fn upwards(from: &Path, names: &[&str], stop_at: Option<&Path>) -> Option<PathBuf> {
    let from = fs::canonicalize(from).ok()?;
    let stop_at = match stop_at {
        Some(path) => Some(fs::canonicalize(path).ok()?),
        None => None,
    };
    from.ancestors()
        .take_while(|folder| stop_at.as_ref().is_none_or(|stop_at| folder.starts_with(stop_at)))
        .flat_map(|folder| names.iter().map(|name| folder.join(name)))
        .find(|path| fs::metadata(path).is_ok())
}

/// The nearest folder upwards that has `.git`, be it a folder or, in a worktree, a file.
#[must_use]
pub fn repository(from: &Path) -> Option<PathBuf> {
    upwards(from, &[".git"], None).and_then(|git| git.parent().map(Path::to_path_buf))
}
