//! Values out of a real OpenBao, which speaks the API of Vault: every engine, every login, everything that is
//! missing or forbidden. What was asked is counted in the server's own log.

#![cfg(feature = "vault")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

#[path = "support/openbao.rs"]
mod openbao;
#[allow(dead_code, reason = "the golden cases need more of it")]
#[path = "support/case/opened.rs"]
mod opened;
#[path = "support/peers.rs"]
mod peers;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod stub;

use openbao::{OpenBao, ROOT};
use sealref::error::Problem;
use sealref::model::{Ask, MasterKey, Reply, Wire, Wrapped};
use sealref::outside::http::{Network, Patience};
use sealref::sources;
use zeroize::Zeroizing;

const CERTIFICATE: &str = "tests/vectors/sealing/certificates/test-only-rsa-2048.pem";
const KEY: &str = "sealref-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a sealing key and the variables of an operator.
struct Operator {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Operator {
    fn new(server: &OpenBao) -> Self {
        let new = Self { folder: tempfile::tempdir().unwrap(), variables: vec![] };
        fs::write(new.path("key"), KEY).unwrap();
        new.with("VAULT_ADDR", server.address())
    }

    /// With the token that may do everything.
    fn root(server: &OpenBao) -> Self {
        Self::new(server).with("VAULT_TOKEN", ROOT)
    }

