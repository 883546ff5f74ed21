//! Secrets that SOPS has encrypted, in files and in what kustomize makes of them: the real programs write and build,
//! and kubeseal opens what comes out.

#[path = "support/peers.rs"]
mod peers;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A folder with an age key, a certificate, and the real programs.
struct Place {
    folder: tempfile::TempDir,
    recipient: String,
    sops: PathBuf,
}

impl Place {
    fn new() -> Option<Self> {
        let (sops, keygen) = (peers::peer("sops")?, peers::peer("age-keygen")?);
        peers::peer("kubeseal")?;
        let folder = tempfile::tempdir().unwrap();
        let identity = String::from_utf8(Command::new(keygen).output().unwrap().stdout).unwrap();
        let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
        let place = Self { folder, recipient, sops };
        place.write("id.txt", &identity);
        let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/demo-certificate.pem");
        std::fs::copy(certificate, place.path("cert.pem")).unwrap();
        std::fs::create_dir(place.path(".git")).unwrap();
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn program(&self, program: &Path, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("SOPS_AGE_KEY_FILE", self.path("id.txt")).env("HOME", self.folder.path());
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A program may end before it has read everything
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    fn sops(&self, arguments: &[&str]) {
        let output = self.program(&self.sops, &[&["--disable-version-check"], arguments].concat(), "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn encrypt(&self, name: &str, clear: &str, flags: &[&str]) {
        self.write(name, clear);
        self.sops(&[&["encrypt", "--in-place", "--age", &self.recipient], flags, &[name]].concat());
    }

    fn render(&self, arguments: &[&str], input: &str) -> Output {
        let fixed = ["render", "--certificate", "cert.pem"];
        self.program(Path::new(env!("CARGO_BIN_EXE_sealref")), &[&fixed, arguments].concat(), input)
    }

    /// What is sealed, and what was told.
    fn sealed(&self, arguments: &[&str], input: &str) -> (String, String) {
        let output = self.render(arguments, input);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("ENC[") && !text.contains("sops"), "{text}");
        (text, told)
    }

    /// The values of each SealedSecret, as kubeseal opens them.
    fn opened(&self, sealed: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/demo-private-key.pem");
        let arguments = ["--recovery-unseal", "-o", "json", "--recovery-private-key", key.to_str().unwrap()];
        let mut all = BTreeMap::new();
        for document in sealed.split("---\n").filter(|document| document.contains("kind: SealedSecret")) {
            let output = self.program(&peers::peer("kubeseal").unwrap(), &arguments, document);
            assert!(output.status.success(), "{}\n{document}", String::from_utf8_lossy(&output.stderr));
            let secret: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let data = secret["data"].as_object().unwrap().iter();
            let text = |value: &serde_json::Value| {
                String::from_utf8(STANDARD.decode(value.as_str().unwrap_or_default()).unwrap()).unwrap()
            };
            let data = data.map(|(key, value)| (key.clone(), text(value))).collect();
            all.insert(secret["metadata"]["name"].as_str().unwrap().to_owned(), data);
        }
        all
    }

    fn build(&self, folder: &str) -> Option<String> {
        let output = self.program(&peers::peer("kustomize")?, &["build", folder], "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8(output.stdout).unwrap())
    }
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn secret(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata:
    name: {name}
    namespace: shop
type: Opaque
stringData:
    # the one of the shop
    user: app-s3cret
    password: hunter2-s3cret
    port: 5432
data:
    raw: aGVsbG8tczNjcmV0
"
    )
}

/// The values of `secret`.
fn all() -> BTreeMap<String, String> {
    values(&[("password", "hunter2-s3cret"), ("port", "5432"), ("raw", "hello-s3cret"), ("user", "app-s3cret")])
}

const VALUES: [&str; 2] = ["--encrypted-regex", "^(data|stringData)$"];

#[test]
fn an_encrypted_manifest_becomes_a_sealed_one_and_nobody_keeps_another_key() {
    let Some(place) = Place::new() else { return };
    place.encrypt("db.yaml", &secret("db"), &VALUES);
    let (text, told) = place.sealed(&["db.yaml"], "");
    assert_eq!((place.opened(&text), told.as_str()), ([("db".to_owned(), all())].into(), ""));
    assert_eq!(place.sealed(&["db.yaml"], "").0, text);
    // Piped in as it stands, every value has its place, and so the MAC fits.
    assert_eq!(place.sealed(&["-", "--strict"], &place.read("db.yaml")), (text, String::new()));
}

#[test]
fn the_documents_of_one_file_have_one_mac() {
    let Some(place) = Place::new() else { return };
    place.encrypt("two.yaml", &format!("{}---\n{}", secret("a"), secret("b")), &VALUES);
    let (text, told) = place.sealed(&["two.yaml", "--strict"], "");
    assert_eq!(place.opened(&text), [("a".to_owned(), all()), ("b".to_owned(), all())].into());
    assert_eq!(told, "");
}

#[test]
fn an_edit_reseals_what_changed_and_a_rotation_everything() {
    let Some(place) = Place::new() else { return };
    place.encrypt("db.yaml", &secret("db"), &VALUES);
    let ciphertexts = |text: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.trim().split_once(": "));
        let of = |key: &str| ["password", "port", "raw", "user"].contains(&key);
        lines.filter(|(key, _)| of(key)).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    };
    let before = ciphertexts(&place.sealed(&["db.yaml"], "").0);
    place.sops(&["set", "db.yaml", "[\"stringData\"][\"password\"]", "\"other-s3cret\""]);
    let edited = ciphertexts(&place.sealed(&["db.yaml"], "").0);
    let changed: Vec<&String> = before.keys().filter(|key| before[*key] != edited[*key]).collect();
    assert_eq!(changed, ["password"]);
    place.sops(&["rotate", "--in-place", "db.yaml"]);
    let rotated = ciphertexts(&place.sealed(&["db.yaml"], "").0);
    assert!(edited.keys().all(|key| edited[key] != rotated[key]) && rotated.len() == 4);
    // With a sealing key, both keys are in the derivation.
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/demo-sealing.key");
    let (text, _) = place.sealed(&["db.yaml", "--sealing-key", key.to_str().unwrap()], "");
    assert!(ciphertexts(&text).iter().all(|(key, value)| rotated[key] != *value));
    assert_eq!(place.opened(&text)["db"]["password"], "other-s3cret");
}

#[test]
fn a_file_that_was_changed_is_refused() {
    let Some(place) = Place::new() else { return };
    place.encrypt("db.yaml", &secret("db"), &VALUES);
    let good = place.read("db.yaml");
    let line = |key: &str| good.lines().find(|line| line.trim().starts_with(key)).unwrap().to_owned();
    let value = |key: &str| line(key).split_once(": ").unwrap().1.to_owned();
    let cases = [
        ("a key that is gone", good.replace(&format!("{}\n", line("user:")), "")),
        ("a value that was emptied", good.replace(&value("user:"), "\"\"")),
        ("a value of another place", good.replace(&value("user:"), &value("password:"))),
        ("a value in clear", good.replace(&value("user:"), "clear-s3cret")),
        ("a changed byte", good.replace("user: ENC[AES256_GCM,data:", "user: ENC[AES256_GCM,data:AA")),
        ("a name that was changed", good.replace("name: db", "name: other")),
        ("no MAC", good.replace(&line("mac:"), "    mac: \"\"")),
        ("another rule", good.replace("encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^none$")),
    ];
    for (what, text) in cases {
        assert_ne!(text, good, "{what}");
        place.write("bad.yaml", &text);
        let output = place.render(&["bad.yaml"], "");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{what}: {told}");
        assert!(!told.contains("s3cret") && told.contains("hint: "), "{what}: {told}");
    }
}

/// The table of what kustomize leaves of a MAC: keys in order or not, transformers or none, and what the MAC covers.
#[test]
fn kustomize_keeps_every_value_and_the_mac_only_of_sorted_keys() {
    let Some(place) = Place::new() else { return };
    let sorted =
        "apiVersion: v1\ndata:\n    raw: aGVsbG8tczNjcmV0\nkind: Secret\nmetadata:\n    name: db\n    namespace: shop
stringData:\n    password: hunter2-s3cret\n    port: \"5432\"\n    user: app-s3cret\ntype: Opaque\n";
    let unsorted = secret("db").replace("    # the one of the shop\n", "").replace("5432", "\"5432\"");
    let changes = "namespace: prod\nnamePrefix: p-\n";
    let cases = [
        (&unsorted[..], "", false, false),
        (&unsorted[..], "", true, false),
        (&unsorted[..], changes, false, false),
        (&unsorted[..], changes, true, false),
        (sorted, "", false, true),
        (sorted, "", true, true),
        (sorted, changes, false, false),
        (sorted, changes, true, true),
    ];
    for (clear, transformers, covers, fits) in cases {
        let (recipient, rule) = (&place.recipient, format!("encrypted_regex: {}", VALUES[1]));
        place.write(
            ".sops.yaml",
            &format!("creation_rules:\n  - age: {recipient}\n    {rule}\n    mac_only_encrypted: {covers}\n"),
        );
        place.write("app/db.yaml", clear);
        place.sops(&["encrypt", "--in-place", "app/db.yaml"]);
        place.write("app/kustomization.yaml", &format!("{transformers}resources: [db.yaml]\n"));
        let Some(built) = place.build("app") else { return };
        let (text, told) = place.sealed(&["-"], &built);
        let name = if transformers.is_empty() { "db" } else { "p-db" };
        assert_eq!(place.opened(&text), [(name.to_owned(), all())].into(), "{clear}");
        let what = format!("{transformers} {covers}: {told}");
        assert_eq!(told.is_empty(), fits, "{what}");
        assert!(fits || told.contains("its MAC does not fit after a build"), "{what}");
        assert_eq!(place.render(&["-", "--strict"], &built).status.success(), fits, "{what}");
    }
}

/// As sops writes it.
const YAML: &str = "# values\ndb:\n    password: app-s3cret\n    # both\n    hosts:\n        - a\n        - b\n";

#[test]
fn what_kustomize_generates_of_encrypted_files_is_opened() {
    let Some(place) = Place::new() else { return };
    place.encrypt("app/app.env", "# comment\nUSER=app-s3cret\nPASSWORD=a=b s3cret\n", &[]);
    place.encrypt("app/license.bin", "licence-s3cret\nsecond line\n", &[]);
    place.encrypt("app/values.yaml", YAML, &[]);
    place.write(
        "app/kustomization.yaml",
        "namespace: shop\ngeneratorOptions: {disableNameSuffixHash: true}\nsecretGenerator:
- {name: lines, envs: [app.env]}\n- {name: file, files: [license.bin, values.yaml]}\n",
    );
    let Some(built) = place.build("app") else { return };
    let (text, _) = place.sealed(&["-"], &built);
    let opened = place.opened(&text);
    assert_eq!(opened["lines"], values(&[("PASSWORD", "a=b s3cret"), ("USER", "app-s3cret")]));
    assert_eq!(opened["file"], values(&[("license.bin", "licence-s3cret\nsecond line\n"), ("values.yaml", YAML)]));
}

/// What a build passes on byte for byte has the MAC that SOPS wrote.
#[test]
fn a_file_inside_a_secret_is_checked_like_any_file() {
    let Some(place) = Place::new() else { return };
    place.encrypt("license.bin", "first-s3cret", &[]);
    let first = place.read("license.bin");
    place.sops(&["set", "license.bin", "[\"data\"]", "\"second-s3cret\""]);
    let second = place.read("license.bin");
    let data = |text: &str| text.lines().find(|line| line.contains("\"data\":")).unwrap().to_owned();
    let back = second.replace(&data(&second), &data(&first));
    for (file, good) in [(&second, true), (&back, false)] {
        let file = STANDARD.encode(file);
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: f, namespace: shop}}\ndata: {{license.bin: {file}}}\n"
        );
        let output = place.render(&["-"], &secret);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.success(), told.contains("its MAC does not fit")), (good, !good), "{told}");
    }
}

