//! Azure Key Vault secrets. The vault stands in the store as `vaultUrl`.

use super::{Becomes, Facts, Source, gjson, shape};
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
        let segments = address.path.split('/').count();
        if (2..=3).contains(&segments) { Ok(address) } else { Err(shape(facts)) }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let vault = address.path.split('/').next().unwrap_or_default();
        // A dot makes it a whole host, as in vals; a bare name is one of the public cloud.
        let host = if vault.contains('.') { vault.to_owned() } else { format!("{vault}.vault.azure.net") };
        let url = provider.field(&["vaultUrl"]).unwrap_or_default();
        url.trim_end_matches('/').strip_prefix("https://").is_some_and(|h| h.eq_ignore_ascii_case(&host))
    }

    fn remote(&self, address: &Address, _: Option<&StoreProvider>) -> Result<Remote, Problem> {
        let mut segments = address.path.split('/').skip(1);
        Ok(Remote {
            key: segments.next().unwrap_or_default().to_owned(),
            property: gjson(address.property.as_deref()),
            version: segments.next().map(str::to_owned),
        })
    }
}
