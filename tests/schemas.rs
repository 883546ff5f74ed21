//! Every object that we make is one that the API server takes: it fits the real schemas, knows no field
//! that they do not know, and writes down what they would default into a list, so that nothing drifts.

#![allow(clippy::needless_pass_by_value, reason = "a test gives away what it has made")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use jsonschema::Validator;
use sealref::sources::{self, Becomes};
use sealref::yaml::{self, Tree};
use serde_json::{Value, json};

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::read);

/// The schemas by apiVersion and kind.
struct Schemas(BTreeMap<(String, String), (Value, Validator)>);

impl Schemas {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
        let files = ["external-secret", "password", "sealed-secret", "ssh-key", "uuid", "vault-dynamic-secret"];
        let schemas = files.map(|name| {
            let schema: Value =
                serde_json::from_slice(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap();
            let of = |field: &str| schema["properties"][field]["const"].as_str().unwrap().to_owned();
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            ((of("apiVersion"), of("kind")), (schema, validator))
        });
        Self(schemas.into())
    }

    fn of(&self, object: &Value) -> Option<&(Value, Validator)> {
        let field = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
        self.0.get(&(field("apiVersion"), field("kind")))
    }

    /// What is wrong with an object of ours.
    fn faults(&self, object: &Value) -> Vec<String> {
        let Some((schema, validator)) = self.of(object) else {
            return vec![format!("{} {} has no schema", object["apiVersion"], object["kind"])];
        };
        let wrong = validator.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path()));
        wrong.chain(drift(schema, object, false, "")).chain(older_drift(object, "")).collect()
    }
}

/// Fields of list items that the API server would add: Argo CD compares lists as a whole, and would see
/// a difference for ever.
fn drift(schema: &Value, value: &Value, in_list: bool, path: &str) -> Vec<String> {
    match value {
        Value::Array(items) => {
            items.iter().flat_map(|item| drift(&schema["items"], item, true, &format!("{path}[]"))).collect()
        }
        Value::Object(fields) => {
            let properties = schema["properties"].as_object();
            let known = properties.into_iter().flatten();
            let missing = known
                .clone()
                .filter(|(name, property)| in_list && !fields.contains_key(*name) && property.get("default").is_some());
            let mut found: Vec<String> = missing.map(|(name, _)| format!("{path}.{name} would be defaulted")).collect();
            for (name, property) in known {
                if let Some(value) = fields.get(name) {
                    found.extend(drift(property, value, in_list, &format!("{path}.{name}")));
                }
            }
            found
        }
        _ => vec![],
    }
}

/// The same for releases before 2.9, whose schemas put these into everything that names a remote secret.
fn older_drift(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| older_drift(item, &format!("{path}[]"))).collect(),
        Value::Object(fields) => {
            let mut found: Vec<String> =
                fields.iter().flat_map(|(name, value)| older_drift(value, &format!("{path}.{name}"))).collect();
            if path.ends_with("].remoteRef") || path.ends_with("].extract") {
                let defaulted = ["conversionStrategy", "decodingStrategy", "metadataPolicy"];
                let missing = defaulted.into_iter().filter(|name| !fields.contains_key(*name));
                found.extend(missing.map(|name| format!("{path}.{name} would be defaulted")));
            }
            found
        }
        _ => vec![],
    }
}

/// Objects of a stream, read as Kubernetes reads them.
fn objects(text: &str) -> Vec<Value> {
    let pieces = yaml::pieces(text, &|_| true).map_err(|fault| fault.message).unwrap();
    let trees = pieces.pieces.iter().map(|piece| Tree::parse(piece.text, piece.syntax).map_err(|f| f.message).unwrap());
    trees.map(|tree| yaml::read::<Value>(&tree, tree.root()).map_err(|mistake| mistake.message).unwrap()).collect()
}

