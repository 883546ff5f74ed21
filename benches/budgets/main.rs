//! The budgets, measured: what each job takes, beside the program that people use for it today.
//!
//! `cargo bench` starts the release binary as a process, again and again, in turns with its peer, on
//! inputs that are made in a temporary folder. It prints a table and fails at nothing: wall time on a
//! shared machine is no test. `INSTRUCTIONS=1 cargo bench` adds a count of instructions by valgrind,
//! which is steady. `docs/benchmarks.md` keeps the figures.
#![allow(missing_docs, unreachable_pub, reason = "a program for developers")]

mod inputs;
mod measure;
mod rows;
mod server;
mod table;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, command)) if first == measure::ALONE => measure::alone(command),
        _ => table::print(&rows::all()),
    }
}
