//! Credentials that Vault makes when it is asked: databases, clouds, PKI. External Secrets asks for new ones at every
//! refresh, by a generator that stands beside the ExternalSecret and logs in for itself.
//! Source: `generators/v1/vault` and `apis/generators/v1alpha1` of external-secrets.

use serde_json::Value as Json;

use super::{Becomes, Facts, Source, agrees, shape};
use crate::error::Problem;
use crate::model::{Address, Generator, Raw, Scheme, StoreKind, StoreProvider, StoreSpec};
use crate::yaml::Value;

pub(super) struct Dynamic;

static FACTS: [Facts; 1] = [Facts {
    scheme: "vaultdynamic",
    path: "MOUNT/PATH",
    property: "#/field",
    parameters: &["address", "namespace", "method", "parameters.*"],
    providers: &["vault"],
    becomes: Becomes::Generated,
}];

/// What is sent with the question.
const SENT: &str = "parameters.";

impl Source for Dynamic {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let address = raw.normal(Scheme(facts.scheme))?;
        if !address.path.contains('/') {
            return Err(shape(facts));
        }
        if !matches!(address.parameter("method"), None | Some("GET" | "POST")) {
            return Err(Problem::new("\"method\" is neither GET nor POST").hint("leave it out for GET"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        match address.property.as_deref() {
            Some(field) if field.chars().all(plain) => Ok(address),
            Some(_) => Err(Problem::new("a field of what Vault answers has another shape")
                .hint("letters, digits, dashes and underscores: #/username")),
            None => Err(Problem::new("the reference does not say which field of Vault's answer is the value")
                .hint("write ref+vaultdynamic://database/creds/ROLE#/username")),
        }
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        agrees(provider, &["server"], address.parameter("address"))
            && agrees(provider, &["namespace"], address.parameter("namespace"))
    }

    fn generator(
        &self,
        address: &Address,
        store: Option<&StoreSpec>,
        namespace: Option<&str>,
    ) -> Option<Result<Generator, Problem>> {
        let store = store?;
        Some(provider(store, namespace).map(|provider| Generator {
            kind: "VaultDynamicSecret",
            spec: spec(address, provider),
            output: address.property.as_deref().unwrap_or_default().to_owned(),
            shared: Some(address.path.clone().into_owned()),
            again: true,
            store: Some(store.store.clone()),
        }))
    }
}

/// `spec` of a VaultDynamicSecret.
fn spec(address: &Address, provider: Value<'static>) -> Value<'static> {
    let method = address.parameter("method");
    let text = |text: &str| Value::text(text.to_owned());
    let posted = method == Some("POST");
    let sent = address.parameters.iter().filter_map(|(name, value)| {
        let value = if posted { text(value) } else { Value::List(vec![text(value)]) };
        Some((name.strip_prefix(SENT)?.to_owned(), value))
    });
    let sent: Vec<_> = sent.collect();
    let sent = (!sent.is_empty()).then(|| Value::map(sent));
    let entries = [
        ("getParameters", sent.clone().filter(|_| !posted)),
        ("method", method.map(text)),
        ("parameters", sent.filter(|_| posted)),
        ("path", Some(text(&address.path))),
        ("provider", Some(provider)),
        ("resultType", Some(text("Data"))),
    ];
    Value::map(entries.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

/// The server and the way to log in, as the store has them: a generator names no store.
fn provider(store: &StoreSpec, namespace: Option<&str>) -> Result<Value<'static>, Problem> {
    let name = &store.store.name;
    let said = store.provider.as_ref().map(|provider| &provider.fields);
    let Some(fields) = said.filter(|fields| fields.get("server").is_some() && fields.get("auth").is_some()) else {
        return Err(Problem::new(format!("nobody has said what is behind the store \"{name}\", and how to log in"))
            .hint(
                "a generator names no store: add provider: {vault: {server: ..., auth: ...}} to its rule under stores",
            ));
    };
    if store.store.kind == StoreKind::Cluster && leads_out(fields, namespace) {
        let problem = Problem::new(format!("the store \"{name}\" logs in by what stands in another namespace"));
        return Err(problem.hint(
            "a generator reaches its own namespace only: give scheme vaultdynamic a rule of its own under stores, with a role for this one",
        ));
    }
    // Where the key-value engine is says nothing here.
    let fields = fields.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !matches!(name.as_str(), "path" | "version"));
    Ok(Value::map(fields.map(|(name, value)| (name.clone(), of_json(value)))))
}

/// Does it name an object of another namespace? Source: `EmptyStoreKind` in `runtime/esutils/resolvers`.
fn leads_out(fields: &Json, namespace: Option<&str>) -> bool {
    match fields {
        Json::Object(map) => {
            let named = map.get("name").and_then(|_| map.get("namespace"));
            named.is_some_and(|named| named.as_str() != namespace) || map.values().any(|one| leads_out(one, namespace))
        }
        Json::Array(items) => items.iter().any(|one| leads_out(one, namespace)),
        _ => false,
    }
}

fn of_json(value: &Json) -> Value<'static> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => Value::Number(number.to_string().into()),
        Json::String(text) => Value::text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(of_json).collect()),
        Json::Object(map) => Value::map(map.iter().map(|(name, value)| (name.clone(), of_json(value)))),
    }
}
