//! The process itself: what others may see of it, and how it ends.
//!
//! Receives nothing, gives back nothing. It never lets memory, a panic's payload, a half-written file or a program that
//! it started outlive the process.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the one place that ends the process, and that starts others"
)]

use std::{
    ffi::OsString,
    io::{self, Read},
    os::unix::process::CommandExt as _,
    panic,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, getpgrp, getpid, kill_process, kill_process_group, setrlimit};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};
use zeroize::Zeroizing;

use super::{files, reason::reason, stdio};
use crate::{error::Problem, limits};

/// Closes the process to others: no core dump, no reading of its memory or environment by other
/// processes of the same user, no payload of a panic on standard error.
///
/// What the system does not grant is done without: there is nothing that a user could do about it.
pub fn harden() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    panic::set_hook(Box::new(|panic| stdio::tell(&bug(panic.location()))));
}

/// Lets this thread work along with the others. Alone, it then does all: a second thread would have a heap of its own,
/// which grows page by page. Where there is little to read, or no other thread can be had, it is alone.
pub fn work_along(bytes: usize) {
    let threads = rayon::ThreadPoolBuilder::new().use_current_thread();
    let threads = if bytes < limits::ALONE { threads.num_threads(1) } else { threads };
    let _ = threads.build_global();
}

/// Ends the process at once on TERM, INT, HUP and QUIT, with 143, 130, 129 and 131, after removing temporary
/// files. Where no thread can be had, the system's own way of ending it stays.
pub fn watch_signals() {
    let (watched, signals) = mpsc::channel::<Signals>();
    let watcher = thread::Builder::new().name("signals".into()).spawn(move || {
        let first = signals.recv().ok().and_then(|mut signals| signals.forever().next());
        if let Some(signal) = first {
            end(signal);
        }
    });
    // Caught from here on, by whom there is; what comes before the thread runs is kept for it
    if let (Ok(_), Ok(signals)) = (watcher, Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT])) {
        let _ = watched.send(signals);
    }
}

/// Ends the process with `exit` when it has run for so long, as a signal would: whoever waits for us gives up a little
/// later, and would tell nobody why. Where no thread can be had, nothing does.
pub fn end_after(seconds: u64, problem: Problem) {
    let watcher = thread::Builder::new().name("deadline".into());
    let _ = watcher.spawn(move || {
        thread::sleep(Duration::from_secs(seconds));
        stdio::tell(&format!("error: {problem}\n"));
        leave(problem.code().code().into());
    });
}

fn end(signal: i32) -> ! {
    leave(128 + signal)
}

#[expect(clippy::exit, reason = "a signal, or the end of the time, ends the process in the midst of whatever it does")]
fn leave(code: i32) -> ! {
    let started = running();
    started.iter().for_each(|started| kill_all(*started));
    let _no_new_ones = files::remove_all();
    std::process::exit(code)
}

/// A program, and all that it gets: its arguments as they are, no shell, and nothing of our environment.
pub struct Program<'a> {
    /// The file.
    pub file: &'a Path,
    /// What stands behind its name.
    pub arguments: &'a [&'a str],
    /// Where it runs.
    pub folder: &'a Path,
    /// Its HOME.
    pub home: &'a Path,
    /// Its PATH.
    pub path: OsString,
    /// Its other variables.
    pub variables: &'a [(&'a str, &'a str)],
    /// How long it may take.
    pub seconds: u64,
    /// How many bytes it may print, on each stream.
    pub printed: usize,
}

impl<'a> Program<'a> {
    /// One that is only tried: in a folder that is also its HOME, with our PATH.
    #[must_use]
    pub fn tried(file: &'a Path, arguments: &'a [&'a str], home: &'a Path) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let (seconds, printed) = (limits::PROGRAM_SECONDS, limits::PRINTED);
        Self { file, arguments, folder: home, home, path, variables: &[], seconds, printed }
    }

