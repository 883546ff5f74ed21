//! The published vectors, made anew from their inputs and compared with the files byte for byte.
//!
//! With `SEALREF_BLESS=1` the files are written instead. `tests/sealing_second.rs` checks the same
//! files with another implementation, which shares no code with this room.
#![allow(clippy::disallowed_methods, reason = "a test reads and writes the published files")]

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::certificate::hex;
use super::*;

#[test]
fn the_published_vectors_come_out_again() {
    let mut total = 0;
    for (file, cases) in
        [("sizes.json", sizes()), ("secrets.json", secrets()), ("places.json", places()), ("origins.json", origins())]
    {
        total += cases.len();
        let vectors: Vec<Vector> = cases.into_iter().map(Case::compute).collect();
        let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
        let path = folder().join(file);
        if std::env::var_os("SEALREF_BLESS").is_some() {
            std::fs::write(&path, text).unwrap();
        } else {
            let published = std::fs::read_to_string(&path).unwrap();
            assert!(published == text, "{file} differs from what the library makes");
        }
    }
    assert!(total >= 200, "{total}");
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing")
}

/// Every size in every scope for every usual certificate.
fn sizes() -> Vec<Case> {
    let mut cases = Vec::new();
    for certificate in ["2048", "3072", "4096"] {
        for scope in SCOPES {
            for (i, size) in SIZES.into_iter().enumerate() {
                let (kind, plaintext) = content(size, i);
                cases.push(Case {
                    comment: format!("{size} bytes of {kind}"),
                    certificate,
                    scope,
                    plaintext,
                    ..Case::default()
                });
            }
        }
    }
    // A modulus of 2051 bits and the exponent 65539
    for (scope, size) in SCOPES.into_iter().flat_map(|s| [0, 1, 33, 256].map(|n| (s, n))) {
        cases.push(Case {
            comment: format!("{size} bytes, an unusual RSA key"),
            certificate: "2051",
            scope,
            plaintext: content(size, 2).1,
            ..Case::default()
        });
    }
    cases
}

/// Every kind of secret that the keys can come from.
fn secrets() -> Vec<Case> {
    let data = |n: u8| vec![n; 32];
    let table = [
        ("K of zeros", Some([0; 32]), vec![]),
        ("K of ones", Some([0xff; 32]), vec![]),
        ("one data key", None, vec![data(1)]),
        ("two data keys", None, vec![data(1), data(2)]),
        ("two data keys, descending", None, vec![data(2), data(1)]),
        ("a data key twice", None, vec![data(1), data(1)]),
        ("three data keys", None, vec![data(0xff), data(0), data(0x80)]),
        ("K and one data key", Some(COUNTED), vec![data(1)]),
        ("K and a data key equal to it", Some(COUNTED), vec![COUNTED.to_vec()]),
        ("K and three data keys", Some(COUNTED), vec![data(9), data(7), data(8)]),
        ("data keys of several lengths", None, vec![vec![1; 33], vec![1; 16], vec![1; 32]]),
        ("a data key that begins another", Some(COUNTED), vec![vec![5, 5], vec![5]]),
    ];
    let mut cases = Vec::new();
    for (i, (comment, key, data_keys)) in table.into_iter().enumerate() {
        for scope in SCOPES {
            cases.push(Case {
                comment: comment.into(),
                certificate: CERTIFICATES[i % 4],
                key,
                data_keys: data_keys.clone(),
                scope,
                ..Case::default()
            });
        }
    }
    cases
}

