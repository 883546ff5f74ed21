//! `sealref reseal`: SealedSecrets of a repository, onto another certificate of the controller.

use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;

use super::Done;
use super::options::{Inputs, Sealing, Settings};
use super::unsealing::{self, Unsealing};
use crate::error::{Exit, Problem, Problems};
use crate::hosts::{Doubts, stream};
use crate::model::{Input, Source};
use crate::outside::files::{self, Replacement};
use crate::outside::random;
use crate::steps::fetch;
use crate::steps::reseal::{Resealed, Resealing, reseal};

/// Seal SealedSecrets of files anew for the certificate of the settings
///
/// For what nothing can render again: what `render` makes of references it seals for the new certificate by itself. Every
/// value is opened and sealed first; then all files are replaced, or none. Comments, order and templates stay.
#[derive(Args)]
pub(super) struct Reseal {
    /// Files, or folders with all that is in them
    #[arg(value_name = "FILE|DIR", required = true)]
    operands: Vec<PathBuf>,
    /// Only tell what would be sealed anew; there being something fails the command
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    unsealing: Unsealing,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

impl Reseal {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let operands = self.operands.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        let mut call = self.settings.call(Inputs::only(operands), Some(self.sealing))?;
        call.doubts = Doubts::Refused;
        if call.policy.holds() {
            return Err(Problem::new("nothing is sealed anew under a policy")
                .hint("whoever holds the controller's keys does it, without --policy and SEALREF_POLICY")
                .exit(Exit::Refused)
                .into());
        }
        let (job, mut world) = stream::job(Input(vec![]), call)?;
        let mut warnings = Problems::default();
        let certificate = fetch::certificate(&job, &mut world, &mut warnings)?;
        let mode = fetch::mode(&job, &mut world, &mut warnings)?;
        let controller = self.unsealing.controller(&mut world)?;
        let with = Resealing {
            controller: &controller,
            certificate: &certificate,
            mode: &mode,
            epoch: &job.settings.epoch,
            namespace: job.terms.namespace.as_deref(),
            draw: &random::bytes::<64>,
        };
        let files = unsealing::read(&self.operands)?;
        crate::outside::process::work_along(files.iter().map(|(_, source)| source.text.len()).sum());
        let made: Vec<_> = files.par_iter().map(|(_, source)| reseal(source, &with)).collect();
        let (mut problems, mut done) = (Problems::default(), vec![]);
        for (file, made) in files.iter().zip(made) {
            done.extend(problems.keep(made).map(|made| (file, made)));
        }
        let done = problems.or(done)?;
        let changed = || done.iter().filter(|(_, made)| made.anew > 0);
        if !self.check {
            let all: Vec<Replacement> = changed()
                .map(|((path, source), made)| Replacement { path, old: &source.text, new: &made.text })
                .collect();
            files::replace_together(&all)?;
        }
        if done.iter().any(|(_, made)| made.ours > 0) {
            warnings.push(
                Problem::new("some of them were made by sealref")
                    .hint("what `render` made of references, render again: it gives other ciphertexts than these"),
            );
        }
        let failed = self.check && changed().next().is_some();
        let told = told(done.iter().map(|((_, source), made)| (source, made)), self.check);
        Ok(Done { failed, ..Done::output(told) }.warn(&warnings))
    }
}

fn told<'d>(done: impl Iterator<Item = (&'d Source, &'d Resealed)>, check: bool) -> String {
    let (mut text, mut anew, mut kept) = (String::new(), 0, 0);
    for (source, made) in done.filter(|(_, made)| made.anew + made.kept > 0) {
        anew += made.anew;
        kept += made.kept;
        text.push_str(&format!("{}: {} anew, {} kept\n", source.name, made.anew, made.kept));
    }
    let what = if check { "to be sealed anew" } else { "sealed anew" };
    text + &format!("{what}: {anew}; sealed for the certificate already: {kept}\n")
}
