//! Sources that sealref only translates: their servers are asked by External Secrets, never by us.
//! The shapes are those of vals; the keys are those of each provider in External Secrets.

use super::{Becomes, Facts, Source, gjson, shape, without_property};
use crate::error::Problem;
use crate::model::{Address, Raw, Remote, Scheme, StoreProvider};

pub(super) struct Others;

const fn facts(
    scheme: &'static str,
    path: &'static str,
    property: &'static str,
    parameters: &'static [&'static str],
    providers: &'static [&'static str],
) -> Facts {
    Facts { scheme, path, property, parameters, providers, becomes: Becomes::Translated }
}

static FACTS: [Facts; 6] = [
    facts("conjur", "PATH/ID", "", &["account"], &["conjur"]),
    facts("bw", "ID[/FIELD]", "", &[], &["bitwardensecretsmanager"]),
    facts("infisical", "NAME", "", &["project", "environment", "path"], &["infisical"]),
    facts("scw", "/PATH", "#/field", &[], &["scaleway"]),
    facts("yclockbox", "SECRET_ID", "#/key", &["version_id"], &["yandexlockbox"]),
    facts("tss", "ID or PATH", "#/field", &[], &["secretserver"]),
];

impl Source for Others {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, mut raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        if facts.scheme == "scw" {
            raw.path = raw.path.trim_start_matches('/').to_owned().into();
        }
        let address = raw.normal(Scheme(facts.scheme))?;
        let segments = address.path.split('/').count();
        let fits = match facts.scheme {
            "bw" => segments <= 2,
            "infisical" | "yclockbox" => segments == 1,
            _ => true,
        };
        match fits {
            false => Err(shape(facts)),
            true if facts.property.is_empty() => without_property(address),
            true => Ok(address),
        }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        match address.scheme.0 {
            "infisical" => {
                let scope = |field, wanted| {
                    provider
                        .field(&["secretsScope", field])
                        .is_none_or(|v| address.parameter(wanted).is_none_or(|w| v == w))
                };
                scope("projectSlug", "project") && scope("environmentSlug", "environment")
            }
            _ => true,
        }
    }

    fn remote<'t>(&self, address: &Address<'t>, _: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        let path = &*address.path;
        let (key, property) = match address.scheme.0 {
            "bw" => match path.split_once('/') {
                Some((id, field)) => (id.to_owned(), Some(field.to_owned().into())),
                None => (path.to_owned(), None),
            },
            "infisical" => match address.parameter("path") {
                Some(folder) => (format!("{}/{path}", folder.trim_end_matches('/')), None),
                None => (path.to_owned(), None),
            },
            "scw" if path.contains('/') => (format!("path:/{path}"), gjson(address.property.as_ref())),
            "scw" => (format!("name:{path}"), gjson(address.property.as_ref())),
            "yclockbox" => (path.to_owned(), address.property.clone()),
            _ => (path.to_owned(), gjson(address.property.as_ref())),
        };
        let version = address.parameter("version_id").map(str::to_owned);
        Ok(Remote { key: key.into(), property, version: version.map(Into::into) })
    }
}
