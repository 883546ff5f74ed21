//! What servers answered, and each asked once, whatever parts of a secret are wanted.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor};
use zeroize::Zeroizing;

use super::property;
use super::whole::without_mark;
use crate::error::{Exit, Problem};
use crate::model::{Address, Ask, Cloud, Payload, Reply, Wire};

/// A text of an answer, wiped on drop.
pub(super) struct Text(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(Zeroizing::new(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Read)
    }
}

/// An answer of JSON.
///
/// # Errors
/// It is no JSON, or not of the shape that the server promises. Never a word of it.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8], server: &str) -> Result<T, Problem> {
    // A list would pass for a struct, its members being taken for the fields.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    serde_json::from_slice(bytes).ok().filter(|_| is_object).ok_or_else(|| strange(server))
}

/// The bytes that an answer holds in base64.
///
/// # Errors
/// It is none.
pub(super) fn base64(Text(text): &Text, server: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    match STANDARD.decode_vec(text.as_bytes(), &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(strange(server)),
    }
}

/// The bytes of a text.
pub(super) fn bytes(Text(mut text): Text) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

/// What the server sent along with its yes.
///
/// # Errors
/// It said no.
pub(super) fn accepted<'r>(operation: &str, reply: &'r Reply, known: &[Known]) -> Result<&'r [u8], Problem> {
    if reply.status == 200 { Ok(&reply.bytes) } else { Err(refusal(operation, reply.status, known)) }
}

/// A status, what it says there, and the next thing to do.
pub(super) type Known = (u16, &'static str, &'static str);

/// The header `authorization` of a token (RFC 6750).
pub(super) fn bearer(token: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("Bearer {}", token.trim()))
}

fn strange(server: &str) -> Problem {
    Problem::new(format!("the answer is not one of {server}")).hint("is this its address, or that of a login page?")
}

/// Why there is no value. What the server says is not told.
pub(super) fn refusal(operation: &str, status: u16, known: &[Known]) -> Problem {
    let known = known.iter().find(|(known, ..)| *known == status);
    let (what, hint) = known.map_or(("the server refuses", "is its address right?"), |(_, what, hint)| (*what, *hint));
    let problem = Problem::new(format!("{operation}: {what} (status {status})")).hint(hint);
    if status >= 500 { problem.exit(Exit::Source) } else { problem }
}

/// What most servers mean that are asked with a token.
pub(super) const TOKEN: [Known; 3] = [
    (401, "the server does not know who asks", "is the token still valid?"),
    (403, "access is denied", "may the token read it?"),
    (404, "it is not there, or not to be seen", "is the path spelled right, and may the token read it?"),
];

/// A token that shows a cloud who we are.
pub(super) fn token(cloud: Cloud, wire: &mut dyn Wire) -> Result<Zeroizing<String>, Problem> {
    text(&wire.ask(Ask::Token(cloud))?.bytes)
}

/// A variable by which the operator configures a source; empty where it is not set.
pub(super) fn setting(name: &'static str, wire: &mut dyn Wire) -> Result<Zeroizing<String>, Problem> {
    text(&wire.ask(Ask::Setting(name))?.bytes)
}

/// Text of the operator, such as a token in a file.
pub(super) fn text(bytes: &[u8]) -> Result<Zeroizing<String>, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::new("a token or a setting is not text").hint("is it the right file?"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Letters, digits, `-` and `_`: what clouds call things by, and what needs no encoding in a URL.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
}

/// How a source asks for a whole secret, and what it takes out of the answer.
pub(super) trait Secrets {
    /// The question for an address, whose property is not looked at.
    fn ask(&self, address: &Address) -> Result<Ask, Problem>;

