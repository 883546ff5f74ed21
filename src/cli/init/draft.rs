//! The text of the settings, with a comment for each thing that was assumed.

use std::collections::BTreeSet;

use super::next::{CERTIFICATE, KEY, recipients};
use super::repository::Repository;
use crate::error::Quiet;
use crate::model::StoreRef;
use crate::steps::survey;
use crate::yaml::{Syntax, Value};

/// The settings, and what they rest on that nothing in the repository says.
pub(super) fn draft(repository: &Repository) -> (String, Vec<String>) {
    let mut draft = Draft { text: HEAD.to_owned(), assumed: vec![] };
    draft.stores(repository);
    draft.environment(repository);
    draft.sealing(repository);
    draft.literals(repository);
    draft.moved(repository);
    draft.reload(repository);
    (draft.text, draft.assumed)
}

struct Draft {
    text: String,
    assumed: Vec<String>,
}

const HEAD: &str =
    "# Written by `sealref init`: change what was assumed. Every field: docs/settings.md, `sealref schema`.
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata: {name: secrets}
spec:
  # How often External Secrets fetches again.
  refreshInterval: 1h
";

impl Draft {
    fn line(&mut self, line: &str) {
        self.text.push_str(&format!("  {line}\n"));
    }

    fn stores(&mut self, repository: &Repository) {
        let survey = &repository.survey;
        let files: BTreeSet<&str> = survey.stores.iter().map(|(file, _)| file.as_str()).collect();
        if !files.is_empty() {
            self.line("# Where the stores of External Secrets are written down.");
            self.line("storeFiles:");
            for file in files {
                self.line(&format!("  - {}", scalar(file)));
            }
        }
        let mut wanted: Vec<_> = survey.translated().collect();
        if repository.is_empty() {
            wanted.push(survey::first());
        }
        let mut rules = vec![];
        for (scheme, providers) in wanted {
            let fits = |kind: &str| providers.contains(&kind);
            let known =
                survey.stores.iter().filter(|(_, store)| store.provider.as_ref().is_some_and(|p| fits(&p.kind)));
            let known: BTreeSet<&StoreRef> = known.map(|(_, store)| &store.store).collect();
            let known: Vec<&StoreRef> = known.into_iter().collect();
            let (store, why) = match (known.as_slice(), survey.named.first()) {
                ([_], _) => continue,
                ([first, ..], _) => ((*first).clone(), format!("the first of {}", names(&known))),
                ([], Some(named)) => (named.clone(), "an ExternalSecret here looks into it".to_owned()),
                ([], None) => (by_provider(providers), "nothing here says what the store is called".to_owned()),
            };
            let name = format!("{} \"{}\"", store.kind.name(), store.name);
            self.assumed.push(format!("references to {scheme} look into the {name}: {why}"));
            rules.push((format!("- match: {{scheme: {scheme}}}"), store, why));
        }
        if rules.is_empty() {
            return;
        }
        self.line("# Which store an ExternalSecret looks into; the first rule that matches is taken.");
        self.line("stores:");
        for (rule, store, why) in rules {
            self.line(&format!("  {rule}"));
            self.line(&format!(
                "    use: {{kind: {}, name: {}}} # assumed: {}",
                store.kind.name(),
                scalar(&store.name),
                Quiet(&why)
            ));
        }
    }

    fn environment(&mut self, repository: &Repository) {
        let variables = &repository.survey.variables;
        if variables.is_empty() {
            return;
        }
        let pairs: Vec<String> = variables.iter().map(|name| format!("{name}: production")).collect();
        self.line("# What stands for a name in braces in the path of a reference.");
        self.line("environment: production # unless --environment says another");
        self.line("environments:");
        self.line(&format!("  production: {{variables: {{{}}}}} # assumed", pairs.join(", ")));
        let names: Vec<&str> = variables.iter().map(String::as_str).collect();
        self.assumed.push(format!("there is one environment, and in it {} is \"production\"", names.join(" and ")));
    }

