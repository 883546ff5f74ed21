//! Rules of a project's own, as gitleaks reads them from `.gitleaks.toml`.
//!
//! Source: the README of gitleaks 8 on its configuration. Patterns are those of Go's `regexp` and take linear time here
//! too. `extend` is not followed: the formats that sealref knows hold always.

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
    pub(in crate::rules) fn find<'r>(&'r self, seen: &Seen) -> Vec<(NodeId, &'r str)> {
        let Some(manifest) = seen.view.stream.get(seen.id).filter(|_| !self.rules.is_empty()) else { return vec![] };
        let path = seen.view.stream.names.get(manifest.source).copied().unwrap_or_default();
        let lower = manifest.text.to_ascii_lowercase();
        let mut found = vec![];
        for rule in &self.rules {
            let wanted = rule.keywords.is_empty() || rule.keywords.iter().any(|word| lower.contains(word));
            if !wanted || rule.path.as_ref().is_some_and(|pattern| !pattern.is_match(path)) {
                continue;
            }
            for at in rule.places(manifest.text, path, &self.allowed).into_iter().take(limits::MATCHES) {
                found.push((node(seen, manifest.text, at), rule.id.as_str()));
            }
        }
        found
    }
}

impl Rule {
    fn places(&self, text: &str, path: &str, more: &[Allowed]) -> Vec<usize> {
        let Some(pattern) = &self.pattern else { return vec![] };
        let place = |found: regex::Captures| {
            let whole = found.get(0)?;
            let first = || (1..found.len()).find_map(|group| found.get(group).filter(|one| !one.is_empty()));
            let secret = if self.group > 0 { found.get(self.group) } else { first() }.unwrap_or(whole);
            let begin = text.get(..whole.start())?.rfind('\n').map_or(0, |at| at + 1);
            let end = text.get(whole.end()..)?.find('\n').map_or(text.len(), |at| whole.end() + at);
            let line = text.get(begin..end)?;
            let random = self.entropy == 0.0 || entropy(secret.as_str().as_bytes()) > self.entropy;
            let texts = [line, whole.as_str(), secret.as_str()];
            let allowed = self.allowed.iter().chain(more).any(|allowed| allowed.fits(path, texts));
            (random && !allowed && !is_allowed(line)).then_some(secret.start())
        };
        pattern.captures_iter(text).filter_map(place).collect()
    }
}

impl Allowed {
    fn fits(&self, path: &str, [line, whole, secret]: [&str; 3]) -> bool {
        let text = match self.target {
            Target::Line => line,
            Target::Match => whole,
            Target::Secret => secret,
        };
        let lower = secret.to_ascii_lowercase();
        let says = [
            (!self.paths.is_empty()).then(|| self.paths.iter().any(|pattern| pattern.is_match(path))),
            (!self.patterns.is_empty()).then(|| self.patterns.iter().any(|pattern| pattern.is_match(text))),
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

/// The last node that begins in the line of a byte, or before it.
fn node(seen: &Seen, text: &str, at: usize) -> NodeId {
    let line = text.get(..at).map_or(1, |above| above.matches('\n').count() + 1);
    let nodes: Vec<NodeId> = seen.tree.nodes().collect();
    let after = nodes.partition_point(|node| seen.tree.line(*node) <= line);
    after.checked_sub(1).and_then(|last| nodes.get(last)).copied().unwrap_or(seen.tree.root())
}
