//! Times as Go writes them: the MAC is bound to one, and hashes others.

use std::sync::LazyLock;

use regex::Regex;

/// The layouts of RFC 3339 and of YAML's timestamps: a date alone, and one digit where another would be zero.
const LAYOUT: &str = concat!(
    r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})",
    r"(?:[Tt ]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]*))?(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
);

/// With whole seconds (time.RFC3339).
pub(super) fn seconds(text: &str) -> Option<String> {
    write(text, false)
}

/// With a fraction where there is one (time.RFC3339Nano).
pub(super) fn nanoseconds(text: &str) -> Option<String> {
    write(text, true)
}

/// None where it is no time.
fn write(text: &str, fraction: bool) -> Option<String> {
    static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(LAYOUT).ok());
    let parts = TIME.as_ref()?.captures(text)?;
    let part = |number| parts.get(number).map_or("", |part| part.as_str());
    let nanoseconds = part(7).get(..9).unwrap_or(part(7)).trim_end_matches('0');
    let point = if fraction && !nanoseconds.is_empty() { "." } else { "" };
    let zone = match part(8) {
        "" | "+00:00" | "-00:00" => "Z",
        zone => zone,
    };
    let nanoseconds = if fraction { nanoseconds } else { "" };
    let (year, month, day, hour, minute, second) = (part(1), part(2), part(3), part(4), part(5), part(6));
    Some(format!("{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute:0>2}:{second:0>2}{point}{nanoseconds}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        // What Go 1.27 prints for time.Parse(layout, text).Format(time.RFC3339Nano).
        let table = [
            ("2001-01-01", "2001-01-01T00:00:00Z"),
            ("2001-1-2", "2001-01-02T00:00:00Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("2001-12-14 21:59:43.10", "2001-12-14T21:59:43.1Z"),
            ("2024-02-29T01:02:03.000Z", "2024-02-29T01:02:03Z"),
            ("2024-02-29T01:02:03+00:00", "2024-02-29T01:02:03Z"),
        ];
        for (text, written) in table {
            assert_eq!(nanoseconds(text).as_deref(), Some(written), "{text}");
        }
        assert_eq!(seconds("2024-02-29T01:02:03.5+02:00").as_deref(), Some("2024-02-29T01:02:03+02:00"));
        assert_eq!(seconds("yesterday"), None);
    }
}
