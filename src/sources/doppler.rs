//! Doppler: one secret of a config, by name.
//! The request: `docs.doppler.com/reference/secrets-get`.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::answer::{Secrets, TOKEN, Text, accepted, bearer, bytes, each_of, is_name, json, setting};
use super::{Becomes, Facts, Fetch, Source, without_property};
use crate::error::Problem;
use crate::model::{Address, Ask, Payload, Raw, Remote, Reply, Request, Scheme, StoreProvider, Wire};

pub(super) struct Doppler;

static FACTS: [Facts; 1] = [Facts {
    scheme: "doppler",
    path: "PROJECT/CONFIG/NAME",
    property: "",
    parameters: &["project", "config"],
    providers: &["doppler"],
    becomes: Becomes::Translated,
}];

impl Source for Doppler {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    /// Project and config may be left empty: `////NAME`, or `//#NAME`.
    fn address<'t>(&self, facts: &'static Facts, mut raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let name = raw.fragment.take();
        let path = raw.path.split('/').chain(name.as_deref());
        let path: Vec<&str> = path.filter(|segment| !segment.is_empty()).collect();
        raw.path = path.join("/").into();
        let address = raw.normal(Scheme(facts.scheme))?;
        if address.path.split('/').count() <= 3 { without_property(address) } else { Err(super::shape(facts)) }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let segments: Vec<&str> = address.path.split('/').collect();
        let [project, config, _] = segments.as_slice() else { return true };
        provider.field(&["project"]).is_none_or(|p| p == *project)
            && provider.field(&["config"]).is_none_or(|c| c == *config)
    }

    fn remote(&self, address: &Address, _: Option<&StoreProvider>) -> Result<Remote<'static>, Problem> {
        let last = address.path.rsplit('/').next().unwrap_or_default();
        Ok(Remote { key: last.to_owned().into(), property: None, version: None })
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        cfg!(feature = "remote").then_some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("vault")
    }

    fn ambient(&self) -> &'static [&'static str] {
        &["DOPPLER_API_HOST", "DOPPLER_TOKEN"]
    }

    fn authentication(&self) -> &'static str {
        "token"
    }
}

impl Fetch for Doppler {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        each_of(Server::find(wire), wanted, wire)
    }
}

struct Server {
    url: String,
    token: Zeroizing<String>,
}

impl Server {
    /// As the variables of Doppler's own command line say.
    fn find(wire: &mut dyn Wire) -> Result<Self, Problem> {
        let (host, token) = (setting("DOPPLER_API_HOST", wire)?, setting("DOPPLER_TOKEN", wire)?);
        if token.is_empty() {
            return Err(Problem::new("DOPPLER_TOKEN is not set").hint("set it to a service token of the config"));
        }
        let url = if host.is_empty() { "https://api.doppler.com" } else { host.trim_end_matches('/') };
        Ok(Self { url: url.to_owned(), token })
    }
}

/// A service token is of one config, which may then be left out.
fn query(address: &Address) -> Result<String, Problem> {
    let segments: Vec<&str> = address.path.split('/').collect();
    let (project, config, name) = match segments.as_slice() {
        [name] => (address.parameter("project"), address.parameter("config"), *name),
        [project, config, name] => (Some(*project), Some(*config), *name),
        _ => return Err(super::shape(&FACTS[0])),
    };
    let pairs = [("project", project), ("config", config), ("name", Some(name))];
    let pairs: Vec<(&str, &str)> = pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    match pairs.iter().find(|(_, value)| !is_name(value)) {
        Some((_, value)) => {
            Err(Problem::new(format!("\"{value}\" is no name of Doppler")).hint("letters, digits, \"-\" and \"_\""))
        }
        None => Ok(pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")),
    }
}

fn operation(address: &Address) -> String {
    format!("reading the secret \"{}\" of Doppler", address.path)
}

#[derive(Deserialize)]
struct Secret {
    value: Value,
}

#[derive(Deserialize)]
struct Value {
    computed: Text,
}

impl Secrets for Server {
    fn ask(&self, address: &Address) -> Result<Ask, Problem> {
        let url = format!("{}/v3/configs/config/secret?{}", self.url, query(address)?);
        Ok(Ask::Http(Request::get(operation(address), url).header("authorization", bearer(&self.token))))
    }

    fn read(&self, address: &Address, reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Problem> {
        json::<Secret>(accepted(&operation(address), reply, &TOKEN)?, "Doppler")
            .map(|secret| bytes(secret.value.computed))
    }
}
