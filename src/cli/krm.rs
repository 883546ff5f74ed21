//! `sealref krm`, and `sealref` without a word: called by kustomize or kpt, with everything on standard input.

use clap::Args;

use super::options::{Inputs, Sealing, Settings};
use super::{Done, output};
use crate::error::Problems;
use crate::hosts::{krm, stream};
use crate::outside::random;
use crate::steps;
use crate::steps::read::{self, Purpose};

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

impl Krm {
    pub(super) fn run(self) -> Result<Done, Problems> {
        self.answer(|_| true)
    }

    /// Nobody said what comes in.
    pub(super) fn or_render(self) -> Result<Done, Problems> {
        self.answer(krm::is_call)
    }

    fn answer(self, is_call: impl Fn(&crate::model::Input) -> bool) -> Result<Done, Problems> {
        let (call, policy) = self.settings.call(Inputs::only(vec![]), Some(self.sealing))?;
        let input = read::untangle(stream::input(&call)?, Purpose::Render)?;
        let (job, mut world) = if is_call(&input) { krm::job(input, call)? } else { stream::job(input, call)? };
        let rendered = steps::render(&job, &policy, &mut world, &random::bytes::<64>)?;
        Done::default().warn(&rendered.warnings).print(&output::joined(rendered.outputs))
    }
}
