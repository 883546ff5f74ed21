//! Whole-segment patterns over paths and names: `*` within one segment, `**` over any number of them.
//!
//! Own code because glob crates match characters of a path, and a rule about `kv/prod/**` must never
//! be stretched by what stands inside one segment.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// A pattern such as `kv/*/db-*` or `kv/**`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Any,
    One(String),
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl Pattern {
    /// Reads a pattern; every text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let segment = |text: &str| match text {
            "**" => Segment::Any,
            _ => Segment::One(text.to_owned()),
        };
        Self(text.split('/').map(segment).collect())
    }

    /// Does the path as a whole fit?
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        fits(&self.0, &path.split('/').collect::<Vec<_>>())
    }

    /// Is there a path that fits both?
    #[must_use]
    pub fn meets(&self, other: &Pattern) -> bool {
        meet(&self.0, &other.0)
    }

    /// What the wildcards stand for, in order: the segments of a `**` joined by `/`, the text of a `*`.
    #[must_use]
    pub fn capture(&self, path: &str) -> Option<Vec<String>> {
        let segments: Vec<&str> = path.split('/').collect();
        // What does not fit would be tried in every way
        fits(&self.0, &segments).then(|| capture(&self.0, &segments)).flatten()
    }

    /// Puts captured texts where the wildcards stand; None where there are fewer than wildcards.
    #[must_use]
    pub fn fill(&self, captured: &[String]) -> Option<String> {
        let mut captured = captured.iter();
        let mut out: Vec<Cow<str>> = Vec::with_capacity(self.0.len());
        for segment in &self.0 {
            match segment {
                Segment::Any => match captured.next()?.as_str() {
                    "" => {}
                    text => out.push(text.into()),
                },
                Segment::One(text) => {
                    let mut pieces = text.split('*');
                    let mut filled = pieces.next()?.to_owned();
                    for piece in pieces {
                        filled.push_str(captured.next()?);
                        filled.push_str(piece);
                    }
                    out.push(filled.into());
                }
            }
        }
        Some(out.join("/"))
    }
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |segment: &Segment| match segment {
            Segment::Any => "**".to_owned(),
            Segment::One(text) => text.clone(),
        };
        f.write_str(&self.0.iter().map(text).collect::<Vec<_>>().join("/"))
    }
}

fn meet(a: &[Segment], b: &[Segment]) -> bool {
    match (a.split_first(), b.split_first()) {
        (None, None) => true,
        (Some((Segment::Any, rest)), _) if meet(rest, b) => true,
        (_, Some((Segment::Any, rest))) if meet(a, rest) => true,
        (Some((Segment::Any, _)), Some((_, rest))) => meet(a, rest),
        (Some((_, rest)), Some((Segment::Any, _))) => meet(rest, b),
        (Some((Segment::One(x), a)), Some((Segment::One(y), b))) => meet_within(x, y) && meet(a, b),
        _ => false,
    }
}

/// The same for two segments.
fn meet_within(a: &str, b: &str) -> bool {
    let cut = |text: &str| text.chars().next().map(|c| (c, text.get(c.len_utf8()..).unwrap_or("").to_owned()));
    match (cut(a), cut(b)) {
        (None, None) => true,
        (Some(('*', rest)), _) if meet_within(&rest, b) => true,
        (_, Some(('*', rest))) if meet_within(a, &rest) => true,
        (Some(('*', _)), Some((_, rest))) => meet_within(a, &rest),
        (Some((_, rest)), Some(('*', _))) => meet_within(&rest, b),
        (Some((x, a)), Some((y, b))) => x == y && meet_within(&a, &b),
        _ => false,
    }
}

