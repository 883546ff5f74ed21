//! What servers answered, and each asked once, whatever parts of a secret are wanted.

use std::collections::BTreeMap;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor};
use zeroize::Zeroizing;

use super::property;
use crate::error::{Exit, Problem};
use crate::model::{Address, Ask, Payload, Reply, Wire};

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
    serde_json::from_slice(bytes).map_err(|_| {
        Problem::new(format!("the answer is not one of {server}")).hint("is this its address, or that of a login page?")
    })
}

/// How a source asks for a whole secret, and what it takes out of the answer.
pub(super) struct Asking<'a> {
    /// The question for an address, whose property is not looked at.
    pub(super) ask: &'a dyn Fn(&Address) -> Result<Ask, Problem>,
    /// The bytes of the whole secret.
    pub(super) read: &'a dyn Fn(&Address, Reply) -> Result<Zeroizing<Vec<u8>>, Problem>,
    /// What of them is wanted.
    pub(super) part: &'a dyn Fn(&[u8], &Address) -> Result<Payload, Problem>,
}

/// The value that a property leads to in YAML or JSON; without a property, everything.
pub(super) fn part(bytes: &[u8], address: &Address) -> Result<Payload, Problem> {
    property::select(bytes, address.property.as_deref()).map(Payload::new)
}

/// Asks for everything at the same time, for each secret once; a property is looked up in what came.
pub(super) fn each_once(
    wanted: &[&Address<'static>],
    asking: &Asking,
    wire: &mut dyn Wire,
) -> Vec<Result<Payload, Problem>> {
    let whole = |address: &Address<'static>| Address { property: None, ..address.clone() };
    let mut secrets: BTreeMap<Address, Result<Zeroizing<Vec<u8>>, Problem>> = BTreeMap::new();
    let (mut asked, mut asks) = (vec![], vec![]);
    for address in wanted.iter().map(|address| whole(address)) {
        if secrets.contains_key(&address) || asked.contains(&address) {
            continue;
        }
        match (asking.ask)(&address) {
            Err(problem) => drop(secrets.insert(address, Err(problem))),
            Ok(ask) => {
                asks.push(ask);
                asked.push(address);
            }
        }
    }
    for (address, reply) in asked.into_iter().zip(wire.ask_all(asks)) {
        let secret = reply.and_then(|reply| (asking.read)(&address, reply));
        secrets.insert(address, secret);
    }
    let take = |address: &&Address<'static>| match secrets.get(&whole(address)) {
        Some(Ok(bytes)) => (asking.part)(bytes, address),
        Some(Err(problem)) => Err(problem.clone()),
        None => Err(Problem::new("a secret was not asked for").exit(Exit::Bug)),
    };
    wanted.iter().map(take).collect()
}
