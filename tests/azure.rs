//! Azure Key Vault. There is no emulator of it: the vault, and who gives out tokens, are stubs, written from the
//! documentation, and prove no more than that sealref keeps to that.

#![cfg(feature = "azure")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use serde_json::json;

#[path = "support/sealed.rs"]
mod sealed;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;

use sealed::{refuses, sealed, sealed_with};
use sealref::error::Problem;
use sealref::model::{Ask, Cloud, MasterKey, Method, Reply, Wire, Wrapped};
use sealref::sources;
use server::Server;
use zeroize::Zeroizing;

const VERSION: &str = "0123456789abcdef0123456789abcdef";

/// A vault behind `/`, and a managed identity as App Service offers it behind `/identity`.
fn stub() -> Server {
    Server::start(|stream, request, _| {
        let target = request.split(' ').nth(1).unwrap();
        let (path, query) = target.split_once('?').unwrap();
        let lower = request.to_lowercase();
        let (status, body) = if path == "/identity" {
            assert!(lower.contains("x-identity-header: header") && query.contains("vault.azure.net"), "{request}");
            (
                200,
                json!({"access_token": "managed", "expires_on": "4102444800", "resource": "x", "token_type": "Bearer"}),
            )
        } else if !lower.contains("authorization: bearer managed") {
            (401, json!({"error": {"code": "Unauthorized", "message": "leaked-s3cret"}}))
        } else {
            assert_eq!(query, "api-version=7.4");
            match path.strip_prefix("/secrets/").unwrap_or(path) {
                "/keys/signing" => {
                    let key = json!({"kty": "RSA", "kid": "https://x/keys/signing/1", "n": "bjEyMw", "e": "AQAB"});
                    (200, json!({"key": key, "attributes": {"enabled": true}}))
                }
                "/certificates/web" => (200, json!({"cer": "REVSLWJ5dGVz", "kid": "x", "sid": "y"})),
                "db" => (200, json!({"value": "{\"password\": \"new-s3cret\", \"empty\": \"\"}", "id": "x"})),
                "db/0123456789abcdef0123456789abcdef" => (200, json!({"value": "old-s3cret"})),
                "key/0123456789abcdef0123456789abcdef" => (200, json!({"value": "named-key-s3cret"})),
                "plain" => (200, json!({"value": "plain-s3cret", "contentType": "text/plain"})),
                "denied" => (403, json!({"error": {"message": "leaked-s3cret"}})),
                "strange" => (200, json!(["leaked-s3cret"])),
                _ => (404, json!({"error": {"code": "SecretNotFound", "message": "leaked-s3cret"}})),
            }
        };
        server::answer(stream, status, "content-type: application/json\r\n", &body.to_string());
    })
}

