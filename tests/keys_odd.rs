//! `sealref keys`: backups that are odd, and what the cluster has made of a key since. A stub of an API server answers.

#![cfg(feature = "cluster")]
#![allow(dead_code, reason = "each test needs a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

#[path = "support/controller.rs"]
mod controller;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use controller::key_secret;
use program::Program;
use server::{Server, answer};

const RECIPIENT: &str = "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";
/// Published with the test vectors of age, and so for tests alone.
const IDENTITY: &str = "AGE-SECRET-KEY-184JMZMVQH3E6U0PSL869004Y3U2NYV7R30EU99CSEDNPH02YUVFSZW44VU\n";

fn run(program: &Program, line: &str) -> (Option<i32>, String, String) {
    let output = program.shell(line, b"");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A folder with a backup of these Secrets, made by us; what it says.
fn backup(secrets: &[Value]) -> (Program, (Option<i32>, String, String)) {
    let program = Program::new();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": secrets});
    fs::write(program.folder().join("list.json"), list.to_string()).unwrap();
    fs::write(program.folder().join("id.txt"), IDENTITY).unwrap();
    let told = run(&program, &format!("sealref keys backup -f list.json -r {RECIPIENT} -o b.age"));
    (program, told)
}

fn in_namespace(namespace: &str, name: &str, bits: &str) -> Value {
    let mut secret = key_secret(name, bits);
    secret["metadata"]["namespace"] = namespace.into();
    secret
}

fn with_state(state: &str, bits: &str) -> Value {
    let mut secret = key_secret(&format!("key-{bits}"), bits);
    secret["metadata"]["labels"]["sealedsecrets.bitnami.com/sealed-secrets-key"] = state.into();
    secret
}

/// A cluster with these Secrets, and what was made in it.
fn cluster(program: &Program, secrets: &[Value]) -> (Server, Arc<Mutex<BTreeMap<String, Value>>>) {
    let place = |secret: &Value| {
        let part = |name: &str| secret["metadata"][name].as_str().unwrap().to_owned();
        format!("/api/v1/namespaces/{}/secrets/{}", part("namespace"), part("name"))
    };
    let all: BTreeMap<String, Value> = secrets.iter().map(|secret| (place(secret), secret.clone())).collect();
    let all = Arc::new(Mutex::new(all));
    let kept = Arc::clone(&all);
    let server = Server::start(move |stream, request, _| {
        let mut kept = kept.lock().unwrap();
        let (method, path) = request.split_once(' ').unwrap();
        if method == "POST" {
            let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
            kept.insert(place(&body), body);
            return answer(stream, 201, "", "{}");
        }
        match kept.get(path.split(' ').next().unwrap()) {
            Some(secret) => answer(stream, 200, "", &secret.to_string()),
            None => answer(stream, 404, "", "{}"),
        }
    });
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "users": [{"name": "a", "user": {"token": "admin-token"}}],
        "clusters": [{"name": "a", "cluster": {"server": server.url("")}}],
    });
    fs::write(program.folder().join("kubeconfig"), config.to_string()).unwrap();
    (server, all)
}

fn restore(program: &Program, more: &str) -> (Option<i32>, String, String) {
    run(program, &format!("export KUBECONFIG=kubeconfig; sealref keys restore b.age -i id.txt {more}"))
}

#[test]
fn two_keys_of_one_place_are_refused_before_anything_is_made() {
    let words = "two different keys have one place";
    let (_, (code, _, told)) = backup(&[key_secret("a", "2048"), key_secret("a", "3072")]);
    assert!(code == Some(1) && told.contains(words) && told.contains("kube-system/a: "), "{told}");
    let mut other = with_state("compromised", "2048");
    let (_, (code, _, told)) = backup(&[with_state("active", "2048"), other.take()]);
    assert!(code == Some(1) && told.contains(words), "{told}");
    // The same key twice is one
    let (_, (code, _, told)) = backup(&[key_secret("a", "2048"), key_secret("a", "2048")]);
    assert_eq!((code, told.lines().count()), (Some(0), 1), "{told}");
    // They have one place only where they are to go
    let all = [in_namespace("one", "a", "2048"), in_namespace("one", "b", "4096"), in_namespace("two", "a", "3072")];
    let (program, (code, _, told)) = backup(&all);
    assert_eq!(code, Some(0), "{told}");
    let (server, there) = cluster(&program, &[]);
    for more in ["--check", ""] {
        let (code, printed, told) = restore(&program, &format!("--controller-namespace sealing {more}"));
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{told}");
        assert!(told.contains("sealing/a: two different keys have one place, and nothing was made"), "{told}");
    }
    assert!(there.lock().unwrap().is_empty() && server.requests().is_empty());
    let (code, told, _) = restore(&program, "");
    assert_eq!((code, told.matches("made  ").count(), there.lock().unwrap().len()), (Some(0), 3, 3), "{told}");
}

