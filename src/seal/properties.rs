//! What must hold for every input: keys differ wherever anything differs, and never else; and the
//! RSA step is what another library of numbers computes.

use std::collections::HashSet;

use num_bigint::BigUint;
use proptest::collection::vec;
use proptest::prelude::*;

use super::fields::Bytes32;
use super::oaep::PublicKey;
use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_equal_exactly_where_everything_is(one in input(), other in input()) {
        let (a, b) = (one.keys(), other.keys());
        let same = one.normal() == other.normal();
        prop_assert_eq!(*a.session == *b.session, same);
        prop_assert_eq!(*a.seed == *b.seed, same);
    }

    #[test]
    fn a_change_in_one_field_changes_both_keys(one in input(), other in input(), field in 0..FIELDS) {
        let mut changed = one.clone();
        changed.take(field, other);
        let (a, b) = (one.keys(), changed.keys());
        let same = one.normal() == changed.normal();
        prop_assert_eq!(*a.session == *b.session, same);
        prop_assert_eq!(*a.seed == *b.seed, same);
    }

    #[test]
    fn one_bit_changes_both_keys(one in input(), field in 0..BINARY, at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut changed = one.clone();
        let bytes = changed.binary(field);
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assume!(one.normal() != changed.normal());
        let (a, b) = (one.keys(), changed.keys());
        prop_assert!(*a.session != *b.session && *a.seed != *b.seed);
        prop_assert!(*a.session != *a.seed);
    }

    #[test]
    fn origins_are_equal_exactly_where_references_are(
        one in references(),
        other in references(),
        field in 0..7,
    ) {
        // Alike but for one field, since two at random are hardly ever
        let mut changed = one.clone();
        if let (Some(mine), Some(theirs)) = (changed.first_mut(), other.first()) {
            match field {
                0 => mine.0 = theirs.0,
                1 => mine.1 = theirs.1,
                2 => mine.2 = theirs.2,
                3 => mine.3.clone_from(&theirs.3),
                4 => mine.4 = theirs.4,
                5 => mine.3.reverse(),
                _ => changed = other,
            }
        }
        let normal = |references: &[Reference]| {
            let mut references = references.to_vec();
            for reference in &mut references {
                reference.3.sort();
            }
            references
        };
        let same = normal(&one) == normal(&changed);
        prop_assert_eq!(encoded(one) == encoded(changed), same);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rsa_step_is_what_num_bigint_computes(
        mut modulus in prop_oneof![vec(any::<u8>(), 256..=264), vec(any::<u8>(), 512)],
        first in 1..=255u8,
        exponent in prop_oneof![Just(65537), 65538..=u64::MAX],
        mut message in vec(any::<u8>(), 512),
    ) {
        modulus[0] = if modulus.len() == 256 { first | 0x80 } else { first };
        *modulus.last_mut().unwrap() |= 1;
        message.truncate(modulus.len());
        message[0] = 0;
        compare(&modulus, exponent | 1, &message)?;
    }
}

/// Every digit is the largest there is, and columns overflow if ever.
#[test]
fn the_largest_modulus_is_carried_right() {
    let modulus = [0xff; 1024];
    for least in [0, 0xfd, 0xfe] {
        let mut message = modulus;
        message[1023] = least;
        compare(&modulus, 65537, &message).unwrap();
    }
}

fn compare(modulus: &[u8], exponent: u64, message: &[u8]) -> Result<(), TestCaseError> {
    let key = PublicKey::new(modulus, exponent).unwrap();
    prop_assert_eq!(usize::from(key.length()), modulus.len());
    let power =
        BigUint::from_bytes_be(message).modpow(&exponent.into(), &BigUint::from_bytes_be(modulus)).to_bytes_be();
    let expected = [vec![0; modulus.len() - power.len()], power].concat();
    prop_assert_eq!(key.power(message), expected);
    Ok(())
}

#[test]
fn equal_input_gives_equal_bytes() {
    let pem = include_bytes!("../../tests/vectors/sealing/certificates/test-only-rsa-3072.pem");
    let certificate = Certificate::read(pem).unwrap();
    let seal_one = |plaintext: &[u8]| {
        let input = Input { plaintext: plaintext.into(), spki: *certificate.spki(), ..Input::default() };
        seal(&certificate, input.keys(), b"prod/db", plaintext)
    };
    assert_eq!(seal_one(b"s3cret"), seal_one(b"s3cret"));
    let (one, other) = (seal_one(b"s3cret"), seal_one(b"s3creu"));
    assert_ne!(one[2..386], other[2..386]);
    assert_ne!(one[386..], other[386..]);
}

#[test]
fn fields_do_not_shift_into_their_neighbours() {
    // Under a label that holds neither, so that the fields alone tell the places apart
    let keys = |texts: [&str; 5]| {
        let [namespace, name, item, epoch, domain] = texts.map(str::to_owned);
        let scope = Scope::ClusterWide;
        Input { scope, namespace, name, item, epoch, domain, ..Input::default() }.keys()
    };
    for left in 0..4 {
        let mut one = [""; 5];
        let mut other = [""; 5];
        (one[left], one[left + 1]) = ("ab", "c");
        (other[left], other[left + 1]) = ("a", "bc");
        let (one, other) = (keys(one), keys(other));
        assert!(*one.session != *other.session && *one.seed != *other.seed, "{left}");
    }
    let key = |data_keys: &[&[u8]]| Material::new(None, data_keys).unwrap().key_id("");
    assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
    assert_ne!(key(&[b"abc"]), key(&[b"ab", b"c"]));
}