#[test]
fn secrets_are_read() {
    let stub = stub();
    let (url, identity) = (stub.url(""), stub.url("/identity"));
    let environment =
        [("AZURE_KEY_VAULT_URL", &*url), ("IDENTITY_ENDPOINT", &*identity), ("IDENTITY_HEADER", "header")];
    let at = |rest: &str| format!("ref+azurekeyvault://127.0.0.1:{}/{rest}", stub.port());
    let table = [
        ("json", at("db#/password"), "\"new-s3cret\""),
        ("version", at(&format!("db/{VERSION}")), "\"old-s3cret\""),
        ("key", at(&format!("key/{VERSION}")), "\"named-key-s3cret\""),
        ("plain", at("plain"), "\"plain-s3cret\""),
        (
            "jwk",
            at("signing?object_type=key"),
            r#""{\"e\":\"AQAB\",\"kid\":\"https://x/keys/signing/1\",\"kty\":\"RSA\",\"n\":\"bjEyMw\"}""#,
        ),
        ("kid", at("signing?object_type=key#/kid"), "\"https://x/keys/signing/1\""),
        ("der", at("web?object_type=cert"), "\"DER-bytes\""),
    ];
    let references: Vec<_> = table.iter().map(|(key, reference, _)| (*key, reference.as_str())).collect();
    let found = sealed(&references, &environment).unwrap();
    let expected: BTreeMap<_, _> =
        table.iter().map(|(key, _, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found, expected);
    let whole = sealed_with(&[&at("db")], &[], &environment).unwrap();
    assert_eq!(
        whole.into_iter().collect::<Vec<_>>(),
        [("empty", "\"\""), ("password", "\"new-s3cret\"")].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    assert_eq!(stub.requests().iter().filter(|request| request.contains("/identity")).count(), 2);
    let refused = [
        (at("absent"), 1, "it is not there, or has no such version (status 404)"),
        (at("denied"), 1, "access is denied, or the vault's firewall forbids it (status 403)"),
        (at("strange"), 1, "the answer is not one of Key Vault"),
        (at("db#/absent"), 1, "no key \"absent\""),
        (at("db#/empty"), 1, "the value is empty"),
        (at("key/db"), 1, "External Secrets' way"),
        (at("web?object_type=certificate"), 1, "object_type is none that a vault has"),
        (at("web?object_type=cert#/subject"), 1, "without fields"),
        (at("absent?object_type=key"), 1, "reading the key"),
        (at("a%3Fb"), 1, "\"a?b\" is no name of Key Vault"),
        ("ref+azurekeyvault://evil.test/db".into(), 1, "\"evil.test\" is no vault of Azure"),
        ("ref+azurekeyvault://evil.test.vault.azure.net/db".into(), 1, "is no vault of Azure"),
        ("ref+azurekeyvault://169.254.169.254:80/db".into(), 1, "is no vault of Azure"),
    ];
    for (reference, exit, words) in refused {
        refuses(&reference, &environment, exit, words);
    }
}

#[test]
fn what_cannot_log_in_is_told() {
    let stub = Server::start(|stream, _, _| server::answer(stream, 400, "", "{\"error\": \"leaked-s3cret\"}"));
    let (url, identity) = (stub.url(""), stub.url("/identity"));
    let reference = format!("ref+azurekeyvault://127.0.0.1:{}/db", stub.port());
    let own = ("AZURE_KEY_VAULT_URL", &*url);
    let table: [(sealed::Environment, i32, &str); 4] = [
        (&[("AZKV_AUTH", "devcli")], 1, "AZKV_AUTH wants the login of azd, which is not asked"),
        (&[("AZKV_AUTH", "cli"), ("PATH", "/absent")], 1, "AZKV_AUTH=cli asks az, which is not on the PATH"),
        (
            &[("AZURE_FEDERATED_TOKEN_FILE", "/absent")],
            1,
            "the identity of Azure that the environment names cannot be used",
        ),
        (&[("IDENTITY_ENDPOINT", &identity), ("IDENTITY_HEADER", "x")], 4, "Azure gives no token to whoever runs this"),
    ];
    for (environment, exit, words) in table {
        refuses(&reference, &[environment, &[own]].concat(), exit, words);
    }
}

/// A stub of `az`: it knows one question, and an environment with nothing of ours in it.
const AZ: &str = r#"#!/bin/sh
test "$*" = "account get-access-token --scope https://vault.azure.net/.default --query accessToken --output tsv" || exit 7
test "$HOME" = /home/of/az && test -z "$AZURE_KEY_VAULT_URL$AZKV_AUTH" && echo managed
"#;

#[test]
fn whoever_logged_in_with_az_is_asked_for_where_the_operator_says_so() {
    let stub = stub();
    let folder = tempfile::tempdir().unwrap();
    let az = folder.path().join("az");
    fs::write(&az, AZ).unwrap();
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
    let (url, path) = (stub.url(""), format!("{}:/usr/bin:/bin", folder.path().display()));
    let reference = format!("ref+azurekeyvault://127.0.0.1:{}/plain", stub.port());
    let environment = |home| [("AZURE_KEY_VAULT_URL", &*url), ("AZKV_AUTH", "cli"), ("PATH", &*path), ("HOME", home)];
    let found = sealed(&[("key", &reference)], &environment("/home/of/az")).unwrap();
    assert_eq!(found.get("key").map(String::as_str), Some("\"plain-s3cret\""));
    refuses(&reference, &environment("/home/of/others"), 1, "az gives no token to whoever runs this");
}

/// Gives out tokens at `/TENANT/oauth2/v2.0/token`: over TLS, since the vendor's library refuses anything else. Its
/// certificate, which is its own authority, is in the file.
fn authority(file: &str) -> Server {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(file, certificate.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let certificates = vec![certificate.der().clone()];
    let config = Arc::new(config.with_no_client_auth().with_single_cert(certificates, key).unwrap());
    Server::raw(move |stream| give_out(stream, Arc::clone(&config)))
}

fn give_out(mut stream: TcpStream, config: Arc<ServerConfig>) {
    let mut connection = ServerConnection::new(config).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let (mut request, mut buffer) = (String::new(), [0; 4096]);
    let complete =
        |request: &str| request.contains("client_assertion=of-the-pod") || request.contains("client_secret=word");
    while !complete(&request) {
        match tls.read(&mut buffer) {
            Ok(count) if count > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..count])),
            _ => return,
        }
    }
    assert!(request.starts_with("POST /tenant/oauth2/v2.0/token "), "{request}");
    let body = r#"{"token_type": "Bearer", "expires_in": 3600, "access_token": "managed"}"#;
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let _ = tls.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    tls.conn.send_close_notify();
    let _ = tls.flush();
}

