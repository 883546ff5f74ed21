//! What does not fit a type.
//!
//! Receives serde's complaints and gives back a place and plain words. It never repeats what was written, only what was
//! expected.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use super::{NodeId, Tree};
use crate::error::{all_known, meant};

/// What does not fit, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line within the text, counted from 1.
    pub line: usize,
    /// The place: `spec.rules[0].verbs`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// The one next thing to do.
    pub hint: Option<String>,
}

impl Mistake {
    pub(super) fn new(message: String) -> Self {
        Self { line: 0, path: String::new(), message, hint: None }
    }

    /// Adds the place, unless something deeper has done so.
    pub(super) fn at(mut self, tree: &Tree<'_>, node: NodeId) -> Self {
        if self.line == 0 {
            self.line = tree.line(node);
            self.path = tree.path(node);
        }
        self
    }

    /// One of these names was expected.
    fn unknown(what: &str, found: &str, expected: &[&str]) -> Self {
        let mut mistake = Self::new(format!("an unknown {what}"));
        mistake.hint = (!expected.is_empty()).then(|| meant(found, expected.iter().copied(), all_known));
        mistake
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, expected) = (sort(&found), plain(&expected.to_string()).to_owned());
        let mut mistake = Self::new(format!("expected {expected}, found {found}"));
        if expected == "text" && matches!(found, "true or false" | "a number") {
            mistake.hint = Some("put it in double quotes".to_owned());
        }
        mistake
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}"))
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("name", found, expected)
    }

    fn unknown_field(found: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("field", found, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the field \"{field}\" is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("the field \"{field}\" is said twice"))
    }
}

/// What serde expects, in the words of YAML.
fn plain(expected: &str) -> &str {
    match expected {
        "a boolean" => "true or false",
        "a string" | "a borrowed string" | "string" | "str" | "a character" => "text",
        "a sequence" => "a list",
        "unit" => "nothing",
        "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" => "a number",
        "newtype variant" | "struct variant" | "tuple variant" => "a map with this name as its key",
        other if other.starts_with("struct ") => "a map",
        other => other,
    }
}

/// What was found, without what it says.
fn sort(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::UnitVariant => "its name alone",
        Unexpected::Seq => "a list",
        Unexpected::Map | Unexpected::NewtypeStruct => "a map",
        _ => "something else",
    }
}
