//! Why a file was not read, and how that is told.
//!
//! Receives what went wrong and the name that was asked for, gives back a problem, and never
//! says anything about what the file holds or whether something outside the root exists.

use std::{io, path::Path};

use rustix::io::Errno;

use crate::{
    error::{Exit, Problem},
    limits,
    outside::reason::reason,
};

/// A reason for not giving the bytes of a file.
#[derive(Debug)]
pub(in crate::outside) enum Refusal {
    /// It starts at the file system's root.
    Absolute,
    /// It was written to, cut or replaced between the first and the last byte.
    Changed,
    /// It lies below the root, where files may not be read.
    Elsewhere,
    /// It has no name.
    Empty,
    /// A folder, where a file is asked for.
    Folder,
    /// It is part of what git keeps for itself.
    Git,
    /// It has a second name, which may lie anywhere.
    HardLink,
    /// It lies above the root.
    Leaves,
    /// Its links never end, or only the kernel knows where they lead.
    Loop,
    /// A pipe, socket or device.
    NotRegular,
    /// The operating system refused.
    System(io::Error),
    /// More than this many bytes.
    TooLarge(usize),
    /// A link that can't be followed safely on this system.
    Unsure,
}

impl Refusal {
    /// What is told to the person who wrote `name`.
    pub(in crate::outside) fn problem(&self, name: &str) -> Problem {
        let name = quoted(name);
        match self {
            Self::Absolute => Problem::new(format!("{name} is an absolute path"))
                .hint("write it relative to the folder that names it"),
            Self::Changed => {
                Problem::new(format!("{name} changed while it was read")).hint("run again when nothing writes to it")
            }
            Self::Empty => Problem::new("the name of a file is empty").hint("write the path of a file below the root"),
            Self::Elsewhere => Problem::new(format!("{name} lies outside of the Application's folder"))
                .hint("move it there, or let the operator name its folder under fileRoots of the grant")
                .exit(Exit::Refused),
            Self::Folder => Problem::new(format!("{name} is a folder, not a file")).hint("name one file in it"),
            Self::Git => Problem::new(format!("{name} lies in \".git\""))
                .hint("what git keeps for itself is never read; copy the file elsewhere"),
            Self::HardLink => Problem::new(format!("{name} has a second name (a hard link)"))
                .hint("copy the file instead of linking it"),
            Self::Leaves => Problem::new(format!("{name} leaves the root"))
                .hint("only files below the root are read; move the file there"),
            Self::Loop => Problem::new(format!("{name} goes through links that lead nowhere"))
                .hint("let the link point at a file below the root"),
            Self::NotRegular => Problem::new(format!("{name} is not a regular file"))
                .hint("pipes, sockets and devices are not read; copy the content into a file"),
            Self::System(error) => Problem::new(format!("{name} can't be read: {}", reason(error))).hint(advice(error)),
            Self::TooLarge(limit) => Problem::new(format!("{name} is larger than {}", size(*limit)))
                .hint("split it, or check that it is the file you mean"),
            Self::Unsure => {
                Problem::new(format!("{name} goes through a link, and this system can't tell safely where it leads"))
                    .hint("name the file itself, or run on Linux 5.6 or later with /proc mounted")
            }
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::ISDIR) => Self::Folder,
            Some(Errno::LOOP) => Self::Loop,
            Some(Errno::NODEV | Errno::NXIO) => Self::NotRegular,
            Some(Errno::XDEV) => Self::Leaves,
            _ => Self::System(error),
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// A path in double quotes, its middle left out where it would crowd out the message.
pub(in crate::outside) fn quoted(path: &str) -> String {
    let most = limits::MESSAGE / 2;
    let count = path.chars().count();
    if count <= most {
        return format!("\"{path}\"");
    }
    let start: String = path.chars().take(most / 2).collect();
    let end: String = path.chars().skip(count - most / 2).collect();
    format!("\"{start}...{end}\"")
}

/// The same for a path of the file system.
pub(in crate::outside) fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// What helps against an error of the operating system.
pub(in crate::outside) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "check the path",
        io::ErrorKind::OutOfMemory => "give it more memory, or split the input",
        io::ErrorKind::PermissionDenied => "check who owns it and its mode",
        io::ErrorKind::ReadOnlyFilesystem => "choose a folder that can be written to",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room and run again",
        _ => "check the path and the file system",
    }
}

/// A limit for a reader: whole MiB, whole KiB, or bytes.
pub(in crate::outside) fn size(bytes: usize) -> String {
    match bytes {
        0 => "0 bytes".into(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_does_not_crowd_out_the_message_d7() {
        let told = Refusal::Leaves.problem(&"x/".repeat(2000)).to_string();
        assert!(told.contains("leaves the root"), "{told}");
    }

    #[test]
    fn a_name_with_controls_is_escaped_d7() {
        let told = Refusal::Leaves.problem("a\nb\u{1b}[31m").to_string();
        assert!(told.starts_with("\"a\\u{a}b\\u{1b}[31m\" leaves"), "{told}");
    }

    #[test]
    fn limits_are_told_in_their_unit() {
        assert_eq!(size(5 << 20), "5 MiB");
        assert_eq!(size(3 << 10), "3 KiB");
        assert_eq!(size(1000), "1000 bytes");
    }
}
