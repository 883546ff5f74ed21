//! Secrets in plain text outside of Secrets: what is found, in which layers, and what other tools take for a secret.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "support/program.rs"]
mod program;

use program::Program;

/// The rules that find something, those of one family; no value shows.
fn found(object: &Value) -> String {
    found_by(&Program::new(), &object.to_string())
}

fn found_by(program: &Program, stream: &str) -> String {
    let output = program.shell("sealref check - --format json", stream.as_bytes());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{stream}\n{output:?}"));
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("s3cret"), "a value shows: {text}");
    let rules = told["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap());
    let rules: BTreeSet<&str> = rules.filter_map(|rule| rule.strip_prefix("plaintext/")).collect();
    rules.into_iter().collect::<Vec<_>>().join(" ")
}

fn map(key: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {key: text}})
}

fn pod(container: &Value) -> Value {
    let mut containers = json!([container]);
    containers[0]["name"] = "c".into();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers}})
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(vec![], Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

/// Test data that looks like a key; in two parts, so that nobody takes this file for one that holds it.
fn key() -> String {
    format!("-----BEGIN{}\nczNjcmV0czNjcmV0czNjcmV0czNjcmV0\n-----END{}\n", " PRIVATE KEY-----", " PRIVATE KEY-----")
}

#[test]
fn what_is_encoded_is_looked_through() {
    let registry = json!({"auths": {"registry.example": {"auth": STANDARD.encode("web:s3cret-hunter2")}}}).to_string();
    let kubeconfig = "apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    token: s3cret7Xw2ZkV9mPfB4hT\n";
    let login = json!({"database": {"password": "s3cret-hunter2"}}).to_string();
    for (what, text, rules) in [
        ("base64", STANDARD.encode(key()), "token"),
        ("base64 twice", STANDARD.encode(STANDARD.encode(key())), "token"),
        ("base64 of gzip", STANDARD.encode(gzip(&key())), "token"),
        ("base64 of base64 of gzip, as Helm writes it", STANDARD.encode(STANDARD.encode(gzip(&key()))), "token"),
        ("JSON", login.clone(), "config-map"),
        ("JSON in base64", STANDARD.encode(&login), "config-map"),
        ("JSON in JSON", json!({"inner": login}).to_string(), "config-map"),
        ("YAML", "database:\n  password: s3cret-hunter2\n".to_owned(), "config-map"),
        ("YAML with names and values", "- name: DB_PASSWORD\n  value: s3cret-hunter2\n".to_owned(), "config-map"),
        ("the login of a registry", registry.clone(), "config-map"),
        ("the same in base64", STANDARD.encode(&registry), "config-map"),
        ("a kubeconfig", kubeconfig.to_owned(), "config-map"),
        ("properties", "# of the database\nexport DB_PASSWORD='s3cret-hunter2'\n".to_owned(), "config-map"),
        ("a URL", "postgres://web:s3cret-hunter2@db/web".to_owned(), "url-password"),
        ("text", "nothing that is secret\nnor that looks so\n".to_owned(), ""),
        ("base64 of text", STANDARD.encode("nothing that is secret, in base64"), ""),
        ("a certificate", STANDARD.encode("-----BEGIN CERTIFICATE-----\nczNjcmV0czNjcmV0\n"), ""),
    ] {
        assert_eq!(found(&map("file", &text)), rules, "{what}");
    }
}

/// Rows of the published list of what other tools miss in manifests, or take for a secret.
#[test]
fn where_others_are_wrong() {
    let env = |name: &str, value: &str| pod(&json!({"env": [{"name": name, "value": value}]}));
    for (why, object, rules) in [
        ("gitleaks and detect-secrets want name and value in one line", env("DB_PASSWORD", "s3cret-hunter2"), "env"),
        ("kube-linter knows the word secret alone", env("REDIS_PASS", "s3cret-hunter2"), "env"),
        ("polaris takes $(VAR) for a value", env("DB_PASSWORD", "$(OTHER_PASSWORD)"), ""),
        ("polaris takes a path for a value", env("DB_PASSWORD", "/run/secrets/password"), ""),
        ("kubescape takes a name of a file for a password", env("DB_PASSWORD_FILE", "/run/secrets/password"), ""),
        ("kubescape takes every key for a secret", map("key", "value"), ""),
        ("trivy takes server-tokens for a token", map("server-tokens", "false"), ""),
        ("trivy takes a count for a secret", map("external_secrets_replicas", "3"), ""),
        ("trivy takes a name for a secret", map("existing_secret", "db-credentials"), ""),
        (
            "checkov takes the name of a Secret for one",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": {"tls": [{"secretName": "web-tls-7xw2zkv9mpfb4h"}]}}),
            "",
        ),
        ("arguments are looked at by few", pod(&json!({"args": ["--password", "s3cret-hunter2"]})), "arguments"),
        ("scripts by fewer", pod(&json!({"command": ["sh", "-c", "x -u web:s3cret-hunter2 y"]})), "arguments"),
        ("an argument that names a Secret", pod(&json!({"args": ["--token-secret=web-token"]})), ""),
        (
            "headers of probes",
            pod(
                &json!({"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X-Api-Key", "value": "s3cret7Xw2ZkV9mPfB4hT"}]}}}),
            ),
            "field",
        ),
        (
            "parameters of an Application",
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "web"}, "spec": {"source": {"helm": {"parameters": [{"name": "db.password", "value": "s3cret-hunter2"}]}}}}),
            "field",
        ),
        (
            "an ExternalSecret names keys",
            json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "db"}, "spec": {"data": [{"secretKey": "s3cret7Xw2ZkV9mPfB4hT", "remoteRef": {"key": "db"}}]}}),
            "",
        ),
        (
            "gitleaks takes a ciphertext for a key",
            json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "db", "namespace": "shop"}, "spec": {"encryptedData": {"api_key": "AgBs3cret7Xw2ZkV9mPfB4hT"}}}),
            "",
        ),
        (
            "a schema is none",
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a.b"}, "spec": {"password": "s3cret-hunter2"}}),
            "",
        ),
    ] {
        assert_eq!(found(&object), rules, "{why}");
    }
    let secret = |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": data});
    let low = secret(json!({"password": STANDARD.encode("monitory")}));
    assert_eq!(found(&low), "secret", "no form, no entropy, and a Secret all the same");
    assert_eq!(found(&secret(json!({"password": STANDARD.encode("changeme")}))), "secret trivial-value");
    assert_eq!(found(&secret(json!({"password": ""}))), "", "a placeholder that somebody fills later");
}

