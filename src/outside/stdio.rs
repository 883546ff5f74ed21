//! Standard input, output and error.
//!
//! Receives all of the output at once and gives back all of the input at once. It never writes half of a
//! result without saying so, and never panics on a closed pipe.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the one place that touches the standard streams"
)]

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    os::fd::AsFd,
};

use zeroize::Zeroizing;

use super::{
    files::{Refusal, stream},
    reason::reason,
};
use crate::error::Problem;

/// What became of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The reader went away: end quietly, with 141, as a program killed by SIGPIPE would.
    Closed,
    /// All of it was handed over.
    Complete,
}

/// All bytes of standard input.
pub fn read_stdin(limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
    // Not through `Stdin`: its buffer is never wiped
    unbuffered(&io::stdin())
        .map_err(Refusal::from)
        .and_then(|mut file| stream(&mut file, limit))
        .map_err(|refusal| refusal.problem("stdin"))
}

/// True where a person would have to type the input.
#[must_use]
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Writes the output, once and complete.
pub fn write_stdout(pieces: &[&str]) -> Result<Written, Problem> {
    outcome(unbuffered(&io::stdout()).and_then(|mut file| write(&mut file, pieces)))
}

/// Tells a person something, on standard error. If even that fails, nobody can be told.
pub fn tell(lines: &str) {
    let stderr = io::stderr();
    let text = if stderr.is_terminal() && wants_colour(|name| std::env::var_os(name)) {
        Cow::Owned(painted(lines))
    } else {
        Cow::Borrowed(lines)
    };
    // In one piece, so that lines of parallel runs are not mixed
    let _ = stderr.lock().write_all(text.as_bytes());
}

fn unbuffered(stream: &impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

fn write(writer: &mut impl Write, pieces: &[&str]) -> io::Result<()> {
    let mut writer = BufWriter::new(writer);
    for piece in pieces {
        writer.write_all(piece.as_bytes())?;
    }
    writer.flush()
}

fn outcome(result: io::Result<()>) -> Result<Written, Problem> {
    match result {
        Ok(()) => Ok(Written::Complete),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::Closed),
        Err(error) => Err(
            Problem::new(format!("the output can't be written: {}", reason(&error)))
                .hint("what was written is not complete; do not use it"),
        ),
    }
}

/// <https://no-color.org>: any value but an empty one.
fn wants_colour(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty())
        && variable("TERM").is_none_or(|value| value != "dumb")
}

/// The first word of a line in bold and a colour, if it says what the line is.
fn painted(lines: &str) -> String {
    lines
        .split_inclusive('\n')
        .map(|line| {
            PAINTS
                .iter()
                .find_map(|(word, paint)| {
                    let rest = line.strip_prefix(word)?;
                    Some(format!("\u{1b}[{paint}m{word}\u{1b}[0m{rest}"))
                })
                .unwrap_or_else(|| line.to_owned())
        })
        .collect()
}

/// Bold red, bold yellow, bold cyan.
const PAINTS: &[(&str, &str)] = &[("error:", "1;31"), ("warning:", "1;33"), ("hint:", "1;36")];
