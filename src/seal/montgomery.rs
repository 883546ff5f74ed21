//! Powers modulo an odd number: P. L. Montgomery, "Modular multiplication without trial division", 1985, in the order
//! that C. K. Koc and others, 1996, call separated operand scanning.
//!
//! Receives a modulus, a base and an exponent; gives back base^exponent. Digits of 27 bits leave so much room in 64 bits
//! that all products of a column are added before anything is carried, so that four columns and more are worked on at
//! once: half the time, and less, of `crypto-bigint`, which carries after each product and is asked for the one division.
//!
//! The base is secret: which steps are taken and which memory is touched depends on the length of the modulus and on the
//! exponent alone, and all that a base could be computed from is wiped.

#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the best instructions")]

use crypto_bigint::{BoxedUint, NonZero};
use fearless_simd::{Level, dispatch};
use zeroize::Zeroizing;

/// An odd modulus, with what every power modulo it needs.
///
/// R is 2^(27 * digits), more than four times the modulus, so that products stay below twice the modulus by themselves.
#[derive(Clone, Debug)]
pub(super) struct Modulus {
    digits: usize,
    modulus: Vec<u64>,
    /// -1 / modulus, modulo 2^27.
    inverse: u64,
    /// R^2, reduced.
    square: Vec<u64>,
}

/// Digits from the least on, with [`ROWS`] - 1 zeros before and [`ROWS`] behind, so that [`add`] may look past the ends.
type Number = Zeroizing<Vec<u64>>;

impl Modulus {
    /// Takes a big-endian number. None where it is even.
    pub(super) fn new(modulus: &[u8]) -> Option<Self> {
        let bits = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
        let digits = (bits + 2).div_ceil(BITS).next_multiple_of(4);
        let number = NonZero::new(BoxedUint::from_be_slice(modulus, bits).ok()?).into_option()?;
        let square = BoxedUint::one_with_precision(2 * BITS * digits + 1).unbounded_shl_vartime(2 * BITS * digits);
        let square = square.rem_vartime(&number).to_be_bytes();
        let digits = usize::try_from(digits).ok()?;
        let modulus = read(modulus, digits);
        let least = *modulus.get(FRONT)?;
        (least % 2 == 1).then(|| Self {
            digits,
            inverse: inverse(least).wrapping_neg() & MASK,
            square: read(&square, digits).to_vec(),
            modulus: modulus.to_vec(),
        })
    }

    /// The modulus itself, big-endian, in so many bytes.
    pub(super) fn bytes(&self, length: usize) -> Vec<u8> {
        write(&self.modulus, length)
    }

    /// base^exponent, big-endian. The base is below the modulus, and as long in bytes; the exponent is above zero.
    pub(super) fn power(&self, base: &[u8], exponent: u64) -> Vec<u8> {
        let digits = read(base, self.digits);
        // With the best instructions that this processor has
        let power = dispatch!(Level::new(), _ => self.raise(&digits, exponent));
        write(&power, base.len())
    }

    #[inline(always)]
    fn raise(&self, base: &[u64], exponent: u64) -> Number {
        let mut columns = Zeroizing::new(vec![0; 2 * self.digits]);
        let [mut form, mut power, mut rest] = [(); 3].map(|()| number(self.digits));
        multiply(base, &self.square, &mut columns);
        self.reduce(&mut columns, &mut form);
        power.copy_from_slice(&form);
        for bit in (0..exponent.checked_ilog2().unwrap_or(0)).rev() {
            square(&power, &mut rest, &mut columns);
            self.reduce(&mut columns, &mut power);
            if exponent >> bit & 1 == 1 {
                multiply(&power, &form, &mut columns);
                self.reduce(&mut columns, &mut power);
            }
        }
        // Times one: below the modulus, unless it divides the power, which for RSA it does with a base of zero alone
        columns.fill(0);
        for (column, digit) in columns.iter_mut().zip(power.iter().skip(FRONT)).take(self.digits) {
            *column = *digit;
        }
        self.reduce(&mut columns, &mut power);
        power
    }

    /// The columns divided by R: multiples of the modulus make the lower half zero, and the upper one is the result.
    #[inline(always)]
    fn reduce(&self, columns: &mut [u64], into: &mut [u64]) {
        let (Some(modulus), Some(&[n0, n1, n2, n3])) =
            (self.modulus.get(ROWS..), self.modulus.get(FRONT..).and_then(<[u64]>::first_chunk))
        else {
            return;
        };
        let factor = |column: u64| ((column & MASK) * self.inverse) & MASK;
        let mut columns = columns;
        for _ in 0..self.digits / ROWS {
            let Some((&mut [c0, c1, c2, c3], higher)) = columns.split_first_chunk_mut() else { return };
            let q0 = factor(c0);
            let c1 = c1 + q0 * n1 + ((c0 + q0 * n0) >> BITS);
            let q1 = factor(c1);
            let c2 = c2 + q0 * n2 + q1 * n1 + ((c1 + q1 * n0) >> BITS);
            let q2 = factor(c2);
            let c3 = c3 + q0 * n3 + q1 * n2 + q2 * n1 + ((c2 + q2 * n0) >> BITS);
            let q3 = factor(c3);
            if let Some(next) = higher.first_mut() {
                *next += (c3 + q3 * n0) >> BITS;
            }
            add([q0, q1, q2, q3], modulus, higher);
            columns = higher;
        }
        let mut carry = 0;
        for (digit, column) in into.iter_mut().skip(FRONT).zip(columns) {
            let sum = *column + carry;
            *digit = sum & MASK;
            carry = sum >> BITS;
        }
    }
}

