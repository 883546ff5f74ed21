//! Every rule finds what it should and nothing else, and has a page that says so.
//!
//! `rules/ID.yaml` holds what the rule finds and, behind `# --- not found:`, what it does not. `docs/rules` is made of
//! the table and of these files: `BLESS=1 cargo test --test rules` writes it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealref::rules::{About, table};
use serde_json::Value;

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "support/program.rs"]
mod program;

use program::Program;

/// Rules about folders and about clusters, which no stream shows: `cases/verify` and `live.rs` have their cases.
fn is_about_more(about: &About) -> bool {
    about.id.starts_with("build/transformer-") || about.id.starts_with("live/")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// What is found, and what is not.
fn case(about: &About) -> (String, String) {
    let path = root().join(format!("tests/rules/{}.yaml", about.id));
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} has no case", about.id));
    let (bad, good) = text.split_once("# --- not found:\n").unwrap();
    (bad.to_owned(), good.to_owned())
}

/// Cases name certificates by when they end; here are real ones.
fn with_certificates(stream: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let days = |days: u64| now + std::time::Duration::from_hours(24 * days);
    let ended = std::time::Duration::from_hours(24 * 365 * 51);
    let ends = [("has ended", ended), ("ends soon", days(10)), ("lasts", days(1000))];
    let (mut stream, any) = (stream.to_owned(), stream.contains("<certificate"));
    for (words, end) in ends.into_iter().filter(|_| any) {
        let mut asked = rcgen::CertificateParams::new(vec!["web.example".to_owned()]).unwrap();
        asked.not_before = rcgen::date_time_ymd(2020, 1, 1);
        asked.not_after = rcgen::date_time_ymd(1970, 1, 1) + end;
        let pem = asked.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        stream = stream.replace(&format!("<certificate that {words}>"), &STANDARD.encode(pem));
    }
    stream
}

/// Rule, severity and hint of every finding.
fn findings(stream: &str) -> Vec<(String, String, String)> {
    let stream = with_certificates(stream);
    let program = Program::new();
    if stream.contains("leakRules: .gitleaks.toml") {
        let rules = "[[rules]]\nid = \"acme-ticket\"\nregex = '''ACME-[0-9a-z-]+'''\nkeywords = [\"acme\"]\n";
        let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {leakRules: .gitleaks.toml}\n";
        fs::write(program.folder().join(".gitleaks.toml"), rules).unwrap();
        fs::write(program.folder().join(".sealref.yaml"), settings).unwrap();
    }
    let output = program.shell("sealref check - --format json", stream.as_bytes());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{stream}\n{output:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let one = |finding: &Value| (text(finding, "rule"), text(finding, "severity"), text(finding, "hint"));
    let found: Vec<_> = told["findings"].as_array().unwrap().iter().map(one).collect();
    let failed = found.iter().any(|(_, severity, _)| severity == "error");
    assert_eq!(output.status.code(), Some(i32::from(failed)));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("s3cret"), "a value shows: {stream}");
    found
}

