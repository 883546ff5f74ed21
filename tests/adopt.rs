//! Live Secrets whose kind changes under their name, with the real controllers of sealed-secrets and External Secrets
//! and the garbage collector on a real API server: what becomes of them without the steps of `sealref adopt`, and with.
//!
//! A watch on the Secrets tells each moment without one. Helm and kubectl are the real ones; Argo CD and Flux are the
//! calls that they make, in their order (`pkg/sync` of gitops-engine, `pkg/ssa` of fluxcd/pkg).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealref::model::Source;
use sealref::yaml::{self, Tree};
use serde_json::{Value, json};

#[path = "support/kube.rs"]
mod kube;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
#[expect(dead_code, reason = "only what ends a program is needed")]
mod program;

use kube::Kube;
use peer_server::{PeerServer, free_port};
use peers::peer;
use program::{SEALREF, end};

/// Kinds by the letters of the names of rows: `p` plain, `s` SealedSecret, `e` ExternalSecret; from one to the other.
/// These are ExternalSecrets too: `n` of another name than its Secret, `f` that is fetched once, by its interval, and `c`
/// by its policy, which has no template and deletes its Secret when it goes.
const ROWS: [&str; 9] = ["ps", "pe", "se", "es", "sp", "ep", "ne", "fs", "cp"];

/// What a row holds on one side.
fn expected(row: &str, side: usize) -> String {
    let kind = row[side..=side].replace(['n', 'f', 'c'], "e");
    format!("s3cret-of-{kind}")
}

/// Who applies, and when it deletes what is gone.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tool {
    /// Argo CD, all in one wave: it deletes first.
    Argocd,
    /// Argo CD, where what is new stands in an earlier wave, or with PruneLast.
    ArgocdLast,
    Flux,
    Helm,
    Kubectl,
    /// kubectl without --prune, as Argo CD and Flux where nobody has told them to.
    Unpruned,
}

impl Tool {
    const ALL: [Self; 6] = [Self::Argocd, Self::ArgocdLast, Self::Flux, Self::Helm, Self::Kubectl, Self::Unpruned];

    fn named(self) -> &'static str {
        match self {
            Self::Argocd | Self::ArgocdLast => "argocd",
            Self::Flux => "flux",
            Self::Helm => "helm",
            Self::Kubectl | Self::Unpruned => "kubectl",
        }
    }
}

/// Dropped in this order.
struct World {
    controllers: Vec<PeerServer>,
    kube: Kube,
    tools: tempfile::TempDir,
    helm: PathBuf,
}

