//! The real Flux builds what sealref printed: each seal opens where it ends up, each ExternalSecret is the one that was
//! made, and what is refused would have been broken.

#[path = "support/builders.rs"]
#[allow(dead_code, reason = "only the objects of a build are read here")]
mod builders;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "no stream is refused here")]
mod program;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use builders::Objects;
use program::Program;
use serde_json::Value;

const SETTINGS: &str = "apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
spec:
  stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: vault}}]
  sealing: {certificate: cert.pem, key: {file: sealing.key}}
";

/// A sealed Secret, a translated one whose text looks like a variable, and what uses both. `NAMESPACE` is put in.
const STREAM: &str = "apiVersion: v1
kind: Secret
metadata: {name: db, NAMESPACE labels: {app: shop}}
stringData: {password: ref+file://password.txt}
---
apiVersion: v1
kind: Secret
metadata: {name: price, NAMESPACE}
# $ref+vault://kv/shop/db#/price+$$
data: {price: JHJlZit2YXVsdDovL2t2L3Nob3AvZGIjL3ByaWNlKyQk}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, NAMESPACE}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: \"registry.example/web:1\"
          env:
            - {name: PW, valueFrom: {secretKeyRef: {name: db, key: password}}}
            - {name: PRICE, valueFrom: {secretKeyRef: {name: price, key: price}}}
            - {name: LIFTED, value: ref+file://password.txt}
";

/// Folders for sealref and for Flux, and what Flux's Kustomization says.
struct Applied {
    program: Program,
    flux: std::path::PathBuf,
}

impl Applied {
    fn new(spec: &str) -> Option<Self> {
        let flux = peers::peer("flux")?;
        let program = Program::new();
        let folder = program.folder();
        let certificate = "tests/vectors/sealing/certificates/test-only-rsa-2048.pem";
        fs::copy(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(certificate), folder.join("cert.pem")).unwrap();
        fs::write(folder.join("sealing.key"), (0..32).collect::<Vec<u8>>()).unwrap();
        fs::write(folder.join("password.txt"), "s3cret").unwrap();
        fs::write(folder.join(".sealref.yaml"), SETTINGS).unwrap();
        fs::create_dir(folder.join("artifact")).unwrap();
        let head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: \
                    flux-system}\nspec:\n  interval: 1h\n  prune: true\n  sourceRef: {kind: OCIRepository, name: apps}\n";
        fs::write(folder.join("apps.yaml"), format!("{head}{spec}")).unwrap();
        Some(Self { program, flux })
    }

    fn sealref(&self, line: &str, stream: &str) -> (Option<i32>, String, String) {
        let output = self.program.shell(line, stream.as_bytes());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// What Flux builds of a stream that was pushed.
    fn built(&self, stream: &str) -> Output {
        let folder = self.program.folder();
        fs::write(folder.join("artifact/stream.yaml"), stream).unwrap();
        let words = ["build", "kustomization", "apps", "--namespace=flux-system", "--path=artifact"];
        let mut command = Command::new(&self.flux);
        command.args(words).args(["--kustomization-file=apps.yaml", "--dry-run", "--strict-substitute"]);
        command.current_dir(folder).env_clear().env("HOME", folder).output().unwrap()
    }

    /// What is wrong with what Flux builds of our output; nothing where all is well.
    fn wrong(&self, ours: &str) -> Option<String> {
        let output = self.built(ours);
        if !output.status.success() {
            return Some(String::from_utf8(output.stderr).unwrap());
        }
        let built = Objects::read(String::from_utf8(output.stdout).unwrap());
        let ours = Objects::read(ours.to_owned());
        let of = |objects: &Objects, kind: &str| -> Vec<Value> {
            objects.all.iter().filter(|object| object["kind"] == kind).cloned().collect()
        };
        for (kind, paths) in [
            ("SealedSecret", ["/spec/encryptedData", "/metadata/name"]),
            ("ExternalSecret", ["/spec", "/metadata/name"]),
        ] {
            let (mut before, mut after) = (of(&ours, kind), of(&built, kind));
            before.sort_by_key(|object| object["spec"].to_string());
            after.sort_by_key(|object| object["spec"].to_string());
            if before.len() != after.len() {
                return Some(format!("there is another number of {kind}: {}", built.text));
            }
            for (before, after) in before.iter().zip(&after) {
                let differs = paths.iter().find(|path| before.pointer(path) != after.pointer(path));
                if let Some(path) = differs {
                    return Some(format!("{path} of {kind} is another one: {}", built.text));
                }
            }
        }
        for sealed in of(&built, "SealedSecret") {
            let annotations = &sealed["metadata"]["annotations"];
            let scoped = |of: &Value| of.to_string().contains("sealedsecrets.bitnami.com/");
            let now = format!(
                "{}/{}",
                sealed["metadata"]["namespace"].as_str().unwrap_or_default(),
                sealed["metadata"]["name"].as_str().unwrap()
            );
            if annotations["sealref.dev/sealed-for"] != now.as_str() || scoped(&sealed) {
                return Some(format!("{now} is no seal of its own: {}", built.text));
            }
        }
        let names = |kind| of(&built, kind).into_iter().map(|object| object["metadata"]["name"].clone());
        let there: Vec<Value> = names("SealedSecret").chain(names("ExternalSecret")).collect();
        let web = built.one("Deployment");
        for env in web["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap() {
            let named = &env["valueFrom"]["secretKeyRef"]["name"];
            if !there.contains(named) {
                return Some(format!("nothing makes the Secret {named}: {}", built.text));
            }
        }
        None
    }
}

fn stream(namespace: &str) -> String {
    let written = if namespace.is_empty() { String::new() } else { format!("namespace: {namespace},") };
    STREAM.replace("NAMESPACE", &written)
}

const RENDER: &str = "sealref render --flux-kustomization apps.yaml -";

/// Kustomizations under which everything works: with the flag, and by the gate, which is asked about both streams.
#[test]
fn what_flux_builds_of_our_output_is_what_we_made() {
    for (spec, namespace) in [
        ("  targetNamespace: shop\n", ""),
        ("  targetNamespace: shop\n", "staging"),
        ("  postBuild: {substitute: {user: a, env: b}}\n", "shop"),
        ("  postBuild: {substituteStrategy: Always}\n", "shop"),
        ("  targetNamespace: shop\n  commonMetadata: {labels: {team: shop}, annotations: {team: shop}}\n", ""),
        ("  targetNamespace: shop\n  images: [{name: registry.example/web, newTag: \"2\"}]\n", "shop"),
        (
            "  targetNamespace: shop
  patches:
    - patch: |
        - {op: test, path: /metadata/name, value: db}
        - {op: add, path: /metadata/labels/team, value: shop}
      target: {kind: SealedSecret, name: db}
    - patch: |
        apiVersion: bitnami.com/v1alpha1
        kind: SealedSecret
        metadata: {name: another, labels: {team: shop}}
      target: {kind: SealedSecret, name: db}
    - patch: |
        - {op: remove, path: /spec/encryptedData}
      target: {kind: SealedSecret, name: d}
    - patch: |
        {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2}}
",
            "",
        ),
    ] {
        let Some(applied) = Applied::new(spec) else { return };
        let (code, ours, told) = applied.sealref(RENDER, &stream(namespace));
        assert_eq!(code, Some(0), "{spec}{told}");
        assert_eq!(applied.wrong(&ours), None, "{spec}");
        let (code, _, told) = applied.sealref("sealref verify --flux-kustomization apps.yaml -", &ours);
        assert_eq!(code, Some(0), "{spec}{told}");
        let built = String::from_utf8(applied.built(&ours).stdout).unwrap();
        let (code, _, told) = applied.sealref("sealref verify -", &built);
        assert_eq!(code, Some(0), "{spec}{told}");
    }
}

