//! Vault and OpenBao, KV version 1 and 2. The path holds the mount and never `/data/`.
//! How External Secrets strips mount and `data/` from a key: `pkg/provider/vault/client_get.go`.

#[cfg(feature = "vault")]
mod answer;
#[cfg(feature = "vault")]
mod configuration;
#[cfg(feature = "vault")]
mod login;
#[cfg(feature = "vault")]
mod read;
#[cfg(feature = "vault")]
mod session;
#[cfg(feature = "vault")]
mod transit;

use std::borrow::Cow;

use super::{Becomes, Facts, Source, agrees, gjson, resolve, shape};
#[cfg(feature = "vault")]
use super::{Fetch, Keys};
use crate::error::Problem;
use crate::model::{Address, Identity, Raw, Remote, Scheme, StoreProvider};
#[cfg(feature = "vault")]
use crate::model::{MasterKey, Payload, Wire};
use crate::yaml::Tree;

pub(super) struct Vault;

const fn facts(scheme: &'static str, providers: &'static [&'static str]) -> Facts {
    Facts {
        scheme,
        path: "MOUNT/PATH",
        property: "#/field",
        parameters: &["version", "address", "namespace"],
        providers,
        becomes: Becomes::Translated,
    }
}

static FACTS: [Facts; 2] = [facts("vault", &["vault", "openBao"]), facts("openbao", &["openBao", "vault"])];

/// What a policy may say, and what it stands for: the variables of `vault` and vals, which `bao` reads too.
static FIELDS: [(&str, &str); 20] = [
    ("address", "VAULT_ADDR"),
    ("namespace", "VAULT_NAMESPACE"),
    ("caCert", "VAULT_CACERT"),
    ("clientCert", "VAULT_CLIENT_CERT"),
    ("clientKey", "VAULT_CLIENT_KEY"),
    ("role", "VAULT_ROLE"),
    ("auth.*", "VAULT_AUTH_METHOD"),
    ("auth.token.file", "VAULT_TOKEN_FILE"),
    ("auth.approle.mount", "VAULT_LOGIN_MOUNT_POINT"),
    ("auth.approle.roleId", "VAULT_ROLE_ID"),
    ("auth.approle.secretIdFile", "VAULT_SECRET_ID_FILE"),
    ("auth.kubernetes.mount", "VAULT_LOGIN_MOUNT_POINT"),
    ("auth.kubernetes.tokenFile", "VAULT_KUBERNETES_JWT_TOKEN_PATH"),
    ("auth.jwt.mount", "VAULT_LOGIN_MOUNT_POINT"),
    ("auth.jwt.tokenFile", "VAULT_JWT_FILE"),
    ("auth.userpass.mount", "VAULT_LOGIN_MOUNT_POINT"),
    ("auth.userpass.username", "VAULT_USERNAME"),
    ("auth.userpass.passwordFile", "VAULT_PASSWORD_FILE"),
    ("auth.cert.mount", "VAULT_LOGIN_MOUNT_POINT"),
    ("roleId", "VAULT_ROLE_ID"),
];

impl Source for Vault {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let whole = raw.whole;
        let mut address = raw.normal(Scheme(facts.scheme))?;
        if address.property.is_none() && !whole {
            let (path, field) = last_segment(address.path);
            address.path = path;
            address.property = Some(field);
        }
        let mut segments = address.path.as_bytes().split(|sign| *sign == b'/');
        match (segments.next(), segments.next()) {
            (Some(_), Some(b"data")) => Err(Problem::new("the path has the \"data\" of the HTTP API in it")
                .hint("write MOUNT/PATH without \"/data/\"")),
            (Some(_), Some(_)) => Ok(address),
            _ => Err(shape(facts)),
        }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        agrees(provider, &["server"], address.parameter("address"))
            && agrees(provider, &["namespace"], address.parameter("namespace"))
            && mount(provider).is_none_or(|mount| below(&address.path, mount).is_some())
    }

    fn remote<'t>(&self, address: &Address<'t>, provider: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        let mount = provider.and_then(mount);
        let key = match &address.path {
            Cow::Borrowed(path) => Cow::Borrowed(key(path, mount)),
            Cow::Owned(path) => Cow::Owned(key(path, mount).to_owned()),
        };
        let version = address.parameter("version").map(|version| version.to_owned().into());
        Ok(Remote { key, property: gjson(address.property.as_ref()), version })
    }

    /// External Secrets puts the mount before every key, and takes it, and `data/`, from one that has them:
    /// `buildPath` in `providers/v1/vault`.
    fn behind(&self, provider: &StoreProvider, remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
        let scheme = FACTS.iter().find(|facts| facts.providers.first() == Some(&provider.kind.as_str()))?.scheme;
        let mount = match mount(provider) {
            Some(mount) => mount.trim_matches('/'),
            None => remote.key.split_once('/')?.0,
        };
        let inside = match below(&remote.key, mount) {
            Some(inside) if provider.field(&["version"]) != Some("v1") => {
                inside.strip_prefix("data/").unwrap_or(inside)
            }
            Some(inside) => inside,
            None => &remote.key,
        };
        Some(resolve(scheme, Raw::of_remote(format!("{mount}/{inside}"), remote)))
    }

    /// The objects of the Vault Secrets Operator that have a path.
    fn read_by(&self, identity: &Identity, tree: &Tree) -> Option<Result<Address<'static>, Problem>> {
        let there = |field| tree.at(tree.root(), &["spec", field]);
        let said = |field| there(field).and_then(|node| tree.text(node));
        if identity.group() != "secrets.hashicorp.com" || there("path").is_none() {
            return None;
        }
        let (Some(mount), Some(path)) = (said("mount"), said("path")) else {
            return Some(Err(Problem::new("mount or path is no text").hint("write both")));
        };
        let namespace = said("namespace").map(|namespace| ("namespace".into(), namespace.to_owned().into()));
        let parameters = namespace.into_iter().collect();
        let raw = Raw { path: format!("{mount}/{path}").into(), parameters, fragment: None, whole: true };
        Some(resolve(FACTS[0].scheme, raw))
    }

    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        &FIELDS
    }

    #[cfg(feature = "vault")]
    fn fetch(&self) -> Option<&dyn Fetch> {
        Some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("vault")
    }

    fn authentication(&self) -> &'static str {
        "token, AppRole, Kubernetes, JWT, user and password, TLS certificate"
    }
}

