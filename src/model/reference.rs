//! A reference to a secret: an address in normal form, and the template of text around it.
//!
//! From here on nobody knows which grammar it was written in, except messages.

use std::borrow::Cow;
use std::fmt;

use super::{Place, StoreRef};
use crate::error::Problem;
use crate::yaml::Value;

/// The name of a scheme as the registry of sources has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scheme(pub &'static str);

/// Text of a manifest, presumed secret: no `Debug`, `Display` or `Serialize`.
pub struct Opaque<'s>(pub Cow<'s, [u8]>);

impl Opaque<'_> {
    /// The text, where it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

/// What a grammar has cut a reference into, before a source has looked at it.
pub struct Raw<'t> {
    /// The path, percent-decoded.
    pub path: Cow<'t, str>,
    /// `name=value` pairs, percent-decoded, as written.
    pub parameters: Vec<(Cow<'t, str>, Cow<'t, str>)>,
    /// What stands behind `#`, without a leading slash.
    pub fragment: Option<Cow<'t, str>>,
    /// True where the whole secret is asked for, every property of it.
    pub whole: bool,
}

/// A reference in normal form: what a policy judges is what is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address<'t> {
    /// Where it leads.
    pub scheme: Scheme,
    /// The path: no `..`, no empty segments.
    pub path: Cow<'t, str>,
    /// Which part of the secret: steps joined by `/`. None: all of it.
    pub property: Option<Cow<'t, str>>,
    /// Sorted by name.
    pub parameters: Vec<(Cow<'t, str>, Cow<'t, str>)>,
}

impl Address<'_> {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The same address, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Address<'static> {
        let owned = |text: Cow<str>| Cow::Owned(text.into_owned());
        let pairs = self.parameters.into_iter();
        Address {
            scheme: self.scheme,
            path: owned(self.path),
            property: self.property.map(owned),
            parameters: pairs.map(|(name, value)| (owned(name), owned(value))).collect(),
        }
    }
}

/// `vault://kv/prod/db#/password`: addresses name secrets and are none.
impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.0, self.path)?;
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { '?' } else { '&' })?;
        }
        self.property.as_ref().map_or(Ok(()), |property| write!(f, "#/{property}"))
    }
}

/// What External Secrets is told to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `remoteRef.key`.
    pub key: String,
    /// `remoteRef.property`.
    pub property: Option<String>,
    /// `remoteRef.version`.
    pub version: Option<String>,
}

/// A generator object of External Secrets that makes values in the cluster.
pub struct Generator {
    /// `Password`, `UUID`.
    pub kind: &'static str,
    /// Its `spec`.
    pub spec: Value<'static>,
    /// The key under which it gives the value.
    pub output: String,
    /// What it is called behind the name of the Secret, where one run gives several values. None: each key of the
    /// Secret has a generator of its own, which gives nothing else.
    pub shared: Option<String>,
    /// Does it run at every refresh? Else it must run once.
    pub again: bool,
    /// The store whose server it asks, and as which it logs in.
    pub store: Option<StoreRef>,
}

/// What External Secrets does for a reference.
pub enum Lookup {
    /// Makes the value.
    Generated(Box<Generator>),
    /// Fetches it from the store with this number in the provision.
    Remote(usize, Remote),
}

/// One reference where it stands.
pub struct Reference<'t> {
    /// The value that holds it.
    pub place: Place,
    /// Where it leads.
    pub address: Address<'t>,
    /// What External Secrets does for it; set when it is planned.
    pub lookup: Option<Lookup>,
}

