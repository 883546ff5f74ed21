//! One rule of a role against one request, as the API server's authorizer matches them: four parts, all of which
//! must hold; purely additive, no denial.
//!
//! Source: `pkg/apis/rbac/v1/evaluation_helpers.go` and `plugin/pkg/auth/authorizer/rbac/rbac.go` of
//! kubernetes/kubernetes.

use super::question::READ;

/// A rule of a Role or ClusterRole, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRule {
    /// API groups; the core group is the empty text.
    pub groups: Vec<String>,
    /// Names of objects; empty: all of them, and requests that name none.
    pub names: Vec<String>,
    /// `pods`, `pods/exec`, `*/scale`, `*`.
    pub resources: Vec<String>,
    /// Paths that are no resources: `/healthz`, `/apis/*`.
    pub urls: Vec<String>,
    /// What may be done.
    pub verbs: Vec<String>,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// `get`, `list`, `create`.
    pub verb: &'r str,
    /// With what.
    pub object: Object<'r>,
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub enum Object<'r> {
    /// A path that is no resource.
    Path(&'r str),
    /// Objects of the API.
    Resource(Resource<'r>),
}

/// Objects of the API.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'r> {
    /// The API group; empty: core.
    pub group: &'r str,
    /// `secrets`.
    pub resource: &'r str,
    /// `exec`; empty: none.
    pub subresource: &'r str,
    /// Empty: cluster-wide.
    pub namespace: &'r str,
    /// Empty: the request names no object, as a list or a creation does.
    pub name: &'r str,
}

impl PolicyRule {
    /// Does the rule allow the request, where it applies at all?
    #[must_use]
    pub fn allows(&self, request: &Request) -> bool {
        let resource = match &request.object {
            Object::Path(path) => return self.has_verb(request.verb) && self.has_path(path),
            Object::Resource(resource) => resource,
        };
        self.has_verb(request.verb)
            && self.has_resource(resource.group, resource.resource, resource.subresource)
            && (self.names.is_empty() || self.names.iter().any(|name| name == resource.name))
    }

    /// A verb that ends in a colon stands for all that begin so (`impersonate:`).
    #[must_use]
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|its| its == "*" || its == verb || verb.ends_with(':') && its.starts_with(verb))
    }

    /// Is it about the resource, whatever may be done with it?
    #[must_use]
    pub fn has_resource(&self, group: &str, resource: &str, subresource: &str) -> bool {
        let whole = |its: &str| match its.strip_prefix(resource) {
            Some(rest) if subresource.is_empty() => rest.is_empty(),
            Some(rest) => rest.strip_prefix('/') == Some(subresource),
            None => false,
        };
        let any_with = |its: &str| !subresource.is_empty() && its.strip_prefix("*/") == Some(subresource);
        self.has_group(group) && self.resources.iter().any(|its| its == "*" || whole(its) || any_with(its))
    }

    /// Does it show the values of Secrets?
    #[must_use]
    pub fn reads_secrets(&self) -> bool {
        self.has_resource("", "secrets", "") && READ.iter().any(|verb| self.has_verb(verb))
    }

    /// Is it about any subresource of the resource?
    #[must_use]
    pub fn has_any_below(&self, group: &str, resource: &str) -> bool {
        let below = |its: &String| its.strip_prefix(resource).is_some_and(|rest| rest.starts_with('/'));
        self.has_resource(group, resource, "*") || self.has_group(group) && self.resources.iter().any(below)
    }

    fn has_group(&self, group: &str) -> bool {
        self.groups.iter().any(|its| its == "*" || its == group)
    }

    fn has_path(&self, path: &str) -> bool {
        let begins = |url: &str| url.ends_with('*') && path.starts_with(url.trim_end_matches('*'));
        self.urls.iter().any(|url| url == "*" || url == path || begins(url))
    }
}

