//! `sealref rbac suggest`: the smallest roles that what is rendered needs, and how they differ from those that are there.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};

use super::Done;
use super::chain::chain;
use super::live::{self, Live};
use super::options::{self, Inputs, Settings};
use crate::error::{Problem, Problems, Quiet};
use crate::model::{Inventory, Place, StoreKind, Stream, annotation, each};
use crate::rules::rbac::{self, Access, GROUP, Needs, PolicyRule, Role, Subject, Suggestion};
use crate::steps::{find, read, read::Purpose};
use crate::yaml::{Syntax, Value};

/// The smallest roles for what reads Secrets through the API, and what of those that are there goes beyond
///
/// Who mounts a Secret needs no right. What a program asks the API for shows nowhere, so a ServiceAccount says it:
/// sealref.dev/reads: "NAME, NAMESPACE/NAME". Stores of External Secrets that read from Kubernetes say it themselves.
#[derive(Args)]
pub(super) struct Suggest {
    #[command(flatten)]
    inputs: Inputs,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// The difference, for a person.
    Text,
    /// The roles and bindings that change or are new, as manifests.
    Yaml,
}

/// Names the Secrets that a ServiceAccount reads through the API.
const READS: &str = "sealref.dev/reads";

impl Suggest {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let call = self.settings.call(self.inputs, None)?;
        let (job, mut world) = options::job(call, Purpose::Everything)?;
        let stream = read::read(&job.input, Purpose::Everything.by(&job))?;
        let inventory = find::inventory_of(&stream, &job.settings)?;
        let own = job.terms.namespace.as_deref().unwrap_or(rbac::DEFAULT);
        let live = self.live.ask(None, &mut world)?;
        let (access, unasked) = live::access(live.as_ref(), &stream, own);
        let mut needs = declared(&stream, own)?;
        stores(&stream, &inventory, own, &mut needs);
        let suggestion = rbac::suggest(&access, &needs);
        let told = Done::output(match self.format {
            Form::Text => text(&stream, &access, &needs, &suggestion),
            Form::Yaml => yaml(&stream, &access, &suggestion),
        });
        Ok(told.warn(&unasked))
    }
}

/// What annotations of ServiceAccounts say.
fn declared(stream: &Stream, own: &str) -> Result<Needs, Problems> {
    let (mut needs, mut problems) = (Needs::new(), Problems::default());
    for (manifest, tree, identity) in stream.read().filter(|(_, _, identity)| identity.is("", "ServiceAccount")) {
        let namespace = identity.namespace.as_deref().unwrap_or(own);
        let Some(text) = annotation(tree, READS) else { continue };
        let account = Subject::ServiceAccount(namespace.to_owned(), identity.name.clone());
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (namespace, name) = item.split_once('/').unwrap_or((namespace, item));
            let is_name = |text: &str| {
                !text.is_empty()
                    && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
            };
            if is_name(namespace) && is_name(name) {
                needs.entry(account.clone()).or_default().insert((namespace.to_owned(), name.to_owned()));
            } else {
                problems.push(
                    Problem::new(format!("{READS} names no Secret"))
                        .hint("write names, or NAMESPACE/NAME, with commas between; there are no wildcards")
                        .at(stream.tell(Place { manifest, node: tree.root() })),
                );
            }
        }
    }
    problems.or(needs)
}

/// Stores whose provider is Kubernetes read as a ServiceAccount what ExternalSecrets name.
fn stores(stream: &Stream, inventory: &Inventory, own: &str, needs: &mut Needs) {
    for (_, store) in &inventory.stores {
        let Some(provider) = store.provider.as_ref().filter(|provider| provider.kind == "kubernetes") else { continue };
        let here = store.namespace.as_deref().unwrap_or(own);
        let field = |name| provider.field(&["auth", "serviceAccount", name]);
        let Some(name) = field("name") else { continue };
        let account = Subject::ServiceAccount(field("namespace").unwrap_or(here).to_owned(), name.to_owned());
        let from = provider.field(&["remoteNamespace"]).unwrap_or("default");
        for (_, tree, identity) in stream.read().filter(|(_, _, one)| one.is("external-secrets.io", "ExternalSecret")) {
            let text = |key| tree.at(tree.root(), &["spec", "secretStoreRef", key]).and_then(|node| tree.text(node));
            let near = store.store.kind == StoreKind::Cluster || identity.namespace.as_deref().unwrap_or(own) == here;
            let kind = text("kind").unwrap_or(StoreKind::Namespaced.name());
            if !near || kind != store.store.kind.name() || text("name") != Some(&store.store.name) {
                continue;
            }
            for path in ["spec/data[]/remoteRef/key", "spec/dataFrom[]/extract/key"] {
                each(tree, tree.root(), path, &mut |node| {
                    let secret = tree.text(node).map(|name| (from.to_owned(), name.to_owned()));
                    needs.entry(account.clone()).or_default().extend(secret);
                });
            }
        }
    }
}

