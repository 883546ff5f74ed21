//! Go durations in the one form that nobody rewrites: `1h0m0s`.
//! External Secrets before 1.1.1 rewrote other forms, which showed as a difference for ever.

use std::fmt;

use serde::Deserialize;

/// A length of time, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Interval(u64);

impl TryFrom<String> for Interval {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected a length of time such as 1h, 15m or 1h30m")
    }
}

impl Interval {
    /// One hour: External Secrets' own default.
    pub const HOUR: Self = Self(3600);

    /// What is refreshed so is fetched once.
    pub const NEVER: Self = Self(0);

    /// One minute.
    pub const MINUTE: Self = Self(60);

    /// Reads what `time.ParseDuration` reads of hours, minutes and seconds: `1h`, `90m`, `1h30m`, `0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self(0));
        }
        let (mut rest, mut seconds) = (text, 0u64);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, behind) = rest.split_at_checked(digits)?;
            let unit = behind.chars().next()?;
            let factor = match unit {
                'h' => 3600,
                'm' => 60,
                's' => 1,
                _ => return None,
            };
            seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
            rest = behind.get(1..)?;
        }
        (!text.is_empty()).then_some(Self(seconds))
    }
}

/// As Go prints a `time.Duration`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        match (hours, minutes) {
            (0, 0) => write!(f, "{seconds}s"),
            (0, _) => write!(f, "{minutes}m{seconds}s"),
            _ => write!(f, "{hours}h{minutes}m{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (text, canonical) in [
            ("1h", Some("1h0m0s")),
            ("90m", Some("1h30m0s")),
            ("15m", Some("15m0s")),
            ("30s", Some("30s")),
            ("1h30m5s", Some("1h30m5s")),
            ("0", Some("0s")),
            ("1d", None),
            ("h", None),
            ("", None),
            ("1", None),
            ("-1h", None),
            ("1.5h", None),
        ] {
            let read = Interval::parse(text).map(|interval| interval.to_string());
            assert_eq!(read.as_deref(), canonical, "{text}");
        }
    }
}
