//! Every report tells every shape of finding, is what its format asks for, and holds no value. A new report is tested
//! as soon as it is in the registry.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sealref::error::{Location, Object, Problem, Problems};
use sealref::reports::{self, REPORTS, Report};
use sealref::rules::{Finding, Severity, table};
use sealref::yaml::{self, Syntax, Tree};
use serde_json::Value;

#[path = "support/peers.rs"]
mod peers;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "support/program.rs"]
mod program;

use program::Program;

/// What somebody may call an object who wants to reach the reader of a report.
const NASTY: &str = "x</td>&amp;\"'|`]](http://e.vil)![a](b)@all #1 {{x}} ${y} ]]> \u{1b}[31m\u{202e}\0\n\r<!-- \\ * _";

fn object(namespace: Option<&str>, name: &str) -> Option<Object> {
    let namespace = namespace.map(str::to_owned);
    Some(Object { api_version: "v1".to_owned(), kind: "Secret".to_owned(), namespace, name: name.to_owned() })
}

/// Every shape that a place, a message and a hint have.
fn shapes() -> Vec<Problem> {
    let line = || Location::line("a b/c:d%.yaml", 7);
    vec![
        Problem::new("findme0 nowhere"),
        Problem::new("findme1 in the settings").at("the settings, spec.rules").hint("do"),
        Problem::new("findme2 in a line").at(line()),
        Problem::new("findme3 in an object").at(Location { object: object(None, ""), ..line() }).hint("do"),
        Problem::new("findme4 in a field")
            .at(Location { object: object(Some("shop"), "db"), field: "data.password".to_owned(), ..line() })
            .hint("do"),
        Problem::new(format!("findme5 {NASTY}"))
            .at(Location { object: object(Some(NASTY), NASTY), field: NASTY.to_owned(), ..Location::line(NASTY, 1) })
            .hint(NASTY),
    ]
}

/// Every shape as a finding of each severity, and as what a run told.
fn with_all(see: &dyn Fn(&Report, &str, usize)) {
    let severities = [Severity::Error, Severity::Warning, Severity::Info];
    let rules = ["plaintext/secret", "rbac/cluster-admin"];
    let findings: Vec<Finding> = shapes()
        .into_iter()
        .flat_map(|problem| {
            severities.iter().zip(rules.iter().cycle()).map(move |(s, rule)| (problem.clone(), s, rule))
        })
        .map(|(problem, severity, rule)| Finding { rule, object: None, severity: *severity, problem })
        .collect();
    let (errors, warnings): (Problems, Problems) = (shapes().into_iter().collect(), shapes().into_iter().collect());
    for report in REPORTS {
        for entries in [reports::found(&findings, None), reports::told(&errors, &warnings), vec![]] {
            let text = (report.write)(&entries, Severity::Info);
            assert_eq!(text, (report.write)(&entries, Severity::Info), "{}", report.name);
            for number in 0..shapes().len().min(entries.len()) {
                assert!(text.contains(&format!("findme{number}")), "{} does not tell {number}\n{text}", report.name);
            }
            see(report, &text, entries.len());
        }
    }
}

#[test]
fn every_report_tells_every_shape_and_nothing_that_a_terminal_acts_on() {
    with_all(&|report, text, _| {
        let acts = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(acts), "{}: {text:?}", report.name);
        // Programs get names as they are.
        let for_people = ["junit", "markdown", "text"].contains(&report.name);
        assert!(!for_people || !text.contains('\u{202e}'), "{}: {text:?}", report.name);
    });
}

