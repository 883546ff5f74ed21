//! Who may do what, as a real API server says it and as sealref says it: for small installs of real projects, and for
//! generated roles. No difference is the bar.

#![allow(clippy::format_collect, reason = "a test joins what it reads and tells as it comes")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sealref::model::{Input, Source, Stream};
use sealref::rules::rbac::{Access, Object, PATHS, Reach, Request, Resource, Subject, User};
use sealref::steps::read::{self, Purpose};
use sealref::yaml::{Syntax, Tree};
use serde_json::{Value, json};

#[path = "support/kube.rs"]
mod kube;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;

use kube::Kube;

/// A question that both are asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    who: Subject,
    verb: String,
    /// Group, resource, subresource, namespace, name; or a path alone.
    what: Result<[String; 5], String>,
}

impl Asked {
    fn new(who: &Subject, verb: &str, what: [&str; 5]) -> Self {
        Self { who: who.clone(), verb: verb.to_owned(), what: Ok(what.map(str::to_owned)) }
    }

    fn here(&self, reach: &Reach) -> bool {
        let object = match &self.what {
            Ok([group, resource, subresource, namespace, name]) => {
                Object::Resource(Resource { group, resource, subresource, namespace, name })
            }
            Err(path) => Object::Path(path),
        };
        reach.allows(&Request { verb: &self.verb, object }).is_some()
    }

    fn review(&self) -> Value {
        let user = User::of(&self.who);
        let mut spec = json!({"groups": user.groups});
        if !user.name.is_empty() {
            spec["user"] = json!(user.name);
        }
        match &self.what {
            Ok([group, resource, subresource, namespace, name]) => {
                spec["resourceAttributes"] = json!({
                    "verb": self.verb, "group": group, "resource": resource, "subresource": subresource,
                    "namespace": namespace, "name": name,
                });
            }
            Err(path) => spec["nonResourceAttributes"] = json!({"verb": self.verb, "path": path}),
        }
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    }

    fn tell(&self) -> String {
        format!("{} {} {:?}", self.who, self.verb, self.what)
    }
}

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

