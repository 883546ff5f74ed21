//! The native grammar: the URI form of vals, `ref+SCHEME://PATH[?NAME=VALUE&...][#/STEP/STEP...][+]`.
//!
//! Receives text, gives back a template. Stricter than vals where vals guesses: what it would swallow,
//! cut or ship as text is an error with a hint. Source: `pkg/expansion` of helmfile/vals, RFC 3986.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Grammar, Resolve};
use crate::error::Problem;
use crate::limits;
use crate::model::{Address, Opaque, Part, Place, Raw, Reference, Template};

/// `ref+` and `secretref+`.
pub(super) struct Uri;

const MARKER: &str = "ref+";

/// What looks for the marker, made once.
static MARKERS: LazyLock<Finder> = LazyLock::new(|| Finder::new(MARKER));

impl Grammar for Uri {
    fn name(&self) -> &'static str {
        "uri"
    }

    fn marker(&self) -> &'static str {
        MARKER
    }

    fn read<'t>(&self, text: &'t str, at: Place, to: Resolve<'_>) -> Option<Result<Template<'t>, Problem>> {
        // Almost every text that holds no marker holds no `+` either, which is found sooner.
        memchr::memchr(b'+', text.as_bytes())?;
        read(text, at, to).transpose()
    }

    fn whole<'t>(&self, text: &'t str, to: Resolve<'_>) -> Option<Result<Address<'t>, Problem>> {
        let token = match next(text, 0, to) {
            Ok(token) => token?,
            Err(problem) => return Some(Err(problem)),
        };
        Some(match token.kind {
            Kind::Reference { scheme, body } if token.start == 0 && token.end == text.len() => {
                resolve(scheme, body, true, to)
            }
            _ => Err(Problem::new("expected one reference and nothing else")
                .hint("write each reference on a line of its own")),
        })
    }
}

fn read<'t>(text: &'t str, at: Place, to: Resolve<'_>) -> Result<Option<Template<'t>>, Problem> {
    let mut parts = vec![];
    let (mut said, mut searched, mut mine) = (0, 0, false);
    while let Some(token) = next(text, searched, to)? {
        mine = true;
        push_literal(&mut parts, cut(text, said, token.start));
        searched = token.end;
        match token.kind {
            Kind::Escape => said = token.start + 1,
            Kind::Reference { scheme, body } => {
                said = token.end;
                if token.start > 0 {
                    ends_clearly(body)?;
                }
                let address = resolve(scheme, body, false, to)?;
                if token.start == 0 && token.end == text.len() {
                    return Ok(Some(Template::reference(at, address)));
                }
                parts.push(Part::Reference(Reference { place: at, address, lookup: None }));
            }
        }
    }
    push_literal(&mut parts, cut(text, said, text.len()));
    Ok(mine.then_some(Template::of(parts)))
}

fn push_literal<'t>(parts: &mut Vec<Part<'t>>, text: &'t str) {
    if !text.is_empty() {
        parts.push(Part::Literal(Opaque(Cow::Borrowed(text.as_bytes()))));
    }
}

/// Something of ours in a text, from `start` to `end`.
struct Token<'t> {
    start: usize,
    end: usize,
    kind: Kind<'t>,
}

enum Kind<'t> {
    /// `\ref+`: the backslash goes, the rest is text.
    Escape,
    Reference {
        scheme: &'t str,
        body: &'t str,
    },
}

/// The next thing of ours at or behind `from`.
fn next<'t>(text: &'t str, from: usize, to: Resolve<'_>) -> Result<Option<Token<'t>>, Problem> {
    let mut search = from;
    while let Some(found) = MARKERS.find(cut(text, search, text.len()).as_bytes()) {
        let marker = search + found;
        let behind = marker + MARKER.len();
        let before = cut(text, from, marker);
        let start = marker - if before.ends_with("secret") { "secret".len() } else { 0 };
        let rest = cut(text, behind, text.len());
        let escaped = cut(text, from, start).ends_with('\\');
        if escaped && !matches!(head(rest, to), Ok(None)) {
            return Ok(Some(Token { start: start - 1, end: behind, kind: Kind::Escape }));
        }
        match head(rest, to)? {
            Some(scheme) => {
                let first = behind + scheme.len() + "://".len();
                let (body, tail) = body(cut(text, first, text.len()), to)?;
                let end = first + body.len() + usize::from(tail.starts_with('+'));
                return Ok(Some(Token { start, end, kind: Kind::Reference { scheme, body } }));
            }
            None => search = behind,
        }
    }
    Ok(None)
}