#[test]
fn every_report_is_what_its_format_asks_for() {
    let schema = jsonschema::validator_for(&reports::schema()).unwrap();
    let sarif = peers::peer("sarif-schema").map(|path| {
        let schema = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    let fits = |schema: &jsonschema::Validator, value: &Value| {
        let wrong: Vec<String> = schema.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{value:#}");
    };
    with_all(&|report, text, count| match report.name {
        "text" => assert!(text.lines().count() >= count),
        "json" => fits(&schema, &serde_json::from_str(text).unwrap()),
        "sarif" => {
            let value: Value = serde_json::from_str(text).unwrap();
            if let Some(schema) = &sarif {
                fits(schema, &value);
            }
            is_sarif(&value, count);
        }
        "junit" => is_junit(text, count),
        "results" => is_krm(text, count),
        "markdown" => is_markdown(text, count),
        other => panic!("nobody says what {other} has to be"),
    });
}

/// Those that are kept or handed on; a form for people, and KRM's, have no place for it.
#[test]
fn a_report_that_is_kept_says_which_version_wrote_it() {
    with_all(&|report, text, _| {
        let kept = ["json", "junit", "sarif"].contains(&report.name);
        assert_eq!(text.contains(&format!("\"{}\"", env!("CARGO_PKG_VERSION"))), kept, "{}\n{text}", report.name);
    });
}

/// What code scanning asks for beyond the schema.
fn is_sarif(value: &Value, count: usize) {
    let run = &value["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), count);
    let rules: Vec<&Value> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    for result in results {
        assert!(result["ruleId"] == "sealref" || rules.contains(&&result["ruleId"]), "{result:#}");
        assert_eq!(result["partialFingerprints"]["sealref/v1"].as_str().unwrap().len(), 32);
        // No viewer makes a link of it
        assert!(!result["message"]["text"].as_str().unwrap().contains("]("), "{result:#}");
        let uri = result.pointer("/locations/0/physicalLocation/artifactLocation/uri").and_then(Value::as_str);
        assert!(uri.is_none_or(|uri| uri.is_ascii() && !uri.contains([' ', ':', '#', '?', '\\'])), "{result:#}");
    }
    let prints: std::collections::BTreeSet<_> =
        results.iter().map(|result| result["partialFingerprints"].to_string() + &result["level"].to_string()).collect();
    assert_eq!(prints.len(), count, "a fingerprint stands for two");
}

/// A parser of XML reads it, and counts what it says.
fn is_junit(text: &str, count: usize) {
    let program = "import sys, xml.dom.minidom as m\nd = m.parse(sys.stdin.buffer)\ns = d.documentElement\n\
                   c = d.getElementsByTagName('testcase')\nf = d.getElementsByTagName('failure')\n\
                   assert s.tagName == 'testsuites' and int(s.getAttribute('tests')) == len(c) == int(sys.argv[1])\n\
                   assert int(s.getAttribute('failures')) == len(f)\nassert all(e.getAttribute('name') for e in c)";
    let python = Command::new("python3")
        .args(["-c", program, &count.max(1).to_string()])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        let _ = writeln!(std::io::stderr(), "skipped: python3 (JUnit is not parsed)");
        return;
    };
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// Fields of the specification, and no others.
fn is_krm(text: &str, count: usize) {
    let tree = Tree::parse(text, Syntax::Document).unwrap_or_else(|fault| panic!("{}\n{text}", fault.message));
    let value: Value = yaml::read(&tree, tree.root()).unwrap_or_else(|mistake| panic!("{}", mistake.message));
    assert_eq!((&value["kind"], &value["items"]), (&"ResourceList".into(), &Value::Array(vec![])));
    let results = value["results"].as_array().unwrap();
    assert_eq!(results.len(), count);
    for result in results {
        let result = result.as_object().unwrap();
        assert!(["error", "warning", "info"].contains(&result["severity"].as_str().unwrap()));
        for key in result.keys() {
            let known = ["message", "severity", "resourceRef", "field", "file", "tags"];
            assert!(known.contains(&key.as_str()), "{key}");
        }
    }
}

/// One row a finding with four cells, in which nothing is a mark, a link or a mention.
fn is_markdown(text: &str, count: usize) {
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    assert_eq!(rows.len(), count, "{text}");
    for row in rows {
        let mut bare = String::new();
        let mut characters = row.chars();
        while let Some(c) = characters.next() {
            if c == '\\' {
                characters.next();
            } else {
                bare.push(c);
            }
        }
        assert_eq!(bare.matches('|').count(), 5, "{row}");
        assert!(!bare.replace("<br>", "").contains(['<', '[', ']', '`', '@', '#', '*', '_', '&']), "{row}");
        assert!(!row.contains("@all") && !row.contains("#1"), "{row}");
    }
}

#[test]
fn endings_choose_and_no_two_reports_share_one() {
    let endings: Vec<&str> = REPORTS.iter().flat_map(|report| report.endings.iter().copied()).collect();
    for report in REPORTS {
        for ending in report.endings {
            assert_eq!(reports::for_file(&format!("a{ending}")).name, report.name, "{ending}");
        }
    }
    let different: std::collections::BTreeSet<_> = endings.iter().collect();
    assert_eq!(different.len(), endings.len());
    assert_eq!(reports::for_file("report").name, "json");
}

/// Values wherever somebody may have left one.
const PLANTED: &str = r#"apiVersion: v1
kind: Secret
metadata:
  name: db
  annotations: {note: s3cret-a, "sealref.dev/allow.rbac.cluster-admin": "", "sealref.dev/target": s3cret-b}
type: s3cret-c
data: {password: czNjcmV0, broken: s3cret-d!}
stringData:
  url: postgres://u:s3cret-e@db/x ref+vault:/s3cret-f
  text: |
    s3cret-g: s3cret-h
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, labels: {x: s3cret-i}}
data: {PASSWORD: s3cret-j, file: "password: s3cret-k", other: "ENC[AES256_GCM,data:s3cret-l]"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {secret.reloader.stakater.com/reload: "[x"}}
spec: {template: {spec: {containers: [{name: a, args: [--password=s3cret-n], env: [{name: PASSWORD, value: s3cret-o}]}]}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all, annotations: {note: s3cret-p}, labels: {rbac.authorization.k8s.io/aggregate-to-view: s3cret-q}}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}, {apiGroups: [""], resources: [secrets], verbs: [LIST]}]
"#;

/// Everything that rules find, with values in every place: none shows, in no form, nor where lines are shown.
#[test]
fn no_value_is_in_any_report() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let program = Program::new();
    let files: Vec<String> = REPORTS.iter().map(|form| format!("--report all{}", form.endings[0])).collect();
    let bad = |id: &str| {
        let text = fs::read_to_string(folder.join(format!("{id}.yaml"))).ok()?;
        Some((id.to_owned(), text.split_once("# --- not found:\n")?.0.to_owned()))
    };
    let streams = table().iter().filter_map(|about| bad(about.id)).chain([("planted".to_owned(), PLANTED.to_owned())]);
    for (id, bad) in streams {
        for command in ["check --lines --level info", "verify", "render"] {
            let output = program.shell(&format!("sealref {command} - {}", files.join(" ")), bad.as_bytes());
            let mut told = vec![String::from_utf8_lossy(&output.stderr).into_owned()];
            told.extend(REPORTS.iter().map(|form| {
                let path = program.folder().join(format!("all{}", form.endings[0]));
                let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{command} wrote no {}", form.name));
                fs::remove_file(&path).unwrap();
                text
            }));
            for told in &told {
                assert!(!told.contains("s3cret"), "{id}, {command}: {told}");
            }
        }
    }
}

/// What `--lines` shows: keys, and what roles and bindings say.
#[test]
fn lines_are_shown_without_values() {
    let stream = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData:\n  \
                  password: s3cret-one\n  note: |\n    s3cret-two: x\n  \"flow\": {a: s3cret-three}\n---\n\
                  apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules:\n\
                  - {apiGroups: [\"\"], resources: [secrets], verbs: [LIST]}\n";
    let output = Program::new().shell("sealref check - --lines --level info", stream.as_bytes());
    let told = String::from_utf8(output.stderr).unwrap();
    for line in [
        "     5 |   password: ***\n",
        "     6 |   note: ***\n",
        "    14 | - apiGroups: , resources: secrets, verbs: LIST\n",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn a_run_that_fails_early_is_reported_too() {
    let program = Program::new();
    for command in ["check", "verify", "render"] {
        let output = program.shell(&format!("sealref {command} - --report a.sarif"), b"kind: Secret\nmetadata: [\n");
        assert_eq!(output.status.code(), Some(1));
        let told: Value = serde_json::from_slice(&fs::read(program.folder().join("a.sarif")).unwrap()).unwrap();
        assert_eq!(told["runs"][0]["results"][0]["level"], "error", "{command}: {told:#}");
        fs::remove_file(program.folder().join("a.sarif")).unwrap();
    }
}
