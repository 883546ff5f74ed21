//! A repository as `init` sees it: what its files hold, and what is built from which folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{Problem, Problems};
use crate::hosts::kustomization::{self, NAMES};
use crate::limits;
use crate::model::{Role, Source};
use crate::outside::files::{self, Kind, Recursive};
use crate::seal::Certificate;
use crate::steps::survey::Survey;
use crate::yaml::{Syntax, Tree};

/// Paths are relative to the folder.
pub(super) struct Repository {
    /// As it was typed.
    pub(super) folder: PathBuf,
    pub(super) survey: Survey,
    /// Kustomizations that nobody builds on.
    pub(super) kustomizations: Vec<Kustomization>,
    /// Folders with a chart.
    pub(super) charts: Vec<String>,
    /// Certificates of controllers, by all that shows.
    pub(super) certificates: Vec<String>,
    /// Certificates that could seal, and may be anybody's.
    pub(super) strangers: Vec<String>,
    /// The rules of SOPS, of this folder or of one above.
    pub(super) rules: Option<Rules>,
    /// Every file with YAML or JSON.
    pub(super) files: Vec<String>,
}

/// What is built by kustomize.
pub(super) struct Kustomization {
    pub(super) folder: String,
    /// One that is built from here starts sealref itself.
    pub(super) calls: bool,
    /// It renders charts.
    pub(super) charts: bool,
}

/// `.sops.yaml`.
pub(super) struct Rules {
    /// Recipients of age that it names.
    pub(super) recipients: Vec<String>,
}

impl Repository {
    pub(super) fn read(folder: &Path) -> Result<Self, Problems> {
        let is_kustomization = |file: &Path| NAMES.iter().any(|name| file.ends_with(name));
        let is_read = |file: &Path| files::is_manifest(file) || is_kustomization(file);
        let listed = files::list_of(folder, Recursive::Yes, &is_read)?;
        let is_certificate = |file: &Path| files::ends(file, &["cert", "crt", "pem"]);
        let certificates = files::list_of(folder, Recursive::Yes, &is_certificate)?;
        let below = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        let names: Vec<String> = listed.iter().map(|path| below(path)).collect();
        let charts: Vec<String> = names.iter().filter_map(|name| parent_of(name, "Chart.yaml")).collect();
        let mut survey = Survey::default();
        let mut left = limits::INPUT;
        for (path, name) in listed.iter().zip(&names) {
            let Some(source) = source(path, name, &mut left)? else { continue };
            if charts.iter().any(|chart| is_below(name, chart)) {
                survey.template(&source);
            } else {
                survey.file(&source);
            }
        }
        survey.manifests.retain(|name| !NAMES.contains(&base(name)));
        let could = certificates.iter().filter_map(|path| Some((below(path), certificate(path)?)));
        let (certificates, strangers): (Vec<_>, Vec<_>) = could.partition(|(name, one)| is_a_controllers(name, one));
        let names_of = |all: Vec<(String, Certificate)>| all.into_iter().map(|(name, _)| name).collect();
        Ok(Self {
            folder: folder.to_path_buf(),
            survey,
            kustomizations: kustomizations(folder, &names),
            charts: charts.iter().filter(|one| !charts.iter().any(|other| is_below(one, other))).cloned().collect(),
            certificates: names_of(certificates),
            strangers: names_of(strangers),
            rules: rules(folder)?,
            files: names,
        })
    }

    /// Is nothing here that could be rendered?
    pub(super) fn is_empty(&self) -> bool {
        self.survey.manifests.is_empty() && self.kustomizations.is_empty() && self.charts.is_empty()
    }

    /// A line for each kind of thing that is here.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = vec![];
        let mut list = |what: &str, names: &mut dyn Iterator<Item = &str>| {
            let names: Vec<&str> = names.collect();
            match names.as_slice() {
                [] => {}
                all if all.len() <= SHOWN => told.push(format!("{what}: {}", all.join(", "))),
                [first, ..] => told.push(format!("{what}: {first} and {} more", names.len() - 1)),
            }
        };
        list("kustomizations", &mut self.kustomizations.iter().map(|one| one.folder.as_str()));
        list("charts", &mut self.charts.iter().map(|chart| if chart.is_empty() { "." } else { chart }));
        list("references", &mut self.survey.schemes.keys().copied());
        list("stores", &mut self.survey.stores.iter().map(|(_, store)| store.store.name.as_str()));
        list("files that SOPS has encrypted", &mut self.survey.encrypted.iter().map(String::as_str));
        list("plain Secrets", &mut self.survey.plain.iter().map(String::as_str));
        list("certificates", &mut self.certificates.iter().map(String::as_str));
        list("certificates of others, by all that shows", &mut self.strangers.iter().map(String::as_str));
        list(
            "placeholders of argocd-vault-plugin, which are not read",
            &mut self.survey.placeholders.iter().map(String::as_str),
        );
        told.extend(self.rules.is_some().then(|| "rules of SOPS: .sops.yaml".to_owned()));
        told.extend(self.survey.kinds.iter().map(|(kind, count)| format!("{kind}: {count}")));
        if told.is_empty() {
            told.push("nothing that has to do with secrets".to_owned());
        }
        told
    }
}

