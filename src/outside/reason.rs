//! What the operating system said, in our words.
//!
//! Receives its error, gives back a few words of a fixed list, and never passes its text on.

use std::io;

use rustix::io::Errno;

/// Why a call failed.
pub(super) fn reason(error: &io::Error) -> &'static str {
    let Some(errno) = Errno::from_io_error(error) else {
        return "an unexpected error";
    };
    REASONS
        .iter()
        .find(|(known, _)| *known == errno)
        .map_or("an unexpected error of the operating system", |(_, words)| words)
}

const REASONS: &[(Errno, &str)] = &[
    (Errno::ACCESS, "permission denied"),
    (Errno::AGAIN, "it is not ready"),
    (Errno::BADF, "it is closed"),
    (Errno::BUSY, "it is in use"),
    (Errno::DQUOT, "the quota is used up"),
    (Errno::EXIST, "it exists already"),
    (Errno::FBIG, "it would be too large"),
    (Errno::INVAL, "not a usable name"),
    (Errno::IO, "input/output error"),
    (Errno::ISDIR, "it is a folder"),
    (Errno::LOOP, "the links loop"),
    (Errno::MFILE, "too many open files"),
    (Errno::NAMETOOLONG, "the name is too long"),
    (Errno::NFILE, "too many open files on this machine"),
    (Errno::NODEV, "no such device"),
    (Errno::NOENT, "no such file or folder"),
    (Errno::NOMEM, "not enough memory"),
    (Errno::NOSPC, "no space left on the device"),
    (Errno::NOTDIR, "a part of the path is not a folder"),
    (Errno::NOTEMPTY, "it is not empty"),
    (Errno::NXIO, "it is not a regular file"),
    (Errno::PERM, "not permitted"),
    (Errno::PIPE, "the reader is gone"),
    (Errno::ROFS, "the file system is read-only"),
    (Errno::STALE, "the file server lost it"),
    (Errno::TXTBSY, "it is being executed"),
    (Errno::XDEV, "it is on another file system"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_error_is_named() {
        assert_eq!(reason(&Errno::NOSPC.into()), "no space left on the device");
    }

    #[test]
    fn text_inside_an_error_is_never_passed_on() {
        assert_eq!(reason(&io::Error::other("hunter2")), "an unexpected error");
    }
}
