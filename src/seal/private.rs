//! The private key behind a certificate, and what opens with it: for who has lost or renews a controller's key, never to
//! seal.
//!
//! Receives the PEM of a key and ciphertexts; gives back values, wiped on drop. It never says why something does not
//! open, and never tells anything of a key.

use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Odd};
use zeroize::{Zeroize, Zeroizing};

use super::fields::Bytes32;
use super::oaep::{self, bits};
use crate::error::Problem;
use crate::limits;

/// An RSA private key with two primes. No `Debug`, and nothing copies it.
pub struct PrivateKey {
    modulus: Vec<u8>,
    p: Prime,
    q: Prime,
    /// The inverse of q modulo p.
    inverse: Wiped,
}

/// What is in a ciphertext.
pub struct Opened {
    /// The AES key that it alone was made with.
    pub session: Zeroizing<Bytes32>,
    /// The value.
    pub value: Zeroizing<Vec<u8>>,
}

struct Prime {
    number: Wiped,
    /// The private exponent modulo the prime less one.
    exponent: Wiped,
    parameters: BoxedMontyParams,
}

/// A number that is wiped when it is dropped.
struct Wiped(BoxedUint);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PrivateKey {
    /// Reads the first private key of a PEM text.
    ///
    /// # Errors
    /// Those of [`PrivateKey::read_all`].
    pub fn read(pem: &[u8]) -> Result<Self, Problem> {
        Self::read_all(pem)?.into_iter().next().ok_or_else(none)
    }

    /// Reads the private keys of a PEM text: PKCS#1 (RFC 8017, A.1.2), as the controller writes it, or PKCS#8
    /// (RFC 5958).
    ///
    /// # Errors
    /// There is none; one is encrypted, or no RSA key of a size in [`limits::RSA_BITS`]. Never a byte of it.
    pub fn read_all(pem: &[u8]) -> Result<Vec<Self>, Problem> {
        let keys: Vec<Self> = blocks(pem)?.iter().map(|(label, der)| Self::of(label, der)).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(none()) } else { Ok(keys) }
    }

    fn of(label: &str, der: &[u8]) -> Result<Self, Problem> {
        let key = match label {
            "RSA PRIVATE KEY" => Self::of_pkcs1(der),
            "PRIVATE KEY" => pkcs8(der).and_then(Self::of_pkcs1),
            "ENCRYPTED PRIVATE KEY" => {
                return Err(Problem::new("the private key is protected with a passphrase")
                    .hint("take the protection off, and encrypt it for yourself with age: sealref keys backup"));
            }
            _ => None,
        };
        key.ok_or_else(|| refused("this is no RSA private key that a sealed-secrets controller could have"))
    }

    fn of_pkcs1(der: &[u8]) -> Option<Self> {
        let (mut rest, behind) = element(der, SEQUENCE)?;
        let mut next = || {
            let (number, behind) = element(rest, INTEGER)?;
            rest = behind;
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            number.get(zeros..)
        };
        // Version 0: two primes
        let (version, modulus) = (next()?, next()?);
        let (_, _) = (next()?, next()?);
        let (p, q, dp, dq, inverse) = (next()?, next()?, next()?, next()?, next()?);
        let (p, q) = (Prime::new(p, dp)?, Prime::new(q, dq)?);
        let inverse = Wiped(number(inverse, p.bits())?);
        let fits = p.number.0.concatenating_mul(&q.number.0) == number(modulus, p.bits() + q.bits())?;
        let sound = fits && version.is_empty() && behind.is_empty() && limits::RSA_BITS.contains(&bits(modulus));
        sound.then(|| Self { modulus: modulus.to_vec(), p, q, inverse })
    }

    /// Opens a ciphertext as the controller does. None: another key or label, or no ciphertext.
    #[must_use]
    pub fn open(&self, label: &[u8], ciphertext: &[u8]) -> Option<Opened> {
        let (length, rest) = ciphertext.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (block, value) = rest.split_at_checked(length)?;
        if length != self.modulus.len() || block >= self.modulus.as_slice() {
            return None;
        }
        let session = oaep::decode(label, &self.power(block)?)?;
        let value = Aes256Gcm::new((&*session).into()).decrypt(&Nonce::default(), value).ok()?;
        Some(Opened { session, value: Zeroizing::new(value) })
    }

    /// RSADP by the Chinese remainder theorem (RFC 8017, 5.1.2 step 2b): as many bytes as the modulus has.
    fn power(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let Self { p, q, inverse, modulus } = self;
        let block = number(block, p.bits() + q.bits())?;
        let (of_p, of_q) = (p.power(&block)?, q.power(&block)?);
        let other = Wiped(p.reduced(&of_q.0)?);
        let (of_p, other) = (p.form(&of_p), p.form(&other));
        let factor = of_p.0.sub(&other.0).mul(&p.form(inverse).0);
        let factor = Wiped(Form(factor).0.retrieve());
        let message = Wiped(Wiped(factor.0.concatenating_mul(&q.number.0)).0.wrapping_add(&of_q.0));
        let bytes = Zeroizing::new(message.0.to_be_bytes().into_vec());
        bytes.get(bytes.len().checked_sub(modulus.len())?..).map(|bytes| Zeroizing::new(bytes.to_vec()))
    }

    /// Big-endian, without leading zeros.
    pub(super) fn modulus(&self) -> &[u8] {
        &self.modulus
    }
}

