//! Where the output goes: one stream, one file, or a file for each that was read.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::STDIN;
use crate::outside::files::{self, Kind, Privacy};
use crate::steps::Output;

/// One stream: between files a marker, where the next one does not begin with its own.
pub(super) fn joined(outputs: Vec<Output>) -> Vec<Cow<str>> {
    let mut pieces: Vec<Cow<str>> = vec![];
    for output in outputs {
        let first = output.pieces.iter().find(|piece| !piece.trim().is_empty());
        let marked = first.is_none_or(|piece| piece.trim_start().starts_with("---"));
        if let Some(last) = pieces.iter().rfind(|piece| !piece.is_empty()) {
            let end = if last.ends_with('\n') { "" } else { "\n" };
            pieces.push(format!("{end}{}", if marked { "" } else { "---\n" }).into());
        }
        pieces.extend(output.pieces);
    }
    pieces
}

/// The list of what a folder got from us: only that is ever removed again.
const WRITTEN: &str = ".sealref-written";

/// A file, or a folder.
pub(super) fn write(path: &Path, outputs: Vec<Output>) -> Result<(), Problems> {
    let folder = path.to_string_lossy().ends_with('/') || files::kind(path).is_ok_and(|kind| kind == Kind::Folder);
    if !folder {
        let pieces = joined(outputs);
        let pieces: Vec<&str> = pieces.iter().map(|piece| &**piece).collect();
        return files::write_atomically(path, &pieces, Privacy::Public).map_err(Problems::from);
    }
    let mut names: Vec<(PathBuf, Vec<Cow<str>>)> = vec![];
    for output in outputs {
        names.push((file_name(output.name, &names)?, output.pieces));
    }
    files::create_folder(path)?;
    let inside = files::resolve(path)?;
    let before = written(path)?;
    let now: BTreeSet<String> = names.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    // Said before it is done: an interrupted run leaves no file that nobody would remove.
    let all: Vec<String> = before.union(&now).map(|name| format!("{name}\n")).collect();
    list(path, &all)?;
    for (name, pieces) in &names {
        let file = path.join(name);
        if let Some(parent) = file.parent() {
            files::create_folder(parent)?;
            stays_inside(&inside, parent)?;
        }
        let pieces: Vec<&str> = pieces.iter().map(|piece| &**piece).collect();
        files::write_atomically(&file, &pieces, Privacy::Public)?;
    }
    for gone in before.difference(&now).map(|gone| path.join(gone)) {
        if gone.parent().is_some_and(|parent| stays_inside(&inside, parent).is_ok()) {
            files::remove(&gone)?;
        }
    }
    let now: Vec<String> = now.iter().map(|name| format!("{name}\n")).collect();
    list(path, &now)
}

fn list(folder: &Path, lines: &[String]) -> Result<(), Problems> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    files::write_atomically(&folder.join(WRITTEN), &lines, Privacy::Public).map_err(Problems::from)
}

/// The names in the list; a name that leads out of the folder is none of ours.
fn written(folder: &Path) -> Result<BTreeSet<String>, Problem> {
    let path = folder.join(WRITTEN);
    if files::kind(&path).is_err() {
        return Ok(BTreeSet::new());
    }
    let bytes = files::read_file(&path, limits::SETTINGS)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter(|name| stays(Path::new(name))).map(str::to_owned).collect())
}

/// A manifest below the folder: a list that somebody has edited must not remove anything else.
fn stays(name: &Path) -> bool {
    let hidden = |part: &Component| part.as_os_str().to_string_lossy().starts_with('.');
    let kept = name.components().all(|part| matches!(part, Component::Normal(_)) && !hidden(&part));
    kept && files::is_manifest(name)
}

/// A link may lead a folder below ours to anywhere.
fn stays_inside(folder: &Path, parent: &Path) -> Result<(), Problem> {
    if files::resolve(parent)?.starts_with(folder) {
        return Ok(());
    }
    Err(Problem::new("a link leads out of the output folder")
        .hint("remove the link, or write to another folder")
        .at(parent.to_string_lossy()))
}

/// The path that was read, without what leads up to the working folder.
fn file_name(name: &str, taken: &[(PathBuf, Vec<Cow<str>>)]) -> Result<PathBuf, Problem> {
    if name == STDIN {
        return Err(Problem::new("standard input has no file name").hint("write to a file: -o FILE"));
    }
    let parts = Path::new(name).components().filter(|part| matches!(part, Component::Normal(_)));
    let name: PathBuf = parts.collect();
    if taken.iter().any(|(other, _)| *other == name) {
        return Err(Problem::new("two files would be written to one name")
            .hint("name each file once, by one path")
            .at(name.to_string_lossy()));
    }
    Ok(name)
}
