//! One object as a rule looks at it, and what stands around it.

use super::table::tell_at;
use super::{Finding, View};
use crate::error::Problem;
use crate::model::{Identity, ManifestId, Place, each};
use crate::yaml::{Kind, NodeId, Scalar, Tree};

/// One object of the stream.
pub(super) struct Seen<'v, 's> {
    pub(super) view: &'v View<'v, 's>,
    pub(super) id: ManifestId,
    pub(super) tree: &'v Tree<'s>,
    pub(super) identity: &'v Identity,
}

/// Takes a rule, the node that it is about, and what is wrong there.
pub(super) type Tell<'t> = &'t mut dyn FnMut(&'static str, NodeId, String);

/// A family whose rules look at one object at a time.
pub(super) fn each_object(look: fn(&Seen, Tell), view: &View, tell: &mut dyn FnMut(Finding)) {
    for seen in all(view) {
        look(&seen, &mut |rule, node, message| {
            tell_at(view, rule, Some(Place { manifest: seen.id, node }), Problem::new(message), tell);
        });
    }
}

/// Every object that is read.
pub(super) fn all<'v, 's>(view: &'v View<'v, 's>) -> impl Iterator<Item = Seen<'v, 's>> {
    view.stream.read().map(move |(id, tree, identity)| Seen { view, id, tree, identity })
}

impl<'v> Seen<'v, '_> {
    /// Every node at a path as `each` takes it.
    pub(super) fn each(&self, path: &str) -> Vec<NodeId> {
        self.below(self.tree.root(), path)
    }

    /// The same below a node.
    pub(super) fn below(&self, from: NodeId, path: &str) -> Vec<NodeId> {
        let mut nodes = vec![];
        each(self.tree, from, path, &mut |node| nodes.push(node));
        nodes
    }

    /// The first node at a path.
    pub(super) fn at(&self, path: &str) -> Option<NodeId> {
        self.each(path).into_iter().next()
    }

    /// The text at a path; None where none is, or where it is empty.
    pub(super) fn text(&self, path: &str) -> Option<&'v str> {
        self.text_below(self.tree.root(), path)
    }

    /// The same below a node.
    pub(super) fn text_below(&self, from: NodeId, path: &str) -> Option<&'v str> {
        let node = self.below(from, path).into_iter().next()?;
        self.tree.text(node).filter(|text| !text.is_empty())
    }

    /// An annotation of the object itself; slashes in its name are slashes here.
    pub(super) fn annotation(&self, name: &str) -> Option<NodeId> {
        self.tree.at(self.tree.root(), &["metadata", "annotations", name])
    }

    /// The namespace that it goes to.
    pub(super) fn namespace(&self) -> &'v str {
        self.identity.namespace.as_deref().unwrap_or(self.view.namespace)
    }

    /// Where its pod is described, if it makes one.
    pub(super) fn pod(&self) -> Option<NodeId> {
        let path: &[&str] = match (self.identity.group(), self.identity.kind.as_str()) {
            ("", "Pod") => &["spec"],
            (
                "" | "apps" | "batch",
                "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet",
            )
            | ("argoproj.io", "Rollout") => &["spec", "template", "spec"],
            ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => return None,
        };
        self.tree.at(self.tree.root(), path)
    }

    /// All containers of a pod.
    pub(super) fn containers(&self, pod: NodeId) -> Vec<NodeId> {
        let lists = ["initContainers[]", "containers[]", "ephemeralContainers[]"];
        lists.iter().flat_map(|list| self.below(pod, list)).collect()
    }

    /// The ServiceAccount that a pod names.
    pub(super) fn account(&self, pod: NodeId) -> Option<&'v str> {
        let keys = ["serviceAccountName", "serviceAccount"];
        keys.iter().find_map(|key| self.text_below(pod, key))
    }

    /// Is a field of a node written, and true or false?
    pub(super) fn flag(&self, from: NodeId, key: &str) -> Option<bool> {
        match self.tree.scalar(self.tree.get(from, key)?) {
            Some(Scalar::Bool(flag)) => Some(flag),
            _ => None,
        }
    }

    /// True where a field is there and holds something.
    pub(super) fn holds(&self, path: &str) -> bool {
        self.at(path).is_some_and(|node| self.is_filled(node))
    }

    /// True where a label selector (`metav1.LabelSelector`) has no conditions.
    pub(super) fn selects_all(&self, selector: NodeId) -> bool {
        let conditions = ["matchExpressions", "matchLabels"].into_iter().filter_map(|key| self.tree.get(selector, key));
        !conditions.into_iter().any(|node| self.is_filled(node))
    }

    fn is_filled(&self, node: NodeId) -> bool {
        match self.tree.kind(node) {
            Kind::Map => !self.tree.entries(node).is_empty(),
            Kind::Scalar => self.tree.raw(node).is_some_and(|text| !text.is_empty() && text != "null"),
            Kind::Seq => self.tree.items(node).next().is_some(),
        }
    }
}

/// Objects that write no namespace go where the others go.
fn is_near(one: Option<&str>, other: Option<&str>) -> bool {
    one == other || one.is_none() || other.is_none()
}

/// The object of a group, kind and name in a namespace, or in any where none is said.
pub(super) fn find<'v, 's>(
    view: &'v View<'v, 's>,
    (group, kind): (&str, &str),
    namespace: Option<&str>,
    name: &str,
) -> Option<Seen<'v, 's>> {
    let mut fitting = view.inventory.by_identity.iter().filter(|(identity, _)| identity.is(group, kind));
    let (identity, id) =
        fitting.find(|(identity, _)| identity.name == name && is_near(identity.namespace.as_deref(), namespace))?;
    let (tree, _) = view.stream.get(*id)?.read()?;
    Some(Seen { view, id: *id, tree, identity })
}

/// Are there objects of a group and kind in a namespace?
pub(super) fn brings(view: &View, (group, kind): (&str, &str), namespace: Option<&str>) -> bool {
    let mut kinds = view.inventory.by_identity.keys().filter(|identity| identity.is(group, kind));
    kinds.any(|identity| is_near(identity.namespace.as_deref(), namespace))
}

/// The objects that run as a ServiceAccount, with their pods.
pub(super) fn run_as<'v, 's>(view: &'v View<'v, 's>, namespace: &str, name: &str) -> Vec<(Seen<'v, 's>, NodeId)> {
    let runs = |seen: Seen<'v, 's>| {
        let pod = seen.pod()?;
        let fits = seen.account(pod).unwrap_or("default") == name
            && is_near(seen.identity.namespace.as_deref(), Some(namespace));
        fits.then_some((seen, pod))
    };
    all(view).filter_map(runs).collect()
}
