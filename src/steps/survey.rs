//! What a repository says of its secrets before anything is set up: which sources, stores and tools it uses.
//!
//! Receives its files one by one, gives back what settings are written by. It plans nothing and tells no value.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{IGNORE, Identity, Source, StoreRef, StoreSpec, annotation, unbase64};
use crate::rules::plaintext::{PUBLIC_KEYS, is_record_of_helm, public};
use crate::settings::{Generator, Transform};
use crate::sources::{self, Becomes, ENCRYPTION, Encrypted, Facts};
use crate::yaml::{Kind, NodeId, Tree};

/// What was found; files are named as they were given.
#[derive(Default)]
pub struct Survey {
    /// Kinds that say what a repository is run by, and how many objects there are of each.
    pub kinds: BTreeMap<&'static str, usize>,
    /// The schemes of references, each with the first file that it stands in.
    pub schemes: BTreeMap<&'static str, String>,
    /// What stands in braces in the paths of references.
    pub variables: BTreeSet<String>,
    /// Stores with a provider, each with its file.
    pub stores: Vec<(String, StoreSpec)>,
    /// Stores that somebody names.
    pub named: BTreeSet<StoreRef>,
    /// Secrets with literal values, by their files.
    pub plain: Vec<String>,
    /// Files that SOPS has encrypted.
    pub encrypted: Vec<String>,
    /// The first file with a placeholder of argocd-vault-plugin.
    pub placeholders: Option<String>,
    /// References stand in ConfigMaps.
    pub config_maps: bool,
    /// References stand in the values of HelmReleases.
    pub helm_values: bool,
    /// Somebody asks Stakater Reloader for something.
    pub reloader: bool,
    /// Folders that Argo CD or Flux build, as they name them.
    pub built: BTreeSet<String>,
    /// What Flux builds: the file that says it, and the folder where it names one.
    pub flux: Vec<(String, Option<String>)>,
    /// Files that hold nothing but objects for a cluster.
    pub manifests: BTreeSet<String>,
}

/// Group, kind, and what a person calls it.
const KINDS: [(&str, &str, &str); 6] = [
    ("argoproj.io", "Application", "Application of Argo CD"),
    ("argoproj.io", "ApplicationSet", "ApplicationSet of Argo CD"),
    ("bitnami.com", "SealedSecret", "SealedSecret"),
    ("external-secrets.io", "ExternalSecret", "ExternalSecret"),
    ("helm.toolkit.fluxcd.io", "HelmRelease", "HelmRelease of Flux"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", "Kustomization of Flux"),
];

impl Survey {
    /// Takes in a file that a template engine writes first: its references alone can be read.
    pub fn template(&mut self, source: &Source) {
        self.text(source);
    }

    /// Takes in a file of YAML or JSON; one that cannot be read is no manifest.
    pub fn file(&mut self, source: &Source) {
        self.text(source);
        if Encrypted::of(source.text.as_bytes()) == Some(Encrypted::File) {
            self.encrypted.push(source.name.clone());
        }
        let Ok(objects) = source.objects() else { return };
        let (mut any, mut all) = (false, true);
        for object in objects {
            let Ok((piece, tree)) = object else { return };
            if tree.is_empty() {
                continue;
            }
            let identity = Identity::of(&tree);
            any = true;
            all &= identity.as_ref().is_some_and(|identity| {
                self.object(source, piece.text, &tree, identity);
                is_for_cluster(identity)
            });
        }
        if any && all {
            self.manifests.insert(source.name.clone());
        }
    }

    fn text(&mut self, source: &Source) {
        for (facts, path) in references(&source.text) {
            self.schemes.entry(facts.scheme).or_insert_with(|| source.name.clone());
            self.variables.extend(variables(path));
        }
        if source.text.contains("<path:") && self.placeholders.is_none() {
            self.placeholders = Some(source.name.clone());
        }
        self.reloader |= source.text.contains("reloader.stakater.com/");
    }

    fn object(&mut self, source: &Source, text: &str, tree: &Tree, identity: &Identity) {
        if let Some((.., told)) = KINDS.iter().find(|(group, kind, _)| identity.is(group, kind)) {
            *self.kinds.entry(told).or_default() += 1;
        }
        let refers = references(text).next().is_some();
        self.config_maps |= refers && identity.is("", "ConfigMap");
        self.helm_values |= refers && identity.is("helm.toolkit.fluxcd.io", "HelmRelease");
        if let Ok(Some(store)) = StoreSpec::read(tree)
            && store.provider.is_some()
        {
            self.stores.push((source.name.clone(), store));
        }
        let said = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node));
        match (identity.group(), identity.kind.as_str()) {
            ("", "Secret") if is_plain(text, tree) => self.plain.push(source.name.clone()),
            ("external-secrets.io", _) => {
                let named = tree.at(tree.root(), &["spec", "secretStoreRef"]);
                self.named.extend(named.and_then(|node| crate::yaml::read(tree, node).ok()));
            }
            ("argoproj.io", "Application") => self.built.extend(said(&["spec", "source", "path"]).map(folder)),
            ("kustomize.toolkit.fluxcd.io", _) => {
                let built = said(&["spec", "path"]).map(folder);
                self.built.extend(built.clone());
                self.flux.push((source.name.clone(), built));
            }
            (_, Generator::KIND) => self.generator(source, tree),
            _ => {}
        }
    }

    /// Files of a generator are read like references to them.
    fn generator(&mut self, source: &Source, tree: &Tree) {
        let listed = |field| tree.at(tree.root(), &["spec", field]);
        for item in listed("files").into_iter().flat_map(|list| tree.items(list)) {
            let named = tree.text(item).unwrap_or_default();
            let path = named.split_once('=').map_or(named, |(_, path)| path);
            for (facts, _) in references(&sources::file_reference(path, None)) {
                self.schemes.entry(facts.scheme).or_insert_with(|| source.name.clone());
            }
        }
        if listed("envs").is_some() {
            self.schemes.entry(ENCRYPTION).or_insert_with(|| source.name.clone());
        }
    }

    /// The schemes for which External Secrets needs a store, each with the provider that its store has by default.
    pub fn translated(&self) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        self.of(Becomes::Translated).map(|facts| (facts.scheme, facts.providers))
    }

    /// Is anything sealed with a sealing key?
    #[must_use]
    pub fn needs_key(&self) -> bool {
        !self.plain.is_empty() || self.of(Becomes::Sealed).any(|facts| !sources::gives_data_keys(facts.scheme))
    }

    /// Is anything sealed with the keys of encrypted files?
    #[must_use]
    pub fn has_data_keys(&self) -> bool {
        !self.encrypted.is_empty() || self.of(Becomes::Sealed).any(|facts| sources::gives_data_keys(facts.scheme))
    }

    fn of(&self, becomes: Becomes) -> impl Iterator<Item = &'static Facts> {
        let facts = self.schemes.keys().filter_map(|scheme| Some(sources::find(scheme)?.1));
        facts.filter(move |facts| facts.becomes == becomes)
    }
}

