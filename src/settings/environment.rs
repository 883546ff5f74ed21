//! The settings that hold for one run: one environment, one cluster, every text checked once.

use std::collections::BTreeMap;

use super::checks::{Level, Vendored};
use super::consumer::{ConfigMaps, Consumer, HelmReleases, Reload, When};
use super::text::Link;
use super::transform::{Environment, KeySource, Plaintext, Provided, SecretRule, Spec, Store, Suffix, is_pem};
use super::{EsoVersion, Interval};
use crate::error::{Problem, Problems, all_known, meant};
use crate::model::{Pattern, Scope, StoreSpec};

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

impl Public {
    /// What the settings say.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if is_pem(text) { Self::Text(text.to_owned()) } else { Self::File(text.to_owned()) }
    }
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
    /// The data keys of SOPS files.
    Sops,
}

impl Key {
    /// What the settings say.
    fn of(source: &KeySource) -> Self {
        match source {
            KeySource::Age(path) => Self::Age(path.clone()),
            KeySource::Env(name) => Self::Environment(name.clone()),
            KeySource::File(path) if path.starts_with('/') => Self::Named(path.clone()),
            KeySource::File(path) => Self::File(path.clone()),
            KeySource::FromSops => Self::Sops,
        }
    }
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
    /// The file they were read from; None: there was none.
    pub file: Option<String>,
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
    /// True: layers above do the work again.
    pub layered: bool,
    /// What is put behind names.
    pub suffix: Suffix,
    /// True: Secrets are on their way to another kind.
    pub handover: bool,
    /// What happens to literal values.
    pub plaintext: Plaintext,
    /// What holds for some Secrets only.
    pub secrets: Vec<SecretRule>,
    /// Secrets that are provided from elsewhere.
    pub provided: Vec<Provided>,
    /// What happens to references in ConfigMaps.
    pub config_maps: ConfigMaps,
    /// What happens to references in the values of HelmReleases.
    pub helm_releases: HelmReleases,
    /// How workloads learn that a Secret has changed.
    pub reload: Option<Reload>,
    /// Who names Secrets, beyond our table.
    pub consumers: Vec<Consumer>,
    /// How grave the findings of rules are.
    pub rules: BTreeMap<String, Level>,
    /// The file with rules about leaks.
    pub leak_rules: Option<String>,
    /// What others have written.
    pub vendored: Vec<Vendored>,
    /// What `{name}` stands for.
    pub variables: BTreeMap<String, String>,
    /// Where references lead instead.
    pub rewrites: Vec<Rewrite>,
    /// The cluster that was chosen.
    pub cluster: Option<String>,
    /// The certificate, read only when something is sealed.
    pub certificate: Option<Public>,
    /// The sealing key, read only when something is sealed.
    pub key: Option<Key>,
    /// The one before it, from which names and checksums still follow.
    pub previous_key: Option<Key>,
    /// To which names SealedSecrets are bound.
    pub scope: Scope,
    /// Reshuffles ciphertexts.
    pub epoch: String,
    /// True: fresh random ciphertexts.
    pub randomised: bool,
}

impl Spec {
    /// The environment that is chosen: on the command line, else by the settings.
    ///
    /// # Errors
    /// The settings have none of this name.
    pub fn environment(&self, chosen: &Chosen) -> Result<Option<&Environment>, Problem> {
        let name = chosen.environment.as_ref().or(self.environment.as_ref());
        named("environment", name.map(String::as_str), &self.environments)
    }

    /// The cluster of an environment: its own, else the one that the settings choose.
    #[must_use]
    pub fn cluster_of<'s>(&'s self, environment: Option<&'s Environment>) -> Option<&'s String> {
        environment.and_then(|environment| environment.cluster.as_ref()).or(self.cluster.as_ref())
    }

