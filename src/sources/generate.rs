//! Values that are made in the cluster, by a generator of External Secrets, once.
//! The fields: `apis/generators/v1alpha1` of external-secrets; what its generators refuse: `generators/v1/password`
//! (`go-password` of sethvargo) and `generators/v1/sshkey`.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::{Becomes, Facts, Source, without_property};
use crate::error::Problem;
use crate::model::{Address, Generator, Raw, Reach, Scheme, StoreSpec};
use crate::yaml::Value;

pub(super) struct Generate;

static FACTS: [Facts; 1] = [Facts {
    scheme: "generate",
    path: "password, uuid or sshkey",
    property: "#/privateKey or publicKey",
    parameters: &[
        "length",
        "digits",
        "symbols",
        "symbolCharacters",
        "noUpper",
        "allowRepeat",
        "type",
        "size",
        "comment",
    ],
    providers: &[],
    becomes: Becomes::Generated,
}];

const PASSWORD: [&str; 6] = ["length", "digits", "symbols", "symbolCharacters", "noUpper", "allowRepeat"];
const SSH_KEY: [&str; 3] = ["type", "size", "comment"];

impl Source for Generate {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        let whole = raw.whole;
        let address = raw.normal(Scheme(facts.scheme))?;
        let taken: &[&str] = match &*address.path {
            "password" => &PASSWORD,
            "sshkey" => &SSH_KEY,
            "uuid" => &[],
            _ => {
                return Err(Problem::new("what is to be generated has no such name")
                    .hint("write ref+generate://password, ref+generate://uuid or ref+generate://sshkey#/privateKey"));
            }
        };
        if whole {
            return Err(Problem::new("what is generated is one value, and no whole secret")
                .hint("write the reference as the value of a key"));
        }
        if let Some((name, _)) = address.parameters.iter().find(|(name, _)| !taken.contains(&&**name)) {
            let hint =
                if taken.is_empty() { "leave it out".to_owned() } else { format!("it takes: {}", taken.join(", ")) };
            return Err(Problem::new(format!("{} takes no parameter \"{name}\"", address.path)).hint(hint));
        }
        match &*address.path {
            "password" => password(&address).map(drop)?,
            "sshkey" => {
                ssh_key(&address).map(drop)?;
                if !matches!(address.property.as_deref(), Some("privateKey" | "publicKey")) {
                    return Err(Problem::new("a pair of SSH keys has two parts, and the reference names neither")
                        .hint("write ref+generate://sshkey#/privateKey or ref+generate://sshkey#/publicKey"));
                }
                return Ok(address);
            }
            _ => {}
        }
        without_property(address)
    }

    /// Whatever is generated, it leads nowhere.
    fn reach(&self, address: &Address) -> Reach {
        Reach { turns: vec![], ..Reach::of(address) }
    }

    fn generator(
        &self,
        address: &Address,
        _: Option<&StoreSpec>,
        _: Option<&str>,
    ) -> Option<Result<Generator, Problem>> {
        let once = |kind, output: &str, shared: Option<&str>, spec| Generator {
            kind,
            spec,
            output: output.to_owned(),
            shared: shared.map(str::to_owned),
            again: false,
            store: None,
        };
        Some(match &*address.path {
            "password" => password(address).map(|spec| once("Password", "password", None, spec)),
            "uuid" => Ok(once("UUID", "uuid", None, Value::Map(vec![]))),
            _ => {
                let output = address.property.as_deref().unwrap_or_default();
                ssh_key(address).map(|spec| once("SSHKey", output, Some("sshkey"), spec))
            }
        })
    }
}

/// External Secrets' own default.
const DEFAULT_LENGTH: u32 = 24;

/// What it takes for symbols, unless others are named.
const SYMBOLS: &str = "~!@#$%^&*()_+`-={}|[]\\:\"<>?,./";

