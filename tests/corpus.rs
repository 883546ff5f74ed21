//! Streams such as real repositories hold: what holds no reference comes out byte for byte, whatever it is
//! written like, and what stands around a Secret is not touched when the Secret is replaced.

#![allow(clippy::format_collect, reason = "a test joins what it reads and tells as it comes")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

fn sealref(folder: &Path, command: &str, input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealref"))
        .args([command, "-"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

/// Documents as kustomize, Helm, controller-gen and people write them. NAME is filled in.
const DOCUMENTS: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n  annotations: {note: \"no-referrer\"}\ndata:\n  nginx.conf: |\n    server {\n      # not a comment of ours\n      add_header Referrer-Policy no-referrer;\n    }\n\n  script.sh: |-\n    #!/bin/sh\n    echo \"$SECRET\" | base64 -d   # trailing\n  folded: >-\n    one\n    two\n\n    three\n  empty: \"\"\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n    name:   NAME\ndata:\n    yes: \"yes\"\n    octal: '0644'\n    indented: |2\n        two more\n    keep: |+\n      kept\n\n\n",
    "# Source: chart/templates/crd.yaml\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: NAME.example.com\nspec:\n  group: example.com\n  names: {kind: Thing, plural: things}\n  scope: Namespaced\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        description: |-\n          Refers to a Secret, e.g. `secretRef`, or \"vault\".\n        type: object\n        properties:\n          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: NAME, namespace: shop}\nspec:\n  selector: {matchLabels: &labels {app: web}}\n  template:\n    metadata:\n      labels: *labels\n    spec:\n      containers:\n      - name: web\n        image: \"example/web:1.0\"\n        args: [\"--config=/etc/x\", '--level', \"\\u00e4\\n\"]\n        env:\n        - {name: A, value: \"1\"}\n        - name: B # a comment\n          valueFrom: {secretKeyRef: {name: db, key: password}}\n        ports: [{containerPort: 80}]   # trailing\n      volumes:\n      - name: s\n        secret:\n          secretName: db\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"NAME\"}, \"spec\": {\"ports\": [{\"port\": 80, \"name\": \"\\u00e4\\\\/\"}]}}\n",
    "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"ConfigMap\",\n  \"metadata\": {\"name\": \"NAME\"},\n  \"data\": {\"a\": \"x\\ty\", \"Secret\": \"a word\"}\n}\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: NAME\n  data: {a: b}\n# between\n-   apiVersion: v1\n    kind: Service\n    metadata: {name: NAME}\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: NAME\nrules:\n- apiGroups:\n  - \"\"\n  resources:\n  - secrets\n  verbs: [get, list]\n",
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: NAME\n  annotations:\n    kubernetes.io/service-account.name: builder\ntype: kubernetes.io/service-account-token\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: NAME} # filled later\n",
    "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  creationTimestamp: null\n  name: NAME\nspec:\n  encryptedData:\n    a: AgBy3i4OJSWK+PiTySYZZA==\n  template:\n    metadata:\n      creationTimestamp: null\n      name: NAME\n",
    "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata:\n  name: NAME\nspec:\n  secretStoreRef: {name: vault, kind: SecretStore}\n  data:\n  - secretKey: a\n    remoteRef: {key: kv/a, property: b}\n",
    "# only a comment\n",
    "",
    "null\n",
];

/// What stands between documents.
const BETWEEN: &[&str] = &["---\n", "--- # next\n", "\n---\n", "...\n---\n", "---\n\n# about the next\n", "---\n---\n"];

/// Ends of lines, and whether the last one has one.
fn streams() -> impl Strategy<Value = String> {
    let document = (prop::sample::select(DOCUMENTS), prop::sample::select(BETWEEN));
    let all = prop::collection::vec(document, 1..8);
    (all, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(documents, first, crlf, cut)| {
        let mut text = String::new();
        for (index, (document, between)) in documents.iter().enumerate() {
            if index > 0 || first {
                text.push_str(between);
            }
            text.push_str(&document.replace("NAME", &format!("n{index}")));
        }
        // An object has to be among them: an empty stream is an error, and a test of its own
        text.push_str("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        let text = if cut { text.trim_end().to_owned() } else { text };
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

/// Reproducible, and few: each case starts programs.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(41), ..Config::default() })
}

#[test]
fn streams_without_references_come_out_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let result = runner(150).run(&streams(), |text| {
        let output = sealref(folder.path(), "render", &text);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        prop_assert!(output.status.success(), "{told}\n{text}");
        prop_assert_eq!(&told, "");
        prop_assert!(output.stdout == text.as_bytes(), "{text}\nbecame\n{}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    });
    result.unwrap();
}

#[test]
fn every_document_alone_comes_out_byte_for_byte_and_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    for document in DOCUMENTS.iter().filter(|document| document.contains("NAME")) {
        for text in [document.replace("NAME", "x"), document.replace("NAME", "x").replace('\n', "\r\n")] {
            let output = sealref(folder.path(), "render", &text);
            assert!(output.status.success() && output.stdout == text.as_bytes(), "{text}");
            assert!(sealref(folder.path(), "explain", &text).status.success(), "{text}");
            let verified = sealref(folder.path(), "verify", &text);
            assert!(verified.stdout.is_empty());
        }
    }
}

#[test]
fn what_stands_around_a_secret_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nmetadata: {name: x}\nspec: {stores: [{match: {scheme: vault}, use: {kind: SecretStore, name: vault}}]}\n";
    std::fs::write(folder.path().join(".sealref.yaml"), settings).unwrap();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: replaced, namespace: shop}\nstringData: {a: ref+vault://kv/a#/b}\n";
    let result = runner(60).run(&(streams(), streams()), |(before, after)| {
        // Both were made of the same names: one of them is moved aside
        let after = after.replace("n0", "m0").replace("n1", "m1").replace("n2", "m2").replace("n3", "m3");
        let after = after.replace("n4", "m4").replace("n5", "m5").replace("n6", "m6").replace("\r\n", "\n");
        let before = before.replace("\r\n", "\n");
        let text = format!("{}\n---\n{secret}---\n{after}", before.trim_end());
        let output = sealref(folder.path(), "render", &text);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        prop_assert!(output.status.success(), "{told}\n{text}");
        let out = String::from_utf8(output.stdout).unwrap();
        let (start, rest) = text.split_once(secret).unwrap();
        prop_assert!(out.starts_with(start) && out.ends_with(rest), "{text}\nbecame\n{out}");
        let made = &out[start.len()..out.len() - rest.len()];
        prop_assert!(made.contains("kind: ExternalSecret") && made.contains("key: kv/a"), "{made}");
        Ok(())
    });
    result.unwrap();
}

#[test]
fn a_large_stream_comes_out_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let documents = DOCUMENTS.iter().filter(|document| document.starts_with("apiVersion")).cycle().take(4000);
    let text: String = documents
        .enumerate()
        .map(|(n, document)| format!("---\n{}", document.replace("NAME", &format!("n{n}"))))
        .collect();
    let output = sealref(folder.path(), "render", &text);
    assert!(output.status.success() && output.stdout == text.as_bytes());
}

#[test]
fn a_stream_with_nothing_in_it_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "\n", "---\n", "# a comment\n---\n# another\n", "null\n", "---\nnull\n---\n"] {
        let output = sealref(folder.path(), "render", text);
        assert_eq!(output.status.code(), Some(1), "{text:?}");
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains("no objects came in"), "{text:?}");
    }
}