#[test]
fn inside_kustomize_a_function_opens_what_it_is_given() {
    let Some(place) = Place::new() else { return };
    place.encrypt("app/db.yaml", &secret("db"), &VALUES);
    place.encrypt("app/app.env", "USER=app-s3cret\nPASSWORD=a=b s3cret\n", &[]);
    place.write(
        "app/kustomization.yaml",
        "namespace: shop\nnamePrefix: p-\nresources: [db.yaml]\ntransformers: [fn.yaml]
secretGenerator: [{name: lines, envs: [app.env]}]\n",
    );
    let program = env!("CARGO_BIN_EXE_sealref");
    place.write(
        "app/fn.yaml",
        &format!(
            "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nmetadata:\n  name: secrets\n  annotations:
    config.kubernetes.io/function: \"exec: {{path: {program}}}\"\nspec:\n  sealing: {{certificate: ../cert.pem}}\n"
        ),
    );
    let Some(kustomize) = peers::peer("kustomize") else { return };
    let build = || place.program(&kustomize, &["build", "--enable-alpha-plugins", "--enable-exec", "app"], "");
    let (first, second) = (build(), build());
    let text = String::from_utf8(first.stdout).unwrap();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(text.as_bytes(), second.stdout);
    assert!(!text.contains("ENC[") && !text.contains("sops") && !text.contains("kind: Secret\n"), "{text}");
    let opened = place.opened(&text);
    assert_eq!(opened["p-db"], all());
    let lines = opened.iter().find(|(name, _)| name.starts_with("p-lines-")).unwrap().1;
    assert_eq!(*lines, values(&[("PASSWORD", "a=b s3cret"), ("USER", "app-s3cret")]));
}

