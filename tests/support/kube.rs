//! A real API server with etcd behind it, on loopback; both stop with the test.

use std::fs;
use std::process::Command;

use crate::peer_server::{PeerServer, free_port};
use crate::peers::peer;

/// Dropped in this order: the API server hangs where etcd goes first.
pub(crate) struct Kube {
    api: PeerServer,
    _etcd: PeerServer,
    folder: tempfile::TempDir,
}

/// Tokens, users, uids and groups of the API server.
const TOKENS: &str = "admin-token,admin,admin-uid,\"system:masters\"\nreader-token,reader,reader-uid\nnobody-token,nobody,nobody-uid\nlive-token,live,live-uid\n";

impl Kube {
    /// None where a program is missing.
    pub(crate) fn start() -> Option<Self> {
        let (program, etcd) = (peer("kube-apiserver")?, peer("etcd")?);
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (peer, data) = (format!("http://127.0.0.1:{}", free_port()), at("etcd"));
        let etcd = PeerServer::start(&etcd, |port| {
            let client = format!("http://127.0.0.1:{port}");
            [
                ["--data-dir", &data],
                ["--listen-client-urls", &client],
                ["--advertise-client-urls", &client],
                ["--listen-peer-urls", &peer],
                ["--initial-advertise-peer-urls", &peer],
                ["--initial-cluster", &format!("default={peer}")],
            ]
            .concat()
            .into_iter()
            .chain(["--unsafe-no-fsync"])
            .map(str::to_owned)
            .collect()
        });
        fs::write(at("tokens.csv"), TOKENS).unwrap();
        openssl(&["genpkey", "-algorithm", "RSA", "-out", &at("sa.key")]);
        openssl(&["pkey", "-in", &at("sa.key"), "-pubout", "-out", &at("sa.pub")]);
        let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"];
        let (key, certificate) = (at("client.key"), at("client.crt"));
        let rest = ["/O=system:masters/CN=admin", "-keyout", &key, "-out", &certificate];
        let extension = ["-addext", "extendedKeyUsage=clientAuth"];
        openssl(&[&request[..], &rest, &extension].concat());
        fs::write(at("audit.yaml"), "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n").unwrap();
        let api = PeerServer::start(&program, |port| {
            [
                format!("--etcd-servers={}", etcd.url()),
                format!("--secure-port={port}"),
                "--bind-address=127.0.0.1".into(),
                format!("--cert-dir={}", at("certificates")),
                "--service-account-issuer=https://kubernetes.default.svc".into(),
                format!("--service-account-key-file={}", at("sa.pub")),
                format!("--service-account-signing-key-file={}", at("sa.key")),
                "--authorization-mode=RBAC".into(),
                format!("--token-auth-file={}", at("tokens.csv")),
                format!("--client-ca-file={}", at("client.crt")),
                "--service-cluster-ip-range=10.0.0.0/24".into(),
                "--allow-privileged".into(),
                "--disable-admission-plugins=ServiceAccount".into(),
                // Who asked for what, for who wants to know
                format!("--audit-policy-file={}", at("audit.yaml")),
                format!("--audit-log-path={}", at("audit.log")),
            ]
            .to_vec()
        });
        Some(Self { api, _etcd: etcd, folder })
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The authority that the API server has made for itself.
    pub(crate) fn authority(&self) -> String {
        self.at("certificates/apiserver.crt")
    }

    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.api.port)
    }

    /// Makes an object, and waits until the API server is ready to.
    pub(crate) fn make(&self, path: &str, object: &serde_json::Value) {
        let mut told = String::new();
        for _ in 0..120 {
            let url = format!("{}{path}", self.server());
            let output = Command::new("curl")
                .args(["-s", "-w", "%{http_code}", "--cacert", &self.authority(), &url])
                .args(["-H", "Authorization: Bearer admin-token", "-H", "Content-Type: application/json"])
                .args(["-d", &object.to_string()])
                .output()
                .unwrap();
            told = String::from_utf8_lossy(&output.stdout).into_owned();
            if told.ends_with("201") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        panic!("{path} cannot be made: {told}");
    }
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
