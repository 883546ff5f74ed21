//! A Secret of another namespace or cluster, through External Secrets' kubernetes provider; a ConfigMap too, where the
//! value is sealed.

mod api;
mod certificate;
mod config;
mod fetch;
mod lists;
mod sealing_keys;

pub use api::{Api, Who};
pub use certificate::certificate;
pub use sealing_keys::{create, found, sealing_keys};

use super::{Becomes, Facts, Fetch, Source, gjson, resolve, shape};
use crate::error::Problem;
use crate::model::{Address, Raw, Remote, Scheme, StoreProvider};

pub(super) struct Kubernetes;

static FACTS: [Facts; 1] = [Facts {
    scheme: "k8s",
    path: "v1/Secret|ConfigMap/NAMESPACE/NAME",
    property: "#/key",
    parameters: &[],
    providers: &["kubernetes"],
    becomes: Becomes::Translated,
}];

impl Source for Kubernetes {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let mut address = raw.normal(Scheme(facts.scheme))?;
        let segments: Vec<&str> = address.path.split('/').collect();
        let [version, kind, namespace, name, key @ ..] = segments.as_slice() else {
            return Err(shape(facts));
        };
        // vals also writes the key as a fifth segment.
        let property = match (key, &address.property) {
            ([], property) => property.as_deref().map(str::to_owned),
            ([key], None) => Some((*key).to_owned()),
            _ => return Err(shape(facts)),
        };
        if !matches!((*version, *kind), ("v1", "ConfigMap" | "Secret")) {
            return Err(shape(facts));
        }
        address.path = format!("v1/{kind}/{namespace}/{name}").into();
        address.property = property.map(Into::into);
        Ok(address)
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let namespace = address.path.split('/').nth(2).unwrap_or_default();
        provider.field(&["remoteNamespace"]).unwrap_or("default") == namespace
    }

    fn remote<'t>(&self, address: &Address<'t>, _: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        if address.path.starts_with("v1/ConfigMap/") {
            return Err(Problem::new("External Secrets reads Secrets, and this is a ConfigMap")
                .hint("seal it: the annotation sealref.dev/target: SealedSecret on the Secret"));
        }
        // The provider takes the first step up to a dot as the data key; a key with a dot is one step.
        let property = match &address.property {
            Some(key) if !key.contains('/') => Some(key.clone()),
            steps => gjson(steps.as_ref()),
        };
        let key = address.path.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Remote { key: key.into(), property, version: None })
    }

    fn behind(&self, provider: &StoreProvider, remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
        let namespace = provider.field(&["remoteNamespace"]).unwrap_or("default");
        Some(resolve(FACTS[0].scheme, Raw::of_remote(format!("v1/Secret/{namespace}/{}", remote.key), remote)))
    }

    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        &[("kubeconfig", "KUBECONFIG")]
    }

    fn ambient(&self) -> &'static [&'static str] {
        &["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        cfg!(feature = "cluster").then_some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("cluster")
    }

    fn authentication(&self) -> &'static str {
        "kubeconfig (token, certificate, password), the pod's service account"
    }
}
