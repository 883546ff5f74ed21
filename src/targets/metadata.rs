//! Which label and annotation goes where: to the object in the stream, to the Secret that it makes, to
//! both, or to neither.

use std::borrow::Cow;

use crate::model::{KEPT, LAST_APPLIED, Metadata, Provision, Scope};
use crate::yaml::Value;

/// Where a label or an annotation belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belongs {
    Both,
    Inner,
    Neither,
    Outer,
}

/// What tools say to the object that is applied, and never to the Secret that a controller makes of it.
const OUTER: [&str; 7] = [
    "alpha.config.kubernetes.io/",
    "argocd.argoproj.io/",
    "config.kubernetes.io/",
    "helm.sh/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "postrenderer.helm.sh/",
];

/// Plaintext, other tools' bookkeeping, and our own questions.
const NEITHER: [&str; 9] = [
    "argocd.argoproj.io/tracking-id",
    "config.k8s.io/",
    "internal.config.kubernetes.io/",
    "kubecfg.ksonnet.io/last-applied-configuration",
    LAST_APPLIED,
    "kustomize.config.k8s.io/",
    "sealedsecrets.bitnami.com/cluster-wide",
    "sealedsecrets.bitnami.com/namespace-wide",
    "sealref.dev/",
];

/// On a live Secret: a SealedSecret of its name may take it, whoever made it.
pub const FREE: (&str, &str) = ("sealedsecrets.bitnami.com/managed", "true");

/// On a live Secret that moves from one kind to another: any kind may take it, and no tool prunes it meanwhile.
pub(super) const HANDOVER: [(&str, &str); 5] = {
    let [compare, sync, helm, flux] = KEPT;
    [FREE, compare, sync, helm, flux]
};

fn belongs(name: &str, label: bool) -> Belongs {
    let starts = |with: &&str| name.starts_with(*with);
    match () {
        () if NEITHER.iter().any(&starts) => Belongs::Neither,
        // Argo CD tracks by this label; others, such as the one that marks its repositories, are for both.
        () if label && name == "argocd.argoproj.io/instance" => Belongs::Outer,
        () if label => Belongs::Both,
        () if OUTER.iter().any(starts) => Belongs::Outer,
        () => Belongs::Inner,
    }
}

/// Does the annotation go into the Secret in the cluster alone, where controllers act on it?
pub(super) fn is_carried(name: &str) -> bool {
    belongs(name, false) == Belongs::Inner
}

/// Is the annotation written by tools for themselves, or by us?
pub(super) fn is_bookkeeping(name: &str) -> bool {
    belongs(name, false) == Belongs::Neither
}

fn pick(pairs: &[(String, String)], label: bool, side: Belongs) -> Vec<(Cow<'_, str>, Value<'_>)> {
    let wanted = pairs.iter().filter(|(name, _)| {
        let belongs = belongs(name, label);
        belongs == side || belongs == Belongs::Both
    });
    wanted.map(|(name, value)| (name.as_str().into(), Value::text(value.as_str()))).collect()
}

/// `metadata` of an object in the stream. `more` are annotations of our own.
pub(super) fn outer<'p>(
    provision: &'p Provision,
    name: impl Into<Cow<'p, str>>,
    more: Vec<(&'p str, Cow<'p, str>)>,
) -> Value<'p> {
    let Metadata { labels, annotations } = &provision.metadata;
    let mut annotations = pick(annotations, false, Belongs::Outer);
    annotations.extend(more.into_iter().map(|(name, value)| (name.into(), Value::text(value))));
    annotations.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut entries = vec![("name".into(), Value::text(name))];
    if let Some(namespace) = &provision.secret.namespace {
        entries.push(("namespace".into(), Value::text(namespace.as_str())));
    }
    push_maps(&mut entries, pick(labels, true, Belongs::Outer), annotations);
    Value::Map(entries)
}

/// `metadata` of a template: of the Secret that a controller makes. None where nothing belongs there.
pub(super) fn inner<'p>(provision: &'p Provision, more: Vec<(&'p str, Cow<'p, str>)>) -> Option<Value<'p>> {
    let Metadata { labels, annotations } = &provision.metadata;
    let mut annotations = pick(annotations, false, Belongs::Inner);
    annotations.retain(|(name, _)| more.iter().all(|(ours, _)| name != ours));
    annotations.extend(more.into_iter().map(|(name, value)| (name.into(), Value::text(value))));
    let mut entries = vec![];
    push_maps(&mut entries, pick(labels, true, Belongs::Inner), annotations);
    (!entries.is_empty()).then_some(Value::Map(entries))
}

type Entries<'p> = Vec<(Cow<'p, str>, Value<'p>)>;

fn push_maps<'p>(entries: &mut Entries<'p>, labels: Entries<'p>, annotations: Entries<'p>) {
    if !labels.is_empty() {
        entries.push(("labels".into(), Value::Map(labels)));
    }
    if !annotations.is_empty() {
        entries.push(("annotations".into(), Value::Map(annotations)));
    }
}

/// The annotation that a scope needs, on the object and in its template, as kubeseal writes it.
pub(super) fn scope<'p>(scope: Scope) -> Option<(&'p str, Cow<'p, str>)> {
    scope.annotation().map(|name| (name, "true".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_annotation_goes_where_it_belongs() {
        for (name, label, side) in [
            ("argocd.argoproj.io/sync-wave", false, Belongs::Outer),
            ("argocd.argoproj.io/tracking-id", false, Belongs::Neither),
            ("argocd.argoproj.io/instance", true, Belongs::Outer),
            ("helm.sh/hook", false, Belongs::Outer),
            ("helm.sh/chart", true, Belongs::Both),
            ("argocd.argoproj.io/secret-type", true, Belongs::Both),
            ("meta.helm.sh/release-name", false, Belongs::Outer),
            ("app.kubernetes.io/name", true, Belongs::Both),
            ("reflector.v1.k8s.emberstack.com/reflection-allowed", false, Belongs::Inner),
            ("kubectl.kubernetes.io/last-applied-configuration", false, Belongs::Neither),
            ("internal.config.kubernetes.io/path", false, Belongs::Neither),
            ("sealedsecrets.bitnami.com/cluster-wide", false, Belongs::Neither),
            ("sealedsecrets.bitnami.com/managed", false, Belongs::Inner),
            ("sealref.dev/public-keys", false, Belongs::Neither),
        ] {
            assert!(belongs(name, label) == side, "{name}");
        }
    }
}
