//! Values that are made in the cluster, by a generator of External Secrets, once.

use std::borrow::Cow;

use super::{Becomes, Facts, Source, shape, without_property};
use crate::error::Problem;
use crate::model::{Address, Generator, Raw, Scheme};
use crate::yaml::Value;

pub(super) struct Generate;

static FACTS: [Facts; 1] = [Facts {
    scheme: "generate",
    path: "password or uuid",
    property: "",
    parameters: &["length", "digits", "symbols"],
    providers: &[],
    becomes: Becomes::Generated,
}];

impl Source for Generate {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let address = without_property(raw.normal(Scheme(facts.scheme))?)?;
        match &*address.path {
            "password" => {}
            "uuid" if address.parameters.is_empty() => return Ok(address),
            "uuid" => return Err(Problem::new("a uuid takes no parameters").hint("leave them out")),
            _ => return Err(shape(facts)),
        }
        let number = |name| number(&address, name);
        let (length, digits, symbols) = (number("length")?, number("digits")?, number("symbols")?);
        if digits.unwrap_or(0) + symbols.unwrap_or(0) > length.unwrap_or(DEFAULT_LENGTH) {
            return Err(Problem::new("digits and symbols are more than the length")
                .hint("length counts all letters, digits and symbols"));
        }
        Ok(address)
    }

    fn generator(&self, address: &Address) -> Option<Result<Generator, Problem>> {
        let (kind, output) = match &*address.path {
            "uuid" => ("UUID", "uuid"),
            _ => ("Password", "password"),
        };
        Some(spec(address).map(|spec| Generator { kind, spec, output }))
    }
}

/// External Secrets' own default.
const DEFAULT_LENGTH: u32 = 24;

fn spec(address: &Address) -> Result<Value<'static>, Problem> {
    if &*address.path == "uuid" {
        return Ok(Value::Map(vec![]));
    }
    let mut entries: Vec<(Cow<str>, Value)> = vec![];
    for name in ["digits", "symbols"] {
        if let Some(count) = number(address, name)? {
            entries.push((name.into(), Value::int(count.into())));
        }
    }
    let length = number(address, "length")?.unwrap_or(DEFAULT_LENGTH);
    entries.push(("length".into(), Value::int(length.into())));
    entries.push(("noUpper".into(), Value::Bool(false)));
    // Without it a generator refuses lengths above the number of letters there are.
    entries.push(("allowRepeat".into(), Value::Bool(true)));
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Value::Map(entries))
}

fn number(address: &Address, name: &str) -> Result<Option<u32>, Problem> {
    let Some(text) = address.parameter(name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if number <= 1024 && (number > 0 || name != "length") => Ok(Some(number)),
        _ => Err(Problem::new(format!("\"{name}\" is not a number up to 1024")).hint(format!("write ?{name}=32"))),
    }
}
