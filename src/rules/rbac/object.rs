//! Roles, bindings and subjects, as they stand in manifests. What the API server would not take is read as far as it
//! goes; the rules about RBAC objects tell what is wrong.

use std::collections::BTreeMap;
use std::fmt;

use super::policy::PolicyRule;
use crate::model::{Identity, Place};
use crate::yaml::{NodeId, Tree};

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// A Role or ClusterRole.
#[derive(Clone)]
pub struct Role {
    /// None: a ClusterRole.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Where it stands; None: not in the stream, but in the cluster.
    pub place: Option<Place>,
    /// What it grants; where it aggregates, what the others grant.
    pub rules: Vec<Held>,
    /// By which other roles find it.
    pub labels: BTreeMap<String, String>,
    /// Some: its rules are those of the roles that one of these selects.
    pub aggregates: Option<Vec<Selector>>,
}

/// A rule with where it comes from.
#[derive(Clone)]
pub struct Held {
    /// What is granted.
    pub rule: PolicyRule,
    /// The ClusterRole that an aggregating role has it from.
    pub from: Option<String>,
    /// Where it is written.
    pub place: Option<Place>,
}

/// A label selector (`metav1.LabelSelector`).
#[derive(Clone, Default, PartialEq)]
pub struct Selector {
    labels: Vec<(String, String)>,
    expressions: Vec<Expression>,
}

#[derive(Clone, PartialEq)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Clone, PartialEq)]
pub struct Binding {
    /// None: a ClusterRoleBinding.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Where it stands; None: not in the stream, but in the cluster.
    pub place: Option<Place>,
    /// The kind of role that it names.
    pub role_kind: String,
    /// The role's name.
    pub role: String,
    /// Who gets the role.
    pub subjects: Vec<Subject>,
}

/// Somebody that a binding names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Everybody in a group.
    Group(String),
    /// A ServiceAccount by namespace and name.
    ServiceAccount(String, String),
    /// A person, or a component with a certificate.
    User(String),
}

/// `ServiceAccount shop/web`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "Group {name}"),
            Self::ServiceAccount(namespace, name) => write!(f, "ServiceAccount {namespace}/{name}"),
            Self::User(name) => write!(f, "User {name}"),
        }
    }
}

/// `RoleBinding shop/web`.
impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "RoleBinding {namespace}/{}", self.name),
            None => write!(f, "ClusterRoleBinding {}", self.name),
        }
    }
}

/// `ClusterRole view`.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "Role {namespace}/{}", self.name),
            None => write!(f, "ClusterRole {}", self.name),
        }
    }
}

/// An object of RBAC.
#[derive(Clone)]
pub(super) enum Object {
    Binding(Binding),
    Role(Role),
}

/// Reads a role or binding; `place` makes the places, `namespace` is that of objects that write none.
pub(super) fn read(
    tree: &Tree,
    identity: &Identity,
    namespace: &str,
    place: &dyn Fn(NodeId) -> Option<Place>,
) -> Option<Object> {
    let own = || Some(identity.namespace.as_deref().unwrap_or(namespace).to_owned());
    let (namespace, is_role) = match identity.kind.as_str() {
        "ClusterRole" => (None, true),
        "ClusterRoleBinding" => (None, false),
        "Role" => (own(), true),
        "RoleBinding" => (own(), false),
        _ => return None,
    };
    let (name, here) = (identity.name.clone(), place(tree.root()));
    if !is_role {
        let text = |key| tree.at(tree.root(), &["roleRef", key]).and_then(|node| tree.text(node)).unwrap_or_default();
        let subjects = list(tree, tree.root(), "subjects");
        let subjects = subjects.filter_map(|node| subject(tree, node, namespace.as_deref())).collect();
        let (role_kind, role) = (text("kind").to_owned(), text("name").to_owned());
        return Some(Object::Binding(Binding { namespace, name, place: here, role_kind, role, subjects }));
    }
    let held = |node| Held { rule: rule(tree, node), from: None, place: place(node) };
    let labels = tree.at(tree.root(), &["metadata", "labels"]);
    let aggregates = tree.get(tree.root(), "aggregationRule").filter(|_| namespace.is_none());
    Some(Object::Role(Role {
        namespace,
        name,
        place: here,
        rules: list(tree, tree.root(), "rules").map(held).collect(),
        labels: labels.map(|node| pairs(tree, node).collect()).unwrap_or_default(),
        aggregates: aggregates
            .map(|node| list(tree, node, "clusterRoleSelectors").map(|node| selector(tree, node)).collect()),
    }))
}