    fn with(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.as_ref().to_str().unwrap().to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn render(&self, manifest: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealref"))
            .args(["render", "--sealing-key", "key", "--certificate"])
            .arg(root().join(CERTIFICATE))
            .arg("-")
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(manifest.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The values that were sealed, in the order of their keys: `opens for "LABEL": "VALUE"`.
    #[track_caller]
    fn values(&self, references: &[&str]) -> Vec<String> {
        let output = self.render(&secret(references));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && told.is_empty(), "{told}");
        let text = opened::opened(std::str::from_utf8(&output.stdout).unwrap());
        let values = text.lines().filter_map(|line| line.split_once("opens for \"shop/db\": "));
        values.map(|(_, value)| value.rsplit_once('>').unwrap().0.to_owned()).collect()
    }

    /// One value is what it should be.
    #[track_caller]
    fn gives(&self, reference: &str, value: &str) {
        assert_eq!(self.values(&[reference]), [format!("{value:?}")]);
    }

    /// One error with one hint, and nothing on standard output.
    #[track_caller]
    fn refuses(&self, reference: &str, exit: i32, message: &str) {
        let output = self.render(&secret(&[reference]));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(exit), 0), "{told}");
        assert!(told.contains(&format!("{message}\nhint: ")), "expected {message:?}, found {told}");
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

/// A Secret with keys k00, k01, ...
fn secret(references: &[&str]) -> String {
    let keys = references.iter().enumerate().map(|(n, reference)| (format!("k{n:02}"), json!(reference)));
    let data: serde_json::Map<String, Value> = keys.collect();
    let annotations = json!({"sealref.dev/target": "SealedSecret"});
    let metadata = json!({"name": "db", "namespace": "shop", "annotations": annotations});
    // One key a line
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
    let mut out = String::from("apiVersion: v1\nkind: Secret\n");
    for part in ["metadata", "stringData"] {
        out.push_str(&format!("{part}: {}\n", secret[part]));
    }
    out
}

// --- Values ---

#[test]
fn values_are_what_was_put_there_in_both_versions_of_the_engine() {
    let Some(server) = OpenBao::start() else { return };
    server.api("POST", "sys/mounts/team/kv", &json!({"type": "kv", "options": {"version": "1"}}));
    let deep = "{\"data\": {\"text\": \"s3cret \\\"quoted\\\" \\\\ \\u00e9 \\ud83d\\ude00 <&>\\nend\\n\", \"number\": 123456789012, \"real\": 1.50, \"yes\": true, \"a\": {\"b\": {\"c\": \"deep\"}}, \"x.y\": \"dotted\", \"json\": \"{\\\"k\\\": 1}\"}}";
    let deep: Value = serde_json::from_str(deep).unwrap();
    server.api("POST", "secret/data/a/db", &deep);
    server.api("POST", "team/kv/db", &json!({"password": "s3cret of version 1", "on": false}));
    server.api("POST", "team/kv/sp%20ace/%C3%A9", &json!({"k": "odd path"}));
    let operator = Operator::root(&server);
    let text = "s3cret \"quoted\" \\ é 😀 <&>\nend\n";
    operator.gives("ref+vault://secret/a/db#/text", text);
    let values = operator.values(&[
        "ref+vault://secret/a/db#/number",
        "ref+vault://secret/a/db#/real",
        "ref+vault://secret/a/db#/yes",
        "ref+vault://secret/a/db#/a/b/c",
        "ref+vault://secret/a/db#/x.y",
        "ref+vault://secret/a/db#/json",
        "ref+vault://secret/a/db/yes",
        "ref+vault://team/kv/db/password",
        "ref+vault://team/kv/db#/on",
        "ref+vault://team/kv/sp%20ace/é#/k",
        "postgres://u:ref+vault://team/kv/db#/password+@db",
    ]);
    let expected = [
        "\"123456789012\"",
        "\"1.5\"",
        "\"true\"",
        "\"deep\"",
        "\"dotted\"",
        r#""{\"k\": 1}""#,
        "\"true\"",
        "\"s3cret of version 1\"",
        "\"false\"",
        "\"odd path\"",
        "\"postgres://u:s3cret of version 1@db\"",
    ];
    assert_eq!(values, expected);
}

#[test]
fn every_key_of_a_secret_is_taken_by_one_read_as_external_secrets_extracts_it() {
    let Some(server) = OpenBao::start() else { return };
    server.api("POST", "sys/mounts/team/kv", &json!({"type": "kv", "options": {"version": "1"}}));
    let all = json!({"text": "s3cret", "number": 12, "yes": true, "none": null, "empty": "", "x.y": "dotted",
        "map": {"b": ["s3cret", 1, null], "a": "<&>"}});
    server.put("db", &all);
    server.put("db", &json!({"text": "later s3cret"}));
    server.put("odd", &json!({"a b": "s3cret"}));
    server.api("POST", "team/kv/db", &json!({"text": "s3cret of version 1", "port": "5432"}));
    let operator = Operator::root(&server);
    let with = |whole: &str, keys: &str| {
        let annotations = json!({"sealref.dev/target": "SealedSecret", "sealref.dev/data-from": whole});
        let metadata = json!({"name": "db", "namespace": "shop", "annotations": annotations});
        let output =
            operator.render(&format!("apiVersion: v1\nkind: Secret\nmetadata: {metadata}\nstringData: {keys}\n"));
        (opened::opened(std::str::from_utf8(&output.stdout).unwrap()), String::from_utf8(output.stderr).unwrap())
    };
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| {
            let (key, rest) = line.trim().split_once(": ")?;
            let (_, value) = rest.split_once("opens for \"shop/db\": ")?;
            Some(format!("{key}={}", value.rsplit_once('>')?.0))
        });
        lines.collect()
    };
    let begin = server.logged();
    let (text, told) = with("ref+vault://secret/db?version=1", "{own: ref+vault://secret/db?version=1#/text}");
    assert_eq!(told, "");
    let expected = [
        "empty=\"\"",
        r#"map="{\"a\":\"\\u003c\\u0026\\u003e\",\"b\":[\"s3cret\",1,null]}""#,
        "none=\"\"",
        "number=\"12\"",
        "own=\"s3cret\"",
        "text=\"s3cret\"",
        "x.y=\"dotted\"",
        "\"yes\"=\"true\"",
    ];
    assert_eq!(values(&text), expected);
    let reads = server.asked(begin).iter().filter(|asked| *asked == "read secret/data/db").count();
    assert_eq!(reads, 1, "the whole secret and one key of it are one read");
    // What stands in the Secret wins, then the later of two whole secrets
    let (text, told) = with("ref+vault://secret/db ref+vault://team/kv/db", "{port: ref+vault://secret/db#/text}");
    assert_eq!(
        (values(&text), told),
        (vec!["port=\"later s3cret\"".to_owned(), "text=\"s3cret of version 1\"".to_owned()], String::new())
    );
    // As a reference to the key alone is sealed
    let (one, _) = with("ref+vault://secret/db", "{}");
    let alone = operator.render(&secret(&["ref+vault://secret/db#/text"]).replace("k00", "text"));
    let hashes =
        |text: &str| text.lines().filter(|line| line.contains("opens for")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(hashes(&one), hashes(&opened::opened(std::str::from_utf8(&alone.stdout).unwrap())));
    let (text, told) = with("ref+vault://secret/odd", "{}");
    assert!(text.is_empty() && told.contains("\"a b\" cannot be a key of a Secret\nhint: "), "{told}");
    let (text, told) = with("ref+vault://secret/nope", "{}");
    assert!(text.is_empty() && told.contains("it is not there, or not allowed"), "{told}");
}

#[test]
fn versions_are_those_that_were_asked_for() {
    let Some(server) = OpenBao::start() else { return };
    for value in ["first", "second", "third"] {
        server.put("db", &json!({"k": value}));
    }
    let operator = Operator::root(&server);
    let begin = server.logged();
    let values = operator.values(&[
        "ref+vault://secret/db#/k",
        "ref+vault://secret/db?version=1#/k",
        "ref+vault://secret/db?version=3#/k",
        "ref+vault://secret/db?version=1#/k",
    ]);
    assert_eq!(values, ["\"third\"", "\"first\"", "\"third\"", "\"first\""]);
    let reads = server.asked(begin).iter().filter(|asked| *asked == "read secret/data/db").count();
    assert_eq!(reads, 3, "each path and version once");

    server.api("POST", "secret/delete/db", &json!({"versions": [1]}));
    server.api("POST", "secret/destroy/db", &json!({"versions": [2]}));
    let reading = "reading secret/db from Vault";
    operator.refuses("ref+vault://secret/db?version=1#/k", 1, &format!("{reading}: this version was deleted"));
    operator.refuses("ref+vault://secret/db?version=2#/k", 1, &format!("{reading}: this version was destroyed"));
    let missing = format!("{reading}: it is not there, or not allowed");
    operator.refuses("ref+vault://secret/db?version=9#/k", 1, &missing);
    for version in ["0", "-1", "+1", "latest", "9223372036854775808"] {
        let reference = format!("ref+vault://secret/db?version={}#/k", version.replace('+', "%2B"));
        operator.refuses(&reference, 1, "the version is no number of a version");
    }
}

#[test]
fn namespaces_are_the_operators_or_the_references() {
    let Some(server) = OpenBao::start() else { return };
    server.api("POST", "sys/namespaces/team", &json!({}));
    server.api("POST", "sys/mounts/kv", &json!({"type": "kv", "options": {"version": "1"}}));
    server.api("POST", "kv/db", &json!({"k": "of the root"}));
    server.api_in("team", "POST", "sys/mounts/kv", &json!({"type": "kv", "options": {"version": "2"}}));
    server.api_in("team", "POST", "kv/data/db", &json!({"data": {"k": "of the team"}}));
    let operator = Operator::root(&server);
    // The same path, mounted in two ways
    let values = operator.values(&["ref+vault://kv/db#/k", "ref+vault://kv/db?namespace=team#/k"]);
    assert_eq!(values, ["\"of the root\"", "\"of the team\""]);
    let within = Operator::root(&server).with("VAULT_NAMESPACE", "team");
    within.gives("ref+vault://kv/db#/k", "of the team");
    let missing = "reading kv/db in namespace nope from Vault: it is not there, or not allowed";
    operator.refuses("ref+vault://kv/db?namespace=nope#/k", 1, missing);
}

#[test]
fn openbao_reads_variables_of_its_own_first() {
    let Some(server) = OpenBao::start() else { return };
    server.put("db", &json!({"k": "value"}));
    let operator = Operator::root(&server);
    operator.gives("ref+openbao://secret/db#/k", "value");
    let wrong = Operator::root(&server).with("VAULT_ADDR", "http://127.0.0.1:1").with("VAULT_TOKEN", "wrong");
    let both = wrong.with("BAO_ADDR", server.address()).with("BAO_TOKEN", ROOT);
    both.gives("ref+openbao://secret/db#/k", "value");
    let (one, other) = ("ref+openbao://secret/db#/k", "ref+vault://secret/db#/k");
    assert!(!both.render(&secret(&[one, other])).status.success());
}

// --- Who we are ---

const POLICY: &str = "path \"secret/data/db\" { capabilities = [\"read\"] }";

/// A server with one secret, a policy that lets it be read, and a method of logging in.
fn with_method(method: &str) -> Option<OpenBao> {
    let server = OpenBao::start()?;
    server.put("db", &json!({"k": "value"}));
    server.put("other", &json!({"k": "s3cret"}));
    server.api("POST", "sys/policies/acl/reader", &json!({"policy": POLICY}));
    server.api("POST", &format!("sys/auth/{method}"), &json!({"type": method}));
    Some(server)
}

const REFERENCE: &str = "ref+vault://secret/db#/k";
const OTHER: &str = "ref+vault://secret/other#/k";
const CLOSED: &str = "reading secret/other from Vault: it is not there, or not allowed";

#[test]
fn a_token_comes_from_its_variable_from_a_file_or_from_home() {
    let Some(server) = with_method("approle") else { return };
    let made = server.api("POST", "auth/token/create", &json!({"policies": ["reader"]}));
    let token = made["auth"]["client_token"].as_str().unwrap();
    let given = Operator::new(&server).with("VAULT_TOKEN", token);
    given.gives(REFERENCE, "value");
    given.refuses(OTHER, 1, CLOSED);
    given.refuses("ref+vault://secret/nope#/k", 1, "reading secret/nope from Vault: it is not there, or not allowed");
    let file = Operator::new(&server);
    fs::write(file.path("token"), format!("{token}\n")).unwrap();
    let path = file.path("token");
    file.with("VAULT_TOKEN_FILE", path).gives(REFERENCE, "value");
    let home = Operator::new(&server);
    fs::write(home.path(".vault-token"), token).unwrap();
    let folder = home.folder.path().to_owned();
    let home = home.with("HOME", folder);
    home.gives(REFERENCE, "value");
    home.gives("ref+openbao://secret/db#/k", "value");
    Operator::new(&server).refuses(REFERENCE, 1, "no token for Vault is known");
    server.api("POST", "auth/token/revoke", &json!({"token": token}));
    home.refuses(REFERENCE, 1, "asking Vault about the token: it is not valid, or not any more");
}

#[test]
fn an_approle_logs_in_once() {
    let Some(server) = with_method("approle") else { return };
    server.api("POST", "auth/approle/role/r", &json!({"token_policies": "reader"}));
    let role = server.api("GET", "auth/approle/role/r/role-id", &Value::Null);
    let secret = server.api("POST", "auth/approle/role/r/secret-id", &json!({}));
    let (role, secret) = (role["data"]["role_id"].as_str().unwrap(), secret["data"]["secret_id"].as_str().unwrap());
    let operator = Operator::new(&server).with("VAULT_AUTH_METHOD", "approle").with("VAULT_ROLE_ID", role);
    operator.refuses(REFERENCE, 1, "logging in to Vault by approle: refused");
    let operator = operator.with("VAULT_SECRET_ID", secret);
    let begin = server.logged();
    assert_eq!(operator.values(&[REFERENCE, "ref+vault://secret/db?version=1#/k"]).len(), 2);
    let asked = server.asked(begin);
    assert_eq!(asked.iter().filter(|asked| asked.ends_with("auth/approle/login")).count(), 1, "{asked:?}");
    operator.refuses(OTHER, 1, CLOSED);
    fs::write(operator.path("id"), secret).unwrap();
    let path = operator.path("id");
    let operator = operator.with("VAULT_SECRET_ID", "").with("VAULT_SECRET_ID_FILE", path);
    operator.gives(REFERENCE, "value");
    operator.with("VAULT_LOGIN_MOUNT_POINT", "elsewhere").refuses(
        REFERENCE,
        1,
        "logging in to Vault by approle: refused",
    );
}

#[test]
fn a_user_logs_in_with_a_password() {
    let Some(server) = with_method("userpass") else { return };
    let password = "s3cret \"quoted\" \\ password";
    server.api("POST", "auth/userpass/users/ann", &json!({"password": password, "token_policies": "reader"}));
    let operator = Operator::new(&server).with("VAULT_AUTH_METHOD", "userpass").with("VAULT_USERNAME", "ann");
    operator.refuses(REFERENCE, 1, "neither VAULT_PASSWORD nor VAULT_PASSWORD_FILE is set");
    let operator = operator.with("VAULT_PASSWORD_ENV", "ELSEWHERE").with("ELSEWHERE", password);
    operator.gives(REFERENCE, "value");
    operator.with("VAULT_PASSWORD", "s3cret").refuses(REFERENCE, 1, "logging in to Vault by userpass: refused");
}

#[test]
fn a_certificate_logs_in_over_tls_that_a_private_authority_vouches_for() {
    let Some(server) = with_method("cert") else { return };
    let client = fs::read_to_string(server.file("client.pem")).unwrap();
    server.api("POST", "auth/cert/certs/reader", &json!({"certificate": client, "token_policies": "reader"}));
    let operator = Operator::new(&server).with("VAULT_ADDR", server.tls_address()).with("VAULT_AUTH_METHOD", "cert");
    let operator = operator.with("VAULT_CACERT", server.file("authority.pem"));
    operator.refuses(REFERENCE, 1, "logging in to Vault by cert: refused");
    let operator = operator.with("VAULT_CLIENT_CERT", server.file("client.pem"));
    operator.refuses(REFERENCE, 1, "VAULT_CLIENT_KEY is not set");
    let operator = operator.with("VAULT_CLIENT_KEY", server.file("client.key"));
    operator.gives(REFERENCE, "value");
    operator.refuses(OTHER, 1, CLOSED);
    let wrong = operator.with("VAULT_CLIENT_KEY", server.file("server.key"));
    wrong.refuses(REFERENCE, 1, "logging in to Vault by cert: the certificates of this connection cannot be used");
    let token = Operator::root(&server).with("VAULT_ADDR", server.tls_address());
    let untrusted = "reading secret/db from Vault: the server's certificate was issued by somebody who is not trusted";
    token.with("VAULT_CACERT", server.file("other.pem")).refuses(REFERENCE, 1, untrusted);
    let machine = Operator::root(&server).with("VAULT_ADDR", server.tls_address());
    machine.refuses(REFERENCE, 1, untrusted);
    machine.with("SSL_CERT_FILE", server.file("authority.pem")).gives(REFERENCE, "value");
    let plain = Operator::root(&server).with("VAULT_ADDR", server.tls_address().replace("https", "http"));
    plain.refuses(REFERENCE, 1, "reading secret/db from Vault: the server answered 400");
}

/// A token as an issuer makes it (RFC 7519), and the key that it can be verified with.
fn jwt(claims: Value) -> (String, String) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let key = rcgen::KeyPair::generate().unwrap();
    let random = SystemRandom::new();
    let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der(), &random).unwrap();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({"alg": "ES256", "typ": "JWT"})), part(claims));
    let signature = signer.sign(&random, signed.as_bytes()).unwrap();
    (format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)), key.public_key_pem())
}

