//! `sealref krm`, and what other programs call without a command: kustomize and kpt, with manifests on standard input.

use std::path::PathBuf;

use clap::Args;

use super::options::{self, Inputs, Sealing, Settings};
use super::{Done, output};
use crate::error::{Problem, Problems};
use crate::hosts::stream::{self, Call};
use crate::hosts::{Job, Told, krm, kustomize_plugin};
use crate::model::Input;
use crate::outside::random;
use crate::outside::wire::World;
use crate::reports;
use crate::steps;
use crate::steps::read::Purpose;
use crate::yaml::{Edits, Syntax, Tree};

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
        self.answer(krm::or_stream)
    }

    fn answer(self, job: impl Fn(Input, Call) -> Result<(Job, World), Problems>) -> Result<Done, Problems> {
        let call = self.settings.call(Inputs::only(vec![]), Some(self.sealing))?;
        let (job, mut world) = options::ready(job(stream::input(&call)?, call)?, Purpose::Render)?;
        let rendered = steps::render(&job, &mut world, &random::bytes::<64>)?;
        let pieces = output::joined(rendered.outputs);
        if job.terms.warnings == Told::Results && !rendered.warnings.is_empty() {
            return Ok(Done::output(with_results(&pieces.concat(), &rendered.warnings)?));
        }
        Done::default().warn(&rendered.warnings).print(&pieces)
    }
}

impl Plugin {
    pub(super) fn run(self) -> Result<Done, Problems> {
        self.called.answer(|input, call| kustomize_plugin::job(&self.configuration, input, call))
    }
}

/// The list with warnings in it, as the specification has them.
fn with_results(list: &str, warnings: &Problems) -> Result<String, Problem> {
    let results = reports::results(&reports::told(&Problems::default(), warnings));
    let read = || {
        let tree = Tree::parse(list, Syntax::Document)?;
        let mut edits = Edits::default();
        edits.insert(&tree, tree.root(), &["results"], results);
        edits.apply(&tree, Syntax::Document)
    };
    read().map(|applied| applied.text).map_err(|fault| Problem::new(fault.message).hint(fault.hint))
}
