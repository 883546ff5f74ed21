//! The program against servers that answer almost like Vault, and proxies in between: what a real server cannot be made
//! to do. Faults E of the table of faults, numbered.

#![cfg(feature = "vault")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;

use server::{Server, answer};

/// What no message may hold, in bodies and in credentials.
const CANARY: &str = "s3cret-canary";
const CERTIFICATE: &str = "tests/vectors/sealing/certificates/test-only-rsa-2048.pem";
const KEY: &str = "sealref-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const MANIFEST: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop, annotations: \
                        {sealref.dev/target: SealedSecret}}\nstringData: {a: \"ref+vault://kv/db#/k\"}\n";

fn render(variables: &[(&str, &str)]) -> Output {
    render_manifest(MANIFEST, variables)
}

fn render_manifest(manifest: &str, variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), KEY).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealref"))
        .args(["render", "--sealing-key", "key", "--certificate"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(CERTIFICATE))
        .arg("-")
        .current_dir(&folder)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(manifest.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// One error with one hint, nothing on standard output, and not a byte of what was answered.
#[track_caller]
fn refused(output: &Output, exit: i32, message: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(exit), 0), "{told}");
    assert!(told.contains(&format!("{message}\nhint: ")), "expected {message:?}, found {told}");
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(!told.contains(CANARY) && !told.contains('\u{1b}'), "{told}");
}

fn token(server: &Server) -> Output {
    let address = server.url("");
    render(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", CANARY)])
}

fn approle(server: &Server) -> Output {
    let address = server.url("");
    let role = [("VAULT_AUTH_METHOD", "approle"), ("VAULT_ROLE_ID", "r"), ("VAULT_SECRET_ID", CANARY)];
    render(&[&role[..], &[("VAULT_ADDR", &address)]].concat())
}

const MOUNT: &str = r#"{"data": {"path": "kv/", "type": "kv", "options": {"version": "2"}}}"#;

/// A server of which one secret can be read.
fn with(secret: impl Fn() -> String + Send + Sync + 'static) -> Server {
    Server::start(move |stream, request, _| {
        let body = if request.contains("/sys/internal/") { MOUNT.to_owned() } else { secret() };
        answer(stream, 200, "", &body);
    })
}

#[test]
fn a_server_that_answers_well_is_the_control_of_these_tests() {
    let server = with(|| r#"{"data": {"data": {"k": "v"}, "metadata": {}}}"#.to_owned());
    let output = token(&server);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.contains(&format!("x-vault-token: {CANARY}\r\n")), "{request}");
        assert!(request.contains("x-vault-request: true\r\n"), "{request}");
    }
}

#[test]
fn what_is_not_the_answer_of_such_a_server_e3_e12_e23() {
    let strange = "reading kv/db from Vault: what answered does not answer as the server should";
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "5".to_owned(),
        "{}".to_owned(),
        format!("<!DOCTYPE html><title>{CANARY}</title>"),
        format!("{{\"data\": \"{CANARY}\"}}"),
        format!("{{\"data\": {{\"data\": [\"{CANARY}\"]}}}}"),
        format!("{{\"data\": {{\"data\": {{\"k\": \"{CANARY}"),
        format!("{{\"data\": {{\"data\": {{\"k\": \"{CANARY}\"}}}}}} {CANARY}"),
        format!("{{\"data\": {{\"data\": {{\"k\": \"{CANARY}\", \"k\": \"{CANARY}\"}}}}}}"),
        format!("{{\"data\": {{\"data\": {}{}}}}}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{{\"data\": {{\"data\": {{\"k\": \"\u{1b}[31m{CANARY}\"}}}}}}"),
    ] {
        let secret = body.clone();
        refused(&token(&with(move || secret.clone())), 1, strange);
        let all = Server::start(move |stream, _, _| answer(stream, 200, "", &body));
        refused(&token(&all), 1, strange);
    }
}

#[test]
fn statuses_with_words_of_the_server_e1_e2_e5_e23() {
    let closed = "reading kv/db from Vault: it is not there, or not allowed".to_owned();
    let plain = |status: u16| format!("reading kv/db from Vault: the server answered {status}");
    let body = "{\"errors\": [\"\u{1b}[31ms3cret-canary\u{202e}\"]}";
    for status in [401, 404] {
        refused(&token(&Server::start(move |stream, _, _| answer(stream, status, "", body))), 1, &closed);
    }
    for status in [204, 206, 400, 405, 412, 451, 500, 599] {
        let server = Server::start(move |stream, _, _| answer(stream, status, "", body));
        refused(&token(&server), if status >= 500 { 4 } else { 1 }, &plain(status));
    }
    let server = Server::start(move |stream, _, _| answer(stream, 403, "", body));
    refused(&token(&server), 1, "asking Vault about the token: it is not valid, or not any more");
}

