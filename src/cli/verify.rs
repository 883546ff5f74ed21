//! `sealref verify`: the gate on a final stream. It reads and never changes.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Done;
use super::options::{self, Inputs, Settings};
use super::report::Answer;
use crate::error::Problems;
use crate::hosts::kustomization;
use crate::reports;
use crate::rules::{self, Finding, Severity};
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
    #[command(flatten)]
    answer: Answer,
    #[command(flatten)]
    settings: Settings,
}

impl Verify {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Self { inputs, kustomization, complete, answer, settings } = self;
        answer.report.apart_from(&inputs)?;
        let findings = answer.report.keep(found(inputs, kustomization.as_deref(), complete, settings))?;
        answer.done(&reports::found(&findings, None), Severity::Info)
    }
}

fn found(
    inputs: Inputs,
    kustomization: Option<&Path>,
    complete: bool,
    settings: Settings,
) -> Result<Vec<Finding>, Problems> {
    let layout = kustomization.map(kustomization::read).transpose()?;
    let mut findings = layout.as_deref().map(rules::layout).unwrap_or_default();
    let call = settings.call(inputs, None)?;
    if layout.is_none() || !call.operands.is_empty() {
        let (job, _) = options::job(call, Purpose::Uses)?;
        let stream = read::stream(&job, Purpose::Uses)?;
        findings.extend(inspect(&stream, &job, Depth::Verify, complete, None)?);
    }
    Ok(findings)
}
