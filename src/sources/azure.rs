//! Azure Key Vault secrets. The vault stands in the store as `vaultUrl`.

mod fetch;

use super::{Becomes, Facts, Fetch, Source, gjson, shape};
use crate::error::Problem;
use crate::model::{Address, Raw, Remote, Scheme, StoreProvider};

pub(super) struct Azure;

static FACTS: [Facts; 1] = [Facts {
    scheme: "azurekeyvault",
    path: "VAULT/NAME[/VERSION]",
    property: "#/field",
    parameters: &[],
    providers: &["azurekv"],
    becomes: Becomes::Translated,
}];

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
                    .hint("write VAULT/NAME: it is a secret, and that of a certificate holds its private key too"))
            }
            [_, _] | [_, _, _] => Ok(address),
            _ => Err(shape(facts)),
        }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let url = provider.field(&["vaultUrl"]).unwrap_or_default();
        url.trim_end_matches('/').strip_prefix("https://").is_some_and(|h| h.eq_ignore_ascii_case(&host(address)))
    }

    fn remote(&self, address: &Address, _: Option<&StoreProvider>) -> Result<Remote, Problem> {
        let mut segments = address.path.split('/').skip(1);
        Ok(Remote {
            key: segments.next().unwrap_or_default().to_owned(),
            property: gjson(address.property.as_deref()),
            version: segments.next().map(str::to_owned),
        })
    }

    fn behind(&self, provider: &StoreProvider, remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
        let host = provider.field(&["vaultUrl"])?.trim_end_matches('/').strip_prefix("https://")?;
        let vault = host.strip_suffix(".vault.azure.net").unwrap_or(host);
        // Keys and certificates are written `key/NAME`, and are no secrets.
        let name = remote.key.strip_prefix("secret/").unwrap_or(&remote.key);
        Some(Raw::of_remote(format!("{vault}/{name}"), remote).normal(Scheme(FACTS[0].scheme)))
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
        "client secret, workload identity, managed identity"
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