    /// The cluster for which is sealed: that of the command line, else that of the environment which is chosen.
    #[must_use]
    pub fn cluster<'s>(&'s self, chosen: &'s Chosen, environment: Option<&'s Environment>) -> Option<&'s String> {
        chosen.cluster.as_ref().or_else(|| self.cluster_of(environment))
    }
}

impl StoreRule {
    /// Is it for what a reference leads to?
    #[must_use]
    pub fn is_for(&self, scheme: &str, path: &str, parameter: impl Fn(&str) -> Option<String>) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
            && self.path.as_ref().is_none_or(|pattern| pattern.matches(path))
            && self.parameters.iter().all(|(name, value)| parameter(name).as_ref() == Some(value))
    }
}

impl Settings {
    /// Chooses an environment and a cluster, and checks every text.
    pub fn choose(spec: &Spec, chosen: &Chosen) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let environment = problems.keep(spec.environment(chosen)).flatten();
        let (mut variables, mut rewrites) = (BTreeMap::new(), vec![]);
        for (name, value) in environment.iter().flat_map(|environment| &environment.variables) {
            variables.insert(name.0.clone(), value.0.clone());
        }
        for rule in environment.iter().flat_map(|environment| &environment.rewrites) {
            rewrites.extend(problems.keep(rewrite(&rule.from, &rule.to, &variables)));
        }
        let cluster = spec.cluster(chosen, environment);
        let found = problems.keep(named("cluster", cluster.map(String::as_str), &spec.clusters));
        let certificate = match (&chosen.certificate, found.flatten(), &spec.sealing.certificate) {
            (Some(path), ..) => Some(Public::Named(path.clone())),
            (None, Some(cluster), _) => Some(Public::of(&cluster.certificate)),
            (None, None, Some(text)) => Some(Public::of(text)),
            (None, None, None) => None,
        };
        let key = chosen.key.clone().map(Key::Named).or_else(|| spec.sealing.key.as_ref().map(Key::of));
        let previous_key = spec.sealing.previous_key.as_ref().map(Key::of);
        problems.keep(replaced(key.as_ref(), previous_key.as_ref()));
        let stores = spec.stores.clone().unwrap_or_default();
        let stores = stores.into_iter().map(|store| rule(store, &variables)).collect();
        let secrets = spec.secrets.clone().unwrap_or_default();
        for (number, rule) in secrets.iter().enumerate() {
            let at = |problem: Problem| problem.at(format!("the settings, spec.secrets[{number}]"));
            problems.keep(has_reason(rule).map_err(at));
        }
        let settings = Self {
            file: None,
            targets: spec.targets.clone(),
            stores,
            store_files: spec.store_files.clone().unwrap_or_default(),
            refresh_interval: spec.refresh_interval.unwrap_or(Interval::HOUR),
            eso_version: spec.eso_version.unwrap_or(EsoVersion::NEWEST),
            layered: spec.layered.unwrap_or(false),
            suffix: spec.suffix.unwrap_or_default(),
            handover: spec.handover.unwrap_or(false),
            plaintext: spec.plaintext.unwrap_or_default(),
            secrets,
            provided: spec.provided.clone().unwrap_or_default(),
            config_maps: spec.config_maps.unwrap_or_default(),
            helm_releases: spec.helm_releases.unwrap_or_default(),
            reload: spec.reload,
            consumers: spec.consumers.clone().unwrap_or_default(),
            rules: spec.rules.clone(),
            leak_rules: spec.leak_rules.clone(),
            vendored: spec.vendored.clone().unwrap_or_default(),
            variables,
            rewrites,
            cluster: cluster.cloned(),
            certificate,
            key,
            previous_key,
            scope: chosen.scope.or(spec.sealing.scope).unwrap_or_default(),
            epoch: spec.sealing.epoch.clone().unwrap_or_default().0,
            randomised: chosen.randomised || spec.sealing.randomised.unwrap_or(false),
        };
        problems.or(settings)
    }

    /// May a render change the name under which something is found, or ask who finds it?
    #[must_use]
    pub fn follows(&self) -> bool {
        self.config_maps == ConfigMaps::Promote || self.reloads()
    }

    /// Is there anything of which workloads are to learn?
    #[must_use]
    pub fn reloads(&self) -> bool {
        self.reload.is_some_and(|reload| reload.when != When::Never)
    }

    /// What happens to the literal values of a Secret that this rule is for.
    #[must_use]
    pub fn plaintext_by(&self, rule: Option<&SecretRule>) -> Plaintext {
        rule.and_then(|rule| rule.plaintext).unwrap_or(self.plaintext)
    }

    /// The first rule that is for a Secret.
    pub fn secret_rule(
        &self,
        name: &str,
        namespace: Option<&str>,
        label: &dyn Fn(&str) -> Option<String>,
    ) -> Option<&SecretRule> {
        self.secrets.iter().find(|rule| rule.matches.matches(name, namespace, label))
    }

    /// Does something outside the stream provide this Secret?
    #[must_use]
    pub fn is_provided(&self, name: &str, namespace: Option<&str>) -> bool {
        self.provided.iter().any(|provided| {
            let place = provided.namespace.as_ref();
            provided.name.matches(name) && place.is_none_or(|place| place.matches(namespace.unwrap_or("")))
        })
    }
}

