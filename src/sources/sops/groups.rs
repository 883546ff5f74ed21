//! Key groups: the data key in parts, put together by Shamir's scheme over GF(2^8) with the polynomial of AES (0x11b).
//! A part is the 32 bytes of the polynomials' values, then the place at which they were taken (HashiCorp's format).

use zeroize::Zeroizing;

use crate::model::DataKey;

/// The data key of parts from different groups; None where they are no parts of one.
pub(super) fn combine(parts: &[&[u8]]) -> Option<DataKey> {
    let places: Vec<u8> = parts.iter().map(|part| part.last().copied().unwrap_or(0)).collect();
    let distinct = (1..).zip(&places).all(|(next, place)| !places.iter().skip(next).any(|other| other == place));
    if parts.len() < 2 || places.contains(&0) || !distinct || parts.iter().any(|part| part.len() != LENGTH) {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (part, place) in parts.iter().zip(&places) {
        let others = places.iter().filter(|other| *other != place);
        // Lagrange at 0; a difference is a sum here.
        let weight = others.fold(1, |weight, other| multiply(weight, multiply(*other, inverse(other ^ place))));
        key.iter_mut().zip(*part).for_each(|(byte, value)| *byte ^= multiply(*value, weight));
    }
    Some(key)
}

/// Bytes of a part: those of a data key, and its place.
const LENGTH: usize = 33;

/// In the same time whatever the numbers are.
fn multiply(a: u8, b: u8) -> u8 {
    (0..8).rev().fold(0_u8, |product, bit| {
        let doubled = (product << 1) ^ (0x1b & 0_u8.wrapping_sub(product >> 7));
        doubled ^ (a & 0_u8.wrapping_sub((b >> bit) & 1))
    })
}

/// The 254th power: seven ones and a zero.
fn inverse(a: u8) -> u8 {
    let ones = (0..6).fold(a, |power, _| multiply(multiply(power, power), a));
    multiply(ones, ones)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_inverses() {
        assert_eq!(multiply(0x57, 0x83), 0xc1, "the example of FIPS 197, 4.2");
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1);
        }
    }

    /// Parts of a key: line through the key and one other point for each byte, taken at some places.
    fn part(place: u8) -> Vec<u8> {
        let values = (0..32).map(|byte| byte ^ multiply(place, 200 - byte));
        values.chain([place]).collect()
    }

    #[test]
    fn two_parts_of_a_line_give_the_key() {
        let parts = [part(1), part(2), part(250)];
        for pair in [[0, 1], [1, 2], [2, 0]] {
            let [a, b] = pair.map(|number| parts[number].as_slice());
            assert_eq!(combine(&[a, b]).unwrap().as_slice(), (0..32).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn what_are_no_parts_is_none() {
        let (one, two) = (part(1), part(2));
        assert!(combine(&[&one]).is_none());
        assert!(combine(&[&one, &one]).is_none());
        assert!(combine(&[&one, &two[1..]]).is_none());
        assert!(combine(&[&one, &part(0)]).is_none());
        assert!(combine(&[&[], &one]).is_none());
    }
}
