//! Opening a file beneath a folder, and nowhere else.
//!
//! Receives a handle of the root and a path below it, gives back an open file whose kind is not yet
//! checked. It never looks at a name twice: what is opened is what was judged, whoever swaps links
//! meanwhile (CVE-2022-24904, CVE-2022-31036).
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "opens files of the root")]

use std::{fs::File, os::fd::OwnedFd, path::Path};

use super::{refusal::Refusal, walk};

/// Opens `path` beneath `root`.
pub(super) fn open(root: &OwnedFd, path: &Path) -> Result<File, Refusal> {
    if path.components().any(|part| walk::is_git(part.as_os_str())) {
        return Err(Refusal::Git);
    }
    #[cfg(target_os = "linux")]
    match kernel::open(root, path) {
        Err(Refusal::System(error)) if kernel::is_missing(&error) => {}
        done => return done,
    }
    walk::open(root, path)
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::{
        fs::{File, read_link},
        io,
        os::fd::{AsRawFd, OwnedFd},
        path::{Path, PathBuf},
    };

    use rustix::{
        fs::{Mode, OFlags, ResolveFlags, openat2},
        io::Errno,
    };

    use super::super::{refusal::Refusal, walk};

    /// First without links, so that /proc is asked only where there are some.
    pub(super) fn open(root: &OwnedFd, path: &Path) -> Result<File, Refusal> {
        match attempt(root, path, ResolveFlags::NO_SYMLINKS) {
            Err(Errno::LOOP) => {
                let file = attempt(root, path, ResolveFlags::empty())?;
                stays_out_of_git(root, &file)?;
                Ok(file)
            }
            done => Ok(done?),
        }
    }

    /// An old kernel says ENOSYS, the seccomp filter of an old container runtime EPERM.
    pub(super) fn is_missing(error: &io::Error) -> bool {
        matches!(Errno::from_io_error(error), Some(Errno::NOSYS | Errno::PERM))
    }

    fn attempt(root: &OwnedFd, path: &Path, more: ResolveFlags) -> Result<File, Errno> {
        let mut outcome = Err(Errno::AGAIN);
        for _ in 0..ATTEMPTS {
            outcome = openat2(
                root,
                path,
                OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
                Mode::empty(),
                ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | more,
            );
            if !matches!(outcome, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        outcome.map(File::from)
    }

    /// A link below the root may lead into `.git` too, under a name that does not show it.
    fn stays_out_of_git(root: &OwnedFd, file: &File) -> Result<(), Refusal> {
        let root = name(root).ok_or(Refusal::Unsure)?;
        let file = name(file).ok_or(Refusal::Unsure)?;
        let below = file.strip_prefix(root).map_err(|_| Refusal::Unsure)?;
        if below.components().any(|part| walk::is_git(part.as_os_str())) {
            return Err(Refusal::Git);
        }
        Ok(())
    }

    /// What the kernel calls an open handle.
    fn name(handle: &impl AsRawFd) -> Option<PathBuf> {
        read_link(format!("/proc/self/fd/{}", handle.as_raw_fd())).ok()
    }

    /// With `..` in the path and a rename anywhere on the machine, the kernel can't be sure and says
    /// "try again" (openat2(2), EAGAIN). Many times in a row is an attack.
    const ATTEMPTS: usize = 128;
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn only_a_kernel_that_lacks_the_call_is_worked_around_h7() {
        for (errno, missing) in
            [(Errno::NOSYS, true), (Errno::PERM, true), (Errno::ACCESS, false), (Errno::NOENT, false)]
        {
            assert_eq!(kernel::is_missing(&errno.into()), missing, "{errno}");
            assert!(matches!(Refusal::from(errno), Refusal::System(_)));
        }
        assert!(matches!(Refusal::from(Errno::XDEV), Refusal::Leaves));
    }
}
