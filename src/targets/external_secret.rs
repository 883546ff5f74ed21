//! ExternalSecret of External Secrets: the controller in the cluster fetches, sealref only translates.
//!
//! Written so that nothing drifts: list items carry the fields that the API server would default into
//! them, durations are canonical, and there is always a template, without which the controller copies
//! this object's own metadata. Source: `apis/externalsecrets/v1` of external-secrets/external-secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;

mod generated;
mod release;

use super::{Seal, Target, Terms, metadata};
use crate::error::{Exit, Problem};
use crate::model::{Address, Identity, Item, Lookup, Makes, Part, Provision, Reference};
use crate::yaml::{Tree, Value};
use generated::{GENERATORS, Run, generator};

pub(super) struct ExternalSecret;

const KIND: &str = "ExternalSecret";
/// The policy under which the controller owns no Secret, and gives up what it owned.
const UNOWNED: &str = "Orphan";

impl Target for ExternalSecret {
    fn name(&self) -> &'static str {
        KIND
    }

    fn seals(&self) -> bool {
        false
    }

    fn condition(&self) -> &'static str {
        "Ready"
    }

    fn makes(&self, object: &Tree) -> Result<Makes, Problem> {
        release::makes(object)
    }

    fn release(&self, object: &Tree) -> Result<Value<'static>, Problem> {
        release::release(object)
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
        generated::together(provision)?;
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
        let Data { data, composed, runs } = Data::of(provision, name, terms)?;
        let mut data_from: Vec<Value> = provision
            .extracts
            .iter()
            .map(|reference| extract(provision, reference, terms))
            .collect::<Result<_, _>>()?;
        data_from.extend(runs.iter().map(Run::entry));
        let mut spec: Vec<(Cow<str>, Value)> = vec![];
        if provision.is_made_once() {
            // A generator runs at every refresh of its object: this one is never refreshed.
            spec.push(("refreshInterval".into(), Value::text("0s")));
            spec.push(("refreshPolicy".into(), Value::text("CreatedOnce")));
        } else {
            spec.push(("refreshInterval".into(), Value::text(terms.refresh_interval.as_str())));
            // Else nothing that is said here would reach a Secret that is there
            if terms.handover && terms.refresh_interval == "0s" {
                spec.push(("refreshPolicy".into(), Value::text("OnChange")));
            }
        }
        if let Some(store) = provision.stores.first() {
            let entries = [("kind", store.kind.name()), ("name", store.name.as_str())];
            spec.push(("secretStoreRef".into(), texts(entries)));
        }
        spec.push(("target".into(), target(provision, name, composed, terms)));
        if !data.is_empty() {
            spec.push(("data".into(), Value::List(data)));
        }
        if !data_from.is_empty() {
            spec.push(("dataFrom".into(), Value::List(data_from)));
        }
        let head = (terms.external_secrets, KIND);
        let made = std::iter::once(object(provision, head, name, Value::Map(spec)));
        let generators = runs.into_iter().map(|Run { name, generator, .. }| {
            object(provision, (GENERATORS, generator.kind), name, generator.spec.clone())
        });
        Ok(made.chain(generators).collect())
    }
}

fn object<'p>(
    provision: &'p Provision,
    (api_version, kind): (&'static str, &'static str),
    name: impl Into<Cow<'p, str>>,
    spec: Value<'p>,
) -> (Identity, Value<'p>) {
    let name = name.into();
    let identity = Identity {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: provision.secret.namespace.clone(),
        name: name.clone().into_owned(),
    };
    let metadata = metadata::outer(provision, name, vec![]);
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

/// True where a template has to compose a value that is more than one reference, or leave out what a generator gives
/// beside the value.
fn templated(provision: &Provision) -> bool {
    let besides = |reference: &Reference| generator(reference).is_some_and(|generator| generator.shared.is_some());
    provision.items.iter().any(|item| item.template.single().is_none_or(besides))
}

/// What each key has made for itself: it differs from key to key.
fn own(reference: &Reference) -> bool {
    generator(reference).is_some_and(|generator| generator.shared.is_none())
}

type Entries<'p> = Vec<(Cow<'p, str>, Value<'p>)>;

/// The entries of `spec.data`, those of `target.template.data` where anything is composed, and what is generated.
///
/// With a data template the controller keeps nothing else, so then every item stands in it; what is
/// fetched gets an identifier as its name, because a key may hold dots and dashes, and is fetched once.
struct Data<'p> {
    data: Vec<Value<'p>>,
    composed: Entries<'p>,
    runs: Vec<Run<'p>>,
}