/// Kustomizations that break what was rendered without the flag: with it they are refused, or the output is another.
#[test]
fn what_is_refused_would_have_been_broken() {
    let patch = |text: &str| format!("  targetNamespace: shop\n  patches:\n    - patch: |\n{text}");
    let sealed = "      target: {kind: SealedSecret, name: db}\n";
    for spec in [
        "  targetNamespace: shop\n  namePrefix: blue-\n".to_owned(),
        "  targetNamespace: shop\n  nameSuffix: -v2\n".to_owned(),
        "  commonMetadata: {annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}}\n".to_owned(),
        patch(&format!("        - {{op: replace, path: /metadata/name, value: other}}\n{sealed}")),
        patch(&format!(
            "        - {{op: add, path: /metadata/annotations/sealedsecrets.bitnami.com~1cluster-wide, value: \"true\"}}\n{sealed}"
        )),
        patch(&format!("        - {{op: remove, path: /spec/encryptedData}}\n{sealed}")),
        patch(&format!("        - {{op: move, from: /metadata/annotations, path: /metadata/labels}}\n{sealed}")),
        patch(
            "        {apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: db, namespace: shop}, spec: {encryptedData: {password: AgB}}}\n",
        ),
        patch(
            "        {apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: db, namespace: shop}, $patch: delete}\n",
        ),
        patch(
            "        - {op: replace, path: /spec/target/name, value: other}\n      target: {group: \"external.*\"}\n",
        ),
    ] {
        let Some(applied) = Applied::new(&spec) else { return };
        let (code, ours, told) = applied.sealref("sealref render --namespace shop -", &stream(""));
        assert_eq!(code, Some(0), "{told}");
        let wrong = applied.wrong(&ours);
        assert!(wrong.is_some(), "{spec}nothing is broken");
        let (code, ours, told) = applied.sealref(RENDER, &stream("shop"));
        assert_eq!((code, ours.as_str()), (Some(1), ""), "{spec}{told}");
        assert!(told.starts_with("error: apps.yaml:"), "{told}");
        let (code, ..) = applied.sealref("sealref verify --flux-kustomization apps.yaml -", &stream_of_seals());
        assert_eq!(code, Some(1), "{spec}");
    }
}

