//! What a tag promises.
//!
//! Receives a scalar with its tag, and gives back what it holds where that is not its text; a complaint where it cannot
//! be what its tag says, or where JSON has no form for it. It resolves no names of tags.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::node::{Sort, Style};
use super::scalar::{self, Number, Plain};

/// A message and a hint.
pub(super) type Words = (&'static str, &'static str);

/// Checks a scalar; gives what a `!!binary` one holds.
pub(super) fn check(sort: Sort, style: Style, text: &str, is_key: bool) -> Result<Option<String>, Words> {
    let read = || scalar::kubernetes(text);
    let fits = match sort {
        // All that is infinite, or no number, begins with a sign or a point.
        Sort::None if style == Style::Plain && !is_key && text.starts_with(['+', '-', '.']) => {
            if read() == Plain::Infinite {
                return Err(("a number that has no JSON form", "quote it if it is text"));
            }
            true
        }
        Sort::None | Sort::Text => true,
        Sort::Binary => {
            let held = decode(text).ok_or(("this is no base64", "check what follows !!binary"))?;
            return Ok(Some(held));
        }
        Sort::Bool => matches!(read(), Plain::Bool(_)),
        Sort::Collection => false,
        Sort::Float => matches!(read(), Plain::Number(_)),
        Sort::Int => matches!(scalar::number(text), Some(Number::Int(_))),
        Sort::Null => matches!(read(), Plain::Null),
    };
    if fits {
        Ok(None)
    } else {
        let message = "the tag does not fit what it stands before";
        Err((message, "remove the tag"))
    }
}

/// Base64 as Go's StdEncoding reads it, line ends being passed over, and as Go's JSON then says it.
fn decode(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = STANDARD.decode(bare).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
