//! Randomness from the operating system, and from nowhere else.
//!
//! Receives a length, gives back that many bytes, and never falls back on a seed of its own.
#![expect(clippy::disallowed_methods, reason = "the one place that draws")]

use crate::error::{Exit, Problem};

/// `N` bytes that nobody can foretell.
pub fn bytes<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(Problem::new("the operating system gives no randomness")
            .hint("nothing was sealed; is the getrandom system call forbidden here?")
            .exit(Exit::Bug)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(bytes::<32>(), bytes::<32>());
    }
}