#[test]
fn every_rule_finds_what_it_should_and_passes_what_it_should() {
    let mut wrong = vec![];
    for about in table().iter().filter(|about| !is_about_more(about)) {
        let (bad, good) = case(about);
        let found = findings(&bad);
        match found.iter().find(|(rule, ..)| rule == about.id) {
            None => wrong.push(format!("{} is not found: {found:?}", about.id)),
            Some((_, severity, _)) => assert_eq!(severity, about.severity.name(), "{}", about.id),
        }
        let found = findings(&good);
        if found.iter().any(|(rule, ..)| rule == about.id) {
            wrong.push(format!("{} is found where it is not: {found:?}", about.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_others_have_written_is_less_grave() {
    let differs = |about: &&About| about.severity != about.vendored;
    for about in table().iter().filter(differs) {
        let program = Program::new();
        let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {vendored: [{path: \"**\"}]}\n";
        fs::write(program.folder().join(".sealref.yaml"), settings).unwrap();
        let stream = with_certificates(&case(about).0);
        let output = program.shell("sealref check - --format json", stream.as_bytes());
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut all = told["findings"].as_array().unwrap().iter();
        let its = all.find(|finding| finding["rule"] == about.id).unwrap_or_else(|| panic!("{}", about.id));
        assert_eq!(its["severity"], about.vendored.name(), "{}", about.id);
    }
}

#[test]
fn the_table_is_sorted_and_every_case_is_a_rules() {
    let ids: Vec<&str> = table().iter().map(|about| about.id).collect();
    assert!(ids.is_sorted(), "rules are found by a search");
    let lines = fs::read_to_string(root().join("src/rules/table.tsv")).unwrap().lines().count();
    assert_eq!(lines, ids.len() + 1, "a line of the table cannot be read");
    let known: BTreeSet<String> = ids.iter().map(|id| format!("{id}.yaml")).collect();
    for family in fs::read_dir(root().join("tests/rules")).unwrap() {
        let family = family.unwrap();
        for entry in fs::read_dir(family.path()).unwrap() {
            let name =
                format!("{}/{}", family.file_name().to_str().unwrap(), entry.unwrap().file_name().to_str().unwrap());
            assert!(known.contains(&name), "tests/rules/{name} is no rule's");
        }
    }
}

fn page(about: &About) -> String {
    let (severity, vendored) = (about.severity.name(), about.vendored.name());
    let vendored = if severity == vendored { String::new() } else { format!("; in what others wrote: {vendored}") };
    let mut page = format!(
        "# {}\n\n{}\n\n**Severity:** {severity}{vendored}\n\n**Why:** {}\n\n**What to do:** {}\n",
        about.id, about.what, about.why, about.fix
    );
    if !is_about_more(about) {
        let (bad, good) = case(about);
        page.push_str(&format!("\nFound:\n\n```yaml\n{bad}```\n\nNot found:\n\n```yaml\n{good}```\n"));
    }
    page
}

#[test]
fn every_rule_has_its_page() {
    let rows: String = table()
        .iter()
        .map(|about| format!("| [{0}]({0}.md) | {1} | {2} |\n", about.id, about.severity.name(), about.what))
        .collect::<Vec<_>>()
        .concat();
    let index = format!(
        "# Rules\n\n`sealref check` runs all of them, `sealref verify` those that make a stream wrong: `build/`, `reload/`,\n\
         `plaintext/secret`, `references/dangling`, `sops` and `unresolved`, `seals/format`, `identity`, `preview` and `scope`.\n\
         `rules: {{ID: Error}}` in the settings \
         changes a severity\n(`Error`, `Warning`, `Info`, `Ignore`); `vendored: [{{path: \"vendor/**\"}}]` says what others have \
         written.\n\n| rule | severity | finds |\n|---|---|---|\n{rows}"
    );
    let mut pages: Vec<(PathBuf, String)> =
        table().iter().map(|about| (root().join(format!("docs/rules/{}.md", about.id)), page(about))).collect();
    pages.push((root().join("docs/rules/README.md"), index));
    for (path, text) in pages {
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{} differs: BLESS=1 cargo test --test rules", path.display());
    }
}

/// What other tools take for something else, as of August 2026: rules of a role that ServiceAccount shop/web has by a
/// RoleBinding to a ClusterRole (R), a ClusterRoleBinding (C), or not at all (-), and what is found.
#[test]
fn where_others_are_wrong() {
    const NAMED: &str = "{apiGroups: [\"\"], resources: [secrets], verbs: [get], resourceNames: [db]}";
    let rbac = "rbac.authorization.k8s.io";
    for (why, binding, rules, found) in [
        (
            "kube-linter takes every RoleBinding for one to a Role",
            "R",
            "{apiGroups: [\"\"], resources: [secrets], verbs: [get]}",
            "rbac/secrets-readable-in-namespace",
        ),
        (
            "kube-linter takes every verb for reading",
            "R",
            "{apiGroups: [\"\"], resources: [secrets], verbs: [delete]}",
            "rbac/secrets-deleted",
        ),
        (
            "kube-linter misspells cronjobs",
            "R",
            "{apiGroups: [batch], resources: [cronjobs], verbs: [create]}",
            "rbac/workloads-written",
        ),
        ("kube-linter ignores groups", "C", "{apiGroups: [example.com], resources: [secrets], verbs: [get]}", ""),
        ("kube-linter, trivy and kubescape ignore names", "C", NAMED, "rbac/named-secret-read references/role-names"),
        ("trivy looks at roles that nobody has", "-", "{apiGroups: [\"\"], resources: [secrets], verbs: [get]}", ""),
        (
            "trivy wants a star as the group to impersonate",
            "C",
            "{apiGroups: [\"\"], resources: [users], verbs: [impersonate]}",
            "rbac/impersonate",
        ),
        (
            "trivy wants a star as the group to attach",
            "R",
            "{apiGroups: [\"\"], resources: [pods/attach], verbs: [create]}",
            "rbac/containers-entered",
        ),
        (
            "trivy wants the name * to bind, and an order of rules",
            "C",
            &format!(
                "{{apiGroups: [{rbac}], resources: [clusterroles], verbs: [bind]}}, {{apiGroups: [{rbac}], resources: [clusterrolebindings], verbs: [create]}}"
            ),
            "rbac/roles-escalated rbac/roles-written",
        ),
        (
            "trivy lacks clusterroles",
            "C",
            &format!("{{apiGroups: [{rbac}], resources: [clusterroles], verbs: [escalate, update]}}"),
            "rbac/roles-escalated rbac/roles-written",
        ),
        (
            "checkov looks at the first rule only",
            "R",
            "{apiGroups: [\"\"], resources: [pods], verbs: [get]}, {apiGroups: [\"*\"], resources: [\"*\"], verbs: [get]}",
            "rbac/secrets-by-wildcard rbac/secrets-readable-in-namespace",
        ),
        (
            "checkov lets one named rule silence the others",
            "R",
            &format!("{NAMED}, {{apiGroups: [\"\"], resources: [secrets], verbs: [list]}}"),
            "rbac/named-secret-read rbac/secrets-readable-in-namespace references/role-names",
        ),
        (
            "checkov mixes the verbs of all rules",
            "R",
            "{apiGroups: [\"\"], resources: [secrets], verbs: [delete]}, {apiGroups: [\"\"], resources: [pods], verbs: [get]}",
            "rbac/secrets-deleted",
        ),
        (
            "checkov and rbac-police look for bind on bindings",
            "C",
            &format!("{{apiGroups: [{rbac}], resources: [rolebindings, clusterrolebindings], verbs: [bind, create]}}"),
            "rbac/roles-written",
        ),
        (
            "kubescape takes pods/* for a wildcard",
            "R",
            "{apiGroups: [\"\"], resources: [\"pods/*\"], verbs: [create]}",
            "rbac/literal-star",
        ),
        (
            "kubescape knows pods alone",
            "R",
            "{apiGroups: [apps], resources: [statefulsets], verbs: [patch]}",
            "rbac/workloads-written",
        ),
        (
            "polaris wants all three stars",
            "C",
            "{apiGroups: [\"*\"], resources: [\"*\"], verbs: [get, list]}",
            "rbac/secrets-by-wildcard rbac/secrets-readable-cluster-wide",
        ),
        (
            "rbac-tool does not find exec in the core group",
            "R",
            "{apiGroups: [\"\"], resources: [pods/exec], verbs: [create]}",
            "rbac/containers-entered",
        ),
        (
            "rbac-tool forgets the group apps",
            "R",
            "{apiGroups: [apps], resources: [deployments], verbs: [create]}",
            "rbac/workloads-written",
        ),
        (
            "rbac-tool forgets those who only list",
            "C",
            "{apiGroups: [\"\"], resources: [secrets], verbs: [list]}",
            "rbac/secrets-readable-cluster-wide",
        ),
        (
            "kubectl-who-can knows no */subresource",
            "R",
            "{apiGroups: [\"\"], resources: [\"*/exec\"], verbs: [create]}",
            "rbac/containers-entered",
        ),
    ] {
        let kind = if binding == "C" { "ClusterRoleBinding" } else { "RoleBinding" };
        let role = if binding == "-" { "view" } else { "asked" };
        let stream = format!(
            "{{apiVersion: {rbac}/v1, kind: ClusterRole, metadata: {{name: asked}}, rules: [{rules}]}}\n---\n\
             {{apiVersion: {rbac}/v1, kind: {kind}, metadata: {{name: asked, namespace: shop}}, roleRef: {{apiGroup: {rbac}, kind: ClusterRole, name: {role}}}, subjects: [{{kind: ServiceAccount, name: web, namespace: shop}}]}}\n"
        );
        let rules: BTreeSet<String> = findings(&stream).into_iter().map(|(rule, ..)| rule).collect();
        assert_eq!(rules.into_iter().collect::<Vec<_>>().join(" "), found, "{why}");
    }
    let edit = format!(
        "{{apiVersion: {rbac}/v1, kind: RoleBinding, metadata: {{name: e, namespace: shop}}, roleRef: {{apiGroup: {rbac}, kind: ClusterRole, name: edit}}, subjects: [{{kind: Group, apiGroup: {rbac}, name: devs}}]}}\n"
    );
    let found = findings(&edit);
    assert!(
        found.iter().any(|(rule, ..)| rule == "rbac/secrets-listed-by-people"),
        "edit is in no file, and in every cluster: {found:?}"
    );
}
