//! The table of what a repository may set under a policy: anything, within its grants, only to tighten, or never.

use std::collections::BTreeMap;

use super::file::{Grant, KeyFile};
use super::rules::Rules;
use crate::error::{Exit, Problem, Problems};
use crate::model::Scope;
use crate::settings::environment::{Chosen, Key, Public, Settings, StoreRule};
use crate::settings::transform::{Environment, Plaintext, Sealing, SecretRule, Spec, Store, is_pem};
use crate::settings::{Interval, Level, environment};

impl Rules {
    /// The settings that hold for a project: what its repository may choose, over what the policy says.
    ///
    /// # Errors
    /// A field that it may not set (exit 3); whatever [`Settings::choose`] finds.
    pub(super) fn settings(&self, project: &str, spec: &Spec, chosen: &Chosen) -> Result<Settings, Problems> {
        let judge = Judge { rules: self, project };
        judge.all(spec, chosen)?;
        let mut spec = spec.clone();
        spec.clusters = self.spec.clusters.clone();
        let mut settings = Settings::choose(&spec, chosen)?;
        let cluster = settings.cluster.clone().or_else(|| self.only_cluster());
        let cluster = cluster.and_then(|name| self.spec.clusters.get(&name));
        settings.certificate = cluster.map(|cluster| match &cluster.certificate {
            text if is_pem(text) => Public::Text(text.clone()),
            path => Public::Named(self.path(path)),
        });
        let key = |key: &KeyFile| Key::Named(self.path(&key.file));
        settings.key = self.spec.sealing.key.as_ref().map(key);
        settings.previous_key = self.spec.sealing.previous_key.as_ref().map(key);
        // The policy alone says what is behind a store.
        for rule in &mut settings.stores {
            let known = self.spec.stores.iter().find(|store| store.store == rule.store.store);
            rule.store.provider = known.and_then(|store| store.provider.clone());
        }
        settings.stores.extend(self.stores(project));
        Ok(settings)
    }

    /// The stores that a project's references may look into, as rules.
    pub(super) fn stores<'r>(&'r self, project: &'r str) -> impl Iterator<Item = StoreRule> {
        let variables = [("project".to_owned(), project.to_owned())].into();
        self.spec.stores.iter().map(move |store| environment::rule(store.clone(), &variables))
    }

    pub(super) fn minimum(&self) -> Interval {
        self.spec.minimum_refresh_interval.unwrap_or(Interval::MINUTE)
    }
}

struct Judge<'j> {
    rules: &'j Rules,
    project: &'j str,
}

