//! The published sealing vectors, computed by a second implementation.
//!
//! It was written from the specification's text (tests/vectors/sealing/README.md) and shares no
//! code with src/seal: HMAC, HKDF and OAEP by hand, SHA-256 and AES-GCM from ring, numbers from
//! num-bigint, certificates and keys through a reader of DER that is as long as it must be.

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::Value;

#[test]
fn the_specifications_own_vector_comes_out() {
    let key: Vec<u8> = (0..32).collect();
    let [s, _, i] = secrets(&key, vec![]);
    let d = hmac(
        &s,
        &f(&[
            b"sealref.dev/seal/v1",
            &sha(b"spki"),
            b"Strict",
            b"prod/db",
            b"prod",
            b"db",
            b"password",
            b"",
            b"",
            b"",
            b"s3cret",
        ]),
    );
    assert_eq!(hex(&d), "2462e9e0a88aa04c5e07225e1a89902d1b60b890fef4e5009a5f17fb58352250");
    assert_eq!(hex(&expand(&d, b"session key")), "023d1a0c3ea1e4236db9e9a4bfbe8f8ba1a3e856cd929e93f767b115f50e2b42");
    assert_eq!(hex(&expand(&d, b"oaep seed")), "84e5d055bf6ee39df2a600806f82c0229942815785bf7a9e7d5464ba70d447e2");
    let id = hmac(&i, &f(&[b"sealref.dev/id/v1", b""]));
    assert_eq!(hex(&id[..8]), "aec74159c9ffd512");
}

#[test]
fn every_vector_comes_out_and_one_for_each_key_opens() {
    let mut count = 0;
    let mut opened = BTreeSet::new();
    for file in ["sizes", "secrets", "places", "origins"] {
        for vector in json(&format!("{file}.json")).as_array().unwrap() {
            check(vector, &mut opened);
            count += 1;
        }
    }
    assert!(count >= 200, "{count}");
    assert_eq!(opened.len(), 4);
}