#[test]
fn a_pipeline_logs_in_with_its_jwt() {
    let Some(server) = with_method("jwt") else { return };
    let claims = json!({"iss": "test", "aud": "sealref", "sub": "ci", "iat": 1, "exp": 4_000_000_000_u64});
    let (token, public) = jwt(claims.clone());
    server.api("POST", "auth/jwt/config", &json!({"jwt_validation_pubkeys": [public]}));
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["sealref"], "token_policies": "reader"
    });
    server.api("POST", "auth/jwt/role/ci", &role);
    let operator = Operator::new(&server).with("VAULT_AUTH_METHOD", "jwt").with("VAULT_ROLE", "ci");
    operator.refuses(REFERENCE, 1, "neither VAULT_JWT nor VAULT_JWT_FILE is set");
    let operator = operator.with("VAULT_JWT", &token);
    operator.gives(REFERENCE, "value");
    operator.refuses(OTHER, 1, CLOSED);
    fs::write(operator.path("jwt"), &token).unwrap();
    let path = operator.path("jwt");
    operator.with("VAULT_JWT", "").with("VAULT_JWT_FILE", path).gives(REFERENCE, "value");
    let (stranger, _) = jwt(claims);
    let operator = Operator::new(&server).with("VAULT_AUTH_METHOD", "jwt").with("VAULT_ROLE", "ci");
    operator.with("VAULT_JWT", stranger).refuses(REFERENCE, 1, "logging in to Vault by jwt: refused");
}

