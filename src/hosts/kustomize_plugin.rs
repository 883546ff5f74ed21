//! The older plugins of kustomize, and the only ones of `kubectl kustomize`: a program in a folder named after the kind
//! of its configuration, which is a file; documents on standard input.
//! Source: `api/internal/plugins/execplugin` of kubernetes-sigs/kustomize.

use std::ffi::OsString;
use std::path::Path;

use super::krm::{kind, misplaced_generator, misplaced_transformer};
use super::settings::Found;
use super::stream::{self, Call};
use super::{Job, Names};
use crate::error::Problems;
use crate::limits;
use crate::model::{Input, Source};
use crate::outside::environment;
use crate::outside::files::{self, Kind};
use crate::outside::wire::World;
use crate::settings::Generator;
use crate::yaml::{Syntax, Tree};

/// True where kustomize called: it says so in the environment, and the first argument is a file in a folder, which it
/// names, and which no command does.
#[must_use]
pub fn is_call(arguments: &[OsString]) -> bool {
    let has_folder = |config: &Path| config.parent().is_some_and(|folder| folder != Path::new(""));
    let is_file = |config: &Path| has_folder(config) && files::kind(config) == Ok(Kind::File);
    let calls = environment::is_set("KUSTOMIZE_PLUGIN_CONFIG_ROOT");
    calls && arguments.get(1).is_some_and(|config| is_file(Path::new(config)))
}

/// The job of a transformer, or of a generator, which gets no documents.
pub fn job(config: &Path, input: Input, call: Call) -> Result<(Job, World), Problems> {
    // Its own name is a random one.
    let source = Source::read("the plugin's configuration", files::read_file(config, limits::SETTINGS)?)?;
    let tree = Tree::parse(&source.text, Syntax::Document).map_err(|fault| source.problem(fault))?;
    let alone = input.0.iter().all(|source| source.text.trim().is_empty());
    let (names, found, input) = match (kind(&tree, tree.root()) == Some(Generator::KIND), alone) {
        (true, false) => return Err(misplaced_generator().into()),
        (true, true) => (Names::Early, Found::search(&call)?, None),
        (false, true) => return Err(misplaced_transformer().into()),
        (false, false) => (Names::Growing, Found::given(&call, &source, &tree, tree.root())?, Some(input)),
    };
    let (mut job, world) = stream::job_under(found, input.unwrap_or_else(|| Input(vec![source])), call)?;
    job.terms.names = names;
    Ok((job, world))
}