fn text(stream: &Stream, access: &Access, needs: &Needs, suggestion: &Suggestion) -> String {
    let Suggestion { added, taken, left, .. } = suggestion;
    let mut all: BTreeSet<&Subject> = needs.keys().chain(added.keys().map(|(account, _)| account)).collect();
    all.extend(taken.iter().map(|(account, _)| account).chain(left.iter().map(|(account, ..)| account)));
    let mut out = String::new();
    for account in all {
        let needed = needs.get(account).into_iter().flatten();
        let needed: Vec<String> = needed.map(|(namespace, name)| format!("{namespace}/{name}")).collect();
        let needed = if needed.is_empty() { "nothing that shows".to_owned() } else { needed.join(", ") };
        let mut lines = vec![format!("{account}\n  needs {needed}")];
        for (_, grant) in taken.iter().filter(|(one, _)| one == account) {
            lines.push(format!("  - {}\n    {}", grant.held.rule, chain(stream, grant)));
        }
        for ((_, namespace), names) in added.iter().filter(|((one, _), _)| one == account) {
            let role = name_of(access, account, namespace);
            lines.push(format!("  + {}\n    RoleBinding and Role {namespace}/{role}", rule(names)));
        }
        for (_, grant, why) in left.iter().filter(|(one, ..)| one == account) {
            lines.push(format!("  ! {}\n    {}\n    {why}", grant.held.rule, chain(stream, grant)));
        }
        if lines.len() == 1 {
            lines.push("  reads just that".to_owned());
        }
        out.extend(lines.iter().flat_map(|line| line.split('\n')).map(|line| format!("{}\n", Quiet(line))));
    }
    if out.is_empty() {
        out.push_str("no ServiceAccount reads Secrets through the API, by what shows\n");
    }
    out
}

fn rule(names: &BTreeSet<String>) -> PolicyRule {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    PolicyRule {
        groups: list(&[""]),
        names: names.iter().cloned().collect(),
        resources: list(&["secrets"]),
        urls: vec![],
        verbs: list(&["get"]),
    }
}

/// What a role is called that lets an account read in a namespace; accounts of other namespaces say theirs. A name that
/// a role or a binding has already is another one's.
fn name_of(access: &Access, account: &Subject, namespace: &str) -> String {
    let base = match account {
        Subject::ServiceAccount(its, name) if its == namespace => format!("{name}-reads-secrets"),
        // With a colon, which no namespace and no account has in its name
        Subject::ServiceAccount(its, name) => format!("{its}:{name}-reads-secrets"),
        Subject::Group(name) | Subject::User(name) => name.clone(),
    };
    let is_free = |name: &String| {
        let mut bindings = access.bindings().map(|(binding, _)| binding);
        access.role(Some(namespace), name).is_none()
            && !bindings.any(|one| one.namespace.as_deref() == Some(namespace) && one.name == *name)
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap_or_else(|| base.clone())
}

fn yaml(stream: &Stream, access: &Access, suggestion: &Suggestion) -> String {
    let narrowed = suggestion.narrowed.iter().filter_map(|(role, rules)| changed(stream, role, rules));
    let added = suggestion.added.iter().flat_map(|((account, namespace), names)| {
        let role = name_of(access, account, namespace);
        made(account, namespace, &role, names)
    });
    let objects: Vec<String> = narrowed.chain(added.map(|object| object.write(Syntax::Document))).collect();
    if objects.is_empty() { "# nothing to change\n".to_owned() } else { objects.join("---\n") }
}

/// A role of the stream with other rules; the rest of it stays.
fn changed(stream: &Stream, role: &Role, rules: &[PolicyRule]) -> Option<String> {
    let (tree, _) = stream.get(role.place?.manifest)?.read()?;
    let Value::Map(mut entries) = Value::of(tree, tree.root()) else { return None };
    let (_, its) = entries.iter_mut().find(|(key, _)| key == "rules")?;
    *its = Value::List(rules.iter().map(written).collect());
    Some(Value::Map(entries).write(Syntax::Document))
}

fn written(rule: &PolicyRule) -> Value<'static> {
    let parts = [
        ("apiGroups", &rule.groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.names),
        ("nonResourceURLs", &rule.urls),
        ("verbs", &rule.verbs),
    ];
    let list = |items: &[String]| Value::List(items.iter().map(|item| Value::text(item.clone())).collect());
    Value::map(parts.into_iter().filter(|(_, items)| !items.is_empty()).map(|(key, items)| (key, list(items))))
}

fn made(account: &Subject, namespace: &str, role: &str, names: &BTreeSet<String>) -> Vec<Value<'static>> {
    let Subject::ServiceAccount(its, name) = account else { return vec![] };
    let text = |text: &str| Value::text(text.to_owned());
    let object = |kind, (key, value): (&'static str, _)| {
        let metadata = Value::map([("name", text(role)), ("namespace", text(namespace))]);
        let version = Value::text(format!("{GROUP}/v1"));
        vec![("apiVersion", version), ("kind", text(kind)), ("metadata", metadata), (key, value)]
    };
    let mut binding = object(
        "RoleBinding",
        ("roleRef", Value::map([("apiGroup", text(GROUP)), ("kind", text("Role")), ("name", text(role))])),
    );
    let subject = Value::map([("kind", text("ServiceAccount")), ("name", text(name)), ("namespace", text(its))]);
    binding.push(("subjects", Value::List(vec![subject])));
    let rules = Value::List(vec![written(&rule(names))]);
    vec![Value::map(object("Role", ("rules", rules))), Value::map(binding)]
}
