//! Azure Key Vault: secrets, and the public parts of keys and certificates. The vault stands in the store as `vaultUrl`.

mod fetch;

use super::{Becomes, Facts, Fetch, Source, gjson, shape};
use crate::error::Problem;
use crate::model::{Address, Raw, Remote, Scheme, StoreProvider};

pub(super) struct Azure;

static FACTS: [Facts; 1] = [Facts {
    scheme: "azurekeyvault",
    path: "VAULT/NAME[/VERSION]",
    property: "#/field",
    parameters: &[OBJECT_TYPE],
    providers: &["azurekv"],
    becomes: Becomes::Translated,
}];

/// What lies behind a name, in the words of the CSI driver of Azure; a secret where it is not said.
const OBJECT_TYPE: &str = "object_type";

/// The public part of a key, as a JSON Web Key (RFC 7517).
const KEY: &str = "key";

/// A certificate without its private key, in DER (RFC 5280).
const CERT: &str = "cert";

impl Source for Azure {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let address = raw.normal(Scheme(facts.scheme))?;
        let segments: Vec<&str> = address.path.split('/').collect();
        match segments.as_slice() {
            [_, kind @ ("cert" | "key" | "secret"), name] if !is_version(name) => {
                Err(Problem::new(format!("\"{kind}/\" is External Secrets' way to say what \"{name}\" is"))
                    .hint(format!(
                        "write VAULT/NAME, or VAULT/NAME?{OBJECT_TYPE}={CERT}; the secret of a certificate holds its private key too"
                    )))
            }
            [_, _] | [_, _, _] => known_type(address),
            _ => Err(shape(facts)),
        }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let url = provider.field(&["vaultUrl"]).unwrap_or_default();
        url.trim_end_matches('/').strip_prefix("https://").is_some_and(|h| h.eq_ignore_ascii_case(&host(address)))
    }

    fn remote<'t>(&self, address: &Address<'t>, _: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        let mut segments = address.path.split('/').skip(1);
        let name = segments.next().unwrap_or_default();
        Ok(Remote {
            key: address.parameter(OBJECT_TYPE).map_or_else(|| name.to_owned(), |kind| format!("{kind}/{name}")).into(),
            property: gjson(address.property.as_ref()),
            version: segments.next().map(|version| version.to_owned().into()),
        })
    }

    fn behind(&self, provider: &StoreProvider, remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
        let host = provider.field(&["vaultUrl"])?.trim_end_matches('/').strip_prefix("https://")?;
        let vault = host.strip_suffix(".vault.azure.net").unwrap_or(host);
        let (kind, name) = remote.key.split_once('/').unwrap_or(("secret", &remote.key));
        let mut raw = Raw::of_remote(format!("{vault}/{name}"), remote);
        if kind != "secret" {
            raw.parameters.push((OBJECT_TYPE.into(), kind.to_owned().into()));
        }
        Some(self.address(&FACTS[0], raw))
    }

    fn ambient(&self) -> &'static [&'static str] {
        &["AZURE_KEY_VAULT_URL"]
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        cfg!(feature = "azure").then_some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("azure")
    }

    fn authentication(&self) -> &'static str {
        "client secret, workload identity, managed identity, `az login`"
    }
}

/// Its type is one that a vault has; a certificate is taken whole.
fn known_type(address: Address) -> Result<Address, Problem> {
    match address.parameter(OBJECT_TYPE) {
        Some(CERT) if address.property.is_some() => {
            Err(Problem::new("a certificate of Key Vault is one value in DER, without fields")
                .hint("leave out what stands behind \"#\""))
        }
        None | Some(CERT | KEY) => Ok(address),
        Some(_) => Err(Problem::new(format!("{OBJECT_TYPE} is none that a vault has"))
            .hint(format!("{KEY} or {CERT}; without it, it is a secret"))),
    }
}

/// The vault gives versions their names: 32 hexadecimal digits.
fn is_version(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// A dot or a port makes it a whole host, as in vals; a bare name is one of the public cloud.
fn host(address: &Address) -> String {
    let vault = address.path.split('/').next().unwrap_or_default();
    if vault.contains(['.', ':']) { vault.to_owned() } else { format!("{vault}.vault.azure.net") }
}
