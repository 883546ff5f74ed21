//! Who opens a file: every kind of key that can be had here, against files that the real `sops` wrote.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use sealref::error::{Exit, Problem};
use sealref::model::{Ask, DataKey, MasterKey, Reply, Wire};
use sealref::sources::sops::{Clear, Document, Store, open};
use zeroize::Zeroizing;

#[path = "support/machine.rs"]
mod machine;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/sops.rs"]
mod sops;

use machine::machine;
use sops::{Sops, World, key, read};

fn value(clear: &Clear) -> Vec<u8> {
    clear.leaves()[0].bytes().to_vec()
}

/// Opens a file of YAML with what a world holds.
fn opens(file: &str, mut world: World) -> Result<Vec<u8>, String> {
    let clear = read(file.as_bytes(), Store::Yaml, &mut world);
    clear.as_ref().map(value).map_err(ToString::to_string)
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
fn the_passphrase_of_a_key_of_ssh_is_asked_for_where_the_key_is_named() {
    let Some(sops) = Sops::new() else { return };
    for kind in ["ed25519", "rsa"] {
        let path = sops.path(kind);
        let path = path.to_str().unwrap();
        let Some(mut keygen) = machine("ssh-keygen") else { return };
        assert!(keygen.args(["-q", "-t", kind, "-N", "horse battery", "-f", path]).status().unwrap().success());
        let public = std::fs::read_to_string(format!("{path}.pub")).unwrap();
        let file = sops.encrypt_for("a.yaml", "a: s3cret", &["--age", public.trim()]);
        let private = std::fs::read_to_string(path).unwrap();
        let given = |passphrase| World { passphrase, ..World::with(&private) };
        assert_eq!(opens(&file, given(Some("horse battery"))).unwrap(), b"s3cret");
        let told = opens(&file, given(Some("wrong-s3cret"))).unwrap_err();
        assert!(
            told.contains("the passphrase does not open the private key of SSH") && !told.contains("s3cret"),
            "{told}"
        );
        assert!(
            opens(&file, given(None)).unwrap_err().contains("the private key of SSH is protected with a passphrase")
        );
        let named = World {
            settings: [("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "/keys/it".to_owned())].into(),
            files: [("/keys/it".to_owned(), private.clone().into_bytes())].into(),
            passphrase: Some("horse battery"),
            ..World::default()
        };
        assert_eq!(opens(&file, named).unwrap(), b"s3cret");
        let found = World {
            settings: [("HOME", "/home/me".to_owned())].into(),
            files: [(format!("/home/me/.ssh/id_{kind}"), private.into_bytes())].into(),
            passphrase: Some("horse battery"),
            ..World::default()
        };
        let told = opens(&file, found).unwrap_err();
        assert!(told.contains("that was found is protected with a passphrase: name it with --identity"), "{told}");
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
fn what_cannot_be_used_is_said_g3() {
    let Some(sops) = Sops::new() else { return };
    let file = sops.encrypt("a.yaml", "a: s3cret", &[]);
    let none = opens(&file, World::default()).unwrap_err();
    let expected =
        format!("no key at hand opens the file; it is encrypted for the age recipient {}\nhint: ", sops.recipient);
    assert!(none.starts_with(&expected), "{none}");
    for (identities, hint) in [
        ("AGE-SECRET-KEY-PQ-1QQQQ", "post-quantum identity"),
        ("AGE-PLUGIN-YUBIKEY-1QQQQ", "would start a program"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----", "not a complete age file"),
        ("age-encryption.org/v1\n-> scrypt", "not a complete age file"),
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

/// A program at a terminal of its own (util-linux' `script`), where a text is typed at each question.
fn at_a_terminal(command: &str, typed: &[&str]) -> Option<(bool, String)> {
    let mut script = machine("script")?;
    let script = script.args(["--quiet", "--return", "--command", command, "/dev/null"]);
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = vec![];
    for text in typed {
        let from = shown.len();
        while !String::from_utf8_lossy(&shown[from..]).contains("assphrase") {
            let mut byte = [0];
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        // The question ends, and the echo with it
        std::thread::sleep(std::time::Duration::from_millis(200));
        keyboard.write_all(format!("{text}\n").as_bytes()).unwrap();
    }
    screen.read_to_end(&mut shown).unwrap();
    let success = child.wait().unwrap().success();
    Some((success, String::from_utf8(shown).unwrap()))
}

/// The file is one that the real age has protected.
#[test]
fn a_passphrase_is_asked_for_at_the_terminal() {
    let (Some(sops), Some(age)) = (Sops::new(), peers::peer("age")) else { return };
    let file = sops.encrypt("a.yaml", "a: s3cret", &[]);
    std::fs::write(sops.path("clear.txt"), &sops.identity).unwrap();
    for flags in ["--passphrase", "--passphrase --armor"] {
        let (clear, locked) = (sops.path("clear.txt"), sops.path("locked.txt"));
        let command = format!("{} {flags} --output {} {}", age.display(), locked.display(), clear.display());
        let Some((done, shown)) = at_a_terminal(&command, &["horse battery", "horse battery"]) else { return };
        assert!(done, "{shown}");
        let world = |passphrase| World {
            settings: [("SOPS_AGE_KEY_FILE", "/locked".to_owned())].into(),
            files: [("/locked".to_owned(), std::fs::read(&locked).unwrap())].into(),
            passphrase,
            ..World::default()
        };
        assert_eq!(opens(&file, world(Some("horse battery"))).unwrap(), b"s3cret");
        for (typed, told) in [(Some("horse"), "does not open the file of identities"), (None, "with a passphrase")] {
            assert!(opens(&file, world(typed)).unwrap_err().contains(told));
        }
        std::fs::write(sops.path("s.yaml"), SECRET).unwrap();
        let render = format!(
            "{} render {} --identity {} --certificate examples/quickstart/demo-certificate.pem",
            env!("CARGO_BIN_EXE_sealref"),
            sops.path("s.yaml").display(),
            locked.display()
        );
        let (done, shown) = at_a_terminal(&render, &["horse battery"]).unwrap();
        assert!(done && shown.contains("kind: SealedSecret") && !shown.contains("horse"), "{shown}");
        let (done, shown) = at_a_terminal(&render, &["wrong"]).unwrap();
        assert!(!done && shown.contains("the passphrase does not open") && !shown.contains("wrong"), "{shown}");
        let alone = Command::new("setsid").args(["--wait", "sh", "-c", &render]).output().unwrap();
        assert!(!alone.status.success());
        assert!(String::from_utf8_lossy(&alone.stderr).contains("there is no terminal"));
    }
}

/// 2^23 rounds would take 8 GiB.
#[test]
fn a_passphrase_that_is_too_slow_to_try_is_refused_before_work_g5() {
    let Some(sops) = Sops::new() else { return };
    let file = sops.encrypt("a.yaml", "a: s3cret", &[]);
    let (salt, body) = ("A".repeat(22), "A".repeat(43));
    let locked = format!("age-encryption.org/v1\n-> scrypt {salt} 23\n{body}\n--- {body}\n{}", "x".repeat(40));
    let world = World { passphrase: Some("horse battery"), ..World::with(&locked) };
    assert!(opens(&file, world).unwrap_err().contains("takes too long to try"));
}

const SECRET: &str =
    "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}, stringData: {a: 'ref+sops://a.yaml#/a'}}\n";

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

/// Services that answer for one ciphertext alone, and remember what they were asked.
struct Services {
    answers: Option<(&'static str, DataKey)>,
    asked: Vec<String>,
}

impl Wire for Services {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        asks.into_iter().map(|ask| self.answer(ask)).collect()
    }
}

impl Services {
    fn answer(&mut self, ask: Ask) -> Result<Reply, Problem> {
        let Ask::Unwrap(wrapped) = ask else { return Err(Problem::new("there is none")) };
        let more = match &wrapped.key {
            MasterKey::Aws { context, profile, .. } => format!(" {context:?} {profile:?}"),
            _ => String::new(),
        };
        self.asked.push(format!("{} for {}{more}", wrapped.ciphertext, wrapped.key.names().join(" ")));
        match &self.answers {
            Some((ciphertext, key)) if *ciphertext == wrapped.ciphertext => Ok(Reply::of(Zeroizing::new(key.to_vec()))),
            _ => Err(Problem::new(format!("{} is refused", wrapped.ciphertext)).exit(Exit::Source)),
        }
    }
}

const SERVICES: &str = "sops:
    kms:
        - arn: arn:aws:kms:eu-central-1:111122223333:key/a
          role: arn:aws:iam::111122223333:role/r
          context:
            App: shop
          created_at: \"2024-01-01T00:00:00Z\"
          enc: first
          aws_profile: prod
    gcp_kms:
        - resource_id: projects/p/locations/l/keyRings/r/cryptoKeys/k
          enc: second
    azure_kv:
        - vault_url: https://name.vault.azure.net
          name: key
          version: v1
          enc: third
    hc_vault:
        - vault_address: https://vault.example:8200
          engine_path: transit
          key_name: sops
          enc: fourth
";

#[test]
fn services_are_asked_in_turn_and_only_where_nothing_at_hand_opens_the_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops");
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (text, identities) = (file("encrypted-suffix.yaml"), file("keys.age"));
    let document =
        |text: &str| Document::read(text.as_bytes(), Store::Yaml).unwrap_or_else(|problem| panic!("{problem}"));
    let known = document(&text);
    let data_key = open(&[&known], &mut World::with(&identities)).remove(0).unwrap();
    let (start, end) = (text.find("sops:").unwrap(), text.find("    encrypted_suffix").unwrap());
    let of_services = document(&format!("{}{SERVICES}{}", &text[..start], &text[end..]));

    let mut services = Services { answers: Some(("fourth", data_key.clone())), asked: vec![] };
    // A file that asks nobody stands beside one that does.
    let mut keys = open(&[&known, &of_services], &mut services);
    assert!(keys.remove(0).is_err(), "nobody gave an identity");
    let key = keys.remove(0).unwrap_or_else(|problem| panic!("{problem}"));
    of_services.decrypt(&key).unwrap_or_else(|problem| panic!("{problem}")).verify().unwrap();
    let asked = [
        "first for arn:aws:kms:eu-central-1:111122223333:key/a arn:aws:iam::111122223333:role/r [(\"App\", \"shop\")] Some(\"prod\")",
        "second for projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "third for https://name.vault.azure.net/keys/key/v1",
        "fourth for https://vault.example:8200/transit/keys/sops",
    ];
    assert_eq!(services.asked, asked);

    let mut silent = Services { answers: None, asked: vec![] };
    let told = open(&[&of_services], &mut silent).remove(0).unwrap_err();
    assert_eq!((told.message(), told.code()), ("fourth is refused", Exit::Source));

    let huawei = SERVICES.split("    gcp_kms").next().unwrap().replace("kms:", "hckms:").replace("arn: ", "key_id: ");
    let huawei = document(&format!("{}{huawei}{}", &text[..start], &text[end..]));
    let told = open(&[&huawei], &mut silent).remove(0).unwrap_err().to_string();
    assert!(told.contains("HuaweiCloud, which sealref cannot ask"), "{told}");
    assert_eq!(silent.asked.len(), 4);
}

#[test]
fn one_service_of_two_is_enough_for_one_group_of_two() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops");
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let text = file("groups.yaml");
    let more = text.replace(
        "    key_groups:\n",
        "    key_groups:\n        - gcp_kms:\n            - resource_id: r\n              enc: x\n",
    );
    let document = Document::read(more.as_bytes(), Store::Yaml).unwrap_or_else(|problem| panic!("{problem}"));
    let mut world = World::with(&file("keys.age"));
    // Two groups are open already, so that the service of the third is left alone.
    document.decrypt(&open(&[&document], &mut world).remove(0).unwrap()).unwrap().verify().unwrap();
}
