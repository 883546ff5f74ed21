//! `sealref keys verify`: can this backup open these files?

use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::key_json;
use crate::cli::Done;
use crate::cli::explain::Format;
use crate::cli::unsealing::{self, Unsealing};
use crate::error::{Problems, Quiet};
use crate::steps::unseal::{Controller, Verdict, verify};

/// Tell for each value of SealedSecrets which private key opens it; one that none opens fails the command
#[derive(Args)]
pub(super) struct Verify {
    /// Files, or folders with all that is in them
    #[arg(value_name = "FILE|DIR", required = true)]
    operands: Vec<PathBuf>,
    #[command(flatten)]
    unsealing: Unsealing,
    /// A file of age identities
    #[arg(short, long, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// The namespace of objects that write none
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Verify {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let controller = self.unsealing.controller(&mut unsealing::world(self.identity)?)?;
        let files = unsealing::read(&self.operands)?;
        crate::outside::process::work_along(files.iter().map(|(_, source)| source.text.len()).sum());
        let namespace = self.namespace.as_deref();
        let judged: Vec<_> = files.par_iter().map(|(_, source)| verify(source, &controller, namespace)).collect();
        let (mut problems, mut verdicts) = (Problems::default(), vec![]);
        for one in judged {
            verdicts.extend(problems.keep(one).unwrap_or_default());
        }
        let verdicts = problems.or(verdicts)?;
        if verdicts.is_empty() {
            return Err(unsealing::nothing().into());
        }
        let failed = verdicts.iter().any(|verdict| verdict.by.is_none());
        let answer = self.format.answer(|| as_json(&controller, &verdicts), || as_text(&controller, &verdicts));
        Ok(Done { failed, ..answer })
    }
}

fn count(verdicts: &[Verdict], by: Option<usize>) -> usize {
    verdicts.iter().filter(|verdict| verdict.by == by).count()
}

fn as_text(controller: &Controller, verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.by.is_none()) {
        text.push_str(&format!("does not open: {}\n", Quiet(&verdict.place.to_string())));
    }
    for (number, key) in controller.keys().iter().enumerate() {
        text.push_str(&format!("{}  opens {}\n", super::shown(key), count(verdicts, Some(number))));
    }
    let opened = verdicts.len() - count(verdicts, None);
    text + &format!("{opened} of {} values open\n", verdicts.len())
}

fn as_json(controller: &Controller, verdicts: &[Verdict]) -> Value {
    let name = |by: Option<usize>| by.and_then(|number| controller.keys().get(number)).map(|key| &key.name);
    let keys = controller.keys().iter().enumerate().map(|(number, key)| {
        let mut key = key_json(key);
        if let Some(fields) = key.as_object_mut() {
            fields.insert("opens".to_owned(), count(verdicts, Some(number)).into());
        }
        key
    });
    let values = verdicts.iter().map(|one| json!({ "place": one.place.to_string(), "key": name(one.by) }));
    json!({ "keys": keys.collect::<Vec<_>>(), "values": values.collect::<Vec<_>>() })
}
