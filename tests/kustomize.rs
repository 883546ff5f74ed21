//! sealref inside kustomize and kubectl: names, references and seals agree, whatever the layout.
//!
//! `row_12_N` are the rows of the experiments that the shadow Secret comes from: what was tried there with a function for
//! the purpose holds for sealref. 12.3: one kustomization; 12.4: every host; 12.5: a layer below; 12.6: layers that each
//! do the work; 12.7: a layer above that touches what was sealed.

#[path = "support/builders.rs"]
mod builders;
#[path = "support/peers.rs"]
mod peers;

use std::process::Command;

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
    let files = format!("== app/dep.yaml\n{DEPLOYMENT}== app/others.yaml\n{others}== app/kustomization.yaml\n{more}");
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
    let lifted =
        DEPLOYMENT.replace("valueFrom: {secretKeyRef: {name: db, key: password}}", "value: ref+vault://kv/x#/y");
    let base = "namespace: prod\nresources: [dep.yaml]\ntransformers: [fn.yaml]\n";
    let top = "namePrefix: p-\nresources: [../app]\n";
    let files = format!("== app/dep.yaml\n{lifted}== app/kustomization.yaml\n{base}== top/kustomization.yaml\n{top}");
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

#[test]
fn row_12_4_build_into_a_folder_writes_no_shadow() {
    let Some(kustomize) = peers::peer("kustomize") else { return };
    let layout = one(PROD, "");
    layout.declare(true);
    let out = layout.folder().join("out");
    std::fs::create_dir(&out).unwrap();
    let mut command = Command::new(kustomize);
    command.args(["build", "--enable-alpha-plugins", "--enable-exec", "-o", "out", "app"]);
    let output = layout.called(&mut command).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut names: Vec<String> =
        std::fs::read_dir(out).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].contains("deployment") && names[1].contains("sealedsecret"), "{names:?}");
}

/// The real function runtime of kubectl, with a `docker` that starts the program itself.
#[test]
fn row_12_4_a_container_function_of_kubectl_gives_the_same_i6() {
    let layout = one(PROD, "");
    let Some(expected) = layout.built("app") else { return };
    let config = layout.folder().join("app/fn.yaml");
    let container = "{config.kubernetes.io/function: \"container: {image: registry.example/sealref:1}\"}";
    layout.declare(true);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("{config.kubernetes.io/function: \"exec: {path: sealref}\"}", container))
        .unwrap();
    let docker = layout.folder().join("bin/docker");
    std::fs::write(&docker, "#!/bin/sh\nexec sealref\n").unwrap();
    std::fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for kubectl in builders::kubectls() {
        let mut command = Command::new(&kubectl);
        command.args(["kustomize", "--enable-alpha-plugins", "app"]);
        let output = layout.called(&mut command).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected.text, "{}: {told}", kubectl.display());
    }
}

/// The trap that README warns of: exit code 0, no warning, and the function did not run.
#[test]
fn row_12_4_without_enable_exec_the_function_is_skipped_and_verify_finds_it() {
    let Some(kustomize) = peers::peer("kustomize") else { return };
    let layout = one(PROD, "");
    layout.declare(true);
    let mut command = Command::new(kustomize);
    let output = layout.called(command.args(["build", "--enable-alpha-plugins", "app"])).output().unwrap();
    assert!(output.status.success());
    let objects = Objects::read(String::from_utf8(output.stdout).unwrap());
    let (good, told) = objects.verified();
    assert!(!good && told.contains("references/unresolved"), "{told}");
}

#[test]
fn row_12_6_layered_a_literal_would_show_in_a_later_layer_and_is_refused() {
    let base = BASE.replace("password=ref+file://password.txt", "password=s3cret");
    let spec = format!("{LAYERED}  plaintext: Seal\n");
    let layout = layers(&with_fn(&base), &with_fn(OVERLAY), &spec);
    layout.refused("overlay", "a literal value stands in a Secret that later layers see in full");
}

#[test]
fn row_12_7_blank_shadow_a_merged_key_is_lost_and_names_agree() {
    let overlay =
        format!("{OVERLAY}secretGenerator: [{{name: db, behavior: merge, literals: [more=ref+file://other.txt]}}]\n");
    let Some(objects) = layers(&with_fn(BASE), &overlay, "").built("overlay") else { return };
    let (good, told) = objects.verified();
    assert!(!good && told.contains("seals/identity"), "{told}");
    assert!(!objects.text.contains("more:"), "{}", objects.text);
}

