//! The sealing key K: 32 bytes that only renderers hold.
//!
//! Receives the bytes of a file or variable; gives back a key, or says what a key looks like. It
//! never trims, guesses, or repeats any of what it read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::Problem;

/// K: wiped when dropped, and never printed, compared or copied; in a box, since a move leaves its bytes on the stack.
pub struct SealingKey(pub(super) Box<Zeroizing<[u8; 32]>>);

/// Whether a key is one of those that examples publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// A key that somebody keeps.
    No,
    /// A published key (`sealref-demo-key-1:`), which protects nothing and is warned of.
    Yes,
}

impl SealingKey {
    /// Reads a key: exactly 32 bytes are raw and never trimmed; else `sealref-key-1:` or
    /// `sealref-demo-key-1:`, the padded base64 (RFC 4648, 4) of 32 bytes, and at most one line feed.
    ///
    /// Everything else is refused, since a key that is read in two ways seals in two ways.
    pub fn read(bytes: &[u8]) -> Result<(Self, Demo), Problem> {
        if let Some(key) = boxed(bytes) {
            return Ok((Self(key), Demo::No));
        }
        let (text, demo) = if let Some(text) = bytes.strip_prefix(PREFIX.as_bytes()) {
            (text, Demo::No)
        } else if let Some(text) = bytes.strip_prefix(DEMO_PREFIX.as_bytes()) {
            (text, Demo::Yes)
        } else if bytes.is_empty() {
            return Err(refused("the sealing key is empty"));
        } else {
            return Err(refused("this is not a sealing key"));
        };
        decode(text.strip_suffix(b"\n").unwrap_or(text))
            .map(|key| (Self(key), demo))
            .ok_or_else(|| refused("the sealing key is damaged or has something around it"))
    }

    /// The text of a new key, for `keys new`: `sealref-key-1:`, base64, a line feed.
    ///
    /// The text is the key: whoever asks for it writes it to one file and wipes it.
    #[must_use]
    pub fn print(bytes: &[u8; 32]) -> String {
        // Room for all of it from the start, so that no shorter copy is left behind
        let mut text = String::with_capacity(PREFIX.len() + ENCODED + 1);
        text.push_str(PREFIX);
        STANDARD.encode_string(bytes, &mut text);
        text.push('\n');
        text
    }
}

fn boxed(bytes: &[u8]) -> Option<Box<Zeroizing<[u8; 32]>>> {
    let mut key = Box::new(Zeroizing::new([0; 32]));
    (bytes.len() == key.len()).then(|| key.copy_from_slice(bytes))?;
    Some(key)
}

fn decode(text: &[u8]) -> Option<Box<Zeroizing<[u8; 32]>>> {
    // The decoder wants room for the bytes that padding stands for
    let mut room = Zeroizing::new([0; ENCODED / 4 * 3]);
    let length = STANDARD.decode_slice(text, room.as_mut_slice()).ok()?;
    boxed(room.get(..length)?)
}

fn refused(message: &str) -> Problem {
    Problem::new(message).hint(
        "a key is a file of exactly 32 bytes, or \"sealref-key-1:\" and the base64 of 32 bytes on one line; \
         \"sealref keys new\" makes one",
    )
}

const PREFIX: &str = "sealref-key-1:";
const DEMO_PREFIX: &str = "sealref-demo-key-1:";
/// Characters of 32 bytes in padded base64.
const ENCODED: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn counted() -> [u8; 32] {
        std::array::from_fn(|i| u8::try_from(i).unwrap())
    }

    #[test]
    fn every_form_of_a_key_is_read() {
        let raw = counted();
        let forms: [(&[u8], Demo); 5] = [
            (&raw, Demo::No),
            (format!("sealref-key-1:{TEXT}").leak().as_bytes(), Demo::No),
            (format!("sealref-key-1:{TEXT}\n").leak().as_bytes(), Demo::No),
            (format!("sealref-demo-key-1:{TEXT}").leak().as_bytes(), Demo::Yes),
            (format!("sealref-demo-key-1:{TEXT}\n").leak().as_bytes(), Demo::Yes),
        ];
        for (bytes, demo) in forms {
            let (key, said) = SealingKey::read(bytes).unwrap();
            assert!(**key.0 == raw && said == demo);
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let (key, demo) = SealingKey::read(SealingKey::print(&counted()).as_bytes()).unwrap();
        assert!(**key.0 == counted() && demo == Demo::No);
    }

    #[test]
    fn thirty_two_bytes_are_raw_even_if_they_look_like_text() {
        let text = b"sealref-key-1:AAECAwQFBgcICQoLD\n";
        let (key, _) = SealingKey::read(text).unwrap();
        assert!(**key.0 == *text);
    }
}
