//! The plugin in the real argocd-cmp-server: what it renders, for whom, and how it fails and ends.

use std::fs;
use std::path::Path;

use sealref::yaml::{self, Tree};
use serde_json::{Value, json};

#[path = "support/peers.rs"]
mod peers;
#[path = "support/plugin.rs"]
mod plugin;

use plugin::{Operator, Plugin, Sent, policy, programs, shipped};

/// A kustomization of a project that gives one Secret.
fn kustomization(project: &str) -> String {
    format!(
        "== .sealref.yaml
SETTINGS
== base/kustomization.yaml
resources: [deployment.yaml]
secretGenerator:
  - name: database
    literals: [\"password=ref+vault://kv/{project}/database#/password\"]
== base/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - {{name: web, image: web, envFrom: [{{secretRef: {{name: database}}}}]}}
== overlay/kustomization.yaml
namePrefix: {project}-
resources: [../base]
"
    )
}

const CHART: &str = r#"== .sealref.yaml
SETTINGS
== chart/Chart.yaml
apiVersion: v2
name: shop
version: 1.0.0
== chart/values.yaml
tag: unset
== chart/values/production.yaml
tag: production
greeting: hello, world
== chart/templates/all.yaml
apiVersion: v1
kind: Secret
metadata: {name: "{{ .Release.Name }}"}
stringData: {token: "ref+vault://kv/shop/token#/value"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: facts}
data:
  tag: "{{ .Values.tag }}"
  greeting: "{{ .Values.greeting }}"
  namespace: "{{ .Release.Namespace }}"
  version: "{{ .Capabilities.KubeVersion.Version }}"
  knows: "{{ .Capabilities.APIVersions.Has "external-secrets.io/v1" }}"
"#;

const PLAIN: &str = "== .sealref.yaml
SETTINGS
== app/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: \"ref+vault://kv/shop/token#/value\"}
== app/config.json
{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"config\"}}
== app/deeper/service.yaml
apiVersion: v1
kind: Service
metadata: {name: web}
";

fn kinds(objects: &[Value]) -> Vec<String> {
    let mut kinds: Vec<String> = objects
        .iter()
        .map(|object| format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap()))
        .collect();
    kinds.sort();
    kinds
}

fn one<'o>(objects: &'o [Value], kind: &str) -> &'o Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {:?}", kinds(objects)))
}

fn objects(text: &str) -> Vec<Value> {
    let Ok(pieces) = yaml::pieces(text, &|_| true) else { panic!("{text}") };
    let read = |piece: yaml::Piece| {
        let Ok(tree) = Tree::parse(piece.text, piece.syntax) else { panic!("{text}") };
        yaml::read(&tree, tree.root()).unwrap_or_else(|_| panic!("{text}"))
    };
    pieces.pieces.into_iter().map(read).collect()
}

/// What an operator grants for the examples: their stores, their files, and certificate, key and identities of its own.
const EXAMPLES: &str = r#"
apiVersion: sealref.dev/v1alpha1
kind: SealrefPolicy
metadata: {name: examples}
spec:
  tenants: [{project: shop, namespaces: [shop]}]
  clusters: {demo: {certificate: EXAMPLES/quickstart/demo-certificate.pem}}
  sealing: {key: {file: EXAMPLES/quickstart/demo-sealing.key}}
  stores:
    - match: {scheme: vault, path: "kv/{project}/**"}
      use: {kind: ClusterSecretStore, name: vault}
      provider: {vault: {server: "https://vault.example:8200", path: kv, version: v2}}
    - match: {scheme: awssecrets}
      use: {kind: SecretStore, name: aws}
      provider: {aws: {service: SecretsManager, region: eu-central-1}}
  grants:
    - projects: [shop]
      read:
        - {scheme: vault, path: "kv/{project}/**"}
        - {scheme: awssecrets, path: "{project}/*"}
        - {scheme: generate, path: password}
      stores: [{kind: ClusterSecretStore, name: vault}, {kind: SecretStore, name: aws}]
      targets: [ExternalSecret]
      clusters: [demo]
      publicKeys: [host, options]
      builders: [Helm, Kustomize]
    - projects: [shop]
      read: [{scheme: file, path: "**"}, {scheme: sops, path: "**"}]
      targets: [SealedSecret]
      clusters: [demo]
      identities: [EXAMPLES/sealed/demo-identity.txt, EXAMPLES/sops/demo-identity.txt]
  builders: {kustomize: "KUSTOMIZE", helm: "HELM"}
"#;

