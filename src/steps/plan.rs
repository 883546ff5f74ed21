//! References, settings and inventory to a plan: for each Secret one target, its stores, its names.
//! No value is known here, and none is needed.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::claims;
use super::find::{self, DATA_FROM};
use super::mention::Mentions;
use crate::error::{Problem, Problems};
use crate::grammars::GRAMMARS;
use crate::hosts::{Job, Names};
use crate::model::{
    Address, Identity, Inventory, Item, Lookup, ManifestId, Metadata, Origin, Place, Plan, Provision, Reference,
    StoreRef, StoreSpec, Stream, TargetName, annotation, ignored,
};
use crate::rules::plaintext::{self, PUBLIC_KEYS};
use crate::settings::{Plaintext, SecretRule};
use crate::sites;
use crate::sources::{self, Becomes};
use crate::targets;
use crate::yaml::Tree;

mod address;
mod collision;
mod helm_values;
mod layer;
mod lifted;
mod literal;
mod object;
mod promoted;
mod store;
pub(super) mod validate;

use layer::Layer;
pub(super) use validate::all_keys;

/// Names the target of one Secret or workload.
pub(super) const TARGET: &str = "sealref.dev/target";

/// What every part of planning asks.
pub(super) struct Context<'c, 's> {
    stream: &'c Stream<'s>,
    inventory: &'c Inventory<'c>,
    job: &'c Job,
    /// Made at the first question.
    mentions: OnceCell<Mentions<'c>>,
}

/// Plans everything that was found.
pub fn plan<'t>(
    stream: &'t Stream<'_>,
    found: Vec<Vec<Item<'t>>>,
    inventory: &Inventory,
    job: &Job,
    warnings: &mut Problems,
) -> Result<Plan<'t>, Problems> {
    let context = Context { stream, inventory, job, mentions: OnceCell::new() };
    let mut problems = Problems::default();
    if job.terms.names != Names::Final && job.settings.reloads() {
        let hint = "a suffix behind the name restarts what uses it; for `reload` build first, and pipe the result into `sealref render`";
        problems.push(Problem::new("reload needs final names, and the build still changes them").hint(hint));
    }
    let mut plan = Plan::default();
    plan.provisions.reserve_exact(found.iter().filter(|items| !items.is_empty()).count());
    for ((id, tree, identity), items) in stream.read().zip(found) {
        if identity.is("", "Secret") {
            let planned = context.secret(id, tree, identity, items, warnings);
            match problems.keep(planned) {
                Some(Outcome::Passes(reason)) => plan.passing.push((id, reason)),
                Some(Outcome::Provided(provision)) => plan.provisions.push(*provision),
                None => {}
            }
            continue;
        }
        if find::is_sops(tree) && !ignored(tree) {
            warnings.push(
                Problem::new("the object is encrypted with SOPS, and goes out as it stands: only Secrets are read")
                    .hint("Flux decrypts it in the cluster, others do not; mark it with sealref.dev/ignore: \"true\" where that is meant")
                    .at(stream.tell_object(id)),
            );
        }
        if !items.is_empty() {
            let lifted = match sites::of(identity).map(sites::Site::name) {
                Some(sites::CONFIG_MAP) => context.promoted(id, tree, identity, items),
                Some(sites::HELM_VALUES) => context.values(id, tree, identity, items),
                _ => context.lifted(id, tree, identity, items),
            };
            if let Some((provision, lifts)) = problems.keep(lifted) {
                plan.provisions.extend(provision);
                plan.lifts.extend(lifts);
            }
        }
    }
    problems.extend(collision::all(stream, inventory, &plan, job));
    if job.terms.afterwards.fills_in {
        warnings.extend(literal::left(stream, &plan));
    }
    problems.or(plan)
}