/// The entry with this name; an error that offers the nearest where there is none.
fn named<'s, T>(what: &str, name: Option<&str>, all: &'s BTreeMap<String, T>) -> Result<Option<&'s T>, Problem> {
    let Some(name) = name else { return Ok(None) };
    all.get(name).map(Some).ok_or_else(|| {
        let hint = meant(name, all.keys().map(String::as_str), |names| match names {
            [] => format!("the settings have no {what}s"),
            names => all_known(names),
        });
        Problem::new(format!("the settings have no {what} \"{name}\"")).hint(hint)
    })
}

/// A key that is replaced is one of its own, and so is what replaces it.
fn replaced(key: Option<&Key>, previous: Option<&Key>) -> Result<(), Problem> {
    let wrong = |what: &str, hint: &str| Err(Problem::new(what).hint(hint).at("the settings, spec.sealing"));
    match (key, previous) {
        (_, Some(Key::Sops)) => wrong(
            "previousKey is FromSops, which is no key of its own",
            "leave it out; what follows from values changes once",
        ),
        (None | Some(Key::Sops), Some(_)) => {
            wrong("previousKey is given without a key that replaces it", "write the new one as key: {file: ...}")
        }
        (Some(key), Some(previous)) if key == previous => {
            wrong("previousKey is the key itself", "when nothing needs the old one any more, take previousKey out")
        }
        _ => Ok(()),
    }
}

fn rewrite(from: &Link, to: &Link, variables: &BTreeMap<String, String>) -> Result<Rewrite, Problem> {
    let wildcards = |link: &Link| -> usize {
        link.path.split('/').map(|segment| if segment == "**" { 1 } else { segment.matches('*').count() }).sum()
    };
    if wildcards(to) > wildcards(from) {
        return Err(Problem::new(format!("a rewrite to {}://{} has more wildcards than its from", to.scheme, to.path))
            .hint("what a wildcard stands for on one side is put where one stands on the other"));
    }
    Ok(Rewrite {
        scheme: from.scheme.clone(),
        from: Pattern::new(&filled(&from.path, variables)),
        to_scheme: to.scheme.clone(),
        to: Pattern::new(&filled(&to.path, variables)),
    })
}

pub(super) fn rule(rule: Store, variables: &BTreeMap<String, String>) -> StoreRule {
    StoreRule {
        scheme: rule.matches.scheme,
        path: rule.matches.path.map(|path| Pattern::new(&filled(&path, variables))),
        parameters: rule.matches.parameters,
        store: StoreSpec { store: rule.store, namespace: None, provider: rule.provider },
    }
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