#[test]
fn a_pod_logs_in_with_its_service_account() {
    let Some(server) = with_method("kubernetes") else { return };
    // A stub of one call of the Kubernetes API, TokenReview; the login itself is the real server's
    let api = stub::Server::start(|stream, request, _| {
        assert!(request.starts_with("POST /apis/authentication.k8s.io/v1/tokenreviews "), "{request}");
        let user =
            json!({"username": "system:serviceaccount:ci:sealref", "uid": "u", "groups": ["system:serviceaccounts"]});
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "status": {"authenticated": true, "audiences": ["vault"], "user": user}
        });
        stub::answer(stream, 201, "Content-Type: application/json\r\n", &review.to_string());
    });
    let account = json!({"name": "sealref", "uid": "u"});
    let (token, public) = jwt(json!({
        "iss": "test", "aud": ["vault"], "sub": "system:serviceaccount:ci:sealref", "iat": 1, "exp": 4_000_000_000_u64,
        "kubernetes.io": {"namespace": "ci", "serviceaccount": account}
    }));
    let config = json!({
        "kubernetes_host": api.url(""), "token_reviewer_jwt": token, "pem_keys": [public],
        "disable_local_ca_jwt": true, "kubernetes_ca_cert": fs::read_to_string(server.file("authority.pem")).unwrap(), "disable_iss_validation": true
    });
    server.api("POST", "auth/kubernetes/config", &config);
    let role = json!({
        "bound_service_account_names": "sealref", "bound_service_account_namespaces": "ci", "token_policies": "reader"
    });
    server.api("POST", "auth/kubernetes/role/r", &role);
    let operator = Operator::new(&server).with("VAULT_AUTH_METHOD", "kubernetes").with("VAULT_KUBERNETES_ROLE", "r");
    fs::write(operator.path("jwt"), format!("{token}\n")).unwrap();
    let path = operator.path("jwt");
    let operator = operator.with("VAULT_KUBERNETES_JWT_TOKEN_PATH", path);
    operator.gives(REFERENCE, "value");
    operator.refuses(OTHER, 1, CLOSED);
    let wrong = operator.with("VAULT_KUBERNETES_ROLE", "").with("VAULT_ROLE", "other");
    wrong.refuses(REFERENCE, 1, "logging in to Vault by kubernetes: refused");
}

