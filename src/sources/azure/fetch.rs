//! Get Secret, Get Key and Get Certificate of Key Vault, and Decrypt for data keys of files.
//! The requests: `learn.microsoft.com/rest/api/keyvault`, version 7.4.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Azure, CERT, KEY, OBJECT_TYPE, host};
use crate::error::{Exit, Problem};
use crate::model::{Address, Ask, Cloud, MasterKey, Payload, Reply, Request, Wire, Wrapped};
use crate::sources::answer::{
    Answers, Known, Secrets, Text, accepted, base64, bearer, bytes, each_once, is_name, json, setting, token,
};
use crate::sources::whole::single;
use crate::sources::{Fetch, Keys, property};

const VERSION: &str = "api-version=7.4";

/// What it is called in messages.
const SERVER: &str = "Key Vault";

/// Where vaults are, in each of Azure's clouds.
const CLOUDS: [&str; 3] = ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"];

/// The vault that the operator names, which may be anywhere.
const OWN: &str = "AZURE_KEY_VAULT_URL";

/// A vault, and the token that opens it.
struct Vault {
    url: String,
    token: Zeroizing<String>,
}

impl Vault {
    fn find(host: &str, wire: &mut dyn Wire) -> Result<Self, Problem> {
        let own = setting(OWN, wire)?;
        let own = own.trim_end_matches('/');
        let is_own = own.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host));
        let cloud = CLOUDS.into_iter().find(|cloud| {
            let name = host.strip_suffix(cloud).and_then(|front| front.strip_suffix('.'));
            name.is_some_and(is_name)
        });
        let (url, cloud) = match (is_own, cloud) {
            (true, _) => (own.to_owned(), cloud.unwrap_or(CLOUDS[0])),
            (false, Some(cloud)) => (format!("https://{host}"), cloud),
            (false, None) => {
                return Err(Problem::new(format!("\"{host}\" is no vault of Azure"))
                    .hint(format!("NAME or NAME.{}; another one is named by {OWN}", CLOUDS.join(", NAME."))));
            }
        };
        let token = token(Cloud::Azure { scope: format!("https://{cloud}/.default") }, wire)?;
        Ok(Self { url, token })
    }

    fn authorized(&self, request: Request) -> Request {
        request.header("authorization", bearer(&self.token))
    }
}

impl Fetch for Azure {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        let vaults = Vaults::each(wanted.iter().map(|address| host(address)), |host| Vault::find(host, wire));
        each_once(wanted, &vaults, wire)
    }

    fn keys(&self, key: &MasterKey) -> Option<&dyn Keys> {
        matches!(key, MasterKey::Azure { .. }).then_some(self)
    }
}

/// `NAME`, or `NAME/VERSION`.
fn name<'a>(address: &'a Address<'_>) -> Result<&'a str, Problem> {
    let (_, name) = address.path.split_once('/').unwrap_or_default();
    match name.split('/').find(|part| !is_name(part)) {
        Some(part) => {
            Err(Problem::new(format!("\"{part}\" is no name of Key Vault")).hint("letters, digits and \"-\""))
        }
        None => Ok(name),
    }
}

fn operation(address: &Address) -> String {
    let kind = match address.parameter(OBJECT_TYPE) {
        Some(KEY) => "key",
        Some(CERT) => "certificate",
        _ => "secret",
    };
    format!("reading the {kind} \"{}\"", address.path)
}

const REFUSALS: [Known; 3] = [
    (401, "the vault does not know who asks", "is the identity one of the vault's tenant?"),
    (
        403,
        "access is denied, or the vault's firewall forbids it",
        "whoever runs this needs the role Key Vault Secrets User (of keys: Crypto User, of certificates: Certificate User)",
    ),
    (404, "it is not there, or has no such version", "are vault, name and version right?"),
];

#[derive(Deserialize)]
struct Value {
    value: Text,
}

/// The public part of a key, in the order in which Go writes a map: that of the names.
#[derive(Deserialize)]
struct Key {
    key: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Certificate {
    cer: Text,
}

/// The vaults of a run, by their hosts.
type Vaults = Answers<String, Vault>;

impl Secrets for Vaults {
    fn ask(&self, address: &Address) -> Result<Ask, Problem> {
        let vault = self.get(&host(address))?;
        let kind = match address.parameter(OBJECT_TYPE) {
            Some(KEY) => "keys",
            Some(CERT) => "certificates",
            _ => "secrets",
        };
        let url = format!("{}/{kind}/{}?{VERSION}", vault.url, name(address)?);
        Ok(Ask::Http(vault.authorized(Request::get(operation(address), url))))
    }

    fn read(&self, address: &Address, reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let accepted = accepted(&operation(address), reply, &REFUSALS)?;
        match address.parameter(OBJECT_TYPE) {
            Some(KEY) => {
                let Key { key } = json(accepted, SERVER)?;
                Ok(Zeroizing::new(serde_json::json!(key).to_string().into_bytes()))
            }
            Some(CERT) => base64(&json::<Certificate>(accepted, SERVER)?.cer, SERVER),
            _ => json::<Value>(accepted, SERVER).map(|answer| bytes(answer.value)),
        }
    }

    /// A certificate is bytes, in which no key is looked up.
    fn part(&self, address: &Address, whole: &[u8]) -> Result<Payload, Problem> {
        if address.parameter(OBJECT_TYPE) == Some(CERT) {
            single(address)?;
        }
        property::payload(whole, address, "the secret")
    }
}

impl Keys for Azure {
    /// The vault that the operator names holds it.
    fn configured(&self, key: &MasterKey, wire: &mut dyn Wire) -> Result<bool, Problem> {
        let MasterKey::Azure { vault, .. } = key else { return Ok(false) };
        let own = setting(OWN, wire)?;
        Ok(!own.is_empty() && own.trim_end_matches('/').eq_ignore_ascii_case(vault.trim_end_matches('/')))
    }

    fn unwrap(&self, wrapped: &Wrapped, wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let MasterKey::Azure { vault, name, version } = &wrapped.key else {
            return Err(Problem::new("a key of another service was asked of Azure").exit(Exit::Bug));
        };
        if !is_name(name) || !is_name(version) {
            return Err(Problem::new("the file names a key that no vault can have").hint("letters, digits and \"-\""));
        }
        let host = vault.trim_end_matches('/').split_once("://").map_or(vault.as_str(), |(_, host)| host);
        let vault = Vault::find(host, wire)?;
        let operation = format!("decrypting with the key \"{name}\" of {host}");
        let body = serde_json::json!({ "alg": "RSA-OAEP-256", "value": wrapped.ciphertext }).to_string();
        let url = format!("{}/keys/{name}/{version}/decrypt?{VERSION}", vault.url);
        let request = Request::post(operation.clone(), url, Zeroizing::new(body.into_bytes()));
        let reply = wire.ask(Ask::Http(vault.authorized(request)))?;
        let Text(opened) = json::<Value>(accepted(&operation, &reply, &REFUSALS)?, SERVER)?.value;
        let mut key = Zeroizing::new(Vec::with_capacity(opened.len()));
        let wrong = |_| Problem::new("the answer is not one of Key Vault").hint("is this its address?");
        URL_SAFE_NO_PAD.decode_vec(opened.as_bytes(), &mut key).map_err(wrong)?;
        Ok(key)
    }
}
