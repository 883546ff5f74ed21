//! What the program seals, the real kubeseal opens, and gives back exactly what went in; under another
//! name, namespace or scope it opens nothing.

#![allow(
    clippy::format_collect,
    clippy::items_after_statements,
    reason = "a test joins what it reads and tells as it comes"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

#[path = "support/peers.rs"]
mod peers;

/// kubeseal, the key that opens, and a folder with the certificate that seals.
struct World {
    kubeseal: PathBuf,
    folder: TempDir,
}

impl World {
    /// None where kubeseal is missing; that is said, and with `CI=true` it is a failure.
    fn new() -> Option<Self> {
        let kubeseal = peers::peer("kubeseal")?;
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // kubeseal takes nothing before the first line of PEM
        for (from, to) in [
            ("tests/data/demo-private-key.pem", "private.pem"),
            ("examples/quickstart/demo-certificate.pem", "certificate.pem"),
        ] {
            let text = fs::read_to_string(root.join(from)).unwrap();
            fs::write(folder.path().join(to), &text[text.find("-----BEGIN").unwrap()..]).unwrap();
        }
        fs::copy(root.join("examples/quickstart/demo-sealing.key"), folder.path().join("key")).unwrap();
        Some(Self { kubeseal, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn sealref(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealref"));
        command.args(arguments).current_dir(&self.folder).env("SEALREF_TEST_VALUE", "from the environment");
        run(&mut command, input)
    }

    /// Renders or seals, and gives the objects that came out. The input is JSON, so the output is.
    fn made(&self, command: &str, more: &[&str], input: &Value) -> Vec<Value> {
        let input = ascii(input);
        let common = ["--certificate", "certificate.pem", "--sealing-key", "key", "--allow-env", "SEALREF_TEST_VALUE"];
        let source: &[&str] = if command == "seal" { &["-f", "-"] } else { &["-"] };
        let output = self.sealref(&[&[command], source, &common, more].concat(), &input);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        values.map(Result::unwrap).collect()
    }

    fn sealed(&self, command: &str, more: &[&str], input: &Value) -> Value {
        let made = self.made(command, more, input);
        let [sealed] = made.as_slice() else { panic!("{made:?}") };
        assert_eq!(sealed["kind"], "SealedSecret");
        sealed.clone()
    }

    /// The Secret inside, or nothing where kubeseal refuses.
    fn open(&self, sealed: &str) -> Option<Value> {
        let arguments = ["--recovery-unseal", "-o", "json", "--recovery-private-key"];
        let mut command = Command::new(&self.kubeseal);
        command.args(arguments).arg(self.path("private.pem")).env_remove("KUBECONFIG");
        let output = run(&mut command, sealed);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// What kubeseal itself makes of a Secret.
    fn theirs(&self, form: &str, scope: &str, secret: &Value) -> String {
        let mut command = Command::new(&self.kubeseal);
        let arguments = ["--allow-empty-data", "-o", form, "--scope", scope, "--cert"];
        command.args(arguments).arg(self.path("certificate.pem")).env_remove("KUBECONFIG");
        let output = run(&mut command, &secret.to_string());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that fails early does not read to the end
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

/// JSON that any reader reads alike: line separators are none in it.
fn ascii(value: &Value) -> String {
    let escape = |c: char| match c {
        c if c.is_ascii() => c.to_string(),
        c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    value.to_string().chars().map(escape).collect()
}

/// The items of a Secret as kubeseal gives them; Go writes empty bytes as null.
fn items(secret: &Value) -> Map<String, Value> {
    let decoded = |value: &Value| json!(STANDARD.decode(value.as_str().unwrap_or_default()).unwrap());
    secret["data"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), decoded(value))).collect()
}

/// Values that something might change on the way.
fn values() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("plain", b"s3cret".to_vec()),
        ("empty", vec![]),
        ("newline", b"line\n".to_vec()),
        ("crlf", b"a\r\nb\r\n".to_vec()),
        ("spaces", b"  a b  ".to_vec()),
        ("braces", b"{{ .x }} {{\"{{\"}} }} ${HOME} $(HOME)".to_vec()),
        ("quotes", b"\"a\" 'b' \\n `c` # : - [x] {y: z}".to_vec()),
        ("unicode", "\u{e4}\u{1f511}\u{202e}\u{2028}\u{feff}".into()),
        ("yes", b"yes".to_vec()),
        ("number", b"0x1F".to_vec()),
        ("null", b"null".to_vec()),
        ("document", b"a: b\n---\nkind: ClusterRoleBinding\n".to_vec()),
        ("binary", (0..=255).collect()),
        ("zero", vec![0; 33]),
        ("long", b"x".repeat(100_000)),
    ]
}

const SCOPES: [&str; 3] = ["strict", "namespace-wide", "cluster-wide"];

#[test]
fn every_value_comes_back_in_every_scope_from_data_and_string_data() {
    let Some(world) = World::new() else { return };
    let (mut data, mut text, mut expected) = (Map::new(), Map::new(), Map::new());
    for (name, value) in values() {
        let key = format!("data.{name}");
        data.insert(key.clone(), json!(STANDARD.encode(&value)));
        expected.insert(key, json!(value));
        if let Ok(string) = String::from_utf8(value.clone()) {
            let key = format!("text.{name}");
            text.insert(key.clone(), json!(string));
            expected.insert(key, json!(value));
        }
    }
    for scope in SCOPES {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "example.com/mine", "immutable": true,
            "metadata": {
                "name": "db", "namespace": "shop",
                "labels": {"app": "web", "yes": "no"},
                "annotations": {"note": "kept {{ as it is }}"},
            },
            "data": data, "stringData": text,
        });
        let sealed = world.sealed("seal", &["--scope", scope], &secret);
        let opened = world.open(&sealed.to_string()).unwrap_or_else(|| panic!("{scope} does not open"));
        assert!(items(&opened) == expected, "{scope}: {opened:#}");
        assert_eq!(opened["type"], "example.com/mine");
        assert_eq!(opened["immutable"], true);
        assert_eq!(opened["metadata"]["labels"], secret["metadata"]["labels"]);
        assert_eq!(opened["metadata"]["annotations"]["note"], "kept {{ as it is }}");
        assert_eq!((&opened["metadata"]["name"], &opened["metadata"]["namespace"]), (&json!("db"), &json!("shop")));
        // Nothing of the values stands outside of the ciphertexts
        assert!(!sealed.to_string().contains("s3cret"));
    }
}

#[test]
fn types_of_kubernetes_come_back() {
    let Some(world) = World::new() else { return };
    let tls = |kind: &str| fs::read_to_string(world.path(kind)).unwrap();
    for (kind, data) in [
        ("kubernetes.io/basic-auth", json!({"username": "u", "password": "p"})),
        ("kubernetes.io/ssh-auth", json!({"ssh-privatekey": tls("private.pem")})),
        ("kubernetes.io/tls", json!({"tls.crt": tls("certificate.pem"), "tls.key": tls("private.pem")})),
        ("kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": "{\"auths\":{}}"})),
        ("Opaque", json!({"a": "b"})),
    ] {
        let metadata = json!({"name": "x", "namespace": "shop"});
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata, "stringData": data});
        let opened = world.open(&world.sealed("seal", &[], &secret).to_string()).unwrap();
        assert_eq!(opened["type"], kind);
        for (key, value) in data.as_object().unwrap() {
            assert_eq!(items(&opened)[key], json!(value.as_str().unwrap().as_bytes()), "{kind} {key}");
        }
        assert_eq!(opened.get("immutable"), None);
    }
}

