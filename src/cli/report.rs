//! How what was found is told: `--format` and `--report FILE`.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::Done;
use super::options::Inputs;
use crate::error::{Problem, Problems};
use crate::hosts::Job;
use crate::outside::files::{self, Privacy};
use crate::outside::random;
use crate::outside::wire::World;
use crate::reports::{self, Entry, REPORTS, Report as Form};
use crate::rules::Severity;
use crate::steps::{self, Output};

/// Where a run is told, beside standard error.
#[derive(Args)]
pub(super) struct Report {
    /// Also write what is told to a file; its ending says how: .json, .md, .sarif, .txt, .xml (JUnit), .yaml (KRM)
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<PathBuf>,
}

/// How what was found is told.
#[derive(Args)]
pub(super) struct Answer {
    /// The form of the answer; all but text go to standard output
    #[arg(long, value_name = "FORM", value_parser = forms(), default_value = "text")]
    format: &'static Form,
    #[command(flatten)]
    pub(super) report: Report,
}

/// A form by its name, as the registry has it.
fn forms() -> impl TypedValueParser<Value = &'static Form> {
    let names = REPORTS.iter().map(|form| PossibleValue::new(form.name).help(form.about));
    PossibleValuesParser::new(names).map(|typed| reports::named(&typed))
}

impl Report {
    /// Renders a job and reports; the outputs go to `out`.
    pub(super) fn rendered(
        &self,
        job: Result<(Job, World), Problems>,
        out: impl FnOnce(Done, Vec<Output>) -> Result<Done, Problems>,
    ) -> Result<Done, Problems> {
        let (job, mut world) = self.keep(job)?;
        let rendered = self.keep(steps::render(&job, &mut world, &random::bytes::<64>))?;
        let done = self.keep(out(Done::default().warn(&rendered.warnings), rendered.outputs))?;
        self.write(&reports::told(&Problems::default(), &rendered.warnings), Severity::Info)?;
        Ok(done)
    }

    /// No report takes the place of what it is about.
    pub(super) fn apart_from(&self, inputs: &Inputs) -> Result<(), Problem> {
        let read: Vec<PathBuf> = inputs.named().filter_map(|name| files::resolve(Path::new(name)).ok()).collect();
        let over = |file: &&PathBuf| files::resolve(file).is_ok_and(|file| read.contains(&file));
        self.reports.iter().find(over).map_or(Ok(()), |file| {
            Err(Problem::new("the report would take the place of what is read")
                .hint("give it a name of its own")
                .at(file.to_string_lossy()))
        })
    }

    /// Reports problems on their way.
    pub(super) fn keep<T>(&self, result: Result<T, Problems>) -> Result<T, Problems> {
        result.map_err(|mut problems| {
            let told = self.write(&reports::told(&problems, &Problems::default()), Severity::Info);
            if let Err(more) = told {
                problems.extend(more);
            }
            problems
        })
    }

    fn write(&self, entries: &[Entry], least: Severity) -> Result<(), Problems> {
        for file in &self.reports {
            let text = (reports::for_file(&file.to_string_lossy()).write)(entries, least);
            files::write_atomically(file, &[&text], Privacy::Public)?;
        }
        Ok(())
    }
}

impl Answer {
    /// Tells findings; an error among them fails the run.
    pub(super) fn done(&self, entries: &[Entry], least: Severity) -> Result<Done, Problems> {
        self.report.write(entries, least)?;
        let failed = entries.iter().any(|entry| entry.severity == Severity::Error);
        let text = (self.format.write)(entries, least);
        Ok(if self.format.is_message {
            Done { failed, told: text, ..Done::default() }
        } else {
            Done { failed, ..Done::output(text) }
        })
    }
}
