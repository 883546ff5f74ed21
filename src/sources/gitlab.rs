//! Variables of GitLab's CI, of a project or a group.
//! The requests: `docs.gitlab.com/api/project_level_variables`, `docs.gitlab.com/api/group_level_variables`.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::answer::{Secrets, TOKEN, Text, accepted, bytes, each_of, is_name, json, setting};
use super::{Becomes, Facts, Fetch, Source, gjson, shape};
use crate::error::Problem;
use crate::model::{Address, Ask, Payload, Raw, Remote, Reply, Request, Scheme, StoreProvider, Wire};

pub(super) struct Gitlab;

static FACTS: [Facts; 1] = [Facts {
    scheme: "gitlab",
    path: "HOST/[projects/|groups/]ID/NAME",
    property: "#/field",
    parameters: &[],
    providers: &["gitlab"],
    becomes: Becomes::Translated,
}];

impl Source for Gitlab {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let address = raw.normal(Scheme(facts.scheme))?;
        if address.path.split('/').count() >= 3 { Ok(address) } else { Err(shape(facts)) }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let segments: Vec<&str> = address.path.split('/').collect();
        let [host, .., id, _] = segments.as_slice() else { return true };
        let url = provider.field(&["url"]).unwrap_or("https://gitlab.com");
        url.trim_end_matches('/').ends_with(&format!("//{host}"))
            && provider.field(&["projectID"]).is_none_or(|project| project == *id)
    }

    fn remote<'t>(&self, address: &Address<'t>, _: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        let last = address.path.rsplit('/').next().unwrap_or_default();
        Ok(Remote { key: last.to_owned().into(), property: gjson(address.property.as_ref()), version: None })
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        cfg!(feature = "remote").then_some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("vault")
    }

    fn ambient(&self) -> &'static [&'static str] {
        &["GITLAB_HOST", "GITLAB_TOKEN"]
    }

    fn authentication(&self) -> &'static str {
        "token"
    }
}

impl Fetch for Gitlab {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        each_of(Server::find(wire), wanted, wire)
    }
}

struct Server {
    url: String,
    token: Zeroizing<String>,
}

impl Server {
    /// As the variables of GitLab's own command line say: a token goes to the operator's server, whatever a reference
    /// says.
    fn find(wire: &mut dyn Wire) -> Result<Self, Problem> {
        let (host, token) = (setting("GITLAB_HOST", wire)?, setting("GITLAB_TOKEN", wire)?);
        if token.is_empty() {
            return Err(
                Problem::new("GITLAB_TOKEN is not set").hint("set it to a token that may read the API (read_api)")
            );
        }
        let url = match host.trim_end_matches('/') {
            "" => "https://gitlab.com".to_owned(),
            url if url.contains("://") => url.to_owned(),
            host => format!("https://{host}"),
        };
        Ok(Self { url, token })
    }
}

/// `projects/ID/variables/NAME`; a project where nothing is said.
fn variable(address: &Address, url: &str) -> Result<String, Problem> {
    let segments: Vec<&str> = address.path.split('/').collect();
    let (host, kind, id, name) = match segments.as_slice() {
        [host, kind @ ("groups" | "projects"), id, name] => (*host, *kind, *id, *name),
        [host, id, name] => (*host, "projects", *id, *name),
        _ => return Err(shape(&FACTS[0])),
    };
    if url.split_once("://").is_none_or(|(_, own)| !own.eq_ignore_ascii_case(host)) {
        return Err(Problem::new(format!("the reference leads to \"{host}\", and the token is for another server"))
            .hint("set GITLAB_HOST to this server; no reference can"));
    }
    match [id, name].into_iter().find(|part| !is_name(part)) {
        Some(part) => Err(Problem::new(format!("\"{part}\" is no number or name that GitLab knows"))
            .hint("HOST/[projects/|groups/]NUMBER/NAME")),
        None => Ok(format!("{kind}/{id}/variables/{name}")),
    }
}

fn operation(address: &Address) -> String {
    format!("reading the variable \"{}\"", address.path)
}

#[derive(Deserialize)]
struct Variable {
    value: Text,
}

impl Secrets for Server {
    fn ask(&self, address: &Address) -> Result<Ask, Problem> {
        let url = format!("{}/api/v4/{}", self.url, variable(address, &self.url)?);
        Ok(Ask::Http(Request::get(operation(address), url).header("private-token", self.token.clone())))
    }

    fn read(&self, address: &Address, reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Problem> {
        json::<Variable>(accepted(&operation(address), reply, &TOKEN)?, "GitLab").map(|variable| bytes(variable.value))
    }
}