impl<'p> Data<'p> {
    fn of(provision: &'p Provision, name: &str, terms: &Terms) -> Result<Self, Problem> {
        let templated = templated(provision);
        let mut all = Self { data: Vec::with_capacity(provision.items.len()), composed: vec![], runs: vec![] };
        let mut aliases: BTreeMap<(&Address, &str), usize> = BTreeMap::new();
        for item in &provision.items {
            let mut text = String::new();
            let apart = |part: &&Part| matches!(part, Part::Escaped(reference) if own(reference));
            if item.template.parts().iter().filter(apart).count() > 1 {
                return Err(Problem::new("of the values that are lifted into one text, one alone can be generated")
                    .hint("put the others into a Secret of their own, and name that in spec.valuesFrom"));
            }
            for part in item.template.parts() {
                match part {
                    Part::Literal(literal) => push_escaped(&mut text, literal.text().unwrap_or_default()),
                    Part::Escaped(reference) | Part::Reference(reference) if templated => {
                        let next = aliases.len();
                        let known = (&reference.address, if own(reference) { &*item.key } else { "" });
                        let number = *aliases.entry(known).or_insert(next);
                        let alias = format!("v{number}");
                        let inside = if matches!(part, Part::Escaped(_)) { INSIDE } else { "" };
                        text.push_str(&format!("{{{{ .{alias}{inside} }}}}"));
                        if number == next {
                            all.take(provision, (name, item), reference, alias.into(), terms)?;
                        }
                    }
                    Part::Escaped(reference) | Part::Reference(reference) => {
                        all.take(provision, (name, item), reference, (&*item.key).into(), terms)?;
                    }
                }
            }
            if templated {
                all.composed.push(((&*item.key).into(), Value::text(text)));
            }
        }
        Ok(all)
    }

    /// Has a value fetched, or made, under a key.
    fn take(
        &mut self,
        provision: &'p Provision,
        of: (&str, &Item),
        reference: &'p Reference,
        key: Cow<'p, str>,
        terms: &Terms,
    ) -> Result<(), Problem> {
        match generator(reference) {
            Some(generator) => Run::take(&mut self.runs, of, generator, key.into_owned()),
            None => entry(key, provision, reference, terms).map(|entry| self.data.push(entry)),
        }
    }
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
    push("key", &*remote.key);
    push("metadataPolicy", "None");
    if terms.null_byte_policy {
        push("nullBytePolicy", "Ignore");
    }
    for (name, text) in [("property", &remote.property), ("version", &remote.version)] {
        if let Some(text) = text {
            push(name, text);
        }
    }
    Ok(Value::Map(entries))
}

fn target<'p>(provision: &'p Provision, name: &'p str, composed: Entries<'p>, terms: &Terms) -> Value<'p> {
    let mut template = vec![];
    if !composed.is_empty() {
        template.push(("data", Value::Map(composed)));
    }
    template.push(("engineVersion", Value::text("v2")));
    template.push(("mergePolicy", Value::text("Replace")));
    let (policy, more) = if terms.handover {
        (UNOWNED, metadata::HANDOVER.map(|(name, value)| (name, value.into())).to_vec())
    } else {
        ("Owner", vec![])
    };
    if let Some(metadata) = metadata::inner(provision, more) {
        template.push(("metadata", escaped(metadata)));
    }
    if let Some(kind) = &provision.secret_type {
        template.push(("type", Value::text(kind.as_str())));
    }
    let mut target = vec![("creationPolicy", Value::text(policy)), ("deletionPolicy", Value::text("Retain"))];
    // A new ExternalSecret makes a new value, but never over one that is there
    if let Some(immutable) = provision.immutable.or(provision.is_made_once().then_some(true)) {
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
