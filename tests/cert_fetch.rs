//! `sealref cert fetch`: from a stub of the controller, through a stub of an API server, and what a real API server says.

#![cfg(feature = "cluster")]
#![allow(dead_code, reason = "each test needs a part of it")]

use std::fs;
use std::path::PathBuf;

use serde_json::json;

#[path = "support/kube.rs"]
mod kube;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use kube::Kube;
use program::Program;
use server::{Server, answer};

const OLD: &str = include_str!("vectors/sealing/certificates/test-only-rsa-3072.pem");
const NEW: &str = include_str!("vectors/sealing/certificates/test-only-rsa-2048.pem");

/// The certificate alone, without the words around it.
fn alone() -> &'static str {
    NEW.get(NEW.find("-----BEGIN").unwrap()..).unwrap()
}

/// What `openssl x509 -fingerprint -sha256` says of the new one.
fn fingerprint() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/sealing/certificates/test-only-rsa-2048.pem");
    let arguments = ["x509", "-noout", "-fingerprint", "-sha256", "-in", path];
    let output = std::process::Command::new("openssl").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A stub of the controller: the new certificate with text around it, or something else.
fn controller() -> Server {
    Server::start(|stream, request, _| match request.split(' ').nth(1).unwrap() {
        "/v1/cert.pem" => answer(stream, 200, "", &format!("# some text\n{NEW}")),
        "/login" => answer(stream, 200, "", "<html>s3cret</html>"),
        "/moved" => answer(stream, 302, "Location: /v1/cert.pem\r\n", ""),
        _ => answer(stream, 404, "", "s3cret"),
    })
}

struct Run(Program);

impl Run {
    fn new(certificate: &str) -> Self {
        let run = Self(Program::new());
        let settings = format!(
            "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {{sealing: {{certificate: {certificate}}}}}\n"
        );
        fs::create_dir_all(run.path("keys")).unwrap();
        fs::write(run.path(".sealref.yaml"), settings).unwrap();
        fs::write(run.path("keys/sealed.pem"), OLD).unwrap();
        run
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder().join(name)
    }

    fn fetch(&self, arguments: &str) -> (Option<i32>, String, String) {
        let output = self.0.shell(&format!("sealref cert fetch {arguments}"), b"");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(!stdout.contains("s3cret") && !stderr.contains("s3cret"), "{stderr}");
        (output.status.code(), stdout, stderr)
    }

    fn written(&self) -> String {
        fs::read_to_string(self.path("keys/sealed.pem")).unwrap()
    }
}

#[test]
fn a_certificate_with_the_known_fingerprint_is_printed_or_written() {
    let controller = controller();
    let arguments = format!("--url {} --fingerprint '{}'", controller.url("/v1/cert.pem"), fingerprint());
    let run = Run::new("keys/sealed.pem");
    let (code, printed, told) = run.fetch(&arguments);
    assert_eq!((code, printed.as_str()), (Some(0), alone()), "{told}");
    assert!(told.contains("valid until"), "{told}");
    assert_eq!(run.written(), OLD);
    let (code, printed, told) = run.fetch(&format!("{arguments} --write"));
    assert_eq!(code, Some(0), "{told}");
    assert!(printed.contains("keys/sealed.pem\nfingerprint  sha256:"), "{printed}");
    assert_eq!(run.written(), alone());
    // A new file as well
    fs::remove_file(run.path("keys/sealed.pem")).unwrap();
    assert_eq!(run.fetch(&format!("{arguments} --write")).0, Some(0));
    assert_eq!(run.written(), alone());
}

#[test]
fn what_is_not_the_known_certificate_changes_nothing() {
    let controller = controller();
    let run = Run::new("keys/sealed.pem");
    let zeros = "0".repeat(64);
    let known = fingerprint();
    let table = [
        ("/v1/cert.pem", zeros.as_str(), 3, "another certificate is served: sha256:"),
        ("/login", &known, 1, "this is not a certificate"),
        ("/moved", &known, 1, "the server answered 302, a redirect, and redirects are not followed"),
        ("/other", &known, 4, "the server refuses it (status 404)"),
        ("/v1/cert.pem", "abc", 2, "the fingerprint is no SHA-256"),
    ];
    for (path, fingerprint, exit, words) in table {
        let arguments = format!("--write --url {} --fingerprint '{fingerprint}'", controller.url(path));
        let (code, printed, told) = run.fetch(&arguments);
        assert_eq!((code, printed.as_str()), (Some(exit), ""), "{path}: {told}");
        assert!(told.contains(words) && told.contains("hint: "), "{path}: {told}");
        assert_eq!(run.written(), OLD, "{path}");
    }
    let (code, _, told) = run.fetch(&format!("--url {}", controller.url("/v1/cert.pem")));
    assert_eq!(code, Some(2), "a URL alone proves nothing: {told}");
}

#[test]
fn nothing_but_a_certificate_of_the_repository_is_overwritten() {
    let controller = controller();
    let arguments = format!("--write --url {} --fingerprint '{}'", controller.url("/v1/cert.pem"), fingerprint());
    let table = [
        ("../outside.pem", "lies outside of the repository, or in .git"),
        ("link/outside.pem", "lies outside of the repository, or in .git"),
        (".git/config", "lies outside of the repository, or in .git"),
        ("/etc/outside.pem", "the certificate stands in the settings themselves, or elsewhere"),
        ("notes.pem", "the file is there and is no certificate, so it stays"),
    ];
    for (name, words) in table {
        let run = Run::new(name);
        fs::create_dir(run.path(".git")).unwrap();
        std::os::unix::fs::symlink("/tmp", run.path("link")).unwrap();
        fs::write(run.path("notes.pem"), "mine").unwrap();
        let (code, printed, told) = run.fetch(&arguments);
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{name}: {told}");
        assert!(told.contains(words), "{name}: {told}");
        assert_eq!(fs::read_to_string(run.path("notes.pem")).unwrap(), "mine");
        assert!(!run.path(".git/config").exists() && !std::path::Path::new("/tmp/outside.pem").exists());
    }
    assert!(controller.requests().is_empty(), "where it goes is known before anybody is asked");
}

