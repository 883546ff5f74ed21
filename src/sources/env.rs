//! Environment variables whose names the operator has allowed.

use super::whole::single;
use super::{Becomes, Facts, Fetch, Source, shape, without_property};
use crate::error::Problem;
use crate::model::{Address, Ask, Payload, Raw, Scheme, Wire};

pub(super) struct Env;

static FACTS: [Facts; 1] =
    [Facts { scheme: "env", path: "NAME", property: "", parameters: &[], providers: &[], becomes: Becomes::Sealed }];

impl Source for Env {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let address = without_property(raw.normal(Scheme(facts.scheme))?)?;
        if address.path.contains(['/', '=', ' ']) { Err(shape(facts)) } else { Ok(address) }
    }

    fn variable<'a>(&self, address: &'a Address) -> Option<&'a str> {
        Some(&address.path)
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        Some(self)
    }
}

impl Fetch for Env {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        let asks = wanted.iter().map(|address| Ask::Environment(address.path.to_string())).collect();
        let replies = wire.ask_all(asks).into_iter().zip(wanted);
        replies.map(|(reply, address)| single(address).and(reply.map(|reply| Payload::new(reply.bytes)))).collect()
    }
}