const SETTINGS: &str = r#"
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata: {name: test}
spec:
  stores:
    - {match: {scheme: vault, path: "other/**"}, use: {kind: SecretStore, name: other}}
    - {match: {scheme: onepasswordconnect}, use: {kind: ClusterSecretStore, name: onepassword}}
    - match: {scheme: vaultdynamic}
      use: {kind: SecretStore, name: dynamic}
      provider:
        vault:
          server: https://vault.example:8200
          path: kv
          version: v2
          namespace: teams/shop
          caProvider: {type: ConfigMap, name: vault-ca, key: ca.crt}
          auth:
            kubernetes: {mountPath: kubernetes, role: shop, serviceAccountRef: {name: shop, audiences: [vault]}}
STORES
  sealing: {certificate: demo-certificate.pem, key: {file: demo-sealing.key}}
"#;

/// A folder with settings that know a store for every scheme.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    for name in ["demo-certificate.pem", "demo-sealing.key"] {
        fs::copy(quickstart.join(name), folder.path().join(name)).unwrap();
    }
    let translated = sources::facts().filter(|facts| facts.becomes == Becomes::Translated);
    let stores: Vec<String> = translated
        .map(|f| format!("    - {{match: {{scheme: {0}}}, use: {{kind: ClusterSecretStore, name: {0}}}}}", f.scheme))
        .collect();
    fs::write(folder.path().join(".sealref.yaml"), SETTINGS.replace("STORES", &stores.join("\n"))).unwrap();
    fs::write(folder.path().join("value.txt"), "a value").unwrap();
    folder
}

fn render(folder: &Path, arguments: &[&str], input: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealref"))
        .arg("render")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{input}", String::from_utf8_lossy(&output.stderr));
    objects(&String::from_utf8(output.stdout).unwrap())
}

/// Objects that stand for the Secret, all of which fit; anything else that came out is returned too.
fn fitting(folder: &Path, arguments: &[&str], secret: &Value) -> Vec<Value> {
    let made = render(folder, arguments, &secret.to_string());
    for object in &made {
        let faults = SCHEMAS.faults(object);
        assert!(faults.is_empty(), "{}\n{object:#}", faults.join("\n"));
    }
    made
}

fn secret(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "stringData": data})
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["kind"].as_str().unwrap()).collect()
}

