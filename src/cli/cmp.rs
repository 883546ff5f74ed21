//! `sealref cmp`: what Argo CD's plugin server calls, in the folder of a repository that nobody trusts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Done, options, output};
use crate::error::{Exit, Problem, Problems};
use crate::hosts::argocd::{self, Application};
use crate::hosts::policy;
use crate::limits;
use crate::model::{Input, Source};
use crate::outside::{process, random};
use crate::reports;
use crate::rules::{Finding, Severity};
use crate::settings::Policy;
use crate::steps::inspect::{Depth, inspect};
use crate::steps::{self, read, read::Purpose};

/// Be a config management plugin of Argo CD
///
/// Builds, renders, verifies and prints the repository in the working folder. Nothing works without a policy.
#[derive(Args)]
pub(super) struct Cmp {
    #[command(subcommand)]
    what: What,
    /// What projects may do, written by an operator and never by a repository (default: $SEALREF_POLICY)
    #[arg(long, value_name = "FILE", global = true)]
    policy: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Check what generate begins with: the policy, what the Application chose, the builder
    Init,
    /// Print what builds the folder, where settings of sealref are for it, else nothing
    Discover,
    /// Print what an Application may choose, as JSON
    Parameters,
    /// Build, render, verify, and print the manifests
    Generate {
        /// End after so long: a little before Argo CD does, which tells nobody why
        #[arg(long, value_name = "SECONDS", default_value_t = limits::RUN_SECONDS)]
        timeout: u64,
    },
}

impl Cmp {
    pub(super) fn run(self) -> Result<Done, Problems> {
        match self.what {
            What::Init => self.begin().map(|_| Done::default()),
            What::Discover => {
                policy::required(self.policy.as_deref())?;
                let found = if argocd::is_ours()? { Some(Application::here()?) } else { None };
                Ok(found.map_or_else(Done::default, |found| Done::output(format!("{}\n", found.layout.name()))))
            }
            What::Parameters => {
                policy::required_rules(self.policy.as_deref())?;
                Ok(Done::output(format!("{:#}\n", argocd::announcement())))
            }
            What::Generate { timeout } => self.generate(timeout),
        }
    }

    /// Who asks, for what; and may it be built?
    fn begin(&self) -> Result<(Policy, Application), Problems> {
        let policy = policy::required(self.policy.as_deref())?;
        let application = Application::here()?;
        application.layout.builder().map(|builder| policy.builder(builder)).transpose()?;
        Ok((policy, application))
    }

    fn generate(&self, seconds: u64) -> Result<Done, Problems> {
        process::end_after(seconds, too_late(seconds));
        let (policy, application) = self.begin()?;
        // The rest is for servers, whose values come last
        let input = application.build(&policy, seconds / 4 * 3)?;
        let (job, mut world) = options::ready(application.job(input, policy)?, Purpose::Render)?;
        let rendered = steps::render(&job, &mut world, &random::bytes::<64>)?;
        let output = Input(vec![Source::new("output", output::joined(rendered.outputs).concat())]);
        let stream = read::read(&output, Purpose::Uses.by(&job))?;
        let findings = inspect(&stream, &job, Depth::Verify, false, None)?;
        let done = Done {
            told: (reports::named("text").write)(&reports::found(&findings, None), Severity::Info),
            ..Done::default()
        }
        .warn(&rendered.warnings);
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        if findings.iter().any(is_error) {
            return Ok(Done { failed: true, ..done });
        }
        Ok(Done { output: output.0.into_iter().map(|source| source.text.into_owned()).collect(), ..done })
    }
}

fn too_late(seconds: u64) -> Problem {
    Problem::new(format!("nothing was rendered within {seconds} seconds"))
        .hint("is a server slow, or the repository large? --timeout in plugin.yaml, and reposerver's timeout with it")
        .exit(Exit::Source)
}
