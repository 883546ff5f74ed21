//! The operator's word on a plan. The only place that makes an [`Allowed`].
//!
//! Without a policy file (a laptop, CI) the repository's settings hold, and only what the command line
//! allows can be read from the environment.

use std::collections::BTreeSet;
use std::ops::Deref;

use super::claim::{Claim, Need, Refusal};
use super::file::Builder;
use super::granted::Granted;
use super::rules::Rules;
use super::tenant::Tenant;
use crate::error::{Exit, Problem, Problems};
use crate::model::{Item, MasterKey, Pattern, Plan, Reach, Stream};
use crate::settings::environment::{Chosen, Settings};
use crate::settings::transform::Spec;

/// Proof that every part of a plan was judged. Its fields are private to this file: nobody else can make one.
pub struct Allowed<T> {
    judged: T,
    /// The grant that each Secret is made under; empty where there is no policy.
    grants: Vec<usize>,
}

impl<T> Deref for Allowed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.judged
    }
}

impl<'t> Allowed<Plan<'t>> {
    /// Puts a suffix behind the name of a Secret. Whoever may make it under its name may make it under this one.
    pub fn suffix(&mut self, number: usize, suffix: &str) {
        self.judged.suffix(number, suffix);
    }

    /// Adds the keys of whole secrets to a Secret. Whoever may read a secret may read each of its keys.
    pub fn add_keys(&mut self, number: usize, items: Vec<Item<'t>>) {
        if let Some(provision) = self.judged.provisions.get_mut(number) {
            provision.items.extend(items);
        }
    }

    /// What was judged, to be taken apart while it is carried out.
    #[must_use]
    pub fn spend(self) -> Plan<'t> {
        self.judged
    }

    /// The number of the grant that a Secret is made under; None where there is no policy.
    #[must_use]
    pub fn grant(&self, number: usize) -> Option<usize> {
        self.grants.get(number).copied()
    }
}

/// Who may do what.
pub enum Policy {
    /// Nobody has written one: what the command line allows.
    CommandLine(CommandLine),
    /// An operator has, and this project asks.
    Operator(Box<Rules>, Tenant),
}

/// What the command line allows.
#[derive(Default)]
pub struct CommandLine {
    environment: BTreeSet<String>,
    keys: Vec<Pattern>,
}

/// What a stream wants.
pub struct Claims {
    /// What each Secret of the plan wants, in its order.
    pub provisions: Vec<Claim>,
    /// What other objects want that are let through.
    pub written: Vec<Claim>,
}

impl Policy {
    /// Nobody has written one; these environment variables may be read, and these keys of services be asked for.
    #[must_use]
    pub fn of_command_line(environment: Vec<String>, keys: &[String]) -> Self {
        let keys = keys.iter().map(|key| Pattern::new(key.trim_end_matches('/'))).collect();
        Self::CommandLine(CommandLine { environment: environment.into_iter().collect(), keys })
    }

