//! Several files at once: all of them new, or all as they were.
//!
//! Receives what was read and what is to stand there instead. Everything is written beside the files first, the old
//! content too, so that no full disk is in the way of going back; then each takes its name. What ends the process without
//! asking it (a kill, a power cut) between two of these may leave some new and the others old, each of them whole.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "writes files")]

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    operand::read_file,
    refusal::shown,
    temporary::{Temporary, alive, folder, keep_name},
    write::{Privacy, Target, failed, mode, take_after},
};
use crate::{error::Problem, limits, outside::reason::reason};

/// A file that gets another content.
pub struct Replacement<'a> {
    /// The file.
    pub path: &'a Path,
    /// What was read from it.
    pub old: &'a str,
    /// What is to stand there.
    pub new: &'a str,
}

/// Gives every file its new content.
///
/// # Errors
/// One cannot be written, is read-only, or has changed since it was read: then none is changed.
pub fn replace_together(all: &[Replacement]) -> Result<(), Problem> {
    let staged: Result<Vec<Staged>, Problem> = all.iter().map(stage).collect();
    replace(&mut staged?)
}

/// A file, with what it is to hold and what it held, both written.
struct Staged<'a> {
    new: Temporary,
    old: Temporary,
    path: PathBuf,
    was: &'a str,
}

impl Staged<'_> {
    fn unchanged(&self) -> Result<(), Problem> {
        let is_file = fs::symlink_metadata(&self.path).is_ok_and(|about| about.is_file());
        if is_file && **read_file(&self.path, limits::INPUT)? == *self.was.as_bytes() {
            return Ok(());
        }
        Err(Problem::new(format!("{} has changed meanwhile", shown(&self.path)))
            .hint("no file was changed; run it again"))
    }

    fn replace(&mut self) -> Result<(), Problem> {
        self.unchanged()?;
        self.new.rename(&self.path).map_err(|error| failed(&self.path, "written", &error))
    }
}

/// Each takes its new content, or all get back what they had. A signal waits for the end of it.
fn replace(all: &mut [Staged]) -> Result<(), Problem> {
    let _wait = alive();
    let mut done = 0;
    let outcome = all.iter_mut().try_for_each(|one| one.replace().map(|()| done += 1));
    if let Err(mut problem) = outcome {
        for one in all.iter_mut().take(done) {
            if let Err(error) = one.old.rename(&one.path) {
                problem = failed(&one.path, "given back what it held", &error);
            }
        }
        return Err(problem);
    }
    all.iter().try_for_each(|one| {
        keep_name(&one.path).map_err(|error| {
            let name = shown(folder(&one.path));
            Problem::new(format!(
                "all files are new, but a power cut may undo it: {name} can't be written to the disk: {}",
                reason(&error)
            ))
            .hint("look at the disk, then run it again with --check")
        })
    })
}

fn stage<'a>(one: &Replacement<'a>) -> Result<Staged<'a>, Problem> {
    let Target { path, old } = Target::of(one.path)?;
    if old.as_ref().is_some_and(|old| old.permissions().mode() & WRITABLE == 0) {
        return Err(Problem::new(format!("{} is read-only", shown(one.path)))
            .hint("make it writable (chmod u+w), or leave it out; no file was changed"));
    }
    let write = |text: &str| -> io::Result<Temporary> {
        let mut temporary = Temporary::new_in(folder(&path), mode(Privacy::Public))?;
        let mut file: &File = temporary.file()?;
        if let Some(old) = &old {
            take_after(file, old)?;
        }
        file.write_all(text.as_bytes())?;
        temporary.close()?;
        Ok(temporary)
    };
    let failed = |error: io::Error| failed(one.path, "written", &error);
    let (new, old) = (write(one.new).map_err(failed)?, write(one.old).map_err(failed)?);
    let staged = Staged { new, old, path, was: one.old };
    staged.unchanged()?;
    Ok(staged)
}

/// The bits of a mode that let somebody write.
const WRITABLE: u32 = 0o222;

#[cfg(test)]
mod tests {
    use super::*;

    fn replacement<'a>(path: &'a Path, old: &'a str, new: &'a str) -> Replacement<'a> {
        Replacement { path, old, new }
    }

    #[test]
    fn all_are_new_or_all_are_as_they_were_h2() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one.yaml", "two.yaml"].map(|name| folder.path().join(name));
        fs::write(&one, "1").unwrap();
        fs::write(&two, "2").unwrap();
        let both = || [replacement(&one, "1", "I"), replacement(&two, "2", "II")];
        let read = || [fs::read_to_string(&one).unwrap(), fs::read_to_string(&two).unwrap()];
        let left = || fs::read_dir(folder.path()).unwrap().count();
        // The second name is taken by a folder after everything was written
        let mut staged: Vec<_> = both().iter().map(|one| stage(one).unwrap()).collect();
        fs::remove_file(&two).unwrap();
        fs::create_dir(&two).unwrap();
        assert!(replace(&mut staged).unwrap_err().message().ends_with("two.yaml\" has changed meanwhile"));
        drop(staged);
        assert_eq!((fs::read_to_string(&one).unwrap().as_str(), left()), ("1", 2));
        fs::remove_dir(&two).unwrap();
        // Somebody saves the second while they are written, without another length
        fs::write(&two, "2").unwrap();
        let mut staged: Vec<_> = both().iter().map(|one| stage(one).unwrap()).collect();
        fs::write(&two, "3").unwrap();
        assert!(replace(&mut staged).unwrap_err().message().ends_with("two.yaml\" has changed meanwhile"));
        drop(staged);
        assert_eq!((read(), left()), (["1".to_owned(), "3".to_owned()], 2));
        fs::write(&two, "changed").unwrap();
        assert!(replace_together(&both()).unwrap_err().message().ends_with("has changed meanwhile"));
        fs::write(&two, "2").unwrap();
        fs::set_permissions(&two, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(replace_together(&both()).unwrap_err().message().ends_with("is read-only"));
        assert_eq!((read(), left()), (["1".to_owned(), "2".to_owned()], 2));
        fs::set_permissions(&two, fs::Permissions::from_mode(0o600)).unwrap();
        replace_together(&both()).unwrap();
        assert_eq!((read(), left()), (["I".to_owned(), "II".to_owned()], 2));
        assert_eq!(fs::metadata(&two).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
