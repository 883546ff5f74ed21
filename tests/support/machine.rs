//! Programs that machines have, or lack.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A program of the machine, or nothing after a line that says what is skipped.
pub(crate) fn machine(name: &str) -> Option<Command> {
    let places = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is missing on this machine");
        let _ = writeln!(std::io::stderr(), "skipped: {name} (it is not on this machine)");
    }
    found.map(Command::new)
}
