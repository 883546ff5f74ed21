//! What a plain scalar is.
//!
//! Receives the characters of an unquoted scalar and gives back what Kubernetes (sigs.k8s.io/yaml, on a fork of yaml v2)
//! and kustomize (go.yaml.in/yaml/v3) read in them. It never sees quotes, tags or places.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// A scalar as Kubernetes reads it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// `true`, `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// Nothing, `~`, `null`.
    Null,
    /// A number, as it is written.
    Number(&'a str),
    /// Everything else.
    Text(&'a str),
}

/// What one of the two readers makes of a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Plain<'a> {
    /// A boolean.
    Bool(bool),
    /// Infinity or not-a-number, which JSON cannot say.
    Infinite,
    /// `<<`, which is text except as a key.
    Merge,
    /// Nothing.
    Null,
    /// A number, as it is written.
    Number(&'a str),
    /// Text.
    Text(&'a str),
    /// A date, which Kubernetes keeps as text and kustomize does not.
    Time(&'a str),
}

/// What kubectl and Argo CD read.
#[must_use]
pub fn kubernetes(text: &str) -> Plain<'_> {
    match text {
        _ if is_word(text) => Plain::Text(text),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Plain::Bool(false),
        _ => either(text),
    }
}

/// True where the first letters and the length alone tell that it is text, as with almost every key.
pub(super) fn is_word(text: &str) -> bool {
    match text.as_bytes() {
        // Nothing, and what looks like false, n, no, null, on, off, true, y, yes
        []
        | [b'f' | b'F', b'a' | b'A', _, _, _]
        | [b'n' | b'N' | b'y' | b'Y']
        | [b'n' | b'N' | b'o' | b'O', _]
        | [b'n' | b'N', b'u' | b'U', _, _]
        | [b'o' | b'O' | b'y' | b'Y', _, _]
        | [b't' | b'T', b'r' | b'R', _, _] => false,
        [first, ..] => first.is_ascii_alphabetic() || matches!(first, b'_' | b'/'),
    }
}

/// What kustomize and sops read.
#[must_use]
pub fn kustomize(text: &str) -> Plain<'_> {
    match either(text) {
        Plain::Text(text) if late_sign(&text.replace('_', ""), "0o", 8).is_some() => Plain::Number(text),
        plain => plain,
    }
}

/// What both readers agree on, which is all but the booleans of YAML 1.1.
fn either(text: &str) -> Plain<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        "<<" => Plain::Merge,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => Plain::Infinite,
        _ if !text.starts_with(|c: char| matches!(c, '+' | '-' | '.' | '0'..='9')) => Plain::Text(text),
        _ if number(text).is_some() => Plain::Number(text),
        _ if is_time(text) => Plain::Time(text),
        _ => Plain::Text(text),
    }
}

/// A number that both readers see.
#[derive(Clone, Copy)]
pub enum Number {
    /// Within 64 bits, with or without a sign.
    Int(i128),
    /// Everything else.
    Float(f64),
}

/// `08` is a float for Go, and `8` to JSON.
impl PartialEq for Number {
    #[expect(clippy::cast_precision_loss, reason = "as Go does")]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => *a as f64 == *b,
        }
    }
}

/// The number in a plain scalar, if there is one.
#[must_use]
pub fn number(text: &str) -> Option<Number> {
    if text.starts_with('.') {
        // Go hands what begins with a point to ParseFloat as it is, underscores being refused there.
        return float(text).map(Number::Float);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') {
        return None;
    }
    let bare: Cow<'_, str> = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    integer(&bare)
        .map(Number::Int)
        .or_else(|| float(&bare).map(Number::Float))
        .or_else(|| late_sign(&bare, "0b", 2).map(Number::Int))
}

/// Go's own mistake, kept because two readers make it: a sign behind the prefix, `0b-1`.
fn late_sign(text: &str, prefix: &str, radix: u32) -> Option<i128> {
    let rest = text.strip_prefix(prefix)?;
    rest.starts_with(['+', '-']).then(|| i64::from_str_radix(rest, radix).ok())?.map(i128::from)
}

