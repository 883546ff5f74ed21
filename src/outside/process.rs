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
    io::{self, Read},
    os::unix::process::CommandExt as _,
    panic,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, setrlimit};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

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
/// which grows page by page. Where no other thread can be had, work is done here too.
pub fn work_along() {
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
}

/// Ends the process at once on TERM, INT and HUP, with 143, 130 and 129, after removing temporary
/// files. Where no thread can be had, the system's own way of ending it stays.
pub fn watch_signals() {
    let (ready, watching) = mpsc::channel();
    let watcher = thread::Builder::new().name("signals".into()).spawn(move || {
        let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]);
        // Nobody waits any more only if the process is ending
        let _ = ready.send(());
        let first = signals.ok().and_then(|mut signals| signals.forever().next());
        if let Some(signal) = first {
            end(signal);
        }
    });
    if watcher.is_ok() {
        let _ = watching.recv();
    }
}

#[expect(clippy::exit, reason = "a signal ends the process in the midst of whatever it does")]
fn end(signal: i32) -> ! {
    let started = running();
    for group in started.iter() {
        let _ = kill_process_group(*group, Signal::KILL);
    }
    let _no_new_ones = files::remove_all();
    std::process::exit(128 + signal)
}

/// What a program did before it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// It ended with 0.
    pub success: bool,
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
}

/// Starts a program and waits for its end, at most [`limits::PROGRAM_SECONDS`]; then it is ended, with all that it started.
///
/// It runs in the folder `home`, which is also its HOME, with our PATH, and knows nothing else of our environment.
pub fn run(program: &Path, arguments: &[&str], home: &Path) -> Result<Ended, Problem> {
    let until = Instant::now() + Duration::from_secs(limits::PROGRAM_SECONDS);
    let failed = |error: io::Error| {
        Problem::new(format!("{} can't be started: {}", files::shown(program), reason(&error)))
            .hint("does it run when you call it?")
    };
    let mut child = start(program, arguments, home).map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take().map(beginning), child.stderr.take().map(beginning));
    let text = |read: Option<mpsc::Receiver<Vec<u8>>>| {
        let bytes = read?.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    // Until its end is asked for, its number belongs to it, and to its group
    let texts = (text(stdout), text(stderr));
    let status = if texts.0.is_some() && texts.1.is_some() { end_of(&mut child, until) } else { None };
    if let (Some(status), (Some(stdout), Some(stderr))) = (status, texts) {
        return Ok(Ended { success: status.success(), stdout, stderr });
    }
    kill(&mut child);
    let (shown, seconds) = (files::shown(program), limits::PROGRAM_SECONDS);
    Err(Problem::new(format!("{shown} did not end within {seconds} seconds")).hint("does it run when you call it?"))
}

fn start(program: &Path, arguments: &[&str], home: &Path) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(home).env_clear().env("HOME", home).env("LANG", "C.UTF-8");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    // Held across both steps, so that a signal finds either no program or its group
    let mut running = running();
    let child = command.spawn()?;
    running.extend(group(&child));
    Ok(child)
}

/// Reads on a thread of its own: a grandchild may keep the pipe open for as long as it likes.
fn beginning(pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (done, read) = mpsc::channel();
    // Where no thread can be had, nothing is received
    let _ = thread::Builder::new().name("reader".into()).spawn(move || {
        let mut bytes = vec![];
        let whole = pipe.take(limits::PRINTED as u64).read_to_end(&mut bytes);
        whole.is_ok().then(|| done.send(bytes))
    });
    read
}

fn end_of(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    loop {
        let mut running = running();
        if let Some(status) = child.try_wait().ok()? {
            running.retain(|started| Some(*started) != group(child));
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
    if let Some(group) = group(child) {
        let _ = kill_process_group(group, Signal::KILL);
        running.retain(|started| *started != group);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn group(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Groups of programs that were started and have not ended.
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