impl Judge<'_> {
    fn all(&self, spec: &Spec, chosen: &Chosen) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let mut tell = |problem: Option<Problem>| problems.extend(problem.into_iter().collect());
        // Taken apart, so that a field that is added has to be judged.
        let Spec {
            extends: _,
            environment: _,
            cluster,
            targets,
            stores,
            store_files,
            refresh_interval,
            eso_version: _,
            clusters,
            environments,
            sealing,
            layered: _,
            suffix: _,
            handover: _,
            plaintext,
            secrets,
            provided: _,
            config_maps: _,
            helm_releases: _,
            reload: _,
            consumers: _,
            rules,
            leak_rules,
            vendored,
        } = spec;
        let Chosen { environment: _, cluster: chosen_cluster, certificate, key, scope, randomised } = chosen;
        tell(self.cluster("spec.cluster", cluster.as_deref()));
        tell(self.cluster("cluster", chosen_cluster.as_deref()));
        for (name, Environment { cluster, variables: _, rewrites: _ }) in environments {
            tell(self.cluster(&format!("spec.environments.{name}.cluster"), cluster.as_deref()));
        }
        for (scheme, target) in targets {
            tell(self.target(&format!("spec.targets.{scheme}"), target));
        }
        for (number, Store { matches: _, store, provider }) in stores.iter().flatten().enumerate() {
            tell(self.granted(&format!("spec.stores[{number}].use"), |grant| grant.stores.contains(store)));
            tell(never(&format!("spec.stores[{number}].provider"), provider.is_some()));
        }
        tell(never("spec.storeFiles", store_files.is_some()));
        tell(never("spec.leakRules", leak_rules.is_some()));
        if refresh_interval.is_some_and(|interval| interval < self.rules.minimum()) {
            let hint = format!("write at least {}", self.rules.minimum());
            tell(Some(refused("spec.refreshInterval is shorter than the policy lets it be").hint(hint)));
        }
        tell(never("spec.clusters", !clusters.is_empty()));
        let Sealing {
            certificate: own_certificate,
            key: own_key,
            previous_key,
            scope: own_scope,
            epoch: _,
            randomised: fresh,
        } = sealing;
        tell(never("spec.sealing.certificate", own_certificate.is_some()));
        tell(never("spec.sealing.key", own_key.is_some()));
        tell(never("spec.sealing.previousKey", previous_key.is_some()));
        tell(never("spec.sealing.randomised", fresh.is_some()));
        tell(self.scope("spec.sealing.scope", *own_scope));
        tell(self.scope("scope", *scope));
        for (field, set) in
            [("certificate", certificate.is_some()), ("key", key.is_some()), ("randomised", *randomised)]
        {
            tell(never(field, set));
        }
        tell(self.plaintext("spec.plaintext", *plaintext));
        for (number, rule) in secrets.iter().flatten().enumerate() {
            let field = |name: &str| format!("spec.secrets[{number}].{name}");
            let SecretRule { matches: _, plaintext, public_keys, target, reason: _ } = rule;
            tell(self.plaintext(&field("plaintext"), *plaintext));
            tell(target.as_ref().and_then(|target| self.target(&field("target"), target)));
            for key in public_keys {
                let public = |grant: &Grant| grant.public_keys.iter().any(|pattern| pattern.matches(key));
                tell(self.granted(&field("publicKeys"), public));
            }
        }
        tell(turned_down(rules));
        tell(never("spec.vendored", vendored.is_some()));
        problems.or(())
    }

    fn cluster(&self, field: &str, name: Option<&str>) -> Option<Problem> {
        name.and_then(|name| self.granted(field, |grant| grant.clusters.iter().any(|known| known == name)))
    }

    fn target(&self, field: &str, target: &str) -> Option<Problem> {
        self.granted(field, |grant| grant.targets.iter().any(|known| known == target))
    }

    fn scope(&self, field: &str, scope: Option<Scope>) -> Option<Problem> {
        scope.and_then(|scope| self.granted(field, |grant| grant.scopes.contains(&scope)))
    }

    fn plaintext(&self, field: &str, plaintext: Option<Plaintext>) -> Option<Problem> {
        match plaintext? {
            Plaintext::Deny => None,
            Plaintext::Pass => never(&format!("{field}: Pass"), true),
            Plaintext::Seal => self.granted(field, |grant| grant.seal_plaintext),
        }
    }

    /// What a repository chooses among what some grant of its project has.
    fn granted(&self, field: &str, has: impl Fn(&Grant) -> bool) -> Option<Problem> {
        let granted = self.rules.grants(self.project).any(|(_, grant)| has(grant));
        let hint = format!("see what is granted: sealref policy explain --project {}", self.project);
        (!granted).then(|| {
            refused(&format!("{field} chooses what the policy does not grant to project \"{}\"", self.project))
                .hint(hint)
        })
    }
}

fn refused(what: &str) -> Problem {
    Problem::new(what).exit(Exit::Refused)
}

/// A repository makes rules graver, and never less.
fn turned_down(rules: &BTreeMap<String, Level>) -> Option<Problem> {
    let (rule, level) = rules.iter().find(|(_, level)| matches!(level, Level::Ignore | Level::Info))?;
    let problem =
        refused(&format!("spec.rules.{rule} is {level:?}, and under a policy no repository turns a rule down"));
    Some(problem.hint("take it out, or write Error or Warning"))
}

/// What no repository sets.
fn never(field: &str, set: bool) -> Option<Problem> {
    let hint = "take it out; the policy alone says what holds";
    set.then(|| refused(&format!("{field} is set, and no repository may set it under a policy")).hint(hint))
}
