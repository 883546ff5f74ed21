//! The commands to run next, as a shell takes them.

use std::collections::BTreeMap;

use super::repository::{Kustomization, Repository, is_below};
use crate::outside::files;
use crate::steps::survey;

/// The first one works as it stands; the others say what is still missing, and what renders.
pub(super) fn commands(repository: &Repository) -> Vec<String> {
    let input = Input::of(repository);
    let mut commands = vec![input.command("explain", "", repository)];
    if let Input::Called(_) = input {
        return commands;
    }
    let survey = &repository.survey;
    let seals = survey.needs_key() || survey.has_data_keys();
    if seals && repository.certificates.is_empty() {
        let config = config(repository);
        commands.push(format!("sealref cert fetch {config}--write"));
    }
    let mut key = String::new();
    if survey.needs_key() {
        let recipients = recipients(repository);
        if recipients.is_empty() {
            commands.push("sealref keys new -o ~/sealing.key".to_owned());
            "--sealing-key ~/sealing.key ".clone_into(&mut key);
        } else {
            let to = recipients.join(" -r ");
            commands.push(format!("sealref keys new -o {} -r {to}", shown(repository, KEY)));
        }
    }
    if !matches!(input, Input::Example) {
        commands.push(input.command("render", &key, repository));
    }
    commands
}

/// Where the certificate goes that has to be fetched.
pub(super) const CERTIFICATE: &str = "sealed-secrets.pem";
/// Where a sealing key goes that is encrypted.
pub(super) const KEY: &str = "sealing.key.age";

/// Who could open a sealing key that stands in git.
pub(super) fn recipients(repository: &Repository) -> &[String] {
    repository.rules.as_ref().map_or(&[], |rules| &rules.recipients)
}

/// Where manifests come from.
enum Input<'r> {
    Build(&'r Kustomization),
    /// One that starts sealref by itself.
    Called(&'r Kustomization),
    Chart(&'r str),
    /// There are none yet.
    Example,
    Files(Vec<String>),
}

impl<'r> Input<'r> {
    fn of(repository: &'r Repository) -> Self {
        let built = |folder: &str| repository.survey.built.contains(folder);
        let all = &repository.kustomizations;
        let kustomization = all.iter().find(|one| built(&one.folder)).or(all.first());
        let chart = repository.charts.iter().find(|chart| built(chart)).or(repository.charts.first());
        let files = operands(repository);
        match (kustomization, chart) {
            (Some(one), _) if one.calls => Self::Called(one),
            (Some(one), _) => Self::Build(one),
            (None, Some(chart)) => Self::Chart(chart),
            (None, None) if files.is_empty() => Self::Example,
            (None, None) => Self::Files(files),
        }
    }

    fn command(&self, verb: &str, options: &str, repository: &Repository) -> String {
        let piped = format!("sealref {verb} {options}{}-", config(repository));
        match self {
            Self::Build(one) => {
                let builder = match files::on_the_path("kustomize").or(files::on_the_path("kubectl")) {
                    Some(path) if path.ends_with("kubectl") => "kubectl kustomize",
                    _ => "kustomize build",
                };
                let charts = if one.charts { "--enable-helm " } else { "" };
                let flux = flux(repository, &one.folder);
                let piped = format!("sealref {verb} {flux}{options}{}-", config(repository));
                format!("{builder} {charts}{} | {piped}", shown(repository, &one.folder))
            }
            Self::Called(one) => format!("sealref verify --kustomization {}", shown(repository, &one.folder)),
            Self::Chart(folder) => {
                let folder = if folder.is_empty() { "." } else { folder };
                format!("helm template release {} | {piped}", shown(repository, folder))
            }
            Self::Example => {
                let reference = format!("ref+{}://kv/shop/database#/password", survey::first().0);
                let secret = format!(
                    "{{apiVersion: v1, kind: Secret, metadata: {{name: database, namespace: shop}}, stringData: {{password: \"{reference}\"}}}}"
                );
                format!("echo {} | {piped}", quoted(&secret))
            }
            Self::Files(files) => format!("sealref {verb} {options}{}", files.join(" ")),
        }
    }
}

/// What Flux still changes, where it is clear that this is what it builds.
fn flux(repository: &Repository, folder: &str) -> String {
    match repository.survey.flux.as_slice() {
        [(file, built)] if built.as_ref().is_none_or(|built| built == folder) => {
            format!("--flux-kustomization {} ", shown(repository, file))
        }
        _ => String::new(),
    }
}

/// From a pipe, and where nothing is read, settings are looked for in the working folder.
fn config(repository: &Repository) -> String {
    let here = repository.folder == std::path::Path::new(".");
    if here { String::new() } else { format!("--config {} ", shown(repository, super::SETTINGS)) }
}

/// Folders that hold nothing but manifests, and single files where other things lie beside them. Where all that is
/// here are manifests, the folder itself.
fn operands(repository: &Repository) -> Vec<String> {
    let is_manifest = |name: &&String| repository.survey.manifests.contains(*name);
    let parent = |name: &str| name.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let mut folders: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for name in repository.files.iter().filter(is_manifest) {
        folders.entry(parent(name)).or_default().push(name);
    }
    let others: Vec<&String> = repository.files.iter().filter(|name| !is_manifest(name)).collect();
    if folders.len() > 1 && others.is_empty() {
        return vec![format!("-R {}", shown(repository, "."))];
    }
    let mut operands = vec![];
    for (folder, names) in folders {
        let pure = !others.iter().any(|name| parent(name) == folder);
        if pure && !repository.charts.iter().any(|chart| *chart == folder || is_below(&folder, chart)) {
            operands.push(shown(repository, if folder.is_empty() { "." } else { &folder }));
        } else {
            operands.extend(names.into_iter().map(|name| shown(repository, name)));
        }
    }
    operands
}

/// A path of the repository, as it is typed in the working folder.
fn shown(repository: &Repository, path: &str) -> String {
    let top = repository.folder.to_string_lossy();
    match (&*top, path) {
        (".", path) => quoted(path),
        (top, ".") => quoted(top),
        (top, path) => quoted(&format!("{}/{path}", top.trim_end_matches('/'))),
    }
}

/// One word for a POSIX shell, which is no option.
pub(super) fn quoted(word: &str) -> String {
    let word = if word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./@%+=:,-".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