impl Kube {
    /// Posts many bodies over a few connections; the answers in order.
    fn post(&self, bodies: &[(String, Value)]) -> Vec<Value> {
        let chunk = bodies.len().div_ceil(3).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> =
                (0..).zip(bodies.chunks(chunk)).map(|part| scope.spawn(move || self.part(part))).collect();
            parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
        })
    }

    fn part(&self, (number, bodies): (usize, &[(String, Value)])) -> Vec<Value> {
        let (server, authority) = (self.server(), self.authority());
        let one = |(path, body): &(String, Value)| {
            let body = body.to_string().replace('\\', "\\\\").replace('"', "\\\"");
            format!(
                "silent\nurl = \"{server}{path}\"\ncacert = \"{authority}\"\nheader = \"Authorization: Bearer admin-token\"\n\
                 header = \"Content-Type: application/json\"\ndata = \"{body}\"\nwrite-out = \"\\n\"\n"
            )
        };
        let config = self.at(&format!("curl-{number}"));
        fs::write(&config, bodies.iter().map(one).collect::<Vec<_>>().join("next\n")).unwrap();
        let output = Command::new("curl").args(["--config", &config]).output().unwrap();
        let answers =
            serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<Vec<Value>, _>>();
        let answers = answers.unwrap();
        assert_eq!(answers.len(), bodies.len(), "{}", String::from_utf8_lossy(&output.stderr));
        answers
    }

    fn text(&self, path: &str) -> String {
        let url = format!("{}{path}", self.server());
        let arguments = ["-s", "--cacert", &self.authority(), "-H", "Authorization: Bearer admin-token", &url];
        String::from_utf8(Command::new("curl").args(arguments).output().unwrap().stdout).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    fn says(&self, asked: &[(&Asked, bool)]) -> Vec<bool> {
        let reviews: Vec<_> = asked.iter().map(|(asked, _)| (REVIEWS.to_owned(), asked.review())).collect();
        let allowed = |answer: &Value| answer["status"]["allowed"].as_bool().unwrap_or_else(|| panic!("{answer}"));
        self.post(&reviews).iter().map(allowed).collect()
    }

    /// Compares every answer. The server learns of roles a little later than it takes them, so what differs is asked
    /// again for a while.
    fn agrees(&self, access: &Access, asked: &BTreeSet<Asked>, what: &str) {
        let who: BTreeSet<&Subject> = asked.iter().map(|asked| &asked.who).collect();
        let reaches: BTreeMap<&Subject, Reach> =
            who.into_iter().map(|who| (who, access.reach(&User::of(who)))).collect();
        let mut open: Vec<(&Asked, bool)> =
            asked.iter().map(|asked| (asked, asked.here(&reaches[&asked.who]))).collect();
        let granted = open.iter().filter(|(_, here)| *here).count();
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let says = self.says(&open);
            open = open.into_iter().zip(says).filter(|((_, here), says)| here != says).map(|(one, _)| one).collect();
            if open.is_empty() || Instant::now() > until {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        let told: Vec<String> =
            open.iter().take(20).map(|(asked, here)| format!("{} (we: {here})", asked.tell())).collect();
        assert!(open.is_empty(), "{what}: {} of {} differ\n{}", open.len(), asked.len(), told.join("\n"));
        assert!(granted > asked.len() / 100, "{what}: almost nothing is allowed, so nothing was tried");
    }

    /// Makes every object of a stream, in the namespace that it is written for.
    fn apply(&self, stream: &Stream, namespace: &str) {
        let objects: Vec<(String, Value)> = stream
            .read()
            .map(|(_, tree, identity)| {
                let object = serde_json::to_value(sealref::yaml::read::<Value>(tree, tree.root()).unwrap()).unwrap();
                let scope = match identity.kind.as_str() {
                    "ClusterRole" | "ClusterRoleBinding" => String::new(),
                    _ => format!("/namespaces/{}", identity.namespace.as_deref().unwrap_or(namespace)),
                };
                let root = if identity.group().is_empty() { "/api/v1" } else { "/apis/rbac.authorization.k8s.io/v1" };
                (format!("{root}{scope}/{}s", identity.kind.to_lowercase()), object)
            })
            .collect();
        for (answer, (path, object)) in self.post(&objects).iter().zip(&objects) {
            assert_ne!(answer["kind"], "Status", "{path} {object}\n{answer}");
        }
    }
}

/// The controller that aggregates roles; it stops with the test.
struct Aggregation(Child);

impl Aggregation {
    fn start(kube: &Kube) -> Option<Self> {
        let program = peers::peer("clusterrole-aggregation")?;
        let mut command = Command::new(program);
        command.args([&kube.server(), &kube.authority(), "admin-token"]);
        Some(Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()))
    }
}

impl Drop for Aggregation {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rbac")
}

/// The installs, each with the namespace that it is for.
fn installs() -> Vec<(String, String, String)> {
    let mut names: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    names.sort();
    let install = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let namespace = text.lines().find_map(|line| line.strip_prefix("# namespace: ")).unwrap().to_owned();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), namespace, text)
    };
    names.iter().map(install).collect()
}

/// Reads a text as sealref does, and hands over what it makes of it.
fn with<T>(text: &str, namespace: &str, see: impl FnOnce(&Stream, &Access) -> T) -> T {
    let input = Input(vec![Source::new("stdin", text.to_owned())]);
    let stream = read::read(&input, Purpose::Everything).unwrap_or_else(|problems| panic!("{problems:?}"));
    see(&stream, &Access::read(&stream, namespace))
}

/// Who is asked about besides those whom an install names.
fn strangers(namespace: &str) -> Vec<Subject> {
    vec![
        Subject::ServiceAccount(namespace.to_owned(), "default".to_owned()),
        Subject::ServiceAccount("elsewhere".to_owned(), "default".to_owned()),
        Subject::User("stranger".to_owned()),
        Subject::User("system:anonymous".to_owned()),
        Subject::Group("system:masters".to_owned()),
    ]
}

