//! ExternalSecret of External Secrets: the controller in the cluster fetches, sealref only translates.
//!
//! Written so that nothing drifts: list items carry the fields that the API server would default into
//! them, durations are canonical, and there is always a template, without which the controller copies
//! this object's own metadata. Source: `apis/externalsecrets/v1` of external-secrets/external-secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Seal, Target, Terms, metadata};
use crate::error::{Exit, Problem};
use crate::model::{Address, Generator, Identity, Item, Lookup, Part, Provision, Reference, Template};
use crate::yaml::Value;

pub(super) struct ExternalSecret;

const KIND: &str = "ExternalSecret";
const GENERATORS: &str = "generators.external-secrets.io/v1alpha1";

impl Target for ExternalSecret {
    fn name(&self) -> &'static str {
        KIND
    }

    fn seals(&self) -> bool {
        false
    }

    fn can(&self, provision: &Provision) -> Result<(), Problem> {
        if matches!(provision.secret_type.as_deref(), Some("bootstrap.kubernetes.io/token")) {
            return Err(Problem::new("External Secrets does not make Secrets of type bootstrap.kubernetes.io/token")
                .hint("seal it: the annotation sealref.dev/target: SealedSecret"));
        }
        if !provision.extracts.is_empty() && templated(provision) {
            return Err(Problem::new("a Secret with whole secrets in it cannot also hold composed or literal values")
                .hint("split it into two Secrets"));
        }
        let generated = provision.items.iter().filter(|item| generator(&item.template).is_some()).count();
        let alone = provision.items.iter().all(|item| item.template.single().is_some());
        if generated > 0 && (generated < provision.items.len() || !alone || !provision.extracts.is_empty()) {
            return Err(Problem::new("generated values stand in a Secret with other values")
                .hint("give them a Secret of their own: they are made once, the others are fetched again and again"));
        }
        match provision.items.iter().find(|item| item.template.literals().any(|l| l.text().is_none())) {
            Some(item) => Err(Problem::new(format!("the literal value of \"{}\" is binary", item.key))
                .hint("seal it: the annotation sealref.dev/target: SealedSecret")),
            None => Ok(()),
        }
    }

    fn emit<'p>(
        &self,
        provision: &'p Provision,
        name: &'p str,
        terms: &'p Terms,
        _: Seal,
    ) -> Result<Vec<(Identity, Value<'p>)>, Problem> {
        let (data, composed) = data(provision, terms)?;
        let mut made = vec![];
        let mut data_from: Vec<Value> = provision
            .extracts
            .iter()
            .map(|reference| extract(provision, reference, terms))
            .collect::<Result<_, _>>()?;
        for item in &provision.items {
            if let Some(generator) = generator(&item.template) {
                let (object, from) = generated(provision, name, item, generator);
                made.push(object);
                data_from.push(from);
            }
        }
        let mut spec: Vec<(Cow<str>, Value)> = vec![];
        if made.is_empty() {
            spec.push(("refreshInterval".into(), Value::text(terms.refresh_interval.as_str())));
        } else {
            // A generator runs at every refresh of its object: this one is never refreshed.
            spec.push(("refreshInterval".into(), Value::text("0s")));
            spec.push(("refreshPolicy".into(), Value::text("CreatedOnce")));
        }
        if let Some(store) = provision.stores.first() {
            let entries = [("kind", store.kind.name()), ("name", store.name.as_str())];
            spec.push(("secretStoreRef".into(), texts(entries)));
        }
        spec.push(("target".into(), target(provision, name, composed)));
        if !data.is_empty() {
            spec.push(("data".into(), Value::List(data)));
        }
        if !data_from.is_empty() {
            spec.push(("dataFrom".into(), Value::List(data_from)));
        }
        let head = (terms.external_secrets, KIND);
        let metadata = metadata::outer(provision, name, vec![]);
        made.insert(0, object(provision, head, name, metadata, Value::Map(spec)));
        Ok(made)
    }
}