    /// The bytes of the whole secret.
    fn read(&self, address: &Address, reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Problem>;

    /// What of them is wanted: the value that a property leads to in YAML or JSON; without a property, everything.
    fn part(&self, address: &Address, whole: &[u8]) -> Result<Payload, Problem> {
        property::payload(whole, address, "the secret")
    }
}

/// Asks a server that may not be found: then nothing has a value.
pub(super) fn each_of<S: Secrets>(
    server: Result<S, Problem>,
    wanted: &[&Address<'static>],
    wire: &mut dyn Wire,
) -> Vec<Result<Payload, Problem>> {
    match server {
        Ok(server) => each_once(wanted, &server, wire),
        Err(problem) => wanted.iter().map(|_| Err(problem.clone())).collect(),
    }
}

/// Asks for everything at the same time, for each secret once; a property is looked up in what came.
pub(super) fn each_once(
    wanted: &[&Address<'static>],
    of: &dyn Secrets,
    wire: &mut dyn Wire,
) -> Vec<Result<Payload, Problem>> {
    let whole = |address: &Address<'static>| Address { property: None, ..without_mark(address) };
    let keys = wanted.iter().map(|address| whole(address));
    let (ask, read) = (|address: &_| of.ask(address), |address: &_, reply| of.read(address, &reply));
    let secrets = Answers::ask(keys, ask, read, |asks| wire.ask_all(asks));
    wanted.iter().map(|address| of.part(address, secrets.get(&whole(address))?)).collect()
}

/// What was answered, by what was asked for.
pub(super) struct Answers<K, V>(pub(super) BTreeMap<K, Result<V, Problem>>);

impl<K: Ord, V> Answers<K, V> {
    /// Each once, one after the other.
    pub(super) fn each(keys: impl IntoIterator<Item = K>, mut answer: impl FnMut(&K) -> Result<V, Problem>) -> Self {
        let mut answers = BTreeMap::new();
        for key in keys.into_iter().collect::<BTreeSet<K>>() {
            let found = answer(&key);
            answers.insert(key, found);
        }
        Self(answers)
    }

    /// Asks for each once, all at the same time: `all` gives the replies in order.
    pub(super) fn ask<Q>(
        keys: impl IntoIterator<Item = K>,
        ask: impl Fn(&K) -> Result<Q, Problem>,
        read: impl Fn(&K, Reply) -> Result<V, Problem>,
        all: impl FnOnce(Vec<Q>) -> Vec<Result<Reply, Problem>>,
    ) -> Self {
        let (mut answers, mut asked, mut asks) = (BTreeMap::new(), vec![], vec![]);
        for key in keys.into_iter().collect::<BTreeSet<K>>() {
            match ask(&key) {
                Err(problem) => drop(answers.insert(key, Err(problem))),
                Ok(ask) => {
                    asks.push(ask);
                    asked.push(key);
                }
            }
        }
        for (key, reply) in asked.into_iter().zip(all(asks)) {
            let answer = reply.and_then(|reply| read(&key, reply));
            answers.insert(key, answer);
        }
        Self(answers)
    }

    /// The answer, or why there is none.
    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Result<&V, Problem>
    where
        K: Borrow<Q>,
    {
        let lost = || Problem::new("something was not asked for").exit(Exit::Bug);
        self.0.get(key).ok_or_else(lost)?.as_ref().map_err(Clone::clone)
    }
}

/// How addresses are asked.
type Way = fn(&[&Address<'static>], &mut dyn Wire) -> Vec<Result<Payload, Problem>>;

/// Addresses of two sorts, each sort asked in a way of its own; one answer for each address, in order.
pub(super) fn in_two_ways(
    wanted: &[&Address<'static>],
    is_first: fn(&Address) -> bool,
    (first, second): (Way, Way),
    wire: &mut dyn Wire,
) -> Vec<Result<Payload, Problem>> {
    let (one, other): (Vec<_>, Vec<_>) = wanted.iter().copied().partition(|address| is_first(address));
    let (mut one, mut other) = (first(&one, wire).into_iter(), second(&other, wire).into_iter());
    let lost = || Err(Problem::new("a value was left out").exit(Exit::Bug));
    let next = |address: &&Address| if is_first(address) { one.next() } else { other.next() };
    wanted.iter().map(next).map(|payload| payload.unwrap_or_else(lost)).collect()
}
