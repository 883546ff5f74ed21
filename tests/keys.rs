//! `sealref keys backup`, `verify` and `restore`: with the real age, the real kubeseal and a real API server.

#![cfg(feature = "cluster")]
#![allow(dead_code, reason = "each test needs a part of it")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

#[path = "support/controller.rs"]
mod controller;
#[path = "support/kube.rs"]
mod kube;
#[path = "support/machine.rs"]
mod machine;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
mod program;

use controller::key_secret;
use kube::Kube;
use program::Program;

const RECIPIENT: &str = "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";
/// Published with the test vectors of age, and so for tests alone.
const IDENTITY: &str = "AGE-SECRET-KEY-184JMZMVQH3E6U0PSL869004Y3U2NYV7R30EU99CSEDNPH02YUVFSZW44VU\n";

/// A folder with an identity, and what kubectl prints of two keys.
fn folder() -> Program {
    let program = Program::new();
    let list = json!({
        "apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""},
        "items": [key_secret("sealed-secrets-keyaaaaa", "2048"), key_secret("sealed-secrets-keybbbbb", "3072")],
    });
    fs::write(program.folder().join("list.json"), list.to_string()).unwrap();
    fs::write(program.folder().join("id.txt"), IDENTITY).unwrap();
    program
}

/// Runs it; no part of a private key stands in what is told.
fn run(program: &Program, line: &str) -> (Option<i32>, String, String) {
    let output = program.shell(line, b"");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    for bits in ["2048", "3072"] {
        let key = key_secret("", bits)["data"]["tls.key"].as_str().unwrap().to_owned();
        let pem = fs::read_to_string(controller::file(&format!("{bits}.key.pem"))).unwrap();
        let line = pem.lines().nth(5).unwrap();
        for told in [&stdout, &stderr] {
            assert!(!told.contains(&key[200..260]) && !told.contains(line) && !told.contains("s3cret"), "{told}");
        }
    }
    (output.status.code(), stdout, stderr)
}