#[test]
fn notes_and_copies_are_looked_at() {
    let token = format!("ghp_{}", "q7Xw2ZkV9mPfB4hTdN8rSgLcJ3yE5uA6q7Xw");
    let copy = |object: &Value| json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": object.to_string()}});
    let secret = json!({"kind": "Secret", "stringData": {"a": "s3cret"}});
    let env = pod(&json!({"env": [{"name": "DB_PASSWORD", "value": "s3cret-hunter2"}]}));
    let sealed = json!({"kind": "SealedSecret", "spec": {"encryptedData": {"password": "AgBs3cret7Xw2ZkV9mPfB4hT"}}});
    let seal = json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret"});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"});
    let pod = json!({"apiVersion": "v1", "kind": "Pod"});
    let note = |text: &str| json!({"annotations": {"note": text}});
    for (object, metadata, rules) in [
        (&seal, copy(&secret), "last-applied"),
        (&seal, copy(&sealed), ""),
        (&seal, note(&token), "token"),
        (&seal, note("password=s3cret-hunter2"), "field"),
        (&seal, note("see the wiki: password"), ""),
        (&role, note(&token), "token"),
        (&role, copy(&secret), "last-applied"),
        (&pod, copy(&env), "last-applied"),
        (&pod, copy(&json!({"kind": "Pod", "spec": {"args": [token]}})), "token"),
        (&pod, json!({"labels": {"a": token}}), "token"),
        (&pod, json!({"annotations": {"kubectl.kubernetes.io/other": token}}), "token"),
        (&pod, json!({"annotations": {"kubectl.kubernetes.io/default-container": "web"}}), ""),
    ] {
        let mut object = object.clone();
        object["metadata"] = metadata.clone();
        object["metadata"]["name"] = "a".into();
        assert_eq!(found(&object), rules, "{object}");
        if object["kind"] == "SealedSecret" {
            object["metadata"] = json!({"name": "a"});
            object["spec"] =
                json!({"encryptedData": {"password": "AgBs3cret7Xw2ZkV9mPfB4hT"}, "template": {"metadata": metadata}});
            assert_eq!(found(&object), rules, "{object}");
        }
    }
}

