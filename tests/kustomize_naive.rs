//! Why there is a shadow: the rows of the experiments where a function puts a SealedSecret or an ExternalSecret in the
//! place of a Secret and leaves the shadow out. Names and references then differ, kustomize says nothing, and
//! `sealref verify` does.

#![allow(dead_code, reason = "each test needs a part of it")]

#[path = "support/builders.rs"]
mod builders;
#[path = "support/peers.rs"]
mod peers;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use builders::{Builder, Layout, Objects};

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: \"registry.example/web:1\", envFrom: [{secretRef: {name: db}}]}]
";
const FILE: &str = "ref+file://password.txt";
const VAULT: &str = "ref+vault://kv/shop/db#/password";
const STORES: &str = "  stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: vault}}]\n";
const PLAIN: &str = "  suffix: None\n";

/// What kustomize has noted on the Secret when the function is called.
const NOTES: [(&str, &str); 4] =
    [("previousKinds", "Secret"), ("previousNames", "db"), ("previousNamespaces", "default"), ("prefixes", "p-")];
const HASH: (&str, &str) = ("needsHashSuffix", "enabled");

/// The application of the experiments, with a function that leaves the shadow out and keeps these notes.
fn naive(reference: &str, spec: &str, notes: &[(&str, &str)]) -> Layout {
    let top = format!(
        "namespace: prod\nnamePrefix: p-\nresources: [dep.yaml]\ntransformers: [fn.yaml]
secretGenerator: [{{name: db, literals: [\"password={reference}\"]}}]\n"
    );
    let layout = Layout::new(&format!("== app/dep.yaml\n{DEPLOYMENT}== app/kustomization.yaml\n{top}"), spec);
    without_shadow(&layout, notes);
    layout
}

fn without_shadow(layout: &Layout, notes: &[(&str, &str)]) {
    let said = |(name, value): &(&str, &str)| format!("\"internal.config.kubernetes.io\\/{name}\": \"{value}\", ");
    let notes: String = notes.iter().map(said).collect();
    // What a function made is one line of JSON. A SealedSecret has annotations of its own, which the new ones join.
    let lines = [
        "#!/bin/sh".to_owned(),
        format!("{} krm | grep -v config.kubernetes.io/local-config | sed '", env!("CARGO_BIN_EXE_sealref")),
        "/\"kind\": \"[ES][a-z]*Secret\"/{".to_owned(),
        format!("s/\"metadata\": {{/&\"annotations\": {{{notes}\"x\": \"y\"}}, /"),
        "s/\"x\": \"y\"}\\(.*\\), \"annotations\": {\\([^}]*\\)}/\\2}\\1/".to_owned(),
        "}'".to_owned(),
    ];
    let script = lines.join("\n") + "\n";
    let path = layout.folder().join("bin/sealref");
    fs::remove_file(&path).unwrap();
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn function() -> Option<Builder> {
    builders::builders().into_iter().find(|builder| builder.name == "kustomize, function")
}

/// The name of the new object, and the name that the Deployment asks for.
fn names(layout: &Layout, kind: &str) -> Option<(String, String, Objects)> {
    let objects = Objects::read(layout.succeeds(&function()?, "app"));
    let container = &objects.one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let reference = container["envFrom"][0]["secretRef"]["name"].as_str().unwrap().to_owned();
    Some((objects.name(kind).to_owned(), reference, objects))
}

/// A name: written out, or with a hash of kustomize's or ours behind it.
fn fits(name: &str, expected: &str) -> bool {
    match expected.strip_suffix('*') {
        None => name == expected,
        Some(front) => name.strip_prefix(front).is_some_and(|hash| hash.len() == 10),
    }
}

/// One row: what each object's name and the reference to it are; `verify` tells where they differ.
fn row(notes: &[(&str, &str)], own_name: bool, expected: [(&str, &str); 3]) {
    let suffix = if own_name { "" } else { PLAIN };
    let cases = [
        ("SealedSecret", FILE, String::from(suffix)),
        ("ExternalSecret", VAULT, format!("{STORES}{suffix}")),
        ("ExternalSecret", VAULT, format!("{STORES}{suffix}  esoVersion: \"0.10\"\n")),
    ];
    for ((kind, reference, spec), (name, asked)) in cases.into_iter().zip(expected) {
        let Some((made, asks, objects)) = names(&naive(reference, &spec, notes), kind) else { return };
        assert!(fits(&made, name) && fits(&asks, asked), "{kind}: {made} / {asks}\n{}", objects.text);
        let (good, told) = objects.verified();
        let target = objects.one(kind)["spec"]["target"]["name"].as_str().unwrap_or(&made);
        assert_eq!(good, asks == target, "{kind}: {told}");
    }
}

#[test]
fn row_12_3_naive() {
    row(&[], false, [("p-db", "db"); 3]);
}

#[test]
fn row_12_3_keep_all_annotations() {
    let notes: Vec<_> = NOTES.into_iter().chain([HASH]).collect();
    row(&notes, false, [("p-db-*", "db"), ("p-db-*", "p-db-*"), ("p-db-*", "db")]);
}

#[test]
fn row_12_3_keep_all_but_the_hash() {
    row(&NOTES, false, [("p-db", "db"), ("p-db", "p-db"), ("p-db", "db")]);
}

#[test]
fn row_12_3_own_final_name_without_annotations() {
    row(&[], true, [("p-db-*", "db"); 3]);
}

#[test]
fn row_12_3_own_final_name_with_earlier_names() {
    row(&NOTES, true, [("p-db-*", "db"), ("p-db-*", "p-db-*"), ("p-db-*", "db")]);
}

#[test]
fn row_12_7_plain_replacement_there_is_nothing_to_merge_into() {
    let base = format!(
        "namespace: shop\nresources: [dep.yaml]\nsecretGenerator: [{{name: db, literals: [\"password={FILE}\"]}}]\ntransformers: [fn.yaml]\n"
    );
    let more = "resources: [../app]\nsecretGenerator: [{name: db, behavior: merge, literals: [c=d]}]\n";
    let files =
        format!("== app/dep.yaml\n{DEPLOYMENT}== app/kustomization.yaml\n{base}== top/kustomization.yaml\n{more}");
    let layout = Layout::new(&files, "");
    without_shadow(&layout, &[]);
    let Some(builder) = function() else { return };
    let output = layout.run(&builder, "top");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("does not exist; cannot merge or replace"), "{told}");
}
