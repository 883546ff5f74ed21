//! `sealref verify`: the gate on a final stream. It reads and never changes.

use std::path::PathBuf;

use clap::Args;

use super::Done;
use super::explain::Format;
use super::options::{self, Inputs, Settings};
use crate::error::Problems;
use crate::hosts::kustomization;
use crate::reports;
use crate::rules::{self, Severity};
use crate::steps::inspect::{Depth, inspect};
use crate::steps::{read, read::Purpose};

/// Check a final stream: unresolved references, plaintext Secrets, previews, broken seals
#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    inputs: Inputs,
    /// Check where the kustomizations of a build list the transformer; without a FILE nothing else is checked
    #[arg(long, value_name = "DIR")]
    kustomization: Option<PathBuf>,
    /// The stream is all there is: a Secret that nothing provides is an error
    #[arg(long)]
    complete: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

impl Verify {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let layout = self.kustomization.as_deref().map(kustomization::read).transpose()?;
        let mut findings = layout.as_deref().map(rules::layout).unwrap_or_default();
        let call = self.settings.call(self.inputs, None)?;
        if layout.is_none() || !call.operands.is_empty() {
            let (job, _) = options::job(call, Purpose::Uses)?;
            let stream = read::stream(&job, Purpose::Uses)?;
            findings.extend(inspect(&stream, &job, Depth::Verify, self.complete)?);
        }
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        Ok(match self.format {
            Format::Json => Done { failed, ..Done::output(format!("{:#}\n", reports::json(&findings))) },
            Format::Text => Done { failed, told: reports::text(&findings, Severity::Info), ..Done::default() },
        })
    }
}
