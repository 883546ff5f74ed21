//! A guard among the resources of a kustomization: gone where sealref ran, and there where a builder skipped it.

#![allow(dead_code, reason = "each test needs a part of it")]

#[path = "support/builders.rs"]
mod builders;
#[path = "support/peers.rs"]
mod peers;

use builders::{Layout, Objects};

const FILES: &str = "== app/guard.yaml
apiVersion: sealref.dev/v1alpha1
kind: Guard
metadata: {name: sealref-ran}
== app/kustomization.yaml
namespace: shop
resources: [guard.yaml]
secretGenerator: [{name: db, literals: [password=ref+file://password.txt]}]
transformers: [fn.yaml]
";

#[test]
fn a_guard_is_gone_where_sealref_ran() {
    let Some(built) = Layout::new(FILES, "").built("app") else { return };
    assert!(!built.agree().has("Guard"), "{}", built.text);
}

#[test]
fn a_guard_stays_where_kustomize_skips_functions_and_verify_finds_it() {
    let mut builders = builders::builders().into_iter();
    let Some(mut builder) = builders.find(|builder| builder.name == "kustomize, function") else { return };
    builder.words.retain(|word| *word != "--enable-exec");
    let layout = Layout::new(FILES, "");
    let objects = Objects::read(layout.succeeds(&builder, "app"));
    assert!(objects.has("Guard"), "{}", objects.text);
    let (good, told) = objects.verified();
    assert!(!good && told.contains("[build/skipped]"), "{told}");
}