/// Names that are easily mixed up, and epochs and domains.
fn places() -> Vec<Case> {
    let long = "n".repeat(253).leak();
    let mut table = vec![
        ("no namespace", ["", "db", "password", "", ""]),
        ("the slash moved, 1", ["a", "bc", "d", "", ""]),
        ("the slash moved, 2", ["ab", "c", "d", "", ""]),
        ("name and item moved, 1", ["a", "b", "cd", "", ""]),
        ("name and item moved, 2", ["a", "bc", "d", "", ""]),
        ("long names", [long, long, long, "", ""]),
        ("an item with dots", ["prod", "tls", "tls.key", "", ""]),
        ("another item", ["prod", "db", "username", "", ""]),
        ("another name", ["prod", "db-1", "password", "", ""]),
        ("another namespace", ["test", "db", "password", "", ""]),
        ("names beyond ASCII", ["r\u{e9}gion", "\u{6570}\u{636e}", "\u{43a}\u{43b}", "", ""]),
        ("epoch", ["prod", "db", "password", "2", ""]),
        ("a long epoch", ["prod", "db", "password", &long[..64], ""]),
        ("domain", ["prod", "db", "password", "", "shop"]),
        ("epoch and domain", ["prod", "db", "password", "2", "shop"]),
        ("epoch and domain exchanged", ["prod", "db", "password", "shop", "2"]),
        ("a domain beyond ASCII", ["prod", "db", "password", "", "l\u{e4}den"]),
    ];
    table.push(("epoch in the place of domain", ["prod", "db", "password", "shop", ""]));
    let mut cases = Vec::new();
    for (i, (comment, [namespace, name, item, epoch, domain])) in table.into_iter().enumerate() {
        for scope in SCOPES {
            cases.push(Case {
                comment: comment.into(),
                certificate: CERTIFICATES[i % 4],
                scope,
                namespace,
                name,
                item,
                epoch,
                domain,
                ..Case::default()
            });
        }
    }
    cases
}

/// Values that come from references: one, several, with parameters, from age files.
fn origins() -> Vec<Case> {
    let vault = |fragment| reference("vault", "kv/prod/db", fragment, &[]);
    let age = |byte| Reference {
        file: Some(hex(&[byte; 32])),
        hash: Some([byte; 32]),
        ..reference("age", "secrets/tls.key.age", "", &[])
    };
    let region = &["version=3", "region=eu-west-1"];
    let table = vec![
        ("one reference", vec![vault("password")]),
        ("without a fragment", vec![vault("")]),
        ("two references", vec![vault("user"), vault("password")]),
        ("two references, the other way round", vec![vault("password"), vault("user")]),
        ("a reference twice", vec![vault("user"), vault("user")]),
        ("parameters", vec![reference("aws", "prod/db", "password", region)]),
        ("a parameter twice", vec![reference("aws", "prod/db", "", &["a=2", "a=1", "a=2"])]),
        ("a parameter without a value", vec![reference("aws", "prod/db", "", &["a=", "b"])]),
        ("parameters beyond ASCII", vec![reference("gcp", "p", "", &["\u{e4}=1", "z=2", "A=3"])]),
        ("an age file", vec![age(0xa5)]),
        ("an age file that was written anew", vec![age(0xa6)]),
        ("an age file and a reference", vec![age(0xa5), vault("password")]),
        ("path and fragment moved, 1", vec![reference("vault", "ab", "c", &[])]),
        ("path and fragment moved, 2", vec![reference("vault", "a", "bc", &[])]),
        ("only a scheme", vec![reference("vault", "", "", &[])]),
    ];
    let mut cases = Vec::new();
    for (i, (comment, references)) in table.into_iter().enumerate() {
        for (scope, domain) in [(Scope::Strict, ""), (Scope::NamespaceWide, "shop")] {
            cases.push(Case {
                comment: comment.into(),
                certificate: CERTIFICATES[i % 4],
                scope,
                domain,
                references: references.clone(),
                ..Case::default()
            });
        }
    }
    cases
}

fn reference(
    scheme: &'static str,
    path: &'static str,
    fragment: &'static str,
    parameters: &[&'static str],
) -> Reference {
    Reference { scheme, path, fragment, parameters: parameters.to_vec(), file: None, hash: None }
}

/// Bytes of a size: text, text beyond ASCII, or no text at all.
fn content(size: usize, kind: usize) -> (&'static str, Vec<u8>) {
    match kind % 3 {
        0 => ("ASCII", b"correct horse ".iter().copied().cycle().take(size).collect()),
        1 => {
            let mut text = String::new();
            while let Some(c) = "p\u{e4}ssw\u{f6}rd \u{2603} ".chars().cycle().nth(text.chars().count())
                && text.len() + c.len_utf8() <= size
            {
                text.push(c);
            }
            text.push_str(&"x".repeat(size - text.len()));
            ("UTF-8", text.into_bytes())
        }
        _ => ("binary", (0..size).map(|i| (i * 7 + 249).to_le_bytes()[0]).collect()),
    }
}

/// The inputs of one vector.
struct Case {
    comment: String,
    certificate: &'static str,
    key: Option<[u8; 32]>,
    data_keys: Vec<Vec<u8>>,
    scope: Scope,
    namespace: &'static str,
    name: &'static str,
    item: &'static str,
    epoch: &'static str,
    domain: &'static str,
    references: Vec<Reference>,
    plaintext: Vec<u8>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            comment: String::new(),
            certificate: "4096",
            key: Some(COUNTED),
            data_keys: vec![],
            scope: Scope::Strict,
            namespace: "prod",
            name: "db",
            item: "password",
            epoch: "",
            domain: "",
            references: vec![],
            plaintext: b"s3cret".to_vec(),
        }
    }
}

