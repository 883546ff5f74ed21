//! Who can read this Secret? Those who may, and those who get there by a detour.

use std::collections::BTreeSet;

use super::access::{Access, Grant, Reach, User};
use super::object::{Role, Subject};
use super::paths::{Named, Need, PATHS, Path, Scope};
use super::policy::{Object, Request, Resource};
use crate::model::{Inventory, Stream};

/// The verbs that show a value.
pub const READ: [&str; 3] = ["get", "list", "watch"];

/// A Secret, or all of a namespace, or all of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// Empty: every namespace.
    pub namespace: &'q str,
    /// Empty: every Secret.
    pub name: &'q str,
    /// The namespace of the sealed-secrets controller, where a SealedSecret provides it.
    pub keys: Option<&'q str>,
}

/// One way in which somebody gets at it, with a grant for each right that it takes.
pub struct Way<'a> {
    /// None: the right itself.
    pub path: Option<&'static Path>,
    /// Why each of the rights is there.
    pub grants: Vec<Grant<'a>>,
}

impl<'q> Question<'q> {
    /// The request for the Secret itself.
    #[must_use]
    pub fn request<'v>(&self, verb: &'v str) -> Request<'v>
    where
        'q: 'v,
    {
        let Self { namespace, name, .. } = *self;
        let resource = Resource { group: "", resource: "secrets", subresource: "", namespace, name };
        Request { verb, object: Object::Resource(resource) }
    }

    /// How somebody may do one of these things to it by a right of his own. A name helps in a list too, where it is
    /// asked for by `metadata.name`.
    #[must_use]
    pub fn direct<'a>(&self, reach: &Reach<'a>, verbs: &[&str]) -> Option<Grant<'a>> {
        verbs.iter().find_map(|verb| reach.allows(&self.request(verb)))
    }

    /// The detours by which somebody reads it.
    pub fn detours<'r, 'a>(&'r self, reach: &'r Reach<'a>) -> impl Iterator<Item = Way<'a>> + 'r {
        PATHS.iter().filter_map(|path| self.detour(reach, path))
    }

    /// One detour.
    #[must_use]
    pub fn detour<'a>(&self, reach: &Reach<'a>, path: &'static Path) -> Option<Way<'a>> {
        let grants = path
            .needs
            .iter()
            .find_map(|needs| needs.iter().map(|need| self.right(reach, need)).collect::<Option<Vec<_>>>())?;
        Some(Way { path: Some(path), grants })
    }

    /// The rule that gives a right, where the names that it lists help.
    fn right<'a>(&self, reach: &Reach<'a>, need: &Need) -> Option<Grant<'a>> {
        let namespace = match need.scope {
            Scope::Cluster => "",
            Scope::SealingKeys => self.keys?,
            Scope::Secret => self.namespace,
        };
        reach.rules(namespace).find(|grant| {
            let rule = &grant.held.rule;
            let matching = need.resources.iter().filter(|resource| {
                let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                match subresource {
                    "*" => rule.has_any_below(&need.group, resource),
                    _ => rule.has_resource(&need.group, resource, subresource),
                }
            });
            let matching: Vec<&str> = matching.map(String::as_str).collect();
            // Names never help to create what is no part of something else
            let verbs = need.verbs.iter().filter(|verb| rule.has_verb(verb));
            let mut verbs = verbs.filter(|verb| {
                rule.names.is_empty() || **verb != "create" || matching.iter().any(|resource| resource.contains('/'))
            });
            !matching.is_empty()
                && verbs.next().is_some()
                && (rule.names.is_empty()
                    || rule.names.iter().any(|name| self.helps(reach.access(), need.named, &matching, name)))
        })
    }

    /// Does the right to one object of this name help?
    fn helps(&self, access: &Access, named: Named, resources: &[&str], name: &str) -> bool {
        let reads = |subject: Subject| self.direct(&access.reach(&User::of(&subject)), &READ).is_some();
        match named {
            Named::Any => true,
            Named::Never => false,
            Named::Namespace => name == self.namespace,
            Named::Role => {
                let own = resources.contains(&"roles").then(|| access.role(Some(self.namespace), name)).flatten();
                let cluster = resources.contains(&"clusterroles").then(|| access.role(None, name)).flatten();
                [own, cluster].into_iter().flatten().any(|role| self.granted_by(role))
            }
            Named::ServiceAccount => reads(Subject::ServiceAccount(self.namespace.to_owned(), name.to_owned())),
            Named::Signer => matches!(name, "kubernetes.io/*" | "kubernetes.io/kube-apiserver-client"),
            Named::User => {
                let subjects = [("groups", Subject::Group(name.to_owned())), ("users", Subject::User(name.to_owned()))];
                subjects.into_iter().any(|(resource, subject)| resources.contains(&resource) && reads(subject))
            }
        }
    }

    /// Would a binding to the role let somebody read it?
    fn granted_by(&self, role: &Role) -> bool {
        let allows = |verb: &&str| role.rules.iter().any(|held| held.rule.allows(&self.request(verb)));
        READ.iter().any(allows)
    }
}

/// Everybody who gets at something, in order, with all his ways.
#[must_use]
pub fn who_can<'a>(access: &'a Access, question: &Question, verb: &str) -> Vec<(&'a Subject, Vec<Way<'a>>)> {
    let subjects: BTreeSet<&Subject> = access.subjects();
    let ways = |subject: &Subject| {
        let reach = access.reach(&User::of(subject));
        let direct = question.direct(&reach, &[verb]);
        let mut ways: Vec<Way> = direct.into_iter().map(|grant| Way { path: None, grants: vec![grant] }).collect();
        if READ.contains(&verb) {
            ways.extend(question.detours(&reach));
        }
        ways
    };
    subjects.into_iter().map(|subject| (subject, ways(subject))).filter(|(_, ways)| !ways.is_empty()).collect()
}

/// The namespace of the sealed-secrets controller, where a SealedSecret provides the Secret: that of the controller in
/// the stream, else the one that kubeseal looks in.
#[must_use]
pub fn sealing_keys(stream: &Stream, inventory: &Inventory, namespace: &str, name: &str) -> Option<String> {
    let fits = |its: Option<&str>| namespace.is_empty() || its.is_none_or(|its| its == namespace);
    let mut providers = inventory.provides.iter();
    providers.find(|provider| {
        let manifest = stream.get(provider.manifest).and_then(|manifest| manifest.read());
        let sealed = manifest.is_some_and(|(_, identity)| identity.is("bitnami.com", "SealedSecret"));
        sealed && fits(provider.namespace) && (name.is_empty() || provider.name == name)
    })?;
    Some(keys_namespace(inventory))
}

/// The namespace of the sealed-secrets controller: of the one in the stream, else where kubeseal looks.
#[must_use]
pub fn keys_namespace(inventory: &Inventory) -> String {
    let controller = inventory
        .by_identity
        .keys()
        .find(|identity| identity.is("apps", "Deployment") && identity.name.contains("sealed-secrets"));
    controller.and_then(|found| found.namespace.clone()).unwrap_or_else(|| "kube-system".to_owned())
}
