//! 1Password, through a service account (`onepasswordSDK`) or a Connect server (`onepassword`).

mod fetch;

use super::{Becomes, Facts, Fetch, Source, shape};
use crate::error::Problem;
use crate::model::{Address, Raw, Remote, Scheme, StoreProvider};

pub(super) struct OnePassword;

static FACTS: [Facts; 2] = [
    Facts {
        scheme: "op",
        path: "VAULT/ITEM/[SECTION/]FIELD",
        property: "",
        parameters: &[],
        providers: &["onepassword", "onepasswordSDK"],
        becomes: Becomes::Translated,
    },
    Facts {
        scheme: "onepasswordconnect",
        path: "VAULT/ITEM",
        property: "#/[SECTION.]FIELD",
        parameters: &[],
        providers: &["onepassword", "onepasswordSDK"],
        becomes: Becomes::Translated,
    },
];

impl Source for OnePassword {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    /// Both spellings come to `VAULT/ITEM` and a property of one or two steps.
    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let mut address = raw.normal(Scheme(facts.scheme))?;
        let segments: Vec<&str> = address.path.split('/').collect();
        let property = match (segments.as_slice(), address.property.as_deref()) {
            ([_, _, field], None) => (*field).to_owned(),
            ([_, _, section, field], None) => format!("{section}/{field}"),
            ([_, _], Some(property)) => property.replacen('.', "/", 1),
            _ => return Err(shape(facts)),
        };
        let item: Vec<&str> = segments.into_iter().take(2).collect();
        address.path = item.join("/").into();
        address.property = Some(property.into());
        Ok(address)
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let vault = address.path.split('/').next();
        match provider.kind.as_str() {
            "onepasswordSDK" => provider.field(&["vault"]) == vault,
            // Connect: `vaults` maps each name to its priority.
            _ => provider.names(&["vaults"]).any(|name| Some(name) == vault),
        }
    }

    fn remote(&self, address: &Address, provider: Option<&StoreProvider>) -> Result<Remote<'static>, Problem> {
        let item = address.path.rsplit('/').next().unwrap_or_default();
        let field = address.property.as_deref().unwrap_or_default();
        if provider.is_some_and(|provider| provider.kind == "onepasswordSDK") {
            return Ok(Remote { key: format!("{item}/{field}").into(), property: None, version: None });
        }
        if field.contains('/') {
            return Err(Problem::new("a Connect store finds a field by its label, whatever its section")
                .hint("leave out the section, or say in the store's `provider` that it is onepasswordSDK"));
        }
        Ok(Remote { key: item.to_owned().into(), property: Some(field.to_owned().into()), version: None })
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        cfg!(feature = "remote").then_some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("vault")
    }

    fn ambient(&self) -> &'static [&'static str] {
        &["OP_CONNECT_HOST", "OP_CONNECT_TOKEN"]
    }

    fn authentication(&self) -> &'static str {
        "token of a Connect server"
    }
}