#[test]
fn a_token_that_expires_is_renewed_once_e13() {
    // The first token is good for finding the mount alone; the second one for everything, if `good`
    let server = |good: bool| {
        let issued = AtomicUsize::new(0);
        Server::start(move |stream, request, _| {
            let (status, body) = if request.contains("/auth/approle/login") {
                let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
                (200, format!("{{\"auth\": {{\"client_token\": \"t{number}\"}}}}"))
            } else if request.contains("/sys/internal/") {
                (200, MOUNT.to_owned())
            } else if good && request.contains("x-vault-token: t2\r\n") {
                (200, r#"{"data": {"data": {"k": "v"}}}"#.to_owned())
            } else {
                (403, String::new())
            };
            answer(stream, status, "", &body);
        })
    };
    let logins = |server: &Server| server.requests().iter().filter(|r| r.contains("/auth/approle/login")).count();
    let good = server(true);
    let output = approle(&good);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(logins(&good), 2);
    let never = server(false);
    refused(&approle(&never), 1, "reading kv/db from Vault: it is not there, or not allowed");
    assert_eq!(logins(&never), 2);
}

#[test]
fn a_login_that_gives_no_token_e14() {
    let long = "x".repeat(2001);
    for token in ["", "s3cret-canary\\u0000", "s3cret-canary\\n", "s3cret canary", "é", &long] {
        let body = format!("{{\"auth\": {{\"client_token\": \"{token}\"}}}}");
        let server = Server::start(move |stream, _, _| answer(stream, 200, "", &body));
        refused(&approle(&server), 1, "logging in to Vault by approle: the server gave no token");
        assert_eq!(server.requests().len(), 1);
    }
    for body in ["{\"auth\": null}", "{}", "{\"auth\": {\"client_token\": 5}}"] {
        let server = Server::start(move |stream, _, _| answer(stream, 200, "", body));
        let output = approle(&server);
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_server_that_is_down_is_one_error_and_few_questions_e7() {
    let mut manifest = MANIFEST[..MANIFEST.find("stringData").unwrap()].to_owned() + "stringData:\n";
    for number in 0..40 {
        manifest.push_str(&format!("  k{number}: ref+vault://kv/p{number}#/k\n"));
    }
    let server = Server::start(|stream, _, _| answer(stream, 503, "", CANARY));
    let output = render_manifest(&manifest, &[("VAULT_ADDR", &server.url("")), ("VAULT_TOKEN", CANARY)]);
    refused(&output, 4, "reading kv/p0 from Vault: the server answered 503, not available (3 attempts)");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn proxies_of_the_operator_e18() {
    let https = |more: &[(&str, &str)]| {
        render(&[&[("VAULT_ADDR", "https://nosuch.invalid"), ("VAULT_TOKEN", CANARY)], more].concat())
    };
    let no_way =
        "reading kv/db from Vault: no connection came about, be it that the server or the proxy refuses (3 attempts)";
    for status in [407, 403, 502] {
        let proxy = Server::start(move |stream, _, _| answer(stream, status, "", CANARY));
        let address = proxy.url("").replace("http://", &format!("http://user:{CANARY}@"));
        refused(&https(&[("HTTPS_PROXY", &address)]), 4, no_way);
        let requests = proxy.requests();
        assert_eq!(requests.len(), 3);
        for request in requests {
            assert!(request.starts_with("CONNECT nosuch.invalid:443 HTTP/1.1\r\n"), "{request}");
            assert!(request.to_lowercase().contains("proxy-authorization: basic "), "{request}");
            // The token is for the server alone
            assert!(!request.contains(CANARY), "{request}");
        }
    }
    let proxy = Server::start(move |stream, _, _| answer(stream, 200, "", ""));
    let address = proxy.url("");
    refused(
        &https(&[("https_proxy", &address), ("NO_PROXY", "example.org,.invalid")]),
        4,
        "reading kv/db from Vault: the name of the server, or of the proxy, is not known (3 attempts)",
    );
    refused(&https(&[("HTTPS_PROXY", "nonsense")]), 1, "HTTPS_PROXY is not the address of a proxy");
    let unused = [("VAULT_ADDR", "https://127.0.0.1:1"), ("HTTPS_PROXY", &address)];
    refused(&https(&unused), 4, "reading kv/db from Vault: nobody answers at the server's address (3 attempts)");
    // This machine is asked by no proxy, and what a tenant can set is none
    let server = with(|| r#"{"data": {"data": {"k": "v"}}}"#.to_owned());
    let to_us = [("VAULT_ADDR", &*server.url("")), ("VAULT_TOKEN", CANARY)].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let to_us: Vec<(&str, &str)> = to_us.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let more = [("HTTPS_PROXY", &*address), ("HTTP_PROXY", &*address), ("ALL_PROXY", &*address)];
    assert!(render(&[&to_us[..], &more].concat()).status.success());
    refused(
        &https(&[("ARGOCD_ENV_HTTPS_PROXY", &address)]),
        4,
        "reading kv/db from Vault: the server's name is not known (3 attempts)",
    );
    assert!(proxy.requests().is_empty());
}

#[test]
fn who_waits_at_a_terminal_sees_how_far_it_is() {
    let slow = || {
        Server::start(|stream, request, _| {
            let is_mount = request.contains("/sys/internal/");
            std::thread::sleep(Duration::from_millis(if is_mount { 0 } else { 1300 }));
            answer(stream, 200, "", if is_mount { MOUNT } else { r#"{"data": {"data": {"k": "v"}}}"# });
        })
    };
    // Piped: silent, however long it takes
    let output = token(&slow());
    assert!(output.status.success() && output.stderr.is_empty());
    let server = slow();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), KEY).unwrap();
    fs::write(folder.path().join("app.yaml"), MANIFEST).unwrap();
    let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join(CERTIFICATE);
    let program = env!("CARGO_BIN_EXE_sealref");
    let line =
        format!("{program} render --sealing-key key --certificate {} -o out.yaml app.yaml", certificate.display());
    let at_a_terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(&folder)
        .env("VAULT_ADDR", server.url(""))
        .env("VAULT_TOKEN", CANARY)
        .stdin(Stdio::null())
        .output();
    // util-linux has it; where it is missing, that is said
    let Ok(output) = at_a_terminal else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "script is missing");
        let _ = writeln!(std::io::stderr(), "skipped: script (util-linux)");
        return;
    };
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert_eq!(shown, "\r\u{1b}[Kfetching: 0 of 1 after 1 s\r\u{1b}[K");
}