/// Their READMEs reach the same by a pipe. The other examples need what only a laptop has: a function, a post-renderer,
/// a server on loopback.
#[test]
fn examples_are_rendered_as_their_readmes_say() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let Some(policy) = programs(&EXAMPLES.replace("EXAMPLES", examples.to_str().unwrap())) else { return };
    let Some(plugin) = Plugin::start(&policy, &shipped()) else { return };
    let web = json!([{"name": "release-name", "string": "web"}]);
    let demo = json!([{"name": "cluster", "string": "demo"}]);
    let rows = [
        ("composite", ".", json!([])),
        ("helm-pipe", ".", web),
        ("kustomize-pipe", "production", json!([])),
        ("quickstart", ".", demo.clone()),
        ("sealed", ".", demo.clone()),
        ("sops", ".", demo),
    ];
    for (example, path, parameters) in rows {
        let sent = Sent::copy("shop", &format!("examples/{example}"), path).choosing(&parameters);
        // Certificate, key and what is behind a store are the operator's, and the examples set nothing else
        let settings = sent.repository().join(".sealref.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, text.split_once("spec:\n").unwrap().0).unwrap();
        let found = plugin.generate(&sent).unwrap_or_else(|error| panic!("{example}: {error}"));
        let expected = fs::read_to_string(examples.join(example).join("expected/app.yaml")).unwrap();
        assert_eq!(alike(found), alike(objects(&expected)), "{example}");
    }
}

/// Without what differs: ciphertexts and their key's name, which are the project's, and the mount, which a policy knows.
fn alike(mut objects: Vec<Value>) -> Vec<Value> {
    for object in &mut objects {
        if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
            annotations.remove("sealref.dev/sealed-with");
        }
        for (_, value) in object["spec"]["encryptedData"].as_object_mut().into_iter().flatten() {
            *value = Value::Null;
        }
        for data in object["spec"]["data"].as_array_mut().into_iter().flatten() {
            let key = data["remoteRef"]["key"].as_str().unwrap().to_owned();
            data["remoteRef"]["key"] = key.trim_start_matches("kv/").into();
        }
    }
    objects
}

#[test]
fn a_kustomization_is_built_and_names_are_final() {
    let Some(plugin) = Plugin::shipped() else { return };
    let found = plugin.generate(&Sent::new("shop", "overlay", &kustomization("shop"))).unwrap();
    assert_eq!(kinds(&found), ["Deployment shop-web", "ExternalSecret shop-database-h8g6d7c589"]);
    let container = &one(&found, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["envFrom"][0]["secretRef"]["name"], "shop-database-h8g6d7c589");
    assert_eq!(one(&found, "ExternalSecret")["spec"]["data"][0]["remoteRef"]["key"], "shop/database");
}

#[test]
fn a_chart_is_rendered_with_what_argo_cd_and_the_application_say() {
    let Some(plugin) = Plugin::shipped() else { return };
    let parameters = json!([
        {"name": "values-files", "array": ["values/production.yaml"]},
        {"name": "helm-parameters", "map": {"tag": "v1.2, final"}},
        {"name": "release-name", "string": "web"},
    ]);
    let found = plugin.generate(&Sent::new("shop", "chart", CHART).choosing(&parameters)).unwrap();
    assert_eq!(kinds(&found), ["ConfigMap facts", "ExternalSecret web"]);
    let data = json!({
        "tag": "v1.2, final", "greeting": "hello, world", "namespace": "shop", "version": "v1.33.1", "knows": "true",
    });
    assert_eq!(one(&found, "ConfigMap")["data"], data);
}

#[test]
fn plain_manifests_are_read_and_folders_below_only_where_that_is_chosen() {
    let Some(plugin) = Plugin::shipped() else { return };
    let found = plugin.generate(&Sent::new("shop", "app", PLAIN)).unwrap();
    assert_eq!(kinds(&found), ["ConfigMap config", "ExternalSecret token"]);
    let deeper = json!([{"name": "recurse", "string": "true"}]);
    let found = plugin.generate(&Sent::new("shop", "app", PLAIN).choosing(&deeper)).unwrap();
    assert_eq!(kinds(&found), ["ConfigMap config", "ExternalSecret token", "Service web"]);
}

#[test]
fn a_builder_can_be_chosen_where_the_folder_does_not_say_it() {
    let Some(plugin) = Plugin::shipped() else { return };
    let both = format!(
        "{CHART}== chart/kustomization.yaml\nresources: [service.yaml]\n== chart/service.yaml
apiVersion: v1\nkind: Service\nmetadata: {{name: built}}\n"
    );
    let told = plugin.generate(&Sent::new("shop", "chart", &both)).unwrap_err();
    assert!(told.contains("error: the folder is a kustomization and a Helm chart"), "{told}");
    for (builder, kind) in [("helm", "ConfigMap"), ("kustomize", "Service")] {
        let sent = Sent::new("shop", "chart", &both).choosing(&json!([{"name": "builder", "string": builder}]));
        one(&plugin.generate(&sent).unwrap(), kind);
    }
}

/// Each request has a folder of its own; nothing is shared that could be mistaken (I5).
#[test]
fn two_tenants_at_once_get_each_their_own_i5() {
    let Some(plugin) = Plugin::shipped() else { return };
    let alone = |project: &str| plugin.generate(&Sent::new(project, "overlay", &kustomization(project))).unwrap();
    let (shop, bank) = (alone("shop"), alone("bank"));
    assert_ne!(shop, bank);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..12)
            .map(|number| if number % 2 == 0 { ("shop", &shop) } else { ("bank", &bank) })
            .map(|(project, expected)| scope.spawn(move || assert_eq!(alone(project), *expected)))
            .collect();
        for one in running {
            one.join().unwrap();
        }
    });
    let foreign = Sent::new("bank", "overlay", &kustomization("shop"));
    let told = plugin.generate(&foreign).unwrap_err();
    assert!(told.contains("exit status 3: error: "), "{told}");
}