#[derive(Clone, Serialize)]
struct Reference {
    scheme: &'static str,
    path: &'static str,
    fragment: &'static str,
    parameters: Vec<&'static str>,
    /// SHA-256 of the age file, in hexadecimal digits and as bytes.
    file: Option<String>,
    #[serde(skip)]
    hash: Option<[u8; 32]>,
}

/// One vector as it is published; `README.md` beside the files says what each field is.
#[derive(Serialize)]
struct Vector {
    comment: String,
    certificate: String,
    key: Option<String>,
    data_keys: Vec<String>,
    scope: &'static str,
    namespace: &'static str,
    name: &'static str,
    item: &'static str,
    epoch: &'static str,
    domain: &'static str,
    references: Vec<Reference>,
    plaintext: String,
    spki: String,
    label: String,
    origin: String,
    d: String,
    session_key: String,
    oaep_seed: String,
    key_id: String,
    tag: String,
    ciphertext: String,
}

impl Case {
    fn compute(self) -> Vector {
        let certificate = format!("test-only-rsa-{}.pem", self.certificate);
        let pem = std::fs::read(folder().join("certificates").join(&certificate)).unwrap();
        let recipient = Certificate::read(&pem).unwrap();
        let key = self.key.map(|key| SealingKey::read(&key).unwrap().0);
        let data_keys: Vec<&[u8]> = self.data_keys.iter().map(Vec::as_slice).collect();
        let material = Material::new(key.as_ref(), &data_keys).unwrap();
        let references: Vec<Origin> = self.references.iter().map(Reference::borrow).collect();
        let origin = origin(&references);
        let place = Place {
            scope: self.scope,
            namespace: self.namespace,
            name: self.name,
            item: self.item,
            epoch: self.epoch,
            domain: self.domain,
            origin: &origin,
        };
        let label = self.scope.label(self.namespace, self.name);
        let keys = material.keys(recipient.spki(), &place, &self.plaintext);
        Vector {
            comment: self.comment,
            certificate,
            key: self.key.map(|key| hex(&key)),
            data_keys: self.data_keys.iter().map(|key| hex(key)).collect(),
            scope: self.scope.name(),
            namespace: self.namespace,
            name: self.name,
            item: self.item,
            epoch: self.epoch,
            domain: self.domain,
            references: self.references.clone(),
            plaintext: STANDARD.encode(&self.plaintext),
            spki: recipient.spki_hex(),
            label: String::from_utf8(label.clone()).unwrap(),
            origin: hex(&origin),
            d: hex(&*material.digest(recipient.spki(), &place, &self.plaintext)),
            session_key: hex(&*keys.session),
            oaep_seed: hex(&*keys.seed),
            key_id: material.key_id(self.domain),
            tag: hex(&material.tag(self.domain, self.namespace, self.name, self.item, &self.plaintext)),
            ciphertext: STANDARD.encode(seal(&recipient, keys, &label, &self.plaintext)),
        }
    }
}

impl Reference {
    fn borrow(&self) -> Origin<'_> {
        Origin {
            scheme: self.scheme,
            path: self.path,
            fragment: self.fragment,
            parameters: self.parameters.iter().map(ToString::to_string).collect(),
            file: self.hash,
        }
    }
}

const SCOPES: [Scope; 3] = [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide];
const SIZES: [usize; 11] = [0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 4096];
const CERTIFICATES: [&str; 4] = ["2048", "3072", "4096", "2051"];
/// 00 01 .. 1f, the key of the specification's own vector.
const COUNTED: [u8; 32] = *b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\
    \x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f";
