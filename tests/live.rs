//! `--live`: what a real API server says of who reads and of who may apply, and that nobody asks it for a Secret.

#![cfg(feature = "cluster")]
#![allow(dead_code, reason = "each test needs a part of it")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use sealref::yaml::{Syntax, Tree};
use serde_json::{Value, json};

#[path = "support/kube.rs"]
mod kube;
#[path = "support/live.rs"]
mod live;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
mod program;

use kube::Kube;
use live::{RBAC, account, binding, check, kubeconfig, of, path, person, role, rule, run, stream};

impl Kube {
    fn config(&self, token: &str) -> String {
        kubeconfig(&self.server(), token, &format!(", certificate-authority: \"{}\"", self.authority()))
    }

    fn put(&self, object: &Value) {
        self.make(&path(object), object);
    }

    /// How the API server itself takes an object, without keeping it.
    fn status(&self, token: &str, object: &Value) -> String {
        let json = ["-H", "Content-Type: application/json"];
        self.answer(token, &format!("{}?dryRun=All", path(object)), object, &json)
    }

    fn answer(&self, token: &str, path: &str, object: &Value, more: &[&str]) -> String {
        let output = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", &self.authority()])
            .args(["-H", &format!("Authorization: Bearer {token}"), &format!("{}{path}", self.server())])
            .args(["-d", &object.to_string()])
            .args(more)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Who asked for Secrets, by the audit log.
    fn asked_for_secrets(&self) -> BTreeSet<String> {
        let log = fs::read_to_string(self.at("audit.log")).unwrap();
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let about = events.filter(|event| event["objectRef"]["resource"] == "secrets" && event["verb"] != "create");
        let user = |event: Value| event["user"]["username"].as_str().unwrap().to_owned();
        about.map(user).filter(|user| !user.starts_with("system:")).collect()
    }
}

/// What the cluster has before anything is checked: more ClusterRoles than stand on one page.
fn lay_out(kube: &Kube) {
    for namespace in ["shop", "other"] {
        kube.make("/api/v1/namespaces", &json!({"metadata": {"name": namespace}}));
    }
    let secret = json!({"metadata": {"name": "db"}, "stringData": {"password": "s3cret-in-cluster"}});
    kube.make("/api/v1/namespaces/shop/secrets", &secret);
    kube.make("/api/v1/namespaces/shop/serviceaccounts", &json!({"metadata": {"name": "there"}}));
    let get = rule(&["get"], "", &["secrets"]);
    for number in 0..40 {
        kube.put(&role("", &format!("filler-{number}"), json!([rule(&["get"], "", &["configmaps"])])));
    }
    kube.put(&role("", "zz-reader", json!([get])));
    kube.put(&binding("", "auditors", ("ClusterRole", "zz-reader"), person("Group", "auditors")));
    kube.put(&binding("", "ops", ("ClusterRole", "late"), person("Group", "ops")));
    // What reader and nobody may do: apply anything, have little, list or not
    let write = ["create", "patch"];
    let all = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"];
    let mut named = rule(&["bind"], RBAC, &["clusterroles"]);
    named["resourceNames"] = json!(["zz-reader"]);
    let rules = [
        rule(&write, RBAC, &all[..]),
        rule(&["get", "list"], "", &["configmaps", "pods/log", "*/scale"]),
        json!({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/logs/*"]}),
        named,
    ];
    kube.put(&role("", "applies", json!(rules)));
    let mut one = rule(&["get"], "", &["secrets"]);
    one["resourceNames"] = json!(["db"]);
    kube.put(&role("shop", "more", json!([one, rule(&["escalate"], RBAC, &["roles"])])));
    let lists = [rule(&["list"], RBAC, &all[..]), rule(&["list"], "", &["serviceaccounts"])];
    kube.put(&role("", "lists", json!(lists)));
    let reviews = rule(&["create"], "authorization.k8s.io", &["localsubjectaccessreviews"]);
    kube.put(&role("shop", "reviews", json!([reviews])));
    for user in ["reader", "nobody"] {
        kube.put(&binding("", &format!("{user}-applies"), ("ClusterRole", "applies"), person("User", user)));
    }
    let documented = include_str!("../docs/live-role.yaml");
    let tree = Tree::parse(documented, Syntax::Document).unwrap();
    kube.put(&sealref::yaml::read(&tree, tree.root()).unwrap());
    kube.put(&binding("", "live", ("ClusterRole", "sealref-live"), person("User", "live")));
    kube.put(&binding("", "reader-lists", ("ClusterRole", "lists"), person("User", "reader")));
    kube.put(&binding("shop", "reader-reviews", ("Role", "reviews"), person("User", "reader")));
}

/// Objects to apply; what the API server says of each is the answer.
fn applied() -> Vec<Value> {
    let mut named = rule(&["get"], "", &["configmaps"]);
    named["resourceNames"] = json!(["a", "b"]);
    let mut db = rule(&["get"], "", &["secrets"]);
    db["resourceNames"] = json!(["db"]);
    let web = || account("web");
    let url = |url: &str| json!([{"verbs": ["get"], "nonResourceURLs": [url]}]);
    let mut aggregating = role("", "n1", json!([]));
    aggregating["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]});
    vec![
        role("other", "a1", json!([rule(&["get"], "", &["configmaps"])])),
        role("other", "a2", json!([named])),
        role("other", "a3", json!([rule(&["get", "delete"], "", &["configmaps"])])),
        role("other", "a4", json!([rule(&["*"], "", &["configmaps"])])),
        role("other", "a5", json!([rule(&["get"], "*", &["configmaps"])])),
        role("other", "a6", json!([rule(&["get"], "", &["*"])])),
        role("other", "a7", json!([rule(&["get"], "", &["pods"])])),
        role("other", "a8", json!([rule(&["get"], "", &["pods/log", "things/scale"])])),
        role("other", "a9", json!([db])),
        role("shop", "b1", json!([db])),
        role("shop", "b2", json!([rule(&["*"], "*", &["*"])])),
        role("", "c1", json!([rule(&["list"], "", &["configmaps"])])),
        role("", "c2", json!([db])),
        role("", "c3", url("/logs/app")),
        role("", "c4", url("/logs/*")),
        role("", "c5", url("/logs")),
        role("", "c6", url("*")),
        aggregating,
        binding("shop", "d1", ("ClusterRole", "zz-reader"), web()),
        binding("", "d2", ("ClusterRole", "zz-reader"), web()),
        binding("shop", "d3", ("ClusterRole", "filler-1"), web()),
        binding("shop", "d4", ("ClusterRole", "system:aggregate-to-edit"), web()),
        binding("", "d5", ("ClusterRole", "cluster-admin"), web()),
        binding("shop", "d6", ("Role", "more"), web()),
        binding("shop", "d7", ("Role", "reviews"), web()),
    ]
}

#[test]
fn a_real_api_server_confirms_what_is_told() {
    let Some(kube) = Kube::start() else { return };
    lay_out(&kube);
    who_reads(&kube);
    who_applies(&kube);
    // The log is written as it happens; nobody has asked for a Secret until we do
    assert_eq!(kube.asked_for_secrets(), BTreeSet::new(), "a Secret was asked for");
    let url = format!("{}/api/v1/namespaces/shop/secrets/db", kube.server());
    let read = ["-s", "--cacert", &kube.authority(), "-H", "Authorization: Bearer admin-token", &url];
    assert!(Command::new("curl").args(read).output().unwrap().status.success());
    assert_eq!(kube.asked_for_secrets(), BTreeSet::from(["admin".to_owned()]), "the log shows who asks");
}

fn who_reads(kube: &Kube) {
    let late = role("", "late", json!([rule(&["get"], "", &["secrets"])]));
    let web = binding("shop", "web", ("ClusterRole", "zz-reader"), account("there"));
    let extra =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "extra", "namespace": "shop"}});
    let text = stream(&[late, web, extra]);
    let offline = check(&kube.config("admin-token"), "", &text);
    assert!(!of("rbac/role-missing", &offline).is_empty() && !of("rbac/account-missing", &offline).is_empty());
    assert!(of("live/new-reader", &offline).is_empty(), "nobody is asked unless it is said: {offline:?}");
    // The server learns of roles a little later than it takes them
    let until = Instant::now() + Duration::from_secs(30);
    let found = loop {
        let found = check(&kube.config("admin-token"), "--live", &text);
        if of("live/other-authorizer", &found).is_empty() || Instant::now() > until {
            break found;
        }
    };
    let readers = ["ServiceAccount shop/there", "Group ops"];
    let message =
        |who: &str| format!("{who} will be able to read Secret shop/db, and by the cluster's roles cannot now");
    let expected: BTreeSet<String> = readers.into_iter().map(message).collect();
    let told: BTreeSet<String> = of("live/new-reader", &found).into_iter().map(str::to_owned).collect();
    assert_eq!(told, expected);
    for gone in
        ["rbac/role-missing", "rbac/account-missing", "live/deployer", "live/not-asked", "live/other-authorizer"]
    {
        assert!(of(gone, &found).is_empty(), "{gone}: {found:?}");
    }
    let open = of("rbac/secrets-readable-in-namespace", &found);
    assert!(open.iter().any(|message| message.contains("shop/there")), "a role of the cluster counts: {found:?}");

    let who = |format: &str, token: &str| {
        let output =
            run(&kube.config(token), &format!("rbac who-can get secrets/db -n shop - --live --format {format}"), &text);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = who("text", "live-token");
    for line in
        ["ServiceAccount shop/there (new)\n", "Group ops (new)\n", "Group auditors (now too)\n", "(in the cluster)"]
    {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let asked = told.split("the cluster itself was asked about ").nth(1).unwrap();
    let (asked, same) = asked.trim().split_once(", and says the same of ").unwrap();
    assert_eq!(asked, same, "{told}");
    let told: Value = serde_json::from_str(&who("json", "reader-token")).unwrap();
    let ops = told["live"].as_array().unwrap().iter().find(|one| one["subject"] == "Group ops").unwrap();
    assert_eq!(*ops, json!({"subject": "Group ops", "byRoles": false, "byCluster": false, "onceApplied": true}));

    let suggested = run(&kube.config("admin-token"), "rbac suggest - --live", &text);
    let suggested = String::from_utf8(suggested.stdout).unwrap();
    assert!(suggested.contains("ClusterRole zz-reader (in the cluster)"), "{suggested}");
}

/// Whoever applies: himself, with and without the right to list, and named by somebody else.
fn who_applies(kube: &Kube) {
    let objects = applied();
    let refused = |token: &str| -> BTreeSet<String> {
        let statuses = objects.iter().map(|object| (object, kube.status(token, object)));
        let is_refused = |(object, status): (&Value, String)| {
            assert!(["201", "403"].contains(&status.as_str()), "{status}: {object}");
            (status == "403").then(|| object["metadata"]["name"].as_str().unwrap().to_owned())
        };
        statuses.filter_map(is_refused).collect()
    };
    let expected = refused("reader-token");
    assert!(expected.len() > 8 && objects.len() - expected.len() > 8, "both happen: {expected:?}");
    assert_eq!(refused("admin-token"), BTreeSet::new());
    let told = |token: &str, arguments: &str| -> BTreeSet<String> {
        let output = run(&kube.config(token), &format!("check - --format json --live {arguments}"), &stream(&objects));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let found = found["findings"].as_array().unwrap().iter();
        let its = found.filter(|finding| finding["rule"] == "live/deployer");
        its.map(|finding| finding["object"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told("reader-token", ""), expected, "by the cluster's roles");
    // What a role of the cluster grants nobody knows who may not list it
    let mut known = refused("nobody-token");
    assert!(known.remove("d6") && known.remove("d7"));
    assert_eq!(told("nobody-token", ""), known, "by what the cluster answers");
    assert_eq!(told("admin-token", "--as reader"), expected, "named by somebody else");
    assert_eq!(told("admin-token", ""), BTreeSet::new());
    assert_eq!(told("admin-token", "--as reader --as-group system:masters"), BTreeSet::new());
    let all: BTreeSet<String> =
        objects.iter().map(|one| one["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told("admin-token", "--as system:serviceaccount:shop:there"), all, "who may write no role at all");
    // What is there already, and stays as it is, nobody judges again
    let same = [role("", "zz-reader", json!([rule(&["get"], "", &["secrets"])]))];
    let found = check(&kube.config("reader-token"), "--live", &stream(&same));
    assert!(of("live/deployer", &found).is_empty(), "{found:?}");
    // No binding gets another role
    let other = binding("", "auditors", ("ClusterRole", "late"), person("Group", "auditors"));
    let patch = ["-X", "PATCH", "-H", "Content-Type: application/merge-patch+json"];
    let refused = kube.answer("admin-token", &format!("{}/auditors?dryRun=All", path(&other)), &other, &patch);
    let found = check(&kube.config("admin-token"), "--live", &stream(&[other]));
    assert_eq!((refused.as_str(), of("live/role-ref", &found).len()), ("422", 1), "{found:?}");
    let not_listed = check(&kube.config("nobody-token"), "--live", &stream(&same));
    let told = of("live/not-asked", &not_listed);
    assert!(told.iter().any(|message| message.contains("access is denied (status 403)")), "{told:?}");
}