/// References to files, plain and with a key, to the environment, composed, in a Secret and in a workload.
#[test]
fn rendered_references_come_back() {
    let Some(world) = World::new() else { return };
    let binary: Vec<u8> = (0..=255).rev().collect();
    world.put("binary", &binary);
    world.put("values.yaml", "db: {password: \"pa{{ss\\n\", port: 5432, tls: yes}\n");
    let metadata = json!({"name": "db", "namespace": "shop"});
    let composed = "postgres://u:ref+file://values.yaml#/db/password+@db:ref+file://values.yaml#/db/port+/x {{ y }}";
    let data = json!({
        "binary": "ref+file://binary",
        "composed": composed,
        "environment": "ref+env://SEALREF_TEST_VALUE",
        "escaped": "\\ref+vault://kv/a#/b ref+env://SEALREF_TEST_VALUE",
        "password": "secretref+file://values.yaml#/db/password",
        "tls": "ref+file://values.yaml#/db/tls",
    });
    let in_base64 = STANDARD.encode("ref+file://values.yaml#/db/port");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data, "data": {"port": in_base64},
    });
    for scope in SCOPES {
        let opened = world.open(&world.sealed("render", &["--scope", scope], &secret).to_string()).unwrap();
        let items = items(&opened);
        let text = |key: &str| -> Vec<u8> { serde_json::from_value(items[key].clone()).unwrap() };
        assert_eq!(text("binary"), binary);
        assert_eq!(text("composed"), b"postgres://u:pa{{ss\n@db:5432/x {{ y }}");
        assert_eq!(text("environment"), b"from the environment");
        assert_eq!(text("escaped"), b"ref+vault://kv/a#/b from the environment");
        assert_eq!(text("password"), b"pa{{ss\n");
        assert_eq!(text("port"), b"5432");
        assert_eq!(text("tls"), b"true");
        assert_eq!(items.len(), 7);
    }
    let workload = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "c", "env": [{"name": "P", "value": "ref+file://values.yaml#/db/password"}]}]},
    });
    let made = world.made("render", &[], &workload);
    let opened = world.open(&made[0].to_string()).unwrap();
    let variable = &made[1]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"];
    assert_eq!(variable["name"], opened["metadata"]["name"]);
    assert_eq!(items(&opened)[variable["key"].as_str().unwrap()], json!(b"pa{{ss\n"));
}

