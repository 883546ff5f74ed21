//! The door: harden the process, parse what was typed, run, end with an exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sealref::outside::process::harden();
    sealref::outside::process::watch_signals();
    sealref::cli::run()
}
