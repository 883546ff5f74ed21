//! `sealref check`: every rule over a stream or a folder. It reads and never changes.

use clap::{Args, ValueEnum};

use super::Done;
use super::explain::Format;
use super::options::{self, Inputs, Settings};
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
    /// Tell findings from this severity on (JSON holds all)
    #[arg(long, value_enum, default_value_t = Level::Warning)]
    level: Level,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

/// The severities, as they are typed.
#[derive(Clone, Copy, ValueEnum)]
enum Level {
    /// Everything.
    Info,
    /// What is worth a look.
    Warning,
    /// What fails.
    Error,
}

impl Check {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let call = self.settings.call(self.inputs, None)?;
        let (job, _) = options::job(call, Purpose::Check)?;
        let stream = read::stream(&job, Purpose::Check)?;
        let findings = inspect(&stream, &job, Depth::Check, self.complete)?;
        let least = match self.level {
            Level::Error => Severity::Error,
            Level::Info => Severity::Info,
            Level::Warning => Severity::Warning,
        };
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        Ok(match self.format {
            Format::Json => Done { failed, ..Done::output(format!("{:#}\n", reports::json(&findings))) },
            Format::Text => Done { failed, told: reports::text(&findings, least), ..Done::default() },
        })
    }
}
