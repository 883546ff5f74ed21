//! `sealref krm`, and what other programs call without a command: kustomize and kpt, with manifests on standard input.

use std::path::PathBuf;

use clap::Args;

use super::options::{self, Inputs, Sealing, Settings};
use super::{Done, output};
use crate::error::Problems;
use crate::hosts::stream::{self, Call};
use crate::hosts::{Job, krm, kustomize_plugin};
use crate::model::Input;
use crate::outside::random;
use crate::outside::wire::World;
use crate::steps;
use crate::steps::read::Purpose;

/// Be a function of kustomize or kpt: a ResourceList comes in and goes out
///
/// The settings are the functionConfig, else the nearest .sealref.yaml. `sealref` without a command does the same where
/// a ResourceList is piped in.
#[derive(Args)]
pub(super) struct Krm {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

/// Be an older plugin of kustomize.
#[derive(Args)]
pub(super) struct Plugin {
    /// What kustomize wrote the settings into.
    configuration: PathBuf,
    #[command(flatten)]
    called: Krm,
}

impl Krm {
    pub(super) fn run(self) -> Result<Done, Problems> {
        self.answer(krm::job)
    }

    /// Nobody said what is piped in.
    pub(super) fn or_render(self) -> Result<Done, Problems> {
        self.answer(|input, call| if krm::is_call(&input) { krm::job(input, call) } else { stream::job(input, call) })
    }

    fn answer(self, job: impl Fn(Input, Call) -> Result<(Job, World), Problems>) -> Result<Done, Problems> {
        let (call, policy) = self.settings.call(Inputs::only(vec![]), Some(self.sealing))?;
        let (job, mut world) = options::ready(job(stream::input(&call)?, call)?, Purpose::Render)?;
        let rendered = steps::render(&job, &policy, &mut world, &random::bytes::<64>)?;
        Done::default().warn(&rendered.warnings).print(&output::joined(rendered.outputs))
    }
}

impl Plugin {
    pub(super) fn run(self) -> Result<Done, Problems> {
        self.called.answer(|input, call| kustomize_plugin::job(&self.configuration, input, call))
    }
}
