//! How failure is told: a place, what is wrong, and the one next thing to do.
//!
//! Receives facts from every room and gives back lines for a person and an exit code. A message never
//! holds a value, a prefix or length of one, or another parser's words about bytes that may be secret.

mod location;

use std::fmt;

pub use location::{Location, Object};

/// What a failure means to the caller, as the exit code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 1: the manifests or settings are wrong, or a check failed.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: refused by the operator.
    Refused,
    /// 4: a source of values failed; a later run may succeed.
    Source,
    /// 70: a bug in sealref.
    Bug,
}

impl Exit {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Source => 4,
            Self::Bug => 70,
        }
    }
}

/// One thing that is wrong, told in at most two lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    exit: Exit,
    /// On the heap: a result is handed on by every function, and mostly holds none.
    place: Option<Box<Location>>,
    message: String,
    hint: Option<String>,
}

impl Problem {
    /// Something is wrong with the manifests or the settings.
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, place: None, message: message.into(), hint: None }
    }

    /// Adds the one next thing to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, where nothing nearer has said what to do.
    #[must_use]
    pub fn hint_else(mut self, hint: &str) -> Self {
        self.hint.get_or_insert_with(|| hint.to_owned());
        self
    }

    /// Adds where it is, unless something nearer has said so.
    #[must_use]
    pub fn at(mut self, place: impl Into<Location>) -> Self {
        self.place.get_or_insert_with(|| Box::new(place.into()));
        self
    }

    /// Adds to what is wrong.
    #[must_use]
    pub fn adding(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    /// Changes what it means to the caller.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The exit code that this problem alone asks for.
    #[must_use]
    pub fn code(&self) -> Exit {
        self.exit
    }

    /// Where it is: `stdin:41 Secret shop/db, data.password`.
    #[must_use]
    pub fn place(&self) -> Option<&Location> {
        self.place.as_deref()
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The next thing to do, in one line.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// `PLACE: MESSAGE`, and the hint on a line of its own, with everything that a terminal would act on escaped.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}: ", Quiet(&place.to_string()))?;
        }
        write!(f, "{}", Quiet(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {}", Quiet(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// Independent problems, all told, in the order of the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds what another step found.
    pub fn extend(&mut self, more: Problems) {
        self.0.extend(more.0);
    }

    /// True where nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems, in the order of the input.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// The gravest exit code among them.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.0.iter().map(Problem::code).max().unwrap_or(Exit::Failed)
    }

    /// `value` where nothing is wrong, else the problems.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Keeps the value, or keeps the problem, or problems, and gives nothing.
    pub fn keep<T, P: Into<Problems>>(&mut self, result: Result<T, P>) -> Option<T> {
        result.map_err(|problem| self.extend(problem.into())).ok()
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// Text that is safe on a terminal and in a log: controls and direction marks escaped, cut at a bound. Nor does a runner
/// take it for a command: GitHub's begin a line with `::`, those of Azure Pipelines and TeamCity stand behind `##`.
pub struct Quiet<'a>(pub &'a str);

impl fmt::Display for Quiet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let front = self.0.len() - self.0.trim_start().len();
        let is_command = |at: usize| match self.0.get(..=at) {
            Some(text) if text.ends_with("##") => true,
            Some(text) => at == front + 1 && text.ends_with("::"),
            None => false,
        };
        for (count, (at, c)) in self.0.char_indices().enumerate() {
            if count == crate::limits::MESSAGE {
                return f.write_str("...");
            }
            if c.is_control() || is_direction_mark(c) || is_command(at) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Unicode's bidirectional controls and separators, which reorder or break what a reader sees.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// JSON that is as safe as [`Quiet`] text; to whoever parses it nothing has changed.
#[must_use]
pub fn quiet_json(value: &serde_json::Value) -> String {
    let mut out = String::new();
    for c in format!("{value:#}\n").chars() {
        let is_command = c == '#' && out.ends_with('#');
        if c != '\n' && (c.is_control() || is_direction_mark(c) || is_command) {
            // All of them are in the plane that JSON escapes with four digits
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// The hint about a name that is not known: the one that may be meant, else what is to be said of all that are known.
#[must_use]
pub fn meant<'n>(
    typed: &str,
    known: impl IntoIterator<Item = &'n str>,
    otherwise: impl FnOnce(&[&str]) -> String,
) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(typed, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => otherwise(&known),
    }
}

/// All names that are known.
#[must_use]
pub fn all_known(names: &[&str]) -> String {
    format!("known: {}", names.join(", "))
}

/// The known name nearest to what was typed, if it is near enough to be meant.
#[must_use]
pub fn nearest<'n>(typed: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    known
        .into_iter()
        .map(|name| (distance(typed, name), name))
        .filter(|(distance, name)| *distance <= name.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein's distance, letters of either case being equal.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().take(crate::limits::NAME).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, y) in row.iter_mut().skip(1).zip(&b) {
            let best = (diagonal + usize::from(x != *y)).min(left + 1).min(*slot + 1);
            diagonal = std::mem::replace(slot, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_direction_marks_are_escaped_t11() {
        let problem = Problem::new("name \u{1b}[31m\u{202e}x").at("stdin:1");
        assert_eq!(problem.to_string(), "stdin:1: name \\u{1b}[31m\\u{202e}x");
    }

    #[test]
    fn no_runner_takes_text_for_a_command_t11() {
        let told = |text| Quiet(text).to_string();
        assert_eq!(told("::error::x"), ":\\u{3a}error::x");
        assert_eq!(told("  ::stop-commands::x"), "  :\\u{3a}stop-commands::x");
        assert_eq!(told("a ##vso[task.setvariable variable=PATH]x"), "a #\\u{23}vso[task.setvariable variable=PATH]x");
        assert_eq!(told("###[error]"), "#\\u{23}\\u{23}[error]");
        assert_eq!(told("arn:aws:kms::1"), "arn:aws:kms::1");
    }

    #[test]
    fn json_is_quiet_and_says_the_same_t11() {
        let value = serde_json::json!({"a\u{202e}": ["\u{9b}31m\n\u{7f}", "##vso[x] ###", "ü::x"]});
        let told = quiet_json(&value);
        assert!(!told.chars().any(|c| c != '\n' && (c.is_control() || is_direction_mark(c))), "{told}");
        assert!(!told.contains("##") && told.contains("\\u202e") && told.contains('ü'), "{told}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&told).unwrap(), value);
    }

    #[test]
    fn long_text_is_cut_t11() {
        let problem = Problem::new("x".repeat(1 << 20)).to_string();
        assert!(problem.len() < 2000, "{}", problem.len());
    }

    #[test]
    fn the_gravest_exit_code_wins() {
        let mut problems = Problems::default();
        problems.push(Problem::new("a"));
        problems.push(Problem::new("b").exit(Exit::Refused));
        assert_eq!(problems.exit(), Exit::Refused);
    }

    #[test]
    fn a_typo_finds_its_name() {
        assert_eq!(nearest("valt", ["aws", "vault", "sops"]), Some("vault"));
        assert_eq!(nearest("scop", ["sops", "scope"]), Some("scope"));
        assert_eq!(nearest("kitten", ["aws", "vault", "sops"]), None);
    }
}
