//! The process itself: what others may see of it, and how it ends.
//!
//! Receives nothing, gives back nothing. It never lets memory, a panic's payload or a half-written file
//! outlive the process.
#![expect(clippy::disallowed_methods, reason = "the one place that ends the process")]

use std::{panic, sync::mpsc, thread};

use rustix::process::{Resource, Rlimit, setrlimit};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use super::{files, stdio};

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
    let _no_new_ones = files::remove_all();
    std::process::exit(128 + signal)
}

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
