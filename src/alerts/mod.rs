//! What tells that Secrets do not come any more: alerts and panels, one file a controller.
//!
//! It receives what a stream holds and gives back rules and a dashboard. It never asks a cluster.
//! A new controller is one file of YAML here and a line in this one; each alert has a page in `docs/runbooks`.

mod dashboard;
mod fill;
mod rules;

pub use dashboard::dashboard;
pub use rules::groups;

use std::sync::LazyLock;

use serde::Deserialize;

use crate::limits;
use crate::model::Identity;
use crate::yaml::{self, Syntax, Tree};

/// Something that makes Secrets, and what its metrics tell.
#[derive(Deserialize)]
pub struct Controller {
    /// `external-secrets`: the end of the name of its rules.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The API group of its objects.
    pub group: String,
    /// The label of its metrics that holds an object's namespace, where it was installed as its chart has it.
    pub label: Label,
    /// When somebody should look.
    pub alerts: Vec<Alert>,
    /// What a dashboard shows.
    pub panels: Vec<Panel>,
}

/// The label that holds the namespace of an object, and not that of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
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
#[derive(Deserialize)]
pub struct Query {
    /// It is asked where the stream holds one of these kinds.
    pub kinds: Vec<String>,
    /// PromQL.
    pub text: String,
}

/// When somebody should look.
#[derive(Deserialize)]
pub struct Alert {
    /// `ExternalSecretNotReady`: the name of its runbook too.
    pub name: String,
    /// What is wrong as long as it gives something.
    #[serde(flatten)]
    pub query: Query,
    /// For how many minutes it has to.
    pub minutes: u32,
    /// How soon somebody should look.
    pub severity: Severity,
    /// What is wrong, in a few words and without labels.
    pub summary: String,
    /// What is wrong where, as a template of Prometheus.
    pub description: String,
}

/// How soon somebody should look.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
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
#[derive(Deserialize)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// What it shows.
    #[serde(flatten)]
    pub query: Query,
    /// How it is shown.
    pub shape: Shape,
}

/// How a panel shows its values.
#[derive(Deserialize)]
pub enum Shape {
    /// One number that is red above zero.
    Faults,
    /// The time that is left.
    Left,
    /// Lines over time, each called by a template of its labels.
    Lines(String),
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
static CONTROLLERS: LazyLock<Vec<Controller>> = LazyLock::new(|| {
    let files = [
        include_str!("external_secrets.yaml"),
        include_str!("sealed_secrets.yaml"),
        include_str!("vault_secrets_operator.yaml"),
        include_str!("csi_driver.yaml"),
    ];
    let read = |file| {
        let tree = Tree::parse(file, Syntax::Document).ok()?;
        yaml::read(&tree, tree.root()).ok()
    };
    files.into_iter().filter_map(read).collect()
});

/// All controllers, in the order in which they are written.
pub fn all() -> impl Iterator<Item = &'static Controller> {
    CONTROLLERS.iter()
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
        self.kinds.contains(&identity.kind)
    }

    fn is_about_certificates(&self) -> bool {
        self.text.contains("$left")
    }
}
