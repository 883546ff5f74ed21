//! Items of a Connect server: a vault by its name, an item by its title, a field by its label.
//! The API: `developer.1password.com/docs/connect/api-reference`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::OnePassword;
use crate::error::{Exit, Problem};
use crate::model::{Address, Ask, Payload, Reply, Request, Wire};
use crate::sources::answer::{TOKEN, Text, accepted, bearer, json, setting};
use crate::sources::whole::single;
use crate::sources::{Fetch, encoded, property};

type Answers<K, V> = BTreeMap<K, Result<V, Problem>>;

impl Fetch for OnePassword {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        let server = match Server::find(wire) {
            Ok(server) => server,
            Err(problem) => return wanted.iter().map(|_| Err(problem.clone())).collect(),
        };
        let items: BTreeSet<(&str, &str)> =
            wanted.iter().map(|address| address.path.split_once('/').unwrap_or_default()).collect();
        let names = items.iter().map(|(vault, _)| *vault).collect();
        let vaults = server.ask(names, &|vault| search("/v1/vaults", "name", vault), &only, wire);
        let id = |vault: &str| of(&vaults, &vault).map(|found| found.id.clone());
        let search_item =
            |(vault, item): &(&str, &str)| search(&format!("/v1/vaults/{}/items", id(vault)?), "title", item);
        let found = server.ask(items.clone(), &search_item, &only, wire);
        let path = |key: &(&str, &str)| Ok(format!("/v1/vaults/{}/items/{}", id(key.0)?, of(&found, key)?.id));
        let items = server.ask(items, &path, &|key, reply| read::<Item>(&operation(key), reply), wire);
        let value = |address: &&Address<'static>| {
            single(address)?;
            let key = address.path.split_once('/').unwrap_or_default();
            let value = of(&items, &key)?.field(address.property.as_deref().unwrap_or_default());
            let value = value.map_err(|what| {
                Problem::new(format!("{}: {what}", operation(&key))).hint("VAULT/ITEM/[SECTION/]FIELD")
            })?;
            property::select(value.as_bytes(), None).map(Payload::new)
        };
        wanted.iter().map(value).collect()
    }
}

fn of<'a, K: Ord, V>(answers: &'a Answers<K, V>, key: &K) -> Result<&'a V, Problem> {
    let lost = || Problem::new("something was not asked for").exit(Exit::Bug);
    answers.get(key).ok_or_else(lost)?.as_ref().map_err(Clone::clone)
}

/// What messages call a vault, or an item of one.
trait Named {
    fn name(&self) -> String;
}

impl Named for &str {
    fn name(&self) -> String {
        (*self).to_owned()
    }
}

impl Named for (&str, &str) {
    fn name(&self) -> String {
        format!("{}/{}", self.0, self.1)
    }
}

fn operation(of: &impl Named) -> String {
    format!("reading \"{}\" of 1Password", of.name())
}

struct Server {
    url: String,
    token: Zeroizing<String>,
}

impl Server {
    /// As the variables of Connect's own libraries say.
    fn find(wire: &mut dyn Wire) -> Result<Self, Problem> {
        let (host, token) = (setting("OP_CONNECT_HOST", wire)?, setting("OP_CONNECT_TOKEN", wire)?);
        if host.is_empty() || token.is_empty() {
            return Err(Problem::new("OP_CONNECT_HOST and OP_CONNECT_TOKEN are not both set")
                .hint("values are read from a Connect server; with a service account, translate instead"));
        }
        Ok(Self { url: host.trim_end_matches('/').to_owned(), token })
    }

    /// Asks one thing for each key, all at the same time.
    fn ask<K: Ord + Named, V>(
        &self,
        keys: BTreeSet<K>,
        path: &dyn Fn(&K) -> Result<String, Problem>,
        read: &dyn Fn(&K, &Reply) -> Result<V, Problem>,
        wire: &mut dyn Wire,
    ) -> Answers<K, V> {
        let (mut answers, mut asked, mut asks) = (BTreeMap::new(), vec![], vec![]);
        for key in keys {
            match path(&key) {
                Err(problem) => drop(answers.insert(key, Err(problem))),
                Ok(path) => {
                    let request = Request::get(operation(&key), format!("{}{path}", self.url));
                    asks.push(Ask::Http(request.header("authorization", bearer(&self.token))));
                    asked.push(key);
                }
            }
        }
        for (key, reply) in asked.into_iter().zip(wire.ask_all(asks)) {
            let answer = reply.and_then(|reply| read(&key, &reply));
            answers.insert(key, answer);
        }
        answers
    }
}

/// Names and titles are any text; in a filter they stand between quotes.
fn search(path: &str, field: &str, name: &str) -> Result<String, Problem> {
    if name.contains('"') {
        return Err(Problem::new("a name with a quotation mark cannot be searched for").hint("rename it in 1Password"));
    }
    Ok(format!("{path}?filter={}", encoded(&format!("{field} eq \"{name}\""), b"-._~")))
}

fn read<T: DeserializeOwned>(operation: &str, reply: &Reply) -> Result<T, Problem> {
    json(accepted(operation, reply, &TOKEN)?, "1Password Connect")
}

#[derive(Deserialize)]
struct Found {
    id: String,
}

/// The one that was found.
fn only(of: &impl Named, reply: &Reply) -> Result<Found, Problem> {
    let operation = operation(of);
    let list = [b"{\"found\":", accepted(&operation, reply, &TOKEN)?, b"}"].concat();
    let Search { mut found } = json(&Zeroizing::new(list), "1Password Connect")?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) if one.id.bytes().all(|c| c.is_ascii_alphanumeric()) => Ok(one),
        (None, _) => Err(Problem::new(format!("{operation}: nothing is called so, or the token may not see it"))
            .hint("is it spelled as in 1Password, and does the token reach this vault?")),
        _ => Err(Problem::new(format!("{operation}: several are called so")).hint("rename one of them")),
    }
}

#[derive(Deserialize)]
struct Search {
    found: Vec<Found>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    fields: Vec<Field>,
    #[serde(default)]
    sections: Vec<Section>,
}

#[derive(Deserialize)]
struct Field {
    id: String,
    label: Option<String>,
    section: Option<Found>,
    value: Option<Text>,
}

#[derive(Deserialize)]
struct Section {
    id: String,
    label: Option<String>,
}

impl Item {
    /// The value of `FIELD`, or of `SECTION/FIELD`; each may be a label or an id.
    fn field(&self, property: &str) -> Result<&str, &'static str> {
        let (section, field) = property.split_once('/').map_or((None, property), |(s, f)| (Some(s), f));
        let called = |id: &str, label: &Option<String>, name: &str| id == name || label.as_deref() == Some(name);
        let inside = |id: Option<&Found>| {
            section.is_none_or(|section| {
                let mut all = self.sections.iter().filter(|known| called(&known.id, &known.label, section));
                all.any(|known| id.is_some_and(|id| id.id == known.id))
            })
        };
        let fits = |known: &&Field| called(&known.id, &known.label, field) && inside(known.section.as_ref());
        let mut fields = self.fields.iter().filter(fits);
        match (fields.next(), fields.next()) {
            (Some(field), None) => {
                field.value.as_ref().map(|Text(value)| value.as_str()).ok_or("the field has no value")
            }
            (None, _) => Err("it has no such field"),
            _ => Err("it has several fields of this name"),
        }
    }
}
