//! `--report FILE`: what a run told, for those whose caller keeps standard error to itself.

use std::path::PathBuf;

use clap::Args;

use super::Done;
use crate::error::Problems;
use crate::hosts::Job;
use crate::outside::files::{self, Privacy};
use crate::outside::random;
use crate::outside::wire::World;
use crate::reports;
use crate::steps::{self, Output};

/// Where a run is told, beside standard error.
#[derive(Args)]
pub(super) struct Report {
    /// Also write errors and warnings to a file, as JSON: Helm 4 and CI may keep standard error to themselves
    #[arg(long = "report", value_name = "FILE")]
    file: Option<PathBuf>,
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
        self.write(&Problems::default(), &rendered.warnings)?;
        out(Done::default().warn(&rendered.warnings), rendered.outputs)
    }

    /// Reports problems on their way.
    pub(super) fn keep<T>(&self, result: Result<T, Problems>) -> Result<T, Problems> {
        result.map_err(|mut problems| {
            if let Err(more) = self.write(&problems, &Problems::default()) {
                problems.extend(more);
            }
            problems
        })
    }

    fn write(&self, errors: &Problems, warnings: &Problems) -> Result<(), Problems> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = format!("{:#}\n", reports::run(errors, warnings));
        Ok(files::write_atomically(file, &[&text], Privacy::Public)?)
    }
}