#[cfg(feature = "vault")]
impl Fetch for Vault {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        read::fetch(wanted, wire)
    }

    fn keys(&self, key: &MasterKey) -> Option<&dyn Keys> {
        matches!(key, MasterKey::Transit { .. }).then_some(&transit::Transit)
    }
}

/// A path as it stands in a URL (RFC 3986, 2.3).
#[cfg(feature = "vault")]
fn in_url(path: &str) -> String {
    super::encoded(path, b"-._~/")
}

fn mount(provider: &StoreProvider) -> Option<&str> {
    provider.field(&["path"])
}

/// The path below the mount of the store. External Secrets would strip mount and `data/` once more, so a key that has
/// them keeps its mount.
fn key<'a>(path: &'a str, mount: Option<&str>) -> &'a str {
    let inside = mount.and_then(|mount| {
        let inside = below(path, mount)?;
        let stripped = below(inside, mount).is_some() || inside.starts_with("data/");
        (!stripped).then_some(inside)
    });
    inside.unwrap_or(path)
}

fn below<'a>(path: &'a str, mount: &str) -> Option<&'a str> {
    path.strip_prefix(mount.trim_matches('/'))?.strip_prefix('/')
}

/// `kv/db/password` is the field `password` of `kv/db`: half of the references seen in the wild.
fn last_segment(path: Cow<'_, str>) -> (Cow<'_, str>, Cow<'_, str>) {
    match path {
        Cow::Borrowed(path) => {
            let (front, last) = path.rsplit_once('/').unwrap_or(("", path));
            (front.into(), last.into())
        }
        Cow::Owned(path) => {
            let (front, last) = path.rsplit_once('/').unwrap_or(("", &path));
            (front.to_owned().into(), last.to_owned().into())
        }
    }
}