#[test]
fn age_opens_a_backup_and_it_is_what_kubectl_takes() {
    let Some(age) = peers::peer("age") else { return };
    let program = folder();
    let (code, armored, told) = run(&program, &format!("sealref keys backup -f list.json -r {RECIPIENT}"));
    assert_eq!(code, Some(0), "{told}");
    assert!(armored.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{armored}");
    for name in ["aaaaa", "bbbbb"] {
        assert!(told.contains(&format!("kube-system/sealed-secrets-key{name}  sha256:")), "{told}");
    }
    fs::write(program.folder().join("backup.age"), armored).unwrap();
    let mut command = Command::new(&age);
    let output = command.args(["-d", "-i", "id.txt", "backup.age"]).current_dir(program.folder()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Vec<Value> = text.split("---\n").skip(1).map(|one| serde_json::from_str(one).unwrap()).collect();
    assert_eq!(found.len(), 2);
    for (found, (name, bits)) in found.iter().zip([("aaaaa", "2048"), ("bbbbb", "3072")]) {
        let mut expected = key_secret(&format!("sealed-secrets-key{name}"), bits);
        expected["metadata"].as_object_mut().unwrap().remove("generateName");
        assert_eq!(*found, expected);
    }
    // From standard input, into a file that only its owner reads, for a file of recipients; never over another
    fs::write(program.folder().join("who.txt"), format!("# ops\n\n{RECIPIENT}\n")).unwrap();
    let line = "sealref keys backup -f - -R who.txt -o new.age < list.json";
    assert_eq!(run(&program, line).0, Some(0));
    assert_eq!(fs::metadata(program.folder().join("new.age")).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, _, told) = run(&program, line);
    assert!(code == Some(1) && told.contains("exists already"), "{told}");
}

#[test]
fn a_backup_is_for_keys_of_ssh_too() {
    let program = folder();
    let Some(mut keygen) = machine::machine("ssh-keygen") else { return };
    let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "ops@example", "-f", "ssh"];
    assert!(keygen.args(arguments).current_dir(program.folder()).status().unwrap().success());
    assert_eq!(run(&program, "sealref keys backup -f list.json -R ssh.pub -o b.age").0, Some(0));
    fs::write(program.folder().join("a.yaml"), sealed("2048", "a")).unwrap();
    let (code, told, _) = run(&program, "sealref keys verify a.yaml --backup b.age -i ssh");
    assert!(code == Some(0) && told.ends_with("1 of 1 values open\n"), "{told}");
}

#[test]
fn what_is_no_backup_is_refused_before_anything_is_read() {
    let program = folder();
    let table = [
        ("keys backup -f list.json", 2, "nobody is named who can open it"),
        ("keys backup -f list.json -r age1nobody", 1, "\"age1nobody\" is no age recipient"),
        (&format!("keys backup -f list.json -r {}", IDENTITY.trim()), 1, "a private key was given where a recipient"),
        (&format!("keys backup -f id.txt -r {RECIPIENT}"), 1, "it holds no sealing key of a controller"),
        (&format!("keys backup -f mixed.json -r {RECIPIENT}"), 1, "tls.key is not the private key of tls.crt"),
        (&format!("keys backup -f bare.json -r {RECIPIENT}"), 1, "has no name, no namespace, or no tls.crt"),
        (&format!("keys backup -r {RECIPIENT}"), 1, "no cluster is known"),
        ("keys verify list.json", 2, "no private key is given"),
        ("keys verify list.json --backup list.json -i id.txt", 1, "is not a complete age file"),
        ("keys verify list.json --danger-private-key list.json", 1, "no SealedSecret is in these files"),
        ("keys restore list.json -i id.txt", 1, "is not a complete age file"),
    ];
    let mut mixed = key_secret("a", "2048");
    mixed["data"]["tls.key"] = key_secret("a", "3072")["data"]["tls.key"].take();
    fs::write(program.folder().join("mixed.json"), mixed.to_string()).unwrap();
    let mut bare = key_secret("a", "2048");
    bare["data"].as_object_mut().unwrap().remove("tls.key");
    fs::write(program.folder().join("bare.json"), bare.to_string()).unwrap();
    for (arguments, exit, words) in table {
        let (code, printed, told) = run(&program, &format!("sealref {arguments}"));
        assert_eq!((code, printed.as_str()), (Some(exit), ""), "{arguments}: {told}");
        assert!(told.contains(words) && told.contains("hint: "), "{arguments}: {told}");
        assert!(!told.contains("184JMZMVQH3E6U0"), "{told}");
    }
}

/// A SealedSecret for one of the test certificates, by our own `seal`.
fn sealed(bits: &str, name: &str) -> Vec<u8> {
    let program = Program::new();
    let certificate = controller::file(&format!("{bits}.pem"));
    let arguments = format!("seal {name} -n shop --from-literal a=s3cret --randomised --certificate");
    let output = program.shell(&format!("sealref {arguments} {}", certificate.display()), b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn verify_tells_which_key_opens_what() {
    let program = folder();
    assert_eq!(run(&program, &format!("sealref keys backup -f list.json -r {RECIPIENT} -o b.age")).0, Some(0));
    let write =
        |name: &str, bits| fs::write(program.folder().join(format!("{name}.yaml")), sealed(bits, name)).unwrap();
    write("a", "2048");
    write("b", "3072");
    let (code, told, _) = run(&program, "sealref keys verify a.yaml b.yaml --backup b.age -i id.txt");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("Z  opens 1\n") && told.ends_with("2 of 2 values open\n"), "{told}");
    write("c", "4096");
    let (code, told, _) = run(&program, "sealref keys verify . --backup b.age -i id.txt");
    assert_eq!(code, Some(1), "{told}");
    let closed = "does not open: ./c.yaml:";
    assert!(told.starts_with(closed) && told.contains("SealedSecret shop/c, spec.encryptedData.a\n"), "{told}");
    assert!(told.ends_with("2 of 3 values open\n"), "{told}");
    let (code, told, _) = run(&program, "sealref keys verify . --backup b.age -i id.txt --format json");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(code, Some(1));
    let keys: Vec<&Value> = told["values"].as_array().unwrap().iter().map(|value| &value["key"]).collect();
    let name = |end: &str| json!(format!("kube-system/sealed-secrets-key{end}"));
    assert_eq!(keys, [&name("aaaaa"), &name("bbbbb"), &Value::Null]);
    assert_eq!(told["keys"][0]["opens"], 1);
}

fn kubeconfig(kube: &Kube, token: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "users": [{"name": "a", "user": {"token": token}}],
        "clusters": [{"name": "a", "cluster": {"server": kube.server(), "certificate-authority": kube.authority()}}],
    })
    .to_string()
}

