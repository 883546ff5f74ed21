//! The page of `explain --html`: it holds all it needs, runs nothing but its own script, and takes every name for text.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use sha2::{Digest, Sha256};

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "support/program.rs"]
mod program;

use program::Program;

/// The page about a stream.
fn page(stream: &str) -> String {
    let program = Program::new();
    let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {stores: [{match: {scheme: vault}, \
                    use: {kind: ClusterSecretStore, name: vault}, provider: {vault: {server: \"https://v\", path: kv}}}]}\n";
    fs::write(program.folder().join(".sealref.yaml"), settings).unwrap();
    let output = program.shell("sealref explain --html -", stream.as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn example() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/who-can-read/app.yaml");
    page(&fs::read_to_string(path).unwrap())
}

/// What stands between two marks, each time.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from).skip(1).filter_map(|rest| Some(rest.split_once(to)?.0)).collect()
}

/// Every tag is one of ours, and no attribute leads elsewhere.
fn is_ours(page: &str) {
    let tags: BTreeSet<&str> = [
        "!DOCTYPE", "b", "body", "br", "code", "details", "div", "form", "h1", "h2", "head", "html", "input", "label",
        "li", "main", "meta", "output", "p", "script", "section", "small", "span", "style", "summary", "title", "ul",
    ]
    .into();
    let (markup, script) = page.split_once("<script>").unwrap();
    assert_eq!(script.matches("</script>").count(), 1);
    let mut open: Vec<&str> = vec![];
    for tag in between(markup, "<", ">") {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        assert!(tags.contains(name), "{tag}");
        // What stands in quotes is no attribute
        let tag = tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        for attribute in [" on", " src", " href", " style=", "javascript:", "http:", "https:", "//"] {
            assert!(!tag.contains(attribute), "{tag}");
        }
        let empty = ["!DOCTYPE", "br", "input", "meta"].contains(&name);
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !empty {
            open.push(name);
        }
    }
    assert_eq!(open, ["html", "body"]);
}

#[test]
fn the_page_says_which_version_made_it() {
    let generator = concat!("<meta name=\"generator\" content=\"sealref ", env!("CARGO_PKG_VERSION"), "\">\n");
    assert!(example().contains(generator));
}

#[test]
fn the_page_runs_its_own_script_and_fetches_nothing() {
    let page = example();
    is_ours(&page);
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"")[0];
    let hash = |text: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
    let (script, style) = (between(&page, "<script>", "</script>")[0], between(&page, "<style>", "</style>")[0]);
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            hash(script),
            hash(style)
        )
    );
    assert_eq!(page, example());
}

/// Sources, what is made, workloads, readers and why: each in its place.
#[test]
fn the_page_says_who_reads_what_and_why() {
    let page = example();
    let secret = between(&page, "<details id=\"shop/payments\">", "</details></li>\n")[0];
    for said in [
        "<code>vault://kv/shop/payments#/api-key</code><br><small>from ClusterSecretStore vault: key shop/payments",
        "ExternalSecret, for stdin:18 Secret shop/payments",
        "<summary>ServiceAccount shop/rotation <span class=\"right\">by right</span></summary>",
        "get, list, watch on configmaps, secrets, by RoleBinding shop/rotation (stdin:86) to Role shop/rotation (stdin:76)",
        "<summary>Group pipeline <span class=\"detour\">by detour</span></summary>",
        "P2 write workloads: the pods that are made of them mount any Secret of the namespace",
        "more in every cluster",
    ] {
        assert!(secret.contains(said), "{said}\n{secret}");
    }
    let used = between(&page, "<details id=\"shop/database\">", "</details></li>\n")[0];
    assert!(used.contains("Deployment shop/web <small>stdin:"), "{used}");
}

#[test]
fn every_name_is_text() {
    let nasty =
        "x</title></script><script>alert(1)</script><img src=x onerror=alert(1)>\\\" autofocus onfocus='a' \\u202e&lt;";
    let stream = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: \"{nasty}\", namespace: \"{nasty}\"}}\ndata: {{}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: \"{nasty}\", namespace: \"{nasty}\"}}\n\
         rules: [{{apiGroups: [\"\"], resources: [secrets, \"{nasty}\"], resourceNames: [\"{nasty}\"], verbs: [get, \"{nasty}\"]}}]\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: \"{nasty}\", namespace: \"{nasty}\"}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: \"{nasty}\"}}\n\
         subjects: [{{kind: User, name: \"{nasty}\"}}]\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: \"{nasty}\", namespace: \"{nasty}\"}}\n\
         spec: {{imagePullSecrets: [{{name: \"{nasty}\"}}]}}\n"
    );
    let page = page(&stream);
    is_ours(&page);
    assert!(page.contains("User x&lt;/title&gt;") && !page.contains('\u{202e}'), "{page}");
}

#[test]
fn no_value_is_on_the_page() {
    let stream = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: {sealref.dev/public-keys: \"host, url\", note: s3cret-a}}\n\
                  stringData: {host: s3cret-b, url: \"ref+vault://kv/a/b#/c+s3cret-d\"}\n---\n\
                  apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, args: [s3cret-e], \
                  env: [{name: T, value: \"ref+vault://kv/a/b#/d\"}, {name: U, value: s3cret-f}]}]}\n";
    let page = page(stream);
    assert!(page.contains("default/</span><b>p-pod-refs"), "{page}");
    assert!(page.contains("vault://kv/a/b#/d") && !page.contains("s3cret"), "{page}");
}

/// A browser opens what is asked for and counts what it shows: so the script runs, and its hash is the right one.
#[test]
fn a_browser_takes_the_page() {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let browser = std::env::split_paths(&folders)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)))
        .find(|path| path.is_file());
    let Some(browser) = browser else {
        let _ = writeln!(std::io::stderr(), "skipped: chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, example()).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}#shop/payments", file.display()))
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("<details id=\"shop/payments\" open=\"\">"), "{page}");
    assert!(page.contains("for=\"words\">3 of 3</output>"), "{page}");
}
