//! What holds in a folder: sealref itself, who calls, settings, certificate, key, the kustomization.

use std::path::{Path, PathBuf};

use super::check::{Check, State};
use crate::cli::options::{Inputs, Sealing, Settings};
use crate::error::Problems;
use crate::hosts::Job;
use crate::hosts::{kustomization, stream};
use crate::model::Input;
use crate::outside::wire::World;
use crate::outside::{environment, files};
use crate::rules;
use crate::steps::fetch::{self, Mode};

/// Everything that needs no other program.
pub(super) fn checks(folder: &str, settings: Settings, sealing: Sealing) -> Result<Vec<Check>, Problems> {
    let place = files::resolve(Path::new(folder))?;
    let call = settings.call(Inputs::only(vec![folder.to_owned()]), Some(sealing))?;
    let mut checks = vec![own(&environment::program()?, files::on_the_path("sealref")), host(), repository(&place)];
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

fn host() -> Check {
    for (variable, caller) in CALLERS {
        if environment::is_set(variable) {
            return Check::ok("called by", format!("{caller} ({variable} is set)"));
        }
    }
    Check::ok("called by", "a shell or a script; no builder of manifests")
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
    let found = fetch::mode(job, job.settings.previous_key.as_ref(), world, &mut warnings).map_err(Problems::from);
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

/// Whether a kustomization calls us, and from the right place.
fn kustomization(place: &Path) -> Vec<Check> {
    const NAME: &str = "transformer";
    if !kustomization::NAMES.iter().any(|name| files::kind(&place.join(name)).is_ok()) {
        return vec![];
    }
    let all = match kustomization::read(place) {
        Ok(all) => all,
        Err(problems) => return Check::errors(NAME, &problems),
    };
    if all.iter().flat_map(|one| &one.transformers).all(|transformer| transformer.ours.is_none()) {
        let hint = "list one, as examples/kustomize-krm does, or pipe: kustomize build DIR | sealref render -";
        return vec![
            Check::new(NAME, State::Absent, "no kustomization of the build lists a SecretTransform").hint(hint),
        ];
    }
    let found = rules::layout(&all);
    if found.is_empty() {
        return vec![Check::ok(NAME, "listed where it belongs")];
    }
    found.iter().map(|finding| Check::problem(NAME, State::Error, &finding.problem)).collect()
}
