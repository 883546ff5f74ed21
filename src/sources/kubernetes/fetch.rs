//! One named object, by GET: never a list, so that leave to read this one is enough.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Kubernetes;
use super::config::Cluster;
use crate::error::Problem;
use crate::model::{Address, Ask, Keys, Payload, Reply, Wire};
use crate::sources::answer::{Known, Secrets, Text, accepted, base64, each_of, json};
use crate::sources::whole::is_whole;
use crate::sources::{Fetch, property};

impl Fetch for Kubernetes {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        each_of(Cluster::find(wire), wanted, wire)
    }
}

struct Object<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Object<'a> {
    fn of(address: &'a Address) -> Result<Self, Problem> {
        let mut segments = address.path.split('/').skip(1);
        let mut next = || segments.next().unwrap_or_default();
        let (kind, namespace, name) = (next(), next(), next());
        match [namespace, name].into_iter().find(|name| !is_name(name)) {
            Some(name) => Err(Problem::new(format!("\"{name}\" is no name that an object can have"))
                .hint("lower-case letters, digits, \"-\" and \".\"")),
            None => Ok(Self { kind, namespace, name }),
        }
    }

    fn path(&self) -> String {
        let resource = format!("{}s", self.kind.to_lowercase());
        format!("/api/v1/namespaces/{}/{resource}/{}", self.namespace, self.name)
    }
}

/// Letters that a path of the API takes for nothing else.
pub(super) fn is_name(name: &str) -> bool {
    name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.')
}

fn operation(address: &Address) -> String {
    let (kind, name) = address.path.split_once('/').and_then(|(_, rest)| rest.split_once('/')).unwrap_or_default();
    format!("reading the {kind} \"{name}\"")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    kind: String,
    #[serde(default)]
    data: BTreeMap<String, Text>,
    #[serde(default)]
    binary_data: BTreeMap<String, Text>,
}

const REFUSALS: [Known; 3] = [
    (401, "the cluster does not know who asks", "has the token expired? log in anew"),
    (403, "access is denied", "whoever runs this needs the verb \"get\" for this one name (resourceNames)"),
    (404, "it is not there", "are namespace, name and the current context right?"),
];

impl Secrets for Cluster {
    fn ask(&self, address: &Address) -> Result<Ask, Problem> {
        let path = Object::of(address)?.path();
        Ok(Ask::Http(self.get(operation(address), &path)))
    }

    fn read(&self, address: &Address, reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Problem> {
        accepted(&operation(address), reply, &REFUSALS)?;
        Ok(reply.bytes.clone())
    }

    /// One key; what stands behind it in the property is looked up inside.
    fn part(&self, address: &Address, whole: &[u8]) -> Result<Payload, Problem> {
        let content: Content = json(whole, "the API server")?;
        let object = Object::of(address)?;
        if content.kind != object.kind {
            return Err(Problem::new(format!("{}: the answer is another object", operation(address)))
                .hint("is the server of the current context an API server?"));
        }
        if is_whole(address) && address.property.is_none() {
            return property::some_keys(content.values()?, "the object").map(Payload::whole);
        }
        let property = address.property.as_deref().ok_or_else(|| {
            Problem::new("a whole object is asked for, and a value is one key").hint("write #/KEY behind the name")
        })?;
        let (key, inside) = property.split_once('/').map_or((property, None), |(key, rest)| (key, Some(rest)));
        let value = content.value(key)?.ok_or_else(|| {
            Problem::new(format!("{}: it has no key \"{key}\"", operation(address)))
                .hint("kubectl describe lists its keys")
        })?;
        if is_whole(address) {
            return property::keys_in(&value, inside, "the key").map(Payload::whole);
        }
        property::select_in(&value, inside, "the key").map(Payload::new)
    }
}

impl Content {
    /// Every key.
    fn values(&self) -> Result<Keys, Problem> {
        let keys: BTreeSet<&String> = self.data.keys().chain(self.binary_data.keys()).collect();
        let value = |key: &String| Ok((key.clone(), self.value(key)?.unwrap_or_default()));
        keys.into_iter().map(value).collect()
    }

    /// What stands in base64, as all of a Secret does, or as it is, in a ConfigMap.
    fn value(&self, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let (encoded, plain) = match self.kind.as_str() {
            "Secret" => (&self.data, None),
            _ => (&self.binary_data, self.data.get(key)),
        };
        match encoded.get(key) {
            Some(encoded) => base64(encoded, "the API server").map(Some),
            None => Ok(plain.map(|Text(text)| Zeroizing::new(text.as_bytes().to_vec()))),
        }
    }
}