/// May a value of a Secret stand in plain text, by the settings, its annotations and the policy?
pub(super) fn passes(job: &Job, tree: &Tree, identity: &Identity, key: &str) -> bool {
    let label = |name: &str| {
        let node = tree.at(tree.root(), &["metadata", "labels", name])?;
        tree.text(node).map(str::to_owned)
    };
    let namespace = identity.namespace.as_deref().or(job.terms.namespace.as_deref());
    let rule = job.settings.secret_rule(&identity.name, namespace, &label);
    let public = || plaintext::public(annotation(tree, PUBLIC_KEYS)).map(str::to_owned);
    literal::is_record_of_helm(tree, identity, job)
        || public().any(|public| public == key) && job.policy.lets_public(namespace.map(str::to_owned), public())
        || rule.is_some_and(|rule| rule.public_keys.iter().any(|public| public == key))
        || job.settings.plaintext_by(rule) == Plaintext::Pass
}

/// The keys of a Secret whose literal values may stay public, by its annotation or the settings.
pub(super) fn public_keys(provision: &Provision, job: &Job) -> BTreeSet<String> {
    let (secret, metadata) = (&provision.secret, &provision.metadata);
    let label = |name: &str| metadata.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let namespace = secret.namespace.as_deref().or(job.terms.namespace.as_deref());
    literal::public_keys(metadata, job.settings.secret_rule(&secret.name, namespace, &label))
}