fn object<'p>(
    provision: &Provision,
    (api_version, kind): (&'static str, &'static str),
    name: &str,
    metadata: Value<'p>,
    spec: Value<'p>,
) -> (Identity, Value<'p>) {
    let identity = Identity {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: provision.secret.namespace.clone(),
        name: name.to_owned(),
    };
    let value = Value::map([
        ("apiVersion", Value::text(api_version)),
        ("kind", Value::text(kind)),
        ("metadata", metadata),
        ("spec", spec),
    ]);
    (identity, value)
}

fn texts<'p>(entries: impl IntoIterator<Item = (&'static str, &'p str)>) -> Value<'p> {
    Value::map(entries.into_iter().map(|(key, text)| (key, Value::text(text))))
}

/// True where a value is more than one reference and nothing else, so that a template has to compose it.
fn templated(provision: &Provision) -> bool {
    provision.items.iter().any(|item| item.template.single().is_none())
}

type Entries<'p> = Vec<(Cow<'p, str>, Value<'p>)>;

/// The entries of `spec.data`, and of `target.template.data` where anything is composed.
///
/// With a data template the controller keeps nothing else, so then every item stands in it; what is
/// fetched gets an identifier as its name, because a key may hold dots and dashes, and is fetched once.
fn data<'p>(provision: &'p Provision, terms: &Terms) -> Result<(Vec<Value<'p>>, Entries<'p>), Problem> {
    let templated = templated(provision);
    let (mut data, mut composed) = (vec![], vec![]);
    let mut aliases: BTreeMap<&Address, usize> = BTreeMap::new();
    for item in provision.items.iter().filter(|item| generator(&item.template).is_none()) {
        let mut text = String::new();
        for part in &item.template.0 {
            match part {
                Part::Literal(literal) => push_escaped(&mut text, literal.text().unwrap_or_default()),
                Part::Escaped(reference) | Part::Reference(reference) if templated => {
                    let (next, known) = (aliases.len(), aliases.get(&reference.address).copied());
                    let number = known.unwrap_or(next);
                    let alias = format!("v{number}");
                    let inside = if matches!(part, Part::Escaped(_)) { INSIDE } else { "" };
                    text.push_str(&format!("{{{{ .{alias}{inside} }}}}"));
                    if known.is_none() {
                        aliases.insert(&reference.address, next);
                        data.push(entry(alias.into(), provision, reference, terms)?);
                    }
                }
                Part::Escaped(reference) | Part::Reference(reference) => {
                    data.push(entry(item.key.as_str().into(), provision, reference, terms)?);
                }
            }
        }
        if templated {
            composed.push((item.key.as_str().into(), Value::text(text)));
        }
    }
    Ok((data, composed))
}

/// Makes of a value what stands between the quotes of a JSON string.
const INSIDE: &str = r#" | toJson | trimPrefix "\"" | trimSuffix "\"""#;

/// Braces that the template engine would read become a Go string literal.
fn push_escaped(out: &mut String, literal: &str) {
    out.push_str(&literal.replace("{{", "{{ \"{{\" }}"));
    // A last brace would run into the braces of what follows.
    if literal.ends_with('{') && out.ends_with('{') {
        out.pop();
        out.push_str("{{ \"{\" }}");
    }
}

fn entry<'p>(
    key: Cow<'p, str>,
    provision: &'p Provision,
    reference: &'p Reference,
    terms: &Terms,
) -> Result<Value<'p>, Problem> {
    let mut entries: Entries = Vec::with_capacity(3);
    entries.push(("secretKey".into(), Value::text(key)));
    entries.push(("remoteRef".into(), remote(reference, terms)?));
    entries.extend(other_store(provision, reference).map(|(key, store)| (key.into(), store)));
    Ok(Value::Map(entries))
}

fn extract<'p>(provision: &'p Provision, reference: &'p Reference, terms: &Terms) -> Result<Value<'p>, Problem> {
    let mut entries = vec![("extract", remote(reference, terms)?)];
    entries.extend(other_store(provision, reference));
    Ok(Value::map(entries))
}

/// One store is named once, for the whole object; only the others are named by what looks into them.
fn other_store<'p>(provision: &'p Provision, reference: &Reference) -> Option<(&'static str, Value<'p>)> {
    let number = match reference.lookup {
        Some(Lookup::Remote(number, _)) => number,
        Some(Lookup::Generated(_)) | None => 0,
    };
    let store = provision.stores.get(number).filter(|_| number > 0)?;
    let store = texts([("kind", store.kind.name()), ("name", store.name.as_str())]);
    Some(("sourceRef", Value::map([("storeRef", store)])))
}

