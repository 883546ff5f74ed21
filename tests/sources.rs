//! The contract of a source, for each one that the registry lists: whatever is answered, a value comes back or one
//! problem with a hint and without a byte of the answer. A source without a row here fails by name.

#[path = "support/peers.rs"]
mod peers;
#[path = "support/sops.rs"]
#[allow(dead_code, reason = "files are written here, and read by the source")]
mod sops;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use sealref::error::{Exit, Problem};
use sealref::model::{Address, Ask, Payload, Raw, Reply, Wire};
use sealref::sources::{self, SOURCES};
use zeroize::Zeroizing;

/// What no message may hold.
const CANARY: &str = "s3cret-canary";

/// A number that only a careful reader keeps.
const NUMBER: &str = "12345678901234567890.50";

/// How a scheme is asked, and what its server answers where all is well.
struct Row {
    scheme: &'static str,
    path: &'static str,
    /// Variables of the operator.
    settings: &'static [(&'static str, &'static str)],
    /// The answer to a question, around a document of values.
    well: fn(&Ask, &str) -> String,
}

const ROWS: &[Row] = &[
    Row { scheme: "awssecrets", path: "db", settings: &[], well: awssecrets },
    Row { scheme: "awsssm", path: "db", settings: &[], well: awsssm },
    Row { scheme: "azurekeyvault", path: "shop/db", settings: &[], well: azurekeyvault },
    Row { scheme: "doppler", path: "shop/prd/DB", settings: &[("DOPPLER_TOKEN", "token")], well: doppler },
    Row { scheme: "env", path: "NAME", settings: &[], well: |_, document| document.to_owned() },
    Row { scheme: "file", path: "values.json", settings: &[], well: |_, document| document.to_owned() },
    Row { scheme: "gcpsecrets", path: "shop/db", settings: &[], well: gcpsecrets },
    Row { scheme: "gitlab", path: "gitlab.com/1/DB", settings: &[("GITLAB_TOKEN", "token")], well: azurekeyvault },
    Row { scheme: "k8s", path: "v1/Secret/shop/db", settings: &[("KUBERNETES_SERVICE_HOST", "api")], well: k8s },
    Row { scheme: "onepasswordconnect", path: "shop/db", settings: CONNECT, well: connect },
    Row { scheme: "op", path: "shop/db/field", settings: CONNECT, well: op },
    Row { scheme: "openbao", path: "kv/db", settings: VAULT, well: vault },
    Row { scheme: "sops", path: "values.json", settings: &[], well: sops },
    Row { scheme: "vault", path: "kv/db", settings: VAULT, well: vault },
];

const VAULT: &[(&str, &str)] = &[("VAULT_ADDR", "https://vault.example"), ("VAULT_TOKEN", "token")];

fn vault(ask: &Ask, document: &str) -> String {
    match ask {
        Ask::Http(request) if request.url.contains("/sys/internal/") => {
            r#"{"data": {"path": "kv/", "type": "kv", "options": {"version": "2"}}}"#.to_owned()
        }
        _ => format!("{{\"data\": {{\"data\": {document}, \"metadata\": {{}}}}}}"),
    }
}

const CONNECT: &[(&str, &str)] = &[("OP_CONNECT_HOST", "https://connect.example"), ("OP_CONNECT_TOKEN", "token")];

/// A vault, an item, and its fields.
fn found(ask: &Ask, item: impl Fn() -> String) -> String {
    let Ask::Http(request) = ask else { panic!("something else is asked for") };
    match request.url.split_once("/v1/vaults").unwrap().1 {
        "/v/items/i" => item(),
        path if path.starts_with("/v/items?") => r#"[{"id": "i", "title": "db"}]"#.to_owned(),
        _ => r#"[{"id": "v", "name": "shop"}]"#.to_owned(),
    }
}

fn op(ask: &Ask, document: &str) -> String {
    found(ask, || format!("{{\"fields\": [{{\"id\": \"1\", \"label\": \"field\", \"value\": {}}}]}}", quoted(document)))
}