/// Between two `**` the first place that fits is as good as any: nothing is tried twice, whatever a stranger writes.
fn fits(pattern: &[Segment], path: &[&str]) -> bool {
    let fit = |run: &[Segment], path: &[&str]| {
        let one = |(segment, text): (&Segment, &&str)| matches!(segment, Segment::One(one) if fits_within(one, text));
        run.len() == path.len() && run.iter().zip(path).all(one)
    };
    let mut runs = pattern.split(|segment| matches!(segment, Segment::Any));
    let first = runs.next().unwrap_or_default();
    let Some(last) = runs.next_back() else { return fit(first, path) };
    let Some((_, mut rest)) = path.split_at_checked(first.len()).filter(|(front, _)| fit(first, front)) else {
        return false;
    };
    for run in runs {
        let fits_at = |at: &usize| rest.get(*at..at + run.len()).is_some_and(|window| fit(run, window));
        match (0..=rest.len()).find(fits_at) {
            Some(at) => rest = rest.get(at + run.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.len().checked_sub(last.len()).and_then(|at| rest.get(at..)).is_some_and(|end| fit(last, end))
}

/// `*` inside one segment.
fn fits_within(pattern: &str, text: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut rest) = text.strip_prefix(before) else {
        return false;
    };
    let (between, last) = behind.rsplit_once('*').map_or((None, behind), |(between, last)| (Some(between), last));
    for piece in between.into_iter().flat_map(|between| between.split('*')) {
        match rest.split_once(piece) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn capture(pattern: &[Segment], path: &[&str]) -> Option<Vec<String>> {
    let Some((first, rest)) = pattern.split_first() else {
        return path.is_empty().then(Vec::new);
    };
    match first {
        Segment::Any => (0..=path.len()).find_map(|taken| {
            let (these, behind) = path.split_at_checked(taken)?;
            let mut captured = vec![these.join("/")];
            captured.extend(capture(rest, behind)?);
            Some(captured)
        }),
        Segment::One(text) => {
            let (segment, behind) = path.split_first()?;
            let mut captured = within(text, segment)?;
            captured.extend(capture(rest, behind)?);
            Some(captured)
        }
    }
}

/// `*` inside one segment, as short as it can be.
fn within(pattern: &str, text: &str) -> Option<Vec<String>> {
    let Some((before, behind)) = pattern.split_once('*') else {
        return (pattern == text).then(Vec::new);
    };
    let rest = text.strip_prefix(before)?;
    let ends = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
    ends.into_iter().find_map(|end| {
        let (taken, left) = rest.split_at_checked(end)?;
        let mut captured = vec![taken.to_owned()];
        captured.extend(within(behind, left)?);
        Some(captured)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_keep_to_their_segments() {
        for (pattern, path, fits) in [
            ("kv/prod/db", "kv/prod/db", true),
            ("kv/prod", "kv/prod/db", false),
            ("kv/prod/**", "kv/prod/db/main", true),
            ("kv/prod/**", "kv/prod", true),
            ("kv/prod/**", "kv/production/db", false),
            ("kv/*/db", "kv/prod/db", true),
            ("kv/*/db", "kv/a/b/db", false),
            ("kv/*", "kv/prod", true),
            ("kv/*", "kv", false),
            ("**/db", "kv/prod/db", true),
            ("**", "anything/at/all", true),
            ("kv/team-*/**", "kv/team-a/x", true),
            ("kv/team-*/**", "kv/teams/x", false),
            ("kv", "KV", false),
            ("grafana-*", "grafana-admin", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-", false),
            ("**/a/**/b", "a/x/y/b", true),
            ("**/a/**/b", "a/x/y", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(path), fits, "{pattern} {path}");
            assert_eq!(Pattern::new(pattern).capture(path).is_some(), fits, "{pattern} {path}");
        }
    }

    /// Each would take years if every way were tried.
    #[test]
    fn a_pattern_of_many_wildcards_is_judged_at_once_t5() {
        let (stars, runs) = ("*a".repeat(60) + "*b", "**/a/".repeat(60) + "b");
        let (text, path) = ("a".repeat(250), vec!["a"; 250].join("/"));
        assert!(!Pattern::new(&stars).matches(&text) && Pattern::new(&stars).capture(&text).is_none());
        assert!(!Pattern::new(&runs).matches(&path) && Pattern::new(&runs).capture(&path).is_none());
        assert!(Pattern::new(&stars).capture(&format!("{text}b")).is_some());
        assert!(Pattern::new(&runs).capture(&format!("{path}/b")).is_some());
    }

    #[test]
    fn patterns_meet_where_a_path_fits_both() {
        for (a, b, meet) in [
            ("kv/team/**", "kv/team/legacy/**", true),
            ("kv/team/**", "kv/other/**", false),
            ("kv/*/db", "kv/team/*", true),
            ("kv/*/db", "kv/team/x", false),
            ("**/db", "kv/**", true),
            ("kv/a*", "kv/*b", true),
            ("kv/a*", "kv/b*", false),
            ("kv", "kv/**", true),
            ("kv/*", "kv", false),
            ("**", "", true),
        ] {
            let (one, other) = (Pattern::new(a), Pattern::new(b));
            assert_eq!((one.meets(&other), other.meets(&one)), (meet, meet), "{a} {b}");
        }
    }

    #[test]
    fn what_was_captured_can_be_put_elsewhere() {
        let captured = Pattern::new("kv/*/**").capture("kv/prod/a/b").unwrap();
        assert_eq!(captured, ["prod", "a/b"]);
        assert_eq!(Pattern::new("local/*.yaml").fill(&captured).unwrap(), "local/prod.yaml");
        assert_eq!(Pattern::new("a/*/b/**").fill(&captured).unwrap(), "a/prod/b/a/b");
        assert_eq!(Pattern::new("*/*/*").fill(&captured), None);
    }
}
