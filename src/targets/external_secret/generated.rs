//! Generators: objects of their own, which an ExternalSecret names in `dataFrom`.
//!
//! What is made once is never made anew by an edit: the controller looks at the status of the ExternalSecret alone
//! (`shouldRefresh` in `pkg/controllers/externalsecret`). A new one, after a restore, say, would be another value, were
//! the Secret not immutable.

use crate::error::Problem;
use crate::limits;
use crate::model::{Generator, Item, Lookup, Provision, Reference};
use crate::yaml::Value;

pub(super) const GENERATORS: &str = "generators.external-secrets.io/v1alpha1";

/// One generator, and what its values are called in the Secret or in its template.
pub(super) struct Run<'p> {
    pub(super) name: String,
    pub(super) generator: &'p Generator,
    /// From the name that the generator gives to ours.
    renames: Vec<(&'p str, String)>,
}

impl<'p> Run<'p> {
    /// Takes a value out of a run of the generator, which is a new one unless another key has asked it before.
    pub(super) fn take(
        runs: &mut Vec<Self>,
        (secret, item): (&str, &Item),
        generator: &'p Generator,
        as_key: String,
    ) -> Result<(), Problem> {
        let name = format!("{secret}-{}", part_of_name(generator.shared.as_deref().unwrap_or(&item.key)));
        if name.len() > limits::NAME {
            return Err(Problem::new(format!("the name of the generator for \"{}\" would be too long", item.key))
                .hint("it is the name of the Secret with the key or the path behind it; shorten one of them"));
        }
        let renamed = (generator.output.as_str(), as_key);
        let same = |run: &&mut Self| run.name == name && run.generator.spec == generator.spec;
        match runs.iter_mut().find(same).filter(|_| generator.shared.is_some()) {
            Some(run) => run.renames.push(renamed),
            None => runs.push(Self { name, generator, renames: vec![renamed] }),
        }
        Ok(())
    }

    /// The entry of `dataFrom`.
    pub(super) fn entry(&self) -> Value<'p> {
        let generator_ref = Value::map([
            ("apiVersion", Value::text(GENERATORS)),
            ("kind", Value::text(self.generator.kind)),
            ("name", Value::text(self.name.clone())),
        ]);
        let rename = |(output, key): &(&str, String)| {
            let entries = [("source", format!("^{output}$")), ("target", key.clone())];
            Value::map([("regexp", Value::map(entries.map(|(name, text)| (name, Value::text(text)))))])
        };
        Value::map([
            ("rewrite", Value::List(self.renames.iter().map(rename).collect())),
            ("sourceRef", Value::map([("generatorRef", generator_ref)])),
        ])
    }
}

/// The generator that makes the value of a reference.
pub(super) fn generator<'a>(reference: &'a Reference) -> Option<&'a Generator> {
    match &reference.lookup {
        Some(Lookup::Generated(generator)) => Some(generator),
        Some(Lookup::Remote(..)) | None => None,
    }
}

/// What is made once must not stand with what is fetched, or made, again and again.
pub(super) fn together(provision: &Provision) -> Result<(), Problem> {
    let again = |reference| generator(reference).map(|generator| generator.again);
    let mut kinds = provision.references().map(again);
    let first = kinds.next();
    match kinds.find(|kind| Some(*kind) != first).and(first) {
        None => Ok(()),
        Some(_) if provision.references().any(|reference| again(reference) == Some(false)) => {
            Err(Problem::new("generated values stand in a Secret with other values")
                .hint("give them a Secret of their own: they are made once, the others are fetched again and again"))
        }
        Some(_) => Err(Problem::new("values that are made again and again stand in a Secret with fetched ones")
            .hint("give them a Secret of their own: whenever the others are fetched, new ones would be made")),
    }
}

/// A key or a path may hold letters that a name may not: `db` and `ADMIN_PASSWORD` give `db-admin-password`.
fn part_of_name(text: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }
    };
    let text: String = text.chars().map(letter).collect();
    match text.trim_matches('-') {
        "" => "value".to_owned(),
        text => text.to_owned(),
    }
}