/// What is no text at a server is left out; an object is a section.
fn connect(ask: &Ask, document: &str) -> String {
    found(ask, || {
        let values: serde_json::Map<String, serde_json::Value> = serde_json::from_str(document).unwrap();
        let (mut fields, mut sections) = (vec![], vec![]);
        for (key, value) in &values {
            let field =
                |key: &str, value: &str| serde_json::json!({"id": format!("id-{key}"), "label": key, "value": value});
            match value {
                serde_json::Value::String(text) => fields.push(field(key, text)),
                serde_json::Value::Number(_) => fields.push(field(key, NUMBER)),
                serde_json::Value::Bool(yes) => fields.push(field(key, &yes.to_string())),
                serde_json::Value::Object(inner) => {
                    sections.push(serde_json::json!({"id": "section", "label": key}));
                    for (key, value) in inner {
                        let mut field = field(key, value.as_str().unwrap());
                        field["section"] = serde_json::json!({"id": "section"});
                        fields.push(field);
                    }
                }
                _ => {}
            }
        }
        serde_json::json!({"fields": fields, "sections": sections}).to_string()
    })
}

/// A text in an answer of JSON.
fn quoted(document: &str) -> String {
    serde_json::to_string(document).unwrap()
}

fn awssecrets(_: &Ask, document: &str) -> String {
    format!("{{\"SecretString\": {}}}", quoted(document))
}

fn awsssm(_: &Ask, document: &str) -> String {
    format!("{{\"Parameter\": {{\"Value\": {}}}}}", quoted(document))
}

fn azurekeyvault(_: &Ask, document: &str) -> String {
    format!("{{\"value\": {}}}", quoted(document))
}

fn doppler(_: &Ask, document: &str) -> String {
    format!("{{\"value\": {{\"computed\": {}}}}}", quoted(document))
}

fn gcpsecrets(_: &Ask, document: &str) -> String {
    format!("{{\"payload\": {{\"data\": \"{}\"}}}}", STANDARD.encode(document))
}

/// Each value of the document under its key; what is no text at a server stays what it is, except one that is read into.
fn k8s(ask: &Ask, document: &str) -> String {
    if !matches!(ask, Ask::Http(_)) {
        return "token".to_owned();
    }
    let values: serde_json::Map<String, serde_json::Value> = serde_json::from_str(document).unwrap();
    let data = values.into_iter().map(|(key, value)| {
        let text = match &value {
            serde_json::Value::String(text) => text.clone(),
            // As it is written there, and not as a library keeps it
            serde_json::Value::Number(_) => NUMBER.to_owned(),
            serde_json::Value::Object(_) if key != "a" => return (key, value),
            serde_json::Value::Array(_) | serde_json::Value::Null => return (key, value),
            other => other.to_string(),
        };
        (key, STANDARD.encode(text).into())
    });
    let data = serde_json::Value::Object(data.collect());
    format!("{{\"data\": {data}, \"kind\": \"Secret\"}}")
}

static SOPS: LazyLock<Option<sops::Sops>> = LazyLock::new(sops::Sops::new);

/// The document as the real program encrypts it, and the key for that. Numbers that it would round are text.
fn sops(ask: &Ask, document: &str) -> String {
    static WRITTEN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let sops = SOPS.as_ref().unwrap();
    match ask {
        Ask::Identities => sops.identity.clone(),
        Ask::File(name) => {
            let mut written = WRITTEN.lock().unwrap();
            let text = document.replace(NUMBER, &format!("\"{NUMBER}\""));
            written.entry(text.clone()).or_insert_with(|| sops.encrypt(name, text, &[]).trim_end().to_owned()).clone()
        }
        _ => String::new(),
    }
}

/// Answers settings from a row, and everything else from a script.
struct Script<'s> {
    row: &'s Row,
    answer: &'s dyn Fn(&Ask) -> Result<Reply, Problem>,
    /// Was a server asked?
    remote: bool,
}