/// Names that one line shows.
const SHOWN: usize = 4;

/// A file, where it is one that can be read; what is too large, or no text, is no manifest.
fn source(path: &Path, name: &str, left: &mut usize) -> Result<Option<Source>, Problem> {
    let Ok(bytes) = files::read_file(path, limits::FILE) else { return Ok(None) };
    *left = left.checked_sub(bytes.len()).ok_or_else(|| {
        Problem::new("the folder holds more than 100 MiB of YAML and JSON").hint("name the folder of one application")
    })?;
    Ok(Source::read(name, bytes).ok())
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The folder of a file of this name; empty for the one that was named.
fn parent_of(name: &str, file: &str) -> Option<String> {
    name.strip_suffix(file)
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .map(|folder| folder.trim_end_matches('/').to_owned())
}

pub(super) fn is_below(name: &str, folder: &str) -> bool {
    folder.is_empty() && !name.is_empty() || name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn certificate(path: &Path) -> Option<Certificate> {
    Certificate::read(&files::read_file(path, limits::SETTINGS).ok()?).ok()
}

/// A controller issues its certificate itself, and names nobody in it. Who brings one of their own says in its subject or
/// in its file's name what it is for. Whatever else can seal may be an authority's or a server's.
fn is_a_controllers(name: &str, certificate: &Certificate) -> bool {
    let Some(subject) = certificate.issued_by_itself() else { return false };
    subject.is_empty() || [subject, name].iter().any(|text| text.to_lowercase().contains("seal"))
}

/// Those that no other builds on; components are built by nobody.
fn kustomizations(top: &Path, names: &[String]) -> Vec<Kustomization> {
    let (mut found, mut inner) = (vec![], BTreeSet::new());
    for folder in names.iter().filter_map(|name| NAMES.iter().find_map(|file| parent_of(name, file))) {
        let path = top.join(&folder);
        let Ok(all) = kustomization::read(&path) else { continue };
        let text = file_of(&path);
        let tree = text.as_deref().and_then(|text| Tree::parse(text, Syntax::Document).ok());
        let has = |key| tree.as_ref().is_some_and(|tree| tree.get(tree.root(), key).is_some());
        let is_component = tree
            .as_ref()
            .is_some_and(|tree| tree.get(tree.root(), "kind").and_then(|kind| tree.text(kind)) == Some("Component"));
        for one in all.iter().filter(|one| one.role != Role::Outermost) {
            inner.extend(Path::new(&one.name).parent().and_then(|folder| files::resolve(folder).ok()));
        }
        let calls = all.iter().flat_map(|one| &one.transformers).any(|transformer| transformer.ours.is_some());
        if !is_component {
            found.push(Kustomization { folder, calls, charts: has("helmCharts") });
        }
    }
    found.retain(|one| files::resolve(&top.join(&one.folder)).is_ok_and(|path| !inner.contains(&path)));
    for one in &mut found {
        if one.folder.is_empty() {
            ".".clone_into(&mut one.folder);
        }
    }
    found
}

fn file_of(folder: &Path) -> Option<String> {
    let path = NAMES.iter().map(|name| folder.join(name)).find(|path| files::kind(path) == Ok(Kind::File))?;
    let bytes = files::read_file(&path, limits::SETTINGS).ok()?;
    Source::read("", bytes).ok().map(|source| source.text.into_owned())
}

fn rules(folder: &Path) -> Result<Option<Rules>, Problem> {
    let top = files::repository(folder);
    let stop = top.clone().unwrap_or_else(|| folder.to_path_buf());
    let Some(path) = files::upwards(folder, &[".sops.yaml"], Some(&stop)) else { return Ok(None) };
    let bytes = files::read_file(&path, limits::SETTINGS)?;
    let text = String::from_utf8_lossy(&bytes);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.starts_with("age1"));
    let recipients: BTreeSet<String> =
        words.filter(|word| word.parse::<age::x25519::Recipient>().is_ok()).map(str::to_owned).collect();
    Ok(Some(Rules { recipients: recipients.into_iter().collect() }))
}
