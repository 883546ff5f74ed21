//! Where values come from, and what each is called elsewhere. A source owns its parameters, its normal
//! form, which store fits, External Secrets' key, property and version, and how a value is fetched.
//!
//! A new source is one file here and two lines in this one; help, README tables and "did you mean"
//! follow the registry. No other room knows a scheme by name.

mod age;
mod answer;
mod aws;
mod azure;
mod configured;
mod doppler;
mod dynamic;
mod encrypted;
mod env;
mod file;
mod gcp;
mod generate;
mod gitlab;
mod kubernetes;
mod onepassword;
mod others;
#[cfg(feature = "pgp")]
mod pgp;
mod property;
mod refused;
pub mod sops;
mod vault;
mod whole;

pub(crate) use age::decrypt;
pub use configured::configured;
pub use encrypted::{
    ENCRYPTION, Encrypted, are_encrypted_lines, file_reference, is_encryption_metadata, is_within, listed, within,
};
pub use kubernetes::{Api, Who, certificate, create, found, sealing_keys};
pub use whole::{is_whole, key_of, whole};

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::error::{Problem, all_known, meant};
use crate::model::{
    Address, Generator, Identity, MasterKey, Payload, Raw, Reach, Remote, Scheme, StoreProvider, StoreSpec, Wire,
    Wrapped,
};
use crate::yaml::Tree;

/// What the tables say of one scheme.
#[derive(Debug)]
pub struct Facts {
    /// The name before `://`.
    pub scheme: &'static str,
    /// The shape of the path.
    pub path: &'static str,
    /// The shape of the property, empty where there is none.
    pub property: &'static str,
    /// The parameters that it takes; one that ends in `.*` stands for all that begin so.
    pub parameters: &'static [&'static str],
    /// The providers of a SecretStore that can stand for it, as `spec.provider` names them.
    pub providers: &'static [&'static str],
    /// What a reference of this scheme becomes.
    pub becomes: Becomes,
}

impl Facts {
    fn takes(&self, name: &str) -> bool {
        let begins = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
        self.parameters.iter().any(|known| known.strip_suffix('*').map_or(*known == name, begins))
    }
}

/// What a reference of a scheme becomes, unless the settings say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// An ExternalSecret of its own with a generator.
    Generated,
    /// Nothing: recognised, and refused by name.
    Refused,
    /// A value that is sealed; it is fetched while rendering.
    Sealed,
    /// An ExternalSecret; nothing is fetched.
    Translated,
}

/// All that is particular to a family of schemes.
pub trait Source: Sync {
    /// One line for each scheme.
    fn facts(&self) -> &'static [Facts];

    /// The normal form of what a grammar has cut.
    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem>;

    /// Does this provider lead to the address? Called only for providers that the facts name.
    fn fits(&self, _address: &Address, _provider: &StoreProvider) -> bool {
        false
    }

    /// Key, property and version as External Secrets wants them.
    fn remote<'t>(&self, address: &Address<'t>, _provider: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        Err(untranslatable(address.scheme))
    }

    /// The generator that stands for the address, for a Secret in this namespace. The store is one that fits, where the
    /// facts name providers.
    fn generator(
        &self,
        _address: &Address,
        _store: Option<&StoreSpec>,
        _namespace: Option<&str>,
    ) -> Option<Result<Generator, Problem>> {
        None
    }

    /// Where the address leads, as an operator grants it.
    fn reach(&self, address: &Address) -> Reach {
        Reach { variable: self.variable(address).map(str::to_owned), ..Reach::of(address) }
    }

    /// The address that a key leads to in a store with this provider: what [`Self::remote`] was made of.
    fn behind(&self, _provider: &StoreProvider, _remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
        None
    }

    /// The address that an object of another controller reads.
    fn read_by(&self, _identity: &Identity, _tree: &Tree) -> Option<Result<Address<'static>, Problem>> {
        None
    }

    /// What a policy may say of its server: a field, and the variable of the operator that it stands for. A field that
    /// ends in `.*` stands for a way to log in, of which the variable has the name.
    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The variables of the operator that are read under a policy too.
    fn ambient(&self) -> &'static [&'static str] {
        &[]
    }

    /// The environment variable that the address would read.
    fn variable<'a>(&self, _address: &'a Address) -> Option<&'a str> {
        None
    }

    /// None: this source can only be translated, or its feature is not compiled in.
    fn fetch(&self) -> Option<&dyn Fetch> {
        None
    }

    /// The Cargo feature that lets values be read. None: it needs none, or nothing is ever read.
    fn feature(&self) -> Option<&'static str> {
        None
    }

    /// How we show its server who we are, for the table in README; empty where nobody is asked.
    fn authentication(&self) -> &'static str {
        ""
    }
}

/// The part of a source that knows values.
pub trait Fetch: Sync {
    /// One answer for each address, in order.
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>>;

    /// Do its values come out of files that have keys of their own?
    fn gives_data_keys(&self) -> bool {
        false
    }

    /// Opens data keys that are under keys of this source; None where the key is another's.
    fn keys(&self, _key: &MasterKey) -> Option<&dyn Keys> {
        None
    }
}

/// The part of a source that holds keys over data keys.
pub trait Keys: Sync {
    /// Does the operator's own configuration lead to this key? Else it is granted by name.
    fn configured(&self, key: &MasterKey, wire: &mut dyn Wire) -> Result<bool, Problem>;

    /// The data key.
    fn unwrap(&self, wrapped: &Wrapped, wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem>;
}

/// Do the values of a scheme come with the keys of their files?
#[must_use]
pub fn gives_data_keys(scheme: &str) -> bool {
    find(scheme).and_then(|(source, _)| source.fetch()).is_some_and(Fetch::gives_data_keys)
}

/// The feature of a scheme that this build lacks.
#[must_use]
pub fn lacks(scheme: &str) -> Option<&'static str> {
    let (source, _) = find(scheme)?;
    if source.fetch().is_none() { source.feature() } else { None }
}

