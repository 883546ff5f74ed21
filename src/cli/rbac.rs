//! `sealref rbac`: who may do what with a Secret, and why.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Done;
use super::chain::{chain, is_built_in};
use super::explain::Format;
use super::live::{self, Live};
use super::options::{self, Inputs, Settings};
use super::suggest::Suggest;
use super::today::Today;
use crate::error::{Exit, Problem, Problems, Quiet};
use crate::model::{Inventory, Object, Place, Stream};
use crate::rules::rbac::{self, Grant, Question, Subject, Way};
use crate::steps::{find, read, read::Purpose};

/// Who may read or change a Secret by the roles of a stream
#[derive(Args)]
pub(super) struct Rbac {
    #[command(subcommand)]
    question: Asked,
}

#[derive(Subcommand)]
enum Asked {
    Suggest(Suggest),
    WhoCan(WhoCan),
}

/// Who may do something with a Secret: by a right, or by a detour that ends at its value
///
/// The roles that every cluster has are counted too. -n is the namespace of the Secret, and of objects that write
/// none.
#[derive(Args)]
struct WhoCan {
    /// get, list, watch, create, update, patch, delete or deletecollection
    #[arg(value_name = "VERB", value_parser = VERBS)]
    verb: String,
    /// secrets/NAME, or secrets for all of them
    #[arg(value_name = "secrets/NAME")]
    secret: String,
    #[command(flatten)]
    inputs: Inputs,
    /// Ask about every namespace at once
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    settings: Settings,
}

const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

impl Rbac {
    pub(super) fn run(self) -> Result<Done, Problems> {
        match self.question {
            Asked::Suggest(asked) => asked.run(),
            Asked::WhoCan(asked) => asked.run(),
        }
    }
}

impl WhoCan {
    fn run(self) -> Result<Done, Problems> {
        let name = secret(&self.secret)?;
        let call = self.settings.call(self.inputs, None)?;
        let (job, mut world) = options::job(call, Purpose::Check)?;
        let stream = read::stream(&job, Purpose::Check)?;
        let inventory = find::inventory_of(&stream, &job.settings)?;
        let own = job.terms.namespace.as_deref().unwrap_or(rbac::DEFAULT);
        let namespace = match &job.terms.namespace {
            _ if self.all_namespaces => "",
            Some(namespace) => namespace,
            None => provided_in(&inventory, name).unwrap_or(own),
        };
        let live = self.live.ask(None, &mut world)?;
        let (access, mut unasked) = live::access(live.as_ref(), &stream, own);
        let keys = rbac::sealing_keys(&stream, &inventory, namespace, name);
        let question = Question { namespace, name, keys: keys.as_deref() };
        let ways = rbac::who_can(&access, &question, &self.verb);
        let today = live.and_then(Result::ok).filter(|live| live.existing.is_ok());
        let today = today.map(|live| Today::ask(&live, &access, &question, &self.verb));
        let today = today.and_then(|today| unasked.keep(today));
        let told = Told { stream: &stream, inventory: &inventory, question, verb: &self.verb, ways, today };
        Ok(self.format.answer(|| told.json(), || told.text()).warn(&unasked))
    }
}

/// The name; empty: every Secret.
fn secret(typed: &str) -> Result<&str, Problem> {
    let (resource, name) = typed.split_once('/').unwrap_or((typed, ""));
    if !matches!(resource, "secret" | "secrets") || name.contains('/') {
        return Err(Problem::new(format!("\"{typed}\" is no Secret"))
            .hint("write secrets/NAME, or secrets for all of them; the namespace is -n")
            .exit(Exit::Usage));
    }
    Ok(name)
}

/// The only namespace in which the stream provides a Secret of this name.
fn provided_in<'i>(inventory: &'i Inventory, name: &str) -> Option<&'i str> {
    let mut found = inventory.provides.iter().filter(|provider| provider.name == name);
    let first = found.next()?.namespace;
    found.all(|other| other.namespace == first).then_some(first).flatten()
}

struct Told<'t, 's> {
    stream: &'t Stream<'s>,
    inventory: &'t Inventory<'t>,
    question: Question<'t>,
    verb: &'t str,
    ways: Vec<(&'t Subject, Vec<Way<'t>>)>,
    today: Option<Today>,
}