// --- Data keys ---

/// Answers the operator's variables from a list, and asks servers.
struct Asks(Vec<(&'static str, String)>, Network);

impl Wire for Asks {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let one = |ask: Ask| match ask {
            Ask::Setting(name) => {
                let value = self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
                Ok(Reply::of(Zeroizing::new(value.as_bytes().to_vec())))
            }
            Ask::Http(request) => self.1.ask_all(vec![request]).remove(0),
            _ => panic!("something else was asked"),
        };
        asks.into_iter().map(one).collect()
    }
}

#[test]
fn a_data_key_under_transit_is_opened_by_whoever_holds_its_key() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let Some(server) = OpenBao::start() else { return };
    server.api("POST", "sys/mounts/sops/keys", &json!({"type": "transit"}));
    server.api("POST", "sops/keys/keys/first", &json!({}));
    let data_key: Vec<u8> = (0..32).collect();
    let plaintext = json!({"plaintext": STANDARD.encode(&data_key)});
    let sealed = server.api("POST", "sops/keys/encrypt/first", &plaintext);
    let ciphertext = sealed["data"]["ciphertext"].as_str().unwrap().to_owned();
    let key = |name: &str| MasterKey::Transit {
        address: format!("{}/", server.address()),
        engine: "sops/keys".to_owned(),
        name: name.to_owned(),
    };
    let asks = |address: String, token: &str| {
        Asks(vec![("VAULT_ADDR", address), ("VAULT_TOKEN", token.to_owned())], Network::new(Patience::default()))
    };
    let unwrap = |name: &str, ciphertext: &str, asks: &mut Asks| {
        let wrapped = Wrapped { key: key(name), ciphertext: ciphertext.to_owned() };
        sources::holder(&wrapped.key).unwrap().1.unwrap(&wrapped, asks)
    };
    let mut operator = asks(server.address(), ROOT);
    assert_eq!(*unwrap("first", &ciphertext, &mut operator).unwrap(), data_key);
    let configured =
        |asks: &mut Asks| sources::holder(&key("first")).unwrap().1.configured(&key("first"), asks).unwrap();
    assert!(configured(&mut operator));
    assert!(!configured(&mut asks("https://vault.example".to_owned(), ROOT)));
    assert!(!configured(&mut asks(String::new(), ROOT)));
    let mut stranger = asks(server.address(), "s3cret");
    let named = format!("opening a data key with {}/sops/keys/keys/", server.address());
    for (name, ciphertext, asks, what) in [
        ("first", "vault:v1:AAAA", &mut operator, "the server cannot open it with this key"),
        ("other", &*ciphertext, &mut asks(server.address(), ROOT), "the server cannot open it with this key"),
    ] {
        let problem = unwrap(name, ciphertext, asks).unwrap_err();
        assert_eq!(problem.message(), format!("{named}{name}: {what}"));
    }
    let problem = unwrap("first", &ciphertext, &mut stranger).unwrap_err();
    assert_eq!(problem.message(), "asking Vault about the token: it is not valid, or not any more");
}

