//! Rules of a project's own, as gitleaks reads them from `.gitleaks.toml`.
//!
//! Source: the README of gitleaks 8 on its configuration. Patterns are those of Go's `regexp` and take linear time here
//! too. `extend` is not followed: the formats that sealref knows hold always.

use std::collections::BTreeSet;
use std::ops::Range;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::layers::is_allowed;
use crate::error::Problem;
use crate::limits;
use crate::rules::seen::Seen;
use crate::rules::tokens::entropy;
use crate::yaml::NodeId;

/// Rules of a project's own.
#[derive(Default)]
pub struct UserRules {
    rules: Vec<Rule>,
    allowed: Vec<Allowed>,
}

struct Rule {
    id: String,
    pattern: Option<Regex>,
    path: Option<Regex>,
    group: usize,
    entropy: f64,
    keywords: Vec<String>,
    allowed: Vec<Allowed>,
}

/// What is no finding.
struct Allowed {
    all: bool,
    paths: Vec<Regex>,
    patterns: Vec<Regex>,
    target: Target,
    stopwords: Vec<String>,
}

/// Which text an allowing pattern is matched with.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    Line,
    Match,
    #[default]
    Secret,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    rules: Vec<RuleText>,
    #[serde(flatten)]
    allowed: AllowedTexts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleText {
    id: String,
    #[serde(default)]
    regex: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    secret_group: usize,
    #[serde(default)]
    entropy: f64,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(flatten)]
    allowed: AllowedTexts,
}

/// gitleaks knows both names.
#[derive(Deserialize)]
struct AllowedTexts {
    #[serde(default)]
    allowlist: Option<AllowedText>,
    #[serde(default)]
    allowlists: Vec<AllowedText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllowedText {
    #[serde(default)]
    condition: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    regex_target: Target,
    #[serde(default)]
    stopwords: Vec<String>,
}

impl UserRules {
    /// Reads a file of gitleaks.
    ///
    /// # Errors
    /// It is no TOML, has another shape, or a pattern that is none.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line =
                error.span().and_then(|span| text.get(..span.start)).map_or(1, |above| above.lines().count().max(1));
            Problem::new(format!("these are no rules of gitleaks, in line {line}"))
                .hint("it wants [[rules]] with id and regex, as .gitleaks.toml has them")
        })?;
        Ok(Self {
            rules: file.rules.into_iter().map(rule).collect::<Result<_, _>>()?,
            allowed: file.allowed.read("the file")?,
        })
    }

    /// Where they find something in the text of an object, with the rule's id.
    ///
    /// `allowed`: the scalars that comments allow; None where comments silence nothing.
    pub(in crate::rules) fn find<'r>(
        &'r self,
        seen: &Seen,
        allowed: Option<&BTreeSet<NodeId>>,
    ) -> Vec<(NodeId, &'r str)> {
        let Some(manifest) = seen.view.stream.get(seen.id).filter(|_| !self.rules.is_empty()) else { return vec![] };
        let path = seen.view.stream.names.get(manifest.source).copied().unwrap_or_default();
        let lower = manifest.text.to_ascii_lowercase();
        let mut found = vec![];
        for rule in &self.rules {
            let wanted = rule.keywords.is_empty() || rule.keywords.iter().any(|word| lower.contains(word));
            if !wanted || rule.path.as_ref().is_some_and(|pattern| !pattern.is_match(path)) {
                continue;
            }
            let is_silent = |line: &str, at: usize| {
                let allowed = allowed.filter(|_| is_allowed(line))?;
                let (node, begins_here) = node(seen, manifest.text, at);
                Some(!begins_here || allowed.contains(&node))
            };
            for at in rule.places(manifest.text, path, &self.allowed, &|line, at| is_silent(line, at) == Some(true)) {
                found.push((node(seen, manifest.text, at).0, rule.id.as_str()));
            }
        }
        found
    }
}

impl Rule {
    /// Where it finds something: not more places than anybody corrects at once, and each line judged once.
    fn places(&self, text: &str, path: &str, more: &[Allowed], is_silent: &dyn Fn(&str, usize) -> bool) -> Vec<usize> {
        let Some(pattern) = &self.pattern else { return vec![] };
        let lists: Vec<&Allowed> = self.allowed.iter().chain(more).collect();
        let mut judged: Option<Line> = None;
        let place = |found: regex::Captures| {
            let whole = found.get(0)?;
            let first = || (1..found.len()).find_map(|group| found.get(group).filter(|one| !one.is_empty()));
            let secret = if self.group > 0 { found.get(self.group) } else { first() }.unwrap_or(whole);
            if !judged.as_ref().is_some_and(|line| line.holds(whole.range())) {
                let range = lines_of(text, whole.range())?;
                let said = text.get(range.clone())?;
                let fits = lists.iter().map(|list| list.fits_line(said)).collect();
                judged =
                    Some(Line { is_one: !said.contains('\n'), range, fits, silent: is_silent(said, whole.start()) });
            }
            let line = judged.as_ref()?;
            let random = self.entropy == 0.0 || entropy(secret.as_str().as_bytes()) > self.entropy;
            let texts = [whole.as_str(), secret.as_str()];
            let allowed = || lists.iter().zip(&line.fits).any(|(list, line)| list.fits(path, *line, texts));
            (random && !line.silent && !allowed()).then_some(secret.start())
        };
        pattern.captures_iter(text).filter_map(place).take(limits::MATCHES).collect()
    }
}