/// The columns of a * b.
#[inline(always)]
fn multiply(a: &[u64], b: &[u64], columns: &mut [u64]) {
    columns.fill(0);
    let (rows, _) = b.get(FRONT..).unwrap_or_default().as_chunks::<ROWS>();
    let mut columns = columns;
    for rows in rows {
        add(*rows, a, columns);
        columns = columns.get_mut(ROWS..).unwrap_or_default();
    }
}

/// The columns of a * a: each product of two different digits is taken twice. `rest` is overwritten.
#[inline(always)]
fn square(a: &[u64], rest: &mut [u64], columns: &mut [u64]) {
    let (rows, _) = a.get(FRONT..).unwrap_or_default().as_chunks::<ROWS>();
    let (corners, _) = columns.as_chunks_mut::<{ 2 * ROWS }>();
    for (corner, &[a, b, c, d]) in corners.iter_mut().zip(rows) {
        let outer = 2 * (a * d + b * c);
        *corner = [a * a, 2 * a * b, 2 * a * c + b * b, outer, 2 * b * d + c * c, 2 * c * d, d * d, 0];
    }
    for (twice, digit) in rest.iter_mut().zip(a) {
        *twice = 2 * digit;
    }
    let (mut rest, mut columns) = (rest, columns);
    for rows in rows {
        // The rows themselves do not meet each other again: zeros in front of what is left
        let Some((_, left)) = rest.split_at_mut_checked(ROWS) else { return };
        left.iter_mut().take(FRONT).for_each(|digit| *digit = 0);
        columns = columns.get_mut(ROWS..).unwrap_or_default();
        add(*rows, left, columns);
        columns = columns.get_mut(ROWS..).unwrap_or_default();
        rest = left;
    }
}

/// Adds four rows of a product to the columns: row r, digit d belongs into column r + d. All of the work is done here.
#[inline(always)]
fn add([q0, q1, q2, q3]: [u64; ROWS], digits: &[u64], columns: &mut [u64]) {
    for (column, [d3, d2, d1, d0]) in columns.iter_mut().zip(digits.array_windows()) {
        *column += product(q0, *d0) + product(q1, *d1) + product(q2, *d2) + product(q3, *d3);
    }
}

/// Of numbers below 2^32, and said so, because processors have an instruction for that.
#[inline(always)]
fn product(a: u64, b: u64) -> u64 {
    (a & 0xffff_ffff) * (b & 0xffff_ffff)
}

/// 1 / odd, modulo 2^64 (Newton's method: each step doubles the bits that are right, from three on).
fn inverse(odd: u64) -> u64 {
    (0..5).fold(odd, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse))))
}

fn number(digits: usize) -> Number {
    Zeroizing::new(vec![0; FRONT + digits + ROWS])
}

/// Digits of a big-endian number.
fn read(bytes: &[u8], digits: usize) -> Number {
    let mut number = number(digits);
    let (mut held, mut bits) = (0, 0);
    let mut places = number.iter_mut().skip(FRONT);
    for byte in bytes.iter().rev() {
        held |= u64::from(*byte) << bits;
        bits += 8;
        if bits >= BITS {
            places.next().into_iter().for_each(|place| *place = held & MASK);
            held >>= BITS;
            bits -= BITS;
        }
    }
    places.next().into_iter().for_each(|place| *place = held);
    number
}

/// The lowest `length` bytes, big-endian.
fn write(number: &[u64], length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let (mut held, mut bits) = (0, 0);
    let mut digits = number.iter().skip(FRONT);
    for byte in bytes.iter_mut().rev() {
        if bits < 8 {
            held |= digits.next().copied().unwrap_or(0) << bits;
            bits += BITS;
        }
        *byte = (held & 0xff) as u8;
        held >>= 8;
        bits -= 8;
    }
    bytes
}

/// Bits of a digit: the columns of 8,192 bits, twice 304 products of 54 bits, are below 2^64.
const BITS: u32 = 27;
const MASK: u64 = (1 << BITS) - 1;
/// Rows of a product that are added in one go, so that columns are loaded and stored a quarter as often.
const ROWS: usize = 4;
const FRONT: usize = ROWS - 1;