impl World {
    /// None where a program is missing, or where the machine lets nobody mount anything.
    fn start() -> Option<Self> {
        let names = ["kube-controller-manager", "sealed-secrets", "external-secrets", "helm"];
        let [manager, sealed, external, helm] = names.map(peer);
        let crds = ["sealed-secrets-crds", "external-secrets-crds"].map(peer);
        let (kubectl, mounts) = (on_the_path("kubectl"), mounts());
        let (manager, sealed, external, helm, kubectl) = (manager?, sealed?, external?, helm?, kubectl?);
        let crds: Vec<PathBuf> = crds.into_iter().collect::<Option<_>>()?;
        if !mounts {
            return None;
        }
        let kube = Kube::start()?;
        let tools = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(kubectl, tools.path().join("kubectl")).unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": kube.server(), "certificate-authority": kube.authority()}}],
            "users": [{"name": "it", "user": {"token": "admin-token"}}],
        });
        fs::write(kube.at("config"), config.to_string()).unwrap();
        let mut world = Self { controllers: vec![], kube, tools, helm };
        world.kube.make("/api/v1/namespaces", &json!({"metadata": {"name": "ready"}}));
        for folder in crds {
            for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
                let name = file.file_name().unwrap().to_str().unwrap();
                if name.contains(".io_") || name.contains(".com_") {
                    world.kubectl(&["create", "-f", file.to_str().unwrap()], b"");
                }
            }
        }
        world.kubectl(&["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"], b"");
        world.control(&manager, &sealed, &external);
        Some(world)
    }

    fn control(&mut self, manager: &Path, sealed: &Path, external: &Path) {
        let config = self.kube.at("config");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        self.controllers.push(PeerServer::start(manager, |port| {
            let port = format!("--secure-port={port}");
            let only = "--controllers=garbage-collector-controller";
            let folder = format!("--cert-dir={}", self.kube.at("manager"));
            words(&[&format!("--kubeconfig={config}"), only, "--leader-elect=false", &port, &folder])
        }));
        self.controllers.push(PeerServer::start(Path::new("env"), |port| {
            let live = format!("127.0.0.1:{port}");
            let program = external.to_str().unwrap();
            words(&[&format!("KUBECONFIG={config}"), program, "--metrics-addr=0", "--live-addr", &live])
        }));
        // It reads the files of a Pod: they are laid over this machine's for this process alone
        let script = format!(
            "mount -t tmpfs none /var/run && d=/var/run/secrets/kubernetes.io/serviceaccount && mkdir -p $d && \
             printf admin-token >$d/token && printf kube-system >$d/namespace && cp {} $d/ca.crt && \
             export KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT={} POD_NAMESPACE=kube-system && exec {}",
            self.kube.authority(),
            self.kube.server().rsplit_once(':').unwrap().1,
            sealed.display(),
        );
        let sealing = PeerServer::start(Path::new("unshare"), |port| {
            let listen = format!(" --listen-addr 127.0.0.1:{port} --listen-metrics-addr 127.0.0.1:{}", free_port());
            words(&["-rm", "sh", "-c", &format!("{script}{listen}")])
        });
        let url = format!("{}/v1/cert.pem", sealing.url());
        let certificate =
            Command::new("curl").args(["-sf", "--retry", "20", "--retry-all-errors", &url]).output().unwrap();
        assert!(certificate.status.success());
        fs::write(self.kube.at("cert.pem"), certificate.stdout).unwrap();
        fs::write(self.kube.at("sealing.key"), [7u8; 32]).unwrap();
        self.controllers.push(sealing);
    }

    /// A line of a shell with this cluster's kubectl.
    fn shell(&self, line: &str, stdin: &[u8]) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.tools.path().display());
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("PATH", path).env("KUBECONFIG", self.kube.at("config"));
        let output = end(command.current_dir(self.tools.path()), stdin);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn kubectl(&self, arguments: &[&str], stdin: &[u8]) -> Output {
        let quoted: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
        self.shell(&format!("kubectl {}", quoted.join(" ")), stdin)
    }

    /// What is live, where it is.
    fn live(&self, namespace: &str, kind: &str, name: &str) -> Option<Value> {
        let words = ["-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found"];
        let output = self.kubectl(&words, b"");
        serde_json::from_slice(&output.stdout).ok()
    }
}

/// A program that is not ours to install.
fn on_the_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.or_else(|| skipped(&format!("{program} (not on this machine)")))
}

/// May a process of ours have a file system of its own?
fn mounts() -> bool {
    let tried = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/var/run"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    may || skipped::<()>("sealed-secrets (it reads files of a Pod, and nothing can be mounted here)").is_some()
}

fn skipped<T>(what: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}");
    // Not println: the test runner would keep that of a passing test to itself
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
    None
}

/// One tool's namespace, with every row in it.
struct Team<'w> {
    world: &'w World,
    tool: Tool,
    namespace: String,
    /// How long what is old stays beside what is new, where it is deleted last.
    later: Duration,
    folder: tempfile::TempDir,
}