#[test]
fn a_name_that_nothing_bears_hides_no_value() {
    let env = json!({"env": [{"name": "DB_PASSWORD", "value": "s3cret-hunter2"}, {"name": "X", "valueFrom": {"secretKeyRef": {"name": "NAME", "key": "x"}}}]});
    let told = |name: &str| {
        let output = Program::new().shell("sealref check -", pod(&env).to_string().replace("NAME", name).as_bytes());
        String::from_utf8_lossy(&output.stderr).contains("plaintext/env")
    };
    assert!(told("other") && told("s3cret-hunter2"));
}

#[test]
fn what_is_packed_has_a_bound() {
    let value = STANDARD.encode(gzip(&"~".repeat(5 << 20)));
    let maps = |count: usize| (0..count).map(|_| map("a", &value).to_string()).collect::<Vec<_>>().join("\n---\n");
    let program = Program::new();
    assert_eq!(found_by(&program, &maps(2)), "");
    assert_eq!(found_by(&program, &maps(14)), "config-map");
}

#[test]
fn lines_that_somebody_has_allowed_are_passed() {
    let stream = |comment: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: c\n    env:\n    - name: DB_PASSWORD\n      value: s3cret-hunter2{comment}\n"
        )
    };
    let program = Program::new();
    assert_eq!(found_by(&program, &stream("")), "env");
    assert_eq!(found_by(&program, &stream(" # gitleaks:allow")), "");
    assert_eq!(found_by(&program, &stream(" # pragma: allowlist secret")), "");
    assert_eq!(found(&map("p", "a = b\nDB_PASSWORD = s3cret-hunter2 # gitleaks:allow\n")), "");
    let block = |text: &str| {
        let text = text.replace("TOKEN", &format!("ghp_{}", "q7Xw2ZkV9mPfB4hTdN8rSgLcJ3yE5uA6q7Xw"));
        found_by(&program, &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata:\n{text}"))
    };
    for (text, rules) in [
        ("  a: TOKEN # gitleaks:allow\n", ""),
        ("  a: |\n    x TOKEN # gitleaks:allow\n", ""),
        ("  a: |\n    x TOKEN # gitleaks:allow\n    y TOKEN\n", "token"),
        ("  a: |\n    x TOKEN # gitleaks:allow\n    y AKIAQ7XWZ3M5N6PRKT2V\n", "token"),
        ("  a: | # gitleaks:allow\n    x TOKEN\n    db_password: s3cret-hunter2\n", "config-map token"),
        ("  a: |\n    - name: DB_PASSWORD\n      value: s3cret-hunter2 # gitleaks:allow\n", ""),
        ("  a: |\n    x: 'y' # gitleaks:allow\n    z: {name: DB_PASSWORD, value: s3cret-hunter2}\n", "config-map"),
        (
            "  a: |\n    x: > # gitleaks:allow\n     y\n    z: {name: DB_PASSWORD, value: s3cret-hunter2}\n",
            "config-map",
        ),
        ("  a: '{\"x\": \"gitleaks:allow\", \"y\": \"TOKEN\"}'\n", "token"),
        ("  a: '{\"x\": \"gitleaks:allow\", \"y\": \"TOKEN\"}' # gitleaks:allow\n", ""),
        ("  {x: 'gitleaks:allow', y: TOKEN}\n", "token"),
        ("  {x: '# gitleaks:allow', y: TOKEN}\n", "token"),
    ] {
        assert_eq!(block(text), rules, "{text}");
    }
    let mut object = map("DB_PASSWORD", "s3cret-hunter2");
    object["metadata"]["annotations"] = json!({"x": "gitleaks:allow"});
    assert_eq!(found(&object), "config-map", "in one line");
    let script =
        json!({"command": ["sh", "-c", "x -u web:s3cret-hunter2 # gitleaks:allow\ny --password=s3cret-other1"]});
    assert_eq!(found(&pod(&script)), "arguments");
}

