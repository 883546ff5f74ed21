//! Bindings, groups, aggregation and indirect ways: small clusters, and what must hold in them. The same questions are
//! put to a real API server by `tests/rbac_oracle.rs`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::model::{Input, Source};
use crate::steps::read::{self, Purpose};

fn access(text: &str) -> Access {
    let input = Input(vec![Source::new("stdin", text.to_owned())]);
    let Ok(stream) = read::read(&input, Purpose::Everything) else { panic!("the manifests are well formed") };
    Access::read(&stream, "default")
}

/// `sa:shop/web`, `group:ops`, `user:jane`.
fn subject(text: &str) -> Subject {
    match text.split_once(':').unwrap() {
        ("sa", name) => {
            let (namespace, name) = name.split_once('/').unwrap();
            Subject::ServiceAccount(namespace.to_owned(), name.to_owned())
        }
        ("group", name) => Subject::Group(name.to_owned()),
        (_, name) => Subject::User(name.to_owned()),
    }
}

/// `get secrets shop/db`: verb, resource (with its group behind a dot), namespace and name.
fn allowed(access: &Access, who: &str, request: &str) -> bool {
    let words: Vec<&str> = request.split(' ').collect();
    let [verb, resource, place] = words[..] else { panic!("{request}") };
    let reach = access.reach(&User::of(&subject(who)));
    if resource == "path" {
        return reach.allows(&Request { verb, object: Object::Path(place) }).is_some();
    }
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let (namespace, name) = place.split_once('/').unwrap();
    let resource = Resource { group, resource, subresource, namespace, name };
    reach.allows(&Request { verb, object: Object::Resource(resource) }).is_some()
}

const BINDINGS: &str = r#"
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}, rules: [{apiGroups: [""], resources: [secrets, nodes], verbs: [get]}, {nonResourceURLs: [/metrics], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader, namespace: shop}, rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: everywhere}, roleRef: {kind: ClusterRole, name: reader}, subjects: [{kind: User, name: jane}, {kind: Group, name: ops}, {kind: ServiceAccount, name: bot, namespace: tools}, {kind: ServiceAccount, name: nowhere}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: in-shop, namespace: shop}, roleRef: {kind: ClusterRole, name: reader}, subjects: [{kind: User, name: joe}, {kind: ServiceAccount, name: web}, {kind: User, name: "system:serviceaccount:shop:api"}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: own, namespace: shop}, roleRef: {kind: Role, name: reader}, subjects: [{kind: User, name: ann}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: elsewhere, namespace: lab}, roleRef: {kind: Role, name: reader}, subjects: [{kind: User, name: ann}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: missing, namespace: lab}, roleRef: {kind: ClusterRole, name: absent}, subjects: [{kind: User, name: ann}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: also, namespace: lab}, roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: User, name: ann}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: admins, namespace: lab}, roleRef: {kind: ClusterRole, name: admin}, subjects: [{kind: Group, name: "system:serviceaccounts:lab"}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: all, namespace: open}, roleRef: {kind: ClusterRole, name: reader}, subjects: [{kind: Group, name: "system:authenticated"}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: nobody, namespace: leak}, roleRef: {kind: ClusterRole, name: reader}, subjects: [{kind: Group, name: "system:unauthenticated"}]}
"#;

