//! Options that several commands share.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::Args;

use crate::error::{Exit, Problem, Problems};
use crate::hosts::stream::{self, Call, identities_of_environment};
use crate::hosts::{Doubts, Job, Reading, Wanted, flux, policy};
use crate::model::{Input, Scope};
use crate::outside::files::Recursive;
use crate::outside::wire::World;
use crate::settings::{Chosen, Policy};
use crate::steps::generate;
use crate::steps::read::{self, Purpose};

/// What is read.
#[derive(Args, Clone)]
pub(super) struct Inputs {
    /// Files, folders, or - for standard input (the default)
    #[arg(value_name = "FILE|DIR|-")]
    operands: Vec<String>,
    /// The same, as kubectl writes it
    #[arg(short, long = "filename", value_name = "FILE|DIR|-")]
    files: Vec<String>,
    /// Look into folders of folders too
    #[arg(short = 'R', long)]
    recursive: bool,
}

/// What holds.
#[derive(Args, Clone)]
pub(super) struct Settings {
    /// Settings, instead of the nearest .sealref.yaml
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    config: Option<PathBuf>,
    /// The folder that files are read beneath (default: the git repository)
    #[arg(long, value_name = "DIR", help_heading = "Settings")]
    root: Option<PathBuf>,
    /// An environment of the settings
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = "SEALREF_ENVIRONMENT",
        hide_env_values = true,
        help_heading = "Settings"
    )]
    environment: Option<String>,
    /// A cluster of the settings
    #[arg(long, value_name = "NAME", env = "SEALREF_CLUSTER", hide_env_values = true, help_heading = "Settings")]
    cluster: Option<String>,
    /// What projects may do, written by an operator and never by a repository (default: $SEALREF_POLICY)
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    policy: Option<PathBuf>,
    /// The namespace of objects that write none
    #[arg(short, long, value_name = "NAME", help_heading = "Settings")]
    namespace: Option<String>,
    /// Flux's Kustomization that will apply the output: what it still changes is taken into account
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    flux_kustomization: Option<PathBuf>,
}

/// How values are read and sealed.
#[derive(Args, Clone)]
pub(super) struct Sealing {
    /// The certificate of the sealed-secrets controller
    #[arg(long, visible_alias = "cert", value_name = "FILE", help_heading = "Sealing")]
    certificate: Option<String>,
    /// The sealing key (see `sealref keys new`)
    #[arg(long, value_name = "FILE", env = "SEALREF_SEALING_KEY", hide_env_values = true, help_heading = "Sealing")]
    sealing_key: Option<String>,
    /// To which names SealedSecrets are bound: strict, namespace-wide or cluster-wide
    #[arg(long, value_name = "SCOPE", value_parser = scope, help_heading = "Sealing")]
    scope: Option<Scope>,
    /// Fresh random ciphertexts at every run, and no sealing key
    #[arg(long, help_heading = "Sealing")]
    randomised: bool,
    /// An environment variable that ref+env:// may read
    #[arg(long, value_name = "NAME", help_heading = "Sealing")]
    allow_env: Vec<String>,
    /// A key of a service that an encrypted file may name (ARN, resource, URL; * and ** are wildcards)
    #[arg(long, value_name = "KEY", help_heading = "Sealing")]
    allow_key: Vec<String>,
    /// A file of age identities
    #[arg(short, long, value_name = "FILE", help_heading = "Sealing")]
    identity: Vec<PathBuf>,
}

impl Sealing {
    /// An option for what a policy says, and nobody else.
    fn beyond(&self) -> Option<&'static str> {
        let given = [
            ("--certificate", self.certificate.is_some()),
            ("--sealing-key", self.sealing_key.is_some()),
            ("--randomised", self.randomised),
            ("--allow-env", !self.allow_env.is_empty()),
            ("--allow-key", !self.allow_key.is_empty()),
            ("--identity", !self.identity.is_empty()),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }
}