/// What `verify` is asked about: both kinds, under the names of the other streams.
fn stream_of_seals() -> String {
    "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\nspec: {encryptedData: {}}\n\
     ---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: price, namespace: shop}\n\
     spec: {target: {name: price}}\n"
        .to_owned()
}

#[test]
fn without_the_flag_another_namespace_and_variables_break_what_was_made() {
    for spec in ["  targetNamespace: shop\n", "  postBuild: {substitute: {user: a}}\n"] {
        let Some(applied) = Applied::new(spec) else { return };
        let (code, ours, told) = applied.sealref("sealref render -", &stream("staging"));
        assert_eq!(code, Some(0), "{told}");
        assert!(applied.wrong(&ours).is_some(), "{spec}nothing is broken");
    }
}

/// Whatever `flux build` puts in the place of an encrypted value is refused as one.
#[test]
fn the_masks_of_flux_are_known() {
    let Some(applied) = Applied::new("  targetNamespace: shop\n") else { return };
    let sops = "sops: {mac: \"ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\", version: 3.9.0}\n";
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n";
    let document = "{\\\"a\\\": \\\"ENC[AES256_GCM,data:a]\\\", \\\"sops\\\": {}}";
    for secret in [
        format!("{head}data: {{password: RU5DW10=}}\n{sops}"),
        format!("{head}stringData: {{password: \"ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\"}}\n{sops}"),
        format!("{head}type: kubernetes.io/dockerconfigjson\ndata: {{.dockerconfigjson: RU5DW10=}}\n{sops}"),
        format!("{head}type: kubernetes.io/dockerconfigjson\nstringData: {{.dockerconfigjson: \"ENC[]\"}}\n{sops}"),
        format!("{head}stringData: {{a: \"{document}\"}}\n"),
    ] {
        let output = applied.built(&secret);
        let masked = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (code, ours, told) = applied.sealref("sealref render -", &masked);
        assert_eq!((code, ours.as_str()), (Some(1), ""), "{told}");
        assert!(told.contains("the value is a mask: Flux prints it in place of an encrypted one"), "{masked}{told}");
        let (code, _, told) = applied.sealref("sealref verify -", &masked);
        assert_eq!(code, Some(1), "{masked}{told}");
    }
}