#[test]
fn data_keys_count_once_and_in_no_order() {
    let id = |data_keys: &[&[u8]]| Material::new(None, data_keys).unwrap().key_id("");
    assert_eq!(id(&[b"a", b"b"]), id(&[b"b", b"a", b"b"]));
    assert_ne!(id(&[b"a", b"b"]), id(&[b"a"]));
    assert!(Material::new(None, &[]).is_none());
}

#[test]
fn k_is_not_a_data_key() {
    let (key, _) = SealingKey::read(&[7; 32]).unwrap();
    let alone = Material::new(Some(&key), &[]).unwrap().key_id("");
    let data = Material::new(None, &[&[7; 32]]).unwrap().key_id("");
    assert_ne!(alone, data);
}

#[test]
fn no_key_comes_twice_among_a_hundred_thousand() {
    let material = Input::default().material();
    let mut seen = HashSet::new();
    for n in 0..100_000u32 {
        let mut input = Input::default();
        // Neighbours in value, in item and in namespace
        match n % 3 {
            0 => input.plaintext = n.to_string().into_bytes(),
            1 => input.item = n.to_string(),
            _ => input.namespace = n.to_string(),
        }
        let keys = material.keys(&input.spki, &input.place(), &input.plaintext);
        assert!(seen.insert(*keys.session), "a session key came twice: {n}");
        assert!(seen.insert(*keys.seed), "a seed came twice: {n}");
    }
}

/// Everything that keys are derived from.
#[derive(Clone, Debug)]
struct Input {
    key: Option<Bytes32>,
    data_keys: Vec<Vec<u8>>,
    spki: Bytes32,
    scope: Scope,
    namespace: String,
    name: String,
    item: String,
    epoch: String,
    domain: String,
    origin: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            key: Some([7; 32]),
            data_keys: vec![],
            spki: [9; 32],
            scope: Scope::Strict,
            namespace: "prod".into(),
            name: "db".into(),
            item: "password".into(),
            epoch: String::new(),
            domain: String::new(),
            origin: vec![],
            plaintext: b"s3cret".to_vec(),
        }
    }
}

impl Input {
    fn material(&self) -> Material {
        let key = self.key.map(|key| SealingKey::read(&key).unwrap().0);
        let data_keys: Vec<&[u8]> = self.data_keys.iter().map(Vec::as_slice).collect();
        Material::new(key.as_ref(), &data_keys).unwrap()
    }

    fn place(&self) -> Place<'_> {
        Place {
            scope: self.scope,
            namespace: &self.namespace,
            name: &self.name,
            item: &self.item,
            epoch: &self.epoch,
            domain: &self.domain,
            origin: &self.origin,
        }
    }

    fn keys(&self) -> Keys {
        self.material().keys(&self.spki, &self.place(), &self.plaintext)
    }

    /// Two inputs that mean the same have the same text.
    fn normal(&self) -> String {
        let mut normal = self.clone();
        normal.data_keys.sort();
        normal.data_keys.dedup();
        format!("{normal:?}")
    }

    fn take(&mut self, field: usize, other: Self) {
        match field {
            0 => self.spki = other.spki,
            1 => self.scope = other.scope,
            2 => self.namespace = other.namespace,
            3 => self.name = other.name,
            4 => self.item = other.item,
            5 => self.epoch = other.epoch,
            6 => self.domain = other.domain,
            7 => self.origin = other.origin,
            8 => self.plaintext = other.plaintext,
            _ => (self.key, self.data_keys) = (other.key, other.data_keys),
        }
    }

    fn binary(&mut self, field: usize) -> &mut [u8] {
        match field {
            0 => &mut self.spki,
            1 => &mut self.origin,
            2 => &mut self.plaintext,
            3 => self.key.as_mut().map_or(&mut [], |key| key),
            _ => self.data_keys.first_mut().map_or(&mut [], |key| key),
        }
    }
}

const FIELDS: usize = 10;
const BINARY: usize = 5;

/// Inputs out of so few letters that equal ones, and shifted ones, are met often.
fn input() -> impl Strategy<Value = Input> {
    let text = "[ab/]{0,2}";
    let bytes = |most| vec(prop_oneof![Just(b'a'), Just(b'b'), Just(0)], 0..=most);
    let secret = (prop::option::of(prop_oneof![Just([1; 32]), Just([2; 32])]), vec(bytes(2), 0..3))
        .prop_filter("no secret", |(key, data_keys)| key.is_some() || !data_keys.is_empty());
    let scope = prop_oneof![Just(Scope::ClusterWide), Just(Scope::NamespaceWide), Just(Scope::Strict)];
    let spki = prop_oneof![Just([1; 32]), Just([2; 32])];
    let texts = (text, text, text, text, text);
    (secret, spki, scope, texts, bytes(2), bytes(3)).prop_map(
        |((key, data_keys), spki, scope, (namespace, name, item, epoch, domain), origin, plaintext)| Input {
            key,
            data_keys,
            spki,
            scope,
            namespace,
            name,
            item,
            epoch,
            domain,
            origin,
            plaintext,
        },
    )
}

/// Scheme, path, fragment, parameters, the hash of a file.
type Reference = (&'static str, &'static str, &'static str, Vec<String>, Option<Bytes32>);

fn references() -> impl Strategy<Value = Vec<Reference>> {
    let text = || prop_oneof![Just(""), Just("a"), Just("b"), Just("ab")];
    let file = prop::option::weighted(0.2, Just([b'a'; 32]));
    vec((text(), text(), text(), vec("[ab]=", 0..3), file), 0..3)
}

fn encoded(references: Vec<Reference>) -> Vec<u8> {
    let references = references.into_iter().map(|(scheme, path, fragment, parameters, file)| Origin {
        scheme,
        path,
        fragment,
        parameters,
        file,
    });
    origin(&references.collect::<Vec<_>>())
}
