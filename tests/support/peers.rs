//! Real programs that tests talk to, as `tests/peers/install` leaves them in `target/peers`.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The program, or nothing after a line that says what is skipped. With `CI=true` it must be there.
///
/// The path does not depend on `CARGO_TARGET_DIR`, since other tools share the peers.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is missing: run tests/peers/install");
    // Not println: the test runner would keep that of a passing test to itself
    let _ = writeln!(std::io::stderr(), "skipped: {name} (run tests/peers/install)");
    None
}