/// Every verb on secrets by name and without, in each namespace and cluster-wide; and every right of the detours.
fn questions(access: &Access, namespace: &str) -> BTreeSet<Asked> {
    let ours = |place: Option<sealref::model::Place>| place.is_some();
    let bindings: Vec<_> =
        access.bindings().map(|(binding, _)| binding).filter(|binding| ours(binding.place)).collect();
    let mut who: BTreeSet<Subject> = bindings.iter().flat_map(|binding| binding.subjects.clone()).collect();
    who.extend(strangers(namespace));
    let mut namespaces: BTreeSet<&str> = bindings.iter().filter_map(|binding| binding.namespace.as_deref()).collect();
    namespaces.extend([namespace, "elsewhere", ""]);
    let rules = access.roles().iter().filter(|role| ours(role.place)).flat_map(|role| &role.rules);
    let mut names: BTreeSet<&str> = rules.flat_map(|held| &held.rule.names).map(String::as_str).take(3).collect();
    names.extend(["", "other"]);
    let verbs = ["get", "list", "create", "patch", "delete", "deletecollection"];
    let mut asked = BTreeSet::new();
    for who in &who {
        for namespace in &namespaces {
            for (verb, name) in verbs.iter().flat_map(|verb| names.iter().map(move |name| (verb, name))) {
                asked.insert(Asked::new(who, verb, ["", "secrets", "", namespace, name]));
            }
            for need in PATHS.iter().flat_map(|path| &path.needs).flatten() {
                for resource in &need.resources {
                    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                    for verb in &need.verbs {
                        let name = if verb == "create" && subresource.is_empty() { "" } else { "other" };
                        asked.insert(Asked::new(who, verb, [&need.group, resource, subresource, namespace, name]));
                    }
                }
            }
        }
        for path in ["/", "/healthz", "/metrics", "/apis/x", "/api"] {
            asked.insert(Asked { who: who.clone(), verb: "get".to_owned(), what: Err(path.to_owned()) });
        }
    }
    asked
}

/// One server for all: it takes seconds to start.
#[test]
fn a_real_api_server_says_the_same() {
    let Some(kube) = Kube::start() else { return };
    let mut namespaces: BTreeSet<String> = installs().into_iter().map(|(_, namespace, _)| namespace).collect();
    namespaces.extend(GENERATED_NAMESPACES.map(str::to_owned));
    for (_, namespace, text) in installs() {
        with(&text, &namespace, |stream, _| {
            namespaces.extend(stream.read().filter_map(|(_, _, identity)| identity.namespace.clone()));
        });
    }
    for namespace in namespaces.iter().filter(|name| !["default", "kube-system"].contains(&name.as_str())) {
        kube.make("/api/v1/namespaces", &json!({"metadata": {"name": namespace}}));
    }
    let Some(_aggregation) = Aggregation::start(&kube) else { return };
    what_every_cluster_has(&kube);
    let mut all = String::new();
    for (name, namespace, text) in installs() {
        all.push_str(&format!("{}\n---\n", with_namespace(&text, &namespace)));
        with(&text, &namespace, |stream, _| kube.apply(stream, &namespace));
        // What is there already counts as well
        let asked = with(&text, &namespace, |_, access| questions(access, &namespace));
        with(&all, "default", |_, access| kube.agrees(access, &asked, &name));
    }
    let (text, asked) = generated();
    with(&text, "default", |stream, _| kube.apply(stream, "default"));
    with(&format!("{all}{text}"), "default", |_, access| kube.agrees(access, &asked, "generated"));
}