#[test]
fn rules_of_gitleaks_hold_as_gitleaks_has_them() {
    let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {leakRules: .gitleaks.toml}\n";
    let program = Program::new();
    fs::write(program.folder().join(".sealref.yaml"), settings).unwrap();
    let stream = |text: &str| map("note", text).to_string();
    for (rules, text, is) in [
        ("regex = '''ACME-(\\d{4})'''", "ACME-4711", "user-rule"),
        ("regex = '''ACME-(\\d{4})'''\nkeywords = [\"other\"]", "ACME-4711", ""),
        ("regex = '''ACME-(\\d{4})'''\nkeywords = [\"aCmE\"]", "ACME-4711", "user-rule"),
        ("regex = '''ACME-(\\d{4})'''\nentropy = 3", "ACME-4711", ""),
        ("regex = '''ACME-(\\d{4})'''\nsecretGroup = 1\nentropy = 1", "ACME-4711", "user-rule"),
        ("regex = '''ACME-(\\d{4})'''\npath = '''\\.tf$'''", "ACME-4711", ""),
        ("regex = '''ACME-(\\d{4})'''\n[rules.allowlist]\nregexes = ['''^4711$''']", "ACME-4711", ""),
        ("regex = '''ACME-(\\d{4})'''\n[[rules.allowlists]]\nstopwords = [\"471\"]", "ACME-4711", ""),
        (
            "regex = '''ACME-(\\d{4})'''\n[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''stdin''']\nregexes = ['''9''']",
            "ACME-4711",
            "user-rule",
        ),
        (
            "regex = '''ACME-(\\d{4})'''\n[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''for tests''']",
            "ACME-4711 for tests",
            "",
        ),
        ("regex = '''ACME-(\\d{4})'''", "ACME-4711 gitleaks:allow", "user-rule"),
        // Each line is judged once
        (
            "regex = '''ACME-(\\d{4})'''\n[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''for tests''']",
            &"ACME-4711 ".repeat(50_000),
            "user-rule",
        ),
        (
            "regex = '''ACME-(\\d{4})'''\n[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''for tests''']",
            &("ACME-4711 ".repeat(50_000) + "for tests"),
            "",
        ),
        ("regex = '''ACME-(\\d{4})'''\n[allowlist]\nregexes = ['''4711''']", "ACME-4711", ""),
    ] {
        fs::write(
            program.folder().join(".gitleaks.toml"),
            format!("title = \"x\"\n[[rules]]\nid = \"acme\"\n{rules}\n"),
        )
        .unwrap();
        assert_eq!(found_by(&program, &stream(text)), is, "{rules}");
    }
    for (rules, message) in [
        ("[[rules]]\nregex = 's3cret'\n", "these are no rules of gitleaks, in line"),
        ("not toml s3cret", "these are no rules of gitleaks, in line 1"),
        ("[[rules]]\nid = \"acme\"\nregex = '''(?=s3cret)'''\n", "a pattern of \"acme\" cannot be read"),
    ] {
        fs::write(program.folder().join(".gitleaks.toml"), rules).unwrap();
        let output = program.shell("sealref check -", stream("x").as_bytes());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(message) && told.contains(".gitleaks.toml") && !told.contains("s3cret"), "{told}");
    }
}
