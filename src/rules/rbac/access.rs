//! Who may do what, by all roles and bindings of a stream together with those that a cluster has: every cluster, or
//! the one that was asked.
//!
//! Source: `pkg/registry/rbac/validation/rule.go` (bindings) and
//! `pkg/controller/clusterroleaggregation` of kubernetes/kubernetes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::object::{self, Binding, Held, Object, Role, SERVICE_ACCOUNT, Subject};
use super::policy::{self, Request};
use crate::error::Problem;
use crate::model::{Identity, Place, Source, Stream};

/// Roles, bindings, and who they are about.
pub struct Access {
    roles: Vec<Role>,
    by_name: BTreeMap<(Option<String>, String), usize>,
    bindings: Vec<(Binding, Option<usize>)>,
}

/// Somebody as the API server knows him: a name and groups.
#[derive(Clone, Debug, Default)]
pub struct User {
    /// The user name; empty: anybody in the groups.
    pub name: String,
    /// All groups, implicit ones too.
    pub groups: Vec<String>,
}

/// What somebody is bound to.
pub struct Reach<'a> {
    access: &'a Access,
    bound: Vec<(&'a Binding, &'a Role)>,
}

/// Why a request is allowed.
#[derive(Clone, Copy)]
pub struct Grant<'a> {
    /// Through which binding.
    pub binding: &'a Binding,
    /// The role that it names.
    pub role: &'a Role,
    /// The rule of the role.
    pub held: &'a Held,
}

impl User {
    /// Who a binding's subject is: a group stands for anybody in it.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        let groups = |list: &[&str]| list.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>();
        match subject {
            Subject::Group(name) => {
                let more: &[&str] = match name.as_str() {
                    "system:authenticated" | "system:unauthenticated" => &[],
                    ACCOUNTS => &["system:authenticated"],
                    name if name.starts_with("system:serviceaccounts:") => &[ACCOUNTS, "system:authenticated"],
                    _ => &["system:authenticated"],
                };
                Self { name: String::new(), groups: groups(&[&[name.as_str()], more].concat()) }
            }
            Subject::ServiceAccount(namespace, name) => Self {
                name: format!("{SERVICE_ACCOUNT}{namespace}:{name}"),
                groups: groups(&[ACCOUNTS, &format!("{ACCOUNTS}:{namespace}"), "system:authenticated"]),
            },
            Subject::User(name) if name == "system:anonymous" => {
                Self { name: name.clone(), groups: groups(&["system:unauthenticated"]) }
            }
            Subject::User(name) => Self { name: name.clone(), groups: groups(&["system:authenticated"]) },
        }
    }

    fn is(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Group(name) => self.groups.contains(name),
            Subject::ServiceAccount(namespace, name) => {
                let rest = self.name.strip_prefix(SERVICE_ACCOUNT).and_then(|rest| rest.split_once(':'));
                rest == Some((namespace, name))
            }
            Subject::User(name) => !name.is_empty() && self.name == *name,
        }
    }
}

const ACCOUNTS: &str = "system:serviceaccounts";

/// What a cluster has before a stream is applied to it.
pub struct Existing {
    objects: Vec<Object>,
    accounts: BTreeSet<(String, String)>,
}

/// What every cluster has: kube-apiserver makes these objects when it starts.
static BOOTSTRAP: LazyLock<Existing> = LazyLock::new(|| {
    let source = Source::new("", include_str!("bootstrap.yaml"));
    Existing::read(&source).unwrap_or(Existing { objects: vec![], accounts: BTreeSet::new() })
});

/// What everybody may do in every cluster.
static EVERYWHERE: LazyLock<Access> = LazyLock::new(|| Access::today(&BOOTSTRAP));

