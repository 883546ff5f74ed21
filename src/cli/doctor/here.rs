//! What holds in a folder: sealref itself, who calls, settings, certificate, key, the kustomization.

use std::path::{Path, PathBuf};

use super::check::{Check, State};
use crate::cli::options::{Inputs, Sealing, Settings};
use crate::error::{Problem, Problems};
use crate::hosts::Job;
use crate::hosts::stream::{self, KUSTOMIZATIONS};
use crate::limits;
use crate::model::{Input, Source};
use crate::outside::wire::World;
use crate::outside::{environment, files};
use crate::settings::Transform;
use crate::steps::fetch::{self, Mode};
use crate::yaml::{self, NodeId, Syntax, Tree};

/// Everything that needs no other program.
pub(super) fn checks(folder: &str, settings: Settings, sealing: Sealing) -> Result<Vec<Check>, Problems> {
    let place = files::resolve(Path::new(folder))?;
    let (call, _) = settings.call(Inputs::only(vec![folder.to_owned()]), Some(sealing))?;
    let mut checks = vec![own(&environment::program()?, files::on_the_path("sealref")), host()?, repository(&place)];
    match stream::job(Input(vec![]), call) {
        Err(problems) => checks.extend(Check::errors("settings", &problems)),
        Ok((job, mut world)) => {
            checks.push(file(&job, &world, &place));
            checks.extend(certificate(&job, &mut world));
            checks.extend(key(&job, &mut world));
        }
    }
    checks.extend(kustomization(&place));
    Ok(checks)
}

/// Functions and plugins are looked for on the PATH by their bare name.
fn own(program: &Path, found: Option<PathBuf>) -> Check {
    let told = format!("{}, {}", env!("CARGO_PKG_VERSION"), program.display());
    let same = |found: &PathBuf| files::resolve(found).ok() == files::resolve(program).ok();
    match found {
        Some(found) if same(&found) => Check::ok("sealref", told),
        Some(found) => Check::new("sealref", State::Warning, format!("{told}; another one is first on the PATH"))
            .hint(format!("kustomize, kpt and Helm start {}", found.display())),
        None => Check::new("sealref", State::Warning, format!("{told}; it is not on the PATH"))
            .hint("put its folder on the PATH: kustomize, kpt and Helm look for it there"),
    }
}

/// Variables that those who call us set, and what we then are.
const CALLERS: &[(&str, &str)] = &[
    ("KUSTOMIZE_PLUGIN_CONFIG_ROOT", "kustomize, as an older plugin"),
    ("HELM_PLUGIN_NAME", "Helm 4, as a plugin"),
    ("ARGOCD_APP_NAME", "Argo CD"),
];

fn host() -> Result<Check, Problem> {
    for (variable, caller) in CALLERS {
        if environment::variable(variable)?.is_some() {
            return Ok(Check::ok("called by", format!("{caller} ({variable} is set)")));
        }
    }
    Ok(Check::ok("called by", "a shell or a script; no builder of manifests"))
}

fn repository(place: &Path) -> Check {
    match files::repository(place) {
        Some(root) => Check::ok("repository", root.to_string_lossy()),
        None => {
            Check::new("repository", State::Absent, "no git repository; files are read beneath the settings' folder")
        }
    }
}

fn file(job: &Job, world: &World, place: &Path) -> Check {
    if let Some(name) = &job.settings.file {
        return Check::ok("settings", world.folder().join(name).to_string_lossy());
    }
    let found = format!("no .sealref.yaml in {} or above; the defaults hold", place.display());
    Check::new("settings", State::Absent, found)
}

fn certificate(job: &Job, world: &mut World) -> Vec<Check> {
    if job.settings.certificate.is_none() {
        let alone = job.settings.key.is_some();
        return vec![unnamed("certificate", alone, "name the controller's: sealing: {certificate: FILE}")];
    }
    let mut warnings = Problems::default();
    let found = fetch::certificate(job, world, &mut warnings).map_err(Problems::from);
    Check::told("certificate", found, &warnings, |certificate| format!("valid until {}", certificate.dates().1))
}

