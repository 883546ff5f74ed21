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
        fits(&self.0, path.split('/'))
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
        capture(&self.0, &segments)
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

fn fits<'p>(pattern: &[Segment], mut path: impl Iterator<Item = &'p str> + Clone) -> bool {
    match pattern.split_first() {
        None => path.next().is_none(),
        Some((Segment::Any, [])) => true,
        Some((Segment::Any, rest)) => loop {
            if fits(rest, path.clone()) {
                return true;
            }
            if path.next().is_none() {
                return false;
            }
        },
        Some((Segment::One(text), rest)) => {
            path.next().is_some_and(|segment| fits_within(text, segment)) && fits(rest, path)
        }
    }
}

/// `*` inside one segment.
fn fits_within(pattern: &str, text: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    behind.is_empty()
        || rest.char_indices().any(|(at, _)| rest.get(at..).is_some_and(|left| fits_within(behind, left)))
        || fits_within(behind, "")
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
