//! What a running cluster adds (`--live`): who will read a Secret and cannot today, where the cluster decides otherwise
//! than its roles say, and what whoever applies the stream may not make.

mod apply;
mod readers;

use std::collections::BTreeMap;

use serde_json::Value;

use super::rbac::{Access, Existing, Request, User};
use super::{Finding, View, about};
use crate::error::{Exit, Problem};
use crate::limits;

/// A cluster that was asked.
pub struct Live<'l> {
    /// What it has; Err: why that is not known, so that what is known offline stands.
    pub existing: Result<Existing, Problem>,
    /// Who will apply the stream.
    pub deployer: Deployer,
    /// Puts reviews; exit 3 where they are not for us to put.
    pub ask: Ask<'l>,
}

/// Answers reviews, in order.
type Ask<'l> = Box<dyn Fn(&[Value]) -> Result<Vec<bool>, Problem> + 'l>;

/// Who applies a stream.
pub enum Deployer {
    /// Whoever asks; None where the cluster does not say who that is.
    Asking(Option<User>),
    /// Somebody else.
    Named(User),
}

impl Live<'_> {
    /// Asks about others; None: it is not for us to ask.
    ///
    /// # Errors
    /// There are too many questions, or no answers.
    pub fn others(&self, asked: &[(User, Request)]) -> Result<Option<Vec<bool>>, Problem> {
        let reviews = |of: &[(User, Request)]| -> Vec<Value> {
            of.iter().map(|(user, request)| request.of_another(user)).collect()
        };
        let nearby = |of: &[(User, Request)]| -> Option<Vec<Value>> {
            of.iter().map(|(user, request)| request.of_another_nearby(user)).collect()
        };
        // One alone shows whether we may
        let first = asked.get(..1).unwrap_or_default();
        if let Some(answers) = allowed(self.put(&reviews(first)))? {
            return Ok(if first.len() == asked.len() { Some(answers) } else { Some(self.put(&reviews(asked))?) });
        }
        let Some(local) = nearby(asked) else { return Ok(None) };
        allowed(self.put(&local))
    }

    /// May the deployer do this?
    fn deployer_may(&self, asked: &[Request]) -> Result<Vec<bool>, Problem> {
        let review = |request: &Request| match &self.deployer {
            Deployer::Asking(_) => request.of_ourselves(),
            Deployer::Named(user) => request.of_another(user),
        };
        self.put(&asked.iter().map(review).collect::<Vec<_>>())
    }

    /// Puts each question once; answers in order.
    fn put(&self, reviews: &[Value]) -> Result<Vec<bool>, Problem> {
        let texts: Vec<String> = reviews.iter().map(ToString::to_string).collect();
        let each: BTreeMap<&String, &Value> = texts.iter().zip(reviews).collect();
        if each.len() > limits::REVIEWS {
            let message = format!("{} questions to the cluster, and at most {} are put", each.len(), limits::REVIEWS);
            return Err(Problem::new(message).hint("check fewer objects at once"));
        }
        let answers = (self.ask)(&each.values().copied().cloned().collect::<Vec<_>>())?;
        let answers: BTreeMap<&String, bool> = each.into_keys().zip(answers).collect();
        Ok(texts.iter().map(|text| answers.get(text).copied().unwrap_or_default()).collect())
    }

    /// What the cluster's own roles say, where they are known.
    #[must_use]
    pub fn today(&self) -> Option<Access> {
        self.existing.as_ref().ok().map(Access::today)
    }
}

/// None where it was not for us to ask.
fn allowed<T>(answer: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Err(problem) if problem.code() == Exit::Refused => Ok(None),
        answer => answer.map(Some),
    }
}

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let live = match view.live {
        None => return,
        Some(Err(problem)) => return unasked(problem, tell),
        Some(Ok(live)) => live,
    };
    let today = live.today();
    if let Err(problem) = &live.existing {
        unasked(problem, tell);
    }
    if let Some(today) = &today
        && let Err(problem) = readers::check(view, live, today, tell)
    {
        unasked(&problem, tell);
    }
    if let Err(problem) = apply::check(view, live, today.as_ref(), tell) {
        unasked(&problem, tell);
    }
}

/// What was not asked stops nothing: the rest stands.
fn unasked(problem: &Problem, tell: &mut dyn FnMut(Finding)) {
    let rule = "live/not-asked";
    let Some(about) = about(rule) else { return };
    let problem = problem.clone().hint_else(about.fix).exit(Exit::Failed);
    tell(Finding { rule, object: None, severity: about.severity, problem });
}