    /// Starts it and waits for its end; after its time it is ended, with all that it started.
    pub fn run(&self) -> Result<Ended, Problem> {
        let until = Instant::now() + Duration::from_secs(self.seconds);
        let shown = files::shown(self.file);
        let failed = |error: io::Error| {
            Problem::new(format!("{shown} can't be started: {}", reason(&error))).hint("does it run when you call it?")
        };
        let mut child = self.start().map_err(failed)?;
        let (stdout, stderr) = (self.printed(child.stdout.take()), self.printed(child.stderr.take()));
        let read = |pipe: &Printed| pipe.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
        // Until its end is asked for, its number belongs to it, and to its group
        let texts = (read(&stdout), read(&stderr));
        let whole = texts.0.is_some() && texts.1.is_some();
        let status = if whole { end_of(&mut child, until) } else { None };
        match (status, texts) {
            (Some(status), (Some(Some(stdout)), Some(Some(stderr)))) => {
                Ok(Ended { success: status.success(), stdout, stderr })
            }
            (_, (Some(None), _) | (_, Some(None))) => {
                kill(&mut child);
                Err(Problem::new(format!("{shown} printed more than {} MiB", self.printed >> 20))
                    .hint("does it do that when you call it?"))
            }
            _ => {
                kill(&mut child);
                Err(Problem::new(format!("{shown} did not end within {} seconds", self.seconds))
                    .hint("does it run when you call it?"))
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(self.file);
        command.args(self.arguments).current_dir(self.folder).env_clear();
        command.envs(self.variables.iter().copied());
        command.env("HOME", self.home).env("LANG", "C.UTF-8").env("PATH", &self.path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if getpgrp() != getpid() {
            // Else whoever made us a group kills it whole, and us at once (Argo CD's server does): it stays in ours
            command.process_group(0);
        }
        // Held across both steps, so that a signal finds either no program or its group
        let mut running = running();
        let child = command.spawn()?;
        running.extend(number(&child));
        Ok(child)
    }

    /// Reads on a thread of its own: a grandchild may keep the pipe open for as long as it likes.
    fn printed(&self, pipe: Option<impl Read + Send + 'static>) -> Printed {
        let (done, read) = mpsc::channel();
        let limit = self.printed;
        // Where no thread can be had, nothing is received
        let _ = thread::Builder::new().name("reader".into()).spawn(move || {
            let bytes = pipe.and_then(|mut pipe| files::stream(&mut pipe, limit).ok());
            done.send(bytes)
        });
        read
    }
}

/// All that a program printed; None: it was too much, or could not be read.
type Printed = mpsc::Receiver<Option<Zeroizing<Vec<u8>>>>;

/// What a program did before it ended.
pub struct Ended {
    /// It ended with 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: Zeroizing<Vec<u8>>,
    /// Its standard error.
    pub stderr: Zeroizing<Vec<u8>>,
}

fn end_of(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    loop {
        let mut running = running();
        if let Some(status) = child.try_wait().ok()? {
            running.retain(|started| Some(*started) != number(child));
            return Some(status);
        }
        drop(running);
        if Instant::now() >= until {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn kill(child: &mut Child) {
    let mut running = running();
    if let Some(started) = number(child) {
        kill_all(started);
        running.retain(|other| *other != started);
    }
    let _ = child.wait();
}

/// Ends a program, with its group where it leads one.
fn kill_all(program: Pid) {
    let _ = kill_process_group(program, Signal::KILL);
    let _ = kill_process(program, Signal::KILL);
}

fn number(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Programs that were started and have not ended.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// What is told of a panic: where, never what.
fn bug(location: Option<&panic::Location<'_>>) -> String {
    let place = match location {
        Some(location) => format!("{}:{}", location.file(), location.line()),
        None => "an unknown place".to_owned(),
    };
    format!("error: internal: bug at {place}\nhint: please report this line; it holds no values\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_told_by_its_place() {
        let told = bug(Some(panic::Location::caller()));
        assert!(told.starts_with("error: internal: bug at src/outside/process.rs:"), "{told}");
        assert!(bug(None).contains("an unknown place"));
    }
}
