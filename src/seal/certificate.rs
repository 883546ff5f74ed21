//! The sealing certificate: which key seals, and until when it should.
//!
//! Receives the bytes of a file, PEM or DER; gives back a certificate whose key is fit for sealing,
//! or says what the file holds instead. It never looks at the clock, never follows a chain (the
//! certificate is pinned, not trusted by a signature), and never takes a file with a private key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::oid;
use x509_parser::pem::Pem;
use x509_parser::prelude::{ASN1Time, FromDer};
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::oaep::{PublicKey, bits};
use crate::error::Problem;
use crate::limits;

/// A certificate that may seal: an RSA key of a sensible size, and when it is meant to be used.
#[derive(Clone, Debug)]
pub struct Certificate {
    recipient: PublicKey,
    bits: usize,
    spki: [u8; 32],
    fingerprint: [u8; 32],
    not_before: Moment,
    not_after: Moment,
    issued_by_itself: Option<String>,
}

/// What a moment in time says about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Its time is over; the controller still opens what it seals.
    Expired,
    /// Its time is over in at most [`limits::CERTIFICATE_DAYS`] days.
    ExpiresSoon {
        /// Whole days that are left.
        days: i64,
    },
    /// Its time has not come; a clock is wrong, or the file.
    NotYetValid,
    /// It may be used.
    Valid,
}

impl Certificate {
    /// Reads the first certificate of a PEM file (text around it and CRLF do not matter), or DER.
    ///
    /// Refused: a private key anywhere in the file, any key but RSA, bits outside
    /// [`limits::RSA_BITS`], an exponent that is even or below 65537, and what is no certificate.
    /// Dates are not judged here, see [`Certificate::validity`].
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > limits::SETTINGS {
            return Err(refused("the file is too large for a certificate"));
        }
        if bytes.trim_ascii().is_empty() {
            return Err(refused("the certificate is empty"));
        }
        if holds_private_key(bytes) {
            return Err(Problem::new("the file holds a private key, and nothing was sealed").hint(
                "take it out of the file and out of git's history, treat every secret sealed for it as known, \
                 and give the certificate alone",
            ));
        }
        let der = der(bytes)?;
        match X509Certificate::from_der(&der) {
            Ok(([], certificate)) => Self::judge(&certificate, &der),
            _ => Err(instead_of_certificate(&der)),
        }
    }

    /// The certificate of a file and nothing else of it, as PEM (RFC 7468).
    pub fn pem(bytes: &[u8]) -> Result<String, Problem> {
        Self::read(bytes)?;
        let text = STANDARD.encode(der(bytes)?);
        let lines: Vec<&str> =
            (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
        Ok(format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")))
    }

    fn judge(certificate: &X509Certificate, der: &[u8]) -> Result<Self, Problem> {
        let key = certificate.public_key();
        let (modulus, exponent) = rsa(key)?;
        let bits = bits(modulus);
        let (least, most) = (limits::RSA_BITS.start(), limits::RSA_BITS.end());
        if !limits::RSA_BITS.contains(&bits) {
            return Err(refused(format!("the key has {bits} bits, and sealing takes {least} to {most}")));
        }
        let exponent = sensible(exponent)?;
        let recipient = PublicKey::new(modulus, exponent)
            .ok_or_else(|| refused("the RSA key is not valid, its modulus is even"))?;
        let validity = certificate.validity();
        Ok(Self {
            recipient,
            bits,
            spki: Sha256::digest(key.raw).into(),
            fingerprint: Sha256::digest(der).into(),
            not_before: Moment::new(validity.not_before)?,
            not_after: Moment::new(validity.not_after)?,
            issued_by_itself: (certificate.subject().as_raw() == certificate.issuer().as_raw())
                .then(|| certificate.subject().to_string()),
        })
    }

    /// SHA-256 of the SubjectPublicKeyInfo DER as it stands in the certificate.
    #[must_use]
    pub fn spki(&self) -> &[u8; 32] {
        &self.spki
    }

    /// [`Certificate::spki`] in lower-case hexadecimal digits.
    #[must_use]
    pub fn spki_hex(&self) -> String {
        hex(&self.spki)
    }

    /// SHA-256 of the certificate's DER, in lower-case hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&self.fingerprint)
    }

    /// Its subject, where that is its issuer too; empty where it names nobody.
    #[must_use]
    pub fn issued_by_itself(&self) -> Option<&str> {
        self.issued_by_itself.as_deref()
    }

    /// Bits of the RSA modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The first second of its validity, in Unix time.
    #[must_use]
    pub fn not_before(&self) -> i64 {
        self.not_before.seconds
    }

    /// The last second of its validity, in Unix time.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after.seconds
    }

    /// Both ends of its validity as RFC 3339 has them, in UTC.
    #[must_use]
    pub fn dates(&self) -> (String, String) {
        (self.not_before.text.clone(), self.not_after.text.clone())
    }

    /// What `now`, in seconds of Unix time, says about it. Both ends belong to the validity
    /// (RFC 5280, 4.1.2.5).
    #[must_use]
    pub fn validity(&self, now: i64) -> Validity {
        let left = self.not_after().saturating_sub(now);
        if now < self.not_before() {
            Validity::NotYetValid
        } else if left < 0 {
            Validity::Expired
        } else if left <= limits::CERTIFICATE_DAYS * DAY {
            Validity::ExpiresSoon { days: left / DAY }
        } else {
            Validity::Valid
        }
    }

    /// Does this private key open what is sealed for the certificate?
    #[must_use]
    pub fn belongs_to(&self, key: &super::PrivateKey) -> bool {
        self.recipient.has_modulus(key.modulus())
    }

    /// The key that seals.
    pub(super) fn recipient(&self) -> &PublicKey {
        &self.recipient
    }
}