// --- What cannot be had ---

#[test]
fn what_is_not_there_is_told_by_its_path_and_never_by_its_value() {
    let Some(server) = OpenBao::start() else { return };
    server.api("POST", "sys/mounts/transit", &json!({"type": "transit"}));
    server.api("POST", "sys/mounts/old", &json!({"type": "kv", "options": {"version": "1"}}));
    server.api("POST", "old/db", &json!({"k": "s3cret"}));
    server.put("db", &json!({"k": "s3cret", "map": {"a": "s3cret"}, "list": ["s3cret"], "empty": "", "null": null}));
    let operator = Operator::root(&server);
    for (reference, message) in [
        ("secret/nope#/k", "reading secret/nope from Vault: it is not there, or not allowed"),
        ("nope/db#/k", "reading nope/db from Vault: it is not there, or not allowed"),
        ("old/nope#/k", "reading old/nope from Vault: it is not there, or not allowed"),
        ("secret/db#/nope", "secret/db has no key \"nope\" there"),
        ("secret/db#/k/deeper", "secret/db has no key \"deeper\" there"),
        ("secret/db#/list/0", "secret/db has no key \"0\" there"),
        ("secret/db#/map", "the key leads to a map, and a Secret holds text"),
        ("secret/db#/list", "the key leads to a list, and a Secret holds text"),
        ("secret/db#/empty", "the value is empty"),
        ("secret/db#/null", "the value is empty"),
        ("old/db?version=1#/k", "reading old/db from Vault: its mount is KV version 1, which keeps one version"),
        ("transit/keys/x#/k", "reading transit/keys/x from Vault: its mount is no key-value engine"),
    ] {
        operator.refuses(&format!("ref+vault://{reference}"), 1, message);
    }
}

