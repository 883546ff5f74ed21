//! What an operator installs: the component on the stock repo-server of Argo CD, the policy, the plugin's declaration, the
//! image, and what the hardening guide says of them. The real API server takes every object.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealref::yaml::{self, Tree};
use serde_json::{Value, json};

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/kube.rs"]
mod kube;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/plugin.rs"]
mod plugin;

use kube::Kube;
use plugin::{Operator, Sent, shipped};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn objects(text: &str) -> Vec<Value> {
    let Ok(pieces) = yaml::pieces(text, &|_| true) else { panic!("{text}") };
    let read = |piece: yaml::Piece| {
        let Ok(tree) = Tree::parse(piece.text, piece.syntax) else { panic!("{text}") };
        yaml::read(&tree, tree.root()).unwrap_or_else(|_| panic!("{text}"))
    };
    pieces.pieces.into_iter().map(read).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The stock repo-server of a release, with these components of ours.
fn built(components: &[&str]) -> Option<Vec<Value>> {
    let (kustomize, manifests) = (peers::peer("kustomize")?, peers::peer("argocd-manifests")?);
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("argocd"), &folder.path().join("argocd"));
    copy(&manifests.join("base/repo-server"), &folder.path().join("stock"));
    fs::create_dir(folder.path().join("overlay")).unwrap();
    let text = format!(
        "namespace: argocd\nresources: [../stock]\ncomponents: [{}]\nimages:\n  - {{name: quay.io/argoproj/argocd, newTag: v3.2.12}}\n  - {{name: sealref, newName: registry.example/sealref, newTag: 0.1.0}}\n",
        components.join(", ")
    );
    fs::write(folder.path().join("overlay/kustomization.yaml"), text).unwrap();
    let output = Command::new(kustomize).arg("build").arg(folder.path().join("overlay")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(objects(&String::from_utf8(output.stdout).unwrap()))
}

fn one<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let fits = |object: &&Value| {
        object["kind"] == kind && object["metadata"]["name"].as_str().is_some_and(|found| found.starts_with(name))
    };
    objects.iter().find(fits).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn pod(objects: &[Value]) -> &Value {
    &one(objects, "Deployment", "argocd-repo-server")["spec"]["template"]["spec"]
}

#[test]
fn the_sidecar_is_added_and_nothing_of_the_repo_server_changes() {
    let (Some(stock), Some(ours)) = (built(&[]), built(&["../argocd"])) else { return };
    let (stock, with) = (pod(&stock), pod(&ours));
    for list in ["containers", "initContainers", "volumes"] {
        for before in stock[list].as_array().unwrap() {
            assert_eq!(named(&with[list], before["name"].as_str().unwrap()), before, "{list}");
        }
    }
    assert_eq!(with["automountServiceAccountToken"], false);
    assert_eq!(with["shareProcessNamespace"], false);
    let server = named(&with["containers"], "argocd-repo-server");
    let builders = named(&with["initContainers"], "sealref-builders");
    assert_eq!(builders["image"], server["image"], "kustomize and helm are those of the repo-server");
    assert_eq!(builders["image"], "quay.io/argoproj/argocd:v3.2.12");
    let sidecar = named(&with["containers"], "sealref");
    assert_eq!(sidecar["image"], "registry.example/sealref:0.1.0");
    assert_eq!(sidecar["command"], json!(["/var/run/argocd/argocd-cmp-server"]));
    let hardened = json!({
        "runAsNonRoot": true, "runAsUser": 999, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    });
    for container in [builders, sidecar] {
        assert_eq!(container["securityContext"], hardened);
    }
    for limit in ["cpu", "memory", "ephemeral-storage"] {
        assert!(sidecar["resources"]["limits"][limit].is_string(), "{limit}");
    }
    let writable = sidecar["volumeMounts"].as_array().unwrap().iter().filter(|mount| mount["readOnly"] != true);
    let writable: Vec<&Value> = writable.map(|mount| &mount["mountPath"]).collect();
    assert_eq!(writable, ["/home/argocd/cmp-server/plugins", "/tmp"]);
    // Its own folder for temporary files: the repo-server's holds every repository
    let tmp = sidecar["volumeMounts"].as_array().unwrap().iter().find(|mount| mount["mountPath"] == "/tmp").unwrap();
    assert_eq!(tmp["name"], "sealref-tmp");
    assert!(!server["volumeMounts"].to_string().contains("sealref"), "the repo-server sees nothing of ours");
    let policy = &named(&with["volumes"], "sealref-operator")["projected"]["sources"][0]["configMap"]["name"];
    assert_eq!(policy, &one(&ours, "ConfigMap", "sealref-policy-")["metadata"]["name"]);
    assert_eq!(
        sidecar["env"],
        json!([
            {"name": "SEALREF_POLICY", "value": "/etc/sealref/policy.yaml"}, {"name": "ARGOCD_CMP_WORKDIR", "value": "/tmp"},
        ])
    );
}

#[test]
fn only_the_sidecar_gets_a_token_and_only_where_it_is_asked_for() {
    let (Some(without), Some(with)) = (built(&["../argocd"]), built(&["../argocd", "../argocd/token"])) else { return };
    assert!(!pod(&without).to_string().contains("serviceAccountToken"));
    let holds = |container: &Value| container["volumeMounts"].to_string().contains("sealref-token");
    let all = ["containers", "initContainers"].map(|list| pod(&with)[list].as_array().unwrap().clone()).concat();
    let holders: Vec<&Value> = all.iter().filter(|one| holds(one)).map(|one| &one["name"]).collect();
    assert_eq!(holders, ["sealref"]);
    assert_eq!(pod(&with)["automountServiceAccountToken"], false);
    let token = &named(&pod(&with)["volumes"], "sealref-token")["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!((token["audience"].as_str(), token["expirationSeconds"].as_u64()), (Some("vault"), Some(600)));
}

#[test]
fn the_network_policy_keeps_the_pod_from_metadata_and_the_cluster() {
    let Some(ours) = built(&["../argocd"]) else { return };
    let policy = &one(&ours, "NetworkPolicy", "argocd-repo-server-egress")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Egress"]));
    let blocks = policy["egress"].as_array().unwrap().iter().flat_map(|rule| rule["to"].as_array().unwrap());
    let blocks: Vec<&Value> = blocks.filter_map(|to| to.get("ipBlock")).collect();
    assert_eq!(blocks.len(), 1);
    for range in ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"] {
        assert!(blocks[0]["except"].as_array().unwrap().contains(&json!(range)), "{range}");
    }
    let pods = pod(&ours);
    assert!(pods.is_object());
    let template = &one(&ours, "Deployment", "argocd-repo-server")["spec"]["template"]["metadata"]["labels"];
    for (label, value) in policy["podSelector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&template[label], value);
    }
}

/// Strictly, as `kubectl create --dry-run=server --validate=strict` would.
#[test]
fn the_api_server_takes_every_object_and_example() {
    let (Some(ours), Some(manifests)) = (built(&["../argocd", "../argocd/token"]), peers::peer("argocd-manifests"))
    else {
        return;
    };
    let Some(kube) = Kube::start() else { return };
    kube.make("/api/v1/namespaces", &json!({"metadata": {"name": "argocd"}}));
    for crd in ["application-crd", "applicationset-crd", "appproject-crd"] {
        let text = fs::read_to_string(manifests.join("crds").join(format!("{crd}.yaml"))).unwrap();
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let (status, told) = post(&kube, path, &objects(&text)[0]);
        assert_eq!(status, 201, "{told}");
    }
    let mut all = ours;
    for example in ["application", "application-set", "hydrator", "project"] {
        let examples = objects(&read(&format!("argocd/examples/{example}.yaml")));
        all.extend(examples.into_iter().filter(|object| object["kind"] != "ClusterSecretStore").map(known));
    }
    for object in &all {
        let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        let group = if version.contains('/') { format!("apis/{version}") } else { format!("api/{version}") };
        let plural = match kind {
            "NetworkPolicy" => "networkpolicies".to_owned(),
            kind => format!("{}s", kind.to_lowercase()),
        };
        let path = format!("/{group}/namespaces/argocd/{plural}?dryRun=All&fieldValidation=Strict");
        let mut answer = post(&kube, &path, object);
        for _ in 0..60 {
            // A definition takes a moment until it is served
            if answer.0 != 404 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(250));
            answer = post(&kube, &path, object);
        }
        assert_eq!(answer.0, 201, "{kind} {}: {}", object["metadata"]["name"], answer.1);
    }
}

