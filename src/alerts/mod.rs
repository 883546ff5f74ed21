//! What tells that Secrets do not come any more: alerts and panels, one file a controller.
//!
//! It receives what a stream holds and gives back rules and a dashboard. It never asks a cluster.
//! A new controller is one file here and two lines in this one; each alert has a page in `docs/runbooks`.

mod csi_driver;
mod dashboard;
mod external_secrets;
mod fill;
mod rules;
mod sealed_secrets;
mod vault_secrets_operator;

pub use dashboard::dashboard;
pub use rules::groups;

use crate::limits;
use crate::model::Identity;

/// Something that makes Secrets, and what its metrics tell.
pub struct Controller {
    /// `external-secrets`: the end of the name of its rules.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The API group of its objects.
    pub group: &'static str,
    /// The label of its metrics that holds an object's namespace, where it was installed as its chart has it.
    pub label: Label,
    /// When somebody should look.
    pub alerts: &'static [Alert],
    /// What a dashboard shows.
    pub panels: &'static [Panel],
}

/// The label that holds the namespace of an object, and not that of the controller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// `exported_namespace`: the scrape has the last word (`honorLabels: false`).
    Exported,
    /// `namespace`: the metric has it (`honorLabels: true`).
    Own,
}

impl Label {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exported => "exported_namespace",
            Self::Own => "namespace",
        }
    }
}

/// What is asked of Prometheus, about objects of some kinds. The placeholders of text are those of `fill`.
pub struct Query {
    /// It is asked where the stream holds one of these kinds.
    pub kinds: &'static [&'static str],
    /// PromQL.
    pub text: &'static str,
}

/// When somebody should look.
pub struct Alert {
    /// `ExternalSecretNotReady`: the name of its runbook too.
    pub name: &'static str,
    /// What is wrong as long as it gives something.
    pub query: Query,
    /// For how many minutes it has to.
    pub minutes: u32,
    /// How soon somebody should look.
    pub severity: Severity,
    /// What is wrong, in a few words and without labels.
    pub summary: &'static str,
    /// What is wrong where, as a template of Prometheus.
    pub description: &'static str,
}

/// How soon somebody should look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// At once.
    Critical,
    /// During the day.
    Warning,
}

impl Severity {
    /// The label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

/// Something that a dashboard shows.
pub struct Panel {
    /// What stands above it.
    pub title: &'static str,
    /// What it shows.
    pub query: Query,
    /// How it is shown.
    pub shape: Shape,
}

/// How a panel shows its values.
#[derive(Clone, Copy)]
pub enum Shape {
    /// One number that is red above zero.
    Faults,
    /// The time that is left.
    Left,
    /// Lines over time, each called by a template of its labels.
    Lines(&'static str),
}

/// A sealing certificate that the settings name.
pub struct Ending {
    /// Where it is, and whose.
    pub certificate: String,
    /// SHA-256 of it.
    pub fingerprint: String,
    /// Its last second, in Unix time.
    pub until: i64,
    /// The same, for people.
    pub date: String,
}

/// What holds for a run.
pub struct Terms {
    /// The beginning of the names of groups.
    pub name: String,
    /// The label of namespaces; None: as the charts have it.
    pub label: Option<Label>,
    /// Where runbooks are.
    pub runbooks: String,
    /// Objects that go to no namespace that is known count for all.
    pub objects: Vec<Identity>,
    /// The certificates that values are sealed for.
    pub certificates: Vec<Ending>,
}

/// Seconds before its end from which on a certificate should be renewed.
const SOON: i64 = limits::CERTIFICATE_DAYS * 86_400;

/// All controllers, in the order in which they are written.
static CONTROLLERS: &[&Controller] = &[
    &external_secrets::EXTERNAL_SECRETS,
    &sealed_secrets::SEALED_SECRETS,
    &vault_secrets_operator::VAULT_SECRETS_OPERATOR,
    &csi_driver::CSI_DRIVER,
];

/// All controllers, in the order in which they are written.
pub fn all() -> impl Iterator<Item = &'static Controller> {
    CONTROLLERS.iter().copied()
}

impl Controller {
    /// Is there an alert or a panel about objects like this?
    #[must_use]
    pub fn knows(&self, identity: &Identity) -> bool {
        let queries = self.alerts.iter().map(|alert| &alert.query).chain(self.panels.iter().map(|panel| &panel.query));
        identity.group() == self.group && queries.into_iter().any(|query| query.is_about(identity))
    }

    /// Is one of its alerts about certificates?
    #[must_use]
    pub fn uses_certificates(&self) -> bool {
        self.alerts.iter().any(|alert| alert.query.is_about_certificates())
    }
}

impl Query {
    fn is_about(&self, identity: &Identity) -> bool {
        self.kinds.contains(&identity.kind.as_str())
    }

    fn is_about_certificates(&self) -> bool {
        self.text.contains("$left")
    }
}