impl Wire for Script<'_> {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let one = |ask: Ask| match ask {
            Ask::Setting(name) => {
                let value = self.row.settings.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
                Ok(reply(200, value))
            }
            other => {
                self.remote |= !matches!(other, Ask::Environment(_) | Ask::File(_) | Ask::Named(_) | Ask::Identities);
                (self.answer)(&other)
            }
        };
        asks.into_iter().map(one).collect()
    }
}

fn reply(status: u16, body: impl AsRef<[u8]>) -> Reply {
    Reply { bytes: Zeroizing::new(body.as_ref().to_vec()), status }
}

fn address(row: &Row, property: Option<&'static str>) -> Address<'static> {
    let raw =
        Raw { path: Cow::Borrowed(row.path), parameters: vec![], fragment: property.map(Cow::Borrowed), whole: false };
    sources::resolve(row.scheme, raw).unwrap()
}

/// What a source makes of an answer, and whether a server was asked.
fn fetch(
    row: &Row,
    property: Option<&'static str>,
    answer: &dyn Fn(&Ask) -> Result<Reply, Problem>,
) -> (Result<Payload, Problem>, bool) {
    let mut wire = Script { row, answer, remote: false };
    let (source, _) = sources::find(row.scheme).unwrap();
    let address = address(row, property);
    let mut answers = source.fetch().unwrap().fetch(&[&address], &mut wire);
    assert_eq!(answers.len(), 1, "{}", row.scheme);
    (answers.remove(0), wire.remote)
}

/// The rows whose schemes this build can read.
fn rows() -> impl Iterator<Item = &'static Row> {
    let peer_is_there = |row: &&Row| row.scheme != "sops" || SOPS.is_some();
    ROWS.iter().filter(|row| sources::find(row.scheme).unwrap().0.fetch().is_some()).filter(peer_is_there)
}

