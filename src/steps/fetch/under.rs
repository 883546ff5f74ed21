//! The world as a grant shows it to one source. Without a policy it is as it is.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Break, Continue};

use zeroize::Zeroizing;

use crate::error::{Exit, Problem};
use crate::limits;
use crate::model::{Ask, Reply, Wire};
use crate::settings::Granted;
use crate::sources::{self, Source};

/// Settings, variables and private keys are those of the grant; everything else is passed on.
pub(super) struct Under<'u> {
    wire: &'u mut dyn Wire,
    terms: Option<Terms<'u>>,
}

struct Terms<'u> {
    granted: &'u Granted<'u>,
    variables: BTreeMap<&'static str, String>,
    ambient: &'static [&'static str],
}

impl<'u> Under<'u> {
    /// # Errors
    /// The policy does not say how the source is read, or says it wrongly (exit 3).
    pub(super) fn new(
        wire: &'u mut dyn Wire,
        granted: Option<&'u Granted<'u>>,
        source: &dyn Source,
    ) -> Result<Self, Problem> {
        let Some(granted) = granted else { return Ok(Self { wire, terms: None }) };
        let mut variables = BTreeMap::new();
        let mut is_known = source.fields().is_empty();
        for facts in source.facts() {
            if let Some((block, own)) = granted.source(facts.scheme) {
                is_known = true;
                variables.extend(sources::configured(facts.scheme, block, &own)?);
            }
        }
        if !is_known {
            let scheme = source.facts().first().map_or("", |facts| facts.scheme);
            return Err(Problem::new(format!("the policy does not say how {scheme} is read"))
                .hint(format!("the operator adds it under spec.sources: {{{scheme}: {{...}}}}"))
                .exit(Exit::Refused));
        }
        Ok(Self { wire, terms: Some(Terms { granted, variables, ambient: source.ambient() }) })
    }
}

impl Wire for Under<'_> {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let Some(terms) = &self.terms else { return self.wire.ask_all(asks) };
        let wire = &mut *self.wire;
        let (answers, passed) = divided(asks, |ask| terms.answer(ask, wire));
        joined(answers, self.wire.ask_all(passed))
    }
}

impl Terms<'_> {
    /// The answer; else the question, to be passed on.
    fn answer(&self, ask: Ask, wire: &mut dyn Wire) -> Answer {
        let text = |text: &str| Break(Ok(Reply::of(Zeroizing::new(text.as_bytes().to_vec()))));
        match ask {
            Ask::Setting(name) => match self.variables.get(name) {
                Some(value) => text(value),
                None if self.ambient.contains(&name) => Continue(Ask::Setting(name)),
                None => text(""),
            },
            Ask::Environment(name) if !self.granted.has_variable(&name) => {
                let problem = Problem::new(format!("the environment variable \"{name}\" is not granted"));
                Break(Err(problem.hint("the operator adds it to `environment` of the grant").exit(Exit::Refused)))
            }
            Ask::Identities => Break(self.identities(wire)),
            Ask::Aws(mut call) => {
                call.identity.role = call.identity.role.or_else(|| self.variables.get(ROLE).cloned());
                Continue(Ask::Aws(call))
            }
            other => Continue(other),
        }
    }

    fn identities(&self, wire: &mut dyn Wire) -> Result<Reply, Problem> {
        let mut all = Zeroizing::new(Vec::with_capacity(limits::SETTINGS));
        let asks = self.granted.identities().map(Ask::Named).collect();
        for reply in wire.ask_all(asks) {
            let bytes = reply.map_err(|problem| problem.exit(Exit::Refused))?.bytes;
            if all.len() + bytes.len() >= all.capacity() {
                return Err(Problem::new("the identities of the grant are larger than settings may be")
                    .hint("1 MiB in all; keep only those that are in use")
                    .exit(Exit::Refused));
            }
            // An encrypted file that stands alone is not to grow by a line end
            if !all.is_empty() {
                all.push(b'\n');
            }
            all.extend_from_slice(&bytes);
        }
        Ok(Reply::of(all))
    }
}

/// Whom to be where AWS is asked.
const ROLE: &str = "AWS_ROLE_ARN";

/// An answer from here, or the question, to be passed on.
pub(super) type Answer = ControlFlow<Result<Reply, Problem>, Ask>;

/// Answers that are there, a gap for each that is not, and the questions of the gaps.
type Divided = (Vec<Option<Result<Reply, Problem>>>, Vec<Ask>);

/// Questions that are answered here, and those that are not.
pub(super) fn divided(asks: Vec<Ask>, mut answer: impl FnMut(Ask) -> Answer) -> Divided {
    let (mut answers, mut passed) = (vec![], vec![]);
    for ask in asks {
        match answer(ask) {
            Break(reply) => answers.push(Some(reply)),
            Continue(ask) => {
                passed.push(ask);
                answers.push(None);
            }
        }
    }
    (answers, passed)
}

/// All answers in the order of the questions.
pub(super) fn joined(
    answers: Vec<Option<Result<Reply, Problem>>>,
    replies: Vec<Result<Reply, Problem>>,
) -> Vec<Result<Reply, Problem>> {
    let mut replies = replies.into_iter();
    answers.into_iter().filter_map(|answer| answer.or_else(|| replies.next())).collect()
}
