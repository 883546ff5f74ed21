//! How a reference can be written. A grammar turns text into a [`Template`]; from there on nobody knows
//! which grammar it was.
//!
//! A new grammar is one file here and two lines in this one.

mod uri;

use crate::error::Problem;
use crate::model::{Address, Place, Raw, Template};

/// What a grammar may ask of the sources.
#[derive(Clone, Copy)]
pub struct Resolve<'r> {
    /// Is there a source for this scheme?
    pub known: &'r dyn Fn(&str) -> bool,
    /// The normal form of an address: scheme and pieces in, address out.
    pub address: &'r dyn for<'t> Fn(&str, Raw<'t>) -> Result<Address<'t>, Problem>,
}

/// One way of writing references.
pub trait Grammar: Sync {
    /// Its name in settings and messages.
    fn name(&self) -> &'static str;

    /// What a text must hold for this grammar to be worth asking; the markers of the stream.
    fn marker(&self) -> &'static str;

    /// Reads a text; None where nothing in it is, or nearly is, a reference of this grammar.
    fn read<'t>(&self, text: &'t str, at: Place, to: Resolve<'_>) -> Option<Result<Template<'t>, Problem>>;

    /// Reads a text that must be one reference and nothing else, asking for a secret as a whole.
    fn whole<'t>(&self, text: &'t str, to: Resolve<'_>) -> Option<Result<Address<'t>, Problem>>;
}

/// All grammars, the first that finds something wins.
pub static GRAMMARS: &[&dyn Grammar] = &[&uri::Uri];
