//! `sealref policy test` and `sealref policy explain`: what an operator asks of a policy before it holds.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use super::explain::Format;
use super::options::scope;
use crate::error::{Exit, Problem, Problems};
use crate::hosts::policy;
use crate::model::Scope;
use crate::settings::{Rules, Tenant};
use crate::steps::question::{Question, may};

/// Ask a policy what it grants
#[derive(Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// May a project read a secret, and make a Secret of it?
    ///
    /// Answers with the grant that decides, or says what is missing (exit 3). Grants that overlap are an error (exit 1);
    /// without a REFERENCE nothing else is tested.
    Test(Test),
    /// Print what a project may do
    Explain(Explain),
}

#[derive(Args)]
struct Asked {
    /// The policy (default: $SEALREF_POLICY)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Args)]
struct Test {
    #[command(flatten)]
    asked: Asked,
    /// The Argo CD project
    #[arg(long, value_name = "NAME", value_parser = Tenant::name, requires = "reference")]
    project: Option<String>,
    /// The namespace of the Secret
    #[arg(short, long, value_name = "NAME", value_parser = Tenant::name)]
    namespace: Option<String>,
    /// What is to stand for the Secret (default: what the scheme becomes)
    #[arg(long, value_name = "KIND")]
    into: Option<String>,
    /// The cluster (default: the only one)
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// To what it is bound, where it is sealed
    #[arg(long, value_name = "SCOPE", value_parser = scope, default_value = "strict")]
    scope: Scope,
    /// The reference: ref+vault://kv/team/db
    #[arg(requires = "project")]
    reference: Option<String>,
}

#[derive(Args)]
struct Explain {
    #[command(flatten)]
    asked: Asked,
    /// The Argo CD project
    #[arg(long, value_name = "NAME", value_parser = Tenant::name)]
    project: String,
}

impl Policy {
    pub(super) fn run(self) -> Result<Done, Problems> {
        match self.command {
            Command::Test(test) => test.run(),
            Command::Explain(Explain { asked, project }) => {
                let rules = rules(asked.policy.as_deref())?;
                Ok(asked.format.answer(|| rules.explained(&project), || rules.told(&project)))
            }
        }
    }
}

fn rules(path: Option<&Path>) -> Result<Rules, Problems> {
    policy::rules(path)?.ok_or_else(|| {
        let problem = Problem::new("no policy is named").hint("give --policy FILE, or set SEALREF_POLICY");
        problem.exit(Exit::Usage).into()
    })
}

impl Test {
    fn run(self) -> Result<Done, Problems> {
        let rules = rules(self.asked.policy.as_deref())?;
        let overlaps = rules.overlaps();
        if !overlaps.is_empty() {
            return Err(overlaps);
        }
        let (Some(project), Some(reference)) = (&self.project, &self.reference) else {
            return Ok(Done::output(match self.asked.format {
                Format::Json => "{\"overlaps\": []}\n",
                Format::Text => "no grants overlap\n",
            }));
        };
        let question = Question {
            project,
            namespace: self.namespace.as_deref(),
            reference,
            target: self.into.as_deref(),
            cluster: self.cluster.as_deref(),
            scope: self.scope,
        };
        let grant = may(&rules, &question)?;
        let json = || json!({"allowed": true, "grant": grant});
        Ok(self.asked.format.answer(json, || format!("yes, by spec.grants[{grant}]\n")))
    }
}
