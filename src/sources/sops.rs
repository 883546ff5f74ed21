//! SOPS files. They are parsed and planned here; reading them is not built yet and is refused by name.

use super::{Becomes, Facts, Source};
use crate::error::Problem;
use crate::model::{Address, Raw, Scheme};

pub(super) struct Sops;

static FACTS: [Facts; 1] = [Facts {
    scheme: "sops",
    path: "FILE",
    property: "#/a/b",
    parameters: &["format"],
    providers: &[],
    becomes: Becomes::Sealed,
}];

impl Source for Sops {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        raw.normal(Scheme(facts.scheme))
    }
}
