//! The canary hunt: values are planted wherever sealref may meet one, commands are run in success and in
//! failure, and whatever they wrote is searched for every form a value could leak in.
//!
//! A finding names the canary, the form and the place, never the value.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256, Sha512};
use tempfile::TempDir;

// --- The canaries ---

const PLAIN: &str = "Zq7vK1xT9mB3wR5yLd8nPc";
const THORNY: &str = "Hx9\"q\\W'{{Kj}}\n%41\u{e9}\u{2603}&Vw8<Tz6>\tY#4: -R";
const LITERAL: &str = "Gm2tJ6sD0uX8bN4cVe1rQf";
const OUTSIDE: &str = "Bp5kF9zA3hS7jU1iOg4xMw";
const VARIABLE: &str = "Ny8wC2gE6vH0lT4dXs9kJa";
const IN_AGE: &str = "Rt3fY7uP1eZ5oK9iLm2qWb";
const IN_YAML: &str = "Dc6xV0nM4aJ8sG2hFk7pTz";
/// The 32 bytes of the sealing key, which are text here so that their windows can be told.
const KEY: &[u8; 32] = b"Wj4rL8tE2yU6iB0oXn5mQz9kSd3fVh7g";

fn binary() -> Vec<u8> {
    (0u8..28).map(|n| n.wrapping_mul(73).wrapping_add(201)).collect()
}

