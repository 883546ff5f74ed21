//! Base64 as Go reads it into `[]byte`: padded, standard alphabet, line breaks skipped (`encoding/base64`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The bytes that a text stands for; None where it is no base64.
#[must_use]
pub fn unbase64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // One allocation each: growing would leave copies behind.
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len()));
    kept.extend(text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    STANDARD.decode(kept.as_slice()).ok().map(Zeroizing::new)
}
