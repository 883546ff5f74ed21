//! sealref inside kustomize and kubectl: names, references and seals agree, whatever the layout.
//!
//! `row_12_N` are the rows of the experiments that the shadow Secret comes from: what was tried there with a function for
//! the purpose holds for sealref. 12.3: one kustomization; 12.4: every host; 12.5: a layer below; 12.6: layers that each
//! do the work; 12.7: a layer above that touches what was sealed.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test starts programs, and fails by panicking"
)]

#[path = "support/builders.rs"]
mod builders;
#[path = "support/peers.rs"]
mod peers;

use builders::{Layout, Objects};

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          envFrom: [{secretRef: {name: db}}]
          env: [{name: PW, valueFrom: {secretKeyRef: {name: db, key: password}}}]
      volumes: [{name: db, secret: {secretName: db}}]
";

/// The input of the experiments.
const PROD: &str = "namespace: prod
namePrefix: p-
resources: [dep.yaml]
secretGenerator: [{name: db, literals: [password=ref+file://password.txt]}]
transformers: [fn.yaml]
";

fn one(kustomization: &str, spec: &str) -> Layout {
    Layout::new(&format!("== app/dep.yaml\n{DEPLOYMENT}== app/kustomization.yaml\n{kustomization}"), spec)
}

/// The names that the Deployment's three references have.
fn references(objects: &Objects) -> [&str; 3] {
    let spec = &objects.one("Deployment")["spec"]["template"]["spec"];
    let container = &spec["containers"][0];
    let names = [
        &container["envFrom"][0]["secretRef"]["name"],
        &container["env"][0]["valueFrom"]["secretKeyRef"]["name"],
        &spec["volumes"][0]["secret"]["secretName"],
    ];
    names.map(|name| name.as_str().unwrap())
}

const VAULT: &str = "  stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: vault}}]\n";

fn of_vault() -> String {
    PROD.replace("ref+file://password.txt", "ref+vault://kv/shop/db#/password")
}

#[test]
fn row_12_3_blank_shadow_sealed_secret_name_and_reference_are_right() {
    let Some(objects) = one(PROD, "").built("app") else { return };
    let name = objects.agree().name("SealedSecret");
    let suffix = name.strip_prefix("p-db-").unwrap();
    assert!(suffix.len() == 10 && suffix != "bf5fk5d75b", "{name}");
    assert_eq!(references(&objects), [name; 3]);
    assert_eq!(objects.sealed_for(), format!("prod/{name}"));
}

#[test]
fn row_12_3_blank_shadow_external_secret_v1_name_target_and_reference_are_right() {
    let Some(objects) = one(&of_vault(), VAULT).built("app") else { return };
    let object = objects.agree().one("ExternalSecret");
    assert_eq!(object["apiVersion"], "external-secrets.io/v1");
    let name = object["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("p-db-") && object["spec"]["target"]["name"] == name, "{}", objects.text);
    assert_eq!(references(&objects), [name; 3]);
}

#[test]
fn row_12_3_blank_shadow_external_secret_v1beta1_name_and_reference_are_right() {
    let spec = format!("{VAULT}  esoVersion: \"0.10\"\n");
    let Some(objects) = one(&of_vault(), &spec).built("app") else { return };
    assert_eq!(objects.agree().one("ExternalSecret")["apiVersion"], "external-secrets.io/v1beta1");
    assert_eq!(references(&objects), [objects.name("ExternalSecret"); 3]);
}

#[test]
fn row_12_3_without_a_suffix_the_name_is_the_plain_one() {
    let Some(objects) = one(PROD, "  suffix: None\n").built("app") else { return };
    assert_eq!((objects.agree().name("SealedSecret"), references(&objects)), ("p-db", ["p-db"; 3]));
    let options = format!("{PROD}generatorOptions: {{disableNameSuffixHash: true}}\n");
    let Some(objects) = one(&options, "").built("app") else { return };
    assert_eq!((objects.agree().name("SealedSecret"), references(&objects)), ("p-db", ["p-db"; 3]));
}

#[test]
fn row_12_3_name_reference_configuration_of_users_follows_the_shadow() {
    let config = "nameReference:
  - kind: Secret
    version: v1
    fieldSpecs: [{kind: Database, group: shop.example, path: spec/credentials}]
";
    let object = "apiVersion: shop.example/v1\nkind: Database\nmetadata: {name: main}\nspec: {credentials: db}\n";
    let more = "configurations: [names.yaml]\n";
    let files = format!(
        "== app/dep.yaml\n{DEPLOYMENT}---\n{object}== app/names.yaml\n{config}== app/kustomization.yaml\n{PROD}{more}"
    );
    let Some(objects) = Layout::new(&files, "").built("app") else { return };
    assert_eq!(objects.agree().one("Database")["spec"]["credentials"], objects.name("SealedSecret"));
}

#[test]
fn row_12_4_service_account_ingress_and_role_follow_the_shadow() {
    let others = "apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
imagePullSecrets: [{name: db}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {tls: [{secretName: db, hosts: [shop.example]}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web}
rules: [{apiGroups: [\"\"], resources: [secrets], resourceNames: [db], verbs: [get]}]
";
    let more = PROD.replace("[dep.yaml]", "[dep.yaml, others.yaml]");
    let files =
        format!("== app/dep.yaml\n{DEPLOYMENT}== app/others.yaml\n{others}== app/kustomization.yaml\n{more}");
    let Some(objects) = Layout::new(&files, "").built("app") else { return };
    let name = objects.agree().name("SealedSecret");
    assert_eq!(objects.one("ServiceAccount")["imagePullSecrets"][0]["name"], name);
    assert_eq!(objects.one("Ingress")["spec"]["tls"][0]["secretName"], name);
    assert_eq!(objects.one("Role")["rules"][0]["resourceNames"][0], name);
}

#[test]
fn a_secret_manifest_has_no_suffix_and_keeps_labels_type_and_annotations() {
    let secret = "apiVersion: v1
kind: Secret
metadata: {name: db, labels: {app: web}, annotations: {shop.example/owner: team}}
type: shop.example/db
stringData: {password: ref+file://password.txt}
";
    let kustomization = "namespace: prod\nnameSuffix: -s\nresources: [dep.yaml, db.yaml]\ntransformers: [fn.yaml]\n";
    let files =
        format!("== app/dep.yaml\n{DEPLOYMENT}== app/db.yaml\n{secret}== app/kustomization.yaml\n{kustomization}");
    let Some(objects) = Layout::new(&files, "").built("app") else { return };
    let sealed = objects.agree().one("SealedSecret");
    assert_eq!((objects.name("SealedSecret"), references(&objects)), ("db-s", ["db-s"; 3]));
    assert_eq!(sealed["metadata"]["labels"]["app"], "web");
    let template = &sealed["spec"]["template"];
    assert_eq!(template["type"], "shop.example/db");
    assert_eq!(template["metadata"]["annotations"], serde_json::json!({"shop.example/owner": "team"}));
}

#[test]
fn a_changed_value_changes_the_suffix_and_so_the_pods() {
    let layout = one(PROD, "");
    let Some(before) = layout.built("app") else { return };
    std::fs::write(layout.folder().join("app/password.txt"), "third-s3cret").unwrap();
    let Some(after) = layout.built("app") else { return };
    assert_ne!(before.name("SealedSecret"), after.agree().name("SealedSecret"));
    assert_eq!(references(&after), [after.name("SealedSecret"); 3]);
}

#[test]
fn a_reference_in_a_variable_is_lifted_and_follows_a_later_prefix() {
    let lifted = DEPLOYMENT.replace("valueFrom: {secretKeyRef: {name: db, key: password}}", "value: ref+vault://kv/x#/y");
    let base = "namespace: prod\nresources: [dep.yaml]\ntransformers: [fn.yaml]\n";
    let top = "namePrefix: p-\nresources: [../app]\n";
    let files =
        format!("== app/dep.yaml\n{lifted}== app/kustomization.yaml\n{base}== top/kustomization.yaml\n{top}");
    let Some(objects) = Layout::new(&files, VAULT).built("top") else { return };
    let env = &objects.one("Deployment")["spec"]["template"]["spec"]["containers"][0]["env"][0];
    assert_eq!(env["valueFrom"]["secretKeyRef"]["name"], "p-web-deployment-refs");
    assert_eq!(objects.name("ExternalSecret"), "p-web-deployment-refs");
}

fn layers(base: &str, overlay: &str, spec: &str) -> Layout {
    let files = format!(
        "== base/dep.yaml\n{DEPLOYMENT}== base/kustomization.yaml\n{base}== overlay/kustomization.yaml\n{overlay}"
    );
    Layout::new(&files, spec)
}

const BASE: &str = "namespace: base
resources: [dep.yaml]
secretGenerator: [{name: db, literals: [password=ref+file://password.txt]}]
";
const OVERLAY: &str = "namespace: prod\nnamePrefix: p-\nresources: [../base]\n";

fn with_fn(kustomization: &str) -> String {
    format!("{kustomization}transformers: [fn.yaml]\n")
}

#[test]
fn an_overlay_with_the_transformer_in_the_outermost_is_right() {
    let Some(objects) = layers(BASE, &with_fn(OVERLAY), "").built("overlay") else { return };
    let name = objects.agree().name("SealedSecret");
    assert_eq!(references(&objects), [name; 3]);
    assert_eq!(objects.sealed_for(), format!("prod/{name}"));
}

#[test]
fn secret_generators_merge_and_replace_before_the_transformer() {
    for (behavior, keys) in [("merge", vec!["more", "password"]), ("replace", vec!["more"])] {
        let overlay = format!(
            "{OVERLAY}secretGenerator: [{{name: db, behavior: {behavior}, literals: [more=ref+file://other.txt]}}]\n"
        );
        let Some(objects) = layers(BASE, &with_fn(&overlay), "").built("overlay") else { return };
        assert_eq!(references(&objects), [objects.agree().name("SealedSecret"); 3], "{behavior}");
        let sealed = objects.one("SealedSecret")["spec"]["encryptedData"].as_object().unwrap();
        assert_eq!(sealed.keys().collect::<Vec<_>>(), keys, "{behavior}");
    }
}

#[test]
fn row_12_5_sealed_in_the_base_names_agree_and_verify_finds_the_stale_seal() {
    let Some(objects) = layers(&with_fn(BASE), OVERLAY, "").built("overlay") else { return };
    let name = objects.name("SealedSecret");
    assert_eq!(references(&objects), [name; 3]);
    assert!(name.starts_with("p-db-") && objects.sealed_for().starts_with("base/db-"), "{}", objects.text);
    let (good, told) = objects.verified();
    assert!(!good && told.contains("[seals/identity]"), "{told}");
}

#[test]
fn row_12_5_external_secret_of_the_base_keeps_its_target_and_verify_finds_the_name_that_is_missing() {
    let base = BASE.replace("ref+file://password.txt", "ref+vault://kv/shop/db#/password");
    let Some(objects) = layers(&with_fn(&base), OVERLAY, VAULT).built("overlay") else { return };
    let object = objects.one("ExternalSecret");
    assert!(object["metadata"]["name"].as_str().unwrap().starts_with("p-db-"), "{}", objects.text);
    assert!(object["spec"]["target"]["name"].as_str().unwrap().starts_with("db-"), "{}", objects.text);
    let (good, told) = objects.verified();
    assert!(!good && told.contains("p-db-"), "{told}");
}

const LAYERED: &str = "  layered: true\n";

#[test]
fn row_12_6_layered_the_overlay_seals_again() {
    let Some(objects) = layers(&with_fn(BASE), &with_fn(OVERLAY), LAYERED).built("overlay") else { return };
    let name = objects.agree().name("SealedSecret");
    assert_eq!(references(&objects), [name; 3]);
    assert_eq!(objects.sealed_for(), format!("prod/{name}"));
    // The same as where only the outermost has the transformer.
    let once = layers(BASE, &with_fn(OVERLAY), "").built("overlay").unwrap();
    assert_eq!(objects.text, once.text);
}

#[test]
fn row_12_6_layered_the_overlay_merges_a_key_and_both_are_sealed() {
    let overlay =
        format!("{OVERLAY}secretGenerator: [{{name: db, behavior: merge, literals: [more=ref+file://other.txt]}}]\n");
    let Some(objects) = layers(&with_fn(BASE), &with_fn(&overlay), LAYERED).built("overlay") else { return };
    let name = objects.agree().name("SealedSecret");
    assert_eq!((references(&objects), objects.sealed_for()), ([name; 3], format!("prod/{name}").as_str()));
    let sealed = objects.one("SealedSecret")["spec"]["encryptedData"].as_object().unwrap();
    assert_eq!(sealed.keys().collect::<Vec<_>>(), ["more", "password"]);
}

const GENERATOR: &str = "apiVersion: sealref.dev/v1alpha1
kind: ReferenceGenerator
metadata:
  name: db
  #
spec:
  data: {password: ref+file://password.txt}
  files: [other.txt]
";

fn generated(kustomization: &str, generator: &str) -> Layout {
    let files = format!(
        "== app/dep.yaml\n{DEPLOYMENT}== app/generator.yaml\n{generator}== app/kustomization.yaml\n{kustomization}"
    );
    Layout::new(&files, "")
}

const GENERATES: &str = "namespace: prod
namePrefix: p-
resources: [dep.yaml]
generators: [generator.yaml]
transformers: [fn.yaml]
";

#[test]
fn a_generator_lists_references_and_no_secret_manifest_is_written() {
    let Some(objects) = generated(GENERATES, GENERATOR).built("app") else { return };
    let name = objects.agree().name("SealedSecret");
    assert!(name.starts_with("p-db-") && name.len() == 15, "{name}");
    assert_eq!(references(&objects), [name; 3]);
    let sealed = objects.one("SealedSecret")["spec"]["encryptedData"].as_object().unwrap();
    assert_eq!(sealed.keys().collect::<Vec<_>>(), ["other.txt", "password"]);
}

#[test]
fn a_generator_without_a_hash_has_the_plain_name_and_its_own_labels() {
    let options = "  type: shop.example/db\n  options: {disableNameSuffixHash: true, labels: {app: web}}\n";
    let Some(objects) = generated(GENERATES, &format!("{GENERATOR}{options}")).built("app") else { return };
    assert_eq!((objects.agree().name("SealedSecret"), references(&objects)), ("p-db", ["p-db"; 3]));
    let sealed = objects.one("SealedSecret");
    assert_eq!(sealed["metadata"]["labels"]["app"], "web");
    assert_eq!(sealed["spec"]["template"]["type"], "shop.example/db");
}

#[test]
fn a_generator_merges_into_and_replaces_a_secret_of_the_base() {
    for (behavior, keys) in
        [("merge", vec!["other.txt", "password", "user"]), ("replace", vec!["other.txt", "password"])]
    {
        let base = BASE.replace("password=", "user=");
        let overlay = with_fn(&format!("{OVERLAY}generators: [generator.yaml]\n"));
        let options = format!("  options: {{behavior: {behavior}}}\n");
        let files = format!(
            "== base/dep.yaml\n{DEPLOYMENT}== base/kustomization.yaml\n{base}== overlay/kustomization.yaml\n\
             {overlay}== overlay/generator.yaml\n{GENERATOR}{options}"
        );
        let Some(objects) = Layout::new(&files, "").built("overlay") else { return };
        let name = objects.agree().name("SealedSecret");
        assert_eq!(references(&objects), [name; 3], "{behavior}");
        let sealed = objects.one("SealedSecret")["spec"]["encryptedData"].as_object().unwrap();
        assert_eq!(sealed.keys().collect::<Vec<_>>(), keys, "{behavior}");
    }
}