/// The source that holds this key, and who opens data keys that are under it. None: nobody, or it is not compiled in.
#[must_use]
pub fn holder(key: &MasterKey) -> Option<(&'static dyn Source, &'static dyn Keys)> {
    SOURCES.iter().find_map(|source| Some((*source, source.fetch()?.keys(key)?)))
}

/// The address that an object of another controller reads; None where nobody can tell.
#[must_use]
pub fn read_by(identity: &Identity, tree: &Tree) -> Option<Result<Address<'static>, Problem>> {
    SOURCES.iter().find_map(|source| source.read_by(identity, tree))
}

/// The address that a key leads to in a store; None where nobody can tell.
#[must_use]
pub fn behind(provider: &StoreProvider, remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
    let of =
        |source: &&&dyn Source| source.facts().iter().any(|facts| facts.providers.contains(&provider.kind.as_str()));
    SOURCES.iter().filter(of).find_map(|source| source.behind(provider, remote))
}

/// All sources, in the order of the tables.
pub static SOURCES: &[&dyn Source] = &[
    &vault::Vault,
    &aws::Aws,
    &gcp::Gcp,
    &azure::Azure,
    &kubernetes::Kubernetes,
    &onepassword::OnePassword,
    &doppler::Doppler,
    &gitlab::Gitlab,
    &others::Others,
    &sops::Sops,
    &file::File,
    &env::Env,
    &generate::Generate,
    &dynamic::Dynamic,
    &refused::Refused,
];

/// The source of a scheme, letters of either case being equal.
#[must_use]
pub fn find(scheme: &str) -> Option<(&'static dyn Source, &'static Facts)> {
    SOURCES.iter().find_map(|source| {
        let facts = source.facts().iter().find(|facts| facts.scheme.eq_ignore_ascii_case(scheme))?;
        Some((*source, facts))
    })
}

/// The first scheme of the source that a scheme belongs to: each source is asked once.
#[must_use]
pub fn family(scheme: &'static str) -> &'static str {
    let facts = find(scheme).and_then(|(source, _)| source.facts().first());
    facts.map_or(scheme, |facts| facts.scheme)
}

/// The facts of every scheme.
pub fn facts() -> impl Iterator<Item = &'static Facts> {
    SOURCES.iter().flat_map(|source| source.facts())
}

/// What a grammar asks: the normal form of a reference's pieces.
///
/// # Errors
/// An unknown scheme, with the nearest known one; a parameter that the scheme does not take; whatever
/// the source finds wrong.
pub fn resolve<'t>(scheme: &str, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
    let Some((source, facts)) = find(scheme) else {
        let known = facts().filter(|facts| facts.becomes != Becomes::Refused).map(|facts| facts.scheme);
        return Err(Problem::new(format!("no source is called \"{scheme}\"")).hint(meant(scheme, known, all_known)));
    };
    let taken = facts.becomes == Becomes::Refused;
    let strange = raw.parameters.iter().find(|(name, _)| !taken && !facts.takes(name));
    match strange {
        Some((name, _)) => Err(strange_parameter(facts, name)),
        None => source.address(facts, raw),
    }
}

fn strange_parameter(facts: &Facts, name: &str) -> Problem {
    let hint = meant(name, facts.parameters.iter().copied(), |all| match all {
        [] => "it takes none".to_owned(),
        all => format!("it takes: {}", all.join(", ")),
    });
    Problem::new(format!("{} takes no parameter \"{name}\"", facts.scheme)).hint(hint)
}

fn untranslatable(scheme: Scheme) -> Problem {
    Problem::new(format!("External Secrets has nothing that stands for {}", scheme.0))
        .hint("seal it: the annotation sealref.dev/target: SealedSecret on the Secret")
}

/// A text field of a provider equals what a reference asks for, where it asks for anything.
fn agrees(provider: &StoreProvider, field: &[&str], wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| provider.field(field) == Some(wanted))
}

/// Steps of a property as gjson reads them: joined by dots, dots within a step escaped.
fn gjson<'t>(property: Option<&Cow<'t, str>>) -> Option<Cow<'t, str>> {
    let property = property?;
    if !property.contains(['/', '.']) {
        return Some(property.clone());
    }
    let mut out = String::with_capacity(property.len());
    for letter in property.chars() {
        match letter {
            '/' => out.push('.'),
            '.' => out.push_str("\\."),
            other => out.push(other),
        }
    }
    Some(out.into())
}

/// Refuses a property for schemes whose secrets have none.
fn without_property(address: Address<'_>) -> Result<Address<'_>, Problem> {
    match address.property {
        None => Ok(address),
        Some(_) => Err(Problem::new(format!("{} has no keys inside a value", address.scheme.0))
            .hint("leave out what stands behind \"#\"")),
    }
}

/// Letters, digits and `plain` as they are, every other byte as `%XX` (RFC 3986, 2.1).
fn encoded(text: &str, plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The normal form of a reference to a file, which is never named from the top of the machine.
fn beneath<'t>(facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
    if raw.path.starts_with('/') {
        return Err(Problem::new("the path of a file is absolute")
            .hint("write it relative to the folder of the settings, or of the manifests where there are none"));
    }
    raw.normal(Scheme(facts.scheme))
}

fn shape(facts: &Facts) -> Problem {
    Problem::new(format!("a path of {} has another shape", facts.scheme))
        .hint(format!("write ref+{}://{}{}", facts.scheme, facts.path, facts.property))
}
