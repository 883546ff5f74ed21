//! How it flows. This file alone knows the order of the steps.
//!
//! ```text
//! read -> find -> plan -> (policy) -> fetch -> emit -> rewire -> annotate -> check -> write
//! ```

pub mod adopt;
pub mod annotate;
pub mod check;
mod claims;
pub mod compare;
pub mod emit;
pub mod fetch;
pub mod find;
pub mod generate;
mod guard;
pub mod inspect;
pub mod live;
mod mention;
pub mod plan;
pub mod question;
pub mod read;
pub mod reseal;
pub mod rewire;
pub mod survey;
pub mod unseal;
pub mod write;

use std::borrow::Cow;

use crate::error::{Location, Problem, Problems};
use crate::hosts::{Items, Job};
use crate::model::{GUARD, Manifest, Plan, Provision, Stream, Wire};
pub(crate) use crate::sources::decrypt;
pub use crate::sources::{certificate, create, found, is_within, sealing_keys};
use crate::targets;
pub use crate::targets::LEFT;

/// Draws 64 random bytes from the operating system.
pub type Draw<'r> = &'r (dyn Fn() -> Result<[u8; 64], Problem> + Sync);

/// What comes out at the end.
pub struct Rendered<'s> {
    /// The texts of each source, in order; together they are the output.
    pub outputs: Vec<Output<'s>>,
    /// What somebody should know, and nothing that stops the run.
    pub warnings: Problems,
}

/// The output of one source.
pub struct Output<'s> {
    /// The name of the source.
    pub name: &'s str,
    /// The text, in pieces: slices of the input, and what we made.
    pub pieces: Vec<Cow<'s, str>>,
}

/// The whole corridor.
pub fn render<'s>(job: &'s Job, wire: &mut dyn Wire, draw: Draw) -> Result<Rendered<'s>, Problems> {
    let stream = read::stream(job, read::Purpose::Render)?;
    let stream = if job.terms.items == Items::Lines { stream.in_lines() } else { stream };
    let found = find::find(&stream, job.terms.reading, &job.settings)?;
    let mut warnings = left_out(&stream);
    let plan = plan::plan(&stream, found.values, &found.inventory, job, &mut warnings)?;
    let claims = claims::claims(&stream, &plan, job);
    let mut plan = job.policy.allow(plan, &claims, &stream)?;
    let fetched = fetch::fetch(&stream, &mut plan, job, wire, &mut warnings)?;
    let namespace = job.terms.namespace.as_deref();
    let restarts = annotate::Restarts::of(&stream, &plan, &found.inventory, &job.settings, namespace);
    let checksums = annotate::settle(&stream, &mut plan, &fetched, (&restarts, &found.inventory), job)?;
    let (mut outcome, plan) = emit::emit(&stream, plan, fetched, job, draw)?;
    rewire::rewire(&stream, &plan, &found.inventory, namespace, &mut outcome)?;
    guard::dismiss(&stream, &job.terms, &mut outcome)?;
    annotate::annotate(&stream, &plan, &restarts, &checksums, &job.settings, &mut outcome, &mut warnings);
    let checked = check::check(&stream, &plan, &found.inventory, &job.terms, outcome, &mut warnings)?;
    Ok(Rendered { outputs: write::write(&stream, checked)?, warnings })
}

/// What is decided, and nothing more: no key, no credentials, no file of values.
///
/// # Errors
/// Whatever would stop `render` before it fetches.
pub fn decide<'t>(stream: &'t Stream<'_>, job: &Job, warnings: &mut Problems) -> Result<Plan<'t>, Problems> {
    let found = find::find(stream, job.terms.reading, &job.settings)?;
    plan::plan(stream, found.values, &found.inventory, job, warnings)
}

/// True where values are sealed for it, so that whoever has the sealing keys reads them.
#[must_use]
pub fn is_sealed(provision: &Provision) -> bool {
    targets::find(provision.target.0).is_ok_and(targets::Target::seals)
}

/// Our own settings do not go out, and that is told.
fn left_out(stream: &Stream) -> Problems {
    let told = |manifest: &Manifest| {
        let name = stream.names.get(manifest.source).copied().unwrap_or_default();
        Problem::new("settings of sealref are left out of the output")
            .hint("keep them in .sealref.yaml, or name them with --config")
            .at(Location::line(name, manifest.line))
    };
    let is_settings = |ours: &&Manifest| ours.identity().is_ok_and(|identity| !identity.is(GUARD.0, GUARD.1));
    stream.ours.iter().filter(is_settings).map(told).collect()
}