#[test]
fn a_changed_name_namespace_or_scope_does_not_open() {
    let Some(world) = World::new() else { return };
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"},
        "stringData": {"a": "b"},
    });
    const ANNOTATIONS: [Option<&str>; 3] =
        [None, Some("sealedsecrets.bitnami.com/namespace-wide"), Some("sealedsecrets.bitnami.com/cluster-wide")];
    for (index, (scope, renamed, moved)) in
        [("strict", false, false), ("namespace-wide", true, false), ("cluster-wide", true, true)]
            .into_iter()
            .enumerate()
    {
        let sealed = world.sealed("seal", &["--scope", scope], &secret);
        let opens = |change: &dyn Fn(&mut Value)| {
            let mut changed = sealed.clone();
            change(&mut changed);
            world.open(&changed.to_string()).is_some()
        };
        assert!(opens(&|_| ()), "{scope}");
        assert_eq!(opens(&|object| object["metadata"]["name"] = json!("other")), renamed, "{scope}");
        assert_eq!(opens(&|object| object["metadata"]["namespace"] = json!("other")), moved, "{scope}");
        for (other, annotation) in ANNOTATIONS.iter().enumerate() {
            let rescoped = opens(&|object| {
                let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
                annotations.retain(|name, _| !name.starts_with("sealedsecrets.bitnami.com/"));
                annotations.extend(annotation.map(|name| (name.to_owned(), json!("true"))));
            });
            assert_eq!(rescoped, index == other, "{scope} as {annotation:?}");
        }
        let damaged = opens(&|object| {
            let mut bytes = STANDARD.decode(object["spec"]["encryptedData"]["a"].as_str().unwrap()).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            object["spec"]["encryptedData"]["a"] = json!(STANDARD.encode(bytes));
        });
        assert!(!damaged);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_unless_it_is_randomised() {
    let Some(world) = World::new() else { return };
    world.put("v", "a value");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"},
        "stringData": {"a": "ref+file://v", "b": "ref+file://v"},
    });
    let once = world.sealed("render", &[], &secret);
    let arguments = ["render", "-", "--certificate", "certificate.pem", "--sealing-key", "key"];
    let bytes = || world.sealref(&arguments, &ascii(&secret)).stdout;
    assert!(!bytes().is_empty() && bytes() == bytes());
    assert_eq!(once, world.sealed("render", &[], &secret));
    let data = &once["spec"]["encryptedData"];
    assert_ne!(data["a"], data["b"], "the same value at another place");
    let random = || world.sealed("render", &["--randomised"], &secret);
    let (first, second) = (random(), random());
    assert_ne!(first["spec"]["encryptedData"]["a"], second["spec"]["encryptedData"]["a"]);
    for sealed in [once, first, second] {
        let opened = world.open(&sealed.to_string()).unwrap();
        assert_eq!(items(&opened)["b"], json!(b"a value"));
    }
}

