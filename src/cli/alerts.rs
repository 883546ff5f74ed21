//! `sealref alerts`: rules of Prometheus and a dashboard for what a final stream holds.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::Done;
use super::cert;
use super::options::{self, Inputs, Settings};
use crate::alerts::{self, Ending, Label, Terms};
use crate::error::{Problem, Problems};
use crate::hosts::stream::Call;
use crate::hosts::{self, Job, Pinned};
use crate::model::{Identity, Stream};
use crate::steps::{read, read::Purpose};
use crate::yaml::{Syntax, Value};

/// Write alerts and a dashboard for what makes the Secrets of a final stream
///
/// Needs no key and no cluster. docs/runbooks says what to do about each alert.
#[derive(Args)]
pub(super) struct Alerts {
    #[command(flatten)]
    inputs: Inputs,
    /// What is written
    #[arg(long, value_enum, default_value_t = Form::Rule)]
    format: Form,
    /// The name of the object, of its groups and of the dashboard
    #[arg(long, default_value = "sealref", value_parser = name)]
    name: String,
    /// A label of the object, by which Prometheus or Grafana finds it
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Where the runbooks are; the name of the alert and .md follow
    #[arg(long, value_name = "URL", default_value = RUNBOOKS)]
    runbooks: String,
    /// The label that holds an object's namespace, where it is not as the chart of each controller has it
    #[arg(long, value_name = "LABEL", value_parser = namespace_label())]
    namespace_label: Option<Label>,
    #[command(flatten)]
    settings: Settings,
}

/// What is written.
#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// A PrometheusRule, for the operator of Prometheus
    Rule,
    /// A rule file of Prometheus itself
    Prometheus,
    /// A dashboard of Grafana
    Dashboard,
    /// The dashboard in a ConfigMap, for the sidecar of kube-prometheus-stack
    Configmap,
}

const RUNBOOKS: &str = "https://sealref.dev/runbooks";

/// The label by which the sidecar of Grafana finds dashboards (`sidecar.dashboards.label` of its chart).
const DASHBOARD: &str = "grafana_dashboard";

impl Alerts {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Self { inputs, format, name, label: labels, runbooks, namespace_label: label, settings } = self;
        let call = settings.call(inputs, None)?;
        let certificates = certificates(&call);
        let (job, _) = options::job(call, Purpose::Uses)?;
        let objects = objects(&read::stream(&job, Purpose::Uses)?, &job)?;
        let sealed = alerts::all().any(|one| one.uses_certificates() && objects.iter().any(|object| one.knows(object)));
        let certificates = if sealed { certificates? } else { vec![] };
        let unnamed = sealed && certificates.is_empty();
        let terms = Terms { name, label, runbooks, objects, certificates };
        let output = Done::output(format.write(&terms, labels));
        Ok(if unnamed { output.warn(&nobody_knows().into()) } else { output })
    }
}

fn nobody_knows() -> Problem {
    Problem::new("no rule tells when the sealing certificate ends: no settings name it")
        .hint("name it under sealing or clusters, in settings that --config names in a pipe")
}

impl Form {
    fn write(self, terms: &Terms, mut labels: Vec<(String, String)>) -> String {
        let dashboard = || format!("{:#}\n", alerts::dashboard(terms));
        match self {
            Self::Rule => {
                let head = ("monitoring.coreos.com/v1", "PrometheusRule", terms.name.as_str());
                object(head, labels, ("spec", alerts::groups(terms)))
            }
            Self::Prometheus => alerts::groups(terms).write(Syntax::Document),
            Self::Dashboard => dashboard(),
            Self::Configmap => {
                labels.insert(0, (DASHBOARD.to_owned(), "1".to_owned()));
                let data = Value::map([(format!("{}.json", terms.name), Value::text(dashboard()))]);
                object(("v1", "ConfigMap", terms.name.as_str()), labels, ("data", data))
            }
        }
    }
}

/// An object of an `apiVersion`, kind and name. Of two labels with one key the later one counts.
fn object(
    (version, kind, name): (&'static str, &'static str, &str),
    labels: Vec<(String, String)>,
    rest: (&'static str, Value),
) -> String {
    let mut metadata = Value::map([("name", Value::text(name))]);
    let (labelled, mut all) = (!labels.is_empty(), Value::Map(vec![]));
    for (key, value) in labels {
        all.push(key, Value::text(value));
    }
    if labelled {
        metadata.push("labels", all);
    }
    let head = [("apiVersion", Value::text(version)), ("kind", Value::text(kind)), ("metadata", metadata)];
    Value::map(head.into_iter().chain([rest])).write(Syntax::Document)
}

/// What an alert is about, with the namespace that it goes to.
fn objects(stream: &Stream, job: &Job) -> Result<Vec<Identity>, Problem> {
    let known = stream.read().filter(|(.., identity)| alerts::all().any(|one| one.knows(identity)));
    let goes = |identity: &Identity| {
        let namespaced = !identity.kind.starts_with("Cluster");
        let given = || job.terms.namespace.clone().filter(|_| namespaced);
        Identity { namespace: identity.namespace.clone().or_else(given), ..identity.clone() }
    };
    let objects: Vec<Identity> = known.map(|(.., identity)| goes(identity)).collect();
    if objects.is_empty() {
        let titles: Vec<&str> = alerts::all().map(|one| one.title.as_str()).collect();
        return Err(Problem::new("the stream holds nothing that an alert is about")
            .hint(format!("render it first; there are alerts for {}", titles.join(", "))));
    }
    Ok(objects)
}

/// The certificates of the settings, or those of the environment or cluster that is chosen. Under a policy they do not
/// count.
fn certificates(call: &Call) -> Result<Vec<Ending>, Problems> {
    if call.policy.holds() {
        return Ok(vec![]);
    }
    let named = hosts::certificates(call)?;
    let mut problems = Problems::default();
    let mut endings = vec![];
    let nothing_is_chosen = call.chosen.environment.is_none() && named.chosen.is_none();
    let is_chosen = |one: &&Pinned| nothing_is_chosen || one.cluster == named.chosen;
    for one in named.all.iter().filter(is_chosen) {
        let (shown, certificate) = cert::pinned(one, &named);
        let Some(certificate) = problems.keep(certificate) else { continue };
        let (told, fingerprint) = (format!("{shown} ({})", cert::users(one)), certificate.fingerprint());
        if told.contains("{{") || told.contains('$') {
            let problem = Problem::new("the name of a certificate, of its cluster or environment holds {{ or $");
            problems.push(problem.hint("rename it: in an alert Prometheus would run that").at(told));
            continue;
        }
        if let Some(known) = endings.iter_mut().find(|known: &&mut Ending| known.fingerprint == fingerprint) {
            known.certificate = format!("{}, {told}", known.certificate);
            continue;
        }
        endings.push(Ending {
            certificate: told,
            fingerprint,
            until: certificate.not_after(),
            date: certificate.dates().1,
        });
    }
    problems.or(endings)
}

/// Kubernetes takes it as a name, and Grafana as the uid of a dashboard.
fn name(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=40).contains(&text.len()) && text.chars().all(inner);
    let ends = text.starts_with('-') || text.ends_with('-');
    if fits && !ends {
        return Ok(text.to_owned());
    }
    Err("1 to 40 lower-case letters, digits and -".to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn namespace_label() -> impl TypedValueParser<Value = Label> {
    let names = [Label::Own, Label::Exported].map(|label| PossibleValue::new(label.name()));
    let label = |typed: String| if typed == Label::Own.name() { Label::Own } else { Label::Exported };
    PossibleValuesParser::new(names).map(label)
}
