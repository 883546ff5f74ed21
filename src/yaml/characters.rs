//! Which characters may stand in a text.
//!
//! Receives a text and gives back a fault where Kubernetes' readers would refuse a character or would see the end of a
//! line that we do not see. It never looks at the grammar.

use super::Fault;

const ESCAPE: &str = "write it as an escape within double quotes";

/// Bytes that are judged at once.
const BLOCK: usize = 64;

/// Refuses raw control characters, lone carriage returns, byte order marks inside, and line ends that only YAML 1.1 knows.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    // Most texts are plain: many bytes are judged at once, and one by one only where something is odd.
    for (count, block) in text.as_bytes().chunks(BLOCK).enumerate() {
        if !block.iter().fold(false, |odd, byte| odd | is_odd(*byte)) {
            continue;
        }
        for at in (count * BLOCK..).take(block.len()) {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            if let Some((message, hint)) = judge(rest, at) {
                return Err(Fault::at(text, at, message, hint));
            }
        }
    }
    Ok(())
}

/// True for bytes that need a second look.
fn is_odd(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0b..=0x1f | 0x7f | 0xc2 | 0xe2 | 0xef)
}

/// What is wrong with the character at the start of `rest`, if anything.
fn judge(rest: &[u8], at: usize) -> Option<(&'static str, &'static str)> {
    match rest {
        [b'\r', b'\n', ..] => None,
        [b'\r', ..] => Some(("a carriage return without a line feed", "end lines with a line feed, or with both")),
        [0xc2, 0x85, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..] => {
            Some(("a character that some readers take for the end of a line (U+0085, U+2028 or U+2029)", ESCAPE))
        }
        [0xef, 0xbb, 0xbf, ..] if at > 0 => Some(("a byte order mark inside the text", "remove it")),
        [0xc2, 0x80..=0x9f, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..] | [0x00..=0x08 | 0x0b..=0x1f | 0x7f, ..] => {
            Some(("a control character", ESCAPE))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_readers_agree_on_may_stand_in_a_text_a18() {
        for good in ["a\tb\r\nc\n", "\u{feff}a", "\u{e9}\u{20ac}\u{1f600}\u{fffd}"] {
            assert!(check(good).is_ok());
        }
        for bad in [
            "a\rb",
            "a\0",
            "\u{1b}",
            "\u{7f}",
            "\u{80}",
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "a\u{feff}",
            "\u{fffe}",
            "\u{ffff}",
            "a\r",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_line_is_told() {
        assert_eq!(check("a\nb\n\0").err().map(|fault| fault.line), Some(3));
    }
}
