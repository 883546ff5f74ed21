//! The operator's word on a plan. The only place that makes an [`Allowed`].
//!
//! Without a policy file (a laptop, CI) the repository's settings hold, and only what the command line
//! allows can be read from the environment.

use std::collections::BTreeSet;
use std::ops::Deref;

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
#[derive(Default)]
pub struct Policy {
    environment: BTreeSet<String>,
    keys: Vec<Pattern>,
}

impl Policy {
    /// Nobody has written one; these environment variables may be read, and these keys of services be asked for.
    #[must_use]
    pub fn of_command_line(environment: Vec<String>, keys: &[String]) -> Self {
        let keys = keys.iter().map(|key| Pattern::new(key.trim_end_matches('/'))).collect();
        Self { environment: environment.into_iter().collect(), keys }
    }

    /// Judges a key that an encrypted file names, before anybody is asked for it.
    ///
    /// # Errors
    /// The key, or the role that the file wants for it, was not granted (exit 3).
    pub fn allow_key(&self, key: &MasterKey) -> Result<(), Problem> {
        let granted = |name: &String| self.keys.iter().any(|pattern| pattern.matches(name));
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
        let mut problems = Problems::default();
        for reference in plan.provisions.iter().flat_map(Provision::references) {
            if let Some(name) = variable(&reference.address)
                && !self.environment.contains(&name)
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
