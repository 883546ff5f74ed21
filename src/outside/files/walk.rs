//! Opening a file beneath a folder where the kernel can't do it: component by component.
//!
//! Receives the same as `beneath`, gives back the same, and refuses every link, because where it leads
//! can't be judged and followed in one step.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "opens files of the root")]

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

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Read,
        os::unix::fs::symlink,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use tempfile::TempDir;

    use super::*;

    const OUTSIDE: &str = "outside-canary-7c1f";

    fn world() -> (TempDir, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir_all(path.join("root/app/deep")).unwrap();
        fs::create_dir(path.join("other")).unwrap();
        fs::write(path.join("root/values"), "top").unwrap();
        fs::write(path.join("root/app/secret"), "app").unwrap();
        fs::write(path.join("other/secret"), OUTSIDE).unwrap();
        let root = File::open(path.join("root")).unwrap().into();
        (folder, root)
    }

    fn read(root: &OwnedFd, name: &str) -> Result<String, Refusal> {
        let mut text = String::new();
        open(root, Path::new(name))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_walk_stays_below_the_root_d1() {
        let (_folder, root) = world();
        assert_eq!(read(&root, "values").unwrap(), "top");
        assert_eq!(read(&root, "./app/deep/../secret").unwrap(), "app");
        assert_eq!(read(&root, "app/deep/../../values").unwrap(), "top");
        for name in ["../other/secret", "app/../../other/secret", ".."] {
            assert!(matches!(read(&root, name), Err(Refusal::Leaves)), "{name}");
        }
        assert!(matches!(read(&root, "/etc/passwd"), Err(Refusal::Absolute)));
    }

    #[test]
    fn a_walk_refuses_every_link_d1() {
        let (folder, root) = world();
        symlink("app", folder.path().join("root/within")).unwrap();
        symlink("values", folder.path().join("root/file")).unwrap();
        symlink("../other", folder.path().join("root/out")).unwrap();
        for name in ["within/secret", "file", "out/secret", "out/../values"] {
            assert!(matches!(read(&root, name), Err(Refusal::Unsure)), "{name}");
        }
        assert!(matches!(read(&root, "values/x"), Err(Refusal::System(_))));
    }

    #[test]
    fn a_walk_through_a_swapped_folder_never_gives_what_is_outside_d10() {
        let (folder, root) = world();
        let (one, other) = (folder.path().join("root/app"), folder.path().join("root/twin"));
        symlink(folder.path().join("other"), &other).unwrap();
        let stop = AtomicBool::new(false);
        let (mut inside, mut refused) = (0, 0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                }
            });
            for round in 0..2_000_000 {
                // Longer only where a busy machine has not let both outcomes happen yet
                if round >= 20_000 && inside > 0 && refused > 0 {
                    break;
                }
                match read(&root, "app/secret").as_deref() {
                    Ok("app") => inside += 1,
                    Ok(_) => {
                        stop.store(true, Ordering::Relaxed);
                        panic!("read what is outside");
                    }
                    Err(_) => refused += 1,
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(inside > 0 && refused > 0, "{inside} and {refused}");
    }
}
