//! `sealref keys restore`: the sealing keys of a backup, back into a cluster that lacks them.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{Done, unsealing};
use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::{KEY_LABEL, KeySecret};
use crate::outside::files;
use crate::steps;
use crate::steps::unseal::{self, Controller};

/// Make the Secrets of a backup in the cluster of the kubeconfig; one that is there is never overwritten
///
/// What is there is compared first: if another key has one of the names, nothing is made.
#[derive(Args)]
pub(super) struct Restore {
    /// What `sealref keys backup` wrote
    backup: PathBuf,
    /// A file of age identities
    #[arg(short, long, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// The namespace of the controller, where it is another one now
    #[arg(long, value_name = "NAME")]
    controller_namespace: Option<String>,
    /// Only tell what is missing; there being something fails the command
    #[arg(long)]
    check: bool,
}

impl Restore {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let mut world = unsealing::world(self.identity)?;
        let name = self.backup.to_string_lossy();
        let bytes = files::read_file(&self.backup, limits::INPUT)?;
        let bytes = steps::decrypt(&bytes, &mut world).map_err(|problem| problem.at(name.clone()))?;
        let mut secrets = unseal::secrets(&name, &bytes)?;
        Controller::default().add_secrets(&secrets)?;
        if let Some(namespace) = &self.controller_namespace {
            for secret in &mut secrets {
                secret.namespace.clone_from(namespace);
            }
        }
        let secrets = unseal::places(secrets).map_err(|problem| problem.adding(", and nothing was made"))?;
        let (mut problems, mut missing, mut told) = (Problems::default(), vec![], String::new());
        let mut warnings = Problems::default();
        for secret in &secrets {
            match problems.keep(steps::found(secret, &mut world)) {
                Some(Some(there)) if there.state() == secret.state() => told.push_str(&line("there already", secret)),
                Some(Some(there)) => warnings.push(other_state(secret, &there)),
                Some(None) => missing.push(secret),
                None => {}
            }
        }
        problems.or(())?;
        for secret in &missing {
            let what = if self.check { "missing" } else { "made" };
            if !self.check {
                let so_far = |problem: Problem| problem.adding(&format!("; {} were made before it", made(&told)));
                steps::create(secret, &mut world).map_err(so_far)?;
            }
            told.push_str(&line(what, secret));
        }
        let failed = self.check && !(missing.is_empty() && warnings.is_empty());
        if !self.check && !missing.is_empty() {
            // It reads its keys when it starts
            let hint = "kubectl rollout restart deployment sealed-secrets-controller, in its namespace";
            warnings.push(Problem::new("the controller does not know them before it is started anew").hint(hint));
        }
        Ok(Done { failed, ..Done::output(told) }.warn(&warnings))
    }
}

fn line(what: &str, secret: &KeySecret) -> String {
    format!("{what:<13}  {}{}\n", secret.place(), super::state(secret.state()))
}

/// Who changed the label meant something by it.
fn other_state(secret: &KeySecret, there: &KeySecret) -> Problem {
    let (label, backup, cluster) = (KEY_LABEL, secret.state(), there.state());
    Problem::new(format!("the key is there, and its label says \"{cluster}\"; that of the backup says \"{backup}\""))
        .hint(format!("if the backup is right: kubectl label --overwrite secret {} {label}={backup}", secret.name))
        .at(secret.place())
}

fn made(told: &str) -> usize {
    told.lines().filter(|line| line.starts_with("made")).count()
}