#[test]
fn a_generator_of_references_lists_encrypted_files() {
    let Some(place) = Place::new() else { return };
    place.encrypt("app.env", "USER=app-s3cret\nEMPTY=\nPASSWORD=a=b s3cret\n", &[]);
    // Neither name says what it is.
    place.encrypt("secrets/tls.key", "key-s3cret\n", &[]);
    place.encrypt("values.yaml", YAML, &[]);
    let list = "apiVersion: sealref.dev/v1alpha1\nkind: ReferenceGenerator\nmetadata: {name: db, namespace: shop}
spec:\n  envs: [app.env]\n  files: [secrets/tls.key, values.yaml]\n";
    let (text, told) = place.sealed(&["-", "--strict"], list);
    let lines = [("EMPTY", ""), ("PASSWORD", "a=b s3cret"), ("USER", "app-s3cret")];
    let expected = values(&[lines.as_slice(), &[("tls.key", "key-s3cret\n"), ("values.yaml", YAML)]].concat());
    assert_eq!((place.opened(&text)["db"].clone(), told.as_str()), (expected, ""));
}

#[test]
fn without_an_identity_the_message_says_who_could() {
    let Some(place) = Place::new() else { return };
    place.encrypt("db.yaml", &secret("db"), &VALUES);
    place.write("id.txt", "");
    let output = place.render(&["db.yaml"], "");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains(&place.recipient), "{told}");
}
