//! The operator's word on a plan. The only place that makes an [`Allowed`].
//!
//! Without a policy file (a laptop, CI) the repository's settings hold, and only what the command line
//! allows can be read from the environment.

use std::collections::BTreeSet;
use std::ops::Deref;

use crate::error::{Exit, Problem, Problems};
use crate::model::{Address, Plan, Provision, Stream};

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
}

impl Policy {
    /// Nobody has written one; these environment variables may be read.
    #[must_use]
    pub fn of_command_line(environment: impl IntoIterator<Item = String>) -> Self {
        Self { environment: environment.into_iter().collect() }
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
