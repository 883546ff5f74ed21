//! Which values of a file are encrypted: at most one rule stands in its metadata.

use regex::Regex;

use crate::error::Problem;

/// The rule of a file. Suffixes and expressions look at every key above a value.
pub(super) enum Rule {
    /// What a comment above or beside it names.
    EncryptedComment(Regex),
    /// Keys that match.
    EncryptedKey(Regex),
    /// Keys that end so.
    EncryptedSuffix(String),
    /// All but what a comment above or beside it names.
    UnencryptedComment(Regex),
    /// All but keys that match.
    UnencryptedKey(Regex),
    /// All but keys that end so.
    UnencryptedSuffix(String),
}

impl Rule {
    /// The rule of a file that names none.
    pub(super) fn usual() -> Self {
        Self::UnencryptedSuffix("_unencrypted".to_owned())
    }

    /// Is what stands at the end of these keys encrypted? `comments` has what is in force, level by level; where the
    /// question is about a comment, it is the last of them.
    pub(super) fn encrypts(&self, keys: &[&str], comments: &[Comments], is_comment: bool) -> bool {
        let one_ends = |suffix: &str| keys.iter().any(|key| key.ends_with(suffix));
        let one_matches = |rule: &Regex| keys.iter().any(|key| rule.is_match(key));
        match self {
            // A comment that switches encryption on stays clear itself.
            Self::EncryptedComment(_) => match comments.split_last() {
                Some((last, above)) if is_comment => last.earlier || above.iter().any(|level| level.all),
                _ => comments.iter().any(|level| level.all),
            },
            Self::EncryptedKey(rule) => one_matches(rule),
            Self::EncryptedSuffix(suffix) => one_ends(suffix),
            Self::UnencryptedComment(_) => !comments.iter().any(|level| level.all),
            Self::UnencryptedKey(rule) => !one_matches(rule),
            Self::UnencryptedSuffix(suffix) => !one_ends(suffix),
        }
    }

    /// Does the rule name this comment?
    pub(super) fn names(&self, comment: &str) -> bool {
        match self {
            Self::EncryptedComment(rule) | Self::UnencryptedComment(rule) => rule.is_match(comment),
            _ => false,
        }
    }
}

/// The comments of a level since its last value: does the rule name one of them?
#[derive(Clone, Copy, Default)]
pub(super) struct Comments {
    all: bool,
    /// All but the last.
    earlier: bool,
}

impl Comments {
    /// One more.
    pub(super) fn push(&mut self, named: bool) {
        *self = Self { all: self.all || named, earlier: self.all };
    }
}

/// An expression of Go. SOPS takes one that is wrong for one that never matches; here it is refused.
pub(super) fn expression(name: &str, text: &str) -> Result<Regex, Problem> {
    Regex::new(&translated(text)).map_err(|_| {
        Problem::new(format!("the rule {name} in the metadata is no regular expression"))
            .hint("mend it in .sops.yaml and encrypt the file again")
    })
}

/// The same expression where \d, \w, \s and \b would know more than ASCII, \Q does not exist, and sets nest.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_set = false;
    while let Some(c) = rest.chars().next() {
        let escape = rest.strip_prefix('\\').and_then(|behind| behind.chars().next());
        let mut taken = c.len_utf8() + escape.map_or(0, char::len_utf8);
        match (c, escape) {
            ('\\', Some('Q')) => {
                let literal = rest.get(taken..).unwrap_or("");
                let literal = literal.split_once("\\E").map_or(literal, |(literal, _)| literal);
                out.push_str(&regex::escape(literal));
                taken += literal.len() + if rest.len() > taken + literal.len() { 2 } else { 0 };
            }
            ('\\', Some(class)) => match ASCII.iter().find(|(letter, _)| *letter == class) {
                Some((_, set)) => out.push_str(set),
                None => out.extend([c, class]),
            },
            ('[', _) if in_set && !rest.starts_with("[:") => out.push_str("\\["),
            ('&' | '~', _) if in_set => out.extend(['\\', c]),
            _ => out.push(c),
        }
        in_set = match c {
            '[' if !in_set => {
                // A bracket that closes at once stands for itself.
                let behind = rest.get(1..).unwrap_or("");
                let head =
                    if behind.starts_with("^]") { "^]" } else { behind.get(..1).filter(|c| *c == "]").unwrap_or("") };
                out.push_str(&head.replace(']', "\\]"));
                taken += head.len();
                true
            }
            ']' if in_set && !out.ends_with(":]") => false,
            _ => in_set,
        };
        rest = rest.get(taken..).unwrap_or("");
    }
    out
}

/// What Go's classes hold.
const ASCII: [(char, &str); 8] = [
    ('B', r"(?-u:\B)"),
    ('D', "[^0-9]"),
    ('S', r"[^\t\n\f\r ]"),
    ('W', "[^0-9A-Za-z_]"),
    ('b', r"(?-u:\b)"),
    ('d', "[0-9]"),
    ('s', r"[\t\n\f\r ]"),
    ('w', "[0-9A-Za-z_]"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_to_go() {
        // Expression, text, what Go 1.27's regexp.MatchString says.
        let table = [
            ("^(data|stringData)$", "stringData", true),
            ("^(data|stringData)$", "data2", false),
            (r"\d", "\u{663}", false),
            (r"^[\w-]+$", "a-b_c", true),
            (r"^\w$", "\u{e9}", false),
            (r"\Qa.b\E$", "a.b", true),
            (r"\Qa.b\E$", "axb", false),
            (r"\Qa.b", "a.b", true),
            ("[[]x", "[x", true),
            ("[]x]", "]", true),
            ("[^]x]", "]", false),
            ("[[:alpha:]]$", "a", true),
            ("[a&&b]", "&", true),
            (r"\bkey\b", "my key", true),
            ("(?i)SECRET", "secret", true),
            (r"\s", "\u{b}", false),
            (r"[\]a]", "]", true),
        ];
        for (rule, text, matches) in table {
            assert_eq!(expression("encrypted_regex", rule).unwrap().is_match(text), matches, "{rule} {text}");
        }
        assert!(expression("encrypted_regex", "(").is_err());
    }
}
