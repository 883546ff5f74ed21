//! What time it is, for the dates of certificates.
//!
//! Receives nothing, gives back seconds, and never formats or compares them.
#![expect(clippy::disallowed_methods, reason = "the one place that asks the time")]

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, negative where the clock stands before it.
#[must_use]
pub fn now() -> i64 {
    let seconds = |span: std::time::Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(before) => -seconds(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_later_than_the_day_this_was_written() {
        assert!(now() > 1_700_000_000);
    }
}
