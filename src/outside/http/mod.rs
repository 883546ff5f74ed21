//! Requests to servers: the only door to the network.
//!
//! Receives requests as data, gives back what was answered, or a problem in our own words. It never follows a
//! redirect, never speaks in the clear except to this machine, and never tells what an answer holds.

#[cfg_attr(not(feature = "remote"), path = "none.rs")]
mod network;

#[cfg(feature = "remote")]
mod attempt;
#[cfg(feature = "remote")]
mod client;
#[cfg(feature = "remote")]
mod failure;
#[cfg(feature = "remote")]
mod memory;
#[cfg(feature = "remote")]
mod name;

pub use network::Network;

use std::time::Duration;

use crate::limits;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until an answer begins.
    pub first_byte: Duration,
    /// Until it has ended.
    pub answer: Duration,
    /// For all requests of a run.
    pub run: Duration,
    /// The longest pause before the second attempt; it doubles before each further one.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(limits::CONNECT),
            first_byte: Duration::from_millis(limits::FIRST_BYTE),
            answer: Duration::from_millis(limits::ANSWER),
            run: Duration::from_millis(limits::NETWORK),
            pause: Duration::from_millis(limits::PAUSE),
        }
    }
}
