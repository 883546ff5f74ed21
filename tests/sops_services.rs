//! Files that the real `sops` encrypted for keys of services: AWS KMS (moto) and transit (OpenBao). Nobody is asked for a
//! key that the operator has not named.

#![cfg(feature = "aws")]
#![allow(dead_code, reason = "each test needs a part of it")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

#[path = "support/openbao.rs"]
mod openbao;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;

use openbao::{OpenBao, ROOT};
use peer_server::PeerServer;
use serde_json::json;

const CLEAR: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n\
                     stringData: {user: app, password: hunter2-s3cret}\n";

/// A folder with a Secret that sops has encrypted, and how programs are called there.
struct Place {
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    fn new(environment: Vec<(&'static str, String)>, keys: &[&str]) -> Option<Self> {
        let sops = peers::peer("sops")?;
        let place = Self { folder: tempfile::tempdir().unwrap(), environment };
        let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/demo-certificate.pem");
        fs::copy(certificate, place.folder.path().join("cert.pem")).unwrap();
        fs::write(place.folder.path().join("db.yaml"), CLEAR).unwrap();
        let rule = ["encrypt", "--in-place", "--encrypted-regex", "^(data|stringData)$"];
        let output = place.run(&sops, &[&rule[..], keys, &["db.yaml"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(place)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).output().unwrap()
    }

    fn render(&self, more: &[&str]) -> Output {
        let fixed = ["render", "db.yaml", "--certificate", "cert.pem"];
        self.run(Path::new(env!("CARGO_BIN_EXE_sealref")), &[&fixed, more].concat())
    }

    fn sealed(&self, more: &[&str]) {
        let output = self.render(more);
        let (text, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && told.is_empty(), "{told}");
        assert!(text.contains("kind: SealedSecret") && text.contains("\n    password: "), "{text}");
        assert_eq!(self.render(more).stdout, output.stdout, "another output at the second time");
    }

    fn refused(&self, more: &[&str], exit: i32, message: &str) {
        let output = self.render(more);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(exit), 0), "{told}");
        assert!(told.contains(message) && told.contains("hint: ") && !told.contains("s3cret"), "{told}");
    }
}

const KEY: &str = "import boto3, sys
kms = boto3.client('kms', endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='x', aws_secret_access_key='x')
print(kms.create_key()['KeyMetadata']['Arn'], end='')";

/// Names and values for the environment.
type Variables = Vec<(&'static str, String)>;

/// moto, a key in it, and how it is asked; None where it is missing.
fn aws() -> Option<(PeerServer, String, Variables)> {
    let program = peers::peer("moto_server")?;
    let server =
        PeerServer::start(&program, |port| vec!["-H".into(), "127.0.0.1".into(), "-p".into(), port.to_string()]);
    let python = fs::canonicalize(program).unwrap().with_file_name("python");
    let made = Command::new(python).args(["-c", KEY, &server.url()]).output().unwrap();
    let arn = String::from_utf8(made.stdout).unwrap();
    let environment = vec![
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test-only".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_ENDPOINT_URL", server.url()),
    ];
    Some((server, arn, environment))
}

#[test]
fn a_file_for_a_key_of_aws_is_opened_where_the_operator_allows_the_key() {
    let Some((_server, arn, environment)) = aws() else { return };
    let Some(place) = Place::new(environment, &["--kms", &arn, "--encryption-context", "app:shop"]) else { return };
    place.refused(&[], 3, "which nobody has allowed");
    place.refused(&["--allow-key", "arn:aws:kms:eu-west-1:*:key/another"], 3, "which nobody has allowed");
    place.sealed(&["--allow-key", &arn]);
    place.sealed(&["--allow-key", "arn:aws:kms:eu-west-1:*:key/*"]);
    // What the ciphertext is bound to stands in the file, where somebody may change it.
    let path = place.folder.path().join("db.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("app: shop", "app: other")).unwrap();
    place.refused(&["--allow-key", &arn], 1, &arn);
}

#[test]
fn a_file_for_a_key_of_transit_is_opened_by_the_configured_server_alone() {
    let Some(server) = OpenBao::start() else { return };
    server.api("POST", "sys/mounts/transit", &json!({"type": "transit"}));
    server.api("POST", "transit/keys/shop", &json!({}));
    let address = server.address();
    let environment = vec![("VAULT_ADDR", address.clone()), ("VAULT_TOKEN", ROOT.to_owned())];
    let key = format!("{address}/v1/transit/keys/shop");
    let Some(mut place) = Place::new(environment, &["--hc-vault-transit", &key]) else { return };
    let begin = server.logged();
    place.sealed(&[]);
    let asked = server.asked(begin);
    assert_eq!(asked, ["update transit/decrypt/shop"; 2], "once in each of two runs");
    place.environment = vec![("VAULT_ADDR", "https://vault.example:8200".to_owned()), ("VAULT_TOKEN", ROOT.to_owned())];
    let begin = server.logged();
    place.refused(&[], 3, "which nobody has allowed");
    assert!(server.asked(begin).is_empty(), "the token went to a server that the file named");
}

/// In the order that sops keeps: as they stand in the file, or as the operator wants it.
#[test]
fn of_two_services_one_is_asked_in_the_order_of_the_operator() {
    let (Some((_server, arn, mut environment)), Some(vault)) = (aws(), OpenBao::start()) else { return };
    vault.api("POST", "sys/mounts/transit", &json!({"type": "transit"}));
    vault.api("POST", "transit/keys/shop", &json!({}));
    environment.extend([("VAULT_ADDR", vault.address()), ("VAULT_TOKEN", ROOT.to_owned())]);
    let key = format!("{}/v1/transit/keys/shop", vault.address());
    let Some(mut place) = Place::new(environment, &["--kms", &arn, "--hc-vault-transit", &key]) else { return };
    let sops = peers::peer("sops").unwrap();
    for (order, asked) in [("", 0), ("hc_vault", 1), ("kms,hc_vault", 0), ("nobody,hc_vault,kms", 1)] {
        place.environment.retain(|(name, _)| *name != "SOPS_DECRYPTION_ORDER");
        place.environment.push(("SOPS_DECRYPTION_ORDER", order.to_owned()));
        let begin = vault.logged();
        assert!(place.run(&sops, &["--disable-version-check", "decrypt", "db.yaml"]).status.success());
        assert_eq!(vault.asked(begin).len(), asked, "sops, {order}");
        let begin = vault.logged();
        assert!(place.render(&["--allow-key", &arn]).status.success());
        assert_eq!(vault.asked(begin).len(), asked, "{order}");
    }
}