#[test]
fn row_12_7_blank_shadow_a_merged_key_is_refused_where_a_transformer_sees_it() {
    let overlay =
        format!("{OVERLAY}secretGenerator: [{{name: db, behavior: merge, literals: [more=ref+file://other.txt]}}]\n");
    let layout = layers(&with_fn(BASE), &with_fn(&overlay), "");
    layout.refused("overlay", "a layer below has replaced the Secret, and values were added since");
}

#[test]
fn row_12_7_full_shadow_without_a_transformer_above_a_merged_key_is_lost_and_verify_finds_the_stale_seal() {
    let overlay =
        format!("{OVERLAY}secretGenerator: [{{name: db, behavior: merge, literals: [more=ref+file://other.txt]}}]\n");
    let Some(objects) = layers(&with_fn(BASE), &overlay, LAYERED).built("overlay") else { return };
    // Nothing asks for a hash any more, so no name dangles as it did in the experiment.
    assert_eq!(references(&objects), [objects.name("SealedSecret"); 3]);
    let (good, told) = objects.verified();
    assert!(!good && told.contains("seals/identity"), "{told}");
}

#[test]
fn row_12_7_full_shadow_where_the_layer_above_is_not_layered_is_refused() {
    let layout = layers(&with_fn(BASE), &with_fn(OVERLAY), LAYERED);
    let config = layout.folder().join("overlay/fn.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(LAYERED, "")).unwrap();
    layout.refused("overlay", "a layer below has replaced the Secret, to be done again here");
}

const PATCH: &str = "patches:
  - target: {kind: Secret}
    patch: |-
      - {op: add, path: /metadata/annotations/patched, value: \"yes\"}
      - {op: add, path: /data, value: {more: cmVmK2ZpbGU6Ly9vdGhlci50eHQ=}}
";

#[test]
fn row_12_7_blank_shadow_a_patch_is_lost_and_names_agree() {
    let overlay = format!("resources: [../base]\n{PATCH}");
    let Some(objects) = layers(&with_fn(BASE), &overlay, "").built("overlay") else { return };
    assert_eq!(references(&objects), [objects.agree().name("SealedSecret"); 3]);
    assert!(!objects.text.contains("more:") && !objects.text.contains("patched"), "{}", objects.text);
}

#[test]
fn row_12_7_full_shadow_without_a_transformer_above_a_patch_is_lost_and_names_agree() {
    let overlay = format!("resources: [../base]\n{PATCH}");
    let Some(objects) = layers(&with_fn(BASE), &overlay, LAYERED).built("overlay") else { return };
    // Nothing asks for a hash any more, so no name dangles as it did in the experiment.
    assert_eq!(references(&objects), [objects.agree().name("SealedSecret"); 3]);
    assert!(!objects.text.contains("more:") && !objects.text.contains("patched"), "{}", objects.text);
}

#[test]
fn row_12_7_blank_shadow_a_replacement_from_its_values_fails_loudly() {
    let overlay = format!("{OVERLAY}{REPLACEMENT}");
    let layout = layers(&with_fn(BASE), &overlay, "");
    layout.refused("overlay", "`data.password` is missing");
}

const REPLACEMENT: &str = "replacements:
  - source: {kind: Secret, fieldPath: data.password}
    targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.copied], options: {create: true}}]
";

#[test]
fn row_12_7_layered_a_replacement_copies_a_reference_and_never_a_value() {
    let overlay = format!("{OVERLAY}{REPLACEMENT}");
    let Some(objects) = layers(&with_fn(BASE), &overlay, LAYERED).built("overlay") else { return };
    let copied = &objects.one("Deployment")["metadata"]["annotations"]["copied"];
    assert_eq!(copied, "cmVmK2ZpbGU6Ly9wYXNzd29yZC50eHQ=", "base64 of ref+file://password.txt");
}

