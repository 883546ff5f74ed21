//! What we seal is opened by the real kubeseal, and what it seals has the shape of ours.
//!
//! `kubeseal --recovery-unseal` runs the controller's own code over a SealedSecret and a private
//! key, without a cluster.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sealref::seal::{Certificate, Keys, Scope, measure, seal};
use serde_json::{Value, json};

#[path = "support/peers.rs"]
mod peers;

#[test]
fn kubeseal_opens_every_vector() {
    let Some(kubeseal) = peers::peer("kubeseal") else {
        return;
    };
    // The item is no part of the label, so all values of one place and key open in one call
    let mut groups: BTreeMap<[String; 4], Vec<Value>> = BTreeMap::new();
    for vector in vectors() {
        let group = ["certificate", "scope", "namespace", "name"].map(|field| text(&vector, field).into());
        groups.entry(group).or_default().push(vector);
    }
    let mut count = 0;
    for (group, vectors) in groups {
        let [certificate, scope, namespace, name] = group.each_ref().map(String::as_str);
        let items = vectors.iter().map(|vector| text(vector, "ciphertext"));
        let object = sealed_secret(scope, namespace, name, items);
        let opened = open(&kubeseal, &object, certificate);
        let opened = opened.unwrap_or_else(|| panic!("{group:?} does not open"));
        for (i, vector) in vectors.iter().enumerate() {
            // Go writes empty bytes as null
            let value = &opened.as_object().unwrap()[&i.to_string()];
            let value = value.as_str().unwrap_or_default();
            assert!(value == text(vector, "plaintext"), "{group:?}: {}", vector["comment"]);
            count += 1;
        }
    }
    assert!(count >= 200, "{count}");
}

#[test]
fn a_changed_name_namespace_or_scope_does_not_open() {
    let Some(kubeseal) = peers::peer("kubeseal") else {
        return;
    };
    let all = vectors();
    for (scope, renamed, moved) in
        [("Strict", false, false), ("NamespaceWide", true, false), ("ClusterWide", true, true)]
    {
        for key in ["2048", "3072", "4096", "2051"] {
            let certificate = format!("test-only-rsa-{key}.pem");
            let vector = all
                .iter()
                .find(|vector| text(vector, "scope") == scope && text(vector, "certificate") == certificate)
                .unwrap();
            let opens = |scope, namespace, name| {
                let object = sealed_secret(scope, namespace, name, [text(vector, "ciphertext")]);
                open(&kubeseal, &object, &certificate).is_some()
            };
            let (namespace, name) = (text(vector, "namespace"), text(vector, "name"));
            assert!(opens(scope, namespace, name), "{scope}");
            assert_eq!(opens(scope, namespace, "renamed"), renamed, "{scope}: renamed");
            assert_eq!(opens(scope, "moved", name), moved, "{scope}: moved");
            for other in ["Strict", "NamespaceWide", "ClusterWide"] {
                assert_eq!(opens(other, namespace, name), scope == other, "{scope} as {other}");
            }
        }
    }
}

#[test]
fn another_key_or_a_changed_byte_does_not_open() {
    let Some(kubeseal) = peers::peer("kubeseal") else {
        return;
    };
    let all = vectors();
    let vector = all.iter().find(|v| text(v, "certificate") == "test-only-rsa-2048.pem").unwrap();
    let place = ["scope", "namespace", "name"].map(|field| text(vector, field));
    let opens = |ciphertext: &[u8], certificate| {
        let items = [STANDARD.encode(ciphertext)];
        let object = sealed_secret(place[0], place[1], place[2], items.iter().map(String::as_str));
        open(&kubeseal, &object, certificate).is_some()
    };
    let ciphertext = STANDARD.decode(text(vector, "ciphertext")).unwrap();
    assert!(opens(&ciphertext, "test-only-rsa-2048.pem"));
    assert!(!opens(&ciphertext, "test-only-rsa-3072.pem"));
    for at in [2, 100, 257, 258, ciphertext.len() - 1] {
        let mut changed = ciphertext.clone();
        changed[at] ^= 1;
        assert!(!opens(&changed, "test-only-rsa-2048.pem"), "byte {at}");
    }
}

