//! What a sealing key and a sealing certificate may look like, and everything that is refused.
//!
//! The expectations in certificates.json were taken down from OpenSSL, not from our own reader.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sealref::error::Problem;
use sealref::seal::{Certificate, Demo, Material, SealingKey, Validity, measure};
use serde_json::Value;

#[test]
fn keys_have_three_forms_and_no_other() {
    for case in json("keys.json") {
        let comment = text(&case, "comment");
        let bytes = STANDARD.decode(text(&case, "bytes")).unwrap();
        match (SealingKey::read(&bytes), text(&case, "expect")) {
            (Ok((key, demo)), expected) => {
                assert_eq!(expected, if demo == Demo::Yes { "demo key" } else { "key" }, "{comment}");
                let raw: Vec<u8> = unhex(text(&case, "key"));
                let (same, _) = SealingKey::read(&raw).unwrap();
                assert_eq!(id(&key), id(&same), "{comment}");
            }
            (Err(problem), expected) => {
                assert_eq!(expected, "refused", "{comment}");
                assert_quiet(&problem, &bytes);
            }
        }
    }
}

#[test]
fn certificates_are_read_or_refused_with_the_reason_f5_to_f11() {
    let cases = json("certificates.json");
    for case in &cases {
        let name = text(case, "file");
        let bytes = std::fs::read(folder().join("certificates").join(name)).unwrap();
        match (Certificate::read(&bytes), text(case, "expect")) {
            (Ok(certificate), expected) => {
                assert_eq!(expected, "certificate", "{name}");
                assert_eq!(certificate.bits() as u64, case["bits"].as_u64().unwrap(), "{name}");
                assert_eq!(certificate.spki_hex(), text(case, "spki"), "{name}");
                assert_eq!(certificate.fingerprint(), text(case, "fingerprint"), "{name}");
                let (from, to) = certificate.dates();
                assert_eq!(from, text(case, "not_before"), "{name}");
                assert_eq!(to, text(case, "not_after"), "{name}");
            }
            (Err(problem), expected) => {
                assert_eq!(expected, "refused", "{name}: {problem}");
                let because = text(case, "because");
                assert!(problem.message().contains(because), "{name}: {problem}");
                assert_quiet(&problem, &bytes);
            }
        }
    }
    let files = std::fs::read_dir(folder().join("certificates")).unwrap();
    // The script that makes them is there too
    assert_eq!(files.count() - 1, cases.len(), "a file is in no vector");
}

#[test]
fn a_large_file_is_no_certificate_f11() {
    let problem = Certificate::read(&vec![b'x'; 10 << 20]).err().unwrap();
    assert!(problem.message().contains("too large"), "{problem}");
}

#[test]
fn a_private_key_is_found_wherever_it_stands_f10() {
    let good = std::fs::read(folder().join("certificates/test-only-rsa-2048.pem")).unwrap();
    for kind in ["", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH ", "ANY "] {
        for (before, line_end) in [("", "\n"), ("  ", "\r\n"), ("tls.key: ", "\r")] {
            let block = format!("{before}-----BEGIN {kind}PRIVATE KEY-----{line_end}AAAA{line_end}");
            for file in [[good.as_slice(), block.as_bytes()], [block.as_bytes(), &good]] {
                let problem = Certificate::read(&file.concat()).err().unwrap();
                assert!(problem.message().contains("holds a private key"), "{kind}: {problem}");
            }
        }
    }
}

#[test]
fn a_certificate_with_bytes_changed_is_refused_or_another_one() {
    let good = std::fs::read(folder().join("certificates/accepted-der.der")).unwrap();
    let fingerprint = Certificate::read(&good).unwrap().fingerprint();
    for at in 0..good.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = good.clone();
            changed[at] ^= change;
            if let Ok(read) = Certificate::read(&changed) {
                assert_ne!(read.fingerprint(), fingerprint, "byte {at}");
            }
        }
        assert!(Certificate::read(&good[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn dates_are_judged_for_a_moment_f1_and_f2() {
    let bytes = std::fs::read(folder().join("certificates/accepted-expired.pem")).unwrap();
    let certificate = Certificate::read(&bytes).unwrap();
    let (start, end) = (1_577_836_800, 1_609_459_200);
    assert_eq!((certificate.not_before(), certificate.not_after()), (start, end));
    let day = 86_400;
    for (now, expected) in [
        (i64::MIN, Validity::NotYetValid),
        (start - 1, Validity::NotYetValid),
        (start, Validity::Valid),
        (end - 30 * day - 1, Validity::Valid),
        (end - 30 * day, Validity::ExpiresSoon { days: 30 }),
        (end - 30 * day + 1, Validity::ExpiresSoon { days: 29 }),
        (end - day, Validity::ExpiresSoon { days: 1 }),
        (end - 1, Validity::ExpiresSoon { days: 0 }),
        (end, Validity::ExpiresSoon { days: 0 }),
        (end + 1, Validity::Expired),
        (i64::MAX, Validity::Expired),
    ] {
        assert_eq!(certificate.validity(now), expected, "{now}");
    }
}

#[test]
fn a_ciphertext_is_measured_without_a_key() {
    for case in json("sizes.json") {
        let plaintext = STANDARD.decode(text(&case, "plaintext")).unwrap();
        let ciphertext = STANDARD.decode(text(&case, "ciphertext")).unwrap();
        assert_eq!(measure(&ciphertext), Some(plaintext.len()));
        let empty = ciphertext.len() - plaintext.len();
        for cut in [0, 1, 2, 3, 256, empty - 1] {
            assert_eq!(measure(&ciphertext[..cut]), None, "{cut}");
        }
        assert_eq!(measure(&ciphertext[..empty]), Some(0));
    }
    for (length, known) in [(0u16, false), (128, false), (255, false), (256, true), (1024, true), (1025, false)] {
        let bytes = [&length.to_be_bytes()[..], &vec![0; usize::from(length) + 16]].concat();
        assert_eq!(measure(&bytes).is_some(), known, "{length}");
    }
}

/// A message in the house's style that repeats nothing of what was read.
fn assert_quiet(problem: &Problem, bytes: &[u8]) {
    let told = problem.to_string();
    assert!(problem.advice().is_some(), "{told}");
    assert!(!problem.message().ends_with('.') && !told.contains('\r'), "{told}");
    for line in String::from_utf8_lossy(bytes).lines().filter(|line| line.len() > 30) {
        assert!(!told.contains(line), "{told}");
    }
}

fn id(key: &SealingKey) -> String {
    Material::new(Some(key), &[]).unwrap().key_id("")
}

fn json(file: &str) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(folder().join(file)).unwrap()).unwrap()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing")
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
