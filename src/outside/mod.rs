//! The doors to the world: files, standard streams, servers, the process, the environment, the clock, randomness.
//!
//! Receives names from every room, gives back bytes or a problem told in our own words, and knows
//! nothing of manifests or secrets. No other room opens, waits, draws randomness, or asks the time.

pub mod clock;
pub mod environment;
pub mod files;
pub mod http;
pub mod identity;
pub mod process;
pub mod random;
mod reason;
pub mod stdio;
pub mod wire;
