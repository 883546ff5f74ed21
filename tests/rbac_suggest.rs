//! What `rbac suggest` suggests: once it is applied, every need is met, no other Secret is readable, and nothing else
//! has changed, as the evaluator sees it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use sealref::model::{Input, Source};
use sealref::rules::rbac::{Access, Object, Request, Resource, Subject, User};
use sealref::steps::read::{self, Purpose};
use sealref::yaml::{self, Syntax, Tree};
use serde_json::{Value, json};

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "support/program.rs"]
mod program;

use program::Program;

const NAMESPACES: [&str; 2] = ["shop", "ops"];
const SECRETS: [&str; 3] = ["db", "tls", "web"];
/// What an account may declare, itself in `shop`.
const DECLARED: [&str; 5] = ["shop/db", "db", "ops/db", "ops/web", "tls"];
const ACCOUNTS: [&str; 3] = ["a", "b", "c"];

/// Some of a list.
fn some(of: &'static [&'static str], least: usize) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(of, least..=of.len())
}

fn rule() -> impl Strategy<Value = Value> {
    let names = prop_oneof![Just(vec![]), some(&SECRETS, 1)];
    let verbs = some(&["get", "list", "watch", "update", "delete"], 1);
    (some(&["secrets", "configmaps"], 1), verbs, names).prop_map(|(resources, verbs, names)| {
        json!({"apiGroups": [""], "resources": resources, "verbs": verbs, "resourceNames": names})
    })
}

/// A role that is bound to some accounts; where, is a namespace or the cluster.
fn bound(number: usize) -> impl Strategy<Value = Vec<Value>> {
    let place = prop_oneof![Just(None), proptest::sample::select(&NAMESPACES[..]).prop_map(Some)];
    let rules = proptest::collection::vec(rule(), 1..3);
    (place, any::<bool>(), rules, some(&ACCOUNTS, 1)).prop_map(move |(namespace, cluster, rules, accounts)| {
        let group = "rbac.authorization.k8s.io";
        let kind = if cluster || namespace.is_none() { "ClusterRole" } else { "Role" };
        let name = format!("r{number}");
        let subjects: Vec<Value> =
            accounts.iter().map(|name| json!({"kind": "ServiceAccount", "name": name, "namespace": "shop"})).collect();
        let mut role = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": name}, "rules": rules});
        let mut binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": format!("{}RoleBinding", if namespace.is_some() { "" } else { "Cluster" }),
            "metadata": {"name": name}, "roleRef": {"apiGroup": group, "kind": kind, "name": name}, "subjects": subjects,
        });
        if let Some(namespace) = namespace {
            binding["metadata"]["namespace"] = json!(namespace);
            if kind == "Role" {
                role["metadata"]["namespace"] = json!(namespace);
            }
        }
        vec![role, binding]
    })
}

type Needs = BTreeMap<&'static str, Vec<String>>;

fn install() -> impl Strategy<Value = (Vec<Value>, Needs)> {
    let needs = proptest::collection::vec(proptest::sample::subsequence(&DECLARED[..], 0..4), ACCOUNTS.len());
    ((bound(0), bound(1), bound(2)), needs).prop_map(|((a, b, c), needs)| {
        let mut objects: Vec<Value> = [a, b, c].concat();
        let mut wanted = Needs::new();
        for (account, needs) in ACCOUNTS.into_iter().zip(needs) {
            let reads = json!({"sealref.dev/reads": needs.join(", ")});
            let metadata = json!({"name": account, "namespace": "shop", "annotations": reads});
            objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
            let whole = |need: &&str| if need.contains('/') { (*need).to_owned() } else { format!("shop/{need}") };
            wanted.insert(account, needs.iter().map(whole).collect());
        }
        (objects, wanted)
    })
}

fn stream(objects: &[Value]) -> String {
    objects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n---\n")
}

fn suggested(objects: &[Value], format: &str) -> String {
    let output = Program::new().shell(&format!("sealref rbac suggest - --format {format}"), stream(objects).as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What stands there afterwards: an object replaces the one of its kind, namespace and name.
fn applied(objects: &[Value], manifests: &str) -> Vec<Value> {
    let key = |object: &Value| {
        (object["kind"].clone(), object["metadata"]["namespace"].clone(), object["metadata"]["name"].clone())
    };
    let mut all = objects.to_vec();
    for document in manifests.split("---\n").filter(|document| !document.starts_with('#')) {
        let tree = Tree::parse(document, Syntax::Document).unwrap_or_else(|fault| panic!("{}", fault.message));
        let object: Value = yaml::read(&tree, tree.root()).unwrap_or_else(|mistake| panic!("{}", mistake.message));
        match all.iter_mut().find(|one| key(one) == key(&object)) {
            Some(one) => *one = object,
            None => all.push(object),
        }
    }
    all
}

/// Everything that an account may do: verb, resource, namespace, name.
fn rights(objects: &[Value]) -> BTreeSet<[String; 5]> {
    let input = Input(vec![Source::new("stdin", stream(objects))]);
    let stream = read::read(&input, Purpose::Everything).unwrap_or_else(|problems| panic!("{problems:?}"));
    let access = Access::read(&stream, "default");
    let mut rights = BTreeSet::new();
    for account in ACCOUNTS {
        let user = User::of(&Subject::ServiceAccount("shop".to_owned(), account.to_owned()));
        let reach = access.reach(&user);
        for verb in ["get", "list", "watch", "update", "delete"] {
            for resource in ["secrets", "configmaps"] {
                for namespace in NAMESPACES.into_iter().chain([""]) {
                    for name in SECRETS.into_iter().chain(["other", ""]) {
                        let asked = Resource { group: "", resource, subresource: "", namespace, name };
                        if reach.allows(&Request { verb, object: Object::Resource(asked) }).is_some() {
                            rights.insert([account, verb, resource, namespace, name].map(str::to_owned));
                        }
                    }
                }
            }
        }
    }
    rights
}

#[test]
fn a_suggestion_meets_every_need_and_nothing_more() {
    let config = Config { cases: 40, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&install(), |(objects, needs)| {
        let yaml = suggested(&objects, "yaml");
        prop_assert_eq!(&yaml, &suggested(&objects, "yaml"));
        let after = applied(&objects, &yaml);
        let (before, now) = (rights(&objects), rights(&after));
        let reads = |[_, verb, resource, ..]: &[String; 5]| {
            resource == "secrets" && !["update", "delete"].contains(&verb.as_str())
        };
        for right in now.iter().filter(|right| reads(right)) {
            let [account, _, _, namespace, name] = right;
            let needed = needs[account.as_str()].contains(&format!("{namespace}/{name}"));
            prop_assert!(needed, "{:?} is not needed\n{}\n{}", right, stream(&objects), yaml);
        }
        for (account, secret) in needs.iter().flat_map(|(account, all)| all.iter().map(move |one| (account, one))) {
            let (namespace, name) = secret.split_once('/').unwrap();
            let right = [account, "get", "secrets", namespace, name].map(str::to_owned);
            prop_assert!(now.contains(&right), "{:?} is missing\n{}\n{}", right, stream(&objects), yaml);
        }
        let others =
            |rights: &BTreeSet<[String; 5]>| rights.iter().filter(|right| !reads(right)).cloned().collect::<Vec<_>>();
        prop_assert_eq!(others(&before), others(&now), "{}\n{}", stream(&objects), yaml);
        prop_assert_eq!(suggested(&after, "yaml"), "# nothing to change\n", "{}", stream(&after));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