/// Every form that a value might take on its way out, with the name of the form.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms: Vec<(&'static str, Vec<u8>)> = vec![("raw", value.to_vec())];
    let mut add = |name, bytes: Vec<u8>| forms.push((name, bytes));
    for window in value.windows(8) {
        add("a window of 8 bytes", window.to_vec());
    }
    add("reversed", value.iter().rev().copied().collect());
    for (name, twice, bytes) in in_base64(value) {
        add(name, bytes.clone());
        for (_, _, again) in in_base64(&bytes) {
            add(twice, again);
        }
    }
    let each =
        |f: &dyn Fn(&u8) -> String, between: &str| value.iter().map(f).collect::<Vec<_>>().join(between).into_bytes();
    for between in ["", " ", ":", ", "] {
        add("hex", each(&|byte| format!("{byte:02x}"), between));
        add("hex in capitals", each(&|byte| format!("{byte:02X}"), between));
    }
    add("hex with 0x", each(&|byte| format!("{byte:#04x}"), ", "));
    add("escaped bytes", each(&|byte| format!("\\x{byte:02x}"), ""));
    add("percent", each(&|byte| format!("%{byte:02x}"), ""));
    add("percent in capitals", each(&|byte| format!("%{byte:02X}"), ""));
    add("percent where needed", percent(value).into_bytes());
    add("decimals", each(&u8::to_string, ", "));
    add("decimals without spaces", each(&u8::to_string, ","));
    add("ASCII escapes", value.escape_ascii().to_string().into_bytes());
    if let Ok(text) = std::str::from_utf8(value) {
        let json = |text: &str| serde_json::to_string(text).unwrap().trim_matches('"').to_owned();
        add("JSON", json(text).into_bytes());
        add("JSON in JSON", json(&json(text)).into_bytes());
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        add("JSON, each character escaped", units.into_bytes());
        add("Rust's Debug", text.escape_debug().to_string().into_bytes());
        add("Rust's escapes", text.escape_default().to_string().into_bytes());
        add("YAML's single quotes", text.replace('\'', "''").into_bytes());
        add("lower case", text.to_lowercase().into_bytes());
        add("capitals", text.to_uppercase().into_bytes());
        add("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
    for ending in [&b""[..], b"\n"] {
        let bytes = [value, ending].concat();
        for digest in [Sha256::digest(&bytes).to_vec(), Sha512::digest(&bytes).to_vec()] {
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            add("a digest without a key", hex.as_bytes()[..16].to_vec());
            add("a digest in base64", STANDARD.encode(&digest).as_bytes()[..16].to_vec());
        }
    }
    // Shorter ones would be found anywhere
    forms.retain(|(_, form)| form.len() >= 8);
    forms
}

/// Base64 at three alignments in both alphabets: the middle that depends on nothing but the value.
fn in_base64(value: &[u8]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut forms = vec![];
    for shift in 0..3 {
        let padded = [&[0; 2][..shift], value].concat();
        let (from, to) = ((8 * shift).div_ceil(6), 8 * (shift + value.len()) / 6);
        let standard = STANDARD_NO_PAD.encode(&padded);
        forms.push(("base64", "base64 of base64", standard.as_bytes()[from..to].to_vec()));
        let safe = URL_SAFE_NO_PAD.encode(&padded);
        forms.push(("base64 for URLs", "base64 of base64 for URLs", safe.as_bytes()[from..to].to_vec()));
    }
    forms
}

fn percent(value: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value.iter().map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

struct Hunter {
    forms: AhoCorasick,
    names: Vec<(&'static str, &'static str)>,
}

impl Hunter {
    fn new(canaries: &[(&'static str, Vec<u8>)]) -> Self {
        let (mut patterns, mut names) = (vec![], vec![]);
        for (canary, value) in canaries {
            for (form, bytes) in forms(value) {
                patterns.push(bytes);
                names.push((*canary, form));
            }
        }
        Self { forms: AhoCorasick::new(patterns).unwrap(), names }
    }

    /// Which canary stands there, and in which form; lines are joined, as base64 is often broken.
    fn find(&self, bytes: &[u8]) -> Vec<(&'static str, &'static str)> {
        let joined: Vec<u8> = bytes.iter().copied().filter(|byte| !matches!(byte, b'\n' | b' ')).collect();
        let mut found = vec![];
        for text in [bytes, &joined] {
            found.extend(self.forms.find_overlapping_iter(text).map(|hit| self.names[hit.pattern()]));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

// --- The world ---

struct World {
    folder: TempDir,
    hunter: Hunter,
    identity: String,
}

const SETTINGS: &str = r"
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata: {name: test}
spec:
  stores:
    - {match: {scheme: vault}, use: {kind: ClusterSecretStore, name: vault}}
  sealing: {certificate: certificate.pem}
";

impl World {
    fn new() -> Self {
        use age::secrecy::ExposeSecret as _;
        let folder = tempfile::tempdir().unwrap();
        let identity = age::x25519::Identity::generate();
        let secret = identity.to_string().expose_secret().to_owned();
        let world = Self {
            hunter: Hunter::new(&[
                ("plain file", PLAIN.into()),
                ("thorny file", THORNY.into()),
                ("binary file", binary()),
                ("literal", LITERAL.into()),
                ("file outside of the root", OUTSIDE.into()),
                ("variable", VARIABLE.into()),
                ("age file", IN_AGE.into()),
                ("key of a YAML file", IN_YAML.into()),
                ("sealing key", KEY.to_vec()),
                ("age identity", secret.trim_start_matches("AGE-SECRET-KEY-").into()),
            ]),
            folder,
            identity: secret,
        };
        for folder in ["app/.git", "outside", "home", "tmp"] {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/demo-certificate.pem");
        fs::copy(certificate, world.path("app/certificate.pem")).unwrap();
        world.put("app/.sealref.yaml", SETTINGS);
        world.put("app/plain.txt", PLAIN);
        world.put("app/thorny.txt", THORNY);
        world.put("app/binary.bin", binary());
        world
            .put("app/values.yaml", format!("db: {{password: {IN_YAML}, map: {{{IN_YAML}: 1}}, list: [{IN_YAML}]}}\n"));
        world.put("app/broken.yaml", format!("db: {{password: \"{IN_YAML}\n  x: [{IN_YAML}\n"));
        world.put("app/tabs.yaml", format!("db:\n\tpassword: {IN_YAML}\n"));
        world.put("app/twice.yaml", format!("password: {IN_YAML}\npassword: {IN_YAML}\n"));
        world.put("app/large.txt", PLAIN.repeat(60_000));
        world.put("app/huge.txt", PLAIN.repeat(300_000));
        world.put("outside/secret.txt", OUTSIDE);
        world.put("outside/secret.yaml", format!("a: {OUTSIDE}\n"));
        symlink("../outside/secret.txt", world.path("app/link.txt")).unwrap();
        symlink("../outside", world.path("app/link")).unwrap();
        let sealed = encrypted(&identity.to_public(), format!("password: {IN_AGE}\n").as_bytes());
        world.put("app/secrets.age", &sealed);
        world.put("app/cut.age", &sealed[..sealed.len() - 7]);
        world.put("app/changed.age", [&sealed[..sealed.len() - 1], &[sealed[sealed.len() - 1] ^ 1]].concat());
        world.put("app/broken.yaml.age", encrypted(&identity.to_public(), format!("a: [{IN_AGE}").as_bytes()));
        world.put("home/identity", format!("# created\n{}\n", world.identity));
        world.put("home/two-identities", format!("{}\n{}x\n", world.identity, world.identity));
        let other = age::x25519::Identity::generate();
        world.put("home/other-identity", other.to_string().expose_secret());
        world.put("home/key", format!("sealref-key-1:{}", STANDARD.encode(KEY)));
        world.put("home/raw-key", KEY);
        world.put("home/short-key", &KEY[..31]);
        world.put("home/bad-key", format!("sealref-key-1:{}", STANDARD.encode(&KEY[..31])));
        world.put("home/spaced-key", format!(" sealref-key-1:{}\n\n", STANDARD.encode(KEY)));
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealref"));
        command.args(arguments).current_dir(self.path("app")).env_clear();
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp")).env("XDG_CACHE_HOME", self.path("home"));
        command.env("SEALREF_CANARY", VARIABLE).env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        command
    }

    /// Runs a command, and hunts in everything it wrote.
    fn hunt(&self, title: &str, command: &mut Command, input: &[u8]) -> (Output, Vec<String>) {
        let before = snapshot(self.folder.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join().unwrap();
        let mut leaks = vec![];
        let mut search = |place: &str, bytes: &[u8]| {
            let found = self.hunter.find(bytes);
            leaks.extend(found.iter().map(|(canary, form)| format!("{title}: {canary} as {form} in {place}")));
        };
        search("standard output", &output.stdout);
        search("standard error", &output.stderr);
        for (path, bytes) in snapshot(self.folder.path()) {
            if before.get(&path) != Some(&bytes) {
                search(&format!("the file {}", path.display()), &bytes);
                search("the name of a file", path.as_os_str().as_bytes());
            }
        }
        (output, leaks)
    }
}

fn encrypted(recipient: &age::x25519::Recipient, bytes: &[u8]) -> Vec<u8> {
    let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient)).unwrap();
    let mut out = vec![];
    let mut writer = encryptor.wrap_output(&mut out).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap();
    out
}

fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(snapshot(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// A Secret with this map as its stringData, and what else it says.
fn secret(data: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData:\n{data}\n")
}

fn one(value: &str) -> String {
    secret(&format!("  a: {value}"))
}

const KEYED: [&str; 6] =
    ["--sealing-key", "../home/key", "--allow-env", "SEALREF_CANARY", "--identity", "../home/identity"];

fn all() -> String {
    secret(
        "  plain: ref+file://plain.txt\n  thorny: ref+file://thorny.txt\n  binary: ref+file://binary.bin\n  \
         composed: 'postgres://u:ref+file://plain.txt+@db/ref+env://SEALREF_CANARY+ {{ x }}'\n  \
         age: ref+file://secrets.age\n  inside: ref+file://secrets.age#/password\n  \
         yaml: ref+file://values.yaml#/db/password\n  variable: ref+env://SEALREF_CANARY",
    )
}

// --- The hunt ---

#[test]
fn nothing_leaks_where_all_goes_well() {
    let world = World::new();
    let literals = secret(&format!("  a: {LITERAL}\n  b: 'x {LITERAL} {{{{ y }}}}'"));
    world.put("app/literals.env", format!("A={LITERAL}\n# {LITERAL}\nB=x{LITERAL}\n"));
    let workload = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n  containers:\n  - name: c\n    env:\n    - {name: P, value: ref+file://plain.txt}\n";
    let runs: &[(&str, &[&str], &str)] = &[
        ("render", &["render"], &all()),
        ("randomised", &["render", "--randomised"], &all()),
        ("to a file", &["render", "-o", "../tmp/out.yaml"], &all()),
        ("namespace-wide", &["render", "--scope", "namespace-wide"], &all()),
        ("cluster-wide", &["render", "--scope", "cluster-wide"], &all()),
        ("raw key", &["render", "--sealing-key", "../home/raw-key"], &all()),
        ("preview", &["render", "--preview"], &all()),
        ("explain", &["explain"], &all()),
        ("explain as JSON", &["explain", "--format", "json"], &all()),
        ("lifted", &["render"], workload),
        ("seal literals", &["seal", "-f", "-"], &literals),
        ("seal an env file", &["seal", "db", "-n", "shop", "--from-env-file", "literals.env"], ""),
        ("seal a file", &["seal", "db", "-n", "shop", "--from-file", "thorny.txt", "--from-file", "b=binary.bin"], ""),
        ("seal a literal", &["seal", "db", "-n", "shop", "--from-literal", &format!("a={LITERAL}")], ""),
    ];
    let mut leaks = vec![];
    for (title, arguments, input) in runs {
        let keyed = KEYED.iter().filter(|_| arguments[0] != "verify");
        let keyed = keyed.skip(if arguments.contains(&"--sealing-key") { 2 } else { 0 });
        let arguments: Vec<&str> = arguments.iter().chain(keyed).copied().collect();
        let (output, found) = world.hunt(title, &mut world.command(&arguments), input.as_bytes());
        assert!(output.status.success(), "{title}: {}", String::from_utf8_lossy(&output.stderr));
        leaks.extend(found);
    }
    // What came out goes in again, and is merged into
    let (output, _) = world.hunt("", &mut world.command(&[&["render"][..], &KEYED].concat()), all().as_bytes());
    world.put("app/sealed.yaml", &output.stdout);
    for arguments in [
        &["verify", "sealed.yaml"][..],
        &["verify", "--format", "json", "sealed.yaml"],
        &["render", "sealed.yaml", "-o", "../tmp/folder/"],
        &["seal", "--merge-into", "sealed.yaml", "--from-file", "new=plain.txt", "--sealing-key", "../home/key"],
    ] {
        let (output, found) = world.hunt(arguments[0], &mut world.command(arguments), b"");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        leaks.extend(found);
    }
    assert!(leaks.is_empty(), "\n{}", leaks.join("\n"));
}

/// Title, what is typed (the keys are added), and what comes in.
type Failure = (&'static str, Vec<String>, Vec<u8>);

fn failures(world: &World) -> Vec<Failure> {
    let mut runs: Vec<Failure> = vec![];
    let mut add = |title, arguments: &[&str], input: String| {
        runs.push((title, arguments.iter().map(|&a| a.to_owned()).collect(), input.into_bytes()));
    };
    let beside = |broken: &str| format!("{}---\n{broken}", all());
    // Text that is broken beside a value, or in it
    for broken in [
        format!("kind: Secret\nstringData: {{a: \"{LITERAL}"),
        format!("kind: Secret\nstringData:\n\ta: {LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: {LITERAL}\n a: {LITERAL}\n"),
        format!("kind: Secret\nstringData: {{a: {LITERAL}, a: {LITERAL}}}\n"),
        format!("kind: Secret\nstringData:\n  a: *{LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: !{LITERAL} x\n"),
        format!("kind: Secret\nstringData:\n  a: !!binary {LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: !!int {LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: \"{LITERAL}\\q\"\n"),
        format!("kind: Secret\nstringData:\n  a: &{LITERAL} x\n  b: &{LITERAL} y\n"),
        format!("kind: Secret\nstringData:\n  <<: {LITERAL}\n"),
        format!("kind: Secret\n? [{LITERAL}]\n: x\n"),
        format!("kind: Secret\nstringData: {{a: 'x'{LITERAL}}}\n"),
        format!("%YAML {LITERAL}\n---\nkind: Secret\n"),
        format!("{{\"kind\": \"Secret\", \"stringData\": {{\"a\": \"{LITERAL}\"}}"),
        format!("{{\"kind\": \"Secret\", \"stringData\": {{\"a\": \"{LITERAL}\" \"b\"}}}}"),
        format!("- Secret\n- {LITERAL}\n"),
        format!("Secret {LITERAL}\n"),
    ] {
        for command in ["render", "explain", "verify"] {
            add("broken text", &[command], beside(&broken));
        }
        add("broken text", &["seal", "-f", "-"], broken);
    }
    // Values of the wrong kind
    for data in [
        format!("  a: [{LITERAL}]"),
        format!("  a: {{{LITERAL}: {LITERAL}}}"),
        "  a: 12345678".to_owned(),
        format!("  a: {LITERAL}"),
        format!("  a: 'postgres://u:{LITERAL}@ref+vault://kv/a#/b+/x'"),
        format!("  a: 'password={LITERAL} ref+vault://kv/a#/b'"),
        format!("  a: 'postgres://u:{LITERAL}@ref+vault:/x'"),
        format!("  a: '{LITERAL}ref+nosuch://x'"),
        format!("  a: 'ref+file://plain.txt,{LITERAL}'"),
        format!("  a: ref+vault://kv/a#/b\n  b: {LITERAL}"),
        format!("  a: ref+vault://kv/a#/b\n  b: ref+file://plain.txt\n  c: {LITERAL}"),
    ] {
        for command in ["render", "explain"] {
            add("wrong value", &[command], secret(&data));
        }
    }
    for object in [
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\ndata: {{a: {LITERAL}!}}\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\ndata: {LITERAL}\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData: [{LITERAL}]\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nstringdata: {{a: {LITERAL}}}\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {LITERAL}\nstringData: {{a: {LITERAL}}}\n"),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: '{LITERAL} ref+vault://kv/a#/b'}}\n"
        ),
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: c, namespace: x}}\nspec: {{containers: [{{name: c, args: ['--p={LITERAL} ref+vault://kv/a#/b']}}]}}\n"
        ),
        format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: db, namespace: shop}}\nstringData: {{tls.crt: {LITERAL}, tls.key: {LITERAL}}}\n"
        ),
    ] {
        add("wrong object", &["render"], object.clone());
        add("wrong object", &["seal", "-f", "-"], object);
    }
    add("plain text", &["verify"], one(LITERAL));
    add("plain text", &["verify"], one(&format!("[{LITERAL}]")));
    add("plain text", &["verify"], one("x").replace("\n  a: x", &format!(" {LITERAL}")));
    add("plain text in data", &["verify"], one(LITERAL).replace("stringData", "data"));
    // Files
    for reference in [
        "broken.yaml#/db/password",
        "tabs.yaml#/db/password",
        "twice.yaml#/password",
        "values.yaml#/db",
        "values.yaml#/db/map",
        "values.yaml#/db/list",
        "values.yaml#/db/password/x",
        "values.yaml#/nothing",
        "plain.txt#/a",
        "thorny.txt#/a",
        "binary.bin#/a",
        "link.txt",
        "link/secret.txt",
        "link/secret.yaml#/a",
        "../outside/secret.txt",
        "missing.txt",
        "large.txt",
        "huge.txt",
        "cut.age",
        "changed.age",
        "plain.age",
        "secrets.age#/nothing",
        "broken.yaml.age#/a",
        "app",
        ".git",
    ] {
        add("file", &["render"], one(&format!("ref+file://{reference}")));
    }
    add("absolute file", &["render"], one(&format!("ref+file://{}", world.path("outside/secret.txt").display())));
    // Types whose content is checked
    for (kind, keys) in [
        ("kubernetes.io/tls", "{tls.crt: ref+file://plain.txt, tls.key: ref+file://thorny.txt}"),
        ("kubernetes.io/dockerconfigjson", "{.dockerconfigjson: ref+file://thorny.txt}"),
        ("kubernetes.io/dockercfg", "{.dockercfg: ref+file://binary.bin}"),
        ("kubernetes.io/basic-auth", "{other: ref+file://plain.txt}"),
        ("kubernetes.io/ssh-auth", "{ssh-privatekey: ref+file://plain.txt, b: ref+file://huge.txt}"),
    ] {
        let object = format!(
            "apiVersion: v1\nkind: Secret\ntype: {kind}\nmetadata: {{name: db, namespace: shop}}\nstringData: {keys}\n"
        );
        add("type", &["render"], object);
    }
    // Keys, identities, certificates
    for (title, option, file) in [
        ("short key", "--sealing-key", "../home/short-key"),
        ("bad key", "--sealing-key", "../home/bad-key"),
        ("spaced key", "--sealing-key", "../home/spaced-key"),
        ("a value as a key", "--sealing-key", "thorny.txt"),
        ("an identity as a key", "--sealing-key", "../home/identity"),
        ("a binary key", "--sealing-key", "binary.bin"),
        ("a value as a certificate", "--certificate", "plain.txt"),
        ("a key as a certificate", "--certificate", "../home/key"),
        ("an identity as a certificate", "--certificate", "../home/identity"),
        ("another identity", "--identity", "../home/other-identity"),
        ("a broken identity", "--identity", "../home/two-identities"),
        ("a key as an identity", "--identity", "../home/key"),
        ("a value as an identity", "--identity", "binary.bin"),
        ("a value as settings", "--config", "thorny.txt"),
        ("values as settings", "--config", "values.yaml"),
        ("broken values as settings", "--config", "broken.yaml"),
        ("a key as settings", "--config", "../home/key"),
    ] {
        add(title, &["render", option, file], all());
    }
    add("certificate", &["cert", "show", "../home/identity"], String::new());
    add("certificate", &["cert", "show", "thorny.txt"], String::new());
    // Merging and env files
    add("merge", &["seal", "--merge-into", "values.yaml", "--from-literal", "a=b"], String::new());
    add("merge", &["seal", "--merge-into", "broken.yaml", "--from-literal", "a=b"], String::new());
    add("env file", &["seal", "db", "-n", "shop", "--from-env-file", "plain.txt"], String::new());
    add("env file", &["seal", "db", "-n", "shop", "--from-env-file", "binary.bin"], String::new());
    add("literal", &["seal", "db", "-n", "shop", "--from-literal", LITERAL], String::new());
    add(
        "literals",
        &[
            "seal",
            "db",
            "-n",
            "shop",
            "--from-literal",
            &format!("a={LITERAL}"),
            "--from-literal",
            &format!("a={LITERAL}"),
        ],
        String::new(),
    );
    // Not UTF-8
    let mut bytes = one(LITERAL).into_bytes();
    bytes.push(0xff);
    runs.push(("not UTF-8", vec!["render".to_owned()], bytes));
    runs.push(("binary", vec!["render".to_owned()], binary()));
    runs
}

#[test]
fn nothing_leaks_where_something_fails() {
    let world = World::new();
    let (mut leaks, mut succeeded) = (vec![], vec![]);
    let runs = failures(&world);
    let count = runs.len();
    for (index, (title, arguments, input)) in runs.into_iter().enumerate() {
        let mut typed: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for pair in KEYED.chunks(2) {
            if matches!(typed[0], "render" | "explain" | "seal") && !typed.contains(&pair[0]) {
                typed.extend(pair);
            }
        }
        let title = format!("{index} {title} {}", arguments.join(" "));
        let title = title.replace(LITERAL, "LITERAL");
        let (output, found) = world.hunt(&title, &mut world.command(&typed), &input);
        leaks.extend(found);
        if output.status.success() {
            succeeded.push(title);
        } else {
            assert!(output.stdout.is_empty(), "{title}");
            assert_ne!(output.status.code(), Some(70), "{title}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(output.status.code().is_some_and(|code| code < 100), "{title}: {:?}", output.status);
        }
    }
    assert!(leaks.is_empty(), "\n{}", leaks.join("\n"));
    assert!(count > 150, "{count}");
    assert!(succeeded.len() < 12, "these were to fail:\n{}", succeeded.join("\n"));
}

/// What somebody puts into the environment by mistake.
#[test]
fn nothing_leaks_from_the_environment() {
    let world = World::new();
    let key = format!("sealref-key-1:{}", STANDARD.encode(KEY));
    let not_text = std::ffi::OsString::from_vec([VARIABLE.as_bytes(), &[0xff]].concat());
    let (identity, key): (std::ffi::OsString, std::ffi::OsString) = (world.identity.clone().into(), key.into());
    let mut leaks = vec![];
    for (title, name, value, input, arguments) in [
        (
            "no text",
            "SEALREF_CANARY",
            &not_text,
            one("ref+env://SEALREF_CANARY"),
            &["--allow-env", "SEALREF_CANARY"][..],
        ),
        ("not allowed", "OTHER", &VARIABLE.into(), one("ref+env://OTHER"), &[]),
        ("the key itself instead of its file", "SEALREF_SEALING_KEY", &key, one("ref+file://plain.txt"), &[]),
        (
            "the identity itself instead of its file",
            "SEALREF_IDENTITY",
            &identity,
            one("ref+file://secrets.age"),
            &["--sealing-key", "../home/key"],
        ),
        ("an empty variable", "SEALREF_CANARY", &"".into(), all(), &KEYED[..]),
        ("a policy", "SEALREF_POLICY", &VARIABLE.into(), all(), &KEYED[..]),
        ("an environment", "SEALREF_ENVIRONMENT", &"nowhere".into(), all(), &KEYED[..]),
    ] {
        let mut command = world.command(&[&["render"], arguments].concat());
        let (output, found) = world.hunt(title, command.env(name, value), input.as_bytes());
        assert!(!output.status.success(), "{title}");
        assert!(output.stdout.is_empty(), "{title}");
        leaks.extend(found);
    }
    assert!(leaks.is_empty(), "\n{}", leaks.join("\n"));
}

// --- The test of the test ---

/// Each form of each canary is found, wherever it stands.
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
    assert!(count > 500, "{count}");
    assert!(world.hunter.find(b"error: stdin:1 Secret shop/db, data.password: the value is not base64").is_empty());
}

/// Each place is searched: standard output, standard error, a file, the name of a file.
#[test]
fn every_place_is_searched() {
    let world = World::new();
    for (place, script) in [
        ("standard output", "cat plain.txt"),
        ("standard error", "base64 < plain.txt >&2"),
        ("the file", "cp plain.txt ../tmp/left"),
        ("the file", "cat plain.txt >> .sealref.yaml"),
        ("the name of a file", "touch ../home/$(cat plain.txt)"),
        ("standard error", "head -c 10 plain.txt >&2"),
        ("standard error", "seq 10000 >&2; rev plain.txt >&2"),
    ] {
        let mut mole = Command::new("sh");
        mole.args(["-c", script]).current_dir(world.path("app"));
        let (_, leaks) = world.hunt("mole", &mut mole, b"");
        assert!(leaks.iter().any(|leak| leak.contains(place)), "{script}: {leaks:?}");
        assert!(!leaks.iter().any(|leak| leak.contains(PLAIN) && !leak.contains("tmp") && !leak.contains("home")));
    }
}