    /// True where an operator has written one.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::Operator(..))
    }

    /// The settings that hold, of what a repository says.
    ///
    /// # Errors
    /// A field that it may not set (exit 3); whatever is wrong with the settings.
    pub fn settings(&self, spec: &Spec, chosen: &Chosen) -> Result<Settings, Problems> {
        match self {
            Self::CommandLine(_) => Settings::choose(spec, chosen),
            Self::Operator(rules, tenant) => rules.settings(&tenant.project, spec, chosen),
        }
    }

    /// What a grant gives to whoever reads values.
    #[must_use]
    pub fn granted(&self, grant: usize) -> Option<Granted<'_>> {
        match self {
            Self::CommandLine(_) => None,
            Self::Operator(rules, tenant) => Granted::new(rules, &tenant.project, grant),
        }
    }

    /// Folders of the repository beneath which files may be read, beside the Application's own.
    pub fn file_roots(&self) -> impl Iterator<Item = Pattern> {
        let (rules, project) = match self {
            Self::CommandLine(_) => (None, ""),
            Self::Operator(rules, tenant) => (Some(rules), tenant.project.as_str()),
        };
        let grants = rules.into_iter().flat_map(move |rules| rules.grants(project));
        grants.flat_map(move |(_, grant)| grant.file_roots.iter().map(move |folder| folder.of(project)))
    }

    /// The cluster for which is sealed: the one that was chosen, else the only one.
    #[must_use]
    pub fn cluster(&self, chosen: Option<&str>) -> Option<String> {
        let only = match self {
            Self::CommandLine(_) => None,
            Self::Operator(rules, _) => rules.only_cluster(),
        };
        chosen.map(str::to_owned).or(only)
    }

    /// The namespace of objects that write none: the one that Argo CD says, else the one that a caller says.
    ///
    /// # Errors
    /// Both say one, and they differ (exit 3).
    pub fn namespace(&self, said: Option<String>) -> Result<Option<String>, Problem> {
        let Self::Operator(_, Tenant { namespace: Some(own), .. }) = self else { return Ok(said) };
        match said {
            Some(other) if other != *own => {
                let what = format!("the namespace \"{other}\" is asked for, and {} is \"{own}\"", Tenant::NAMESPACE);
                Err(Problem::new(what)
                    .hint("leave --namespace out; under a policy Argo CD says it")
                    .exit(Exit::Refused))
            }
            _ => Ok(Some(own.clone())),
        }
    }

    /// The program that builds manifests, by its absolute path.
    ///
    /// # Errors
    /// No grant lets the project use it, or the policy does not say where it is (exit 3).
    pub fn builder(&self, builder: Builder) -> Result<&str, Problem> {
        let refused = |what: String, hint: String| Problem::new(what).hint(hint).exit(Exit::Refused);
        let Self::Operator(rules, tenant) = self else {
            let hint = "give --policy FILE, or set SEALREF_POLICY".to_owned();
            return Err(refused("no policy says which program builds manifests".to_owned(), hint));
        };
        let project = &tenant.project;
        if !rules.grants(project).any(|(_, grant)| grant.builders.contains(&builder)) {
            let what = format!("the policy does not let project \"{project}\" build with {builder:?}");
            return Err(refused(what, format!("the operator grants it: builders: [{builder:?}]")));
        }
        rules.spec.builders.path(builder).ok_or_else(|| {
            let name = format!("{builder:?}").to_lowercase();
            let hint = format!("the operator adds it to the policy: builders: {{{name}: /PATH}}");
            refused(format!("the policy does not say where {name} is"), hint)
        })
    }

    /// Judges a key that an encrypted file names, before anybody is asked for it.
    ///
    /// # Errors
    /// The key, or the role that the file wants for it, was not granted (exit 3).
    pub fn allow_key(&self, key: &MasterKey, grant: Option<usize>) -> Result<(), Problem> {
        let (patterns, hint) = match (self, grant.and_then(|grant| self.granted(grant))) {
            (Self::CommandLine(CommandLine { keys, .. }), _) => {
                (keys.clone(), "if it is yours, allow it on the command line: --allow-key")
            }
            (Self::Operator(..), Some(granted)) => (granted.keys(), "the operator adds it to `keys` of the grant:"),
            (Self::Operator(..), None) => (vec![], "no grant is in force:"),
        };
        if let Some(profile) = key.profile().filter(|_| self.holds()) {
            return Err(Problem::new(format!("the file asks for the profile \"{profile}\" of whoever runs this"))
                .hint("take aws_profile out of it; under a policy the grant says as whom a key is asked for")
                .exit(Exit::Refused));
        }
        let is_granted = |name: &String| patterns.iter().any(|pattern| pattern.matches(name));
        let Some(name) = key.names().into_iter().find(|name| !is_granted(name)) else { return Ok(()) };
        Err(Problem::new(format!("the file asks for the key \"{name}\", which nobody has allowed"))
            .hint(format!("{hint} {name}"))
            .exit(Exit::Refused))
    }

    /// Judges a reference alone, so that nothing is told of one that no grant has.
    ///
    /// # Errors
    /// No grant has it (exit 3).
    pub fn allow_read(&self, reach: impl FnOnce() -> Reach) -> Result<(), Problem> {
        let Self::Operator(rules, tenant) = self else { return Ok(()) };
        let claim = Claim(vec![(None, Need::Read(reach()))]);
        rules.decide(&tenant.project, &claim).map(|_| ()).map_err(|refusal| refusal.problem)
    }

    /// May comments and annotations of a repository switch off this rule?
    #[must_use]
    pub fn silences(&self, rule: &str) -> bool {
        match self {
            Self::CommandLine(_) => true,
            Self::Operator(rules, _) => rules.spec.suppress.iter().any(|known| known == rule),
        }
    }

    /// May a Secret of this namespace leave the values of these keys public?
    #[must_use]
    pub fn lets_public(&self, namespace: Option<String>, keys: impl Iterator<Item = String>) -> bool {
        let Self::Operator(rules, tenant) = self else { return true };
        let needs = std::iter::once(Need::Namespace(namespace)).chain(keys.map(Need::PublicKey));
        rules.decide(&tenant.project, &Claim(needs.map(|need| (None, need)).collect())).is_ok()
    }

    /// Judges all that a stream wants. Under a policy each claim is met by one grant as a whole.
    ///
    /// # Errors
    /// What was not granted (exit 3), each with its place.
    pub fn allow<'t>(
        &self,
        mut plan: Plan<'t>,
        claims: &Claims,
        stream: &Stream,
    ) -> Result<Allowed<Plan<'t>>, Problems> {
        let mut problems = Problems::default();
        let mut tell = |Refusal { place, problem }: Refusal| {
            problems.push(match place {
                Some(place) => problem.at(stream.tell(place)),
                None => problem,
            });
        };
        let mut grants = vec![];
        match self {
            Self::CommandLine(allowed) => {
                claims.provisions.iter().flat_map(|claim| allowed.refusals(claim)).for_each(&mut tell);
            }
            Self::Operator(rules, tenant) => {
                for (claim, provision) in claims.provisions.iter().zip(&mut plan.provisions) {
                    match rules.decide(&tenant.project, claim) {
                        Err(refusal) => tell(refusal),
                        Ok(grant) => {
                            provision.domain = rules.domain(&tenant.project, grant);
                            grants.push(grant);
                        }
                    }
                }
                let refused = claims.written.iter().filter_map(|claim| rules.decide(&tenant.project, claim).err());
                refused.for_each(&mut tell);
            }
        }
        problems.or(Allowed { judged: plan, grants })
    }
}

impl CommandLine {
    /// Everything but the environment is whoever typed it to decide.
    fn refusals(&self, claim: &Claim) -> Vec<Refusal> {
        let refused = |(place, need): &(_, Need)| match need {
            Need::Variable(name) if !self.environment.contains(name) => Some(Refusal {
                place: *place,
                problem: Problem::new(format!("the environment variable \"{name}\" may not be read"))
                    .hint(format!("allow it on the command line: --allow-env {name}"))
                    .exit(Exit::Refused),
            }),
            _ => None,
        };
        claim.0.iter().filter_map(refused).collect()
    }
}
