//! `sealref post-render`: what Helm calls between its templates and the cluster.

use clap::Args;

use super::options::{self, Inputs, Sealing, Settings};
use super::report::Report;
use super::{Done, output};
use crate::error::Problems;
use crate::hosts::stream::{self, Call};
use crate::hosts::{Job, helm};
use crate::outside::wire::World;
use crate::steps::read::Purpose;

/// Be a post-renderer of Helm: what a chart made comes in, what is installed goes out
///
/// Like render, but one Secret may stand there for a hook and for the rest, and the release's namespace is known.
#[derive(Args)]
pub(super) struct PostRender {
    #[command(flatten)]
    report: Report,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

impl PostRender {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Self { report, settings, sealing } = self;
        let call = report.keep(settings.call(Inputs::only(vec![]), Some(sealing)))?;
        report.rendered(job(call), |done, outputs| done.print(&output::joined(outputs)))
    }
}

fn job(call: Call) -> Result<(Job, World), Problems> {
    options::ready(helm::job(stream::input(&call)?, call)?, Purpose::Render)
}