#[test]
fn bindings_give_what_they_should_and_no_more() {
    let access = access(BINDINGS);
    for (who, request, expected) in [
        ("user:jane", "get secrets shop/db", true),
        ("user:jane", "get secrets lab/db", true),
        ("user:jane", "get secrets /", true),
        ("user:jane", "get nodes /n1", true),
        ("user:jane", "get path /metrics", true),
        ("user:jane", "list secrets shop/", false),
        ("group:ops", "get secrets shop/db", true),
        ("sa:tools/bot", "get secrets shop/db", true),
        ("sa:default/nowhere", "get secrets shop/db", false),
        ("user:joe", "get secrets shop/db", true),
        ("user:joe", "get secrets lab/db", false),
        ("user:joe", "get secrets /", false),
        ("user:joe", "get nodes /n1", false),
        ("user:joe", "get path /metrics", false),
        ("sa:shop/web", "get secrets shop/db", true),
        ("sa:lab/web", "get secrets shop/db", false),
        ("sa:shop/api", "get secrets shop/db", true),
        ("user:ann", "list secrets shop/", true),
        ("user:ann", "get secrets shop/db", false),
        ("user:ann", "list secrets lab/", false),
        ("user:ann", "get configmaps lab/x", true),
        ("user:ann", "get secrets lab/x", false),
        ("sa:lab/any", "delete secrets lab/db", true),
        ("sa:lab/any", "create rolebindings.rbac.authorization.k8s.io lab/", true),
        ("sa:lab/any", "get secrets shop/db", false),
        ("sa:lab/any", "get secrets /", false),
        ("sa:shop/web", "delete secrets lab/db", false),
        ("sa:shop/web", "get secrets open/db", true),
        ("user:jane", "get secrets open/db", true),
        ("user:system:anonymous", "get secrets open/db", false),
        ("user:system:anonymous", "get secrets leak/db", true),
        ("user:jane", "get secrets leak/db", true),
        ("sa:lab/web", "get secrets leak/db", false),
        ("group:system:masters", "delete secrets /", true),
        ("user:x", "create selfsubjectaccessreviews.authorization.k8s.io /", true),
        ("user:system:anonymous", "get path /healthz", true),
        ("user:system:anonymous", "get path /apis/x", false),
        ("user:x", "get path /apis/x", true),
    ] {
        assert_eq!(allowed(&access, who, request), expected, "{who} {request}");
    }
}

/// Labels, expressions, chains; what an aggregating role writes itself is lost.
const AGGREGATED: &str = r#"
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: keys, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}, rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: eso-edit, labels: {rbac.authorization.k8s.io/aggregate-to-edit: "true", rbac.authorization.k8s.io/aggregate-to-admin: "true"}}, rules: [{apiGroups: [external-secrets.io], resources: [externalsecrets, pushsecrets], verbs: [create, delete, deletecollection, patch, update]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: inner, labels: {tier: inner}}, aggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: part, operator: In, values: [a, b]}, {key: not, operator: DoesNotExist}]}]}, rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: outer}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {tier: inner}}, {matchLabels: {part: c}}]}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: part-a, labels: {part: a}}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: part-b, labels: {part: b, not: ""}}, rules: [{apiGroups: [""], resources: [services], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: part-c, labels: {part: c}}, rules: [{apiGroups: [""], resources: [events], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: v, namespace: shop}, roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: User, name: viewer}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: e, namespace: shop}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: User, name: editor}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: o}, roleRef: {kind: ClusterRole, name: outer}, subjects: [{kind: User, name: outer}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: i}, roleRef: {kind: ClusterRole, name: inner}, subjects: [{kind: User, name: inner}]}
"#;

#[test]
fn roles_get_the_rules_of_those_that_they_aggregate() {
    let access = access(AGGREGATED);
    for (who, request, expected) in [
        ("user:viewer", "get secrets shop/db", true),
        ("user:viewer", "create externalsecrets.external-secrets.io shop/", false),
        ("user:editor", "create externalsecrets.external-secrets.io shop/", true),
        ("user:editor", "create externalsecrets.external-secrets.io lab/", false),
        ("user:editor", "create pods shop/", true),
        ("user:editor", "create roles.rbac.authorization.k8s.io shop/", false),
        ("user:inner", "get pods shop/x", true),
        ("user:inner", "get services shop/x", false),
        ("user:inner", "get nodes /x", false),
        ("user:outer", "get pods shop/x", true),
        ("user:outer", "get events shop/x", true),
        ("user:outer", "get services shop/x", false),
    ] {
        assert_eq!(allowed(&access, who, request), expected, "{who} {request}");
    }
    let reach = access.reach(&User::of(&subject("user:viewer")));
    let question = Question { namespace: "shop", name: "db", keys: None };
    let grant = question.direct(&reach, &READ).unwrap();
    assert_eq!(grant.role.to_string(), "ClusterRole view");
    assert_eq!(grant.held.from.as_deref(), Some("keys"));
}