/// Without the one field that this release does not know yet.
fn known(mut object: Value) -> Value {
    if let Some(source) = object.pointer_mut("/spec/sourceHydrator/drySource") {
        assert_eq!(source.as_object_mut().unwrap().remove("plugin"), Some(json!({"name": "sealref"})));
    }
    object
}

fn post(kube: &Kube, path: &str, object: &Value) -> (u16, String) {
    let body = kube.at("body.json");
    fs::write(&body, object.to_string()).unwrap();
    let output = Command::new("curl")
        .args(["-s", "-w", "\n%{http_code}", "--cacert", &kube.authority(), &format!("{}{path}", kube.server())])
        .args(["-H", "Authorization: Bearer admin-token", "-H", "Content-Type: application/json"])
        .args(["--data-binary", &format!("@{body}")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (told, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), told.to_owned())
}

/// The server passes over what it does not know, so a typing error would go unnoticed.
#[test]
fn the_declaration_holds_only_what_argo_cd_reads() {
    let declaration = &objects(&shipped())[0];
    assert_eq!(declaration["apiVersion"], "argoproj.io/v1alpha1");
    assert_eq!(declaration["kind"], "ConfigManagementPlugin");
    let known = ["init", "generate", "parameters", "preserveFileMode", "provideGitCreds"];
    let keys: Vec<&str> = declaration["spec"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(keys.iter().all(|key| known.contains(key)), "{keys:?}");
    assert_eq!(declaration["spec"]["preserveFileMode"], false);
    assert_eq!(declaration["spec"]["provideGitCreds"], false);
    for (path, command) in [("/init", "init"), ("/generate", "generate"), ("/parameters/dynamic", "parameters")] {
        let found = &declaration.pointer(&format!("/spec{path}")).unwrap();
        assert_eq!(*found, &json!({"command": ["sealref", "cmp", command]}));
    }
}

/// It cannot be built here; what can be seen is that it holds a binary, the declaration, authorities, and nothing else.
#[test]
fn the_image_is_a_binary_and_no_shell() {
    let dockerfile = read("Dockerfile");
    let last = dockerfile.rsplit_once("\nFROM ").unwrap().1;
    assert!(last.starts_with("scratch\n"), "{last}");
    let words: Vec<&str> = last.lines().filter_map(|line| line.split(' ').next()).filter(|word| *word != "#").collect();
    assert_eq!(words, ["scratch", "COPY", "COPY", "COPY", "ENV", "USER", "ENTRYPOINT"]);
    for line in
        ["COPY plugin.yaml /home/argocd/cmp-server/config/plugin.yaml", "ENV PATH=/usr/local/bin", "USER 999:999"]
    {
        assert!(last.lines().any(|found| found == line), "{line}");
    }
    assert!(dockerfile.contains("--locked --features full"));
    let ignored = read(".dockerignore");
    let copied: Vec<(&str, &str)> = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY ")?.rsplit_once(' '))
        .filter(|(from, _)| !from.starts_with("--from"))
        .flat_map(|(from, to)| from.split(' ').map(move |name| (name, to)))
        .collect();
    assert!(copied.len() > 4, "{copied:?}");
    let image = tempfile::tempdir().unwrap();
    for (name, to) in copied {
        assert!(ignored.lines().any(|line| line == format!("!{name}")), "{name}");
        let target = image.path().join(to.trim_start_matches("./").trim_start_matches('/'));
        let target = if to == "./" { image.path().join(name) } else { target };
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        if root().join(name).is_dir() {
            copy(&root().join(name), &target);
        } else {
            fs::copy(root().join(name), target).unwrap();
        }
    }
    // What Cargo says of a folder that lacks something
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["fetch", "--offline", "--locked", "--target", &host()]);
    let output = cargo.current_dir(&image).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The machine that rustc builds for.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// The policy that ships is one to start from: it can be read, and grants each project its own and nothing else.
#[test]
fn the_policy_is_valid_and_lets_a_project_build() {
    let operator = Operator::new(&read("argocd/policy.yaml"));
    for (folder, code) in [("shop", 0), ("bank", 0)] {
        let sent = Sent::new(folder, "app", "== app/kustomization.yaml\nresources: []\n");
        let output = operator.sealref(&sent.folder(), &["cmp", "init"], &sent.variables);
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Each row of the guide begins with a line of the manifests, written as it stands there.
#[test]
fn the_guide_speaks_of_what_is_there() {
    let files =
        ["argocd/sidecar.yaml", "argocd/network-policy.yaml", "argocd/policy.yaml", "argocd/token/kustomization.yaml"];
    let files = files.into_iter().chain([
        "argocd/kustomization.yaml",
        "argocd/examples/project.yaml",
        "plugin.yaml",
        "Dockerfile",
    ]);
    let text: String = files.map(read).collect();
    let guide = read("argocd/README.md");
    let rows: Vec<&str> = guide.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 20, "{}", rows.len());
    for row in rows {
        let first = row.trim_start_matches("| ").split(" | ").next().unwrap();
        for quoted in first.split('`').skip(1).step_by(2) {
            assert!(text.contains(quoted), "{quoted} stands in no manifest");
        }
    }
}