#[test]
fn the_quickstart_fits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    let made = render(&folder, &["app.yaml"], "");
    let ours: Vec<&Value> = made.iter().filter(|object| SCHEMAS.of(object).is_some()).collect();
    assert!(ours.len() >= 3, "{:?}", kinds(&made));
    for object in ours {
        let faults = SCHEMAS.faults(object);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

/// For each scheme a reference that it takes, from the published vectors.
#[test]
fn every_scheme_fits() {
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/grammar/uri.json");
    let vectors: Vec<Value> = serde_json::from_slice(&fs::read(vectors).unwrap()).unwrap();
    let folder = folder();
    let (mut secrets, mut schemes) = (vec![], BTreeSet::new());
    for vector in &vectors {
        let Some([Value::Object(reference)]) = vector["parts"].as_array().map(Vec::as_slice) else { continue };
        let scheme = reference["scheme"].as_str().unwrap();
        let (_, facts) = sources::find(scheme).unwrap();
        let text = vector["text"].as_str().unwrap();
        // Only Secrets are translated, no section of 1Password has a place in a Connect store, and a variable needs
        // an environment
        let special = text.contains("/ConfigMap/") || text.contains("/section") || text.contains('{');
        if facts.becomes != Becomes::Sealed && !special {
            secrets.push(secret(&format!("s{}", secrets.len()), json!({"key": text})));
            schemes.insert(scheme.to_owned());
        }
    }
    let made = fitting(folder.path(), &[], &json!(secrets));
    assert_eq!(made.iter().filter(|object| object["kind"] == "ExternalSecret").count(), secrets.len());
    let count = secrets.len();
    let wanted = sources::facts().filter(|f| !matches!(f.becomes, Becomes::Refused | Becomes::Sealed)).count();
    assert!(count > 60 && schemes.len() == wanted, "{count} vectors, {} of {wanted} schemes", schemes.len());
}

#[test]
fn composed_values_fit() {
    let folder = folder();
    for data in [
        json!({"url": "postgres://ref+vault://kv/a#/u+:ref+vault://kv/a#/p+@db/x", "user": "ref+vault://kv/a#/u"}),
        json!({"a": "x{{ref+vault://kv/a#/b+}}", "b": "ref+vault://other/a#/b+ ref+awsssm:///a/b+ {{.x}}"}),
        json!({"a.b-c_D": "ref+vault://kv/a#/b+\n", "tls.crt": "ref+k8s://v1/Secret/n/m#/tls.crt"}),
        json!({"json": "{\"a\": \"ref+vault://kv/a#/b+\"}", "umlaut": "\u{e4}\u{1f511}ref+vault://kv/a#/b+"}),
    ] {
        let made = fitting(folder.path(), &[], &secret("x", data));
        assert_eq!(kinds(&made), ["ExternalSecret"]);
        assert!(made[0]["spec"]["target"]["template"]["data"].is_object());
    }
}

#[test]
fn several_stores_fit_and_each_reference_names_its_own() {
    let folder = folder();
    let data = json!({"a": "ref+vault://kv/a#/b", "b": "ref+vault://other/a#/b", "c": "ref+openbao://kv/a#/b"});
    let made = fitting(folder.path(), &[], &secret("x", data));
    let spec = &made[0]["spec"];
    assert_eq!(spec["secretStoreRef"], json!({"kind": "ClusterSecretStore", "name": "vault"}));
    assert_eq!(spec["data"][0].get("sourceRef"), None);
    assert_eq!(spec["data"][1]["sourceRef"]["storeRef"], json!({"kind": "SecretStore", "name": "other"}));
    assert_eq!(spec["data"][2]["sourceRef"]["storeRef"], json!({"kind": "ClusterSecretStore", "name": "openbao"}));
}

#[test]
fn whole_secrets_fit_and_each_looks_into_its_own_store() {
    let folder = folder();
    let mut all = secret("x", json!({}));
    let references = "ref+vault://kv/a?version=2\nref+vault://other/a\nref+awssecrets://shop/db";
    all["metadata"]["annotations"] = json!({"sealref.dev/data-from": references});
    let made = fitting(folder.path(), &[], &all);
    let from = made[0]["spec"]["dataFrom"].as_array().unwrap();
    assert_eq!(from.len(), 3);
    assert_eq!(from[0]["extract"]["version"], "2");
    assert_eq!(from[0].get("sourceRef"), None);
    assert_eq!(from[1]["sourceRef"]["storeRef"], json!({"kind": "SecretStore", "name": "other"}));
    assert_eq!(from[2]["sourceRef"]["storeRef"], json!({"kind": "ClusterSecretStore", "name": "awssecrets"}));
}

#[test]
fn generators_fit() {
    let folder = folder();
    let data = json!({
        "ADMIN_PASSWORD": "ref+generate://password?length=40&digits=4&symbols=0",
        "id": "ref+generate://uuid",
        "plain": "ref+generate://password",
    });
    let made = fitting(folder.path(), &[], &secret("x", data));
    assert_eq!(kinds(&made), ["ExternalSecret", "Password", "UUID", "Password"]);
    assert_eq!(made[0]["spec"]["dataFrom"][0]["sourceRef"]["generatorRef"]["name"], made[1]["metadata"]["name"]);
}

/// Every parameter, alone and together with text; a pair of keys and the credentials of one lease come of one run.
#[test]
fn generators_with_parameters_fit() {
    let folder = folder();
    let password =
        "ref+generate://password?length=20&digits=2&symbols=2&symbolCharacters=-_&noUpper=true&allowRepeat=false";
    let (user, word) =
        ("ref+vaultdynamic://database/creds/shop#/username", "ref+vaultdynamic://database/creds/shop#/password");
    let posted = "ref+vaultdynamic://pki/issue/web?method=POST&parameters.common_name=web.shop&parameters.ttl=24h";
    let read = "ref+vaultdynamic://gcp/roleset/shop/key?parameters.ttl=1h#/private_key_data";
    let rows: [(Value, &[&str]); 7] = [
        (json!({"a": password, "b": format!("x-{password}")}), &["Password", "Password"]),
        (json!({"a": "ref+generate://sshkey?type=rsa&size=4096&comment=git%40shop#/privateKey"}), &["SSHKey"]),
        (json!({"a": "ref+generate://sshkey#/privateKey", "b": "ref+generate://sshkey#/publicKey"}), &["SSHKey"]),
        (json!({"a": user, "b": word}), &["VaultDynamicSecret"]),
        (json!({"a": format!("postgres://{user}+:{word}+@db.shop/shop")}), &["VaultDynamicSecret"]),
        (
            json!({"a": format!("{posted}#/certificate"), "b": format!("{posted}#/private_key")}),
            &["VaultDynamicSecret"],
        ),
        (json!({"a": read, "b": user}), &["VaultDynamicSecret", "VaultDynamicSecret"]),
    ];
    for (data, kinds) in rows {
        let made = fitting(folder.path(), &[], &secret("x", data));
        assert_eq!(self::kinds(&made[1..]), kinds);
        let named: Vec<&Value> = made[0]["spec"]["dataFrom"]
            .as_array()
            .unwrap()
            .iter()
            .map(|from| &from["sourceRef"]["generatorRef"]["name"])
            .collect();
        assert_eq!(named, made[1..].iter().map(|one| &one["metadata"]["name"]).collect::<Vec<_>>());
    }
}

/// Types of Kubernetes with the keys that the API server asks for.
fn types() -> Vec<(&'static str, Value)> {
    let value = |reference: &str| [("ref+vault://kv/a#/b"), reference].concat();
    let of = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), json!(value("")))).collect::<Value>();
    vec![
        ("Opaque", of(&["a", "b"])),
        ("example.com/mine", of(&["a"])),
        ("kubernetes.io/basic-auth", of(&["username", "password"])),
        ("kubernetes.io/ssh-auth", of(&["ssh-privatekey"])),
        ("kubernetes.io/tls", of(&["tls.crt", "tls.key"])),
        ("kubernetes.io/dockercfg", of(&[".dockercfg"])),
        ("kubernetes.io/dockerconfigjson", of(&[".dockerconfigjson"])),
    ]
}