impl Prime {
    fn new(prime: &[u8], exponent: &[u8]) -> Option<Self> {
        let length = u32::try_from(bits(prime)).ok()?;
        let prime = number(prime, length)?;
        let odd: Odd<BoxedUint> = Option::from(prime.to_odd())?;
        let exponent = Wiped(number(exponent, length)?);
        Some(Self { number: Wiped(prime), exponent, parameters: BoxedMontyParams::new(odd) })
    }

    fn bits(&self) -> u32 {
        self.number.0.bits_precision()
    }

    fn reduced(&self, number: &BoxedUint) -> Option<BoxedUint> {
        Some(number.rem(self.number.0.as_nz_vartime()?))
    }

    fn form(&self, number: &Wiped) -> Form {
        Form(BoxedMontyForm::new(number.0.clone(), &self.parameters))
    }

    fn power(&self, block: &BoxedUint) -> Option<Wiped> {
        let base = self.form(&Wiped(self.reduced(block)?));
        Some(Wiped(Form(base.0.pow(&self.exponent.0)).0.retrieve()))
    }
}

/// A residue that is wiped when it is dropped.
struct Form(BoxedMontyForm);

impl Drop for Form {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A big-endian number in this many bits, rounded up to whole limbs.
fn number(bytes: &[u8], bits: u32) -> Option<BoxedUint> {
    BoxedUint::from_be_slice(bytes, bits).ok()
}

/// The label and the bytes of a PEM block.
type Block<'p> = (&'p str, Zeroizing<Vec<u8>>);

/// The PEM blocks that are private keys (RFC 7468).
fn blocks(pem: &[u8]) -> Result<Vec<Block<'_>>, Problem> {
    let text = std::str::from_utf8(pem).map_err(|_| refused("the private key is no text"))?;
    let damaged = || refused("the private key is damaged");
    let is_key = |block: &&str| block.lines().next().is_some_and(|line| line.contains("PRIVATE KEY"));
    let mut found = vec![];
    for block in text.split("-----BEGIN ").skip(1).filter(is_key) {
        let (label, rest) = block.split_once("-----").ok_or_else(damaged)?;
        let (body, _) = rest.split_once("-----END ").ok_or_else(damaged)?;
        let mut digits = Zeroizing::new(Vec::with_capacity(body.len()));
        digits.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let mut der = Zeroizing::new(Vec::with_capacity(digits.len()));
        STANDARD.decode_vec(&*digits, &mut der).map_err(|_| damaged())?;
        found.push((label, der));
    }
    Ok(found)
}

fn none() -> Problem {
    refused("there is no private key in it")
}

/// The PKCS#1 key inside, where the algorithm is rsaEncryption.
fn pkcs8(der: &[u8]) -> Option<&[u8]> {
    let (inside, _) = element(der, SEQUENCE)?;
    let (_, rest) = element(inside, INTEGER)?;
    let (algorithm, rest) = element(rest, SEQUENCE)?;
    let (algorithm, _) = element(algorithm, OBJECT)?;
    let (key, _) = element(rest, OCTETS)?;
    (algorithm == RSA_ENCRYPTION).then_some(key)
}

/// The content of an element of DER with this tag, and what stands behind it (X.690, 8.1).
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match length {
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        0..=0x7f => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

fn refused(what: &str) -> Problem {
    Problem::new(what)
        .hint("give tls.key of a Secret with the label sealedsecrets.bitnami.com/sealed-secrets-key, in PEM")
}

const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const OBJECT: u8 = 6;
const SEQUENCE: u8 = 0x30;
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
