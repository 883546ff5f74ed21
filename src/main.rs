//! The door: parse what was typed, harden the process, run, turn the outcome into an exit code.

#![forbid(unsafe_code)]

fn main() {}