#[test]
fn replacements_into_a_secret_come_before_the_transformer() {
    let config = "apiVersion: v1
kind: ConfigMap
metadata: {name: where}
data: {password: ref-file://other.txt}
";
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: ref+file://password.txt}\n";
    let kustomization = "namespace: prod
namePrefix: p-
resources: [dep.yaml, db.yaml, where.yaml]
replacements:
  - source: {kind: Deployment, fieldPath: metadata.name}
    targets: [{select: {kind: Secret}, fieldPaths: [metadata.labels.of], options: {create: true}}]
transformers: [fn.yaml]
";
    let files = format!(
        "== app/dep.yaml\n{DEPLOYMENT}== app/db.yaml\n{secret}== app/where.yaml\n{config}\
         == app/kustomization.yaml\n{kustomization}"
    );
    let Some(objects) = Layout::new(&files, "").built("app") else { return };
    assert_eq!(references(&objects), [objects.agree().name("SealedSecret"); 3]);
    assert_eq!(objects.one("SealedSecret")["metadata"]["labels"]["of"], "p-web");
}

#[test]
fn a_component_that_adds_a_secret_is_seen_by_the_outermost() {
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
secretGenerator: [{name: db, literals: [password=ref+file://password.txt]}]
";
    let top =
        "namespace: prod\nnamePrefix: p-\nresources: [dep.yaml]\ncomponents: [../component]\ntransformers: [fn.yaml]\n";
    let files = format!(
        "== app/dep.yaml\n{DEPLOYMENT}== component/kustomization.yaml\n{component}== app/kustomization.yaml\n{top}"
    );
    let Some(objects) = Layout::new(&files, "").built("app") else { return };
    let name = objects.agree().name("SealedSecret");
    assert_eq!((references(&objects), objects.sealed_for()), ([name; 3], format!("prod/{name}").as_str()));
}

/// The trap of 12.2: a component's transformer runs before the namespace and prefix of what includes it.
#[test]
fn a_transformer_in_a_component_seals_too_early_and_says_so() {
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
secretGenerator: [{name: db, literals: [password=ref+file://password.txt]}]
transformers: [fn.yaml]
";
    let top = "namespace: prod\nnamePrefix: p-\nresources: [dep.yaml]\ncomponents: [../component]\n";
    let files = format!(
        "== app/dep.yaml\n{DEPLOYMENT}== component/kustomization.yaml\n{component}== app/kustomization.yaml\n{top}"
    );
    Layout::new(&files, "").refused("app", "the namespace is not known");
}

#[test]
fn a_namespace_that_is_unknown_is_refused() {
    let layout = one(&PROD.replace("namespace: prod\n", ""), "");
    layout.refused("app", "the namespace is not known, and scope Strict seals for one");
}

#[test]
fn a_function_configuration_of_another_kind_or_version_is_refused() {
    for (what, other) in [("kind: SecretTransform", "kind: SecretTransformer"), ("v1alpha1", "v1alpha9")] {
        let Some(kustomize) = peers::peer("kustomize") else { return };
        let layout = one(PROD, "");
        let config = layout.folder().join("app/fn.yaml");
        let text = std::fs::read_to_string(&config).unwrap().replacen(what, other, 1);
        std::fs::write(&config, text).unwrap();
        layout.declare(true);
        let mut command = Command::new(kustomize);
        command.args(["build", "--enable-alpha-plugins", "--enable-exec", "app"]);
        let output = layout.called(&mut command).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{told}");
        assert!(told.contains("the settings are of another kind\nhint: apiVersion: sealref.dev/v1alpha1"), "{told}");
    }
}

#[test]
fn mistakes_in_the_configuration_have_their_place() {
    let layout = one(PROD, "  plaintxt: Seal\n");
    layout.refused("app", "hint: did you mean \"plaintext\"?");
}

#[test]
fn a_literal_is_refused_and_never_shown() {
    let layout = one(&PROD.replace("ref+file://password.txt", "hunter2-s3cret"), "");
    layout.refused("app", "a literal value stands in a Secret");
}

#[test]
fn a_generator_among_transformers_and_a_transformer_among_generators_are_refused() {
    let swapped = GENERATES.replace("transformers: [fn.yaml]", "transformers: [generator.yaml]");
    let swapped = swapped.replace("generators: [generator.yaml]\n", "");
    generated(&swapped, GENERATOR).refused("app", "a ReferenceGenerator was called to transform what is there");
    let swapped = PROD.replace("transformers:", "generators:");
    one(&swapped, "").refused("app", "a SecretTransform was called to generate");
}

#[test]
fn a_generator_takes_no_literals_and_no_files_that_it_cannot_read_i7() {
    for (from, to, message) in [
        ("ref+file://password.txt", "hunter2-s3cret", "a literal value stands in a list of references"),
        ("  files: [other.txt]\n", "  envs: [other.txt]\n", "the file is not encrypted with SOPS"),
        ("  files: [other.txt]\n", "  file: [other.txt]\n", "an unknown field"),
        ("ref+file://", "ref+fil://", "did you mean \"file\"?"),
        ("[other.txt]", "[password=other.txt]", "the key \"password\" is listed twice"),
    ] {
        generated(GENERATES, &GENERATOR.replace(from, to)).refused("app", message);
    }
}

/// What is sealed inside kustomize opens in kubeseal under the name that kustomize gives in the end.
#[test]
fn what_kustomize_gives_opens_in_kubeseal() {
    let Some(kubeseal) = peers::peer("kubeseal") else { return };
    let Some(objects) = one(PROD, "").built("app") else { return };
    let folder = tempfile::tempdir().unwrap();
    let sealed = folder.path().join("sealed.json");
    std::fs::write(&sealed, objects.one("SealedSecret").to_string()).unwrap();
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/demo-private-key.pem");
    let mut command = Command::new(kubeseal);
    command.args(["--recovery-unseal", "--recovery-private-key", key]).stdin(std::fs::File::open(sealed).unwrap());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let opened: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"));
    assert_eq!(opened["data"]["password"], "Zmlyc3QtczNjcmV0", "base64 of first-s3cret");
    assert_eq!(opened["metadata"]["name"], references(&objects)[0]);
}

/// JSON in one line is read by kustomize as it was meant, whatever stands in it.
#[test]
fn texts_that_yaml_could_mistake_come_through_kustomize_unchanged() {
    let texts = [
        "yes",
        "0x10",
        "1_000",
        "012",
        "12:30:45",
        "2001-01-01",
        "~",
        " a ",
        "\u{feff}",
        "\u{1f600}",
        "a: b #c",
        "'\"\\",
    ];
    let env: Vec<_> =
        (0..).zip(texts).map(|(n, text)| serde_json::json!({"name": format!("E{n}"), "value": text})).collect();
    let lifted = serde_json::json!({"name": "PW", "value": "ref+vault://kv/x#/y"});
    let env: Vec<_> = env.into_iter().chain([lifted]).collect();
    let deployment = serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "web", "env": env}]}}},
    });
    let kustomization = "namespace: prod\nresources: [dep.yaml]\ntransformers: [fn.yaml]\n";
    // kustomize takes a byte order mark only where it is escaped.
    let escaped = |c: char| {
        if c == '\u{feff}' { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
    };
    let deployment: String = deployment.to_string().chars().map(escaped).collect();
    let files = format!("== app/dep.yaml\n{deployment}\n== app/kustomization.yaml\n{kustomization}");
    let Some(objects) = Layout::new(&files, VAULT).built("app") else { return };
    let container = &objects.one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    let values: Vec<&str> =
        container["env"].as_array().unwrap().iter().filter_map(|one| one["value"].as_str()).collect();
    assert_eq!(values, texts);
    assert_eq!(objects.one("Deployment")["spec"]["replicas"], 3);
}

#[test]
fn kpt_changes_files_in_place_and_keeps_comments() {
    let Some(kpt) = builders::on_the_path("kpt") else { return };
    let app = "# What the web may know
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
stringData:
  password: ref+file://password.txt
---
# The web
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # its name
  namespace: shop
spec: {template: {spec: {containers: [{name: web, envFrom: [{secretRef: {name: db}}]}]}}} # as it stands
";
    let other = "# Untouched\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\ndata: {a: 'yes',   b: x}\n";
    let layout = Layout::new(&format!("== package/app.yaml\n{app}== package/other.yaml\n{other}"), "");
    let root = layout.folder();
    std::fs::write(root.join("password.txt"), "first-s3cret").unwrap();
    let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nmetadata: {name: secrets}\nspec:
  sealing: {certificate: demo-certificate.pem, key: {file: demo-sealing.key}}\n";
    std::fs::write(root.join("settings.yaml"), settings).unwrap();
    let run = |package: &str| {
        let mut command = Command::new(&kpt);
        command.args(["fn", "eval", package, "--exec", "sealref", "--fn-config", "settings.yaml"]);
        layout.called(&mut command).output().unwrap()
    };
    let output = run("package");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("[warning]") && told.contains("published demo key"), "{told}");
    let changed = std::fs::read_to_string(root.join("package/app.yaml")).unwrap();
    let objects = Objects::read(changed.clone());
    assert_eq!(objects.agree().sealed_for(), "shop/db");
    assert!(changed.starts_with("# What the web may know\napiVersion: bitnami.com/v1alpha1\n"), "{changed}");
    for comment in ["---\n# The web\napiVersion", "name: web # its name\n", " # as it stands\n"] {
        assert!(changed.contains(comment), "{changed}");
    }
    assert!(!changed.contains("config.kubernetes.io"), "{changed}");
    let files: Vec<_> =
        std::fs::read_dir(root.join("package")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    // Nothing is left to do.
    assert!(run("package").status.success());
    assert_eq!(std::fs::read_to_string(root.join("package/app.yaml")).unwrap(), changed);
}

#[test]
fn kpt_shows_what_is_wrong_and_changes_nothing() {
    let Some(kpt) = builders::on_the_path("kpt") else { return };
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {password: hunter2-s3cret}\n";
    let layout = Layout::new(&format!("== package/db.yaml\n{secret}"), "");
    let mut command = Command::new(kpt);
    let output = layout.called(command.args(["fn", "eval", "package", "--exec", "sealref"])).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("a literal value stands in a Secret"), "{told}");
    assert_eq!(std::fs::read_to_string(layout.folder().join("package/db.yaml")).unwrap(), secret);
}