/// A line with a match in it, or the lines of one that goes over several.
struct Line {
    range: Range<usize>,
    is_one: bool,
    /// What each allowing list says of it.
    fits: Vec<bool>,
    /// A comment allows it.
    silent: bool,
}

impl Line {
    fn holds(&self, found: Range<usize>) -> bool {
        self.is_one && self.range.start <= found.start && found.end <= self.range.end
    }
}

/// The lines of a part of a text.
fn lines_of(text: &str, part: Range<usize>) -> Option<Range<usize>> {
    let begin = text.get(..part.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(part.end..)?.find('\n').map_or(text.len(), |at| part.end + at);
    Some(begin..end)
}

impl Allowed {
    /// Does a pattern that is about lines match this one?
    fn fits_line(&self, line: &str) -> bool {
        matches!(self.target, Target::Line) && self.patterns.iter().any(|pattern| pattern.is_match(line))
    }

    fn fits(&self, path: &str, line: bool, [whole, secret]: [&str; 2]) -> bool {
        let matches = |text: &str| self.patterns.iter().any(|pattern| pattern.is_match(text));
        let pattern = || match self.target {
            Target::Line => line,
            Target::Match => matches(whole),
            Target::Secret => matches(secret),
        };
        let lower = secret.to_ascii_lowercase();
        let says = [
            (!self.paths.is_empty()).then(|| self.paths.iter().any(|pattern| pattern.is_match(path))),
            (!self.patterns.is_empty()).then(pattern),
            (!self.stopwords.is_empty()).then(|| self.stopwords.iter().any(|word| lower.contains(word))),
        ];
        let mut says = says.into_iter().flatten().peekable();
        let any = says.peek().is_some();
        any && if self.all { says.all(|one| one) } else { says.any(|one| one) }
    }
}

impl AllowedTexts {
    fn read(self, of: &str) -> Result<Vec<Allowed>, Problem> {
        self.allowlists.into_iter().chain(self.allowlist).map(|text| allow(text, of)).collect()
    }
}

fn rule(text: RuleText) -> Result<Rule, Problem> {
    let compiled = |pattern: Option<String>| pattern.map(|pattern| compile(&pattern, &text.id)).transpose();
    Ok(Rule {
        pattern: compiled(text.regex)?,
        path: compiled(text.path)?,
        group: text.secret_group,
        entropy: text.entropy,
        keywords: text.keywords.iter().map(|word| word.to_ascii_lowercase()).collect(),
        allowed: text.allowed.read(&text.id)?,
        id: text.id,
    })
}

fn allow(text: AllowedText, of: &str) -> Result<Allowed, Problem> {
    let compiled = |patterns: Vec<String>| patterns.iter().map(|one| compile(one, of)).collect::<Result<Vec<_>, _>>();
    Ok(Allowed {
        all: text.condition.is_some_and(|condition| condition.eq_ignore_ascii_case("and")),
        paths: compiled(text.paths)?,
        patterns: compiled(text.regexes)?,
        target: text.regex_target,
        stopwords: text.stopwords.iter().map(|word| word.to_ascii_lowercase()).collect(),
    })
}

fn compile(pattern: &str, of: &str) -> Result<Regex, Problem> {
    let built = RegexBuilder::new(pattern).size_limit(limits::PATTERN).build();
    built.map_err(|_| {
        Problem::new(format!("a pattern of \"{of}\" cannot be read, or is too large"))
            .hint("write it as Go's regexp takes it; a brace that stands for itself needs a backslash here")
    })
}

/// The last node that begins in the line of a byte, or before it; and whether it begins there.
fn node(seen: &Seen, text: &str, at: usize) -> (NodeId, bool) {
    let line = text.get(..at).map_or(1, |above| above.matches('\n').count() + 1);
    let nodes: Vec<NodeId> = seen.tree.nodes().collect();
    let after = nodes.partition_point(|node| seen.tree.line(*node) <= line);
    let last = after.checked_sub(1).and_then(|last| nodes.get(last)).copied().unwrap_or(seen.tree.root());
    (last, seen.tree.line(last) == line)
}
