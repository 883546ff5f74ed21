//! The YAML room against facts, properties and hostile texts.

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
