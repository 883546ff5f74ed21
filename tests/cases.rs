//! Golden cases of what sealref does, a folder an area. The format: tests/README.md.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads files, and fails by panicking")]

#[path = "support/case/mod.rs"]
mod case;

use case::check;

#[test]
fn schemes() {
    check("cases/schemes", "");
}

#[test]
fn every_folder_is_an_area() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let asked = std::fs::read_to_string(tests.join("cases.rs")).unwrap();
    for folder in std::fs::read_dir(tests.join("cases")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(asked.contains(&format!("check(\"cases/{name}\", \"\")")), "no test runs tests/cases/{name}");
    }
}