/// A moment, and how a person reads it.
#[derive(Clone, Debug)]
struct Moment {
    seconds: i64,
    text: String,
}

impl Moment {
    fn new(time: ASN1Time) -> Result<Self, Problem> {
        let seconds = time.timestamp();
        // Made anew from the seconds, because a certificate's time may carry another zone
        let time = ASN1Time::from_timestamp(seconds)
            .map_err(|_| refused("the certificate has a date that does not exist"))?
            .to_datetime();
        let text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        Ok(Self { seconds, text })
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String can't fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A PEM block of any kind of private key, or the beginning of one in DER: a sequence whose first
/// element is the version 0 or 1 (PKCS#1, PKCS#8, RFC 5915).
fn holds_private_key(bytes: &[u8]) -> bool {
    let in_pem = memchr::memmem::find_iter(bytes, BEGIN).any(|start| {
        let line = bytes.get(start..).unwrap_or_default();
        let line = line.split(|byte| matches!(byte, b'\n' | b'\r')).next();
        line.is_some_and(|line| memchr::memmem::find(line, b"PRIVATE KEY").is_some())
    });
    let in_der = match bytes {
        [0x30, 0x82, _, _, rest @ ..] | [0x30, 0x81, _, rest @ ..] | [0x30, _, rest @ ..] => {
            matches!(rest, [0x02, 0x01, 0x00 | 0x01, 0x02 | 0x04 | 0x30, ..])
        }
        _ => false,
    };
    in_pem || in_der
}

/// The bytes of the first certificate, or all bytes where there is no PEM.
fn der(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let is_der = matches!(X509Certificate::from_der(bytes), Ok(([], _)));
    if is_der || memchr::memmem::find(bytes, BEGIN).is_none() {
        return Ok(bytes.to_vec());
    }
    let mut found = None;
    // Editors on Windows put a mark before the first line
    for block in Pem::iter_from_buffer(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)) {
        let block = block.map_err(|_| damaged())?;
        match block.label.as_str() {
            "CERTIFICATE" => return Ok(block.contents),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => found = found.or(Some("a bare public key")),
            "CERTIFICATE REQUEST" => found = found.or(Some("a request for one")),
            _ => found = found.or(Some("PEM of another kind")),
        }
    }
    Err(found.map_or_else(damaged, |found| refused(format!("the file holds no certificate but {found}"))))
}

fn damaged() -> Problem {
    refused("the certificate is damaged, its PEM can't be read")
}

/// Says what DER is that is no certificate.
fn instead_of_certificate(der: &[u8]) -> Problem {
    match SubjectPublicKeyInfo::from_der(der) {
        Ok(([], _)) => refused("the file holds no certificate but a bare public key"),
        _ => refused("this is not a certificate"),
    }
}

/// The modulus without leading zeros, and the exponent's bytes.
fn rsa<'k>(key: &'k SubjectPublicKeyInfo) -> Result<(&'k [u8], &'k [u8]), Problem> {
    let kind = &key.algorithm.algorithm;
    if *kind != oid!(1.2.840.113549.1.1.1) {
        let found = match kind {
            kind if *kind == oid!(1.2.840.10045.2.1) => "an elliptic curve (EC) key",
            kind if *kind == oid!(1.2.840.10040.4.1) => "a DSA key",
            kind if *kind == oid!(1.2.840.113549.1.1.10) => "an RSA key for signatures (PSS)",
            kind if *kind == oid!(1.3.101.112) => "an Ed25519 key",
            _ => "a key of another kind",
        };
        return Err(refused(format!("the certificate has {found}, and sealing takes RSA")));
    }
    let invalid = || refused("the RSA key of the certificate is not valid");
    let (rest, rsa) = RSAPublicKey::from_der(&key.subject_public_key.data).map_err(|_| invalid())?;
    let negative = |number: &[u8]| number.first().is_none_or(|byte| byte & 0x80 != 0);
    if !rest.is_empty() || negative(rsa.modulus) || negative(rsa.exponent) {
        return Err(invalid());
    }
    let zeros = rsa.modulus.iter().take_while(|byte| **byte == 0).count();
    Ok((rsa.modulus.get(zeros..).unwrap_or_default(), rsa.exponent))
}

/// An odd number from 65537 on that fits 64 bits; the controller's own keys have 65537.
fn sensible(exponent: &[u8]) -> Result<u64, Problem> {
    let wanted = "and sealing takes odd ones from 65537 on";
    if bits(exponent) > 64 {
        return Err(refused(format!("the exponent of the key has more than 64 bits, {wanted}")));
    }
    let number = exponent.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    if number < 65537 || number % 2 == 0 {
        return Err(refused(format!("the exponent of the key is {number}, {wanted}")));
    }
    Ok(number)
}

fn refused(message: impl Into<String>) -> Problem {
    Problem::new(message).hint("give the controller's certificate in PEM, as `kubeseal --fetch-cert` writes it")
}

const BEGIN: &[u8] = b"-----BEGIN ";
/// Seconds of a day.
const DAY: i64 = 86_400;