/// kustomize passes arguments from 5.7 on; older ones refuse them, so that nothing of ours needs one.
#[test]
fn a_function_takes_arguments_where_kustomize_passes_them() {
    let Some(kustomize) = peers::peer("kustomize") else { return };
    let layout = one(&PROD.replace("namespace: prod\n", ""), "");
    layout.declare(true);
    let config = layout.folder().join("app/fn.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let args = "exec: {path: sealref, args: [krm, --namespace, elsewhere]}";
    std::fs::write(&config, text.replace("exec: {path: sealref}", args)).unwrap();
    let mut command = Command::new(kustomize);
    command.args(["build", "--enable-alpha-plugins", "--enable-exec", "app"]);
    let output = layout.called(&mut command).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let objects = Objects::read(String::from_utf8(output.stdout).unwrap());
    assert_eq!(objects.sealed_for(), format!("elsewhere/{}", objects.name("SealedSecret")));
}

#[test]
fn a_generator_takes_whole_secrets() {
    let whole = GENERATOR.replace(
        "  data: {password: ref+file://password.txt}\n  files: [other.txt]\n",
        "  dataFrom: [ref+vault://kv/shop/common]\n",
    );
    let files =
        format!("== app/dep.yaml\n{DEPLOYMENT}== app/generator.yaml\n{whole}== app/kustomization.yaml\n{GENERATES}");
    let Some(objects) = Layout::new(&files, VAULT).built("app") else { return };
    let object = objects.agree().one("ExternalSecret");
    assert_eq!(object["spec"]["dataFrom"][0]["extract"]["key"], "kv/shop/common");
    assert_eq!(references(&objects), [objects.name("ExternalSecret"); 3]);
}

/// kustomize renames the object and not the Secret that it names.
#[test]
fn row_12_6_external_secrets_are_made_again_by_the_layer_above() {
    let stores = "  layered: true\n  stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: v}}]\n";
    let files = format!(
        "== base/dep.yaml\n{DEPLOYMENT}== base/db.yaml\napiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\n\
         stringData: {{password: ref+vault://kv/db#/password}}\n\
         == base/kustomization.yaml\nresources: [dep.yaml, db.yaml]\ntransformers: [fn.yaml]\n\
         == top/kustomization.yaml\nresources: [../base]\nnameSuffix: -t\ntransformers: [fn.yaml]\n"
    );
    let Some(built) = Layout::new(&files, stores).built("top") else { return };
    built.agree();
    assert_eq!(built.name("ExternalSecret"), "db-t");
    assert_eq!(references(&built), ["db-t"; 3]);
}