/// What to begin with where a repository has no references: the first scheme of the table, and its providers.
#[must_use]
pub fn first() -> (&'static str, &'static [&'static str]) {
    sources::facts().next().map_or(("", &[]), |facts| (facts.scheme, facts.providers))
}

/// `./apps/shop/` is `apps/shop`.
fn folder(path: &str) -> String {
    let path = path.trim_matches('/');
    path.strip_prefix("./").unwrap_or(path).to_owned()
}

/// What a builder or we ourselves read is not for a cluster.
fn is_for_cluster(identity: &Identity) -> bool {
    let ours = identity.api_version == Transform::API_VERSION && identity.kind != Generator::KIND;
    !ours && identity.group() != "kustomize.config.k8s.io" && identity.group() != "config.kubernetes.io"
}

/// References whose scheme is known, with their paths; not in lines that are comments.
fn references(text: &str) -> impl Iterator<Item = (&'static Facts, &str)> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| {
        line.split("ref+").skip(1).filter_map(|rest| {
            let (scheme, rest) = rest.split_once("://")?;
            let (_, facts) = sources::find(scheme)?;
            Some((facts, rest.split([' ', '\t', '"', '\'', '#', '?', '+']).next().unwrap_or(rest)))
        })
    })
}

/// The names in braces, which a template engine writes twice.
fn variables(path: &str) -> impl Iterator<Item = String> {
    let parts = path.replace("{{", "").replace("}}", "");
    let parts: Vec<String> =
        parts.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|p| p.0.to_owned()).collect();
    parts.into_iter().filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// A Secret with a literal value that nobody calls public, and nothing that a store has to give.
fn is_plain(text: &str, tree: &Tree) -> bool {
    let name = tree.at(tree.root(), &["metadata", "name"]).and_then(|node| tree.text(node)).unwrap_or_default();
    let kind = tree.get(tree.root(), "type").and_then(|node| tree.text(node)).unwrap_or_default();
    let passes = kind == "kubernetes.io/service-account-token"
        || is_record_of_helm(tree, name)
        || annotation(tree, IGNORE) == Some("true")
        || tree.get(tree.root(), ENCRYPTION).is_some();
    if passes || references(text).any(|(facts, _)| facts.becomes != Becomes::Sealed) {
        return false;
    }
    ["data", "stringData"].into_iter().any(|field| {
        let map = tree.get(tree.root(), field).filter(|node| tree.kind(*node) == Kind::Map);
        map.into_iter().flat_map(|map| tree.entries(map)).any(|(key, node)| is_literal(tree, field, key, node))
    })
}

fn is_literal(tree: &Tree, field: &str, key: NodeId, node: NodeId) -> bool {
    let raw = tree.raw(node).unwrap_or_default();
    let decoded = if field == "data" { unbase64(raw.as_bytes()) } else { Some(raw.as_bytes().to_vec().into()) };
    let decoded = decoded.unwrap_or_default();
    let refers = || String::from_utf8_lossy(&decoded).contains("ref+");
    let is_public = || public(annotation(tree, PUBLIC_KEYS)).any(|name| name == tree.key(key));
    !decoded.is_empty() && Encrypted::of(&decoded).is_none() && !refers() && !is_public()
}
