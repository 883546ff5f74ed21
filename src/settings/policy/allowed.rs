//! The operator's word on a plan. The only place that makes an [`Allowed`].
//!
//! Without a policy file (a laptop, CI) the repository's settings hold, and only what the command line
//! allows can be read from the environment.

use std::collections::BTreeSet;
use std::ops::Deref;

use super::file::Builder;
use super::rules::Rules;
use super::tenant::Tenant;
use crate::error::{Exit, Problem, Problems};
use crate::model::{Address, MasterKey, Pattern, Plan, Provision, Stream};

/// Proof that every part of a plan was judged. Its field is private to this file: nobody else can make one.
pub struct Allowed<T>(T);

impl<T> Deref for Allowed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Allowed<Plan<'_>> {
    /// Puts a suffix behind the name of a Secret. Whoever may make it under its name may make it under this one.
    pub fn suffix(&mut self, number: usize, suffix: &str) {
        self.0.suffix(number, suffix);
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

impl Policy {
    /// Nobody has written one; these environment variables may be read, and these keys of services be asked for.
    #[must_use]
    pub fn of_command_line(environment: Vec<String>, keys: &[String]) -> Self {
        let keys = keys.iter().map(|key| Pattern::new(key.trim_end_matches('/'))).collect();
        Self::CommandLine(CommandLine { environment: environment.into_iter().collect(), keys })
    }

    /// The program that builds manifests, by its absolute path.
    ///
    /// # Errors
    /// No grant lets the project use it, or the policy does not say where it is (exit 3).
    pub fn builder(&self, builder: Builder) -> Result<&str, Problem> {
        let Self::Operator(rules, tenant) = self else {
            return Err(Problem::new("no policy says which program builds manifests")
                .hint("give --policy FILE, or set SEALREF_POLICY")
                .exit(Exit::Refused));
        };
        let refused = |what: String, hint: String| Problem::new(what).hint(hint).exit(Exit::Refused);
        let project = &tenant.project;
        if !rules.grants(project).any(|(_, grant)| grant.builders.contains(&builder)) {
            return Err(refused(
                format!("the policy does not let project \"{project}\" build with {builder:?}"),
                format!("the operator grants it: builders: [{builder:?}]"),
            ));
        }
        rules.spec.builders.path(builder).ok_or_else(|| {
            let name = format!("{builder:?}").to_lowercase();
            let hint = format!("the operator adds it to the policy: builders: {{{name}: /PATH}}");
            refused(format!("the policy does not say where {builder:?} is"), hint)
        })
    }

    /// Judges a key that an encrypted file names, before anybody is asked for it.
    ///
    /// # Errors
    /// The key, or the role that the file wants for it, was not granted (exit 3).
    pub fn allow_key(&self, key: &MasterKey) -> Result<(), Problem> {
        let Self::CommandLine(CommandLine { keys, .. }) = self else { return Err(unkept()) };
        let granted = |name: &String| keys.iter().any(|pattern| pattern.matches(name));
        let Some(name) = key.names().into_iter().find(|name| !granted(name)) else { return Ok(()) };
        Err(Problem::new(format!("the file asks for the key \"{name}\", which nobody has allowed"))
            .hint(format!("if it is yours, allow it on the command line: --allow-key {name}"))
            .exit(Exit::Refused))
    }

    /// Judges each reference of each provision. `variable` tells which environment variable an address
    /// would read.
    pub fn allow<'t>(
        &self,
        plan: Plan<'t>,
        stream: &Stream,
        variable: &dyn Fn(&Address) -> Option<String>,
    ) -> Result<Allowed<Plan<'t>>, Problems> {
        let Self::CommandLine(CommandLine { environment, .. }) = self else { return Err(unkept().into()) };
        let mut problems = Problems::default();
        for reference in plan.provisions.iter().flat_map(Provision::references) {
            if let Some(name) = variable(&reference.address)
                && !environment.contains(&name)
            {
                problems.push(
                    Problem::new(format!("the environment variable \"{name}\" may not be read"))
                        .hint(format!("allow it on the command line: --allow-env {name}"))
                        .at(stream.tell(reference.place))
                        .exit(Exit::Refused),
                );
            }
        }
        problems.or(Allowed(plan))
    }
}

/// A policy that this version cannot keep must not be taken for none.
fn unkept() -> Problem {
    Problem::new("a policy is set, and this version cannot keep one")
        .hint("use a version that can, or unset it where nobody else's manifests are rendered")
        .exit(Exit::Refused)
}