impl<'w> Team<'w> {
    fn new(world: &'w World, tool: Tool, steps: bool) -> Self {
        let namespace = format!("{tool:?}-{}", if steps { "steps" } else { "without" }).to_lowercase();
        let team = Self { world, tool, namespace, later: LATER, folder: tempfile::tempdir().unwrap() };
        world.kubectl(&["create", "namespace", &team.namespace], b"");
        let data = json!([{"key": "kv/db", "value": r#"{"password": "s3cret-of-e"}"#}]);
        let store = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": {"name": "fake", "namespace": team.namespace}, "spec": {"provider": {"fake": {"data": data}}},
        });
        world.kubectl(&["apply", "-f", "-"], store.to_string().as_bytes());
        for (name, handover) in [("settings.yaml", false), ("handover.yaml", true)] {
            let spec = json!({
                "stores": [{"match": {"scheme": "vault"}, "use": {"kind": "SecretStore", "name": "fake"}}],
                "plaintext": "Pass", "esoVersion": "0.20", "handover": handover,
            });
            let settings = json!({"apiVersion": "sealref.dev/v1alpha1", "kind": "SecretTransform", "spec": spec});
            fs::write(team.folder.path().join(name), settings.to_string()).unwrap();
        }
        team
    }

    /// The manifests before (0) or after (1), as somebody writes them.
    fn written(&self, side: usize) -> String {
        let one = |row: &&str| {
            let value = match &row[side..=side] {
                "p" => "s3cret-of-p",
                "s" => "ref+env://VALUE",
                _ => "ref+vault://kv/db#/password",
            };
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": row, "namespace": self.namespace, "labels": {"team": "adopt"}},
                "stringData": {"password": value},
            })
            .to_string()
        };
        documents(ROWS.iter().map(one))
    }

    fn sealref(&self, arguments: &[&str], stdin: &str) -> String {
        let mut command = Command::new(SEALREF);
        command.args(arguments).args(["--root", "."]).current_dir(self.folder.path());
        let output = end(command.env_clear().env("VALUE", "s3cret-of-s"), stdin.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn rendered(&self, side: usize, settings: &str) -> Vec<Value> {
        let (certificate, key) = (self.world.kube.at("cert.pem"), self.world.kube.at("sealing.key"));
        let sealing = ["--certificate", &certificate, "--sealing-key", &key, "--allow-env", "VALUE"];
        let text = self.sealref(&[&["render", "-", "--config", settings], &sealing[..]].concat(), &self.written(side));
        let source = Source::new("rendered", text);
        let objects = source.objects().map_err(|_| ()).unwrap();
        let read = |(_, tree): (_, Tree)| yaml::read(&tree, tree.root()).map_err(|_| ()).unwrap();
        objects.map(|object| read(object.map_err(|_| ()).unwrap())).collect()
    }

    /// What is applied at first: what was rendered, and what others have written otherwise.
    fn before(&self) -> Vec<Value> {
        let mut objects = self.rendered(0, "settings.yaml");
        for object in &mut objects {
            match object["metadata"]["name"].as_str().unwrap() {
                // It writes again and again, until it is gone
                "ep" => object["spec"]["refreshInterval"] = json!("1s"),
                "ne" => object["metadata"]["name"] = json!("ne-old"),
                "fs" => object["spec"]["refreshInterval"] = json!("0s"),
                "cp" => {
                    object["spec"]["refreshPolicy"] = json!("CreatedOnce");
                    object["spec"]["target"]["deletionPolicy"] = json!("Delete");
                    object["spec"]["target"].as_object_mut().unwrap().remove("template").unwrap();
                }
                _ => {}
            }
        }
        objects
    }

    /// What the tool does when these take the place of those.
    fn apply(&self, old: &[Value], new: &[Value]) {
        let is = |one: &Value| (one["kind"].to_string(), one["metadata"]["name"].to_string());
        let gone: Vec<&Value> = old.iter().filter(|one| new.iter().all(|other| is(one) != is(other))).collect();
        let text = list(new);
        let world = self.world;
        match self.tool {
            Tool::Argocd => {
                self.delete(&self.prunable(&gone, "argocd.argoproj.io/sync-options", "Prune=false"), "foreground");
                world.kubectl(&["apply", "-f", "-"], text.as_bytes());
            }
            Tool::ArgocdLast => {
                let gone = self.prunable(&gone, "argocd.argoproj.io/sync-options", "Prune=false");
                world.kubectl(&["apply", "-f", "-"], text.as_bytes());
                thread::sleep(self.later);
                self.delete(&gone, "foreground");
            }
            Tool::Flux => {
                let marked: Vec<Value> = new.iter().map(marked).collect();
                let words =
                    ["apply", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller", "-f", "-"];
                world.kubectl(&words, list(&marked).as_bytes());
                thread::sleep(self.later);
                let gone = self.prunable(&gone, "kustomize.toolkit.fluxcd.io/prune", "disabled");
                self.delete(&gone, "background");
            }
            Tool::Helm => {
                let chart = self.folder.path().join("chart");
                fs::create_dir_all(chart.join("templates")).unwrap();
                fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: adopt\nversion: 1.0.0\n").unwrap();
                // Braces of External Secrets are none of Helm's
                let text = documents(new.iter().map(Value::to_string)).replace("{{", "{{ \"{{\" }}");
                fs::write(chart.join("templates/all.yaml"), text).unwrap();
                let (helm, chart, namespace) = (world.helm.display(), chart.display(), &self.namespace);
                world.shell(&format!("{helm} upgrade --install adopt {chart} -n {namespace} --take-ownership"), b"");
            }
            Tool::Kubectl => {
                let kinds =
                    ["core/v1/Secret", "bitnami.com/v1alpha1/SealedSecret", "external-secrets.io/v1/ExternalSecret"];
                let kinds = kinds.map(|kind| format!("--prune-allowlist={kind}")).join(" ");
                let line = format!("kubectl -n {} apply --prune -l team=adopt {kinds} -f -", self.namespace);
                world.shell(&line, text.as_bytes());
            }
            Tool::Unpruned => {
                world.kubectl(&["apply", "-f", "-"], text.as_bytes());
            }
        }
    }

    /// What is live of it and does not say that it is to stay; Flux also wants its own labels there.
    fn prunable<'v>(&self, gone: &[&'v Value], annotation: &str, word: &str) -> Vec<&'v Value> {
        let prunable = |one: &&&Value| {
            let (kind, name) = (one["kind"].as_str().unwrap(), one["metadata"]["name"].as_str().unwrap());
            let Some(live) = self.world.live(&self.namespace, kind, name) else { return false };
            let said = live["metadata"]["annotations"][annotation].as_str().unwrap_or_default();
            let mine = self.tool != Tool::Flux || live["metadata"]["labels"][FLUX] == "adopt";
            mine && !said.split(',').any(|one| one == word)
        };
        gone.iter().filter(prunable).copied().collect()
    }

    fn delete(&self, gone: &[&Value], cascade: &str) {
        for one in gone {
            let (kind, name) = (one["kind"].as_str().unwrap(), one["metadata"]["name"].as_str().unwrap());
            let cascade = format!("--cascade={cascade}");
            let words = ["-n", &self.namespace, "delete", kind, name, &cascade, "--wait=false", "--ignore-not-found"];
            self.world.kubectl(&words, b"");
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let live = self.world.live(&self.namespace, "secret", name)?;
        let bytes = STANDARD.decode(live["data"]["password"].as_str()?).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    /// Waits until each row has the value of its side.
    fn settle(&self, side: usize) {
        let until = Instant::now() + Duration::from_mins(2);
        for row in ROWS {
            let expected = expected(row, side);
            while self.value(row).as_ref() != Some(&expected) {
                assert!(Instant::now() < until, "{}: {row} has never {expected}", self.namespace);
                thread::sleep(Duration::from_millis(200));
            }
        }
    }

    /// Does what the printed steps say, word for word.
    fn adopt(&self, old: &[Value]) -> Vec<Value> {
        let file = self.folder.path().join("old.yaml");
        fs::write(&file, documents(old.iter().map(Value::to_string))).unwrap();
        let words = ["adopt", "-", "--for", self.tool.named(), "--from", "old.yaml", "--format", "json"];
        let said = self.sealref(&[&words[..], &["--config", "settings.yaml"]].concat(), &self.written(1));
        let said: Value = serde_json::from_str(&said).unwrap();
        let moves = said["moves"].as_array().unwrap();
        assert_eq!(moves.len(), ROWS.len());
        let mut now = old.to_vec();
        for step in said["steps"].as_array().unwrap() {
            let next = match step["apply"].as_str() {
                Some("current") => {
                    let mut next = now.clone();
                    for one in moves {
                        let is = |object: &&mut Value| {
                            object["kind"] == one["from"]["kind"] && object["metadata"]["name"] == one["from"]["name"]
                        };
                        merge(next.iter_mut().find(is).unwrap(), &one["patch"]);
                    }
                    Some(next)
                }
                Some("handover") => Some(self.rendered(1, "handover.yaml")),
                Some("new") => Some(self.rendered(1, "settings.yaml")),
                _ => None,
            };
            if let Some(next) = next {
                self.apply(&now, &next);
                now = next;
            }
            for command in step["commands"].as_array().unwrap() {
                self.world.shell(command.as_str().unwrap(), b"");
            }
        }
        now
    }
}

const LATER: Duration = Duration::from_secs(3);
/// The controllers have tried often enough, and given up: alone they need less than half of it.
const GIVEN_UP: Duration = Duration::from_secs(20);
const FLUX: &str = "kustomize.toolkit.fluxcd.io/name";

fn documents(objects: impl Iterator<Item = String>) -> String {
    objects.map(|object| format!("---\n{object}\n")).collect::<Vec<_>>().concat()
}

/// kubectl reads one document of JSON.
fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

fn marked(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]["labels"][FLUX] = json!("adopt");
    object
}