/// As strconv.ParseInt with base 0, then ParseUint, then the binary and octal forms with a sign of their own.
fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => (1, text),
    };
    let signed = digits.len() < text.len();
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).ok()?;
    let value = sign * size;
    let largest = if signed { i64::MAX.into() } else { u64::MAX.into() };
    (i128::from(i64::MIN)..=largest).contains(&value).then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it is finite: Rust's own form without its words.
fn float(text: &str) -> Option<f64> {
    let fits = text.bytes().all(|c| c.is_ascii_digit() || b"+-.eE".contains(&c));
    fits.then(|| text.parse().ok())?.filter(|f: &f64| f.is_finite())
}

/// Go's four layouts: `2006-1-2`, and it with a time after `T`, `t` or a space. Go takes a comma for a point here, and its
/// bounds of a zone are 24 hours and 60 minutes.
const TIME: &str = concat!(
    r"^([0-9]{4})-(0?[1-9]|1[0-2])-(0?[1-9]|[12][0-9]|3[01])",
    r"([Tt ]([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9]([.,][0-9]*)?(Z|[+-]([01][0-9]|2[0-4]):([0-5][0-9]|60))?)?$"
);

/// True for a time on a day that exists; with a zone behind `T` only, and there always.
fn is_time(text: &str) -> bool {
    static LAYOUT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(TIME).ok());
    let Some(parts) = LAYOUT.as_ref().and_then(|layout| layout.captures(text)) else {
        return false;
    };
    let number = |at| parts.get(at).and_then(|part| part.as_str().parse().ok()).unwrap_or(0_u32);
    let year = number(1);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match number(2) {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let has_zone = parts.get(7).is_some();
    number(3) <= days && parts.get(4).is_none_or(|time| time.as_str().starts_with(' ') != has_zone)
}

/// A number as JSON: as it is written where JSON knows that form, else in decimals.
pub(super) fn json_number(text: &str) -> Option<Cow<'_, str>> {
    let value = number(text)?;
    if serde_json::from_str::<serde_json::Number>(text).is_ok() {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(match value {
        Number::Int(int) => int.to_string(),
        Number::Float(float) if float.abs() < 1e-6 || float.abs() >= 1e21 => {
            if float == 0.0 {
                "0".to_owned()
            } else {
                format!("{float:e}")
            }
        }
        Number::Float(float) => format!("{float}"),
    }))
}

/// A key as sigs.k8s.io/yaml turns it into a JSON key; None where it refuses it.
pub(super) fn key(text: &str) -> Option<Cow<'_, str>> {
    Some(match kubernetes(text) {
        Plain::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Plain::Infinite => Cow::Borrowed(match text.as_bytes().first() {
            Some(b'-') => "-.inf",
            _ if text.ends_with(['n', 'N']) => ".nan",
            _ => ".inf",
        }),
        Plain::Null => return None,
        Plain::Number(text) => match number(text)? {
            Number::Int(int) => Cow::Owned(i64::try_from(int).ok()?.to_string()),
            Number::Float(float) => float_key(float),
        },
        Plain::Merge | Plain::Text(_) | Plain::Time(_) => Cow::Borrowed(text),
    })
}

/// strconv.FormatFloat(f, 'g', -1, 32): the fewest digits of a 32-bit float, an exponent below 1e-4 and from 1e6 on.
fn float_key(float: f64) -> Cow<'static, str> {
    #[expect(clippy::cast_possible_truncation, reason = "as sigs.k8s.io/yaml does")]
    let short = float as f32;
    if short.is_infinite() {
        return Cow::Borrowed(if short > 0.0 { ".inf" } else { "-.inf" });
    }
    let scientific = format!("{short:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return Cow::Owned(scientific);
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return Cow::Owned(format!("{short}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    Cow::Owned(format!("{mantissa}e{sign}{:02}", exponent.abs()))
}