/// The same objects with their namespace written out.
fn with_namespace(text: &str, namespace: &str) -> String {
    let one = |document: &str| {
        let tree = Tree::parse(document, Syntax::Document).unwrap();
        let mut object: Value = sealref::yaml::read(&tree, tree.root()).unwrap();
        if !object["kind"].as_str().unwrap().starts_with("Cluster") {
            let metadata = object["metadata"].as_object_mut().unwrap();
            metadata.entry("namespace").or_insert(json!(namespace));
        }
        object.to_string()
    };
    text.split("\n---\n").map(one).collect::<Vec<_>>().join("\n---\n")
}

/// What the server made when it started stands in our table, to the letter.
fn what_every_cluster_has(kube: &Kube) {
    let until = Instant::now() + Duration::from_secs(30);
    while kube.text("/readyz") != "ok" {
        assert!(Instant::now() < until, "the API server does not get ready");
        std::thread::sleep(Duration::from_millis(200));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules/rbac/bootstrap.yaml");
    let table = fs::read_to_string(&path).unwrap();
    let version = kube.get("/version")["gitVersion"].as_str().unwrap().trim_start_matches('v').to_owned();
    let mut found = format!(
        "# What kube-apiserver {version} makes when it starts; tests/rbac_oracle.rs compares, BLESS=1 writes.\n"
    );
    for (kind, resource) in [
        ("ClusterRole", "clusterroles"),
        ("ClusterRoleBinding", "clusterrolebindings"),
        ("Role", "roles"),
        ("RoleBinding", "rolebindings"),
    ] {
        let list = kube.get(&format!("/apis/rbac.authorization.k8s.io/v1/{resource}"));
        for object in list["items"].as_array().unwrap() {
            let metadata = object["metadata"].as_object().unwrap();
            let mut labels = metadata.get("labels").cloned().unwrap_or(json!({}));
            labels.as_object_mut().unwrap().remove("kubernetes.io/bootstrapping");
            let mut kept = json!({"name": metadata["name"]});
            if let Some(namespace) = metadata.get("namespace") {
                kept["namespace"] = namespace.clone();
            }
            if labels != json!({}) {
                kept["labels"] = labels;
            }
            let mut written = json!({"kind": kind, "metadata": kept});
            // What the controller has filled in by now, we fill in ourselves
            let aggregates = object.get("aggregationRule").is_some();
            for key in ["aggregationRule", "roleRef", "rules", "subjects"] {
                if let Some(value) = object.get(key).filter(|value| !(value.is_null() || aggregates && key == "rules"))
                {
                    written[key] = value.clone();
                }
            }
            found.push_str(&format!("---\n{written}\n"));
        }
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert!(found == table, "src/rules/rbac/bootstrap.yaml is not what kube-apiserver {version} has: BLESS=1");
}

const GENERATED_NAMESPACES: [&str; 3] = ["gen-a", "gen-b", "gen-c"];

/// The same numbers in every run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one<'l>(&mut self, list: &[&'l str]) -> &'l str {
        list[self.below(list.len())]
    }

    fn some<'l>(&mut self, list: &[&'l str], least: usize, most: usize) -> Vec<&'l str> {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| self.one(list)).collect()
    }
}

