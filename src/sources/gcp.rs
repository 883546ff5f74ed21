//! Google Cloud Secret Manager. The project stands in the store, never in a key.

mod fetch;

use super::{Becomes, Facts, Fetch, Source, agrees, gjson, resolve, shape};
use crate::error::Problem;
use crate::model::{Address, Raw, Remote, Scheme, StoreProvider};

pub(super) struct Gcp;

static FACTS: [Facts; 1] = [Facts {
    scheme: "gcpsecrets",
    path: "PROJECT/NAME",
    property: "#/field",
    parameters: &["version", "location"],
    providers: &["gcpsm"],
    becomes: Becomes::Translated,
}];

impl Source for Gcp {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let address = raw.normal(Scheme(facts.scheme))?;
        if address.path.split('/').count() == 2 { Ok(address) } else { Err(shape(facts)) }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        agrees(provider, &["projectID"], address.path.split('/').next())
            && agrees(provider, &["location"], address.parameter("location"))
    }

    fn remote<'t>(&self, address: &Address<'t>, _: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        Ok(Remote {
            key: address.path.rsplit('/').next().unwrap_or_default().to_owned().into(),
            property: gjson(address.property.as_ref()),
            version: address.parameter("version").map(|version| version.to_owned().into()),
        })
    }

    fn behind(&self, provider: &StoreProvider, remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
        let path = format!("{}/{}", provider.field(&["projectID"])?, remote.key);
        Some(resolve(FACTS[0].scheme, Raw::of_remote(path, remote)))
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        cfg!(feature = "gcp").then_some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("gcp")
    }

    fn ambient(&self) -> &'static [&'static str] {
        &["CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", "GOOGLE_OAUTH_ACCESS_TOKEN"]
    }

    fn authentication(&self) -> &'static str {
        "access token, application default credentials, workload identity federation"
    }
}
