//! Which store an ExternalSecret looks into: the settings first, then files of stores, then the stream.

use super::Context;
use crate::error::Problem;
use crate::model::{Address, StoreKind, StoreProvider, StoreSpec};
use crate::settings::StoreRule;
use crate::sources::{Facts, Source};

/// The one store for an address; never a guess.
pub(super) fn choose<'c>(
    context: &Context<'c, '_>,
    source: &dyn Source,
    facts: &Facts,
    address: &Address,
    namespace: Option<&str>,
) -> Result<&'c StoreSpec, Problem> {
    if let Some(rule) = context.job.settings.stores.iter().find(|rule| is_for(rule, address)) {
        return match &rule.store.provider {
            Some(provider) if !leads(source, facts, address, provider) => Err(Problem::new(format!(
                "the rule for store \"{}\" matches, but its provider does not lead to {address}",
                rule.store.store.name
            ))
            .hint("compare mount, server, region, project or vault with the reference")),
            _ => Ok(&rule.store),
        };
    }
    // Under a policy nobody but the operator says what is behind a store.
    let own = !context.job.policy.holds();
    let known = || {
        let known = context.job.stores.iter().chain(context.inventory.stores.iter().map(|(_, store)| store));
        known.filter(move |_| own)
    };
    let mut fitting: Vec<&StoreSpec> = known()
        .filter(|store| in_reach(store, namespace))
        .filter(|store| store.provider.as_ref().is_some_and(|p| leads(source, facts, address, p)))
        .collect();
    fitting.dedup_by(|a, b| a.store == b.store);
    match fitting.as_slice() {
        [one] => Ok(one),
        [] => Err(none(context, facts, address, known())),
        several => Err(Problem::new(format!("several stores lead to {address}")).hint(format!(
            "choose one in the settings, under stores: {}",
            several.iter().map(|store| name(store)).collect::<Vec<_>>().join(", ")
        ))),
    }
}

fn is_for(rule: &StoreRule, address: &Address) -> bool {
    rule.is_for(address.scheme.0, &address.path, |name| address.parameter(name).map(str::to_owned))
}

fn leads(source: &dyn Source, facts: &Facts, address: &Address, provider: &StoreProvider) -> bool {
    facts.providers.contains(&provider.kind.as_str()) && source.fits(address, provider)
}

/// A SecretStore serves its own namespace.
fn in_reach(store: &StoreSpec, namespace: Option<&str>) -> bool {
    match (store.store.kind, store.namespace.as_deref(), namespace) {
        (StoreKind::Namespaced, Some(its), Some(ours)) => its == ours,
        (StoreKind::Namespaced, Some(_), None) => false,
        (StoreKind::Namespaced, None, _) | (StoreKind::Cluster, ..) => true,
    }
}

fn name(store: &StoreSpec) -> String {
    format!("{} {}", store.store.kind.name(), store.store.name)
}

fn none<'s>(
    context: &Context<'s, '_>,
    facts: &Facts,
    address: &Address,
    known: impl Iterator<Item = &'s StoreSpec>,
) -> Problem {
    let rules = context.job.settings.stores.iter().map(|rule| &rule.store);
    let mut names: Vec<String> = known.chain(rules).map(name).collect();
    names.dedup();
    let scheme = facts.scheme;
    let rule = format!("stores: [{{match: {{scheme: {scheme}}}, use: {{kind: ClusterSecretStore, name: NAME}}}}]");
    let hint = match (names.as_slice(), &context.job.settings.file) {
        ([], None) => format!("no .sealref.yaml was found (--config FILE names one); write one with {rule}"),
        ([], Some(file)) => format!("add to {file}: {rule}"),
        (names, _) => format!("none of these fits; add a rule under stores in the settings: {}", names.join(", ")),
    };
    Problem::new(format!("no store is known for {address}")).hint(hint)
}