/// `#/KEY` where the scheme has keys.
fn key(row: &Row, key: &'static str) -> Option<&'static str> {
    let (_, facts) = sources::find(row.scheme).unwrap();
    (!facts.property.is_empty()).then_some(key)
}

#[track_caller]
fn is_told(row: &Row, what: &str, problem: &Problem) {
    let at = format!("{}: {what}: {problem}", row.scheme);
    assert!(problem.advice().is_some_and(|hint| !hint.is_empty()), "no hint: {at}");
    assert!(!format!("{problem} {problem:?}").contains(CANARY), "{at}");
    assert_ne!(problem.code(), Exit::Bug, "{at}");
    assert!(problem.message().len() < 300, "{at}");
}

#[test]
fn every_source_that_gives_values_has_a_row() {
    for source in SOURCES.iter().filter(|source| source.fetch().is_some()) {
        for facts in source.facts() {
            assert!(ROWS.iter().any(|row| row.scheme == facts.scheme), "{} is not tested", facts.scheme);
        }
    }
}

#[test]
fn an_answer_that_is_well_is_a_value() {
    for row in rows() {
        let document = &format!(r#"{{"k": "value", "number": {NUMBER}, "yes": true, "a": {{"b": "deep"}}}}"#);
        let well = |ask: &Ask| Ok(reply(200, (row.well)(ask, document)));
        for (property, value) in [("k", "value"), ("number", NUMBER), ("yes", "true"), ("a/b", "deep")] {
            let value = if key(row, property).is_some() { value } else { document };
            let (answer, _) = fetch(row, key(row, property), &well);
            let payload = answer.unwrap_or_else(|problem| panic!("{} {property}: {problem}", row.scheme));
            assert_eq!(payload.len(), value.len(), "{} {property}", row.scheme);
        }
    }
}

/// Every key of what stands at the row's path, with the lengths of the values.
fn every_key(row: &Row, answer: &dyn Fn(&Ask) -> Result<Reply, Problem>) -> Result<Vec<(String, usize)>, Problem> {
    let mut wire = Script { row, answer, remote: false };
    let (source, _) = sources::find(row.scheme).unwrap();
    let payload = source.fetch().unwrap().fetch(&[&sources::whole(&address(row, whole(row)))], &mut wire).remove(0);
    let mut keys: Vec<_> = payload?.keys().into_iter().map(|(key, value)| (key, value.len())).collect();
    keys.sort();
    Ok(keys)
}

/// Vault takes the last segment for a key where nothing says otherwise; a whole item of 1Password cannot be written.
fn whole(row: &Row) -> Option<&'static str> {
    ["vault", "openbao", "onepasswordconnect"].contains(&row.scheme).then_some("all")
}

#[test]
fn a_whole_secret_is_its_keys_or_is_refused_by_name() {
    for row in rows() {
        // An object of Kubernetes holds text alone
        let none = if row.scheme == "k8s" { "" } else { r#""none": null, "# };
        let inner = format!(r#"{{"k": "value", "empty": "", {none}"number": {NUMBER}, "yes": true}}"#);
        let document = match whole(row) {
            Some(_) if row.scheme == "onepasswordconnect" => r#"{"all": {"k": "value"}}"#.to_owned(),
            Some(_) => format!("{{\"all\": {inner}}}"),
            None => inner,
        };
        let well = |ask: &Ask| Ok(reply(200, (row.well)(ask, &document)));
        let told = match every_key(row, &well) {
            Err(problem) => problem,
            Ok(keys) => {
                let mut pairs = vec![("empty", 0), ("k", 5), ("none", 0), ("number", NUMBER.len()), ("yes", 4)];
                pairs.retain(|(key, _)| *key != "none" || !none.is_empty());
                let keys: Vec<_> = keys.iter().map(|(key, length)| (key.as_str(), *length)).collect();
                assert_eq!(keys, pairs, "{}", row.scheme);
                continue;
            }
        };
        is_told(row, "whole", &told);
        let none = ["env", "op", "onepasswordconnect"].contains(&row.scheme);
        assert!(none && told.message().contains("the keys of a whole secret are not taken from"), "{told}");
    }
}

#[test]
fn what_is_no_map_of_keys_is_told_without_its_value() {
    for row in rows().filter(|row| whole(row).is_none()) {
        for document in [&format!("[\"{CANARY}\"]"), &format!("\"{CANARY}\""), CANARY, "{}", "", "{\"k\": "] {
            if row.scheme == "k8s" || row.scheme == "sops" {
                continue;
            }
            let well = |ask: &Ask| Ok(reply(200, (row.well)(ask, document)));
            let problem = every_key(row, &well).err().unwrap_or_else(|| panic!("{} {document}: keys", row.scheme));
            is_told(row, document, &problem);
        }
    }
}

#[test]
fn a_key_of_another_shape_is_told_without_its_value() {
    let document = format!(
        r#"{{"map": {{"a": "{CANARY}"}}, "list": ["{CANARY}"], "empty": "", "null": null, "text": "{CANARY}"}}"#
    );
    for row in rows().filter(|row| key(row, "k").is_some()) {
        let well = |ask: &Ask| Ok(reply(200, (row.well)(ask, &document)));
        // In a file of SOPS an item of a list has a path too
        let item = if row.scheme == "sops" { "list/1" } else { "list/0" };
        for property in ["nope", "map", "list", item, "empty", "null", "text/deeper", "map/nope"] {
            let (answer, _) = fetch(row, Some(property), &well);
            let problem = answer.err().unwrap_or_else(|| panic!("{} {property}: a value", row.scheme));
            is_told(row, property, &problem);
        }
    }
}

#[test]
fn what_is_asked_in_vain_is_told_as_it_is() {
    for row in rows() {
        let down = |_: &Ask| Err(Problem::new("nobody answers").hint("wait").exit(Exit::Source));
        let (answer, _) = fetch(row, key(row, "k"), &down);
        let problem = answer.err().unwrap_or_else(|| panic!("{}: a value", row.scheme));
        is_told(row, "down", &problem);
        assert_eq!(problem.code(), Exit::Source, "{}: {problem}", row.scheme);
    }
}

#[test]
fn a_status_is_told_without_the_words_beside_it_e1() {
    for row in rows() {
        for status in [204, 206, 400, 401, 403, 404, 405, 409, 410, 412, 451, 500, 501, 599] {
            let answer =
                |_: &Ask| Ok(reply(status, format!("{{\"errors\": [\"{CANARY}\"], \"message\": \"{CANARY}\"}}")));
            let (answer, remote) = fetch(row, key(row, "k"), &answer);
            match answer {
                Err(problem) => is_told(row, &status.to_string(), &problem),
                Ok(_) => assert!(!remote, "{}: {status} is a value", row.scheme),
            }
        }
    }
}

/// Bodies that no server of a source sends.
fn strange() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = vec![
        vec![],
        b"null".to_vec(),
        b"5".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"\xff\xfe\x00\x01".to_vec(),
        vec![0; 100],
        format!("<!DOCTYPE html><html><title>{CANARY}</title></html>").into_bytes(),
        format!("{{\"data\": \"{CANARY}\"}}").into_bytes(),
        format!("{{\"k\": {{\"k\": {{\"k\": [\"{CANARY}\"").into_bytes(),
        format!("[{}", "[".repeat(100_000)).into_bytes(),
        format!("\u{feff}{{\"k\": \"{CANARY}").into_bytes(),
        [b"\xff", CANARY.as_bytes()].concat(),
    ];
    bodies.push("x".repeat(1 << 20).into_bytes());
    bodies
}

#[test]
fn a_body_that_is_none_is_told_without_a_byte_of_it_e3_e12() {
    for row in rows() {
        for body in strange() {
            let answer = |_: &Ask| Ok(reply(200, &body));
            let (answer, remote) = fetch(row, key(row, "k"), &answer);
            match answer {
                Err(problem) => is_told(row, "strange", &problem),
                // A variable may hold anything
                Ok(_) => assert!(!remote && key(row, "k").is_none(), "{}: a value", row.scheme),
            }
        }
    }
}

#[test]
fn an_answer_that_is_cut_off_anywhere_is_no_value_e12() {
    let document = format!(r#"{{"other": "{CANARY}", "k": "value"}}"#);
    for row in rows().filter(|row| key(row, "k").is_some()) {
        let whole = |ask: &Ask| (row.well)(ask, &document);
        for cut in 1..40 {
            let answer = |ask: &Ask| {
                let whole = whole(ask);
                Ok(reply(200, &whole[..whole.len().saturating_sub(cut)]))
            };
            let (answer, _) = fetch(row, Some("k"), &answer);
            let problem = answer.err().unwrap_or_else(|| panic!("{}: a value without {cut} bytes", row.scheme));
            is_told(row, "cut", &problem);
        }
    }
}

#[test]
fn one_question_serves_all_keys_of_a_secret_e16() {
    for row in rows().filter(|row| key(row, "k").is_some()) {
        let asked = std::cell::RefCell::new(vec![]);
        let answer = |ask: &Ask| {
            asked.borrow_mut().push(match ask {
                Ask::Http(request) => request.url.clone(),
                Ask::File(name) | Ask::Named(name) => name.clone(),
                _ => String::new(),
            });
            Ok(reply(200, (row.well)(ask, r#"{"a": "1", "b": "2", "c": "3"}"#)))
        };
        let mut wire = Script { row, answer: &answer, remote: false };
        let addresses = ["a", "b", "c"].map(|property| address(row, Some(property)));
        let (source, _) = sources::find(row.scheme).unwrap();
        let values = source.fetch().unwrap().fetch(&addresses.each_ref(), &mut wire);
        assert!(values.iter().all(Result::is_ok), "{}", row.scheme);
        let mut asked = asked.into_inner();
        let count = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(count, asked.len(), "{}: {asked:?}", row.scheme);
    }
}