/// The file of the cluster that is sealed for, and of no other: by option, by environment, by the settings.
#[test]
fn the_file_of_the_cluster_that_is_chosen_is_written() {
    let controller = controller();
    let arguments = format!("--write --url {} --fingerprint '{}'", controller.url("/v1/cert.pem"), fingerprint());
    let clusters = "cluster: dev, clusters: {dev: {certificate: dev.pem}, prod: {certificate: prod.pem}}";
    let spec = format!("{{{clusters}, environments: {{live: {{cluster: prod}}, test: {{}}}}}}");
    for (more, written) in
        [("-e live", "prod.pem"), ("-e live --cluster dev", "dev.pem"), ("-e test", "dev.pem"), ("", "dev.pem")]
    {
        let run = Run::new("unused.pem");
        let settings = format!("apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {spec}\n");
        fs::write(run.path(".sealref.yaml"), settings).unwrap();
        for name in ["dev.pem", "prod.pem"] {
            fs::write(run.path(name), OLD).unwrap();
        }
        let (code, printed, told) = run.fetch(&format!("{arguments} {more}"));
        assert_eq!(code, Some(0), "{told}");
        assert!(printed.contains(written), "{more}: {printed}");
        for name in ["dev.pem", "prod.pem"] {
            let expected = if name == written { alone() } else { OLD };
            assert!(fs::read_to_string(run.path(name)).unwrap() == expected, "{more}: {name}");
        }
        let (code, _, told) = run.fetch(&format!("{arguments} -e liv"));
        assert!(code == Some(1) && told.contains("the settings have no environment \"liv\""), "{told}");
    }
}

/// Nobody writes into it, so that whoever waits for that waits for ever.
#[test]
fn a_pipe_is_no_certificate_of_the_settings() {
    let controller = controller();
    let run = Run::new("keys/pipe.pem");
    let fetch =
        format!("cert fetch --write --url {} --fingerprint '{}'", controller.url("/v1/cert.pem"), fingerprint());
    for command in ["cert show", &fetch] {
        let line = format!("mkfifo keys/pipe.pem; timeout 20 {} {command}", program::SEALREF);
        let output = run.0.shell(&format!("PATH=/usr/bin:/bin; {line}"), b"");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("is no certificate") || told.contains("is not a regular file"), "{told}");
    }
}

fn kubeconfig(server: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         users: [{{name: a, user: {{token: admin-token}}}}]\nclusters:\n- name: a\n  cluster: {{server: \"{server}\"{more}}}\n"
    )
}

/// A stub of an API server: a real one has no controller behind it that could run here.
#[test]
fn the_controller_is_asked_through_the_proxy_of_its_service() {
    let api = Server::start(|stream, request, _| {
        let path = request.split(' ').nth(1).unwrap();
        let service = "/api/v1/namespaces/sealing/services/sealed-secrets";
        assert!(request.to_lowercase().contains("authorization: bearer admin-token"));
        match path {
            _ if path == service => {
                answer(stream, 200, "", &json!({"kind": "Service", "spec": {"ports": [{"name": "web"}]}}).to_string());
            }
            "/api/v1/namespaces/sealing/services/http:sealed-secrets:web/proxy/v1/cert.pem" => {
                answer(stream, 200, "", NEW);
            }
            _ => answer(stream, 404, "", "{}"),
        }
    });
    let run = Run::new("keys/sealed.pem");
    fs::write(run.path("kubeconfig"), kubeconfig(&api.url(""), "")).unwrap();
    let from = "--controller-namespace sealing --controller-name sealed-secrets";
    let output = run.0.shell(&format!("export KUBECONFIG=kubeconfig; sealref cert fetch --write {from}"), b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(run.written(), alone());
    let output = run.0.shell("export KUBECONFIG=kubeconfig; sealref cert fetch", b"");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("reading the Service \"kube-system/sealed-secrets-controller\": it is not there"), "{told}");
}

/// The same paths, on a real API server: it knows the Service, looks for who is behind it, and finds nobody.
#[test]
fn a_real_api_server_understands_what_it_is_asked() {
    let Some(kube) = Kube::start() else { return };
    let port = json!([{"name": "http", "port": 8080}]);
    let service = json!({"metadata": {"name": "sealed-secrets-controller"}, "spec": {"ports": port}});
    kube.make("/api/v1/namespaces/kube-system/services", &service);
    let nobody = json!({"metadata": {"name": "sealed-secrets-controller"}});
    kube.make("/api/v1/namespaces/kube-system/endpoints", &nobody);
    let run = Run::new("keys/sealed.pem");
    let more = format!(", certificate-authority: \"{}\"", kube.authority());
    fs::write(run.path("kubeconfig"), kubeconfig(&kube.server(), &more)).unwrap();
    let ask = |more: &str| {
        let output = run.0.shell(&format!("export KUBECONFIG=kubeconfig; sealref cert fetch --write {more}"), b"");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = ask("--controller-name absent");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("reading the Service \"kube-system/absent\": it is not there (status 404)"), "{told}");
    let (code, told) = ask("");
    assert_eq!(code, Some(4), "{told}");
    assert!(
        told.contains("reading the certificate behind the Service \"kube-system/sealed-secrets-controller\""),
        "{told}"
    );
    assert!(told.contains("503"), "{told}");
    assert_eq!(run.written(), OLD);
}
