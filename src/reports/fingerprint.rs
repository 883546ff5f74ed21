//! What a finding is known by from run to run: its rule, object, field and message. Not its line, nor its file, nor
//! where in a list it stands, for those move.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::error::Problem;

/// How often each was seen: two that nothing tells apart are the first and the second.
#[derive(Default)]
pub(super) struct Known(BTreeMap<Vec<String>, usize>);

impl Known {
    /// 32 hexadecimal digits. No value has a part in it, since none stands in a message.
    pub(super) fn of(&mut self, rule: Option<&str>, problem: &Problem) -> String {
        let place = problem.place();
        let object = place.and_then(|place| place.object.as_ref());
        let whose = match (object, place) {
            (Some(object), _) => object.to_string(),
            (None, Some(place)) => place.source.clone(),
            (None, None) => String::new(),
        };
        let field = place.map(|place| without_numbers(&place.field)).unwrap_or_default();
        let parts = vec![rule.unwrap_or_default().to_owned(), whose, field, problem.message().to_owned()];
        let number = self.0.entry(parts.clone()).or_insert(0);
        let mut digest = Sha256::new();
        for part in parts.iter().chain([&number.to_string()]) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        *number += 1;
        let mut text = String::new();
        for byte in digest.finalize().iter().take(16) {
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }
}

/// `spec.containers[0].env[2]` as `spec.containers[].env[]`.
fn without_numbers(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut digits = false;
    for c in field.chars() {
        digits = (digits || out.ends_with('[')) && c.is_ascii_digit();
        if !digits {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Location, Object};

    fn problem(name: &str, field: &str, line: usize, message: &str) -> Problem {
        let object = Object { kind: "Secret".to_owned(), name: name.to_owned(), ..Object::default() };
        let place = Location { object: Some(object), field: field.to_owned(), ..Location::line("a.yaml", line) };
        Problem::new(message).at(place)
    }

    #[test]
    fn a_fingerprint_survives_a_move_and_nothing_else() {
        let of = |problem: Problem, rule| Known::default().of(Some(rule), &problem);
        let first = of(problem("db", "a[0].b", 1, "wrong"), "x/y");
        assert_eq!(first.len(), 32);
        assert_eq!(first, of(problem("db", "a[12].b", 99, "wrong").hint("other words"), "x/y"));
        for other in [
            of(problem("web", "a[0].b", 1, "wrong"), "x/y"),
            of(problem("db", "a[0].c", 1, "wrong"), "x/y"),
            of(problem("db", "a[0].b", 1, "bad"), "x/y"),
            of(problem("db", "a[0].b", 1, "wrong"), "x/z"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn two_that_nothing_tells_apart_are_two() {
        let mut known = Known::default();
        let problem = problem("db", "a[0]", 1, "wrong");
        let (first, second) = (known.of(None, &problem), known.of(None, &problem));
        assert_ne!(first, second);
        assert_eq!(first, Known::default().of(None, &problem));
    }

    #[test]
    fn only_places_in_lists_lose_their_numbers() {
        assert_eq!(without_numbers("a[0].b1[23]"), "a[].b1[]");
        assert_eq!(without_numbers("data[\"1a\"]"), "data[\"1a\"]");
    }
}