/// RFC 7386.
fn merge(into: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key.as_str()], value);
        }
    }
}

/// Every change of every Secret, as the API server tells it.
struct Watch {
    child: Child,
    file: PathBuf,
}

impl Watch {
    fn start(team: &Team) -> Self {
        let file = team.folder.path().join("watch");
        let kube = &team.world.kube;
        let url = format!("{}/api/v1/namespaces/{}/secrets?watch=true", kube.server(), team.namespace);
        let mut command = Command::new("curl");
        command.args(["-sN", "--cacert", &kube.authority(), "-H", "Authorization: Bearer admin-token", &url]);
        let child = command.stdout(fs::File::create(&file).unwrap()).stdin(Stdio::null()).spawn().unwrap();
        let watch = Self { child, file };
        let until = Instant::now() + Duration::from_secs(30);
        while watch.seen().len() < ROWS.len() {
            assert!(Instant::now() < until, "the watch sees nothing");
            thread::sleep(Duration::from_millis(50));
        }
        watch
    }

    /// What happened to each Secret, in order; a line that is not complete is none yet.
    fn seen(&self) -> BTreeMap<String, Vec<String>> {
        let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in fs::read_to_string(&self.file).unwrap().lines().flat_map(serde_json::from_str::<Value>) {
            let name = event["object"]["metadata"]["name"].as_str().unwrap().to_owned();
            if ROWS.contains(&name.as_str()) {
                assert_eq!(event["object"]["metadata"]["labels"]["team"], "adopt", "{name} loses its label");
                seen.entry(name).or_default().push(event["type"].as_str().unwrap().to_owned());
            }
        }
        seen
    }