/// The words of kubeseal and those of the settings.
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    let same = |scope: &Scope| text.replace('-', "").eq_ignore_ascii_case(scope.name());
    Scope::ALL.into_iter().find(same).ok_or_else(|| "strict, namespace-wide or cluster-wide".to_owned())
}

impl Inputs {
    /// Only these, for commands that make their own input.
    pub(super) fn only(operands: Vec<String>) -> Self {
        Self { operands, files: vec![], recursive: false }
    }

    /// All that is named.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.operands.iter().chain(&self.files).map(String::as_str)
    }

    /// Each by itself.
    pub(super) fn each(self) -> impl Iterator<Item = Self> {
        let Self { operands, files, recursive } = self;
        operands.into_iter().chain(files).map(move |one| Self { recursive, ..Self::only(vec![one]) })
    }
}

impl Settings {
    /// A call with what was typed, and the defaults of everything else.
    pub(super) fn call(self, inputs: Inputs, sealing: Option<Sealing>) -> Result<Call, Problems> {
        let mut chosen = Chosen { environment: self.environment, cluster: self.cluster, ..Chosen::default() };
        let operator = policy::find(self.policy.as_deref())?;
        let (mut identities, mut environment, mut keys) = (vec![], vec![], vec![]);
        if let Some(sealing) = sealing {
            if let Some(option) = sealing.beyond().filter(|_| operator.is_some()) {
                return Err(Problem::new(format!("{option} is given, and the policy alone says what it would"))
                    .hint("leave it out; what holds for a project stands in the policy")
                    .exit(Exit::Refused)
                    .into());
            }
            chosen.certificate = sealing.certificate;
            chosen.key = sealing.sealing_key;
            chosen.scope = sealing.scope;
            chosen.randomised = sealing.randomised;
            environment = sealing.allow_env;
            keys = sealing.allow_key;
            identities = sealing.identity;
            if identities.is_empty() && operator.is_none() {
                identities = identities_of_environment()?;
            }
        }
        let policy = operator.unwrap_or_else(|| Policy::of_command_line(environment, &keys));
        for path in identities.iter().map(|path| path.to_string_lossy()).chain(chosen.key.as_deref().map(Cow::Borrowed))
        {
            names_a_file(&path)?;
        }
        let mut operands = inputs.operands;
        operands.extend(inputs.files);
        let call = Call {
            operands,
            recursive: if inputs.recursive { Recursive::Yes } else { Recursive::No },
            config: self.config,
            root: self.root,
            chosen,
            plaintext: None,
            namespace: self.namespace,
            policy,
            identities,
            reading: Reading::References,
            values: Wanted::Sealed,
            doubts: Doubts::Told,
            afterwards: self.flux_kustomization.as_deref().map(flux::read).transpose()?.unwrap_or_default(),
        };
        Ok(call)
    }
}

/// A key where its file is to be named would stand in the next message.
pub(super) fn names_a_file(path: &str) -> Result<(), Problem> {
    if !path.contains("AGE-SECRET-KEY-") && !path.contains("-key-1:") {
        return Ok(());
    }
    Err(Problem::new("a key was given where the name of its file is wanted")
        .hint("write it to a file that only you can read, and give the path of that")
        .exit(Exit::Usage))
}

/// The job of a call, ready for the steps.
pub(super) fn job(call: Call, purpose: Purpose) -> Result<(Job, World), Problems> {
    let input = stream::input(&call)?;
    job_of(input, call, purpose)
}

/// The same for an input that is already there.
pub(super) fn job_of(input: Input, call: Call, purpose: Purpose) -> Result<(Job, World), Problems> {
    ready(stream::job(input, call)?, purpose)
}

/// A job whose input can be read: lists apart, generators as Secrets.
pub(super) fn ready((mut job, mut world): (Job, World), purpose: Purpose) -> Result<(Job, World), Problems> {
    crate::outside::process::work_along(job.input.bytes());
    let purpose = purpose.by(&job);
    job.input = read::untangle(job.input, purpose)?;
    job.input = generate::expand(job.input, job.terms.names, &mut world)?;
    Ok((job, world))
}
