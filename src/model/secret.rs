//! Bytes that cannot be printed, logged, serialised, cloned or compared, and are wiped on drop.
//!
//! Payloads are what sources gave; they are lent to `compose`, whose `Secret` is spent by sealing.
//! When that is done they become a [`Watch`], which answers only whether a text holds one of them.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::{Address, Part, Reference, Template, escaped};
use crate::error::{Exit, Problem};
use crate::limits;

/// A final value, on its way to be sealed.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Lends the bytes once; they are wiped afterwards.
    pub fn spend<T>(self, f: impl FnOnce(&[u8]) -> T) -> T {
        f(&self.0)
    }
}

/// What a source gave for one address.
pub struct Payload {
    content: Content,
    file: Option<[u8; 32]>,
    data_key: Option<DataKey>,
    unverified: bool,
}

/// Keys and their values.
pub type Keys = Vec<(String, Zeroizing<Vec<u8>>)>;

enum Content {
    /// Of a whole secret.
    Keys(Keys),
    Value(Zeroizing<Vec<u8>>),
}

/// The key of an encrypted file, of which seals can be derived.
pub type DataKey = Zeroizing<[u8; 32]>;

impl Payload {
    /// A value.
    #[must_use]
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { content: Content::Value(bytes), file: None, data_key: None, unverified: false }
    }

    /// Every value of a whole secret.
    #[must_use]
    pub fn whole(keys: Keys) -> Self {
        Self { content: Content::Keys(keys), file: None, data_key: None, unverified: false }
    }

    /// Out of an age file, whose SHA-256 this is.
    #[must_use]
    pub fn of_file(self, digest: [u8; 32]) -> Self {
        Self { file: Some(digest), ..self }
    }

    /// Out of a file that has a key of its own.
    #[must_use]
    pub fn under(self, key: DataKey) -> Self {
        Self { data_key: Some(key), ..self }
    }

    /// Nobody can tell whether its file was changed, beyond the value itself.
    #[must_use]
    pub fn unverified(self) -> Self {
        Self { unverified: true, ..self }
    }

    /// How long the value is, or all of them, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.content {
            Content::Keys(keys) => keys.iter().map(|(_, value)| value.len()).sum(),
            Content::Value(value) => value.len(),
        }
    }

    /// True where there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each value of a whole secret by itself; nothing of a single one.
    #[must_use]
    pub fn keys(self) -> Vec<(String, Self)> {
        let Self { content, file, data_key, unverified } = self;
        let one = |bytes| Self { content: Content::Value(bytes), file, data_key: data_key.clone(), unverified };
        match content {
            Content::Keys(keys) => keys.into_iter().map(|(key, bytes)| (key, one(bytes))).collect(),
            Content::Value(_) => vec![],
        }
    }

    /// The value; nothing of a whole secret.
    fn value(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Keys(_) => None,
            Content::Value(value) => Some(value),
        }
    }
}

/// One payload for each address that was asked.
#[derive(Default)]
pub struct Values(BTreeMap<Address<'static>, Payload>);

impl Values {
    /// Keeps what a source gave.
    pub fn insert(&mut self, address: Address<'static>, payload: Payload) {
        self.0.insert(address, payload);
    }

    /// True where nobody was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The SHA-256 of the age file behind an address.
    #[must_use]
    pub fn digest(&self, address: &Address) -> Option<[u8; 32]> {
        self.get(address).and_then(|payload| payload.file)
    }

    /// The keys of the files that feed these references.
    pub fn data_keys<'v>(&'v self, references: impl Iterator<Item = &'v Reference<'v>>) -> Vec<&'v [u8]> {
        let payloads = references.filter_map(|reference| self.get(&reference.address));
        payloads.filter_map(|payload| payload.data_key.as_ref()).map(|key| key.as_slice()).collect()
    }

    /// Did the value come out of something that may have been changed?
    #[must_use]
    pub fn is_unverified(&self, address: &Address) -> bool {
        self.get(address).is_some_and(|payload| payload.unverified)
    }

    /// Puts the values where the references stand.
    ///
    /// # Errors
    /// A bug in sealref (exit 70), where a reference was planned and not fetched.
    pub fn compose(&self, template: &Template) -> Result<Secret, Problem> {
        let mut inside = Vec::new();
        for part in template.parts() {
            if let Part::Escaped(reference) = part {
                inside.push(Zeroizing::new(escaped(text_of(self.lend(&reference.address)?)?)));
            }
        }
        let mut inside = inside.iter();
        let mut pieces: Vec<&[u8]> = Vec::with_capacity(template.parts().len());
        for part in template.parts() {
            pieces.push(match part {
                Part::Escaped(_) => inside.next().map_or(b"", |text| text.as_bytes()),
                Part::Literal(text) => &text.0,
                Part::Reference(reference) => self.lend(&reference.address)?,
            });
        }
        // One allocation of the final size: growing would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|p| p.len()).sum()));
        for piece in pieces {
            bytes.extend_from_slice(piece);
        }
        Ok(Secret(bytes))
    }

    fn get<'v>(&'v self, address: &'v Address<'v>) -> Option<&'v Payload> {
        // A map of longer lives is one of shorter lives too, and takes the address as it is
        let all: &'v BTreeMap<Address<'v>, Payload> = &self.0;
        all.get(address)
    }

    fn lend<'v>(&'v self, address: &'v Address<'v>) -> Result<&'v [u8], Problem> {
        let found = self.get(address).and_then(Payload::value);
        found.ok_or_else(|| Problem::new("a reference was planned and never fetched").exit(Exit::Bug))
    }

    /// The end of the values: only the question "does this text hold one?" is left.
    #[must_use]
    pub fn watch(self) -> Watch {
        let values = self.0.values().filter_map(Payload::value).filter(|value| value.len() >= limits::WATCHED);
        let forms: Vec<Zeroizing<Vec<u8>>> = values.flat_map(forms).collect();
        let heads = (0..).zip(&forms).filter_map(|(number, form)| Some((hash(*form.first_chunk()?), number)));
        let mut heads: Vec<(u64, usize)> = heads.collect();
        heads.sort_unstable();
        let mut slots = vec![false; if heads.is_empty() { 0 } else { SLOTS }];
        for (head, _) in &heads {
            slots.get_mut(slot(*head)).into_iter().for_each(|slot| *slot = true);
        }
        Watch { forms, heads, slots }
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|_| {
        Problem::new("a value is binary, and what it stands in is text").hint("encode it, or put it elsewhere")
    })
}

