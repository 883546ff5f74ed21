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

    /// Does it lead to another part of the same secret, or to the same part?
    #[must_use]
    pub fn is_of_same_secret(&self, other: &Address) -> bool {
        self.scheme == other.scheme && self.path == other.path && self.parameters == other.parameters
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
pub struct Remote<'t> {
    /// `remoteRef.key`.
    pub key: Cow<'t, str>,
    /// `remoteRef.property`.
    pub property: Option<Cow<'t, str>>,
    /// `remoteRef.version`.
    pub version: Option<Cow<'t, str>>,
}

impl<'t> Remote<'t> {
    /// A secret, or a property of it, in its newest version.
    #[must_use]
    pub fn of(key: &'t str, property: Option<&'t str>) -> Self {
        Self { key: key.into(), property: property.map(Into::into), version: None }
    }
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
pub enum Lookup<'t> {
    /// Makes the value.
    Generated(Box<Generator>),
    /// Fetches it from the store with this number in the provision.
    Remote(usize, Remote<'t>),
}

/// One reference where it stands.
pub struct Reference<'t> {
    /// The value that holds it.
    pub place: Place,
    /// Where it leads.
    pub address: Address<'t>,
    /// What External Secrets does for it; set when it is planned.
    pub lookup: Option<Lookup<'t>>,
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
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

/// A value: text with references in it.
pub struct Template<'t>(Parts<'t>);

/// Almost every value is one reference or one text, which stands in its place without a list around it.
enum Parts<'t> {
    One(Part<'t>),
    Several(Vec<Part<'t>>),
}

impl<'t> Template<'t> {
    /// Text, or bytes, as they stand.
    #[must_use]
    pub fn literal(bytes: Cow<'t, [u8]>) -> Self {
        Self(Parts::One(Part::Literal(Opaque(bytes))))
    }

    /// One reference and nothing else.
    #[must_use]
    pub fn reference(place: Place, address: Address<'t>) -> Self {
        Self(Parts::One(Part::Reference(Reference { place, address, lookup: None })))
    }

    /// What a grammar has read, in order.
    #[must_use]
    pub fn of(parts: Vec<Part<'t>>) -> Self {
        Self(Parts::Several(parts))
    }

    /// The pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part<'t>] {
        match &self.0 {
            Parts::One(part) => std::slice::from_ref(part),
            Parts::Several(parts) => parts,
        }
    }

    /// The same, given away.
    #[must_use]
    pub fn into_parts(self) -> Vec<Part<'t>> {
        match self.0 {
            Parts::One(part) => vec![part],
            Parts::Several(parts) => parts,
        }
    }

    /// The references, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference<'t>> {
        self.parts().iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Escaped(reference) | Part::Reference(reference) => Some(reference),
        })
    }

    /// The references, in order, to be planned.
    pub fn references_mut(&mut self) -> impl Iterator<Item = &mut Reference<'t>> {
        let parts = match &mut self.0 {
            Parts::One(part) => std::slice::from_mut(part),
            Parts::Several(parts) => parts,
        };
        parts.iter_mut().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Escaped(reference) | Part::Reference(reference) => Some(reference),
        })
    }

    /// The literal pieces, in order.
    pub fn literals(&self) -> impl Iterator<Item = &Opaque<'t>> {
        self.parts().iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text),
            Part::Escaped(_) | Part::Reference(_) => None,
        })
    }

    /// True where a grammar has read it: it holds references, or text that has lost the mark of an escape.
    #[must_use]
    pub fn is_read(&self) -> bool {
        !matches!(self.0, Parts::One(Part::Literal(_)))
    }

    /// True where no reference is in it.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.references().next().is_none()
    }

    /// The reference, where the value is one and nothing else.
    #[must_use]
    pub fn single(&self) -> Option<&Reference<'t>> {
        match self.parts() {
            [Part::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The same template, borrowing nothing; made before it is planned.
    #[must_use]
    pub fn into_owned(self) -> Template<'static> {
        let owned = |Reference { place, address, .. }| Reference { place, address: address.into_owned(), lookup: None };
        let own = |part| match part {
            Part::Escaped(reference) => Part::Escaped(owned(reference)),
            Part::Literal(Opaque(bytes)) => Part::Literal(Opaque(Cow::Owned(bytes.into_owned()))),
            Part::Reference(reference) => Part::Reference(owned(reference)),
        };
        Template(match self.0 {
            Parts::One(part) => Parts::One(own(part)),
            Parts::Several(parts) => Parts::Several(parts.into_iter().map(own).collect()),
        })
    }
}

impl Raw<'static> {
    /// What External Secrets is told to fetch, under the path that its store makes of the key.
    #[must_use]
    pub fn of_remote(path: String, remote: &Remote) -> Self {
        let fragment = remote.property.as_deref().map(|property| Cow::Owned(property.to_owned()));
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
        let mut segments = self.path.as_bytes().split(|sign| *sign == b'/');
        match segments.find(|segment| matches!(*segment, b"" | b"." | b"..")) {
            None => {}
            Some(b"") => {
                return wrong("a segment of the path is empty", "write one slash between segments, none at the ends");
            }
            Some(_) => return wrong("the path has a \"..\" or \".\" in it", "write the path from its beginning"),
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