#[test]
fn a_workload_and_a_client_secret_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (pem, token) = (at("authority.pem"), at("token"));
    fs::write(&token, "of-the-pod").unwrap();
    let (authority, stub) = (authority(&pem), stub());
    let host = format!("https://127.0.0.1:{}/", authority.port());
    let url = stub.url("");
    let reference = format!("ref+azurekeyvault://127.0.0.1:{}/plain", stub.port());
    let common = [
        ("AZURE_KEY_VAULT_URL", &*url),
        ("AZURE_AUTHORITY_HOST", &*host),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("SSL_CERT_FILE", &*pem),
    ];
    for way in [("AZURE_FEDERATED_TOKEN_FILE", &*token), ("AZURE_CLIENT_SECRET", "word")] {
        let found = sealed(&[("key", &reference)], &[&common[..], &[way]].concat());
        assert_eq!(found.map(|found| found["key"].clone()), Ok("\"plain-s3cret\"".to_owned()), "{}", way.0);
    }
}

/// What a vault answers to decrypt, by script.
struct Script(Vec<String>);

impl Wire for Script {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let mut answer = |ask| {
            let text = |text: &str| Ok(Reply::of(Zeroizing::new(text.as_bytes().to_vec())));
            match ask {
                Ask::Setting(_) => text(""),
                Ask::Token(Cloud::Azure { scope }) => {
                    self.0.push(scope);
                    text("token")
                }
                Ask::Http(request) => {
                    assert_eq!(request.method, Method::Post);
                    let body = String::from_utf8(request.body.unwrap().to_vec()).unwrap();
                    self.0.push(format!("{} {body}", request.url));
                    text(r#"{"kid": "x", "value": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s"}"#)
                }
                _ => panic!("something else is asked for"),
            }
        };
        asks.into_iter().map(&mut answer).collect()
    }
}

#[test]
fn data_keys_are_opened_by_the_vault_that_the_file_names() {
    let mut script = Script(vec![]);
    let mut open = |vault: &str| {
        let key = MasterKey::Azure { vault: vault.into(), name: "sops".into(), version: VERSION.into() };
        let (_, keys) = sources::holder(&key).unwrap();
        assert!(!keys.configured(&key, &mut script).unwrap());
        keys.unwrap(&Wrapped { key, ciphertext: "Zm9v".into() }, &mut script).map(|key| key.to_vec())
    };
    assert_eq!(open("https://shop.vault.azure.cn/"), Ok(vec![b'k'; 32]));
    assert!(open("https://evil.test").unwrap_err().message().ends_with("is no vault of Azure"));
    assert_eq!(
        script.0,
        [
            "https://vault.azure.cn/.default".to_owned(),
            format!(
                "https://shop.vault.azure.cn/keys/sops/{VERSION}/decrypt?api-version=7.4 \
                 {{\"alg\":\"RSA-OAEP-256\",\"value\":\"Zm9v\"}}"
            ),
        ]
    );
}