fn key(job: &Job, world: &mut World) -> Vec<Check> {
    if job.settings.key.is_none() && !job.settings.randomised {
        let alone = job.settings.certificate.is_some();
        return vec![unnamed(
            "sealing key",
            alone,
            "make one with `sealref keys new`, and name it: sealing: {key: ...}",
        )];
    }
    let mut warnings = Problems::default();
    let found = fetch::mode(job, world, &mut warnings).map_err(Problems::from);
    Check::told("sealing key", found, &warnings, |mode| match mode {
        Mode::Randomised => "none is used: every ciphertext is random".to_owned(),
        Mode::Derived(_) | Mode::Preview => "it can be read".to_owned(),
    })
}

/// Of certificate and key, one without the other seals nothing.
fn unnamed(name: &'static str, other_is_there: bool, hint: &str) -> Check {
    if other_is_there {
        return Check::new(name, State::Warning, "none is named, and without it nothing is sealed").hint(hint);
    }
    Check::new(name, State::Absent, "none is named; only SealedSecrets need one")
}

/// Whether a kustomization calls us.
fn kustomization(place: &Path) -> Option<Check> {
    let file = KUSTOMIZATIONS.iter().map(|name| place.join(name)).find(|file| files::kind(file).is_ok())?;
    Some(match transformer(&file, place) {
        Ok(Some(how)) => Check::ok("transformer", how),
        Ok(None) => Check::new("transformer", State::Absent, "no file under transformers: is a SecretTransform")
            .hint("list one, as examples/kustomize-krm does, or pipe: kustomize build DIR | sealref render -"),
        Err(problem) => Check::problem("transformer", State::Error, &problem),
    })
}

/// Says which entry is ours, and of which sort.
fn transformer(file: &Path, place: &Path) -> Result<Option<String>, Problem> {
    let source = read(file)?;
    let tree = Tree::parse(&source.text, Syntax::Document).map_err(|fault| source.problem(fault))?;
    let listed = tree.get(tree.root(), "transformers");
    for entry in listed.into_iter().flat_map(|list| tree.items(list)) {
        let Some(entry) = tree.text(entry) else { continue };
        let inline = entry.contains('\n');
        let path = place.join(entry);
        let source = match files::kind(&path) {
            _ if inline => Source { name: source.name.clone(), text: entry.to_owned() },
            Ok(files::Kind::File) => read(&path)?,
            // A folder that is built itself, something to download, or a mistake that kustomize tells loudly
            _ => continue,
        };
        if let Some(sort) = sort(&source)? {
            let name = if inline { "one that stands in the kustomization itself" } else { entry };
            return Ok(Some(format!("{name}, {sort}")));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Source, Problem> {
    Source::read(&path.to_string_lossy(), files::read_file(path, limits::SETTINGS)?)
}

/// As what a SecretTransform has us called; nothing where there is none.
fn sort(source: &Source) -> Result<Option<&'static str>, Problem> {
    let pieces = yaml::pieces(&source.text, &|_| true).map_err(|fault| source.problem(fault))?;
    for piece in pieces.pieces {
        let tree = Tree::parse(piece.text, piece.syntax);
        let tree = tree.map_err(|fault| source.problem(fault.from_line(piece.line)))?;
        if is_ours(&tree, tree.root()) {
            let function = ["metadata", "annotations", "config.kubernetes.io/function"];
            let function = tree.at(tree.root(), &function).is_some();
            return Ok(Some(if function { "as a function" } else { "as an older plugin" }));
        }
    }
    Ok(None)
}

fn is_ours(tree: &Tree, node: NodeId) -> bool {
    let said = |key| tree.get(node, key).and_then(|node| tree.text(node));
    (said("apiVersion"), said("kind")) == (Some(Transform::API_VERSION), Some(Transform::KIND))
}