#[test]
fn kubeseal_opens_large_values_and_the_randomised_mode() {
    let Some(kubeseal) = peers::peer("kubeseal") else {
        return;
    };
    let certificate = Certificate::read(&file("test-only-rsa-4096.pem")).unwrap();
    let large = vec![0xa5; 1 << 20];
    let keys = Keys::random(std::array::from_fn(|i| u8::try_from(i).unwrap()));
    let sealed = seal(&certificate, keys, &Scope::Strict.label("prod", "db"), &large);
    assert_eq!(measure(&sealed), Some(large.len()));
    let object = sealed_secret("Strict", "prod", "db", [STANDARD.encode(sealed).as_str()]);
    let opened = open(&kubeseal, &object, "test-only-rsa-4096.pem").unwrap();
    assert!(opened["0"] == json!(STANDARD.encode(large)));
}

#[test]
fn what_kubeseal_seals_has_the_shape_of_ours() {
    let Some(kubeseal) = peers::peer("kubeseal") else {
        return;
    };
    for key in ["2048", "3072", "4096", "2051"] {
        let path = folder().join("certificates").join(format!("test-only-rsa-{key}.pem"));
        let certificate = Certificate::read(&std::fs::read(&path).unwrap()).unwrap();
        for (scope, flag) in
            [(Scope::Strict, "strict"), (Scope::NamespaceWide, "namespace-wide"), (Scope::ClusterWide, "cluster-wide")]
        {
            let sizes = [0usize, 1, 16, 255, 4096];
            let data: BTreeMap<String, String> =
                sizes.iter().map(|size| (size.to_string(), STANDARD.encode(vec![b'x'; *size]))).collect();
            let secret = json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "db", "namespace": "prod"},
                "data": data,
            });
            let arguments = ["--allow-empty-data", "-o", "json", "--scope", flag, "--cert"];
            let object = run(Command::new(&kubeseal).args(arguments).arg(&path), &secret).unwrap();
            let annotations = &object["metadata"]["annotations"];
            if let Some(annotation) = scope.annotation() {
                assert_eq!(annotations[annotation], "true", "{flag}");
            }
            for size in sizes {
                let theirs = STANDARD.decode(text(&object["spec"]["encryptedData"], &size.to_string())).unwrap();
                let ours = seal(&certificate, Keys::random([7; 64]), b"", &vec![b'x'; size]);
                assert_eq!(measure(&theirs), Some(size), "{key} {flag}");
                assert_eq!(theirs.len(), ours.len());
                assert_eq!(theirs[..2], ours[..2]);
            }
        }
    }
}

/// The decoded items of the Secret inside, or nothing where kubeseal refuses.
fn open(kubeseal: &Path, object: &Value, certificate: &str) -> Option<Value> {
    let key = folder().join("certificates").join(certificate.replace(".pem", ".key.pem"));
    let arguments = ["--recovery-unseal", "-o", "json", "--recovery-private-key"];
    let mut secret = run(Command::new(kubeseal).args(arguments).arg(key), object)?;
    Some(secret["data"].take())
}

fn run(command: &mut Command, input: &Value) -> Option<Value> {
    let command = command.env_remove("KUBECONFIG").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

/// A SealedSecret with the ciphertexts as the items 0, 1 and so on.
fn sealed_secret<'c>(
    scope: &str,
    namespace: &str,
    name: &str,
    ciphertexts: impl IntoIterator<Item = &'c str>,
) -> Value {
    let annotations = match scope {
        "ClusterWide" => json!({"sealedsecrets.bitnami.com/cluster-wide": "true"}),
        "NamespaceWide" => json!({"sealedsecrets.bitnami.com/namespace-wide": "true"}),
        _ => json!({}),
    };
    let items: BTreeMap<String, &str> =
        ciphertexts.into_iter().enumerate().map(|(i, ciphertext)| (i.to_string(), ciphertext)).collect();
    json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"encryptedData": items},
    })
}

fn vectors() -> Vec<Value> {
    let files = ["sizes", "secrets", "places", "origins"];
    let vectors = files.map(|name| std::fs::read(folder().join(format!("{name}.json"))).unwrap());
    vectors.iter().flat_map(|bytes| serde_json::from_slice::<Vec<Value>>(bytes).unwrap()).collect()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join("certificates").join(name)).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing")
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}
