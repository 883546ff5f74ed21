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
    fs::{File, Metadata},
    io::{self, BufWriter, IsTerminal, Write},
    os::fd::AsFd,
};

use zeroize::Zeroizing;

use super::{
    files::{Held, Refusal, held},
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

/// All bytes of standard input, at most so many.
pub fn read_stdin(limit: usize) -> Result<Held, Problem> {
    // Not through `Stdin`: its buffer is never wiped
    unbuffered(&io::stdin())
        .map_err(Refusal::from)
        .and_then(|mut file| {
            let length = file.metadata().ok().filter(Metadata::is_file).map(|file| file.len());
            held(&mut file, length.and_then(|length| usize::try_from(length).ok()), limit)
        })
        .map_err(|refusal| refusal.problem("stdin"))
}

/// True where a person would have to type the input.
#[must_use]
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// What the person at the terminal types, unseen.
pub fn passphrase(of: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let typed = rpassword::prompt_password(format!("Passphrase of {of}: "));
    typed.map(|text| Zeroizing::new(text.into_bytes())).map_err(|_| {
        Problem::new(format!("{of} is protected with a passphrase, and there is no terminal to ask for it"))
            .hint("run sealref in a terminal, or give a file without one: age -d")
    })
}

/// Writes the output, once and complete.
pub fn write_stdout(pieces: &[&str]) -> Result<Written, Problem> {
    outcome(unbuffered(&io::stdout()).and_then(|mut file| {
        #[cfg(target_os = "linux")]
        if pieces.iter().map(|piece| piece.len()).sum::<usize>() > LARGE_PIPE {
            // Fewer turns of writer and reader; what is no pipe, or may not grow, stays as it is
            let _ = rustix::pipe::fcntl_setpipe_size(&file, LARGE_PIPE);
        }
        write(&mut file, pieces)
    }))
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

/// Shows what is under way in the last line of a terminal, in the place of what was shown before; nothing shows nothing.
/// False where standard error is no terminal: then it stays silent.
#[cfg(feature = "remote")]
pub(super) fn progress(line: &str) -> bool {
    let stderr = io::stderr();
    let terminal = stderr.is_terminal();
    if terminal {
        let _ = stderr.lock().write_all(format!("\r\u{1b}[K{line}").as_bytes());
    }
    terminal
}

fn unbuffered(stream: &impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

fn write(writer: &mut impl Write, pieces: &[&str]) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(PIPE, writer);
    for piece in pieces {
        writer.write_all(piece.as_bytes())?;
    }
    writer.flush()
}

/// Bytes that a pipe takes at once on Linux.
const PIPE: usize = 64 << 10;

/// Bytes of the largest pipe that anybody may make on Linux.
#[cfg(target_os = "linux")]
const LARGE_PIPE: usize = 1 << 20;

fn outcome(result: io::Result<()>) -> Result<Written, Problem> {
    match result {
        Ok(()) => Ok(Written::Complete),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::Closed),
        Err(error) => Err(Problem::new(format!("the output can't be written: {}", reason(&error)))
            .hint("what was written is not complete; do not use it")),
    }
}

/// <https://no-color.org>: any value but an empty one.
fn wants_colour(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty()) && variable("TERM").is_none_or(|value| value != "dumb")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_written_in_order_and_flushed() {
        let mut written = Vec::new();
        write(&mut written, &["a", "", "bc"]).unwrap();
        assert_eq!(written, b"abc");
    }

    #[test]
    fn a_full_device_is_a_problem_h2() {
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        for pieces in [&["short"][..], &[&"x".repeat(100_000)]] {
            let problem = outcome(write(&mut full, pieces)).unwrap_err();
            assert_eq!(problem.message(), "the output can't be written: no space left on the device");
        }
    }

    #[test]
    fn a_closed_pipe_is_told_apart_h1() {
        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        assert_eq!(outcome(write(&mut writer, &["x"])), Ok(Written::Closed));
    }

    #[test]
    fn a_pipe_that_closes_after_the_first_bytes_is_told_apart_h1() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let taker = std::thread::spawn(move || {
            let mut ten = [0; 10];
            io::Read::read_exact(&mut reader, &mut ten).unwrap();
        });
        let outcome = outcome(write(&mut writer, &[&"x".repeat(1 << 20)]));
        taker.join().unwrap();
        assert_eq!(outcome, Ok(Written::Closed));
    }

    #[test]
    fn only_the_first_word_of_a_line_is_painted() {
        assert_eq!(
            painted("error: no error: here\nhint: do\nplain\n"),
            "\u{1b}[1;31merror:\u{1b}[0m no error: here\n\u{1b}[1;36mhint:\u{1b}[0m do\nplain\n"
        );
    }

    #[test]
    fn colour_is_left_out_where_it_is_not_wanted_h8() {
        let with =
            |name: &'static str, value: &'static str| wants_colour(move |asked| (asked == name).then(|| value.into()));
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("NO_COLOR", "0") && !with("TERM", "dumb"));
    }
}
