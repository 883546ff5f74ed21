//! `sealref keys`: a sealing key of our own, and the private keys of controllers, which leave encrypted with age alone.

use std::path::PathBuf;

use age::armor::Format;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::recipients::Recipients;
use super::Done;
use crate::error::{Problem, Problems, Quiet};
use crate::model::ACTIVE;
use crate::outside::files::{self, Privacy};
use crate::outside::random;
use crate::seal::SealingKey;
use crate::steps::unseal::{Controller, Key};

mod backup;
mod recipients;
mod restore;
mod verify;

/// Make sealing keys; back up, restore and verify those of controllers
#[derive(Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new sealing key
    ///
    /// All renderers of one repository need the same one. Encrypted for age recipients it may stand in
    /// git; plain it may not.
    New {
        /// The file to write; it must not exist
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        recipients: Recipients,
    },
    Backup(backup::Backup),
    Restore(restore::Restore),
    Verify(verify::Verify),
}

impl Keys {
    pub(super) fn run(self) -> Result<Done, Problems> {
        match self.command {
            Command::New { output, recipients } => new(&output, &recipients),
            Command::Backup(backup) => backup.run(),
            Command::Restore(restore) => restore.run(),
            Command::Verify(verify) => verify.run(),
        }
    }
}

fn new(output: &std::path::Path, recipients: &Recipients) -> Result<Done, Problems> {
    let key = Zeroizing::new(SealingKey::print(&Zeroizing::new(random::bytes::<32>()?)));
    let mut told = Problems::default();
    let bytes = if recipients.is_empty() {
        if inside_repository(output) {
            told.push(
                Problem::new("the key is plain, and the file is inside a git repository")
                    .hint("never commit it; with --recipient age1... it may stand in git"),
            );
        }
        Zeroizing::new(key.as_bytes().to_vec())
    } else {
        Zeroizing::new(recipients.encrypt(key.as_bytes(), Format::Binary)?)
    };
    files::write_new(output, &bytes, Privacy::Private)?;
    Ok(Done::default().warn(&told))
}

fn inside_repository(path: &std::path::Path) -> bool {
    files::repository(files::folder(path)).is_some()
}

/// What keys open, for a person.
fn told(controller: &Controller) -> String {
    controller.keys().iter().map(|key| shown(key) + "\n").collect()
}

/// A key without the key.
fn shown(key: &Key) -> String {
    let state = key.state.as_deref().map(state).unwrap_or_default();
    let of = key.certificate.as_ref().map(|certificate| {
        let (from, until) = certificate.dates();
        format!("  sha256:{}  {from} to {until}", certificate.fingerprint())
    });
    format!("{}{}{state}", Quiet(&key.name), of.unwrap_or_default())
}

/// What is to be told of a state: nothing, where it is the one that every key should have.
fn state(state: &str) -> String {
    match state {
        ACTIVE => String::new(),
        "" => "  (no state)".to_owned(),
        state => format!("  ({state})"),
    }
}

fn key_json(key: &Key) -> Value {
    let of = key.certificate.as_ref();
    let dates = of.map(crate::seal::Certificate::dates);
    json!({
        "name": key.name, "state": key.state, "fingerprint": of.map(crate::seal::Certificate::fingerprint),
        "notBefore": dates.as_ref().map(|(from, _)| from), "notAfter": dates.as_ref().map(|(_, until)| until),
    })
}