/// The value itself and its base64 at each of the three alignments, whatever surrounds it.
fn forms(bytes: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let shifted = (0..3).map(|shift| {
        let mut padded = Zeroizing::new(vec![0; shift]);
        padded.extend_from_slice(bytes);
        let text = Zeroizing::new(STANDARD_NO_PAD.encode(padded.as_slice()));
        // The characters that depend on nothing but the value (see the base64 grid of 6 in 8 bits).
        let from = (8 * shift).div_ceil(6);
        let to = 8 * (shift + bytes.len()) / 6;
        Zeroizing::new(text.as_bytes().get(from..to).unwrap_or_default().to_vec())
    });
    std::iter::once(Zeroizing::new(bytes.to_vec())).chain(shifted).collect()
}

/// Forms of one value: itself, and three of base64.
const FORMS: usize = 4;

/// Enough that hardly a slot is taken by chance, and few enough to stay near the processor.
const SLOTS: usize = 1 << 18;

/// Of the first bytes of a form, which are not kept a second time.
fn hash(head: [u8; limits::WATCHED]) -> u64 {
    let number = head.into_iter().fold(0, |number: u64, byte| (number << 8) | u64::from(byte));
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn slot(hash: u64) -> usize {
    usize::try_from(hash >> (u64::BITS - SLOTS.ilog2())).unwrap_or_default()
}

/// Knows every value of the run and answers one question.
///
/// It is asked of each byte of the output, most of which is base64: a table says in an instant where nothing begins,
/// which is nearly everywhere. (Automata for many words take ten times as long on such text.)
pub struct Watch {
    forms: Vec<Zeroizing<Vec<u8>>>,
    /// Hashes of how the forms begin, with their numbers, sorted.
    heads: Vec<(u64, usize)>,
    slots: Vec<bool>,
}

impl Watch {
    /// The forms of values that a text holds, by their numbers, and where each begins.
    fn seen<'w>(&'w self, text: &'w str) -> impl Iterator<Item = (usize, usize)> + 'w {
        let text = if self.heads.is_empty() { &[][..] } else { text.as_bytes() };
        let hashes = text.array_windows().map(|head| hash(*head)).enumerate();
        let likely = hashes.filter(|(_, hash)| self.slots.get(slot(*hash)) == Some(&true));
        likely.flat_map(move |(start, hash)| {
            let rest = text.get(start..).unwrap_or_default();
            let from = self.heads.partition_point(|(head, _)| *head < hash);
            let heads = self.heads.get(from..).unwrap_or_default().iter().take_while(move |(head, _)| *head == hash);
            let here = |number: &usize| self.forms.get(*number).is_some_and(|form| rest.starts_with(form));
            heads.map(|(_, number)| *number).filter(here).map(move |number| (number, start))
        })
    }

    /// Where values begin in a text, plain or in base64: the number of the value, and the byte.
    pub fn places<'w>(&'w self, text: &'w str) -> impl Iterator<Item = (usize, usize)> + 'w {
        self.seen(text).map(|(form, start)| (form / FORMS, start))
    }

    /// Does this text hold one of the values, plain or in base64, that the original does not hold?
    #[must_use]
    pub fn sees_more(&self, text: &str, original: &str) -> bool {
        let mut seen = self.seen(text).peekable();
        seen.peek().is_some() && {
            let before: BTreeSet<usize> = self.seen(original).map(|(form, _)| form).collect();
            seen.any(|(form, _)| !before.contains(&form))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scheme;
    use base64::engine::general_purpose::STANDARD;
    use std::borrow::Cow;

    fn watch(value: &str) -> Watch {
        let address = Address { scheme: Scheme("file"), path: Cow::Borrowed("x"), property: None, parameters: vec![] };
        let mut values = Values::default();
        values.insert(address, Payload::new(Zeroizing::new(value.as_bytes().to_vec())));
        values.watch()
    }

    #[test]
    fn a_value_is_seen_plain_and_in_base64_whatever_surrounds_it() {
        let watch = watch("correct horse");
        assert!(watch.sees_more("x: correct horse", ""));
        for before in ["", "a", "ab", "abc"] {
            let text = STANDARD.encode(format!("{before}correct horse!"));
            assert!(watch.sees_more(&text, ""), "{before}");
        }
        assert!(!watch.sees_more("correct hors", ""));
    }

    #[test]
    fn a_long_value_is_seen_as_a_whole_only() {
        let value = "0123456789".repeat(20);
        let watch = watch(&value);
        assert!(watch.sees_more(&format!("x: {value}!"), ""));
        assert!(watch.sees_more(&STANDARD.encode(format!("ab{value}!")), ""));
        assert!(!watch.sees_more(value.get(..199).unwrap(), ""));
        assert!(watch.sees_more(&value, "nothing") && !watch.sees_more(&value, &format!("it was here: {value}")));
    }

    #[test]
    fn short_values_are_not_searched_for() {
        assert!(!watch("1").sees_more("replicas: 1", ""));
    }
}
