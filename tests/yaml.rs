//! The YAML room against facts, properties and hostile texts.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test reads files and runs programs")]
#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and tells a story as long as it is"
)]

#[path = "yaml/edits.rs"]
mod edits;
#[path = "yaml/hostile.rs"]
mod hostile;
#[path = "yaml/nasty.rs"]
mod nasty;
#[path = "yaml/peers.rs"]
mod peers;
#[path = "yaml/streams.rs"]
mod streams;
#[path = "yaml/types.rs"]
mod types;
#[path = "yaml/vectors.rs"]
mod vectors;
