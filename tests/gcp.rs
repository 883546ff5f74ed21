//! Google Cloud Secret Manager and Cloud KMS against drongo, and ways to log in with a token server that is a stub.

#![cfg(feature = "gcp")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/sealed.rs"]
mod sealed;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;

use peer_server::PeerServer;
use sealed::{refuses, sealed, sealed_with};
use sealref::error::Problem;
use sealref::model::{Ask, MasterKey, Reply, Wire, Wrapped};
use sealref::sources;
use server::Server;
use zeroize::Zeroizing;

const SECRETS: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER";

struct Google(PeerServer);

impl Google {
    /// None where drongo is missing.
    fn start() -> Option<Self> {
        let program = peers::peer("drongo")?;
        let server = PeerServer::start(&program, |port| {
            ["server", "--host", "127.0.0.1", "--port", &port.to_string()].map(str::to_owned).to_vec()
        });
        let google = Self(server);
        google.secret("db", &[br#"{"password": "first-s3cret"}"#, br#"{"password": "second-s3cret", "empty": ""}"#]);
        google.secret("plain", &[b"plain-s3cret"]);
        google.secret("binary", &[&[0, 255, 1]]);
        google.secret("none", &[]);
        google.secret("off", &[b"off-s3cret"]);
        google.post("secrets/off/versions/1:disable", &json!({}));
        Some(google)
    }

    fn secret(&self, name: &str, versions: &[&[u8]]) {
        self.post(&format!("secrets?secretId={name}"), &json!({"replication": {"automatic": {}}}));
        for version in versions {
            self.post(&format!("secrets/{name}:addVersion"), &json!({"payload": {"data": STANDARD.encode(version)}}));
        }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        serde_json::from_slice(&curl(&format!("{}/v1/projects/shop/{path}", self.0.url()), body)).unwrap()
    }
}

fn curl(url: &str, body: &Value) -> Vec<u8> {
    let output = Command::new("curl")
        .args(["-s", "-H", "content-type: application/json", "-d", &body.to_string(), url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn secrets_are_read() {
    let Some(google) = Google::start() else { return };
    let url = google.0.url();
    let environment = [(SECRETS, &*url), ("GOOGLE_OAUTH_ACCESS_TOKEN", "test-only")];
    let table = [
        ("latest", "ref+gcpsecrets://shop/db#/password", "\"second-s3cret\""),
        ("version", "ref+gcpsecrets://shop/db?version=1#/password", "\"first-s3cret\""),
        ("named", "ref+gcpsecrets://shop/db?version=latest#/password", "\"second-s3cret\""),
        ("plain", "ref+gcpsecrets://shop/plain", "\"plain-s3cret\""),
        ("binary", "ref+gcpsecrets://shop/binary", "[00, ff, 01]"),
    ];
    let references: Vec<_> = table.iter().map(|(key, reference, _)| (*key, *reference)).collect();
    let found = sealed(&references, &environment).unwrap();
    let expected: BTreeMap<_, _> =
        table.iter().map(|(key, _, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found, expected);
    let whole =
        sealed_with(&["ref+gcpsecrets://shop/db?version=2"], &[("empty", "ref+gcpsecrets://shop/plain")], &environment);
    let pairs = [("empty", "\"plain-s3cret\""), ("password", "\"second-s3cret\"")];
    assert_eq!(whole, Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()));
    let refused = [
        (
            "ref+gcpsecrets://shop/absent",
            "reading the secret \"shop/absent\": it is not there, or has no such version (status 404)",
        ),
        ("ref+gcpsecrets://shop/db?version=9", "it is not there, or has no such version"),
        ("ref+gcpsecrets://shop/none", "it is not there, or has no such version"),
        ("ref+gcpsecrets://shop/off?version=1", "it cannot be used in this state"),
        ("ref+gcpsecrets://shop/db#/absent", "no key \"absent\""),
        ("ref+gcpsecrets://shop/db#/empty", "the value is empty"),
        ("ref+gcpsecrets://shop/binary#/x", "that a key can be looked up in"),
        ("ref+gcpsecrets://shop/db%3Fx", "\"db?x\" is no name of Secret Manager"),
        ("ref+gcpsecrets://shop/db?location=evil.test/", "is no name of Secret Manager"),
    ];
    for (reference, words) in refused {
        refuses(reference, &environment, 1, words);
    }
}

/// A secret of one region lies under its location; no emulator has them.
#[test]
fn a_secret_of_a_region_is_asked_for_there() {
    let server = Server::start(|stream, request, _| {
        let first = request.lines().next().unwrap();
        assert_eq!(first, "GET /v1/projects/shop/locations/europe-west1/secrets/db/versions/stable:access HTTP/1.1");
        server::answer(stream, 200, "", r#"{"payload": {"data": "cy1zM2NyZXQ="}}"#);
    });
    let url = server.url("");
    let environment = [(SECRETS, &*url), ("GOOGLE_OAUTH_ACCESS_TOKEN", "test-only")];
    let reference = "ref+gcpsecrets://shop/db?location=europe-west1&version=stable";
    assert_eq!(sealed(&[("key", reference)], &environment).unwrap()["key"], "\"s-s3cret\"");
}

#[test]
fn what_secret_manager_refuses_is_told_without_its_words() {
    let table = [
        (401, "does not know who asks (status 401)"),
        (403, "access is denied (status 403)"),
        (418, "the server refuses (status 418)"),
        (200, "the answer is not one of Secret Manager"),
    ];
    for (status, words) in table {
        let server = Server::start(move |stream, _, _| {
            server::answer(stream, status, "", "{\"error\": {\"message\": \"leaked-s3cret\"}}");
        });
        let url = server.url("");
        let environment = [(SECRETS, &*url), ("GOOGLE_OAUTH_ACCESS_TOKEN", "test-only")];
        refuses("ref+gcpsecrets://shop/db", &environment, 1, words);
    }
}

/// Application default credentials: a user's, a federated workload's, and one that impersonates; the token server is a stub.
#[test]
fn each_way_to_log_in_reads_a_secret() {
    let server = Server::start(|stream, request, _| {
        let first = request.lines().next().unwrap().to_owned();
        let body = match first.split(' ').nth(1).unwrap() {
            "/token" => json!({"access_token": "from-token-server", "expires_in": 3600, "token_type": "Bearer"}),
            "/sts" => {
                assert!(request.contains("subject-token"), "{request}");
                json!({
                    "access_token": "from-token-server", "expires_in": 3600, "token_type": "Bearer",
                    "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                })
            }
            "/v1/projects/shop/secrets/db/versions/latest:access" => {
                assert!(request.to_lowercase().contains("authorization: bearer "), "{request}");
                json!({"payload": {"data": "cy1zM2NyZXQ="}})
            }
            other => panic!("{other} is asked for"),
        };
        server::answer(stream, 200, "content-type: application/json\r\n", &body.to_string());
    });
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let token = file("token", "subject-token");
    let key = Command::new("openssl").args(["genpkey", "-algorithm", "RSA"]).output().unwrap().stdout;
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
        "token_uri": server.url("/token"),
    });
    let account = json!({
        "type": "service_account", "client_email": "a@shop.iam.gserviceaccount.com", "private_key_id": "1",
        "private_key": String::from_utf8(key).unwrap(), "project_id": "shop", "token_uri": server.url("/token"),
    });
    let federated = json!({
        "type": "external_account", "audience": "//iam.googleapis.com/projects/1/x", "token_url": server.url("/sts"),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": token},
    });
    let url = server.url("");
    for (way, credentials) in [("user", user), ("service account", account), ("federated workload", federated)] {
        let path = file("credentials", &credentials.to_string());
        let environment = [(SECRETS, &*url), ("GOOGLE_APPLICATION_CREDENTIALS", &*path)];
        let found = sealed(&[("key", "ref+gcpsecrets://shop/db")], &environment);
        assert_eq!(found.map(|found| found["key"].clone()), Ok("\"s-s3cret\"".to_owned()), "{way}");
    }
    let asked = server.requests();
    assert_eq!(asked.iter().filter(|request| request.contains("from-token-server")).count(), 2, "{asked:?}");
    let broken = file("credentials", "{\"type\": \"leaked-s3cret\"}");
    let environment = [(SECRETS, &*url), ("GOOGLE_APPLICATION_CREDENTIALS", &*broken)];
    refuses("ref+gcpsecrets://shop/db", &environment, 1, "the credentials of Google Cloud cannot be used");
}

/// Settings from here, requests to drongo by curl.
struct Plain(String);

impl Wire for Plain {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let answer = |ask| match ask {
            Ask::Setting("SOPS_GCP_KMS_ENDPOINT") => Ok(Reply::of(Zeroizing::new(self.0.clone().into_bytes()))),
            Ask::Setting(_) => Ok(Reply::of(Zeroizing::new(b"test-only".to_vec()))),
            Ask::Http(request) => {
                let body = serde_json::from_slice(&request.body.unwrap()).unwrap();
                Ok(Reply::of(Zeroizing::new(curl(&request.url, &body))))
            }
            _ => panic!("something else is asked for"),
        };
        asks.into_iter().map(answer).collect()
    }
}

#[test]
fn data_keys_are_opened_by_kms() {
    let Some(google) = Google::start() else { return };
    google.post("locations/global/keyRings?keyRingId=ring", &json!({}));
    let purpose = json!({"purpose": "ENCRYPT_DECRYPT"});
    google.post("locations/global/keyRings/ring/cryptoKeys?cryptoKeyId=key", &purpose);
    let plaintext = json!({"plaintext": STANDARD.encode([b'k'; 32])});
    let wrapped = google.post("locations/global/keyRings/ring/cryptoKeys/key:encrypt", &plaintext);
    let ciphertext = wrapped["ciphertext"].as_str().unwrap();
    let open = |resource: &str| {
        let key = MasterKey::Google { resource: resource.to_owned() };
        let (_, keys) = sources::holder(&key).unwrap();
        let mut wire = Plain(google.0.url());
        assert!(!keys.configured(&key, &mut wire).unwrap());
        keys.unwrap(&Wrapped { key, ciphertext: ciphertext.to_owned() }, &mut wire).map(|key| key.to_vec())
    };
    assert_eq!(open("projects/shop/locations/global/keyRings/ring/cryptoKeys/key"), Ok(vec![b'k'; 32]));
    for strange in ["", "projects/shop", "projects/shop/locations/a/keyRings/b/cryptoKeys/..%2Fx"] {
        assert!(open(strange).unwrap_err().message().ends_with("is no key of Cloud KMS"));
    }
}
