//! What `sealref init --guard` writes, on a real API server: whom it refuses, and whom it lets through.

use std::process::Command;
use std::time::Duration;

use sealref::model::{Identity, Source};
use sealref::yaml::{self, Tree};
use serde_json::{Value, json};

#[path = "support/kube.rs"]
mod kube;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;

use kube::Kube;

/// Sends an object, as somebody; the status and what is said.
fn send(kube: &Kube, verb: &str, path: &str, object: &Value, user: Option<&str>) -> (String, String) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-w", "\n%{http_code}", "-X", verb, "--cacert", &kube.authority()]);
    let merge = if verb == "PATCH" { "merge-patch+" } else { "" };
    let content = format!("Content-Type: application/{merge}json");
    curl.args(["-H", "Authorization: Bearer admin-token", "-H", &content]);
    if let Some(user) = user {
        curl.args(["-H", &format!("Impersonate-User: {user}"), "-H", "Impersonate-Group: system:masters"]);
    }
    let output = curl.args(["-d", &object.to_string(), &format!("{}{path}", kube.server())]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let (body, status) = told.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

fn secret(name: &str, more: &Value) -> Value {
    let mut secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"a": "czNjcmV0"}});
    for (key, value) in more.as_object().unwrap() {
        match key.as_str() {
            "labels" | "ownerReferences" => secret["metadata"][key] = value.clone(),
            _ => secret[key] = value.clone(),
        }
    }
    secret
}

/// The objects that the command prints.
fn guard() -> Vec<(Identity, Value)> {
    let output = Command::new(env!("CARGO_BIN_EXE_sealref")).args(["init", "--guard", "--dry-run"]).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let source = Source::new("guard", text);
    let objects: Vec<_> = source.objects().unwrap().map(|object| object.map_err(|_| ()).unwrap()).collect();
    objects
        .iter()
        .map(|(_, tree): &(_, Tree)| {
            let value: Value = yaml::read(tree, tree.root()).map_err(|_| ()).unwrap();
            (Identity::of(tree).unwrap(), value)
        })
        .collect()
}

#[test]
fn the_guard_refuses_plaintext_that_no_controller_owns() {
    let Some(kube) = Kube::start() else { return };
    for namespace in ["shop", "excepted"] {
        let labels =
            if namespace == "excepted" { json!({"sealref.dev/plaintext-secrets": "allowed"}) } else { json!({}) };
        kube.make("/api/v1/namespaces", &json!({"metadata": {"name": namespace, "labels": labels}}));
    }
    let shop = "/api/v1/namespaces/shop/secrets";
    // Beforehand anything goes: what is there already may be relabelled, and not be changed.
    kube.make(shop, &secret("before", &json!({})));
    for (identity, object) in guard() {
        let resource = match identity.kind.as_str() {
            "ValidatingAdmissionPolicy" => "validatingadmissionpolicies",
            "ValidatingAdmissionPolicyBinding" => "validatingadmissionpolicybindings",
            other => panic!("{other}"),
        };
        kube.make(&format!("/apis/admissionregistration.k8s.io/v1/{resource}"), &object);
    }
    until_it_holds(&kube, shop);
    no_warnings(&kube);
    let owner = |controller| json!([{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "x", "uid": "1", "controller": controller}]);
    let system = "system:serviceaccount:kube-system:sealed-secrets-controller";
    let table = [
        ("plain", shop, json!({}), None, "403"),
        ("written-as-text", shop, json!({"data": null, "stringData": {"a": "s3cret"}}), None, "403"),
        (
            "tls",
            shop,
            json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "eA==", "tls.key": "eA=="}}),
            None,
            "403",
        ),
        ("owned", shop, json!({"ownerReferences": owner(true)}), None, "201"),
        ("only-referring", shop, json!({"ownerReferences": owner(false)}), None, "403"),
        ("empty", shop, json!({"data": {}}), None, "201"),
        ("without-bytes", shop, json!({"data": {"a": ""}}), None, "201"),
        ("release", shop, json!({"type": "helm.sh/release.v1"}), None, "201"),
        ("labelled", shop, json!({"labels": {"sealref.dev/plaintext": "allowed"}}), None, "201"),
        ("by-the-controller", shop, json!({}), Some(system), "201"),
        // While kinds change it owns nothing, and may have to make one anew
        ("handed-over", shop, json!({}), Some("system:serviceaccount:external-secrets:external-secrets"), "201"),
        ("by-another", shop, json!({}), Some("system:serviceaccount:shop:default"), "403"),
        ("there", "/api/v1/namespaces/excepted/secrets", json!({}), None, "201"),
        ("there", "/api/v1/namespaces/kube-system/secrets", json!({}), None, "201"),
    ];
    for (name, path, more, user, expected) in table {
        let (status, said) = send(&kube, "POST", path, &secret(name, &more), user);
        assert_eq!(status, expected, "{path} {name}: {said}");
        if status == "403" {
            assert!(
                said.contains(&format!("the Secret {name} has values in the clear and no controller owns it")),
                "{said}"
            );
            assert!(!said.contains("czNjcmV0") && !said.contains("s3cret"), "{said}");
        }
    }
    let before = format!("{shop}/before");
    let patches = [
        (json!({"metadata": {"labels": {"a": "b"}}}), "200"),
        (json!({"data": {"a": "b3RoZXI="}}), "403"),
        (json!({"data": {"more": "b3RoZXI="}}), "403"),
        (json!({"metadata": {"labels": {"sealref.dev/plaintext": "allowed"}}, "data": {"a": "b3RoZXI="}}), "403"),
        (json!({"data": null}), "200"),
    ];
    for (patch, expected) in patches {
        let (status, said) = send(&kube, "PATCH", &before, &patch, None);
        assert_eq!(status, expected, "{patch}: {said}");
    }
}

/// A policy holds a moment after it was made.
fn until_it_holds(kube: &Kube, path: &str) {
    for number in 0..120 {
        let (status, _) = send(kube, "POST", path, &secret(&format!("probe-{number}"), &json!({})), None);
        if status == "403" {
            return;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    panic!("the policy never holds");
}

/// The API server checks the types of expressions, and tells what is wrong in the status.
fn no_warnings(kube: &Kube) {
    let path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/no-plaintext-secrets.sealref.dev";
    let (_, said) = send(kube, "GET", path, &json!({}), None);
    let policy: Value = serde_json::from_str(&said).unwrap();
    assert!(policy["status"]["typeChecking"]["expressionWarnings"].is_null(), "{}", policy["status"]);
    assert_eq!(policy["spec"]["failurePolicy"], "Fail");
}
