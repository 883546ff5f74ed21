//! Ciphertexts in an output, opened with the private key of the test certificate, as the controller
//! would open them: RFC 8017, 7.1.2, then AES-256-GCM with a nonce of zeros. Shares no code with `src/seal`.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// The text with `<HASH opens for LABEL: "VALUE">` where a ciphertext stands, HASH being four digits of the
/// ciphertext's SHA-256, so that not one of its bytes changes unseen. The labels that are tried are
/// those that the text itself names in `sealed-for`, and the parts that wider scopes leave of them.
pub(super) fn opened(text: &str) -> String {
    let mut labels: Vec<&str> = vec![];
    for (at, mark) in text.match_indices("sealed-for") {
        let rest = text[at + mark.len()..].trim_start_matches(['"', ':', ' ']);
        let place = rest.split(['"', '\n', ' ', ',', '}']).next().unwrap_or_default();
        labels.extend([place, place.split('/').next().unwrap_or_default()]);
    }
    labels.push("");
    // What is drawn anew at every run has no fingerprint.
    let random = text.contains("random:");
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_base64) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let run = &rest[..rest.find(|c| !is_base64(c)).unwrap_or(rest.len())];
        match STANDARD.decode(run) {
            Ok(bytes) if bytes.starts_with(&[1, 0]) && bytes.len() > 258 => {
                let (block, rest) = bytes[2..].split_at(256);
                let block = raise(block);
                let found = labels.iter().find_map(|label| Some((label, open(&block, rest, label)?)));
                out.push_str(&match found {
                    Some((label, value)) if random => format!("<opens for \"{label}\": {}>", shown(&value)),
                    Some((label, value)) => {
                        let [a, b, ..] = sha(&bytes)[..] else { unreachable!() };
                        format!("<{a:02x}{b:02x} opens for \"{label}\": {}>", shown(&value))
                    }
                    None => "<does not open>".to_owned(),
                });
            }
            _ => out.push_str(run),
        }
        rest = &rest[run.len()..];
    }
    out.push_str(rest);
    out
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

fn shown(value: &[u8]) -> String {
    std::str::from_utf8(value).map_or_else(|_| format!("{value:02x?}"), |text| format!("{text:?}"))
}

/// n, p, q, dp, dq and qinv of PKCS#1.
static KEY: LazyLock<Vec<BigUint>> = LazyLock::new(|| {
    let file = "tests/vectors/sealing/certificates/test-only-rsa-2048.key.pem";
    let pem = std::fs::read_to_string(super::root().join(file)).unwrap();
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with(['#', '-'])).collect::<String>()).unwrap();
    // PKCS#8: a version, an algorithm, and PKCS#1 in an OCTET STRING
    let key = elements(elements(&der)[0])[2];
    let numbers = elements(elements(key)[0]);
    [1, 4, 5, 6, 7, 8].map(|at| BigUint::from_bytes_be(numbers[at])).to_vec()
});

fn open(block: &[u8], rest: &[u8], label: &str) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &unpad(block, label)?).ok()?);
    let mut rest = rest.to_vec();
    key.open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut rest).ok().map(|plain| plain.to_vec())
}

/// RFC 8017, 5.1.2, the second form.
fn raise(block: &[u8]) -> Vec<u8> {
    let [n, p, q, dp, dq, qinv] = &KEY[..] else { unreachable!() };
    let block = BigUint::from_bytes_be(block) % n;
    let (one, two) = (block.modpow(dp, p), block.modpow(dq, q));
    let lift = (qinv * (&one + p - &two % p)) % p;
    let number = (two + q * lift).to_bytes_be();
    [vec![0; 256 - number.len()], number].concat()
}

fn unpad(block: &[u8], label: &str) -> Option<Vec<u8>> {
    let (masked_seed, masked_data) = block.get(1..)?.split_at_checked(32)?;
    let seed = xor(masked_seed, &mgf1(masked_data, 32));
    let data = xor(masked_data, &mgf1(&seed, masked_data.len()));
    let (hash, rest) = data.split_at_checked(32)?;
    let one = rest.iter().position(|byte| *byte != 0)?;
    (block[0] == 0 && hash == sha(label.as_bytes()) && rest[one] == 1).then(|| rest[one + 1..].to_vec())
}

fn mgf1(seed: &[u8], length: usize) -> Vec<u8> {
    let blocks = (0..u32::try_from(length.div_ceil(32)).unwrap()).flat_map(|n| sha(&[seed, &n.to_be_bytes()].concat()));
    blocks.take(length).collect()
}

fn sha(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec()
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// The contents of DER elements that stand one behind the other.
fn elements(mut der: &[u8]) -> Vec<&[u8]> {
    let mut found = vec![];
    while !der.is_empty() {
        let short = usize::from(der[1]);
        let start = if short < 128 { 2 } else { 2 + short - 128 };
        let length =
            if short < 128 { short } else { der[2..start].iter().fold(0, |n, byte| n << 8 | usize::from(*byte)) };
        found.push(&der[start..start + length]);
        der = &der[start + length..];
    }
    found
}