#[test]
fn a_reference_cannot_send_the_token_elsewhere_t2() {
    let Some(server) = OpenBao::start() else { return };
    server.put("db", &json!({"k": "value"}));
    let operator = Operator::root(&server);
    operator.gives(&format!("ref+vault://secret/db?address={}/#/k", server.address()), "value");
    let begin = server.logged();
    operator.refuses(
        "ref+vault://secret/db?address=https://vault.example#/k",
        3,
        "the reference leads to \"https://vault.example\", and the token is not for that server",
    );
    assert_eq!(server.asked(begin), Vec::<String>::new());
    let nowhere = Operator::root(&server).with("VAULT_ADDR", "");
    nowhere.refuses(REFERENCE, 1, "VAULT_ADDR is not set");
    // What a tenant of Argo CD can set is no setting
    nowhere.with("ARGOCD_ENV_VAULT_ADDR", server.address()).refuses(REFERENCE, 1, "VAULT_ADDR is not set");
}

#[test]
fn an_engine_of_another_version_and_a_namespace_that_is_left_out_are_told_e22() {
    let Some(server) = OpenBao::start() else { return };
    server.api("POST", "sys/namespaces/team", &json!({}));
    server.api_in("team", "POST", "sys/mounts/kv", &json!({"type": "kv", "options": {"version": "2"}}));
    server.api_in("team", "POST", "kv/data/db", &json!({"data": {"k": "s3cret"}}));
    server.api("POST", "sys/mounts/one", &json!({"type": "kv", "options": {"version": "1"}}));
    server.api("POST", "one/db", &json!({"k": "s3cret"}));
    let operator = Operator::root(&server);
    let first = "reading one/db from Vault: its mount is KV version 1, which keeps one version";
    operator.refuses("ref+vault://one/db?version=1#/k", 1, first);
    let path = "the path has the \"data\" of the HTTP API in it";
    operator.refuses("ref+vault://secret/data/db#/k", 1, path);
    operator.refuses("ref+vault://kv/db#/k", 1, "reading kv/db from Vault: it is not there, or not allowed");
    operator.gives("ref+vault://kv/db?namespace=team#/k", "s3cret");
}