/// A piece of a template.
pub enum Part<'t> {
    /// A value to come, inside a text that is written as in JSON.
    Escaped(Reference<'t>),
    /// Text as it stands.
    Literal(Opaque<'t>),
    /// A value to come.
    Reference(Reference<'t>),
}

/// A text as it stands between the quotes of a JSON string, which YAML reads alike: what a YAML 1.1 reader would
/// take for a line end, or refuse, is escaped too.
#[must_use]
pub fn escaped(text: &str) -> String {
    // Room for the longest form of every byte: growing would leave a copy behind.
    let mut out = String::with_capacity(6 * text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

/// A value: text with references in it.
pub struct Template<'t>(pub Vec<Part<'t>>);

impl<'t> Template<'t> {
    /// Text, or bytes, without a reference.
    #[must_use]
    pub fn literal(bytes: Cow<'t, [u8]>) -> Self {
        Self(vec![Part::Literal(Opaque(bytes))])
    }

    /// One reference and nothing else.
    #[must_use]
    pub fn reference(place: Place, address: Address<'t>) -> Self {
        Self(vec![Part::Reference(Reference { place, address, lookup: None })])
    }

    /// The references, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference<'t>> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Escaped(reference) | Part::Reference(reference) => Some(reference),
        })
    }

    /// The references, in order, to be planned.
    pub fn references_mut(&mut self) -> impl Iterator<Item = &mut Reference<'t>> {
        self.0.iter_mut().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Escaped(reference) | Part::Reference(reference) => Some(reference),
        })
    }

    /// The literal pieces, in order.
    pub fn literals(&self) -> impl Iterator<Item = &Opaque<'t>> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text),
            Part::Escaped(_) | Part::Reference(_) => None,
        })
    }

    /// True where no reference is in it.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.references().next().is_none()
    }

    /// The reference, where the value is one and nothing else.
    #[must_use]
    pub fn single(&self) -> Option<&Reference<'t>> {
        match self.0.as_slice() {
            [Part::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The same template, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Template<'static> {
        let owned = |Reference { place, address, lookup }| Reference { place, address: address.into_owned(), lookup };
        let own = |part| match part {
            Part::Escaped(reference) => Part::Escaped(owned(reference)),
            Part::Literal(Opaque(bytes)) => Part::Literal(Opaque(Cow::Owned(bytes.into_owned()))),
            Part::Reference(reference) => Part::Reference(owned(reference)),
        };
        Template(self.0.into_iter().map(own).collect())
    }
}

impl Raw<'static> {
    /// What External Secrets is told to fetch, under the path that its store makes of the key.
    #[must_use]
    pub fn of_remote(path: String, remote: &Remote) -> Self {
        let fragment = remote.property.clone().map(Cow::Owned);
        Self { path: path.into(), parameters: vec![], whole: fragment.is_none(), fragment }
    }
}

impl<'t> Raw<'t> {
    /// The normal form, where there is one: what `..`, an empty segment or a control could hide from a
    /// rule about paths is refused here, for every grammar.
    pub fn normal(self, scheme: Scheme) -> Result<Address<'t>, Problem> {
        let name = scheme.0;
        let wrong = |what: &str, hint: &str| Err(Problem::new(what).hint(hint.to_owned()));
        if self.path.is_empty() {
            return wrong("the reference has no path", &format!("write ref+{name}://PATH"));
        }
        let segments = || self.path.as_bytes().split(|sign| *sign == b'/');
        if segments().any(<[u8]>::is_empty) {
            return wrong("a segment of the path is empty", "write one slash between segments, none at the ends");
        }
        if segments().any(|segment| segment == b".." || segment == b".") {
            return wrong("the path has a \"..\" or \".\" in it", "write the path from its beginning");
        }
        let pairs = self.parameters.iter().flat_map(|(name, value)| [name, value]);
        if pairs.chain([&self.path]).chain(&self.fragment).any(|text| hides(text)) {
            return wrong("the reference has a control, a backslash or an invisible letter in it", "leave it out");
        }
        let mut parameters = self.parameters;
        parameters.sort();
        if parameters.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            return wrong("a parameter is given twice", "keep one of them");
        }
        Ok(Address { scheme, path: self.path, property: self.fragment, parameters })
    }
}

/// True where a text holds what a reader of a message or a log would not see.
fn hides(text: &str) -> bool {
    // Almost every text is plain ASCII, all of whose bytes are judged at once.
    let is_plain = text.bytes().fold(true, |plain, c| plain & matches!(c, b' '..=b'[' | b']'..=b'~'));
    !is_plain && text.chars().any(hidden)
}

fn hidden(c: char) -> bool {
    c.is_control()
        || c == '\\'
        || c.is_whitespace() && c != ' '
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