fn remote<'p>(reference: &'p Reference, terms: &Terms) -> Result<Value<'p>, Problem> {
    let Some(Lookup::Remote(_, remote)) = &reference.lookup else {
        return Err(Problem::new("a reference was emitted and never planned").exit(Exit::Bug));
    };
    let mut entries: Entries = Vec::with_capacity(7);
    let mut push = |name: &'static str, text| entries.push((name.into(), Value::text(text)));
    push("conversionStrategy", "Default");
    push("decodingStrategy", "None");
    push("key", remote.key.as_str());
    push("metadataPolicy", "None");
    if terms.null_byte_policy {
        push("nullBytePolicy", "Ignore");
    }
    for (name, text) in [("property", &remote.property), ("version", &remote.version)] {
        if let Some(text) = text {
            push(name, text.as_str());
        }
    }
    Ok(Value::Map(entries))
}

fn target<'p>(provision: &'p Provision, name: &'p str, composed: Entries<'p>) -> Value<'p> {
    let mut template = vec![];
    if !composed.is_empty() {
        template.push(("data", Value::Map(composed)));
    }
    template.push(("engineVersion", Value::text("v2")));
    template.push(("mergePolicy", Value::text("Replace")));
    if let Some(metadata) = metadata::inner(provision, vec![]) {
        template.push(("metadata", escaped(metadata)));
    }
    if let Some(kind) = &provision.secret_type {
        template.push(("type", Value::text(kind.as_str())));
    }
    let mut target = vec![("creationPolicy", Value::text("Owner")), ("deletionPolicy", Value::text("Retain"))];
    if let Some(immutable) = provision.immutable {
        target.push(("immutable", Value::Bool(immutable)));
    }
    target.push(("name", Value::text(name)));
    target.push(("template", Value::map(template)));
    Value::map(target)
}

/// Labels and annotations in a template are templates too.
fn escaped(metadata: Value) -> Value {
    match metadata {
        Value::Map(entries) => Value::Map(entries.into_iter().map(|(key, value)| (key, escaped(value))).collect()),
        Value::Text(text) if text.contains("{{") => {
            let mut out = String::new();
            push_escaped(&mut out, &text);
            Value::text(out)
        }
        other => other,
    }
}

fn generator<'a>(template: &'a Template) -> Option<&'a Generator> {
    match &template.single()?.lookup {
        Some(Lookup::Generated(generator)) => Some(generator),
        Some(Lookup::Remote(..)) | None => None,
    }
}

/// The generator object of one item, and the entry of `dataFrom` that puts its output under the key.
fn generated<'p>(
    provision: &'p Provision,
    secret: &str,
    item: &Item,
    generator: &'p Generator,
) -> ((Identity, Value<'p>), Value<'p>) {
    let name = generator_name(secret, &item.key);
    let metadata = metadata::outer(provision, name.clone(), vec![]);
    let object = object(provision, (GENERATORS, generator.kind), &name, metadata, generator.spec.clone());
    let generator_ref = Value::map([
        ("apiVersion", Value::text(GENERATORS)),
        ("kind", Value::text(generator.kind)),
        ("name", Value::text(name)),
    ]);
    let rename = Value::map([(
        "regexp",
        Value::map([
            ("source", Value::text(format!("^{}$", generator.output))),
            ("target", Value::text(item.key.clone())),
        ]),
    )]);
    let from = Value::map([
        ("rewrite", Value::List(vec![rename])),
        ("sourceRef", Value::map([("generatorRef", generator_ref)])),
    ]);
    (object, from)
}

/// A key may hold letters that a name may not: `db` and `ADMIN_PASSWORD` give `db-admin-password`.
fn generator_name(secret: &str, key: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }
    };
    let key: String = key.chars().map(letter).collect();
    match key.trim_matches('-') {
        "" => format!("{secret}-value"),
        key => format!("{secret}-{key}"),
    }
}
