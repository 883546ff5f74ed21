//! What the program is made of: nothing that asks servers without the features that do, and one TLS stack with them.

use std::collections::BTreeSet;
use std::process::Command;

/// `NAME vVERSION` of each crate in a release, tests and builds of it aside. Of other systems nothing is asked: who has
/// only built the program does not have their crates.
fn tree(features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", features])
        .args(["--target", "x86_64-unknown-linux-musl", "--target", "aarch64-unknown-linux-musl"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let first_two = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    text.lines().map(first_two).filter(|line| !line.is_empty()).collect()
}

/// The versions of a crate in a tree.
fn versions<'t>(tree: &'t BTreeSet<String>, name: &'t str) -> Vec<&'t str> {
    tree.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(" v")).collect()
}

#[test]
fn without_features_nothing_is_built_that_asks_servers() {
    let tree = tree("--no-default-features");
    assert!(!versions(&tree, "age").is_empty(), "{tree:?}");
    for name in ["reqwest", "hyper", "tokio", "rustls", "aws-lc-rs", "ring", "kube"] {
        assert!(versions(&tree, name).is_empty(), "{name}");
    }
    let of_clouds = |line: &&String| ["aws-", "azure_", "google-cloud"].iter().any(|cloud| line.starts_with(cloud));
    assert_eq!(tree.iter().find(of_clouds), None);
}

#[test]
fn with_all_features_there_is_one_tls_stack() {
    let tree = tree("--all-features");
    for name in ["rustls", "rustls-webpki", "tokio-rustls", "hyper", "reqwest", "aws-lc-rs"] {
        assert_eq!(versions(&tree, name).len(), 1, "{name}");
    }
    for name in ["ring", "openssl", "openssl-sys", "native-tls", "boring", "mbedtls"] {
        assert!(versions(&tree, name).is_empty(), "{name}");
    }
}