#[test]
fn types_immutability_and_metadata_fit() {
    let folder = folder();
    for (kind, data) in types() {
        for immutable in [None, Some(true), Some(false)] {
            let mut object = secret("x", data.clone());
            object["type"] = json!(kind);
            object["metadata"]["labels"] = json!({"app": "web", "argocd.argoproj.io/instance": "shop"});
            object["metadata"]["annotations"] = json!({
                "argocd.argoproj.io/hook": "PreSync",
                "argocd.argoproj.io/sync-wave": "-1",
                "helm.sh/hook": "pre-install",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "note": "braces {{ stay }}",
            });
            if let Some(immutable) = immutable {
                object["immutable"] = json!(immutable);
            }
            let made = fitting(folder.path(), &[], &object);
            let target = &made[0]["spec"]["target"];
            assert_eq!(target["template"]["type"], kind);
            assert_eq!(target.get("immutable"), immutable.map(|it| json!(it)).as_ref());
            assert_eq!(made[0]["metadata"]["annotations"]["argocd.argoproj.io/hook"], "PreSync");
            assert_eq!(target["template"]["metadata"]["labels"], json!({"app": "web"}));
        }
    }
}

#[test]
fn seals_fit_in_every_scope() {
    let folder = folder();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        for (kind, immutable) in [(None, None), (Some("example.com/mine"), Some(true)), (None, Some(false))] {
            let mut object = secret("x", json!({"a": "ref+file://value.txt", "b": "x ref+file://value.txt+ {{ y }}"}));
            object["metadata"]["labels"] = json!({"app": "web"});
            object["metadata"]["annotations"] = json!({"note": "{{", "helm.sh/hook": "pre-install"});
            if let Some(kind) = kind {
                object["type"] = json!(kind);
            }
            if let Some(immutable) = immutable {
                object["immutable"] = json!(immutable);
            }
            for more in [&[][..], &["--preview"]] {
                let arguments = [&["--scope", scope][..], more].concat();
                let made = fitting(folder.path(), &arguments, &object);
                assert_eq!(kinds(&made), ["SealedSecret"]);
                assert_eq!(made[0]["spec"]["encryptedData"].as_object().unwrap().len(), 2);
            }
        }
    }
}

