//! `sealref reseal`: SealedSecrets of a repository, onto another certificate of the controller.

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;

use super::options::{Inputs, Sealing, Settings};
use super::unsealing::{self, Unsealing};
use super::{Done, cert};
use crate::error::{Exit, Problem, Problems, Quiet};
use crate::hosts::{self, Certificates, Doubts, stream};
use crate::model::{Input, Source};
use crate::outside::files::{self, Kind, Replacement};
use crate::outside::random;
use crate::seal::Certificate;
use crate::settings::Public;
use crate::steps::fetch;
use crate::steps::reseal::{Resealed, Resealing, reseal};
use crate::steps::unseal::{Controller, Key};

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
        let mut call = self.settings.call(Inputs::only(vec![start(&self.operands)?]), Some(self.sealing))?;
        call.doubts = Doubts::Refused;
        if call.policy.holds() {
            return Err(Problem::new("nothing is sealed anew under a policy")
                .hint("whoever holds the controller's keys does it, without --policy and SEALREF_POLICY")
                .exit(Exit::Refused)
                .into());
        }
        let files = unsealing::read(&self.operands)?;
        crate::outside::process::work_along(files.iter().map(|(_, source)| source.text.len()).sum());
        // Whoever names the certificate has judged for all
        let named = if call.chosen.certificate.is_some() {
            None
        } else {
            hosts::same_settings(&call, files.iter().map(|(path, _)| path.as_path()))?;
            Some(hosts::certificates(&call)?)
        };
        let (job, mut world) = stream::job(Input(vec![]), call)?;
        let mut warnings = Problems::default();
        let certificate = fetch::certificate(&job, &mut world, &mut warnings)?;
        let mode = fetch::mode(&job, None, &mut world, &mut warnings)?;
        let controller = self.unsealing.controller(&mut world)?;
        if let Some(named) = &named {
            of_one_cluster(named, &certificate, &controller)?;
            warnings.extend(unproven(&certificate, &controller));
        }
        let with = Resealing {
            controller: &controller,
            certificate: &certificate,
            mode: &mode,
            epoch: &job.settings.epoch,
            namespace: job.terms.namespace.as_deref(),
            draw: &random::bytes::<64>,
        };
        let made: Vec<_> = files.par_iter().map(|(_, source)| reseal(source, &with)).collect();
        let (mut problems, mut done) = (Problems::default(), vec![]);
        for (file, made) in files.iter().zip(made) {
            done.extend(problems.keep(made).filter(|made| made.values() > 0).map(|made| (file, made)));
        }
        let done = problems.or(done)?;
        if done.is_empty() {
            return Err(unsealing::nothing().into());
        }
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
        let place = place(job.settings.certificate.as_ref());
        let whose = format!("certificate  {}\nfingerprint  sha256:{}\n", Quiet(place), certificate.fingerprint());
        Ok(Done { failed, ..Done::output(whose + &told) }.warn(&warnings))
    }
}

/// Where settings are looked for: the folder of the first operand. Names of files need be no text.
fn start(operands: &[PathBuf]) -> Result<String, Problem> {
    let first = operands.first().map_or(Path::new("."), PathBuf::as_path);
    let folder = match files::kind(first)? {
        Kind::Folder => first,
        Kind::File => files::folder(first),
    };
    folder.to_str().map(str::to_owned).ok_or_else(|| {
        Problem::new("the name of a folder is not UTF-8").hint("go into it, and name it .").at(folder.to_string_lossy())
    })
}

/// A key of another cluster would open what is not for this one, and nobody could tell afterwards.
fn of_one_cluster(named: &Certificates, certificate: &Certificate, controller: &Controller) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for one in &named.all {
        let (shown, other) = cert::pinned(one, named);
        let Some(other) = problems.keep(other) else { continue };
        let is_strange = |key: &&Key| key.is_of(&other) && !key.is_of(certificate);
        if let Some(key) = controller.keys().iter().find(is_strange) {
            problems.push(
                Problem::new(format!("the private key {} is for another certificate: {}", key.name, cert::users(one)))
                    .hint("give the keys of one cluster at a time; who moves values to another one says --certificate FILE")
                    .at(shown),
            );
        }
    }
    problems.or(())
}

/// What nobody has shown: that the controller has the key.
fn unproven(certificate: &Certificate, controller: &Controller) -> Problems {
    if controller.has_key_of(certificate) {
        return Problems::default();
    }
    Problem::new("no private key that is given belongs to the certificate that is sealed for")
        .hint("is it the controller's? sealref cert fetch asks; a backup that is made now has its key")
        .into()
}

fn place(certificate: Option<&Public>) -> &str {
    match certificate {
        Some(Public::File(name) | Public::Named(name)) => name,
        Some(Public::Text(_)) | None => "in the settings",
    }
}

fn told<'d>(done: impl Iterator<Item = (&'d Source, &'d Resealed)>, check: bool) -> String {
    let (mut text, mut anew, mut kept, mut annotated) = (String::new(), 0, 0, 0);
    let by_annotation = |count| if count > 0 { format!("{count} by their annotation only") } else { String::new() };
    for (source, made) in done {
        anew += made.anew;
        kept += made.kept;
        annotated += made.annotated;
        let more = by_annotation(made.annotated);
        let comma = if more.is_empty() { "" } else { ", " };
        text.push_str(&format!("{}: {} anew, {} kept{comma}{more}\n", Quiet(&source.name), made.anew, made.kept));
    }
    let what = if check { "to be sealed anew" } else { "sealed anew" };
    let more = by_annotation(annotated);
    let comma = if more.is_empty() { "" } else { ", and " };
    text + &format!("{what}: {anew}; sealed for the certificate already: {kept}{comma}{more}\n")
}