    fn sealing(&mut self, repository: &Repository) {
        let survey = &repository.survey;
        let seals = survey.needs_key() || survey.has_data_keys();
        match repository.certificates.as_slice() {
            [] if !seals => return,
            [] => {
                self.line("# How values are sealed. The certificate is fetched by `sealref cert fetch --write`.");
                self.line("sealing:");
                self.line(&format!("  certificate: {CERTIFICATE}"));
                for other in &repository.strangers {
                    self.line(&format!("  # certificate: {} # if it is the controller's", scalar(other)));
                }
            }
            [one] => {
                self.line("# How values are sealed.");
                self.line("sealing:");
                self.line(&format!("  certificate: {} # assumed: the only certificate here", scalar(one)));
                self.assumed.push(format!("{one} is the certificate of the cluster's sealed-secrets controller"));
            }
            [first, ..] => {
                self.line("# Certificates of sealed-secrets controllers, by cluster.");
                self.line("clusters:");
                for path in &repository.certificates {
                    self.line(&format!("  {}: {{certificate: {}}}", scalar(&cluster(path)), scalar(path)));
                }
                self.line(&format!("cluster: {} # assumed: the first; --cluster chooses", scalar(&cluster(first))));
                self.line("# How values are sealed.");
                self.line("sealing:");
                self.assumed.push(format!("{first} is the certificate of the cluster that is rendered for"));
            }
        }
        match (survey.needs_key(), recipients(repository)) {
            (true, []) => {
                self.line("  scope: Strict");
                self.line("  # No key stands here: it is given by --sealing-key FILE or SEALREF_SEALING_KEY=FILE.");
            }
            (true, _) => {
                self.line(&format!("  key: {{age: {KEY}}} # made by `sealref keys new -o {KEY} -r RECIPIENT`"));
                self.assumed.push("who may open the SOPS files may open the sealing key".to_owned());
            }
            (false, _) if survey.has_data_keys() => {
                self.line("  key: FromSops # seals follow from the keys of the encrypted files");
            }
            (false, _) => self.line("  scope: Strict"),
        }
    }

    fn literals(&mut self, repository: &Repository) {
        let survey = &repository.survey;
        if survey.plain.is_empty() {
            return;
        }
        self.line(
            "# Literal values in Secrets are sealed. In the files here they are still plain: move them to SOPS or a",
        );
        self.line("# store, put references in their places, and then take this line out.");
        self.line("plaintext: Seal");
        self.assumed.push("plain Secrets are to be sealed; in the files they stay plain".to_owned());
    }

    fn moved(&mut self, repository: &Repository) {
        if repository.survey.config_maps {
            self.line("# A ConfigMap with references becomes a Secret.");
            self.line("configMaps: Promote");
            self.assumed.push("ConfigMaps with references may become Secrets".to_owned());
        }
        if repository.survey.helm_values {
            self.line("# References in the values of a HelmRelease move to a Secret.");
            self.line("helmReleases: Lift");
        }
    }

    fn reload(&mut self, repository: &Repository) {
        self.line("# Workloads restart when their Secrets change.");
        if repository.survey.reloader {
            self.line("reload: {controller: Reloader, when: Needed}");
            self.assumed.push("Stakater Reloader runs in the cluster: an annotation asks it for something".to_owned());
        } else {
            self.line("# reload: {controller: Reloader, when: Needed} # where Stakater Reloader runs");
        }
    }
}

/// A store by the name of what is behind it.
fn by_provider(providers: &[&str]) -> StoreRef {
    let name = providers.first().copied().unwrap_or("store");
    StoreRef { kind: crate::model::StoreKind::Cluster, name: name.to_lowercase() }
}

fn names(stores: &[&StoreRef]) -> String {
    stores.iter().map(|store| store.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// `clusters/laptop.pem` is that of `laptop`.
fn cluster(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

/// Text as it has to stand in YAML.
fn scalar(text: &str) -> String {
    Value::text(text).write(Syntax::Document).trim_end().to_owned()
}