#[test]
fn what_is_lifted_from_a_workload_fits() {
    let folder = folder();
    let workload = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": "migrate", "namespace": "shop",
            "annotations": {"argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/sync-wave": "0"},
        },
        "spec": {"template": {"spec": {"containers": [
            {"name": "a", "env": [{"name": "TOKEN", "value": "ref+vault://kv/a#/b"}]},
            {"name": "b", "env": [{"name": "URL", "value": "https://ref+vault://kv/a#/b+@x"}]},
        ]}}},
    });
    let made = render(folder.path(), &[], &workload.to_string());
    let ours = made.iter().find(|object| object["kind"] == "ExternalSecret").unwrap();
    assert!(SCHEMAS.faults(ours).is_empty(), "{:?}", SCHEMAS.faults(ours));
    assert_eq!(made.len(), 2);
}

#[test]
fn what_does_not_fit_is_seen() {
    let folder = folder();
    let data = json!({"a": "ref+vault://kv/a#/b", "pw": "ref+vault://kv/a#/c"});
    let good = fitting(folder.path(), &[], &secret("x", data)).remove(0);
    let generated = fitting(folder.path(), &[], &secret("x", json!({"a": "ref+generate://uuid"})));
    let sealed = fitting(folder.path(), &[], &secret("x", json!({"a": "ref+file://value.txt"}))).remove(0);
    let bad = |object: &Value, change: &dyn Fn(&mut Value)| {
        let mut object = object.clone();
        change(&mut object);
        !SCHEMAS.faults(&object).is_empty()
    };
    assert!(bad(&good, &|object| object["spec"]["unknown"] = json!(1)));
    assert!(bad(&good, &|object| object["spec"]["data"][0]["unknown"] = json!(1)));
    assert!(bad(&good, &|object| object["metadata"]["unknown"] = json!(1)));
    assert!(bad(&good, &|object| object["metadata"]["name"] = json!("Upper")));
    assert!(bad(&good, &|object| object["spec"]["target"]["creationPolicy"] = json!("Nobody")));
    assert!(bad(&good, &|object| object["spec"]["data"][0]["secretKey"] = json!("a b")));
    assert!(bad(&good, &|object| object["apiVersion"] = json!("external-secrets.io/v9")));
    assert!(bad(&good, &|object| {
        object["spec"]["data"][1]["remoteRef"].as_object_mut().unwrap().remove("metadataPolicy");
    }));
    assert!(bad(&generated[1], &|object| object["spec"]["length"] = json!(3)));
    assert!(bad(&sealed, &|object| object["spec"]["template"]["unknown"] = json!(1)));
    assert!(bad(&sealed, &|object| object["spec"]["template"]["immutable"] = json!("true")));
    assert!(bad(&sealed, &|object| object["spec"].as_object_mut().unwrap().clear()));
    assert!(!bad(&good, &|_| ()));
}

#[test]
fn nothing_of_kubernetes_itself_was_left_out_of_the_schemas() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/README.md")).unwrap();
    for (schema, _) in SCHEMAS.0.values() {
        assert_eq!(schema["additionalProperties"], json!(false));
        assert!(schema["required"].as_array().unwrap().contains(&json!("spec")));
    }
    assert!(readme.contains("Apache License 2.0"));
}
