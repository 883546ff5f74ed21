//! A real OpenBao on loopback, in memory, with an audit log and a listener that speaks TLS. It stops with the test.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct OpenBao {
    child: Child,
    folder: TempDir,
    port: u16,
    tls_port: u16,
}

/// The token that may do everything.
pub(crate) const ROOT: &str = "root-token-of-a-test";

impl OpenBao {
    /// None where it is not installed, after a line that says so.
    pub(crate) fn start() -> Option<Self> {
        let program = super::peers::peer("openbao")?;
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let (port, tls_port) = (free_port(), free_port());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (log, server, key) = (at("audit.log"), at("server.pem"), at("server.key"));
        let configuration = format!(
            "audit \"file\" \"log\" {{\n  options {{ file_path = \"{log}\" }}\n}}\n\
             listener \"tcp\" {{\n  address = \"127.0.0.1:{tls_port}\"\n  tls_cert_file = \"{server}\"\n  \
             tls_key_file = \"{key}\"\n}}\n"
        );
        fs::write(folder.path().join("more.hcl"), configuration).unwrap();
        let printed = fs::File::create(folder.path().join("printed")).unwrap();
        let child = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token", &format!("-dev-root-token-id={ROOT}")])
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .arg(format!("-config={}", at("more.hcl")))
            .env_clear()
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(printed.try_clone().unwrap())
            .stderr(printed)
            .spawn()
            .unwrap();
        let server = Self { child, folder, port, tls_port };
        let until = Instant::now() + Duration::from_mins(1);
        while !server.ready() {
            assert!(Instant::now() < until, "{}", fs::read_to_string(server.file("printed")).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn ready(&self) -> bool {
        // The development server makes secret/ last of all
        self.ask("GET", "sys/internal/ui/mounts/secret", ROOT, "", "").is_some_and(|(status, _)| status == 200)
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn tls_address(&self) -> String {
        format!("https://127.0.0.1:{}", self.tls_port)
    }

    /// `authority.pem`, `other.pem`, `client.pem`, `client.key`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Asks as root; whatever is refused fails the test.
    pub(crate) fn api(&self, method: &str, path: &str, body: &Value) -> Value {
        self.api_in("", method, path, body)
    }

    pub(crate) fn api_in(&self, namespace: &str, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, ROOT, namespace, &body.to_string()).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    fn ask(&self, method: &str, path: &str, token: &str, namespace: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let request = format!(
            "{method} /v1/{path} HTTP/1.0\r\nX-Vault-Token: {token}\r\nX-Vault-Namespace: {namespace}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// A secret of the engine of version 2 at `secret/`.
    pub(crate) fn put(&self, path: &str, data: &Value) {
        self.api("POST", &format!("secret/data/{path}"), &json!({"data": data}));
    }

    /// What was asked since `begin`, as the server's own log has it: `read secret/data/db`.
    pub(crate) fn asked(&self, begin: usize) -> Vec<String> {
        let log = fs::read_to_string(self.file("audit.log")).unwrap();
        let lines = log.lines().skip(begin).map(|line| serde_json::from_str::<Value>(line).unwrap());
        let requests = lines.filter(|line| line["type"] == "request");
        let words = |line: Value| {
            let text = |name: &str| line["request"][name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("operation"), text("path"))
        };
        requests.map(words).collect()
    }

    /// How many lines its log has now.
    pub(crate) fn logged(&self) -> usize {
        fs::read_to_string(self.file("audit.log")).unwrap().lines().count()
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority that issued the certificates of the server and of a client, and another one that did not.
fn certificates(folder: &Path) {
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    for name in ["authority", "other"] {
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        write(&format!("{name}.pem"), authority.self_signed(&key).unwrap().pem());
        if name == "other" {
            continue;
        }
        let issuer = Issuer::new(authority, key);
        for (name, names, usage) in [
            ("server", vec!["127.0.0.1".to_owned(), "localhost".to_owned()], ExtendedKeyUsagePurpose::ServerAuth),
            ("client", vec!["client.test".to_owned()], ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let mut leaf = CertificateParams::new(names).unwrap();
            leaf.extended_key_usages = vec![usage];
            leaf.distinguished_name.push(rcgen::DnType::CommonName, name);
            let key = KeyPair::generate().unwrap();
            write(&format!("{name}.pem"), leaf.signed_by(&key, &issuer).unwrap().pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
    }
}
