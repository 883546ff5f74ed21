//! `sealref rbac who-can --live`: what changes once the stream is applied, and what the cluster itself says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::error::{Problem, Quiet};
use crate::rules::Live;
use crate::rules::rbac::{Access, Question, Subject, User};

/// What somebody may do now.
struct Now {
    /// By the cluster's roles.
    roles: bool,
    /// By the cluster's own answer, where it gives one.
    says: Option<bool>,
    /// Once the stream is applied, by a right of his own.
    then: bool,
}

/// What everybody may do now.
pub(super) struct Today(BTreeMap<Subject, Now>);

impl Today {
    /// Compares; whom neither lets do it is left out.
    ///
    /// # Errors
    /// The cluster does not answer; where its roles are not known, there is nothing to compare.
    pub(super) fn ask(live: &Live, then: &Access, question: &Question, verb: &str) -> Result<Self, Problem> {
        let Some(today) = live.today() else { return Ok(Self(BTreeMap::new())) };
        let subjects: BTreeSet<&Subject> = then.subjects().into_iter().chain(today.subjects()).collect();
        let may = |access: &Access, user: &User| question.direct(&access.reach(user), &[verb]).is_some();
        let users: Vec<User> = subjects.iter().map(|subject| User::of(subject)).collect();
        let asked: Vec<_> = users.iter().map(|user| (user.clone(), question.request(verb))).collect();
        let says = live.others(&asked)?;
        let now = subjects.iter().zip(&users).enumerate().map(|(at, (subject, user))| {
            let says = says.as_ref().and_then(|says| says.get(at).copied());
            ((*subject).clone(), Now { roles: may(&today, user), says, then: may(then, user) })
        });
        Ok(Self(now.filter(|(_, now)| now.roles || now.then || now.says == Some(true)).collect()))
    }

    /// Behind the name of a subject.
    pub(super) fn mark(&self, subject: &Subject) -> &'static str {
        match self.0.get(subject) {
            Some(Now { roles: true, then: true, .. }) => " (now too)",
            Some(Now { roles: false, then: true, .. }) => " (new)",
            _ => "",
        }
    }

    /// Below everything.
    pub(super) fn text(&self) -> String {
        let list = |words: &str, which: &dyn Fn(&Now) -> bool| {
            let names: Vec<String> =
                self.0.iter().filter(|(_, now)| which(now)).map(|(subject, _)| subject.to_string()).collect();
            if names.is_empty() { String::new() } else { format!("\n{words}: {}\n", Quiet(&names.join(", "))) }
        };
        let answered = self.0.values().filter(|now| now.says.is_some()).count();
        let same = self.0.values().filter(|now| now.says == Some(now.roles)).count();
        [
            list("no longer, once this is applied", &|now| now.roles && !now.then),
            list("now, by another authorizer than RBAC", &|now| !now.roles && now.says == Some(true)),
            list("not now, whatever its roles say", &|now| now.roles && now.says == Some(false)),
            if answered > 0 {
                format!("\nthe cluster itself was asked about {answered}, and says the same of {same}\n")
            } else {
                "\nnot confirmed: the cluster answers no questions about others (create subjectaccessreviews)\n"
                    .to_owned()
            },
        ]
        .concat()
    }

    pub(super) fn json(&self) -> Value {
        let one = |(subject, now): (&Subject, &Now)| json!({"subject": subject.to_string(), "byRoles": now.roles, "byCluster": now.says, "onceApplied": now.then});
        self.0.iter().map(one).collect()
    }
}