/// What becomes of one Secret.
enum Outcome<'t> {
    Passes(&'static str),
    Provided(Box<Provision<'t>>),
}

impl<'c> Context<'c, '_> {
    fn secret<'t>(
        &self,
        id: ManifestId,
        tree: &'t Tree,
        identity: &'t Identity,
        items: Vec<Item<'t>>,
        warnings: &mut Problems,
    ) -> Result<Outcome<'t>, Problems> {
        if ignored(tree) {
            return Ok(Outcome::Passes("marked with sealref.dev/ignore"));
        }
        if self.job.terms.names == Names::Early {
            return self.listed(&items);
        }
        let told = |problem: Problem| problem.at(self.stream.tell_object(id));
        let suffix = match self.layer(tree, &items).map_err(told)? {
            Layer::Fresh => None,
            Layer::Local(reason) => return Ok(Outcome::Passes(reason)),
            Layer::Shadow(suffix) => Some(suffix),
        };
        let mut object = object::read(tree, identity).map_err(told)?;
        let supersedes = suffix.and_then(|suffix| self.unshadow(id, &mut object, &suffix));
        let extracts = self.extracts(id, tree, &object.metadata)?;
        let referring = !extracts.is_empty() || items.iter().any(|item| !item.template.is_literal());
        let rule = self.rule(identity, &object.metadata);
        if !referring {
            if literal::is_record_of_helm(tree, identity, self.job) {
                return Ok(Outcome::Passes("a record of Helm"));
            }
            if let Some(reason) = literal::passes(&object, &items) {
                return Ok(Outcome::Passes(reason));
            }
            let public = literal::public_keys(&object.metadata, rule);
            let settled = self.job.settings.plaintext_by(rule);
            match settled {
                _ if items.iter().all(|item| public.contains(&*item.key)) => {
                    return Ok(Outcome::Passes("every key is marked public"));
                }
                Plaintext::Pass => return Ok(Outcome::Passes("plaintext passes by the settings")),
                Plaintext::Deny | Plaintext::Seal => {}
            }
        }
        let mut problems = Problems::default();
        if let Some(place) = object::shadowed(tree) {
            warnings.push(
                Problem::new("the key stands under data and under stringData; stringData wins")
                    .hint("remove it from data")
                    .at(self.stream.tell(Place { manifest: id, node: place })),
            );
        }
        let (origin, scope) = (Origin::Replaced(id), self.job.settings.scope);
        let mut provision = Provision {
            supersedes,
            secret_type: object.secret_type,
            immutable: object.immutable,
            extracts,
            ..Provision::new(origin, object.secret, object.metadata, items, scope)
        };
        self.settle(&mut provision, rule, &mut problems);
        problems.or(Outcome::Provided(Box::new(provision)))
    }

    /// Everything that holds for a replaced Secret and for a lifted one.
    fn settle(&self, provision: &mut Provision, rule: Option<&SecretRule>, problems: &mut Problems) {
        let before = problems.iter().count();
        for reference in references(provision) {
            let place = reference.place;
            let settled = address::settle(&mut reference.address, &self.job.settings);
            let settled = settled.and_then(|()| self.job.policy.allow_read(|| claims::reach(&reference.address)));
            problems.keep(settled.map_err(|problem| problem.at(self.stream.tell(place))));
        }
        if problems.iter().count() > before {
            return;
        }
        let id = provision.origin.manifest();
        let told = |problem: Problem| problem.at(self.stream.tell_object(id));
        let Some(target) = problems.keep(self.target(provision, rule).map_err(told)) else {
            return;
        };
        provision.target = TargetName(target.name());
        let layered = self.job.settings.layered;
        problems.extend(literal::judge(self, provision, rule, target.seals() && !layered));
        if target.seals() && provision.secret.namespace.is_none() && self.job.terms.namespace.is_some() {
            provision.secret.to_mut().namespace.clone_from(&self.job.terms.namespace);
        }
        problems.extend(validate::validate(self.stream, provision));
        if target.seals() {
            problems.extend(self.readable(provision));
        } else {
            problems.extend(self.look_up(provision));
            problems.keep(validate::made_once(self.stream, provision));
        }
        if problems.iter().count() == before {
            problems.keep(target.can(provision).map_err(told));
        }
    }

    fn rule(&self, secret: &Identity, metadata: &Metadata) -> Option<&'c SecretRule> {
        let label = |name: &str| metadata.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let namespace = secret.namespace.as_deref().or(self.job.terms.namespace.as_deref());
        self.job.settings.secret_rule(&secret.name, namespace, &label)
    }

    /// The kind of target follows from the schemes alone, so that a forgotten store never switches it.
    fn target(
        &self,
        provision: &Provision,
        rule: Option<&SecretRule>,
    ) -> Result<&'static dyn targets::Target, Problem> {
        let said = provision.metadata.annotation(TARGET).or(rule.and_then(|rule| rule.target.as_deref()));
        if let Some(name) = said {
            return targets::find(name);
        }
        let mut settled: Option<(&'static dyn targets::Target, &str)> = None;
        for reference in provision.references() {
            let scheme = reference.address.scheme.0;
            if settled.is_some_and(|(_, first)| first == scheme) {
                continue;
            }
            let target = self.target_of(scheme)?;
            match settled {
                Some((other, _)) if other.name() == target.name() => {}
                Some((other, first)) => {
                    return Err(Problem::new(format!(
                        "{first} references ask for {} and {scheme} references for {}",
                        other.name(),
                        target.name()
                    ))
                    .hint(format!("split the Secret, or choose one with the annotation {TARGET}")));
                }
                None => settled = Some((target, scheme)),
            }
        }
        // Only literals: they are sealed.
        let fallback = || targets::default(true).ok_or_else(|| Problem::new("no target seals"));
        settled.map_or_else(fallback, |(target, _)| Ok(target))
    }

    fn target_of(&self, scheme: &'static str) -> Result<&'static dyn targets::Target, Problem> {
        if let Some(name) = self.job.settings.targets.get(scheme) {
            return targets::find(name);
        }
        let seals = sources::find(scheme).is_some_and(|(_, facts)| facts.becomes == Becomes::Sealed);
        targets::default(seals).ok_or_else(|| Problem::new("no target fits"))
    }

    /// For a target that seals, every value has to be known here.
    fn readable(&self, provision: &Provision) -> Problems {
        let mut problems = Problems::default();
        for reference in provision.references() {
            let scheme = reference.address.scheme.0;
            if sources::find(scheme).is_some_and(|(_, facts)| facts.becomes == Becomes::Generated) {
                let problem = Problem::new(format!("{scheme} makes its values in the cluster: there is none to seal"))
                    .hint("let it become an ExternalSecret, in a Secret without sealed values; or keep a value that you made in a file of SOPS");
                problems.push(problem.at(self.stream.tell(reference.place)));
                continue;
            }
            let known = sources::find(scheme).is_some_and(|(source, _)| source.fetch().is_some());
            if !known && self.job.terms.values == crate::hosts::Wanted::Sealed {
                let translatable = sources::find(scheme).is_some_and(|(_, f)| f.becomes == Becomes::Translated);
                let hint = if translatable {
                    "let it become an ExternalSecret, or use ref+file:// or ref+env://"
                } else {
                    "use ref+file:// (an .age file does) or ref+env://"
                };
                let problem = match sources::lacks(scheme) {
                    Some(feature) => Problem::new(format!("this build cannot read values from {scheme}"))
                        .hint(format!("use a release, or build with --features {feature}")),
                    None => Problem::new(format!("this version cannot read values from {scheme}")).hint(hint),
                };
                problems.push(problem.at(self.stream.tell(reference.place)));
            }
        }
        problems
    }

    /// For a target that translates, every reference needs a store, or is generated.
    fn look_up(&self, provision: &mut Provision<'_>) -> Problems {
        let mut problems = Problems::default();
        let Provision { secret, items, extracts, stores, .. } = provision;
        let namespace = secret.namespace.as_deref().or(self.job.terms.namespace.as_deref());
        let mut chosen = None;
        let references = items.iter_mut().flat_map(|item| item.template.references_mut()).chain(extracts);
        for reference in references {
            let found = self.look_up_one(&reference.address, namespace, stores, &mut chosen);
            let place = reference.place;
            reference.lookup = problems.keep(found.map_err(|problem| problem.at(self.stream.tell(place))));
        }
        problems
    }

    /// `chosen` is the secret of the reference before, with its store: most references look into the same one.
    fn look_up_one<'t>(
        &self,
        address: &Address<'t>,
        namespace: Option<&str>,
        stores: &mut Vec<StoreRef>,
        chosen: &mut Option<(Address<'t>, &'c StoreSpec)>,
    ) -> Result<Lookup<'t>, Problem> {
        let (source, facts) =
            sources::find(address.scheme.0).ok_or_else(|| Problem::new("no source for a scheme that was resolved"))?;
        let generated = facts.becomes == Becomes::Generated;
        let asks = |()| store::choose(self, source, facts, address, namespace);
        let server = (generated && !facts.providers.is_empty()).then_some(()).map(asks).transpose()?;
        if let Some(generator) = source.generator(address, server, namespace) {
            return generator.map(|generator| Lookup::Generated(generator.into()));
        }
        if facts.becomes == Becomes::Sealed {
            // No store leads to what only the repository holds.
            source.remote(address, None)?;
        }
        let spec = match chosen {
            Some((before, spec)) if before.is_of_same_secret(address) => spec,
            _ => chosen.insert((address.clone(), store::choose(self, source, facts, address, namespace)?)).1,
        };
        let remote = source.remote(address, spec.provider.as_ref())?;
        let number = stores.iter().position(|store| *store == spec.store).unwrap_or_else(|| {
            // Mostly it stays the only one
            stores.reserve_exact(1);
            stores.push(spec.store.clone());
            stores.len() - 1
        });
        Ok(Lookup::Remote(number, remote))
    }

    /// The references of the annotation `sealref.dev/data-from`.
    fn extracts<'t>(&self, id: ManifestId, tree: &'t Tree, metadata: &Metadata) -> Result<Vec<Reference<'t>>, Problem> {
        let Some(text) = metadata.annotation(DATA_FROM) else {
            return Ok(vec![]);
        };
        let node = tree.at(tree.root(), &["metadata", "annotations", DATA_FROM]).unwrap_or(tree.root());
        let place = Place { manifest: id, node };
        let told = |problem: Problem| problem.at(self.stream.tell(place));
        let read = |word: &str| {
            let address = GRAMMARS.iter().find_map(|grammar| grammar.whole(word, find::RESOLVE));
            let address = address.unwrap_or_else(|| {
                Err(Problem::new(format!("a word of {DATA_FROM} is no reference"))
                    .hint("write ref+vault://kv/shop/common, each on a line of its own"))
            });
            let address = address.map_err(told)?.into_owned();
            Ok(Reference { place, address, lookup: None })
        };
        text.split_whitespace().map(read).collect()
    }
}

fn references<'a, 't>(provision: &'a mut Provision<'t>) -> impl Iterator<Item = &'a mut Reference<'t>> {
    let items = provision.items.iter_mut().flat_map(|item| item.template.references_mut());
    items.chain(provision.extracts.iter_mut())
}
