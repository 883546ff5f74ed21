//! What `sealref alerts` writes: promtool takes it, each alert fires where it should and is silent where it should not,
//! has a runbook, and every query of the dashboard can be asked.
//!
//! `alerts/NAME.yaml` is a unit test of promtool for the alert NAME: `$in="shop"` are the labels of an object in that
//! namespace as the scrape leaves them, `$namespace` is the label that holds it, and `$other` the one that does not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealref::alerts::{self, Alert, Controller, Label};
use sealref::model::Source;
use sealref::yaml::{self, Tree};
use serde_json::Value;

#[path = "support/peers.rs"]
mod peers;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "support/program.rs"]
mod program;

use peers::peer;
use program::Program;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// One that has ended, so that a test sees it end without going through a century.
const CERTIFICATE: &str = "tests/vectors/sealing/certificates/accepted-expired.pem";

const SETTINGS: &str =
    "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {sealing: {certificate: certificate.pem}}\n";

/// An object of every kind that an alert is about, but for those that make others in namespaces that nobody knows.
fn stream() -> String {
    let mut stream = String::new();
    for controller in alerts::all() {
        let kinds = controller.alerts.iter().flat_map(|alert| &alert.query.kinds);
        for kind in kinds.collect::<BTreeSet<_>>() {
            let metadata = match kind.as_str() {
                "ClusterExternalSecret" | "ClusterPushSecret" => continue,
                "ClusterSecretStore" => "name: vault",
                _ => "name: one, namespace: shop",
            };
            let group = &controller.group;
            stream.push_str(&format!("---\napiVersion: {group}/v1\nkind: {kind}\nmetadata: {{{metadata}}}\n"));
        }
    }
    stream
}

/// A folder with settings and a certificate, and what `sealref alerts` writes there.
fn written(options: &str) -> (Program, String) {
    let program = Program::new();
    fs::write(program.folder().join(".sealref.yaml"), SETTINGS).unwrap();
    fs::copy(root().join(CERTIFICATE), program.folder().join("certificate.pem")).unwrap();
    let output = program.shell(&format!("sealref alerts - {options}"), stream().as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    (program, text)
}

fn value(text: &str) -> Value {
    let source = Source::new("written", text.to_owned());
    let objects: Vec<_> = source.objects().unwrap().map(|object| object.map_err(|_| ()).unwrap()).collect();
    let [(_, tree)]: &[(_, Tree); 1] = objects.as_slice().try_into().unwrap();
    yaml::read(tree, tree.root()).map_err(|_| ()).unwrap()
}

fn all() -> impl Iterator<Item = (&'static Controller, &'static Alert)> {
    alerts::all().flat_map(|controller| controller.alerts.iter().map(move |alert| (controller, alert)))
}

fn promtool(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let Some(promtool) = peer("promtool") else { return (true, String::new()) };
    let output = Command::new(promtool).args(arguments).current_dir(folder).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&told).into_owned())
}

/// The unit test of an alert, for a scrape that leaves the namespace of objects in this label.
fn unit_test(alert: &Alert, label: Label) -> String {
    let path = root().join(format!("tests/alerts/{}.yaml", alert.name));
    let text = fs::read_to_string(path).unwrap_or_else(|_| panic!("{} has no unit test", alert.name));
    let exported = r#"namespace="operator",exported_namespace="#;
    let (own, other) = match label {
        Label::Exported => (exported, "namespace="),
        Label::Own => ("namespace=", exported),
    };
    let text = text.replace("$in=", own).replace("$other=", other).replace("$namespace", label.name());
    text.replace("$fingerprint", FINGERPRINT)
}

/// `openssl x509 -fingerprint -sha256` of the certificate.
const FINGERPRINT: &str = "c30b94cfdd16827659bc2c2f1284d2b5d5bd563334ef6d8b156541bc8bc2ded1";

