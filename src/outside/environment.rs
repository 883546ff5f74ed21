//! The environment of the process, one name at a time, and its arguments.
//!
//! Receives a name, gives back its value, wiped on drop, and never lists names or shows a value.
#![expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use zeroize::{Zeroize, Zeroizing};

use super::reason::reason;
use crate::error::Problem;

/// The program and what was typed behind it.
#[must_use]
pub fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The file that this process runs.
pub fn program() -> Result<PathBuf, Problem> {
    std::env::current_exe().map_err(|error| {
        Problem::new(format!("it is not known where sealref itself is: {}", reason(&error)))
            .hint("start it by its absolute path")
    })
}

/// The paths of a list such as PATH.
#[must_use]
pub fn paths(name: &str) -> Vec<PathBuf> {
    let list = std::env::var_os(name).unwrap_or_default();
    std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// True where an environment variable is set, to whatever bytes.
#[must_use]
pub fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// The value of an environment variable, if it is set.
pub fn variable(name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
    std::env::var_os(name).map(|value| text(name, value.into_vec())).transpose()
}

/// The value as text. The error of the standard library holds the bytes, so it is wiped and replaced.
fn text(name: &str, value: Vec<u8>) -> Result<Zeroizing<String>, Problem> {
    String::from_utf8(value).map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        Problem::new(format!("the environment variable \"{name}\" is not valid UTF-8"))
            .hint("set it to text, or put the bytes into a file")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_set_is_read() {
        assert!(variable("PATH").unwrap().is_some_and(|path| !path.is_empty()));
    }

    #[test]
    fn a_variable_that_is_not_set_is_nothing() {
        assert!(variable("SEALREF_NOT_SET_ANYWHERE").unwrap().is_none());
        assert!(variable("").unwrap().is_none());
        assert!(variable("A=B").unwrap().is_none());
    }

    #[test]
    fn bytes_that_are_not_text_are_a_problem_without_the_bytes() {
        let problem = text("TOKEN", b"hunter2\xff".to_vec()).unwrap_err();
        let told = format!("{problem} {problem:?}");
        assert!(told.contains("TOKEN"), "{told}");
        assert!(!told.contains("hunter2") && !told.contains("104"), "{told}");
    }
}
