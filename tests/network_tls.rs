//! The transport against servers whose certificates, or whose TLS, is wrong: fault F21 of the table, and threat N1.
//! Nothing is ever sent to them.

#![cfg(feature = "remote")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use sealref::error::{Exit, Problem};
use sealref::model::{Reply, Request, Tls};
use sealref::outside::http::{Network, Patience};
use zeroize::Zeroizing;

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;

use server::{Server, send};

/// An authority, as PEM and as what issues.
struct Authority(String, Issuer<'static, KeyPair>, CertificateDer<'static>);

fn authority() -> Authority {
    let mut parameters = CertificateParams::new(vec![]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = parameters.self_signed(&key).unwrap();
    Authority(own.pem(), Issuer::new(parameters, key), own.der().clone())
}

/// A certificate for this machine, and its key.
fn issued(by: &Authority, change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    change(&mut parameters);
    let key = KeyPair::generate().unwrap();
    (parameters.signed_by(&key, &by.1).unwrap().der().clone(), key)
}

struct TlsServer {
    server: Server,
    /// What came through TLS.
    heard: Arc<Mutex<Vec<u8>>>,
}

impl TlsServer {
    fn start((certificate, key): (CertificateDer<'static>, KeyPair), clients: Option<&Authority>) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = match clients {
            None => builder.unwrap().with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.2.clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
                builder.unwrap().with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = Arc::new(builder.with_single_cert(vec![certificate], key).unwrap());
        let heard = Arc::new(Mutex::new(vec![]));
        let log = Arc::clone(&heard);
        let server = Server::raw(move |stream| talk(stream, Arc::clone(&config), &log));
        Self { server, heard }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.server.port())
    }

    fn heard(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

fn talk(mut stream: TcpStream, config: Arc<ServerConfig>, log: &Mutex<Vec<u8>>) {
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut connection = ServerConnection::new(config).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let mut buffer = [0; 4096];
    if let Ok(count) = tls.read(&mut buffer) {
        log.lock().unwrap().extend_from_slice(&buffer[..count]);
        let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine");
    }
}

fn ask(url: &str, trusted: &Authority, identity: Option<String>) -> Result<Reply, Problem> {
    let bytes = |text: String| Zeroizing::new(text.into_bytes());
    let mut request = Request::get("reading kv/db".to_owned(), url.to_owned());
    request.tls = Some(Arc::new(Tls { authorities: Some(bytes(trusted.0.clone())), identity: identity.map(bytes) }));
    Network::new(Patience::default()).ask_all(vec![request]).pop().unwrap()
}

#[track_caller]
fn refused(answer: Result<Reply, Problem>, what: &str) {
    let Err(problem) = answer else { panic!("it was answered") };
    assert_eq!(problem.message(), format!("reading kv/db: {what}"));
    assert!(problem.advice().is_some_and(|hint| !hint.is_empty()), "{problem}");
    assert_eq!(problem.code(), Exit::Failed, "{problem}");
}

#[test]
fn a_good_certificate_is_the_control_of_these_tests() {
    let authority = authority();
    let server = TlsServer::start(issued(&authority, |_| ()), None);
    assert_eq!(ask(&server.url(), &authority, None).unwrap().bytes.as_slice(), b"fine");
    assert!(server.heard() > 0);
}

#[test]
fn a_certificate_out_of_its_time_f21() {
    let authority = authority();
    let expired = issued(&authority, |parameters| parameters.not_after = date_time_ymd(2020, 1, 1));
    let early = issued(&authority, |parameters| parameters.not_before = date_time_ymd(2200, 1, 1));
    for (certificate, what) in
        [(expired, "the server's certificate has expired"), (early, "the server's certificate is not valid yet")]
    {
        let server = TlsServer::start(certificate, None);
        refused(ask(&server.url(), &authority, None), what);
        assert_eq!(server.heard(), 0, "{what}");
    }
}

#[test]
fn a_certificate_for_another_name_f21() {
    let authority = authority();
    let names = ["vault.example", "10.0.0.1"];
    for name in names {
        let other = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let server = TlsServer::start(issued(&authority, |p| p.subject_alt_names = other.subject_alt_names), None);
        refused(ask(&server.url(), &authority, None), "the server's certificate is for another name");
        assert_eq!(server.heard(), 0, "{name}");
    }
}

#[test]
fn a_certificate_of_somebody_else_or_of_its_own_f21() {
    let (known, stranger) = (authority(), authority());
    let server = TlsServer::start(issued(&stranger, |_| ()), None);
    refused(ask(&server.url(), &known, None), "the server's certificate was issued by somebody who is not trusted");
    assert_eq!(server.heard(), 0);
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let own = parameters.self_signed(&key).unwrap().der().clone();
    let server = TlsServer::start((own, key), None);
    refused(ask(&server.url(), &known, None), "the server's certificate was issued by somebody who is not trusted");
    assert_eq!(server.heard(), 0);
}

#[test]
fn a_server_that_wants_a_certificate_of_ours_f21() {
    let authority = authority();
    let server = TlsServer::start(issued(&authority, |_| ()), Some(&authority));
    refused(ask(&server.url(), &authority, None), "the server refuses us in TLS");
    assert_eq!(server.heard(), 0);
    let (certificate, key) = issued(&authority, |_| ());
    let pem = |der: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    let identity = pem(&certificate) + &key.serialize_pem();
    assert!(ask(&server.url(), &authority, Some(identity)).is_ok());
}

#[test]
fn tls_of_old_and_no_tls_at_all_f21() {
    let authority = authority();
    // A fatal alert "protocol_version", as servers of TLS 1.0 and 1.1 send it, and a ServerHello of TLS 1.1
    let alert: &[u8] = b"\x15\x03\x02\x00\x02\x02\x46";
    let mut hello = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02".to_vec();
    hello.extend([7; 32]);
    hello.extend(b"\x00\xc0\x13\x00");
    let old = "the server speaks no version of TLS that is safe";
    for (bytes, what) in [
        (alert.to_vec(), old),
        (hello, old),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "the server does not speak TLS"),
    ] {
        let server = Server::raw(move |mut stream| {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            send(&mut stream, &bytes);
            let _ = stream.read(&mut buffer);
        });
        refused(ask(&format!("https://127.0.0.1:{}/", server.port()), &authority, None), what);
    }
}

#[test]
fn authorities_that_are_none_f21() {
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let Authority(_, issuer, der) = authority();
        let authority = Authority(pem.to_owned(), issuer, der);
        let problem = ask("https://127.0.0.1:1/", &authority, None).err().unwrap();
        assert_eq!(problem.code(), Exit::Failed, "{problem}");
        assert!(problem.advice().is_some(), "{problem}");
    }
}