/// The scheme, where a reference begins; an error where one was nearly written.
fn head<'t>(rest: &'t str, to: Resolve<'_>) -> Result<Option<&'t str>, Problem> {
    let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (scheme, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
    if behind.starts_with("://") && !scheme.is_empty() {
        return Ok(Some(scheme));
    }
    // A typo must never ship as text; a plain `ref+` in a sentence is none.
    let near = ["//", ":/", ":", "/"].iter().any(|start| behind.starts_with(start))
        || behind.trim_start_matches(' ').starts_with("://");
    if scheme.is_empty() {
        let word = behind.trim_start_matches(' ').split_once("://").map(|(word, _)| word);
        if let Some(word) = word.filter(|word| (to.known)(word)) {
            return Err(Problem::new("a space stands behind \"ref+\"")
                .hint(format!("write ref+{word}://..., or \\ref+ where it is meant as text")));
        }
    }
    if near && (to.known)(scheme) {
        return Err(Problem::new(format!("\"ref+{scheme}\" is not followed by \"://\""))
            .hint(format!("write ref+{scheme}://..., or \\ref+ where it is meant as text")));
    }
    Ok(None)
}

/// What stands before and behind the end mark, white space, or the end of the text. A control is refused with the path
/// it hides in.
fn body<'t>(text: &'t str, to: Resolve<'_>) -> Result<(&'t str, &'t str), Problem> {
    // Almost all of them are plain to their end, and then no byte is looked at twice.
    let is_plain = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'#' | b'-' | b'.' | b'/' | b'_');
    let plain = text.bytes().take_while(is_plain).count();
    let rest = cut(text, plain, text.len());
    let ends = |c: char| c == '+' || c.is_whitespace();
    let end = plain + rest.find(ends).unwrap_or(rest.len());
    let (body, tail) = (cut(text, 0, end), cut(text, end, text.len()));
    not_nested(body, tail, to)?;
    strange(cut(body, plain, end))?;
    Ok((body, tail))
}

/// vals resolves references inside references; a translator cannot.
fn not_nested(body: &str, tail: &str, to: Resolve<'_>) -> Result<(), Problem> {
    let follows = tail.strip_prefix('+').is_some_and(|rest| matches!(head(rest, to), Ok(Some(_))));
    if follows && body.ends_with("ref") {
        return Err(
            Problem::new("a reference runs into the next one").hint("put the end mark \"+\" behind the first one")
        );
    }
    Ok(())
}

/// Where a sign stands that is in no reference, an end mark was probably forgotten.
fn strange(body: &str) -> Result<(), Problem> {
    const STRANGE: [char; 14] = [',', '"', '\'', '<', '>', ';', '`', '|', '\\', '^', '(', ')', '[', ']'];
    match body.matches(STRANGE).next() {
        None => Ok(()),
        Some(sign) => Err(Problem::new(format!("the reference has no end mark before {sign:?}"))
            .hint("put the end mark \"+\" behind the reference")),
    }
}

/// Behind other text (`postgres://u:ref+...#/p@host`) an `@` is where a forgotten end mark shows.
fn ends_clearly(body: &str) -> Result<(), Problem> {
    if body.contains('@') {
        return Err(Problem::new("the reference has no end mark before \"@\"")
            .hint("put the end mark \"+\" behind the reference, or write %40 where it belongs to it"));
    }
    Ok(())
}

fn resolve<'t>(scheme: &str, body: &'t str, whole: bool, to: Resolve<'_>) -> Result<Address<'t>, Problem> {
    if body.len() > limits::PATH {
        return Err(Problem::new("the reference is longer than any path can be")
            .hint("put the end mark \"+\" behind the reference"));
    }
    let (front, fragment) = match split(body, b'#') {
        None => (body, None),
        Some((front, fragment)) => (front, Some(step_text(fragment)?)),
    };
    let (path, query) = split(front, b'?').unwrap_or((front, ""));
    let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(parameter);
    let raw = Raw { path: decoded(path)?, parameters: parameters.collect::<Result<_, _>>()?, fragment, whole };
    (to.address)(scheme, raw)
}

fn step_text(fragment: &str) -> Result<Cow<'_, str>, Problem> {
    if split(fragment, b'#').is_some() {
        return Err(Problem::new("the reference has two \"#\"").hint("write %23 for one that belongs to a key"));
    }
    let steps = fragment.strip_prefix('/').unwrap_or(fragment);
    if steps.is_empty() {
        return Err(
            Problem::new("the reference has no key after \"#\"").hint("write it as ref+vault://kv/shop/db#/password")
        );
    }
    if steps.as_bytes().split(|sign| *sign == b'/').any(<[u8]>::is_empty) {
        return Err(Problem::new("a step of the key after \"#\" is empty").hint("write one slash between steps: #/a/b"));
    }
    decoded(steps)
}

fn parameter(pair: &str) -> Result<(Cow<'_, str>, Cow<'_, str>), Problem> {
    let (name, value) = pair
        .split_once('=')
        .ok_or_else(|| Problem::new("a parameter has no value").hint("write ?name=value, joined by \"&\""))?;
    Ok((decoded(name)?, decoded(value)?))
}

/// Percent-decoding (RFC 3986, 2.1). An encoded slash would hide a segment from every rule about paths.
fn decoded(text: &str) -> Result<Cow<'_, str>, Problem> {
    if memchr::memchr(b'%', text.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let wrong = || {
        Problem::new("a percent escape in the reference is not two hex digits of a letter that may be escaped")
            .hint("write %25 for a percent sign; a slash, a dot or a control cannot be escaped")
    };
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or_else(wrong)?;
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| plain).ok_or_else(wrong)?;
        if byte.is_ascii_control() || matches!(byte, b'/' | b'.' | b'\\') {
            return Err(wrong());
        }
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| wrong())
}

/// What stands before and behind the first sign of a kind.
fn split(text: &str, sign: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(sign, text.as_bytes())?;
    Some((cut(text, 0, at), cut(text, at + 1, text.len())))
}

/// A slice at offsets that were found by searching, and so are character boundaries.
fn cut(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}