/// Argo CD shows the command line, how it ended, and then what it said: the first line has to say it all.
#[test]
fn a_failing_render_shows_one_readable_first_line() {
    let Some(plugin) = Plugin::shipped() else { return };
    let rows = [
        (
            "== app/kustomization.yaml\nresources: [deployment.yaml]\n",
            "exit status 3: error: app/kustomization.yaml:1: \"deployment.yaml\" is not in the repository, and nothing is downloaded\nhint: ",
        ),
        (
            "== app/kustomization.yaml\nresources: [a.yaml]\n== app/a.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {b: ref+valt://s3cret}\n",
            "exit status 1: error: kustomize:6 Secret a, stringData.b: no source is called \"valt\"\nhint: ",
        ),
        (
            "== app/kustomization.yaml\nresources: [a.yaml]\n== app/a.yaml\nkind: Secret\nstringData: {b: s3cret}\n",
            "exit status 1: error: app/a.yaml: kustomize failed",
        ),
        (
            "== app/Chart.yaml\napiVersion: v2\nname: c\nversion: 1.0.0\n== app/templates/a.yaml\na: {{ fail \"s3cret\" }}\n",
            "exit status 1: error: app/templates/a.yaml:1: helm failed: a template calls fail or required\nhint: ",
        ),
        (
            "== app/Chart.yaml\napiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: d, version: 1.0.0, repository: \"https://charts.example\"}]\n== app/templates/a.yaml\na: b\n",
            "exit status 1: error: app/Chart.yaml: helm failed: a dependency is not in charts/, and nothing is downloaded\nhint: ",
        ),
    ];
    for (files, expected) in rows {
        let told = plugin.generate(&Sent::new("shop", "app", files)).unwrap_err();
        assert!(told.contains(expected), "expected {expected}, found {told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
    assert!(!plugin.log().contains("s3cret"));
}

#[test]
fn what_may_be_chosen_is_announced_and_works_without_a_project() {
    let Some(plugin) = Plugin::shipped() else { return };
    let mut sent = Sent::new("shop", "app", PLAIN);
    // What the query of the user interface lacks
    sent.variables.retain(|variable| !variable.starts_with("ARGOCD_APP_NAMESPACE") && !variable.contains("PROJECT"));
    let answer = plugin.ask("parameters", 60, &sent).unwrap();
    let announced = answer["parameterAnnouncements"].as_array().unwrap();
    let names: Vec<&str> = announced.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let expected = ["builder", "environment", "cluster", "recurse", "values-files", "helm-parameters", "release-name"];
    assert_eq!(names, expected);
}

#[test]
fn only_repositories_with_settings_of_sealref_are_discovered_i1() {
    let find = format!("{}  discover: {{find: {{command: [sealref, cmp, discover]}}}}\n", shipped());
    let Some(plugin) = policy().and_then(|policy| Plugin::start(&policy, &find)) else { return };
    let ours = plugin.ask("match", 60, &Sent::new("shop", "overlay", &kustomization("shop"))).unwrap();
    assert_eq!(ours, json!({"isSupported": true, "isDiscoveryEnabled": true}));
    let other = plugin.ask("match", 60, &Sent::new("shop", "app", "== app/a.yaml\na: b\n")).unwrap();
    assert_eq!(other, json!({"isDiscoveryEnabled": true}));
    // As it ships, it is asked for by name
    let Some(plugin) = Plugin::shipped() else { return };
    assert_eq!(plugin.ask("match", 60, &Sent::new("shop", "app", PLAIN)).unwrap(), json!({}));
}

#[test]
fn without_a_policy_every_command_is_refused() {
    let Some(policy) = policy() else { return };
    let sent = Sent::new("shop", "app", PLAIN);
    let commands = ["init", "discover", "parameters", "generate"];
    for (policy, said) in [
        ("", "error: "),
        ("kind: SealrefPolicy\n", "error: "),
        ("spec: [\n", "error: "),
        (&policy.replace("grants:", "garnts:"), "error: "),
    ] {
        let operator = Operator::new(policy);
        for command in commands {
            let output = operator.sealref(&sent.folder(), &["cmp", command], &sent.variables);
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{command}: {told}");
            assert!(told.starts_with(said), "{told}");
        }
    }
    let operator = Operator::new(&policy);
    fs::remove_file(operator.folder().join("policy.yaml")).unwrap();
    for command in commands {
        let output = operator.sealref(&sent.folder(), &["cmp", command], &sent.variables);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{command}");
        let mut bare = operator.command(&sent.folder(), &["cmp", command], &sent.variables);
        let output = bare.env_remove("SEALREF_POLICY").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{command}: {told}");
        assert!(told.starts_with("error: no policy is named"), "{told}");
    }
}
