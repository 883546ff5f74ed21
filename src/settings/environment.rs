//! The settings that hold for one run: one environment, one cluster, every text checked once.

use std::collections::BTreeMap;

use super::transform::{KeySource, Plaintext, Provided, SecretRule, Spec, Store, StoreKindName, is_pem};
use super::{EsoVersion, Interval};
use crate::error::{Problem, Problems, nearest};
use crate::model::{Pattern, Scope, StoreKind, StoreProvider, StoreRef, StoreSpec};

/// What was chosen on the command line, over what the settings say.
#[derive(Default)]
pub struct Chosen {
    /// `--environment`.
    pub environment: Option<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--certificate`: a file that the user named.
    pub certificate: Option<String>,
    /// `--sealing-key`: a file that the user named.
    pub key: Option<String>,
    /// `--scope`.
    pub scope: Option<Scope>,
    /// `--randomised`.
    pub randomised: bool,
}

/// Where a certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Public {
    /// Beneath the root, relative to the settings.
    File(String),
    /// Wherever the user said on the command line.
    Named(String),
    /// In the settings themselves.
    Text(String),
}

/// Where a sealing key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Beneath the root, encrypted with age.
    Age(String),
    /// In an environment variable.
    Environment(String),
    /// Beneath the root, relative to the settings: in plain text where the repository is.
    File(String),
    /// Wherever the user said on the command line, or an absolute path of the settings.
    Named(String),
}

/// A rule that names a store, ready to be asked.
pub struct StoreRule {
    /// The scheme of the reference.
    pub scheme: String,
    /// The path of the reference.
    pub path: Option<Pattern>,
    /// Parameters of the reference.
    pub parameters: BTreeMap<String, String>,
    /// The store and what is behind it.
    pub store: StoreSpec,
}

/// From one address to another.
pub struct Rewrite {
    /// The scheme it is for.
    pub scheme: String,
    /// The path it is for.
    pub from: Pattern,
    /// The scheme it leads to.
    pub to_scheme: String,
    /// The path it leads to.
    pub to: Pattern,
}

/// What holds for one run.
pub struct Settings {
    /// Scheme to target.
    pub targets: BTreeMap<String, String>,
    /// In the order in which they are asked.
    pub stores: Vec<StoreRule>,
    /// Relative to the settings.
    pub store_files: Vec<String>,
    /// How often External Secrets fetches.
    pub refresh_interval: Interval,
    /// Which External Secrets will read the result.
    pub eso_version: EsoVersion,
    /// What happens to literal values.
    pub plaintext: Plaintext,
    /// What holds for some Secrets only.
    pub secrets: Vec<SecretRule>,
    /// Secrets that are provided from elsewhere.
    pub provided: Vec<Provided>,
    /// What `{name}` stands for.
    pub variables: BTreeMap<String, String>,
    /// Where references lead instead.
    pub rewrites: Vec<Rewrite>,
    /// The certificate, read only when something is sealed.
    pub certificate: Option<Public>,
    /// The sealing key, read only when something is sealed.
    pub key: Option<Key>,
    /// To which names SealedSecrets are bound.
    pub scope: Scope,
    /// Reshuffles ciphertexts.
    pub epoch: String,
    /// True: fresh random ciphertexts.
    pub randomised: bool,
}

impl Settings {
    /// Chooses an environment and a cluster, and checks every text.
    pub fn choose(spec: &Spec, chosen: &Chosen) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let environment = problems.keep(named("environment", chosen.environment.as_deref(), &spec.environments));
        let environment = environment.flatten();
        let (mut variables, mut rewrites) = (BTreeMap::new(), vec![]);
        for (name, value) in environment.iter().flat_map(|environment| &environment.variables) {
            problems.keep(variable(name, value));
            variables.insert(name.clone(), value.clone());
        }
        for rule in environment.iter().flat_map(|environment| &environment.rewrites) {
            rewrites.extend(problems.keep(rewrite(&rule.from, &rule.to, &variables)));
        }
        let cluster = chosen.cluster.as_ref().or(environment.and_then(|e| e.cluster.as_ref()));
        let cluster = problems.keep(named("cluster", cluster.map(String::as_str), &spec.clusters));
        let certificate = match (&chosen.certificate, cluster.flatten(), &spec.sealing.certificate) {
            (Some(path), ..) => Some(Public::Named(path.clone())),
            (None, Some(cluster), _) => Some(certificate(&cluster.certificate)),
            (None, None, Some(text)) => Some(certificate(text)),
            (None, None, None) => None,
        };
        let key = match (&chosen.key, &spec.sealing.key) {
            (Some(path), _) => Some(Key::Named(path.clone())),
            (None, Some(KeySource::Age(path))) => Some(Key::Age(path.clone())),
            (None, Some(KeySource::Env(name))) => Some(Key::Environment(name.clone())),
            (None, Some(KeySource::File(path))) if path.starts_with('/') => Some(Key::Named(path.clone())),
            (None, Some(KeySource::File(path))) => Some(Key::File(path.clone())),
            (None, Some(KeySource::FromSops) | None) => None,
        };
        let stores = spec.stores.clone().unwrap_or_default();
        let stores = stores.into_iter().filter_map(|store| problems.keep(rule(store, &variables)));
        let stores = stores.collect();
        let secrets = spec.secrets.clone().unwrap_or_default();
        for rule in &secrets {
            problems.keep(has_reason(rule));
        }
        let interval = problems.keep(interval(spec.refresh_interval.as_deref()));
        let eso_version = problems.keep(eso_version(spec.eso_version.as_deref()));
        let epoch = spec.sealing.epoch.clone().unwrap_or_default();
        problems.keep(check_epoch(&epoch));
        let settings = Self {
            targets: spec.targets.clone(),
            stores,
            store_files: spec.store_files.clone().unwrap_or_default(),
            refresh_interval: interval.unwrap_or(Interval::HOUR),
            eso_version: eso_version.unwrap_or(EsoVersion::NEWEST),
            plaintext: spec.plaintext.unwrap_or_default(),
            secrets,
            provided: spec.provided.clone().unwrap_or_default(),
            variables,
            rewrites,
            certificate,
            key,
            scope: chosen.scope.or(spec.sealing.scope).unwrap_or_default(),
            epoch,
            randomised: chosen.randomised || spec.sealing.randomised.unwrap_or(false),
        };
        problems.or(settings)
    }

    /// The first rule that is for a Secret.
    pub fn secret_rule(
        &self,
        name: &str,
        namespace: Option<&str>,
        label: &dyn Fn(&str) -> Option<String>,
    ) -> Option<&SecretRule> {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| Pattern::new(pattern).matches(text))
        };
        self.secrets.iter().find(|rule| {
            let matches = &rule.matches;
            fits(&matches.name, name)
                && fits(&matches.namespace, namespace.unwrap_or(""))
                && matches.labels.iter().all(|(key, value)| label(key).as_deref() == Some(value))
        })
    }

    /// Does something outside the stream provide this Secret?
    #[must_use]
    pub fn is_provided(&self, name: &str, namespace: Option<&str>) -> bool {
        self.provided.iter().any(|provided| {
            let place = provided.namespace.as_ref();
            Pattern::new(&provided.name).matches(name)
                && place.is_none_or(|p| Pattern::new(p).matches(namespace.unwrap_or("")))
        })
    }
}

/// The entry with this name; an error that offers the nearest where there is none.
fn named<'s, T>(what: &str, name: Option<&str>, all: &'s BTreeMap<String, T>) -> Result<Option<&'s T>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let names = || all.keys().map(String::as_str);
    all.get(name).map(Some).ok_or_else(|| {
        let hint = match (nearest(name, names()), all.is_empty()) {
            (Some(near), _) => format!("did you mean \"{near}\"?"),
            (None, true) => format!("the settings have no {what}s"),
            (None, false) => format!("known: {}", names().collect::<Vec<_>>().join(", ")),
        };
        Problem::new(format!("the settings have no {what} \"{name}\"")).hint(hint)
    })
}

fn certificate(text: &str) -> Public {
    if is_pem(text) { Public::Text(text.to_owned()) } else { Public::File(text.to_owned()) }
}

fn variable(name: &str, value: &str) -> Result<(), Problem> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(letters) {
        return Err(
            Problem::new(format!("the variable \"{name}\" has another letter than A-Z a-z 0-9 _ -")).hint("rename it")
        );
    }
    let segment = !value.is_empty() && value != "." && value != "..";
    if !segment || value.contains(['/', '#', '?', '+', '%', '\\', '{', '}', '*']) || value.contains(char::is_control) {
        return Err(Problem::new(format!("the value of the variable \"{name}\" is more than one segment of a path"))
            .hint("it may hold no / # ? + % \\ { } *"));
    }
    Ok(())
}

fn rewrite(from: &str, to: &str, variables: &BTreeMap<String, String>) -> Result<Rewrite, Problem> {
    let wrong = || {
        Problem::new(format!("the rewrite from \"{from}\" to \"{to}\" is not from one address to another"))
            .hint("write {from: \"vault://kv/**\", to: \"file://local/**\"}, with the same wildcards")
    };
    let (scheme, from_path) = from.split_once("://").ok_or_else(wrong)?;
    let (to_scheme, to_path) = to.split_once("://").ok_or_else(wrong)?;
    let wildcards =
        |path: &str| path.split('/').map(|s| if s == "**" { 1 } else { s.matches('*').count() }).sum::<usize>();
    if from_path.is_empty() || to_path.is_empty() || wildcards(to_path) > wildcards(from_path) {
        return Err(wrong());
    }
    Ok(Rewrite {
        scheme: scheme.to_owned(),
        from: Pattern::new(&filled(from_path, variables)),
        to_scheme: to_scheme.to_owned(),
        to: Pattern::new(&filled(to_path, variables)),
    })
}

fn rule(store: Store, variables: &BTreeMap<String, String>) -> Result<StoreRule, Problem> {
    let provider = match store.provider {
        None => None,
        Some(map) if map.len() == 1 => map.into_iter().next().map(|(kind, fields)| StoreProvider { kind, fields }),
        Some(_) => {
            return Err(Problem::new(format!("the provider of store \"{}\" is not exactly one", store.store.name))
                .hint("write it as spec.provider of the store: {vault: {server: ..., path: ..., version: v2}}"));
        }
    };
    let kind = match store.store.kind {
        StoreKindName::ClusterSecretStore => StoreKind::Cluster,
        StoreKindName::SecretStore => StoreKind::Namespaced,
    };
    Ok(StoreRule {
        scheme: store.matches.scheme,
        path: store.matches.path.map(|path| Pattern::new(&filled(&path, variables))),
        parameters: store.matches.parameters,
        store: StoreSpec { store: StoreRef { kind, name: store.store.name }, namespace: None, provider },
    })
}

/// `{name}` replaced by the variable's value; unknown names stay, and so match nothing by accident.
fn filled(text: &str, variables: &BTreeMap<String, String>) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn has_reason(rule: &SecretRule) -> Result<(), Problem> {
    let missing = rule.reason.as_ref().is_none_or(|reason| reason.trim().is_empty());
    if rule.plaintext == Some(Plaintext::Pass) && missing {
        return Err(
            Problem::new("a rule of `secrets` lets plaintext pass and gives no reason").hint("add reason: \"...\"")
        );
    }
    Ok(())
}

fn interval(text: Option<&str>) -> Result<Interval, Problem> {
    let Some(text) = text else {
        return Ok(Interval::HOUR);
    };
    Interval::parse(text)
        .ok_or_else(|| Problem::new("refreshInterval is not a length of time").hint("write 1h, 15m or 1h30m"))
}

fn eso_version(text: Option<&str>) -> Result<EsoVersion, Problem> {
    let Some(text) = text else {
        return Ok(EsoVersion::NEWEST);
    };
    EsoVersion::parse(text)
        .ok_or_else(|| Problem::new("esoVersion is not a version").hint("write it as \"2.9\" or \"v2.9.0\", in quotes"))
}

fn check_epoch(epoch: &str) -> Result<(), Problem> {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if epoch.len() <= 64 && epoch.chars().all(letters) {
        return Ok(());
    }
    Err(Problem::new("sealing.epoch is longer than 64 letters or has another than A-Z a-z 0-9 . _ -")
        .hint("a date does: \"2026-11\""))
}