/// As the controller asks for its keys.
fn listed(kube: &Kube, namespace: &str) -> Vec<Value> {
    let selector = "labelSelector=sealedsecrets.bitnami.com%2Fsealed-secrets-key%3Dactive";
    let url = format!("{}/api/v1/namespaces/{namespace}/secrets?{selector}", kube.server());
    let token = ["-H", "Authorization: Bearer admin-token"];
    let output = Command::new("curl").args(["-s", "--cacert", &kube.authority(), &url]).args(token).output().unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["items"].as_array().unwrap().clone()
}

#[test]
fn keys_of_a_cluster_leave_encrypted_and_come_back() {
    let Some(kube) = Kube::start() else { return };
    let program = folder();
    fs::write(program.folder().join("kubeconfig"), kubeconfig(&kube, "admin-token")).unwrap();
    fs::write(program.folder().join("nobody"), kubeconfig(&kube, "nobody-token")).unwrap();
    let line =
        |arguments: &str| run(&program, &format!("KUBECONFIG=kubeconfig; export KUBECONFIG; sealref keys {arguments}"));
    let secrets = "/api/v1/namespaces/kube-system/secrets";
    kube.make(secrets, &key_secret("sealed-secrets-keyaaaaa", "2048"));
    let (code, _, told) = line(&format!("backup -r {RECIPIENT} --controller-namespace default"));
    assert!(code == Some(1) && told.contains("no sealing key is there"), "{told}");
    kube.make(secrets, &key_secret("sealed-secrets-keybbbbb", "3072"));
    kube.make(secrets, &json!({"metadata": {"name": "other"}, "data": {"a": "czNjcmV0"}}));
    for more in ["", "--all-namespaces"] {
        let (code, armored, told) = line(&format!("backup -r {RECIPIENT} {more}"));
        assert_eq!((code, told.lines().count()), (Some(0), 2), "{told}");
        fs::write(program.folder().join("b.age"), armored).unwrap();
    }
    let (code, _, told) = run(&program, &format!("export KUBECONFIG=nobody; sealref keys backup -r {RECIPIENT}"));
    assert!(code == Some(1) && told.contains("access is denied") && told.contains("\"list\""), "{told}");
    // Nothing is missing, and nothing is made
    let before = listed(&kube, "kube-system");
    let (code, told, _) = line("restore b.age -i id.txt");
    assert_eq!((code, told.matches("there already").count()), (Some(0), 2), "{told}");
    assert_eq!(listed(&kube, "kube-system"), before);
    // Into another namespace, which is a cluster that has lost them
    let (code, told, _) = line("restore b.age -i id.txt --controller-namespace default --check");
    assert_eq!((code, told.matches("missing").count(), listed(&kube, "default").len()), (Some(1), 2, 0), "{told}");
    let (code, told, errors) = line("restore b.age -i id.txt --controller-namespace default");
    assert_eq!((code, told.matches("made  ").count()), (Some(0), 2), "{errors}");
    assert!(errors.contains("the controller does not know them before it is started anew"), "{errors}");
    let found = listed(&kube, "default");
    for (found, (name, bits)) in found.iter().zip([("aaaaa", "2048"), ("bbbbb", "3072")]) {
        let expected = key_secret(&format!("sealed-secrets-key{name}"), bits);
        assert_eq!((&found["data"], &found["type"]), (&expected["data"], &expected["type"]));
        assert_eq!(found["metadata"]["name"], expected["metadata"]["name"]);
    }
    let (code, _, told) = line("restore b.age -i id.txt --controller-namespace absent");
    assert!(code == Some(1) && told.contains("the namespace is not there"), "{told}");
    // Another key under one of the names: nothing is overwritten, and nothing beside it is made
    kube.make("/api/v1/namespaces", &json!({"metadata": {"name": "taken"}}));
    kube.make("/api/v1/namespaces/taken/secrets", &{
        let mut other = key_secret("sealed-secrets-keybbbbb", "4096");
        other["metadata"]["namespace"] = "taken".into();
        other
    });
    let before = listed(&kube, "taken");
    let (code, _, told) = line("restore b.age -i id.txt --controller-namespace taken");
    let words = "another Secret \"taken/sealed-secrets-keybbbbb\" is there, and it is not overwritten";
    assert!(code == Some(1) && told.contains(words), "{told}");
    assert_eq!(listed(&kube, "taken"), before);
}
