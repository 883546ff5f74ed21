//! `sealref render`: the main job.

use std::path::PathBuf;

use clap::Args;

use super::options::{self, Inputs, Sealing, Settings};
use super::report::Report;
use super::{Done, output};
use crate::error::Problems;
use crate::hosts::{Doubts, Wanted};
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
    #[command(flatten)]
    report: Report,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

impl Render {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Self { report, output, .. } = self;
        let mut call = report.keep(self.settings.call(self.inputs, Some(self.sealing)))?;
        if self.preview {
            call.values = Wanted::Preview;
        }
        if self.strict {
            call.doubts = Doubts::Refused;
        }
        report.rendered(options::job(call, Purpose::Render), |done, outputs| match output {
            None => done.print(&output::joined(outputs)),
            Some(path) => {
                output::write(&path, outputs)?;
                Ok(done)
            }
        })
    }
}
