//! Every rule over a final stream, and what the settings and annotations say of what they find.

mod allow;

use std::cell::{Cell, OnceCell};

use super::{find, plan};
use crate::error::{Problem, Problems, meant};
use crate::hosts::Job;
use crate::limits;
use crate::model::{Identity, ManifestId, Severity, Stream};
use crate::rules::{self, CHECKS, Finding, Live, RULES, UserRules, View, rbac};
use crate::settings::Vendored;
use crate::yaml::Tree;
use allow::Allowed;

/// How much is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What makes the stream wrong, and what makes it less safe than it could be.
    Check,
    /// What makes it wrong.
    Verify,
}

/// The cluster, where it is to be asked.
pub type Asked<'l> = Option<&'l Result<Live<'l>, Problem>>;

/// Every rule over a final stream; what they find, in the order of the input.
pub fn inspect(
    stream: &Stream,
    job: &Job,
    depth: Depth,
    complete: bool,
    live: Asked,
) -> Result<Vec<Finding>, Problems> {
    known(job)?;
    let inventory = find::inventory_of(stream, &job.settings)?;
    let user = match &job.leak_rules {
        Some(file) => UserRules::parse(&file.text).map_err(|problem| problem.at(file.name.clone()))?,
        None => UserRules::default(),
    };
    let view = View {
        stream,
        inventory: &inventory,
        referring: &find::refers,
        passes: &|tree, identity, key| plan::passes(job, tree, identity, key),
        silenced: &|rule| job.policy.silences(rule),
        provided: &|name, namespace| job.settings.is_provided(name, namespace),
        complete,
        namespace: job.terms.namespace.as_deref().unwrap_or(rbac::DEFAULT),
        now: job.terms.now,
        unpacked: Cell::new(limits::UNPACKED),
        user: &user,
        access: OnceCell::new(),
        live,
    };
    let checks = if depth == Depth::Check { CHECKS } else { &[] };
    let mut findings = vec![];
    if depth == Depth::Check {
        allow::mistaken(stream, job.terms.now, &mut |finding| findings.push(finding));
    }
    afterwards(stream, job, &mut |finding| findings.extend(settled(stream, job, finding)));
    for rule in RULES.iter().chain(checks) {
        rule(&view, &mut |finding| findings.extend(settled(stream, job, finding)));
    }
    findings.sort_by_cached_key(|finding| order(stream, finding));
    Ok(findings)
}

/// By place in the input, then by rule; what is about nothing in it comes last.
fn order(stream: &Stream, finding: &Finding) -> (usize, usize, Option<ManifestId>, &'static str) {
    let place = finding.problem.place();
    let source = place.and_then(|place| stream.names.iter().position(|name| *name == place.source));
    let line = place.and_then(|place| place.line);
    (source.unwrap_or(usize::MAX), line.unwrap_or(usize::MAX), finding.object, finding.rule)
}

/// Objects that controllers make Secrets of, and that are changed before they are applied. Nothing follows their names:
/// what workloads and other such objects say of them stays as it is.
fn afterwards(stream: &Stream, job: &Job, tell: &mut dyn FnMut(Finding)) {
    let ours = |identity: &Identity| ["bitnami.com", "external-secrets.io"].contains(&identity.group());
    for (id, _, identity) in stream.read().filter(|(.., identity)| ours(identity)) {
        for problem in job.terms.afterwards.breaks(identity) {
            tell(Finding { rule: "seals/identity", object: Some(id), severity: Severity::Error, problem });
        }
    }
}

/// Names that no rule has would change nothing, and nobody would notice.
fn known(job: &Job) -> Result<(), Problems> {
    let unknown = job.settings.rules.keys().filter(|id| rules::about(id).is_none());
    let problem = |id: &String| {
        let ids = rules::table().iter().map(|about| about.id);
        let hint = meant(id, ids, |_| "docs/rules lists them".to_owned());
        Problem::new(format!("no rule is called \"{id}\"")).hint(hint).at("the settings, spec.rules")
    };
    unknown.map(problem).collect::<Problems>().or(())
}

/// A finding as grave as it is here; None: it is not told. Under a policy a repository makes it graver, and nothing else.
fn settled(stream: &Stream, job: &Job, mut finding: Finding) -> Option<Finding> {
    let own = job.settings.rules.get(finding.rule);
    if job.policy.holds() {
        finding.severity = own.and_then(|level| level.severity()).max(Some(finding.severity))?;
        return Some(finding);
    }
    match finding.object.and_then(|object| allow::said(stream, finding.rule, object, job.terms.now)) {
        Some(Allowed::Yes) => return None,
        Some(Allowed::Ended) => finding.problem = finding.problem.adding("; it was allowed, and no longer is"),
        None => {}
    }
    if let Some(level) = own {
        finding.severity = level.severity()?;
    } else if finding.object.is_some_and(|id| is_vendored(stream, &job.settings.vendored, id)) {
        let vendored = rules::about(finding.rule).map_or(Severity::Info, |about| about.vendored);
        finding.severity = finding.severity.min(vendored);
    }
    Some(finding)
}

/// Has somebody else written the object?
fn is_vendored(stream: &Stream, vendored: &[Vendored], id: ManifestId) -> bool {
    let Some(manifest) = stream.get(id) else { return false };
    let Some((tree, identity)) = manifest.read() else { return false };
    let file = stream.names.get(manifest.source).copied().unwrap_or_default();
    vendored.iter().any(|one| one.path.as_ref().is_none_or(|path| path.matches(file)) && fits(one, tree, identity))
}

fn fits(vendored: &Vendored, tree: &Tree, identity: &Identity) -> bool {
    let label = |key: &str| {
        let node = tree.at(tree.root(), &["metadata", "labels", key])?;
        tree.text(node).map(str::to_owned)
    };
    vendored.matches.matches(&identity.name, identity.namespace.as_deref(), &label)
}