impl Existing {
    /// Roles, bindings and ServiceAccounts, one a document.
    ///
    /// # Errors
    /// It is no YAML.
    pub fn read(source: &Source) -> Result<Self, Problem> {
        let (mut objects, mut accounts) = (vec![], BTreeSet::new());
        for document in source.objects()? {
            let (_, tree) = document?;
            let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node)).map(str::to_owned);
            let (Some(kind), Some(name)) = (text(&["kind"]), text(&["metadata", "name"])) else { continue };
            let namespace = text(&["metadata", "namespace"]);
            if kind == "ServiceAccount" {
                accounts.insert((namespace.unwrap_or_default(), name));
                continue;
            }
            let identity = Identity { api_version: format!("{}/v1", object::GROUP), kind, namespace, name };
            objects.extend(object::read(&tree, &identity, "", &|_| None));
        }
        Ok(Self { objects, accounts })
    }

    /// Is this ServiceAccount there?
    #[must_use]
    pub fn has_account(&self, namespace: &str, name: &str) -> bool {
        self.accounts.contains(&(namespace.to_owned(), name.to_owned()))
    }
}

impl Grant<'_> {
    /// True where the stream has a part in it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.binding.place.is_some() || self.held.place.is_some()
    }

    /// True where every cluster has it.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        let known = EVERYWHERE.bindings().find(|(binding, _)| *binding == self.binding);
        let mut rules = known.and_then(|(_, role)| role).into_iter().flat_map(|role| &role.rules);
        !self.is_ours() && rules.any(|held| held.rule == self.held.rule)
    }
}

impl Binding {
    /// True where every cluster has it.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        EVERYWHERE.bindings().any(|(binding, _)| binding == self)
    }
}

/// True where every cluster has a role of this name.
#[must_use]
pub fn has_every_cluster(namespace: Option<&str>, role: &str) -> bool {
    EVERYWHERE.role(namespace, role).is_some()
}

impl Access {
    /// What a stream says, laid over what every cluster has; `namespace` is that of objects that write none.
    #[must_use]
    pub fn read(stream: &Stream, namespace: &str) -> Self {
        Self::over(&BOOTSTRAP, stream, namespace)
    }

    /// What a cluster has, and no stream.
    #[must_use]
    pub fn today(existing: &Existing) -> Self {
        Self::of(existing.objects.iter().cloned())
    }

    /// What a stream says, laid over what a cluster has.
    #[must_use]
    pub fn over(existing: &Existing, stream: &Stream, namespace: &str) -> Self {
        let ours = stream.read().filter(|(_, _, identity)| identity.group() == object::GROUP);
        let ours = ours.filter_map(|(manifest, tree, identity)| {
            object::read(tree, identity, namespace, &|node| Some(Place { manifest, node }))
        });
        Self::of(existing.objects.iter().cloned().chain(ours))
    }

    /// What comes later stands in the place of what had the name before.
    fn of(objects: impl Iterator<Item = Object>) -> Self {
        let (mut roles, mut bindings) = (BTreeMap::new(), BTreeMap::new());
        for object in objects {
            match object {
                Object::Binding(binding) => {
                    bindings.insert((binding.namespace.clone(), binding.name.clone()), binding);
                }
                Object::Role(role) => {
                    roles.insert((role.namespace.clone(), role.name.clone()), role);
                }
            }
        }
        let by_name: BTreeMap<_, _> = roles.keys().cloned().zip(0..).collect();
        let mut roles: Vec<Role> = roles.into_values().collect();
        aggregate(&mut roles);
        let role_of = |binding: &Binding| {
            let namespace = match (binding.role_kind.as_str(), &binding.namespace) {
                ("ClusterRole", _) => None,
                ("Role", Some(namespace)) => Some(namespace.clone()),
                _ => return None,
            };
            by_name.get(&(namespace, binding.role.clone())).copied()
        };
        let bindings = bindings.into_values().map(|binding| {
            let role = role_of(&binding);
            (binding, role)
        });
        Self { bindings: bindings.collect(), roles, by_name }
    }

    /// Everybody that a binding names.
    #[must_use]
    pub fn subjects(&self) -> BTreeSet<&Subject> {
        self.bindings.iter().flat_map(|(binding, _)| &binding.subjects).collect()
    }