#[test]
fn a_sealed_server_is_worth_another_try_e22() {
    let Some(server) = OpenBao::start() else { return };
    server.api("PUT", "sys/seal", &json!({}));
    let message = "reading secret/db from Vault: the server answered 503, not available (3 attempts)";
    Operator::root(&server).refuses(REFERENCE, 4, message);
}

// --- How much is asked ---

#[test]
fn two_thousand_secrets_over_fifty_paths_are_fifty_reads() {
    let Some(server) = OpenBao::start() else { return };
    let fields: serde_json::Map<String, Value> =
        (0..10).map(|n| (format!("f{n}"), json!(format!("value-{n}")))).collect();
    for path in 0..50 {
        server.put(&format!("app/p{path}"), &Value::Object(fields.clone()));
    }
    let mut stream = String::new();
    for number in 0..2000 {
        let path = number % 50;
        stream.push_str(&format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s{number}\n  namespace: shop\n  annotations: \
             {{sealref.dev/target: SealedSecret}}\nstringData:\n"
        ));
        for field in 0..10 {
            stream.push_str(&format!("  k{field}: ref+vault://secret/app/p{path}#/f{field}\n"));
        }
    }
    let begin = server.logged();
    let output = Operator::root(&server).render(&stream);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().matches("kind: SealedSecret").count(), 2000);
    let mut asked = server.asked(begin);
    asked.sort();
    let mut expected: Vec<String> = (0..50).map(|path| format!("read secret/data/app/p{path}")).collect();
    expected.push("read sys/internal/ui/mounts/secret/app/p0".to_owned());
    expected.sort();
    assert_eq!(asked, expected);
}
