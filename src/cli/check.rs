//! `sealref check`: every rule over a stream or a folder. It reads and never changes.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::Done;
use super::baseline::Baseline;
use super::live::{Deployer, Live};
use super::options::{self, Inputs, Settings};
use super::report::Answer;
use crate::error::Problems;
use crate::model::Severity;
use crate::reports;
use crate::steps::inspect::{Depth, inspect};
use crate::steps::{read, read::Purpose};

/// Check manifests: all that verify finds, and who may read which Secret
///
/// Fails where an error is found. docs/rules says what each rule finds, and why.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    inputs: Inputs,
    /// The stream is all there is: a Secret that nothing provides is an error
    #[arg(long)]
    complete: bool,
    /// Tell findings from this severity on (json, results and sarif hold all)
    #[arg(long, value_parser = severities(), default_value = "warning")]
    level: Severity,
    /// Show the line of each finding too, with every value blanked
    #[arg(long)]
    lines: bool,
    #[command(flatten)]
    baseline: Baseline,
    #[command(flatten)]
    answer: Answer,
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    deployer: Deployer,
    #[command(flatten)]
    settings: Settings,
}

/// The severities, as they are typed.
fn severities() -> impl TypedValueParser<Value = Severity> {
    let all =
        [(Severity::Info, "Everything"), (Severity::Warning, "What is worth a look"), (Severity::Error, "What fails")];
    PossibleValuesParser::new(all.map(|(severity, help)| PossibleValue::new(severity.name()).help(help)))
        .map(|typed| Severity::parse(&typed).unwrap_or(Severity::Warning))
}

impl Check {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Self { inputs, complete, level, lines, baseline, answer, live, deployer, settings } = self;
        answer.report.apart_from(&inputs)?;
        let job = settings.call(inputs, None).and_then(|call| options::job(call, Purpose::Check));
        let (job, mut world) = answer.report.keep(job)?;
        let stream = answer.report.keep(read::stream(&job, Purpose::Check))?;
        let live = live.ask(deployer.user(), &mut world)?;
        let findings = answer.report.keep(inspect(&stream, &job, Depth::Check, complete, live.as_ref()))?;
        let mut entries = reports::found(&findings, lines.then_some(&stream));
        let known = answer.report.keep(baseline.new_in(&mut entries, &job))?;
        let done = answer.done(&entries, level)?;
        Ok(Done { told: done.told + &known, ..done })
    }
}
