//! Items of a Connect server: a vault by its name, an item by its title, a field by its label.
//! The API: `developer.1password.com/docs/connect/api-reference`.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::OnePassword;
use crate::error::Problem;
use crate::model::{Address, Ask, Payload, Reply, Request, Wire};
use crate::sources::answer::{Answers, TOKEN, Text, accepted, bearer, json, setting};
use crate::sources::whole::single;
use crate::sources::{Fetch, encoded, property};

impl Fetch for OnePassword {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        let server = match Server::find(wire) {
            Ok(server) => server,
            Err(problem) => return wanted.iter().map(|_| Err(problem.clone())).collect(),
        };
        let items = || wanted.iter().map(|address| item(address));
        let named = |(vault, item): (&str, &str)| operation(&format!("{vault}/{item}"));
        let vaults = Answers::ask(
            items().map(|(vault, _)| vault),
            |vault| server.ask(operation(vault), &search("/v1/vaults", "name", vault)?),
            |vault, reply| only(&operation(vault), &reply),
            |asks| wire.ask_all(asks),
        );
        let folder = |vault: &str| Ok(format!("/v1/vaults/{}/items", vaults.get(vault)?.id));
        let found = Answers::ask(
            items(),
            |key| server.ask(named(*key), &search(&folder(key.0)?, "title", key.1)?),
            |key, reply| only(&named(*key), &reply),
            |asks| wire.ask_all(asks),
        );
        let read = Answers::ask(
            items(),
            |key| server.ask(named(*key), &format!("{}/{}", folder(key.0)?, found.get(key)?.id)),
            |key, reply| json::<Item>(accepted(&named(*key), &reply, &TOKEN)?, SERVER),
            |asks| wire.ask_all(asks),
        );
        let value = |address: &&Address<'static>| {
            single(address)?;
            let value = read.get(&item(address))?.field(address.property.as_deref().unwrap_or_default());
            let value = value.map_err(|what| {
                Problem::new(format!("{}: {what}", named(item(address)))).hint("VAULT/ITEM/[SECTION/]FIELD")
            })?;
            property::select(value.as_bytes(), None).map(Payload::new)
        };
        wanted.iter().map(value).collect()
    }
}

/// A vault and an item of it.
fn item<'a>(address: &'a Address) -> (&'a str, &'a str) {
    address.path.split_once('/').unwrap_or_default()
}

/// What messages call it, when a vault or an item of one is looked for.
fn operation(name: &str) -> String {
    format!("reading \"{name}\" of 1Password")
}

const SERVER: &str = "1Password Connect";

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

    fn ask(&self, operation: String, path: &str) -> Result<Ask, Problem> {
        let request = Request::get(operation, format!("{}{path}", self.url));
        Ok(Ask::Http(request.header("authorization", bearer(&self.token))))
    }
}

/// Names and titles are any text; in a filter they stand between quotes.
fn search(path: &str, field: &str, name: &str) -> Result<String, Problem> {
    if name.contains('"') {
        return Err(Problem::new("a name with a quotation mark cannot be searched for").hint("rename it in 1Password"));
    }
    Ok(format!("{path}?filter={}", encoded(&format!("{field} eq \"{name}\""), b"-._~")))
}

#[derive(Deserialize)]
struct Found {
    id: String,
}

/// The one that was found.
fn only(operation: &str, reply: &Reply) -> Result<Found, Problem> {
    let list = [b"{\"found\":", accepted(operation, reply, &TOKEN)?, b"}"].concat();
    let Search { mut found } = json(&Zeroizing::new(list), SERVER)?;
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