    /// All bindings, each with its role where there is one.
    pub fn bindings(&self) -> impl Iterator<Item = (&Binding, Option<&Role>)> {
        self.bindings.iter().map(|(binding, role)| (binding, role.and_then(|role| self.roles.get(role))))
    }

    /// All roles.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The Role of a namespace, or the ClusterRole.
    #[must_use]
    pub fn role(&self, namespace: Option<&str>, name: &str) -> Option<&Role> {
        let at = self.by_name.get(&(namespace.map(str::to_owned), name.to_owned()))?;
        self.roles.get(*at)
    }

    /// What somebody is bound to.
    #[must_use]
    pub fn reach(&self, user: &User) -> Reach<'_> {
        let its = self.bindings().filter(|(binding, _)| binding.subjects.iter().any(|subject| user.is(subject)));
        Reach { access: self, bound: its.filter_map(|(binding, role)| Some((binding, role?))).collect() }
    }
}

impl<'a> Reach<'a> {
    /// Why a request is allowed, by what the stream has a part in where it has one; None: it is not.
    #[must_use]
    pub fn allows(&self, request: &Request) -> Option<Grant<'a>> {
        let namespace = match &request.object {
            policy::Object::Path(_) => "",
            policy::Object::Resource(resource) => resource.namespace,
        };
        let mut grants = self.rules(namespace).filter(|grant| grant.held.rule.allows(request));
        let first = grants.next()?;
        Some(Some(first).filter(Grant::is_ours).or_else(|| grants.find(Grant::is_ours)).unwrap_or(first))
    }

    /// Every rule that holds in a namespace, or in all of them where it is empty; cluster-wide bindings first.
    pub fn rules<'r>(&'r self, namespace: &'r str) -> impl Iterator<Item = Grant<'a>> + 'r {
        let bound = |cluster: bool| {
            self.bound.iter().filter(move |(binding, _)| match &binding.namespace {
                None => cluster,
                Some(its) => !cluster && its == namespace && !namespace.is_empty(),
            })
        };
        let bound = bound(true).chain(bound(false));
        bound.flat_map(|(binding, role)| role.rules.iter().map(|held| Grant { binding, role, held }))
    }

    /// Where it has rights beyond those that hold everywhere.
    #[must_use]
    pub fn namespaces(&self) -> BTreeSet<&'a str> {
        self.bound.iter().filter_map(|(binding, _)| binding.namespace.as_deref()).collect()
    }

    /// Everything that is known.
    #[must_use]
    pub fn access(&self) -> &'a Access {
        self.access
    }
}

/// Fills the ClusterRoles that aggregate others, again and again until nothing changes: what they write themselves is
/// lost. Roles that aggregate each other in a circle get what comes from outside of it.
fn aggregate(roles: &mut [Role]) {
    for role in roles.iter_mut().filter(|role| role.aggregates.is_some()) {
        role.rules.clear();
    }
    loop {
        let mut changed = false;
        for at in 0..roles.len() {
            let Some(role) = roles.get(at) else { continue };
            let Some(selectors) = &role.aggregates else { continue };
            let mut rules: Vec<Held> = vec![];
            // Roles are sorted by name, as the controller sorts them.
            for (selector, other) in
                selectors.iter().flat_map(|selector| roles.iter().map(move |role| (selector, role)))
            {
                let same = other.name == role.name;
                if other.namespace.is_some() || same || !selector.selects(&other.labels) {
                    continue;
                }
                for held in &other.rules {
                    if !rules.iter().any(|known| known.rule == held.rule) {
                        let from = held.from.clone().unwrap_or_else(|| other.name.clone());
                        rules.push(Held { from: Some(from), ..held.clone() });
                    }
                }
            }
            if let Some(role) = roles.get_mut(at).filter(|role| role.rules.len() != rules.len()) {
                role.rules = rules;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}
