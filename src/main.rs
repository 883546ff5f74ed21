//! The door: harden the process, parse what was typed, run, end with an exit code.

#![forbid(unsafe_code)]
#![warn(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::exit,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use std::panic::catch_unwind;
use std::process::ExitCode;

use sealref::error::Exit;
use sealref::outside::process;
use zeroizing_alloc::ZeroAlloc;

/// Memory that is given back is wiped: buffers of libraries, such as those of an HTTP client, hold values too.
#[global_allocator]
static MEMORY: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    process::harden();
    process::watch_signals();
    // Where it was has been told; what it said is dropped unseen
    catch_unwind(sealref::cli::run).unwrap_or_else(|_| ExitCode::from(Exit::Bug.code()))
}