    fn end(&mut self) -> BTreeMap<String, Fate> {
        thread::sleep(Duration::from_secs(1));
        let _ = self.child.kill();
        let fate = |events: &Vec<String>| match events.last().map(String::as_str) {
            Some("DELETED") => Fate::Lost,
            _ if events.iter().any(|event| event == "DELETED") => Fate::Missing,
            _ => Fate::Kept,
        };
        self.seen().iter().map(|(name, events)| (name.clone(), fate(events))).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// There at every moment.
    Kept,
    /// Gone, and not there in the end.
    Lost,
    /// Gone for a while.
    Missing,
}

/// What becomes of each row without the steps, where what is old goes long after what is new has come.
const WITHOUT: [(&str, Fate); 9] = [
    ("ps", Fate::Lost),
    ("pe", Fate::Missing),
    ("se", Fate::Missing),
    ("es", Fate::Lost),
    ("sp", Fate::Lost),
    ("ep", Fate::Lost),
    ("ne", Fate::Missing),
    ("fs", Fate::Lost),
    ("cp", Fate::Lost),
];

fn without_steps(world: &World, tool: Tool) {
    let later = if tool == Tool::ArgocdLast { GIVEN_UP } else { LATER };
    let team = Team { later, ..Team::new(world, tool, false) };
    let (old, new) = (team.before(), team.rendered(1, "settings.yaml"));
    team.apply(&[], &old);
    team.settle(0);
    let mut watch = Watch::start(&team);
    team.apply(&old, &new);
    thread::sleep(Duration::from_secs(15));
    let found = watch.end();
    for (row, expected) in WITHOUT {
        match tool {
            Tool::ArgocdLast => assert_eq!(found[row], expected, "{tool:?} {row}"),
            // Who is quicker decides between a gap and a loss
            Tool::Argocd | Tool::Flux | Tool::Helm | Tool::Kubectl | Tool::Unpruned => {
                assert_ne!(found[row], Fate::Kept, "{tool:?} {row}");
            }
        }
    }
}

fn with_steps(world: &World, tool: Tool) {
    let team = Team::new(world, tool, true);
    let old = team.before();
    team.apply(&[], &old);
    team.settle(0);
    let mut watch = Watch::start(&team);
    let now = team.adopt(&old);
    team.settle(1);
    // What is applied again changes nothing, and takes nothing away
    team.apply(&now, &now);
    thread::sleep(LATER);
    team.settle(1);
    for one in old.iter().filter(|one| one["kind"] != "Secret") {
        let (kind, name) = (one["kind"].as_str().unwrap(), one["metadata"]["name"].as_str().unwrap());
        assert_eq!(team.world.live(&team.namespace, kind, name), None, "{tool:?}: two write to one Secret");
    }
    for (row, fate) in watch.end() {
        assert_eq!(fate, Fate::Kept, "{tool:?} {row}");
        let metadata = team.world.live(&team.namespace, "secret", &row).unwrap()["metadata"].clone();
        let owner = match &row[1..] {
            "p" => Value::Null,
            "s" => json!("SealedSecret"),
            _ => json!("ExternalSecret"),
        };
        assert_eq!(metadata["ownerReferences"][0]["kind"], owner, "{tool:?} {row}");
        let left =
            metadata["annotations"].as_object().map(|all| all.keys().cloned().collect::<String>()).unwrap_or_default();
        for word in ["sealedsecrets", "sync-options", "resource-policy", "toolkit.fluxcd.io/prune"] {
            assert!(!left.contains(word), "{tool:?} {row}: {left}");
        }
        // It would hold the values of the Secret that was applied
        assert!(owner.is_null() || !left.contains("last-applied"), "{tool:?} {row}: {left}");
    }
}

/// What `docs/rollback.md` says for who is in a hurry, word for word.
fn in_a_hurry(world: &World) {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rollback.md")).unwrap();
    let (_, hurry) = page.split_once("In a hurry").unwrap();
    world.kubectl(&["create", "namespace", "shop"], b"");
    let data = json!([{"key": "kv/db", "value": r#"{"password": "s3cret-of-e"}"#}]);
    let of = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "external-secrets.io/v1", "kind": kind,
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
        })
    };
    let spec = json!({
        "refreshInterval": "1h", "secretStoreRef": {"kind": "SecretStore", "name": "fake"},
        "target": {"deletionPolicy": "Delete"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "kv/db", "property": "password"}}],
    });
    let store = of("SecretStore", "fake", json!({"provider": {"fake": {"data": data}}}));
    world.kubectl(&["apply", "-f", "-"], list(&[store, of("ExternalSecret", "database", spec)]).as_bytes());
    world.shell("kubectl -n shop wait externalsecret/database --for=condition=Ready --timeout=2m", b"");
    let before = world.live("shop", "secret", "database").unwrap();
    let commands: Vec<&str> = hurry.lines().filter(|line| line.starts_with("kubectl -n shop ")).collect();
    assert_eq!(commands.len(), 2);
    for command in commands {
        world.shell(command, b"");
    }
    thread::sleep(LATER);
    let after = world.live("shop", "secret", "database").expect("it is lost");
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert!(after["metadata"]["ownerReferences"].is_null());
}

#[test]
fn a_secret_whose_kind_changes_is_there_all_the_time_with_our_steps_and_not_without() {
    let Some(world) = World::start() else { return };
    // Alone: the controller makes five calls a second
    without_steps(&world, Tool::ArgocdLast);
    in_a_hurry(&world);
    thread::scope(|scope| {
        for tool in Tool::ALL {
            scope.spawn({
                let world = &world;
                move || with_steps(world, tool)
            });
            if tool != Tool::ArgocdLast && tool != Tool::Unpruned {
                scope.spawn({
                    let world = &world;
                    move || without_steps(world, tool)
                });
            }
        }
    });
}
