//! The door: harden the process, parse what was typed, run, end with an exit code.

#![forbid(unsafe_code)]

use std::panic::catch_unwind;
use std::process::ExitCode;

use sealref::error::Exit;
use sealref::outside::process;

fn main() -> ExitCode {
    process::harden();
    process::watch_signals();
    // Where it was has been told; what it said is dropped unseen
    catch_unwind(sealref::cli::run).unwrap_or_else(|_| ExitCode::from(Exit::Bug.code()))
}