/// A rule as it is written.
#[must_use]
pub fn rule(tree: &Tree, node: NodeId) -> PolicyRule {
    PolicyRule {
        groups: texts(tree, node, "apiGroups"),
        names: texts(tree, node, "resourceNames"),
        resources: texts(tree, node, "resources"),
        urls: texts(tree, node, "nonResourceURLs"),
        verbs: texts(tree, node, "verbs"),
    }
}

impl Subject {
    /// Whoever has this user name: a ServiceAccount where it is the name of one.
    #[must_use]
    pub fn named(user: &str) -> Self {
        match user.strip_prefix(SERVICE_ACCOUNT).and_then(|rest| rest.split_once(':')) {
            Some((namespace, name)) => Self::ServiceAccount(namespace.to_owned(), name.to_owned()),
            None => Self::User(user.to_owned()),
        }
    }
}

/// A user that is a ServiceAccount is told as one; a ServiceAccount without a namespace, in a binding without one, is
/// nobody.
fn subject(tree: &Tree, node: NodeId, namespace: Option<&str>) -> Option<Subject> {
    let text = |key| tree.get(node, key).and_then(|node| tree.text(node)).filter(|text| !text.is_empty());
    let name = text("name")?.to_owned();
    match text("kind")? {
        "Group" => Some(Subject::Group(name)),
        "ServiceAccount" => Some(Subject::ServiceAccount(text("namespace").or(namespace)?.to_owned(), name)),
        "User" => Some(Subject::named(&name)),
        _ => None,
    }
}

/// What stands before the namespace and the name in the user name of a ServiceAccount.
pub(super) const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

fn selector(tree: &Tree, node: NodeId) -> Selector {
    let expression = |node| {
        let text = |key| tree.get(node, key).and_then(|node| tree.text(node)).unwrap_or_default().to_owned();
        Expression { key: text("key"), operator: text("operator"), values: texts(tree, node, "values") }
    };
    Selector {
        labels: tree.get(node, "matchLabels").map(|node| pairs(tree, node).collect()).unwrap_or_default(),
        expressions: list(tree, node, "matchExpressions").map(expression).collect(),
    }
}

impl Selector {
    /// Does it select what has these labels? An empty one selects everything.
    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(|expression| expression.holds(labels))
    }
}

impl Expression {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let is_one = value.is_some_and(|value| self.values.contains(value));
        match self.operator.as_str() {
            "DoesNotExist" => value.is_none(),
            "Exists" => value.is_some(),
            "In" => is_one,
            "NotIn" => !is_one,
            _ => false,
        }
    }
}

pub(super) fn list<'t>(tree: &'t Tree, node: NodeId, key: &str) -> impl Iterator<Item = NodeId> + use<'t> {
    let items: Vec<NodeId> = tree.get(node, key).into_iter().flat_map(|list| tree.items(list)).collect();
    items.into_iter()
}

/// The texts of a list.
pub(super) fn texts(tree: &Tree, node: NodeId, key: &str) -> Vec<String> {
    list(tree, node, key).filter_map(|item| tree.text(item)).map(str::to_owned).collect()
}

fn pairs<'t>(tree: &'t Tree, map: NodeId) -> impl Iterator<Item = (String, String)> + 't {
    let entries = tree.entries(map).into_iter();
    entries.filter_map(|(key, value)| Some((tree.key(key).into_owned(), tree.text(value)?.to_owned())))
}
