//! One thing that was looked at, and how it is told.

use serde_json::{Value, json};

use crate::error::{Problem, Problems, Quiet};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is there, which may well be meant.
    Absent,
    /// It works only in part, or not for long.
    Warning,
    /// It does not work.
    Error,
    /// It works.
    Ok,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Ok => "ok",
        }
    }
}

/// One line, and the next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) name: &'static str,
    /// How it is.
    pub(super) state: State,
    found: String,
    hint: Option<String>,
}

impl Check {
    pub(super) fn new(name: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { name, state, found: found.into(), hint: None }
    }

    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, State::Ok, found)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What was found, `ok` where nothing is told of it, and what is told.
    pub(super) fn told<T>(
        name: &'static str,
        found: Result<T, Problems>,
        warnings: &Problems,
        ok: impl Fn(T) -> String,
    ) -> Vec<Self> {
        match found {
            Ok(found) if warnings.is_empty() => vec![Self::ok(name, ok(found))],
            Ok(_) => warnings.iter().map(|problem| Self::problem(name, State::Warning, problem)).collect(),
            Err(problems) => Self::errors(name, &problems),
        }
    }

    pub(super) fn errors(name: &'static str, problems: &Problems) -> Vec<Self> {
        problems.iter().map(|problem| Self::problem(name, State::Error, problem)).collect()
    }

    pub(super) fn problem(name: &'static str, state: State, problem: &Problem) -> Self {
        let place = problem.place().map(|place| format!("{place}: ")).unwrap_or_default();
        let hint = problem.advice().map(str::to_owned);
        Self { name, state, found: format!("{place}{}", problem.message()), hint }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "check": self.name, "state": self.state.name(), "found": self.found, "hint": self.hint })
    }
}

/// A line a check, and the hints below.
pub(super) fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Check { name, state, found, hint } in checks {
        text.push_str(&format!("{name:width$}  {:7}  {}\n", state.name(), Quiet(found)));
        if let Some(hint) = hint {
            text.push_str(&format!("{:width$}  hint: {}\n", "", Quiet(hint)));
        }
    }
    text
}
