//! Who opens a file: every kind of key that can be had here, against files that the real `sops` wrote.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test writes files and runs programs")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::Command;

use sealref::sources::sops::{Clear, Store};

#[path = "support/peers.rs"]
mod peers;
#[path = "support/sops.rs"]
mod sops;

use sops::{Sops, World, key, read};

fn value(clear: &Clear) -> Vec<u8> {
    clear.leaves()[0].bytes().to_vec()
}

/// Opens a file of YAML with what a world holds.
fn opens(file: &str, mut world: World) -> Result<Vec<u8>, String> {
    let clear = read(file.as_bytes(), Store::Yaml, &mut world);
    clear.as_ref().map(value).map_err(ToString::to_string)
}

/// A program of the machine, or nothing after a line that says what is skipped.
fn machine(name: &str) -> Option<Command> {
    let places = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is missing on this machine");
        let _ = writeln!(std::io::stderr(), "skipped: {name} (it is not on this machine)");
    }
    found.map(Command::new)
}

#[test]
fn keys_of_ssh() {
    let Some(sops) = Sops::new() else { return };
    for kind in ["ed25519", "rsa"] {
        let path = sops.path(kind);
        let path = path.to_str().unwrap();
        let Some(mut keygen) = machine("ssh-keygen") else { return };
        assert!(keygen.args(["-q", "-t", kind, "-N", "", "-f", path]).status().unwrap().success());
        let public = std::fs::read_to_string(format!("{path}.pub")).unwrap();
        let file = sops.encrypt_for("a.yaml", "a: s3cret", &["--age", public.trim()]);
        let private = std::fs::read(path).unwrap();
        assert_eq!(opens(&file, World::with(std::str::from_utf8(&private).unwrap())).unwrap(), b"s3cret");

        let mut named = World::default();
        named.settings.insert("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "/keys/it".to_owned());
        named.files.insert("/keys/it".to_owned(), private.clone());
        assert_eq!(opens(&file, named).unwrap(), b"s3cret");

        let mut home = World::default();
        home.settings.insert("HOME", "/home/me".to_owned());
        home.files.insert(format!("/home/me/.ssh/id_{kind}"), private);
        assert_eq!(opens(&file, home).unwrap(), b"s3cret");
    }
}

#[test]
fn where_sops_looks_for_age_keys() {
    let Some(sops) = Sops::new() else { return };
    let file = sops.encrypt("a.yaml", "a: s3cret", &[]);
    let bare = sops.identity.lines().last().unwrap().to_owned();
    let other = key(&[]).unwrap().1.lines().last().unwrap().to_owned();
    let in_variable = |text: String| {
        let mut world = World::default();
        world.settings.insert("SOPS_AGE_KEY", text);
        world
    };
    assert_eq!(opens(&file, in_variable(format!("# several\n{other} {bare}"))).unwrap(), b"s3cret");
    for (variable, value, place) in [
        ("SOPS_AGE_KEY_FILE", "/keys.txt", "/keys.txt"),
        ("XDG_CONFIG_HOME", "/config", "/config/sops/age/keys.txt"),
        ("HOME", "/home/me", "/home/me/.config/sops/age/keys.txt"),
    ] {
        let mut world = World::default();
        world.settings.insert(variable, value.to_owned());
        world.files.insert(place.to_owned(), sops.identity.clone().into_bytes());
        assert_eq!(opens(&file, world).unwrap(), b"s3cret", "{variable}");
    }
}

#[test]
fn what_cannot_be_used_is_said() {
    let Some(sops) = Sops::new() else { return };
    let file = sops.encrypt("a.yaml", "a: s3cret", &[]);
    let none = opens(&file, World::default()).unwrap_err();
    let expected = format!("no key at hand opens the file; it is encrypted for the age recipient {}\nhint: ", sops.recipient);
    assert!(none.starts_with(&expected), "{none}");
    for (identities, hint) in [
        ("AGE-SECRET-KEY-PQ-1QQQQ", "post-quantum identity"),
        ("AGE-PLUGIN-YUBIKEY-1QQQQ", "would start a program"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----", "protected with a passphrase"),
        ("age-encryption.org/v1\n-> scrypt", "protected with a passphrase"),
        ("nonsense", "line 1 of the identities is no age identity"),
    ] {
        let told = opens(&file, World::with(identities)).unwrap_err();
        assert!(told.contains(hint), "{told}");
    }
    for variable in ["SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"] {
        let mut world = World::default();
        world.settings.insert(variable, "cat key".to_owned());
        assert!(opens(&file, world).unwrap_err().contains(&format!("hint: {variable} would start a program")));
    }
    let mut lost = World::default();
    lost.settings.insert("SOPS_AGE_KEY_FILE", "/lost".to_owned());
    assert!(opens(&file, lost).unwrap_err().contains("hint: /lost: there is none"));
}

#[test]
fn post_quantum_recipients_are_named() {
    let Some(sops) = Sops::new() else { return };
    let Some((recipient, identity)) = key(&["-pq"]) else { return };
    let file = sops.encrypt_for("a.yaml", "a: s3cret", &["--age", &recipient]);
    let told = opens(&file, World::with(&identity)).unwrap_err();
    assert!(told.contains("age1pq1") && told.contains("hint: a post-quantum identity"), "{told}");
    // Where somebody else can open it too, it opens.
    let file = sops.encrypt_for("b.yaml", "a: s3cret", &["--age", &format!("{recipient},{}", sops.recipient)]);
    assert_eq!(opens(&file, World::with(&format!("{identity}{}", sops.identity))).unwrap(), b"s3cret");
}

#[test]
fn groups_of_keys() {
    let Some(sops) = Sops::new() else { return };
    let keys: Vec<(String, String)> = (0..4).map(|_| key(&[]).unwrap()).collect();
    let groups: Vec<String> = keys.iter().map(|(recipient, _)| format!("      - age: [{recipient}]\n")).collect();
    for (threshold, needed) in [("    shamir_threshold: 2\n", 2), ("    shamir_threshold: 3\n", 3), ("", 4)] {
        let rules = format!("creation_rules:\n  - path_regex: .*\n{threshold}    key_groups:\n{}", groups.concat());
        std::fs::write(sops.path(".sops.yaml"), rules).unwrap();
        let file = sops.encrypt_for("a.yaml", "a: s3cret", &[]);
        for chosen in 0..16_u32 {
            let held = keys.iter().enumerate().filter(|(number, _)| chosen & (1 << number) != 0);
            let identities: String = held.map(|(_, (_, identity))| identity.as_str()).collect();
            let opened = opens(&file, World::with(&identities));
            assert_eq!(opened.is_ok_and(|value| value == b"s3cret"), chosen.count_ones() >= needed, "{chosen:b}");
        }
    }
}
