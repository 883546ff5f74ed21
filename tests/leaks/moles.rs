//! The test of the test: whatever leaks on purpose, in any form and into any place, is caught.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hunter::{ENCODINGS, forms};
use super::world::{KEY, KEYED, PLAIN, THORNY, TOKEN, World, binary};

/// Each form of each canary is found, whatever stands around it.
#[test]
fn every_mole_is_caught() {
    let world = World::new();
    let canaries: [(&str, Vec<u8>); 4] = [
        ("plain file", PLAIN.into()),
        ("thorny file", THORNY.into()),
        ("binary file", binary()),
        ("sealing key", KEY.to_vec()),
    ];
    let mut count = 0;
    for (canary, value) in canaries {
        for (form, bytes) in forms(&value) {
            for mole in [bytes.clone(), [b"error: x: ", bytes.as_slice(), b" y\n"].concat()] {
                let found = world.hunter.find(&mole);
                assert!(found.iter().any(|(found, _)| *found == canary), "{canary} as {form}");
                count += 1;
            }
        }
        // In base64 whatever surrounds it, also broken into lines
        for before in ["", "a", "ab", "abc"] {
            let text = STANDARD.encode([before.as_bytes(), &value, b"behind"].concat());
            assert!(world.hunter.find(text.as_bytes()).iter().any(|(found, _)| *found == canary), "{canary}");
            let lines: Vec<&str> = text.as_bytes().chunks(10).map(|line| std::str::from_utf8(line).unwrap()).collect();
            assert!(world.hunter.find(lines.join("\n  ").as_bytes()).iter().any(|(found, _)| *found == canary));
        }
    }
    assert!(count > 700, "{count}");
    assert!(world.hunter.find(b"error: stdin:1 Secret shop/db, data.password: the value is not base64").is_empty());
}

/// Each encoding of the table has a form that no other one would have found.
#[test]
fn every_encoding_of_the_table_is_of_use() {
    assert!(ENCODINGS.len() >= 15);
    let all = forms(THORNY.as_bytes());
    for (name, encode) in ENCODINGS {
        let others = all.iter().filter(|(other, _)| *other != name && *other != "eight bytes of it");
        let others: Vec<&[u8]> = others.map(|(_, form)| form.as_slice()).collect();
        let own = encode(THORNY.as_bytes());
        let new = |form: &Vec<u8>| !others.iter().any(|other| memchr::memmem::find(form, other).is_some());
        assert!(own.iter().any(new), "{name}");
    }
}

/// Each place is searched, and in each of them each form, as far as a shell can write it.
#[test]
fn every_place_is_searched() {
    let world = World::new();
    let forms = [
        "cat plain.txt",
        "base64 < plain.txt",
        "printf 'a' | cat - plain.txt | base64",
        "printf 'ab' | cat - plain.txt | base64 -w 10",
        "rev plain.txt",
        "od -An -v -tx1 plain.txt",
        "od -An -v -tu1 -w1 plain.txt | tr -d ' ' | paste -sd,",
        "tr a-z A-Z < plain.txt",
        "head -c 10 plain.txt",
        "sha256sum < plain.txt",
        "od -An -v -tx1 -w1 plain.txt | sed 's/ */%/' | tr -d '\\n'",
        "od -An -v -tx1 -w1 plain.txt | sed 's/ */\\\\u00/' | tr -d '\\n'",
    ];
    let places = [
        ("standard output", "FORM"),
        ("standard error", "FORM >&2"),
        ("standard error", "seq 10000 >&2; FORM >&2"),
        ("the file tmp/left", "FORM > ../tmp/left"),
        ("the file app/.sealref.yaml", "FORM >> .sealref.yaml"),
        ("the file seen/given", "FORM=x; PATH=../bin; kustomize \"$(PATH=/usr/bin:/bin; FORM)\""),
        ("the file seen/given", "V=\"$(FORM)\" ../bin/helm"),
        ("the file seen/given", "FORM | ../bin/gpg"),
    ];
    for form in forms {
        for (place, script) in places {
            let script = script.replace("FORM=x; ", "").replace("FORM", &format!("{{ {form}; }}"));
            let mut mole = Command::new("sh");
            mole.args(["-c", &script]).current_dir(world.path("app")).env("SEEN", "1");
            let (_, leaks) = world.hunt("mole", &mut mole, b"");
            assert!(leaks.iter().any(|leak| leak.ends_with(&format!("in {place}"))), "{script}: {leaks:?}");
            assert!(!leaks.iter().any(|leak| leak.contains(PLAIN)), "a finding shows the value");
        }
    }
    for (place, script) in [
        ("the name of a file", "touch ../home/$(cat plain.txt)"),
        ("the name of a file", "mkdir ../home/$(rev plain.txt)"),
        ("the file tmp/link", "ln -s $(cat plain.txt) ../tmp/link"),
    ] {
        let mut mole = Command::new("sh");
        mole.args(["-c", script]).current_dir(world.path("app"));
        let (_, leaks) = world.hunt("mole", &mut mole, b"");
        assert!(leaks.iter().any(|leak| leak.ends_with(&format!("in {place}"))), "{script}: {leaks:?}");
    }
}

/// A value in a request is seen; a token there is none, and elsewhere it is.
#[test]
fn requests_are_searched() {
    let world = World::new();
    for (text, caught) in [(PLAIN, true), (TOKEN, false)] {
        let script = format!(
            "import urllib.request as u\nu.urlopen(u.Request('{}', headers={{'x-vault-token': '{text}'}}))",
            world.server.url("/v1/kv/data/ok")
        );
        let (output, leaks) = world.hunt("mole", Command::new("python3").args(["-c", &script]), b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(leaks.iter().any(|leak| leak.ends_with("in a request")), caught, "{leaks:?}");
    }
    let (_, leaks) = world.hunt("mole", Command::new("echo").arg(TOKEN), b"");
    assert!(leaks.iter().any(|leak| leak == "mole: token as raw in standard output"), "{leaks:?}");
    // What the program does not say it does not say: the control of the control
    let (output, leaks) = world.hunt("", &mut world.command(&[&["explain"][..], &KEYED].concat()), b"kind: Nothing\n");
    assert!(output.status.success() && leaks.is_empty(), "{leaks:?}");
}
