//! What somebody wants, in parts, and which grant meets all of them: no part is granted by one and another by the next.

use super::file::Grant;
use super::rules::Rules;
use crate::error::{Exit, Problem};
use crate::model::{Place, Reach, Scope, StoreRef, StoreSpec};
use crate::settings::transform::Store;
use crate::settings::{Interval, StoreRule};

/// One part of what is wanted.
pub enum Need {
    /// An annotation that goes into the cluster with a Secret, where controllers may act on it.
    Annotation(String),
    /// A cluster; None: nobody has chosen one.
    Cluster(Option<String>),
    /// A Secret that sealref is to leave alone.
    Ignore,
    /// A store, as it was written by hand.
    Known(StoreSpec),
    /// The namespace in which something will be; None: it is not known.
    Namespace(Option<String>),
    /// An object of this kind, written by hand.
    Object(String),
    /// A literal value under a key, for everybody to read.
    PublicKey(String),
    /// A secret.
    Read(Reach),
    /// How often something is fetched.
    Refresh(Interval),
    /// Seals bound to so much.
    Scope(Scope),
    /// A literal value, to be sealed.
    SealPlaintext,
    /// A server to be asked by us.
    Server(&'static str),
    /// A store, for what a reference leads to.
    Store(StoreRef, Reach),
    /// A rule to be switched off.
    Suppress(String),
    /// What stands for a Secret.
    Target(String),
    /// Something of which nobody can tell where it leads.
    Unjudged(&'static str),
    /// A variable of our environment.
    Variable(String),
}

/// All that one Secret, or one object that was written by hand, wants.
#[derive(Default)]
pub struct Claim(pub Vec<(Option<Place>, Need)>);

impl Claim {
    /// Adds a part, and where it is said.
    pub fn add(&mut self, place: Option<Place>, need: Need) {
        self.0.push((place, need));
    }
}

/// Why a claim was refused.
pub struct Refusal {
    /// Where the part is said that is not granted.
    pub place: Option<Place>,
    /// What it is (exit 3).
    pub problem: Problem,
}

impl Rules {
    /// The first grant that meets a claim as a whole.
    ///
    /// # Errors
    /// There is none: the first part that the grant that comes nearest does not have.
    pub fn decide(&self, project: &str, claim: &Claim) -> Result<usize, Refusal> {
        let mut nearest = None;
        for (number, grant) in self.grants(project) {
            let missing = claim.0.iter().position(|(_, need)| !self.meets(project, grant, need));
            match missing {
                None => return Ok(number),
                Some(at) if nearest.is_none_or(|(best, _)| at > best) => nearest = Some((at, number)),
                Some(_) => {}
            }
        }
        let (at, number) = nearest.map_or((0, None), |(at, number)| (at, Some(number)));
        let part = claim.0.get(at);
        let problem = match (number, part) {
            (Some(number), Some((_, need))) => self.refusal(project, number, need),
            _ => Problem::new(format!("the policy grants project \"{project}\" nothing"))
                .hint("the operator adds it under grants"),
        };
        Err(Refusal { place: part.and_then(|(place, _)| *place), problem: problem.exit(Exit::Refused) })
    }

    /// Does a grant have this part?
    fn meets(&self, project: &str, grant: &Grant, need: &Need) -> bool {
        match need {
            Need::Annotation(name) => self.spec.annotations.iter().any(|pattern| pattern.matches(name)),
            Need::Ignore | Need::Namespace(None) | Need::Unjudged(_) => false,
            Need::Known(store) => grant.stores.contains(&store.store) && self.knows(store),
            Need::Refresh(interval) => *interval >= self.minimum(),
            Need::Suppress(rule) => self.spec.suppress.contains(rule),
            Need::Cluster(name) => name.as_ref().is_some_and(|name| grant.clusters.contains(name)),
            Need::Namespace(Some(name)) => self.has_namespace(project, grant, name),
            Need::Object(kind) => grant.objects.contains(kind),
            Need::PublicKey(key) => grant.public_keys.iter().any(|pattern| pattern.matches(key)),
            Need::Read(reach) => grant.read.iter().any(|read| read.meets(project, reach)),
            Need::Scope(scope) => grant.scopes.contains(scope),
            Need::SealPlaintext => grant.seal_plaintext,
            Need::Server(scheme) => self.spec.sources.contains_key(*scheme),
            Need::Store(store, reach) => grant.stores.contains(store) && self.leads(project, store, reach),
            Need::Target(name) => grant.targets.contains(name),
            Need::Variable(name) => grant.environment.contains(name),
        }
    }

    fn has_namespace(&self, project: &str, grant: &Grant, name: &str) -> bool {
        match &grant.namespaces {
            Some(patterns) => patterns.iter().any(|pattern| pattern.of(project).matches(name)),
            None => self.namespaces(project).iter().any(|own| own == name),
        }
    }

    /// Does the policy say that the store leads there?
    fn leads(&self, project: &str, store: &StoreRef, reach: &Reach) -> bool {
        self.stores(project).any(|rule| rule.store.store == *store && is_for(&rule, reach))
    }

    /// The store that a project's reference would look into.
    #[must_use]
    pub fn store_of(&self, project: &str, reach: &Reach) -> Option<StoreRef> {
        let mut stores = self.stores(project);
        stores.find(|rule| is_for(rule, reach)).map(|rule| rule.store.store)
    }

    /// The cluster that holds where nobody chooses one.
    #[must_use]
    pub fn only_cluster(&self) -> Option<String> {
        let mut names = self.spec.clusters.keys();
        names.next().filter(|_| names.next().is_none()).cloned()
    }

    /// Is it one of the policy's, with nothing else behind it?
    fn knows(&self, store: &StoreSpec) -> bool {
        let same =
            |known: &Store| known.store == store.store && known.provider.is_some() && known.provider == store.provider;
        self.spec.stores.iter().any(same)
    }

    /// What is missing, and what is granted instead.
    fn refusal(&self, project: &str, number: usize, need: &Need) -> Problem {
        let Some(grant) = self.spec.grants.get(number) else { return Problem::new("no grant has this number") };
        let who = format!("project \"{project}\"");
        let field = |name: &str| format!("spec.grants[{number}].{name}");
        let (what, place, granted): (String, String, Vec<String>) = match need {
            Need::Annotation(name) => {
                let known: Vec<String> = vec![];
                (format!("{who} may not give a Secret the annotation {name}"), "spec.annotations".to_owned(), known)
            }
            Need::Ignore => {
                return Problem::new("sealref.dev/ignore stands on a Secret, and under a policy none is left alone")
                    .hint("take it out");
            }
            Need::Known(store) => {
                let what =
                    format!("{who} may not write the {} {} as it stands", store.store.kind.name(), store.store.name);
                return Problem::new(what).hint(
                    "the operator lists it under stores, in the policy and in the grant, with the same provider",
                );
            }
            Need::Refresh(_) => {
                return Problem::new("refreshInterval is shorter than the policy lets it be")
                    .hint(format!("write at least {}", self.minimum()));
            }
            Need::Suppress(rule) => (
                format!("{who} may not switch off the rule {rule}"),
                "spec.suppress".to_owned(),
                self.spec.suppress.clone(),
            ),
            Need::Unjudged(what) => {
                return Problem::new(format!("{what}, and nobody can tell where it leads"))
                    .hint("name each secret; a reference in a Secret says it all");
            }
            Need::Cluster(None) => {
                return Problem::new("no cluster is chosen")
                    .hint(format!("choose one with `cluster` (granted: {})", list(&grant.clusters)));
            }
            Need::Cluster(Some(name)) => {
                (format!("{who} may not use the cluster \"{name}\""), field("clusters"), grant.clusters.clone())
            }
            Need::Namespace(None) => {
                return Problem::new("the namespace is not known, and a policy grants namespaces")
                    .hint("write metadata.namespace; Argo CD says its own in ARGOCD_APP_NAMESPACE");
            }
            Need::Namespace(Some(name)) => {
                let own = match &grant.namespaces {
                    Some(patterns) => patterns.iter().map(|pattern| pattern.shown(project)).collect(),
                    None => self.namespaces(project).to_vec(),
                };
                (format!("{who} may not put anything into the namespace \"{name}\""), field("namespaces"), own)
            }
            Need::Object(kind) => {
                (format!("{who} may not write a {kind} by hand"), field("objects"), grant.objects.clone())
            }
            Need::PublicKey(key) => {
                (format!("{who} may not leave the value of \"{key}\" public"), field("publicKeys"), vec![])
            }
            Need::Read(reach) => {
                let reads = grant.read.iter().filter(|read| read.scheme == reach.scheme);
                (
                    format!("{who} may not read {}", reach.shown),
                    field("read"),
                    reads.map(|r| r.shown(project)).collect(),
                )
            }
            Need::Scope(scope) => {
                let names = grant.scopes.iter().map(|scope| scope.name().to_owned()).collect();
                (format!("{who} may not bind seals {}", scope.name()), field("scopes"), names)
            }
            Need::SealPlaintext => {
                (format!("{who} may not have literal values sealed"), field("sealPlaintext"), vec![])
            }
            Need::Server(scheme) => {
                return Problem::new(format!("the policy does not say how {scheme} is read"))
                    .hint(format!("the operator adds it under spec.sources: {{{scheme}: {{}}}}"));
            }
            Need::Store(store, reach) => {
                let name = |store: &StoreRef| format!("{} {}", store.kind.name(), store.name);
                let stores = grant.stores.iter().map(name).collect();
                (format!("{who} may not read {} through {}", reach.shown, name(store)), field("stores"), stores)
            }
            Need::Target(name) => {
                (format!("{who} may not make a {name} of it"), field("targets"), grant.targets.clone())
            }
            Need::Variable(name) => {
                let what = format!("{who} may not read the environment variable \"{name}\"");
                (what, field("environment"), grant.environment.clone())
            }
        };
        Problem::new(what).hint(match granted.as_slice() {
            [] => format!("the operator grants it: {place} of the policy"),
            some => format!("granted: {} ({place} of the policy)", list(some)),
        })
    }
}

fn is_for(rule: &StoreRule, reach: &Reach) -> bool {
    let turn = |name: &str| reach.turns.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    rule.is_for(reach.scheme, &reach.path, turn)
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