#[test]
fn items_are_merged_into_what_kubeseal_wrote() {
    let Some(world) = World::new() else { return };
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop", "labels": {"app": "web"}},
        "data": {"old": STANDARD.encode("old value"), "kept": STANDARD.encode([0, 255])},
    });
    world.put("file.bin", [0xff, 0, 1]);
    let merge = ["seal", "--certificate", "certificate.pem", "--sealing-key", "key", "--merge-into", "sealed"];
    let new = ["--from-literal", "new=new value", "--from-literal", "old=changed", "--from-file", "file.bin"];
    for scope in SCOPES {
        for form in ["yaml", "json"] {
            let theirs = world.theirs(form, scope, &secret);
            let commented = match form {
                "yaml" => {
                    let text = theirs.trim_start_matches("---\n");
                    let text =
                        text.replacen("  encryptedData:\n", "  encryptedData: # sealed\n    # about the first\n", 1);
                    format!("# by kubeseal\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name:   c}}\n---\n{text}")
                }
                _ => theirs.clone(),
            };
            world.put("sealed", &commented);
            let output = world.sealref(&[&merge[..], &new].concat(), "");
            assert!(output.status.success(), "{scope} {form}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stdout.is_empty());
            let merged = fs::read_to_string(world.path("sealed")).unwrap();
            let object = match form {
                "yaml" => {
                    for comment in [
                        "# by kubeseal\n---\n",
                        "{name:   c}\n",
                        "encryptedData: # sealed\n",
                        "    # about the first\n    kept: ",
                    ] {
                        assert!(merged.contains(comment), "{scope}: {comment:?} is gone\n{merged}");
                    }
                    merged.rsplit("---\n").next().unwrap()
                }
                _ => &merged,
            };
            let opened = world.open(object).unwrap_or_else(|| panic!("{scope} {form} does not open\n{merged}"));
            let expected = [
                ("file.bin", json!([0xff, 0, 1])),
                ("kept", json!([0, 255])),
                ("new", json!(b"new value")),
                ("old", json!(b"changed")),
            ];
            let expected: Map<String, Value> = expected.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            assert!(items(&opened) == expected, "{scope} {form}: {opened:#}");
            assert_eq!(opened["metadata"]["labels"], json!({"app": "web"}));
            // Lines that hold no new item are as they were
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            let kept = lines(&commented);
            let missing: Vec<&String> = kept.iter().filter(|line| !lines(&merged).contains(line)).collect();
            assert!(missing.len() <= 2, "{scope} {form}: {missing:?}");
        }
    }
}

#[test]
fn env_files_files_and_literals_come_back() {
    let Some(world) = World::new() else { return };
    world.put("app.env", "# a comment\nUSER=web\n  INDENTED=x\nURL=https://a?b=c#d\nQUOTED=\"as it stands\"\nEMPTY=\n");
    world.put("app.bin", [0, 159, 146, 150]);
    let arguments = [
        "seal",
        "app",
        "--namespace",
        "shop",
        "--certificate",
        "certificate.pem",
        "--sealing-key",
        "key",
        "--from-env-file",
        "app.env",
        "--from-file",
        "renamed=app.bin",
        "--from-literal",
        "LIT={{ x }}=y",
    ];
    let output = world.sealref(&arguments, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let opened = world.open(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let expected: Value = json!({
        "EMPTY": b"", "INDENTED": b"x", "LIT": b"{{ x }}=y", "QUOTED": b"\"as it stands\"",
        "URL": b"https://a?b=c#d", "USER": b"web", "renamed": [0, 159, 146, 150],
    });
    assert_eq!(json!(items(&opened)), expected);
}