/// `get, list on secrets` or `get on secrets db, web`: as it is told to people.
impl std::fmt::Display for PolicyRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let grouped = |resource: &String| match self.groups.as_slice() {
            [group] if !group.is_empty() => format!("{resource}.{group}"),
            _ => resource.clone(),
        };
        let on: Vec<String> = self.resources.iter().map(grouped).chain(self.urls.iter().cloned()).collect();
        write!(f, "{} on {}", self.verbs.join(", "), on.join(", "))?;
        if self.names.is_empty() { Ok(()) } else { write!(f, " named {}", self.names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(|word| if word == "core" { String::new() } else { word.to_owned() }).collect()
    }

    /// Rows of the authorizer's and the comparator's tests, and what the documentation says.
    #[test]
    fn rules_match_requests_as_the_authorizer_matches_them() {
        // verbs | groups | resources | names ? verb group resource/subresource name
        for (rule, request, allowed) in [
            ("* | * | * |", "get core secrets db", true),
            ("* | * | * |", "create core pods/exec x", true),
            ("get | core | secrets |", "get core secrets db", true),
            ("get | core | secrets |", "GET core secrets db", false),
            ("get | core | secrets |", "list core secrets -", false),
            ("get | core | secrets | db", "get core secrets db", true),
            ("get | core | secrets | db", "get core secrets web", false),
            ("get list | core | secrets | db", "list core secrets -", false),
            ("get list | core | secrets | db", "list core secrets db", true),
            ("create | core | secrets | db", "create core secrets -", false),
            ("get | core | secrets | *", "get core secrets db", false),
            ("get | v1 | secrets |", "get core secrets db", false),
            ("get |  | secrets |", "get core secrets db", false),
            ("get | apps | secrets |", "get core secrets db", false),
            ("create | core | pods/exec |", "create core pods/exec x", true),
            ("create | core | pods/* |", "create core pods/exec x", false),
            ("* | core | pods |", "get core pods/status x", false),
            ("* | core | pods/status |", "get core pods x", false),
            ("get | core | */scale |", "get core foo/scale x", true),
            ("get | core | */scale |", "get core scale x", false),
            ("get | core | */scale |", "get core foo/ascale x", false),
            ("create | core | serviceaccounts/token | sa", "create core serviceaccounts/token sa", true),
            ("create | core | serviceaccounts/token | sa", "create core serviceaccounts/token other", false),
            ("get | g1 g2 | roles |", "get g2 roles x", true),
            ("get | g1 | roles |", "get * roles x", false),
            ("get list watch create update delete | core | pods |", "* core pods x", false),
            (
                "impersonate:user-info | authentication.k8s.io | users |",
                "impersonate: authentication.k8s.io users x",
                true,
            ),
            (
                "impersonate-on:user-info:get | authentication.k8s.io | users |",
                "impersonate: authentication.k8s.io users x",
                false,
            ),
        ] {
            let parts: Vec<&str> = rule.split('|').collect();
            let [verbs, groups, resources, names] = parts[..] else { panic!("{rule}") };
            let policy = PolicyRule {
                groups: words(groups),
                names: words(names),
                resources: words(resources),
                urls: vec![],
                verbs: words(verbs),
            };
            let asked = words(request);
            let [verb, group, resource, name] = &asked[..] else { panic!("{request}") };
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let name = name.trim_matches('-');
            let resource = Resource { group, resource, subresource, namespace: "", name };
            let asked = Request { verb, object: Object::Resource(resource) };
            assert_eq!(policy.allows(&asked), allowed, "{rule} ? {request}");
        }
    }

    #[test]
    fn paths_match_by_their_beginning_where_a_rule_ends_in_a_star() {
        for (url, path, allowed) in [
            ("/apis/*", "/apis/v1/foo", true),
            ("/apis/*", "/apis", false),
            ("/apis/**", "/apis/v1", true),
            ("*", "", true),
            ("*", "/", true),
            ("/*", "", false),
            ("/*", "/", true),
            ("/api/*/*", "/api/v1", false),
            ("/healthz", "/healthz", true),
            ("/healthz", "/healthz/ping", false),
        ] {
            let policy = PolicyRule { urls: vec![url.into()], verbs: vec!["get".into()], ..PolicyRule::default() };
            assert_eq!(policy.allows(&Request { verb: "get", object: Object::Path(path) }), allowed, "{url} {path}");
            assert!(!policy.allows(&Request { verb: "post", object: Object::Path(path) }));
        }
    }

    #[test]
    fn a_rule_is_told_in_words() {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let rule = PolicyRule {
            groups: list(&[""]),
            names: list(&["db"]),
            resources: list(&["secrets"]),
            urls: vec![],
            verbs: list(&["get", "watch"]),
        };
        assert_eq!(rule.to_string(), "get, watch on secrets named db");
        let rule = PolicyRule { groups: list(&["apps"]), names: vec![], ..rule };
        assert_eq!(rule.to_string(), "get, watch on secrets.apps");
    }
}