/// Roles and bindings of few words, so that they meet often, and questions of the same words.
fn generated() -> (String, BTreeSet<Asked>) {
    const VERBS: &[&str] = &["*", "get", "list", "create", "update", "delete", "bind", "impersonate", "GET"];
    const GROUPS: &[&str] = &["", "", "*", "apps", "rbac.authorization.k8s.io", "v1"];
    const RESOURCES: &[&str] = &[
        "*",
        "secrets",
        "secrets",
        "pods",
        "pods/exec",
        "pods/*",
        "*/exec",
        "*/*",
        "deployments",
        "deployments/scale",
        "*/scale",
        "roles",
        "namespaces",
        "secret",
    ];
    const NAMES: &[&str] = &["db", "tls", "*", "web"];
    const ACCOUNTS: &[&str] = &["web", "api"];
    const URLS: &[&str] = &["/metrics", "/api/*", "/api*", "*", "/logs/**", "/*"];
    const ASKED_URLS: &[&str] = &["/metrics", "/metrics/x", "/api", "/api/v1", "/apis", "/logs/a/b", "/"];
    const USERS: &[&str] = &["jane", "joe", "ann", "system:serviceaccount:gen-a:web"];
    const MEMBERS: &[&str] = &["ops", "system:serviceaccounts:gen-b", "system:serviceaccounts", "devs"];
    let mut numbers = Numbers(41);
    let n = &mut numbers;
    let api = "rbac.authorization.k8s.io";
    let mut objects = vec![];
    for number in 0..90 {
        let cluster = n.below(2) == 0;
        let mut rules = vec![];
        for _ in 0..=n.below(2) {
            if cluster && n.below(5) == 0 {
                rules.push(json!({"verbs": n.some(VERBS, 1, 2), "nonResourceURLs": n.some(URLS, 1, 2)}));
            } else {
                let names = if n.below(3) == 0 { n.some(NAMES, 1, 2) } else { vec![] };
                rules.push(json!({
                    "verbs": n.some(VERBS, 1, 2), "apiGroups": n.some(GROUPS, 1, 2),
                    "resources": n.some(RESOURCES, 1, 2), "resourceNames": names,
                }));
            }
        }
        let mut metadata = json!({"name": format!("gen-{number}")});
        let kind = if cluster { "ClusterRole" } else { "Role" };
        if !cluster {
            metadata["namespace"] = json!(n.one(&GENERATED_NAMESPACES));
        }
        objects.push(json!({"apiVersion": format!("{api}/v1"), "kind": kind, "metadata": metadata, "rules": rules}));
    }
    for number in 0..110 {
        let cluster = n.below(4) == 0;
        let role_kind = if cluster || n.below(2) == 0 { "ClusterRole" } else { "Role" };
        let subject = match n.below(3) {
            0 => json!({"kind": "User", "apiGroup": api, "name": n.one(USERS)}),
            1 => json!({"kind": "Group", "apiGroup": api, "name": n.one(MEMBERS)}),
            _ if cluster || n.below(2) == 0 => {
                json!({"kind": "ServiceAccount", "name": n.one(ACCOUNTS), "namespace": n.one(&GENERATED_NAMESPACES)})
            }
            _ => json!({"kind": "ServiceAccount", "name": n.one(ACCOUNTS)}),
        };
        let mut metadata = json!({"name": format!("gen-{number}")});
        if !cluster {
            metadata["namespace"] = json!(n.one(&GENERATED_NAMESPACES));
        }
        let kind = if cluster { "ClusterRoleBinding" } else { "RoleBinding" };
        let role = json!({"apiGroup": api, "kind": role_kind, "name": format!("gen-{}", n.below(90))});
        objects.push(json!({"apiVersion": format!("{api}/v1"), "kind": kind, "metadata": metadata, "roleRef": role, "subjects": [subject]}));
    }
    let mut asked = BTreeSet::new();
    while asked.len() < 6000 {
        let who = match n.below(3) {
            0 => Subject::User(n.one(&USERS[..3]).to_owned()),
            1 => Subject::Group(n.one(MEMBERS).to_owned()),
            _ => Subject::ServiceAccount(n.one(&GENERATED_NAMESPACES).to_owned(), n.one(ACCOUNTS).to_owned()),
        };
        if n.below(10) == 0 {
            let verb = n.one(&["get", "list", "create"]).to_owned();
            asked.insert(Asked { who, verb, what: Err(n.one(ASKED_URLS).to_owned()) });
            continue;
        }
        let resource = n.one(RESOURCES);
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let namespace = n.one(&["gen-a", "gen-b", "gen-c", ""]);
        let name = n.one(&["", "db", "tls", "web", "x"]);
        asked.insert(Asked::new(&who, n.one(VERBS), [n.one(GROUPS), resource, subresource, namespace, name]));
    }
    (objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n"), asked)
}