/// `spec` of a Password. Without `allowRepeat` a generator refuses lengths above the number of letters there are, so
/// letters may repeat unless somebody says otherwise.
fn password(address: &Address) -> Result<Value<'static>, Problem> {
    let number = |name| number(address, name, 0..=1024);
    let (digits, symbols) = (number("digits")?, number("symbols")?);
    let length = self::number(address, "length", 1..=1024)?.unwrap_or(DEFAULT_LENGTH);
    let (no_upper, repeat) =
        (truth(address, "noUpper")?.unwrap_or(false), truth(address, "allowRepeat")?.unwrap_or(true));
    let characters = address.parameter("symbolCharacters");
    // What is not said is a quarter of the length.
    let (some_digits, some_symbols) = (digits.unwrap_or(length / 4), symbols.unwrap_or(length / 4));
    let Some(letters) = length.checked_sub(some_digits + some_symbols) else {
        return Err(Problem::new("digits and symbols are more than the length").hint(
            "length counts all letters, digits and symbols; each of these is a quarter of it unless it is said",
        ));
    };
    let kinds = u32::try_from(characters.unwrap_or(SYMBOLS).chars().count()).unwrap_or(u32::MAX);
    let most_letters = if no_upper { 26 } else { 52 };
    if !repeat && (letters > most_letters || some_digits > 10 || some_symbols > kinds) {
        let hint = format!("there are {most_letters} letters, 10 digits and {kinds} symbols; or leave out allowRepeat");
        return Err(Problem::new("without repeats there are not so many letters, digits or symbols").hint(hint));
    }
    let count = |name: &'static str, count: Option<u32>| count.map(|count| (name, Value::int(count.into())));
    let entries = [
        Some(("allowRepeat", Value::Bool(repeat))),
        count("digits", digits),
        count("length", Some(length)),
        Some(("noUpper", Value::Bool(no_upper))),
        characters.map(|characters| ("symbolCharacters", Value::text(characters.to_owned()))),
        count("symbols", symbols),
    ];
    Ok(Value::map(entries.into_iter().flatten()))
}

/// `spec` of an SSHKey: Ed25519, as `ssh-keygen` makes them, unless another type is named.
fn ssh_key(address: &Address) -> Result<Value<'static>, Problem> {
    let kind = address.parameter("type").unwrap_or("ed25519");
    let size = match kind {
        "rsa" => number(address, "size", 2048..=8192)?,
        "ecdsa" => number(address, "size", 256..=521)?.filter(|size| matches!(size, 256 | 384 | 521)),
        "ed25519" => None,
        _ => {
            return Err(Problem::new("\"type\" is none of SSH that is generated").hint("write rsa, ecdsa or ed25519"));
        }
    };
    if size.is_none() && address.parameter("size").is_some() {
        return Err(Problem::new(format!("a key of type {kind} has no such size"))
            .hint("rsa takes 2048 to 8192, ecdsa 256, 384 or 521, ed25519 none"));
    }
    let text = |name: &str| address.parameter(name).map(|text| Value::text(text.to_owned()));
    let entries: [(Cow<str>, Option<Value>); 3] = [
        ("comment".into(), text("comment")),
        ("keySize".into(), size.map(|size| Value::int(size.into()))),
        ("keyType".into(), Some(Value::text(kind.to_owned()))),
    ];
    Ok(Value::map(entries.into_iter().filter_map(|(name, value)| Some((name, value?)))))
}

fn number(address: &Address, name: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, Problem> {
    let Some(text) = address.parameter(name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(Problem::new(format!("\"{name}\" is not a number up to {}", range.end())).hint(format!(
            "write one from {} to {}",
            range.start(),
            range.end()
        ))),
    }
}

fn truth(address: &Address, name: &str) -> Result<Option<bool>, Problem> {
    let Some(text) = address.parameter(name) else {
        return Ok(None);
    };
    let said = text.parse().map_err(|_| Problem::new(format!("\"{name}\" is neither true nor false")));
    said.map(Some).map_err(|problem| problem.hint(format!("write {name}=true")))
}
