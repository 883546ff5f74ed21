//! `sealref render`: the main job.

use std::path::PathBuf;

use clap::Args;

use super::options::{self, Inputs, Sealing, Settings};
use super::report::Report;
use super::{Done, output};
use crate::error::Problems;
use crate::hosts::stream::Call;
use crate::hosts::{Doubts, Wanted};
use crate::steps::Output;
use crate::steps::read::Purpose;

/// Replace Secrets with references by SealedSecrets and ExternalSecrets
///
/// Reads rendered manifests, writes them out with every reference replaced; what holds no reference
/// comes out byte for byte. Nothing is written unless everything succeeded.
#[derive(Args)]
pub(super) struct Render {
    #[command(flatten)]
    inputs: Inputs,
    /// Write to a file, or to a folder (with a slash at the end) one file for each that was read
    #[arg(short, long, value_name = "FILE|DIR/")]
    output: Option<PathBuf>,
    /// No key and no credentials: ciphertexts are the word `preview`, which `verify` refuses
    #[arg(long)]
    preview: bool,
    /// Refuse a certificate that has expired or will within 30 days, and encrypted Secrets whose MAC cannot be checked
    #[arg(long)]
    strict: bool,
    /// Each of the files is a stream of its own: two may hold the same Secret, for two clusters
    #[arg(long, conflicts_with_all = ["output", "reports"], requires = "operands")]
    each: bool,
    #[command(flatten)]
    report: Report,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

impl Render {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Self { inputs, output, preview, strict, each, report, settings, sealing } = self;
        report.apart_from(&inputs)?;
        let call = |inputs, settings: Settings, sealing| -> Result<Call, Problems> {
            let mut call = settings.call(inputs, Some(sealing))?;
            if preview {
                call.values = Wanted::Preview;
            }
            if strict {
                call.doubts = Doubts::Refused;
            }
            Ok(call)
        };
        if !each {
            let call = report.keep(call(inputs, settings, sealing))?;
            return report.rendered(options::job(call, Purpose::Render), |done, outputs| match output {
                None => done.print(&output::joined(outputs)),
                Some(path) => {
                    output::write(&path, outputs)?;
                    Ok(done)
                }
            });
        }
        let (mut problems, mut all) = (Problems::default(), Done::default());
        for one in inputs.each() {
            let job = call(one, settings.clone(), sealing.clone()).and_then(|call| options::job(call, Purpose::Render));
            let whole =
                |done: Done, outputs: Vec<Output>| Ok(Done { output: vec![output::joined(outputs).concat()], ..done });
            if let Some(done) = problems.keep(report.rendered(job, whole)) {
                all.told.push_str(&done.told);
                all.output.extend(done.output);
            }
        }
        let outputs = all.output.drain(..).map(|text| Output { name: "", pieces: vec![text.into()] }).collect();
        let pieces = problems.or(output::joined(outputs))?;
        all.print(&pieces)
    }
}