fn check(vector: &Value, opened: &mut BTreeSet<String>) {
    let comment = text(vector, "comment");
    let key = vector["key"].as_str().map_or(vec![], unhex);
    let data_keys = vector["data_keys"].as_array().unwrap();
    let data_keys = data_keys.iter().map(|key| unhex(key.as_str().unwrap())).collect();
    let [s, t, i] = secrets(&key, data_keys);

    let (namespace, name) = (text(vector, "namespace"), text(vector, "name"));
    let label = match text(vector, "scope") {
        "Strict" => format!("{namespace}/{name}"),
        "NamespaceWide" => namespace.to_owned(),
        "ClusterWide" => String::new(),
        other => panic!("{other}"),
    };
    assert_eq!(label, text(vector, "label"), "{comment}");

    let references = vector["references"].as_array().unwrap();
    let references: Vec<Vec<u8>> = references.iter().map(reference).collect();
    let origin = f(&references.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert_eq!(hex(&origin), text(vector, "origin"), "{comment}");

    let certificate = text(vector, "certificate");
    let public = Public::read(certificate);
    assert_eq!(hex(&public.spki), text(vector, "spki"), "{comment}");

    let plaintext = STANDARD.decode(text(vector, "plaintext")).unwrap();
    let [item, epoch, domain] = ["item", "epoch", "domain"].map(|field| text(vector, field));
    let d = hmac(
        &s,
        &f(&[
            b"sealref.dev/seal/v1",
            &public.spki,
            text(vector, "scope").as_bytes(),
            label.as_bytes(),
            namespace.as_bytes(),
            name.as_bytes(),
            item.as_bytes(),
            epoch.as_bytes(),
            domain.as_bytes(),
            &origin,
            &plaintext,
        ]),
    );
    assert_eq!(hex(&d), text(vector, "d"), "{comment}");
    let session = expand(&d, b"session key");
    let seed = expand(&d, b"oaep seed");
    assert_eq!(hex(&session), text(vector, "session_key"), "{comment}");
    assert_eq!(hex(&seed), text(vector, "oaep_seed"), "{comment}");

    let id = hmac(&i, &f(&[b"sealref.dev/id/v1", domain.as_bytes()]));
    assert_eq!(hex(&id[..8]), text(vector, "key_id"), "{comment}");
    let tag = f(&[
        b"sealref.dev/tag/v1",
        domain.as_bytes(),
        namespace.as_bytes(),
        name.as_bytes(),
        item.as_bytes(),
        &plaintext,
    ]);
    assert_eq!(hex(&hmac(&t, &tag)), text(vector, "tag"), "{comment}");

    let block = public.raise(&pad(&session, label.as_bytes(), &seed, public.length()));
    let mut sealed = u16::try_from(public.length()).unwrap().to_be_bytes().to_vec();
    sealed.extend(&block);
    sealed.extend(encrypt(&session, &plaintext));
    assert_eq!(STANDARD.encode(&sealed), text(vector, "ciphertext"), "{comment}");

    // Raising to a private exponent takes a second without optimisation, so one each is enough here;
    // kubeseal opens every vector in tests/sealing_kubeseal.rs
    if opened.insert(certificate.to_owned()) {
        let block = Private::read(&certificate.replace(".pem", ".key.pem")).raise(&block);
        assert_eq!(unpad(&block, label.as_bytes()), Some((seed, session)), "{comment}");
    }
}

/// F(scheme, path, fragment, sorted parameters..., the file's hash).
fn reference(reference: &Value) -> Vec<u8> {
    let mut fields: Vec<Vec<u8>> = ["scheme", "path", "fragment"].map(|field| text(reference, field).into()).to_vec();
    let parameters = reference["parameters"].as_array().unwrap();
    let mut parameters: Vec<Vec<u8>> = parameters.iter().map(|parameter| parameter.as_str().unwrap().into()).collect();
    parameters.sort();
    fields.extend(parameters);
    fields.extend(reference["file"].as_str().map(unhex));
    f(&fields.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// S, T and I.
fn secrets(key: &[u8], mut data_keys: Vec<Vec<u8>>) -> [Vec<u8>; 3] {
    data_keys.sort();
    data_keys.dedup();
    let mut fields: Vec<&[u8]> = vec![b"sealref.dev/ikm/v1", key];
    fields.extend(data_keys.iter().map(Vec::as_slice));
    let extracted = hmac(b"sealref.dev/seal/v1", &f(&fields));
    [
        expand(&extracted, b"sealref.dev/seal/v1"),
        expand(&extracted, b"sealref.dev/tag/v1"),
        expand(&extracted, b"sealref.dev/id/v1"),
    ]
}

fn f(fields: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for field in fields {
        all.extend((field.len() as u64).to_be_bytes());
        all.extend(*field);
    }
    all
}

fn sha(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec()
}

/// RFC 2104, with SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 { sha(key) } else { key.to_vec() };
    block.resize(64, 0);
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).chain(sha(&inner)).collect();
    sha(&outer)
}

/// RFC 5869, 2.3, for 32 bytes: T(1).
fn expand(key: &[u8], info: &[u8]) -> Vec<u8> {
    hmac(key, &[info, &[1]].concat())
}

/// RFC 8017, B.2.1, with SHA-256.
fn mgf1(seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::new();
    let mut counter = 0u32;
    while mask.len() < length {
        mask.extend(sha(&[seed, &counter.to_be_bytes()].concat()));
        counter += 1;
    }
    mask.truncate(length);
    mask
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// RFC 8017, 7.1.1, step 2.
fn pad(message: &[u8], label: &[u8], seed: &[u8], k: usize) -> Vec<u8> {
    let zeros = vec![0; k - message.len() - 2 * 32 - 2];
    let data = [&sha(label), zeros.as_slice(), &[1], message].concat();
    let masked_data = xor(&data, &mgf1(seed, k - 33));
    let masked_seed = xor(seed, &mgf1(&masked_data, 32));
    [&[0], masked_seed.as_slice(), &masked_data].concat()
}

/// RFC 8017, 7.1.2, step 3: the seed and the message.
fn unpad(block: &[u8], label: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (masked_seed, masked_data) = block[1..].split_at(32);
    let seed = xor(masked_seed, &mgf1(masked_data, 32));
    let data = xor(masked_data, &mgf1(&seed, masked_data.len()));
    let (hash, rest) = data.split_at(32);
    let one = rest.iter().position(|byte| *byte != 0)?;
    (block[0] == 0 && hash == sha(label) && rest[one] == 1).then(|| (seed, rest[one + 1..].to_vec()))
}

/// AES-256-GCM with a nonce of zeros, the tag at the end.
fn encrypt(key: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut bytes = plaintext.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes).unwrap();
    bytes
}

struct Public {
    spki: Vec<u8>,
    modulus: BigUint,
    exponent: BigUint,
}

impl Public {
    fn read(file: &str) -> Self {
        let der = der(file);
        let certificate = elements(&der)[0].content;
        let body = elements(certificate)[0].content;
        // version, serial, signature, issuer, validity, subject, key
        let spki = &elements(body)[6];
        // A BIT STRING begins with the count of its unused bits
        let key = &elements(spki.content)[1].content[1..];
        let numbers = elements(elements(key)[0].content);
        Self {
            spki: sha(spki.whole),
            modulus: BigUint::from_bytes_be(numbers[0].content),
            exponent: BigUint::from_bytes_be(numbers[1].content),
        }
    }

    fn length(&self) -> usize {
        usize::try_from(self.modulus.bits().div_ceil(8)).unwrap()
    }

    fn raise(&self, block: &[u8]) -> Vec<u8> {
        raise(block, &self.exponent, &self.modulus)
    }
}

struct Private {
    modulus: BigUint,
    exponent: BigUint,
}

impl Private {
    /// PKCS#8 around PKCS#1: version, modulus, public exponent, private exponent, and more.
    fn read(file: &str) -> Self {
        let der = der(file);
        let outer = elements(elements(&der)[0].content);
        let numbers = elements(elements(outer[2].content)[0].content);
        Self {
            modulus: BigUint::from_bytes_be(numbers[1].content),
            exponent: BigUint::from_bytes_be(numbers[3].content),
        }
    }

    fn raise(&self, block: &[u8]) -> Vec<u8> {
        raise(block, &self.exponent, &self.modulus)
    }
}

fn raise(block: &[u8], exponent: &BigUint, modulus: &BigUint) -> Vec<u8> {
    let number = BigUint::from_bytes_be(block).modpow(exponent, modulus).to_bytes_be();
    [vec![0; block.len() - number.len()], number].concat()
}

struct Element<'d> {
    whole: &'d [u8],
    content: &'d [u8],
}

/// The elements of DER that stand one behind the other.
fn elements(mut der: &[u8]) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let short = usize::from(der[1]);
        let (start, length) = if short < 128 {
            (2, short)
        } else {
            let start = 2 + short - 128;
            (start, der[2..start].iter().fold(0, |n, byte| n << 8 | usize::from(*byte)))
        };
        let (whole, rest) = der.split_at(start + length);
        found.push(Element { whole, content: &whole[start..] });
        der = rest;
    }
    found
}

/// The DER of the PEM file that stands between the lines of dashes.
fn der(file: &str) -> Vec<u8> {
    let pem = std::fs::read_to_string(folder().join("certificates").join(file)).unwrap();
    let lines = pem.lines().filter(|line| !line.starts_with(['#', '-']));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

fn json(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(file)).unwrap()).unwrap()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing")
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
