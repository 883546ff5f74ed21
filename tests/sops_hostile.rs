//! Files that somebody changed: what `sops` refuses is refused, and what it lets through without a MAC is refused too.

use std::path::Path;

use proptest::prelude::*;
use sealref::sources::sops::{Clear, Store};

#[path = "support/peers.rs"]
mod peers;
#[path = "support/sops.rs"]
mod sops;

use sops::{Sops, World, read};

/// The file `all.yaml` of these tests.
const CLEAR: &str = "a: s3cret-a\nb: s3cret-b\nlist:\n    - s3cret-1\n    - s3cret-2\nn: 7\nempty: \"\"\nx_unencrypted: clear\ny_unencrypted: 1\n";

/// A change of the file's text.
type Change = fn(&str) -> String;

/// The line of a key, and the lines without it.
fn cut(text: &str, key: &str) -> (String, String) {
    let (line, others): (Vec<&str>, Vec<&str>) =
        text.split_inclusive('\n').partition(|line| line.trim_start().starts_with(key));
    (line.concat(), others.concat())
}

/// Two lines of which each holds the other's value.
fn swapped(text: &str, [one, other]: [&str; 2]) -> String {
    let value = |key: &str| cut(text, key).0.split_once("ENC").unwrap().1.to_owned();
    let (a, b) = (value(one), value(other));
    text.replace(&a, "\0").replace(&b, &a).replace('\0', &b)
}

/// Changes, and whether `sops --ignore-mac` lets them through.
const CHANGES: [(&str, bool, Change); 21] = [
    ("a value is emptied", true, |text| text.replace(&cut(text, "b: ").0, "b: \"\"\n")),
    ("a key is taken away", true, |text| cut(text, "b: ").1),
    ("items of a list change places", true, |text| {
        let items: Vec<&str> = text.split_inclusive('\n').filter(|line| line.starts_with("    - ENC")).collect();
        text.replace(&items.concat(), &format!("{}{}", items[1], items[0]))
    }),
    ("a clear value is changed", true, |text| text.replace("x_unencrypted: clear", "x_unencrypted: other")),
    ("a clear value is added", true, |text| format!("z_unencrypted: new\n{text}")),
    ("a clear value is taken away", true, |text| cut(text, "y_unencrypted").1),
    ("the MAC is taken away", true, |text| cut(text, "mac:").1),
    ("the MAC is empty", true, |text| text.replace(&cut(text, "mac:").0, "    mac: \"\"\n")),
    ("the MAC is another value's", true, |text| {
        let value = cut(text, "a: ").0;
        text.replace(&cut(text, "mac:").0, &format!("    mac: {}", value.split_once("a: ").unwrap().1))
    }),
    ("the time is another one", true, |text| {
        text.replace(&cut(text, "lastmodified").0, "    lastmodified: \"2001-01-01T00:00:00Z\"\n")
    }),
    ("the rule calls everything clear", true, |text| {
        text.replace("unencrypted_suffix: _unencrypted", "encrypted_regex: ^nothing$")
    }),
    ("the rule calls one value clear", true, |text| {
        text.replace("unencrypted_suffix: _unencrypted", "unencrypted_regex: ^(a|.*_unencrypted)$")
    }),
    ("two values change places", false, |text| swapped(text, ["a: ", "b: "])),
    ("a key is renamed", false, |text| text.replace("\nb: ", "\nc: ")),
    ("a value stands in clear", false, |text| text.replace(&cut(text, "b: ").0, "b: s3cret-clear\n")),
    ("a number stands in clear", false, |text| text.replace(&cut(text, "n: ").0, "n: 8\n")),
    ("text becomes a number", false, |text| {
        let line = cut(text, "a: ").0;
        text.replace(&line, &line.replace("type:str", "type:int"))
    }),
    ("a type that does not exist", false, |text| {
        let line = cut(text, "a: ").0;
        text.replace(&line, &line.replace("type:str", "type:secret"))
    }),
    ("two rules", false, |text| {
        text.replace("    unencrypted_suffix", "    encrypted_suffix: _x\n    unencrypted_suffix")
    }),
    ("no master key", false, |text| {
        let (start, end) = (text.find("    age:").unwrap(), text.find("    lastmodified").unwrap());
        format!("{}{}", &text[..start], &text[end..])
    }),
    ("the metadata is no map", false, |text| format!("{}sops: none\n", text.split("sops:").next().unwrap())),
];

#[test]
fn what_sops_refuses_is_refused_and_so_is_what_it_lets_through_without_a_mac() {
    let Some(sops) = Sops::new() else { return };
    let good = sops.encrypt("all.yaml", CLEAR, &[]);
    for (name, passes_without_mac, change) in CHANGES {
        let bad = change(&good);
        assert_ne!(bad, good, "{name}");
        std::fs::write(sops.path("bad.yaml"), &bad).unwrap();
        let theirs = sops.run(&["decrypt", "bad.yaml"]);
        assert!(theirs.is_err(), "sops takes it: {name}");
        let unchecked = sops.run(&["decrypt", "--ignore-mac", "bad.yaml"]);
        assert_eq!(unchecked.is_ok(), passes_without_mac, "{name}: {unchecked:?}");
        refused(&bad, name, &mut World::with(&sops.identity));
    }
}

/// Refused in a line and a hint, without a word of a value.
fn refused(text: &str, name: &str, world: &mut World) {
    let told = read(text.as_bytes(), Store::Yaml, world).err().unwrap_or_else(|| panic!("{name}")).to_string();
    assert!(!told.contains("s3cret") && told.lines().count() == 2 && told.contains("\nhint: "), "{name}: {told}");
}

#[test]
fn text_behind_a_ciphertext_is_refused_although_sops_passes_over_it() {
    let Some(sops) = Sops::new() else { return };
    let good = sops.encrypt("all.yaml", CLEAR, &[]);
    let bad = good.replacen("type:str]", "type:str] and more", 1);
    std::fs::write(sops.path("bad.yaml"), &bad).unwrap();
    assert!(sops.run(&["decrypt", "bad.yaml"]).is_ok());
    refused(&bad, "text behind", &mut World::with(&sops.identity));
}

fn vector(name: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops");
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    (file(name), file("keys.age"))
}

fn values(clear: &Clear) -> Vec<Vec<u8>> {
    clear.leaves().iter().map(|leaf| leaf.bytes().to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Comments, names of recipients and the version are nobody's word; everything else is refused.
    #[test]
    fn bytes_that_are_turned_give_no_other_value(
        number in 0..5_usize, place in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<bool>()
    ) {
        let (name, store) = [
            ("all.yaml", Store::Yaml),
            ("all.json", Store::Json),
            ("all.env", Store::Dotenv),
            ("all.ini", Store::Ini),
            ("key.bin", Store::Binary),
        ][number];
        let (good, identities) = vector(name);
        let mut bytes = good.clone().into_bytes();
        let place = place.index(bytes.len());
        if cut { bytes.truncate(place) } else { bytes[place] ^= 1 << bit }
        if let Ok(clear) = read(&bytes, store, &mut World::with(&identities)) {
            let whole = read(good.as_bytes(), store, &mut World::with(&identities)).unwrap();
            prop_assert!(values(&clear) == values(&whole), "{} at {}", name, place);
        }
    }
}