impl Told<'_, '_> {
    fn text(&self) -> String {
        let (built_in, ours): (Vec<_>, Vec<_>) = self.ways.iter().partition(|(_, ways)| is_built_in(ways));
        let mut out = format!("who can {} {}\n", self.verb, self.secret());
        for (subject, ways) in &ours {
            let mark = self.today.as_ref().map(|today| today.mark(subject)).unwrap_or_default();
            out.push_str(&format!("\n{}{mark}\n{}", Quiet(&subject.to_string()), self.ways(ways)));
        }
        if ours.is_empty() {
            out.push_str("\nnobody, by what is in the stream\n");
        }
        let consumers = self.consumers();
        if !consumers.is_empty() {
            out.push_str("\nuses it without any right, through the kubelet or its operator\n");
        }
        for place in consumers {
            out.push_str(&format!("  {}\n", Quiet(&place)));
        }
        if !built_in.is_empty() {
            let names: Vec<String> = built_in.iter().map(|(subject, _)| subject.to_string()).collect();
            out.push_str(&format!("\nin every cluster: {}\n", names.join(", ")));
        }
        out.push_str(&self.today.as_ref().map(Today::text).unwrap_or_default());
        out
    }

    /// Ways that rest on the same grants are told together; why a detour leads there, only who has no right is told.
    fn ways(&self, ways: &[Way]) -> String {
        let has_right = ways.iter().any(|way| way.path.is_none());
        let mut told: Vec<(String, Vec<String>)> = vec![];
        for way in ways {
            let name = match way.path {
                None => self.verb.to_owned(),
                Some(path) if has_right => format!("{} {}", path.id, path.what),
                Some(path) => format!("{} {}: {}", path.id, path.what, path.why),
            };
            let mut grants: Vec<String> = way.grants.iter().map(|grant| self.grant(grant)).collect();
            grants.dedup();
            let grants = grants.concat();
            match told.iter_mut().find(|(known, _)| *known == grants) {
                Some((_, names)) => names.push(name),
                None => told.push((grants, vec![name])),
            }
        }
        let between = if has_right { ", " } else { "\n  " };
        let lines = told.into_iter().map(|(grants, names)| ["  ", &names.join(between), "\n", &grants].concat());
        lines.collect()
    }

    fn grant(&self, grant: &Grant) -> String {
        let rule = grant.held.rule.to_string();
        format!("    {}\n      {}\n", Quiet(&rule), Quiet(&chain(self.stream, grant)))
    }

    fn secret(&self) -> String {
        match (self.question.namespace, self.question.name) {
            ("", "") => "every Secret of the cluster".to_owned(),
            ("", name) => format!("Secret {} in every namespace", Quiet(name)),
            (namespace, "") => format!("every Secret of namespace {}", Quiet(namespace)),
            (namespace, name) => format!("Secret {}/{}", Quiet(namespace), Quiet(name)),
        }
    }

    /// Who names the Secret: no right is needed to mount it.
    fn consumers(&self) -> Vec<String> {
        let Question { namespace, name, .. } = self.question;
        if name.is_empty() || !rbac::READ.contains(&self.verb) {
            return vec![];
        }
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        let uses = self.inventory.uses_of(Object::Secrets, (namespace, name), None);
        let uses = uses.filter(|usage| usage.form != crate::model::Form::RoleNames);
        let mut places: Vec<String> = uses.map(|usage| self.stream.tell_object(usage.consumer).to_string()).collect();
        places.dedup();
        places
    }

    fn json(&self) -> Value {
        let place = |place: Option<Place>| place.map(|place| self.stream.tell(place).to_string());
        let grant = |grant: &Grant| {
            let Grant { binding, role, held } = grant;
            let rule = &held.rule;
            json!({
                "binding": {"name": binding.to_string(), "place": place(binding.place)},
                "role": {"name": role.to_string(), "place": place(role.place)},
                "aggregatedFrom": held.from,
                "rule": {
                    "apiGroups": rule.groups, "resources": rule.resources, "resourceNames": rule.names,
                    "verbs": rule.verbs, "place": place(held.place),
                },
            })
        };
        let way = |way: &Way| {
            let path = way.path.map(|path| json!({"id": path.id, "what": path.what, "why": path.why}));
            json!({"detour": path, "grants": way.grants.iter().map(grant).collect::<Vec<_>>()})
        };
        let subjects = self.ways.iter().map(|(subject, ways)| {
            json!({
                "subject": subject.to_string(),
                "inEveryCluster": is_built_in(ways),
                "ways": ways.iter().map(way).collect::<Vec<_>>(),
            })
        });
        json!({
            "verb": self.verb,
            "namespace": self.question.namespace,
            "name": self.question.name,
            "subjects": subjects.collect::<Vec<_>>(),
            "consumers": self.consumers(),
            "live": self.today.as_ref().map(Today::json),
        })
    }
}
