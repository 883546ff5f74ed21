//! Golden cases of what sealref does, a folder an area. The format: tests/README.md.

#[path = "support/case/mod.rs"]
mod case;

use case::check;

#[test]
fn adopt() {
    check("cases/adopt", "");
}

#[test]
fn alerts() {
    check("cases/alerts", "");
}

#[test]
fn checks() {
    check("cases/check", "");
}

#[test]
fn configmaps() {
    check("cases/configmaps", "");
}

#[test]
fn diff() {
    check("cases/diff", "");
}

#[test]
fn env() {
    check("cases/env", "");
}

#[test]
fn explain() {
    check("cases/explain", "");
}

#[test]
fn flux() {
    check("cases/flux", "");
}

#[test]
fn generator() {
    check("cases/generator", "");
}

#[test]
fn helmrelease() {
    check("cases/helmrelease", "");
}

#[test]
fn init() {
    check("cases/init", "");
}

#[test]
fn krm() {
    check("cases/krm", "");
}

#[test]
fn output() {
    check("cases/output", "");
}

#[test]
fn policy() {
    check("cases/policy", "");
}

#[test]
fn rbac() {
    check("cases/rbac", "");
}

#[test]
fn references() {
    check("cases/references", "");
}

#[test]
fn reload() {
    check("cases/reload", "");
}

#[test]
fn schemes() {
    check("cases/schemes", "");
}

#[test]
fn seal() {
    check("cases/seal", "");
}

#[test]
fn sealing() {
    check("cases/sealing", "");
}

#[test]
fn secrets() {
    check("cases/secrets", "");
}

#[test]
fn settings() {
    check("cases/settings", "");
}

#[test]
fn sops() {
    check("cases/sops", "");
}

#[test]
fn stores() {
    check("cases/stores", "");
}

#[test]
fn streams() {
    check("cases/streams", "");
}

#[test]
fn targets() {
    check("cases/targets", "");
}

#[test]
fn tools() {
    check("cases/tools", "");
}

#[test]
fn verify() {
    check("cases/verify", "");
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