#[test]
fn roles_that_aggregate_each_other_come_to_an_end() {
    let role = |name: &str, other: &str| {
        format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {name}, labels: {{is: {name}}}}}, \
             aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{is: {other}}}}}, {{matchLabels: {{is: leaf}}}}]}}}}\n---\n"
        )
    };
    let leaf = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: leaf, labels: {is: leaf}}, rules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]}";
    let access = access(&(role("a", "b") + &role("b", "a") + leaf));
    assert_eq!(access.role(None, "a").unwrap().rules.len(), 1);
}

/// Each row: rules that somebody has by a ClusterRoleBinding (C) or a RoleBinding in the Secret's namespace (R), and
/// the ways to Secret shop/db that this opens.
#[test]
fn detours_are_found_and_nothing_is_taken_for_one() {
    let core =
        |resources: &str, verbs: &str| format!("{{apiGroups: [\"\"], resources: [{resources}], verbs: [{verbs}]}}");
    let of = |group: &str, resources: &str, verbs: &str| {
        format!("{{apiGroups: [{group}], resources: [{resources}], verbs: [{verbs}]}}")
    };
    let named = |rule: String, names: &str| format!("{}, resourceNames: [{names}]}}", rule.trim_end_matches('}'));
    let rbac = "rbac.authorization.k8s.io";
    for (binding, rules, ways) in [
        ("R", core("pods", "create"), "P1"),
        ("R", named(core("pods", "create"), "web"), ""),
        ("R", of("apps", "deployments", "patch"), "P2"),
        ("R", named(of("apps", "deployments", "patch"), "web"), "P2"),
        ("R", named(of("apps", "deployments", "create"), "web"), ""),
        ("R", of("extensions", "deployments", "patch"), ""),
        ("R", of("batch", "cronjobs", "create"), "P2"),
        ("R", of("apps", "deployments/status", "patch"), ""),
        ("R", core("pods", "update"), "P3"),
        ("R", core("pods/exec", "create"), "P4"),
        ("R", core("pods/attach", "get"), "P4"),
        ("R", core("pods", "get, list, watch"), ""),
        ("R", core("pods/log", "get"), ""),
        ("R", core("\"pods/*\"", "create"), ""),
        ("R", core("pods/ephemeralcontainers", "patch"), "P5"),
        ("C", core("nodes/proxy", "get"), "P6"),
        ("R", core("nodes/proxy", "get"), ""),
        ("R", core("serviceaccounts/token", "create"), "P7"),
        ("R", named(core("serviceaccounts/token", "create"), "reader"), "P7"),
        ("R", named(core("serviceaccounts/token", "create"), "web"), ""),
        ("C", core("users", "impersonate"), "P8"),
        ("R", core("users", "impersonate"), ""),
        ("C", named(core("users", "impersonate"), "jane"), ""),
        ("C", named(core("groups", "impersonate"), "\"system:masters\""), "P8"),
        ("R", core("serviceaccounts", "impersonate"), "P8"),
        ("C", of("authentication.k8s.io", "userextras/scopes", "impersonate"), "P8"),
        ("C", of("authentication.k8s.io", "users", "\"impersonate:user-info\""), "P8"),
        ("R", format!("{}, {}", of(rbac, "clusterroles", "bind"), of(rbac, "rolebindings", "create")), "P9"),
        ("R", of(rbac, "clusterroles", "bind"), ""),
        ("R", of(rbac, "rolebindings, clusterrolebindings", "create, bind"), ""),
        (
            "R",
            format!("{}, {}", named(of(rbac, "clusterroles", "bind"), "view"), of(rbac, "rolebindings", "create")),
            "",
        ),
        (
            "R",
            format!("{}, {}", named(of(rbac, "clusterroles", "bind"), "admin"), of(rbac, "rolebindings", "create")),
            "P9",
        ),
        ("R", of(rbac, "roles", "escalate, update"), "P10"),
        ("R", of(rbac, "roles", "update"), ""),
        ("R", of(rbac, "clusterroles", "escalate, update"), ""),
        ("C", of(rbac, "clusterroles", "escalate, update"), "P10"),
        ("R", core("secrets", "create"), ""),
        ("R", core("secrets", "update"), "P11"),
        ("R", named(core("secrets", "update"), "web"), ""),
        ("R", format!("{}, {}", core("secrets", "create"), named(core("secrets", "get"), "web")), "P11"),
        (
            "C",
            format!(
                "{}, {}",
                of(
                    "certificates.k8s.io",
                    "certificatesigningrequests, certificatesigningrequests/approval",
                    "create, update"
                ),
                of("certificates.k8s.io", "signers", "approve")
            ),
            "P12",
        ),
        (
            "C",
            format!(
                "{}, {}",
                of(
                    "certificates.k8s.io",
                    "certificatesigningrequests, certificatesigningrequests/approval",
                    "create, update"
                ),
                named(of("certificates.k8s.io", "signers", "approve"), "example.com/x")
            ),
            "",
        ),
        ("C", of("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "patch"), "P13"),
        ("C", core("persistentvolumes", "create"), "P14"),
        ("R", of("external-secrets.io", "externalsecrets", "create"), "P15"),
        ("C", of("external-secrets.io", "clustersecretstores", "patch"), "P15"),
        ("R", of("external-secrets.io", "pushsecrets", "create"), "P16"),
        (
            "R",
            format!(
                "{}, {}",
                of("secrets-store.csi.x-k8s.io", "secretproviderclasses", "create"),
                core("pods", "create")
            ),
            "P1 P18",
        ),
        ("R", core("namespaces", "patch"), "P19"),
        ("R", core("namespaces", "get"), ""),
        ("R", core("serviceaccounts", "\"*\""), "P8"),
        ("R", of(rbac, "roles, rolebindings", "\"*\""), "P9 P10"),
        ("C", of("\"*\"", "\"*\"", "get, list, watch"), "direct P4 P6"),
        ("R", named(core("secrets", "get"), "db"), "direct"),
        ("R", named(core("secrets", "get"), "web"), ""),
        ("R", named(core("secrets", "create, get"), "web"), ""),
    ] {
        let text = format!(
            "{{apiVersion: {rbac}/v1, kind: ClusterRole, metadata: {{name: asked}}, rules: [{rules}]}}\n---\n\
             {{apiVersion: {rbac}/v1, kind: {kind}, metadata: {{name: asked, namespace: shop}}, roleRef: {{kind: ClusterRole, name: asked}}, subjects: [{{kind: User, name: asked}}]}}\n---\n\
             {{apiVersion: {rbac}/v1, kind: RoleBinding, metadata: {{name: reads, namespace: shop}}, roleRef: {{kind: ClusterRole, name: edit}}, subjects: [{{kind: ServiceAccount, name: reader}}]}}\n",
            kind = if binding == "C" { "ClusterRoleBinding" } else { "RoleBinding" },
        );
        let access = access(&text);
        let question = Question { namespace: "shop", name: "db", keys: None };
        let asked = subject("user:asked");
        let found = who_can(&access, &question, "get").into_iter().find(|(subject, _)| **subject == asked);
        let found: Vec<&str> = found
            .iter()
            .flat_map(|(_, ways)| ways)
            .map(|way| way.path.map_or("direct", |path| path.id.as_str()))
            .collect();
        assert_eq!(found.join(" "), ways, "{binding} {rules}");
    }
}

#[test]
fn sealing_keys_open_what_was_sealed() {
    let text = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: r, namespace: sealing}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: User, name: ops}]}";
    let access = access(text);
    let ways = |keys| {
        let question = Question { namespace: "shop", name: "db", keys };
        who_can(&access, &question, "get").iter().any(|(who, _)| **who == subject("user:ops"))
    };
    assert!(ways(Some("sealing")));
    assert!(!ways(None) && !ways(Some("elsewhere")));
}

#[test]
fn every_cluster_has_its_own_roles() {
    let access = access("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}");
    assert!(access.role(None, "cluster-admin").is_some() && access.role(None, "edit").unwrap().rules.len() > 20);
    let question = Question { namespace: "shop", name: "db", keys: None };
    let direct = who_can(&access, &question, "get").into_iter().filter(|(_, ways)| ways[0].path.is_none());
    let direct: Vec<String> = direct.map(|(subject, _)| subject.to_string()).collect();
    let expected = [
        "Group system:masters",
        "ServiceAccount kube-system/generic-garbage-collector",
        "ServiceAccount kube-system/namespace-controller",
        "User system:kube-controller-manager",
    ];
    assert_eq!(direct, expected);
}