#[test]
fn a_key_that_leaked_is_shown_as_such() {
    let leaked = with_state("compromised", "2048");
    let (program, (_, _, told)) = backup(&[leaked.clone(), with_state("active", "3072")]);
    assert!(told.contains("key-2048  sha256:") && told.contains("Z  (compromised)\n"), "{told}");
    assert_eq!(told.matches('(').count(), 1, "{told}");
    fs::write(program.folder().join("db.yaml"), sealed("2048")).unwrap();
    let (code, told, _) = run(&program, "sealref keys verify db.yaml --backup b.age -i id.txt");
    assert!(code == Some(0) && told.contains("Z  (compromised)  opens 1\n"), "{told}");
    let (_, told, _) = run(&program, "sealref keys verify db.yaml --backup b.age -i id.txt --format json");
    let told: Value = serde_json::from_str(&told).unwrap();
    let mut states: Vec<&str> =
        told["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["active", "compromised"]);
    // The cluster says that it is active, and so it is not the same
    let (_server, there) = cluster(&program, &[with_state("active", "2048"), with_state("active", "3072")]);
    let before = there.lock().unwrap().clone();
    let (code, told, warned) = restore(&program, "--check");
    assert_eq!((code, told.as_str()), (Some(1), "there already  kube-system/key-3072\n"), "{warned}");
    let words = "kube-system/key-2048: the key is there, and its label says \"active\"; that of the backup says \"compromised\"";
    assert!(warned.contains(words) && warned.contains("kubectl label --overwrite secret key-2048"), "{warned}");
    let (code, _, warned) = restore(&program, "");
    assert!(code == Some(0) && warned.contains(words), "{warned}");
    assert_eq!(*there.lock().unwrap(), before);
    let (_server, there) = cluster(&program, &[]);
    let (code, told, _) = restore(&program, "");
    assert!(code == Some(0) && told.contains("made           kube-system/key-2048  (compromised)\n"), "{told}");
    let made = &there.lock().unwrap()["/api/v1/namespaces/kube-system/secrets/key-2048"];
    assert_eq!(made["metadata"]["labels"], leaked["metadata"]["labels"]);
}

/// A SealedSecret for one of the test certificates, by our own `seal`.
fn sealed(bits: &str) -> Vec<u8> {
    let arguments = "seal db -n shop --from-literal a=s3cret --randomised --certificate";
    let certificate = controller::file(&format!("{bits}.pem"));
    let output = Program::new().shell(&format!("sealref {arguments} {}", certificate.display()), b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Years of keys: here few with much text around their certificates.
#[test]
fn a_backup_of_any_size_that_can_be_written_can_be_read() {
    let certificate = fs::read_to_string(controller::file("2048.pem")).unwrap();
    let padded = STANDARD.encode(format!("{certificate}\n{}", "# text\n".repeat(100_000)));
    let secret = |number: usize| {
        let mut secret = key_secret(&format!("key-{number}"), "2048");
        secret["data"]["tls.crt"] = padded.clone().into();
        secret
    };
    let (program, (code, _, told)) = backup(&(0..8).map(secret).collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{told}");
    assert!(fs::metadata(program.folder().join("b.age")).unwrap().len() > 6 << 20);
    fs::write(program.folder().join("db.yaml"), sealed("2048")).unwrap();
    let (code, told, errors) = run(&program, "sealref keys verify db.yaml --backup b.age -i id.txt");
    assert!(code == Some(0) && told.ends_with("1 of 1 values open\n"), "{errors}");
    let (_server, there) = cluster(&program, &[]);
    assert_eq!((restore(&program, "").0, there.lock().unwrap().len()), (Some(0), 8));
}

#[test]
fn verify_says_nothing_to_a_terminal() {
    let (program, _) = backup(&[key_secret("a", "3072")]);
    let name = "a\u{1b}[31m\u{202e}##vso[x].yaml";
    fs::write(program.folder().join(name), sealed("2048")).unwrap();
    let key = "k\u{1b}[31m\u{202e}.pem";
    fs::copy(controller::file("2048.key.pem"), program.folder().join(key)).unwrap();
    let quiet = |told: &str| {
        assert!(!told.contains(['\u{1b}', '\u{202e}']) && !told.contains("##"), "{told}");
    };
    for (more, exit) in [("--backup b.age -i id.txt", 1), ("--danger-private-key k*.pem", 0)] {
        let (code, told, _) = run(&program, &format!("sealref keys verify a*.yaml {more}"));
        assert_eq!(code, Some(exit), "{told}");
        quiet(&told);
        let (_, told, _) = run(&program, &format!("sealref keys verify a*.yaml {more} --format json"));
        quiet(&told);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert!(told["values"][0]["place"].as_str().unwrap().starts_with(name), "{told}");
    }
}

/// Four times the values take about four times as long, and not sixteen times: each place counted its lines from the top.
#[test]
fn the_lines_of_many_values_are_counted_once() {
    let program = Program::new();
    fs::copy(controller::file("2048.key.pem"), program.folder().join("k.pem")).unwrap();
    let head = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: b}\nspec:\n";
    let verify = |count: usize| {
        let line = |number| format!("    k{number}: QUFBQQ==\n");
        let values = (1..=count).map(line).collect::<Vec<_>>().concat();
        fs::write(program.folder().join("a.yaml"), format!("# first\n{head}  encryptedData:\n{values}")).unwrap();
        let started = Instant::now();
        let (code, told, _) = run(&program, "sealref keys verify a.yaml --danger-private-key k.pem");
        let took = started.elapsed();
        assert_eq!(code, Some(1));
        for number in [1, count] {
            let place =
                format!("does not open: a.yaml:{} SealedSecret b/a, spec.encryptedData.k{number}\n", number + 6);
            assert!(told.contains(&place), "{place}");
        }
        took
    };
    let (some, many) = (verify(10_000), verify(40_000));
    assert!(many < 8 * some + Duration::from_secs(2), "{some:?}, then {many:?}");
}