/// A registry in memory, which ends with the test.
struct Registry {
    process: Child,
    port: String,
}

impl Registry {
    fn start() -> Option<Self> {
        let program = peers::peer("registry")?;
        let mut process = Command::new(program).args(["-port", "0"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(process.stderr.take().unwrap()).lines();
        let line = told.next().unwrap().unwrap();
        let port = line.rsplit(' ').next().unwrap().to_owned();
        // Somebody has to read what it tells of each request
        std::thread::spawn(move || told.count());
        Some(Self { process, port })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The lines of the example push what was rendered, the same at the second time, and nothing where a render fails.
/// With a pipe instead of a file an empty artifact would be there: that is why the lines are as they are.
#[test]
fn what_is_pushed_is_what_was_rendered_and_a_failed_render_pushes_nothing() {
    let (Some(flux), Some(_), Some(registry)) = (peers::peer("flux"), peers::peer("kustomize"), Registry::start())
    else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sealref"), bin.join("sealref")).unwrap();
    let path = format!("{}:{}:/usr/local/bin:/usr/bin:/bin", bin.display(), root.join("target/peers").display());
    let run = |script: &str| -> (bool, String) {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(folder.path()).env_clear().env("PATH", &path);
        let output = command.env("HOME", folder.path()).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), told)
    };
    let laid = format!(
        "cp -r {}/examples . && git init -q -b main && git remote add origin https://git.example/shop && \
         git -c user.name=test -c user.email=test@example.com commit -q --allow-empty -m first",
        root.display()
    );
    assert!(run(&laid).0);
    let readme = fs::read_to_string(root.join("examples/flux/README.md")).unwrap();
    let block = readme.split("```bash\n").nth(1).unwrap().split("```").next().unwrap();
    let lines = |tag: &str| {
        let here = format!("oci://localhost:{}/shop:{tag}", registry.port);
        let lines = block.replace("oci://registry.example/shop:latest", &here);
        assert_ne!(lines, block);
        lines.replace("--reproducible", "--reproducible --insecure-registry")
    };
    let digest = |told: &str| told.split("@sha256:").nth(1).unwrap()[..64].to_owned();
    let (pushed, first) = run(&lines("latest"));
    assert!(pushed, "{first}");
    let (_, second) = run(&lines("again"));
    assert_eq!(digest(&first), digest(&second), "the same input gives another artifact");
    let pulled = |tag: &str| -> Option<String> {
        let output = folder.path().join(format!("pulled-{tag}"));
        let here = format!("oci://localhost:{}/shop:{tag}", registry.port);
        fs::create_dir_all(&output).unwrap();
        let mut command = Command::new(&flux);
        command.args(["pull", "artifact", &here, "--insecure-registry", "--output"]).arg(&output);
        let status = command.env("HOME", folder.path()).output().unwrap().status;
        let file = fs::read_dir(&output).unwrap().next()?.unwrap().path();
        status.success().then(|| fs::read_to_string(file).unwrap())
    };
    assert_eq!(pulled("latest"), Some(fs::read_to_string(folder.path().join("sealed.yaml")).unwrap()));
    fs::remove_file(folder.path().join("examples/flux/license.txt")).unwrap();
    let (pushed, told) = run(&lines("broken"));
    assert!(!pushed && told.contains("license.txt"), "{told}");
    assert_eq!(pulled("broken"), None);
    let here = format!("oci://localhost:{}/shop:trap", registry.port);
    let pipe = "sealref render --config examples/flux/.sealref.yaml --namespace shop -";
    let push = format!("flux push artifact {here} -f - --source=a --revision=b --insecure-registry");
    let (_, told) = run(&format!("kustomize build examples/flux/app | {pipe} | {push}"));
    assert!(told.contains("successfully pushed") && pulled("trap").as_deref() == Some(""), "{told}");
}
