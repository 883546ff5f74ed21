//! `sealref doctor`: what is here, what works with it, and what is wrong.
//!
//! It receives a folder and looks at the machine; it gives back a line a check. It asks no network, knows no value, and
//! leaves nothing behind.

use clap::Args;
use serde_json::json;

use super::Done;
use super::explain::Format;
use super::options::{Sealing, Settings};
use crate::error::Problems;

mod check;
mod helm;
mod here;
mod probe;
mod programs;

use check::{Check, State};

/// Look at this machine: settings, certificate, key, builders, and whether those run functions or skip them
///
/// Tries each builder on a small kustomization in a temporary folder. Asks no network and knows no value.
#[derive(Args)]
pub(super) struct Doctor {
    /// The folder to look from
    #[arg(value_name = "DIR", default_value = ".")]
    folder: String,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

impl Doctor {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let mut checks = here::checks(&self.folder, self.settings, self.sealing)?;
        checks.extend(programs::checks()?);
        let told = || json!({ "checks": checks.iter().map(Check::json).collect::<Vec<_>>() });
        let failed = checks.iter().any(|check| check.state == State::Error);
        Ok(Done { failed, ..self.format.answer(told, || check::table(&checks)) })
    }
}