#[test]
fn every_alert_fires_and_is_silent_where_it_should() {
    let choices = [
        ("", None),
        ("--namespace-label namespace", Some(Label::Own)),
        ("--namespace-label exported_namespace", Some(Label::Exported)),
    ];
    for (options, label) in choices {
        let (program, rules) = written(&format!("--format prometheus {options}"));
        fs::write(program.folder().join("rules.yaml"), &rules).unwrap();
        let (passed, told) = promtool(program.folder(), &["check", "rules", "rules.yaml"]);
        assert!(passed, "{told}\n{rules}");
        let mut arguments = vec!["test".to_owned(), "rules".to_owned()];
        for (controller, alert) in all() {
            let name = format!("{}.yaml", alert.name);
            fs::write(program.folder().join(&name), unit_test(alert, label.unwrap_or(controller.label))).unwrap();
            arguments.push(name);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (passed, told) = promtool(program.folder(), &arguments);
        assert!(passed, "{options}: {told}");
    }
}

#[test]
fn every_alert_is_tested_both_ways_and_every_unit_test_is_an_alerts() {
    for (_, alert) in all() {
        let test = value(&unit_test(alert, Label::Own));
        let tests = test["tests"].as_array().unwrap().iter();
        let checks: Vec<&Value> = tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap()).collect();
        assert!(checks.iter().all(|check| check["alertname"] == alert.name), "{}", alert.name);
        for fires in [true, false] {
            let some = |check: &&&Value| check["exp_alerts"].as_array().unwrap().is_empty() != fires;
            assert!(checks.iter().filter(some).count() > 0, "{}: fires, {fires}", alert.name);
        }
    }
    let names: BTreeSet<String> = all().map(|(_, alert)| format!("{}.yaml", alert.name)).collect();
    assert_eq!(names, files("tests/alerts"));
}

fn files(folder: &str) -> BTreeSet<String> {
    let names = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let mut names: BTreeSet<String> = all().map(|(_, alert)| format!("{}.md", alert.name)).collect();
    for (_, alert) in all() {
        let text = fs::read_to_string(root().join(format!("docs/runbooks/{}.md", alert.name))).unwrap();
        let head = format!("# {}\n\n{}\n\n**Means:** ", alert.name, alert.summary);
        assert!(text.starts_with(&head), "docs/runbooks/{}.md does not begin with\n{head}", alert.name);
        for part in ["\n**Meanwhile:** ", "\n**Look:**\n", "\n**Mend:**\n"] {
            assert!(text.contains(part), "docs/runbooks/{}.md has no {part:?}", alert.name);
        }
    }
    names.insert("README.md".to_owned());
    assert_eq!(names, files("docs/runbooks"));
}

#[test]
fn the_table_of_runbooks_is_that_of_the_registry() {
    let mut text =
        "# Runbooks\n\nWhat to do about each alert that [`sealref alerts`](../alerts.md) writes.\n".to_owned();
    for controller in alerts::all() {
        text.push_str(&format!(
            "\n## {}\n\n| alert | severity | after | tells | about |\n|---|---|---|---|---|\n",
            controller.title
        ));
        for alert in &controller.alerts {
            let after = if alert.minutes == 0 { "at once".to_owned() } else { format!("{} min", alert.minutes) };
            let kinds = alert.query.kinds.join(", ");
            text.push_str(&format!(
                "| [{0}]({0}.md) | {1} | {after} | {2} | {kinds} |\n",
                alert.name,
                alert.severity.name(),
                alert.summary,
            ));
        }
    }
    let path = root().join("docs/runbooks/README.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, text).unwrap();
    } else {
        assert_eq!(fs::read_to_string(path).unwrap(), text, "BLESS=1 cargo test --test alerts");
    }
}

#[test]
fn a_prometheusrule_holds_the_rules_of_the_file() {
    let (_, rules) = written("--format prometheus");
    let (_, object) = written("");
    assert_eq!(value(&object)["spec"], value(&rules));
    let alerts = value(&rules)["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .count();
    assert_eq!(alerts, all().count());
}

#[test]
fn every_query_of_the_dashboard_can_be_asked() {
    let (program, text) = written("--format dashboard");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let number = |value: &Value| value.as_u64().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| number(&panel["id"])).collect();
    assert_eq!(ids.len(), panels.len(), "two panels of one id");
    let mut taken = BTreeSet::new();
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for panel in panels {
        let place = &panel["gridPos"];
        for x in number(&place["x"])..number(&place["x"]) + number(&place["w"]) {
            assert!(x < 24, "{panel}");
            for y in number(&place["y"])..number(&place["y"]) + number(&place["h"]) {
                assert!(taken.insert((x, y)), "two panels at one place: {panel}");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().unwrap();
        let references: BTreeSet<&str> = targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert!(references.len() == targets.len() && !targets.is_empty(), "{panel}");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}");
            rules.push_str(&format!("  - record: panel:{}\n    expr: {}\n", number(&panel["id"]), target["expr"]));
        }
    }
    let asked: usize = alerts::all().map(|controller| controller.panels.len()).sum();
    assert_eq!(rules.matches("record:").count(), asked);
    fs::write(program.folder().join("dashboard.yaml"), &rules).unwrap();
    let (passed, told) = promtool(program.folder(), &["check", "rules", "dashboard.yaml"]);
    assert!(passed, "{told}\n{rules}");
    let (_, object) = written("--format configmap --name sealref");
    let held: Value = serde_json::from_str(value(&object)["data"]["sealref.json"].as_str().unwrap()).unwrap();
    assert_eq!(held, dashboard);
}
