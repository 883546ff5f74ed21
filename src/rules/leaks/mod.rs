//! Secrets that stand in plain text where no Secret is: variables, arguments, ConfigMaps, annotations, fields of custom
//! resources, and what is encoded in them.
//!
//! Structure first: what a place is for says what stands there. Then names and values, then known formats of tokens.
//! One finding for each rule and place, with a count; never a value.

mod layers;
mod names;
mod user;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::seen::{Seen, all};
use super::table::tell_at;
use super::{Finding, View, tokens};
use crate::error::Problem;
use crate::limits;
use crate::model::{LAST_APPLIED, Place, unbase64};
use crate::yaml::{Kind, NodeId};
use layers::{Layer, is_allowed, layer, lines, without_allowed};
use names::{Value, sort, value};
pub use user::UserRules;

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    // A name that nothing bears hides no value that is equal to it.
    let names = view.inventory.by_identity.keys().map(|identity| identity.name.as_str());
    let provided = view.inventory.provides.iter().map(|provider| provider.name);
    let names: BTreeSet<&str> = names.chain(provided).collect();
    for seen in all(view) {
        for ((node, rule, _), (message, more)) in look(&seen, &names).0 {
            let message = if more > 0 { format!("{message}, and {more} more like it") } else { message };
            tell_at(view, rule, Some(Place { manifest: seen.id, node }), Problem::new(message), tell);
        }
    }
}

fn look(seen: &Seen, names: &BTreeSet<&str>) -> Found {
    let (group, kind) = (seen.identity.group(), seen.identity.kind.as_str());
    let mut found = Found::default();
    // Ciphertexts, schemas, roles, and what another family is about: who writes notes on them writes them as elsewhere.
    let notes = kind == "Secret" && group.is_empty()
        || ["apiextensions.k8s.io", "apiserver.config.k8s.io", "bitnami.com", "rbac.authorization.k8s.io"]
            .contains(&group);
    if kind == "Secret" && group.is_empty() {
        guessable(seen, &mut found);
    }
    // Keys of External Secrets are names of keys.
    let pairs = group != "external-secrets.io";
    let allowed = seen.tree.remarked(&is_allowed);
    // Under a policy comments silence some rules, and others not: one look for each.
    let silenced = |rule: &&str| (seen.view.silenced)(rule);
    for comments in [true, false].into_iter().filter(|is| WALKED.iter().any(|rule| silenced(rule) == *is)) {
        Walk { seen, names, found: &mut found, pairs, notes, allowed: comments.then_some(&allowed) }.object();
    }
    let allowed = (seen.view.silenced)("plaintext/user-rule").then_some(&allowed);
    for (node, rule) in if notes { vec![] } else { seen.view.user.find(seen, allowed) } {
        found.add("plaintext/user-rule", node, format!("the rule \"{rule}\" of the project finds a secret"));
    }
    found
}

/// What was found, by place, rule and sort: the first message, and how many more.
#[derive(Default)]
struct Found(BTreeMap<(NodeId, &'static str, &'static str), (String, usize)>);

impl Found {
    fn add(&mut self, rule: &'static str, node: NodeId, message: String) {
        self.add_of(rule, "", node, message);
    }

    fn add_of(&mut self, rule: &'static str, sort: &'static str, node: NodeId, message: String) {
        self.0.entry((node, rule, sort)).and_modify(|(_, more)| *more += 1).or_insert((message, 0));
    }
}

/// Values of a Secret that anybody would try.
fn guessable(seen: &Seen, found: &mut Found) {
    for (field, encoded) in [("data", true), ("stringData", false)] {
        let map = seen.tree.get(seen.tree.root(), field);
        for (key, node) in map.into_iter().flat_map(|map| seen.tree.entries(map)) {
            let (name, text) = (seen.tree.key(key), seen.tree.raw(node).unwrap_or_default());
            let decoded = encoded.then(|| unbase64(text.as_bytes())).flatten();
            let text = decoded.as_ref().map_or(Some(text), |bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            if sort(&name).is_some_and(|sort| value(sort, text) == Value::Guessable) {
                found.add("plaintext/trivial-value", node, format!("\"{name}\" is a value that anybody would try"));
            }
        }
    }
}

/// What kind of place a text stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Annotation,
    Applied,
    Arguments,
    ConfigMap,
    Env,
    Field,
}

impl Around {
    fn rule(self) -> &'static str {
        match self {
            Self::Annotation | Self::Field => "plaintext/field",
            Self::Applied => "plaintext/last-applied",
            Self::Arguments => "plaintext/arguments",
            Self::ConfigMap => "plaintext/config-map",
            Self::Env => "plaintext/env",
        }
    }
}

/// The rules of a walk.
const WALKED: [&str; 8] = [
    "plaintext/arguments",
    "plaintext/config-map",
    "plaintext/env",
    "plaintext/field",
    "plaintext/last-applied",
    "plaintext/token",
    "plaintext/trivial-value",
    "plaintext/url-password",
];

struct Walk<'w, 'v, 's> {
    seen: &'w Seen<'v, 's>,
    names: &'w BTreeSet<&'w str>,
    found: &'w mut Found,
    pairs: bool,
    /// Labels and annotations are all that is looked at.
    notes: bool,
    /// The scalars that comments allow. None: this is about the rules that no comment silences.
    allowed: Option<&'w BTreeSet<NodeId>>,
}

/// Layers that are looked through: base64 in base64, with gzip, and JSON in it.
const DEPTH: usize = 5;

impl Walk<'_, '_, '_> {
    fn object(&mut self) {
        let tree = self.seen.tree;
        let is_map = self.seen.identity.is("", "ConfigMap");
        let notes: &[&[&str]] =
            if self.notes { &[&["metadata"], &["spec", "template", "metadata"]] } else { &[&["metadata"]] };
        for path in notes {
            tree.at(tree.root(), path).into_iter().for_each(|metadata| self.metadata(metadata));
        }
        if self.notes {
            return;
        }
        for (key, node) in tree.entries(tree.root()) {
            match &*tree.key(key) {
                "data" | "binaryData" if is_map => self.node(Around::ConfigMap, "", node),
                "apiVersion" | "kind" | "metadata" | "status" => {}
                name => self.node(Around::Field, name, node),
            }
        }
    }

    fn metadata(&mut self, metadata: NodeId) {
        let tree = self.seen.tree;
        let maps = ["annotations", "labels"].into_iter().filter_map(|field| tree.get(metadata, field));
        for (key, node) in maps.flat_map(|map| tree.entries(map)) {
            match &*tree.key(key) {
                LAST_APPLIED => self.applied(node),
                name => self.scalar(Around::Annotation, name, node),
            }
        }
    }

    /// What kubectl has written down: a whole object, the values of a Secret included.
    fn applied(&mut self, node: NodeId) {
        let text = self.seen.tree.text(node).unwrap_or_default();
        let mut object: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let filled = |field: &str| object.get(field).and_then(|map| map.as_object()).is_some_and(|map| !map.is_empty());
        if object.get("kind").is_some_and(|kind| kind == "Secret") && (filled("data") || filled("stringData")) {
            let message = "the annotation of kubectl holds the values of a Secret".to_owned();
            return self.add("plaintext/last-applied", node, message);
        }
        // Ciphertexts are no passwords
        if let Some(spec) = object.get_mut("spec").and_then(|spec| spec.as_object_mut()) {
            spec.remove("encryptedData");
        }
        let around = if self.notes { Around::Annotation } else { Around::Applied };
        self.text(around, "", &object.to_string(), node, DEPTH);
    }

    fn node(&mut self, around: Around, name: &str, node: NodeId) {
        let tree = self.seen.tree;
        match tree.kind(node) {
            Kind::Map => {
                let named = tree.get(node, "name").and_then(|node| tree.text(node));
                if let (Some(its), Some(value)) = (named, tree.get(node, "value")) {
                    let env = name == "env" || name.ends_with("Env") || name.ends_with("nvVars");
                    let around = if env { Around::Env } else { around };
                    self.scalar(around, its, value);
                }
                for (key, value) in tree.own(node).filter(|(_, value)| tree.target(*value) == *value) {
                    let key = tree.key(key);
                    if named.is_none() || key != "value" {
                        self.node(around, &key, value);
                    }
                }
            }
            Kind::Scalar => self.scalar(around, name, node),
            Kind::Seq if matches!(name, "args" | "command") => {
                let items: Vec<NodeId> = tree.items(node).collect();
                self.arguments(&items);
            }
            Kind::Seq => tree.items(node).for_each(|item| {
                let name = if tree.kind(item) == Kind::Scalar { "" } else { name };
                self.node(around, name, item);
            }),
        }
    }

    fn scalar(&mut self, around: Around, name: &str, node: NodeId) {
        let text = self.seen.tree.raw(node).unwrap_or_default();
        if text.len() > 3 {
            self.text(around, name, text, node, DEPTH);
        }
    }

    /// Unless a comment in the line says that nothing is wrong there.
    fn add(&mut self, rule: &'static str, node: NodeId, message: String) {
        self.add_of(rule, "", node, message);
    }

    /// The same for one sort of what a rule finds, which is told apart from the others.
    fn add_of(&mut self, rule: &'static str, sort: &'static str, node: NodeId, message: String) {
        let silenced = (self.seen.view.silenced)(rule);
        if silenced == self.allowed.is_some() && !self.allowed.is_some_and(|allowed| allowed.contains(&node)) {
            self.found.add_of(rule, sort, node, message);
        }
    }

    /// A text without what comments allow in it.
    fn cleared<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.allowed.is_some() { without_allowed(text) } else { Cow::Borrowed(text) }
    }

    /// A text, and what is in it.
    fn text(&mut self, around: Around, name: &str, whole: &str, node: NodeId, depth: usize) {
        let comments = self.allowed.is_some();
        let cleared = self.cleared(whole);
        let text = &*cleared;
        if !text.contains('\n') {
            self.pair(around, name, text, node);
        }
        for (what, count) in tokens::all(text) {
            for _ in 0..count {
                self.add_of("plaintext/token", what, node, format!("{what} stands here in plain text"));
            }
        }
        self.urls(text, node);
        match layer(whole, comments, &self.seen.view.unpacked) {
            _ if depth == 0 => {}
            Layer::Encoded(inner) => self.text(around, name, &inner, node, depth - 1),
            Layer::Structured(texts) => {
                for (key, inner) in texts {
                    // A registry's credential is base64 of a name and a password.
                    let login = unbase64(inner.as_bytes()).filter(|bytes| key == "auth" && bytes.contains(&b':'));
                    if login.is_some() {
                        let message = "the credential of a registry stands here in plain text".to_owned();
                        self.add(around.rule(), node, message);
                    } else {
                        self.inner(around, &key, &inner, node, depth - 1);
                    }
                }
            }
            Layer::Plain if around == Around::Annotation => {
                for (name, value) in lines(text).filter(|(name, _)| text.contains(&format!("{name}="))) {
                    self.pair(Around::Field, name, value, node);
                }
            }
            Layer::Plain if text.contains('\n') && !is_code(name) => {
                for (name, value) in lines(text) {
                    self.pair(around, name, value, node);
                }
            }
            Layer::Packed => self.packed(around, node),
            Layer::Plain => {}
        }
    }

    fn packed(&mut self, around: Around, node: NodeId) {
        let most = limits::UNPACKED >> 20;
        let message = format!("this is packed, and was not looked into: {most} MiB were unpacked before");
        self.add(around.rule(), node, message);
    }

    /// A text within a text, whose tokens were seen already.
    fn inner(&mut self, around: Around, name: &str, text: &str, node: NodeId, depth: usize) {
        if !text.contains('\n') {
            self.pair(around, name, text, node);
        }
        match layer(text, self.allowed.is_some(), &self.seen.view.unpacked) {
            Layer::Encoded(inner) if depth > 0 => self.text(around, name, &inner, node, depth - 1),
            Layer::Structured(texts) if depth > 0 => {
                for (key, inner) in texts {
                    self.inner(around, &key, &inner, node, depth - 1);
                }
            }
            Layer::Packed => self.packed(around, node),
            _ => {}
        }
    }

    /// A name and a value.
    fn pair(&mut self, around: Around, name: &str, text: &str, node: NodeId) {
        if !self.pairs || around == Around::Annotation || self.names.contains(text) {
            return;
        }
        let Some(kind) = sort(name) else { return };
        match value(kind, text) {
            Value::Nothing => {}
            // Fields hold names of keys, of which `password` is the most usual.
            Value::Guessable if matches!(around, Around::Applied | Around::Field) && sort(text).is_some() => {}
            Value::Guessable => {
                let message = format!("\"{name}\" is a value that anybody would try");
                self.add("plaintext/trivial-value", node, message);
            }
            Value::Secret => {
                self.add(around.rule(), node, format!("\"{name}\" holds {} in plain text", kind.what()));
            }
        }
    }

    /// Passwords in URLs.
    fn urls(&mut self, text: &str, node: NodeId) {
        let Some(urls) = URL.as_ref().filter(|_| text.contains("://") && text.contains('@')) else { return };
        for found in urls.captures_iter(text).filter_map(|found| found.get(1)) {
            // Documentation writes user:password@host.
            let password = found.as_str();
            if value(names::Sort::Password, password) == Value::Secret {
                self.add("plaintext/url-password", node, "a password stands in a URL".to_owned());
            }
        }
    }

    /// `--name=value`, `--name value`, `NAME=value`, `-u name:value`; an item may be a script.
    fn arguments(&mut self, items: &[NodeId]) {
        let tree = self.seen.tree;
        let texts: Vec<_> = items.iter().map(|item| self.cleared(tree.raw(*item).unwrap_or_default())).collect();
        let mut before: Option<(&str, NodeId)> = None;
        for (item, text) in items.iter().zip(&texts) {
            self.scalar(Around::Arguments, "", *item);
            let split = |c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '"' | '\'' | '`' | '(' | ')');
            for word in text.split(split).filter(|word| !word.is_empty()) {
                if let Some((name, value)) = word.split_once('=') {
                    self.pair(Around::Arguments, name.trim_start_matches('-'), value, *item);
                } else if let Some((flag, _)) = before {
                    match (flag, word.split_once(':')) {
                        ("-u" | "--user", Some((_, password))) => {
                            self.pair(Around::Arguments, "password", password, *item);
                        }
                        _ if flag.starts_with("--") && !word.starts_with('-') => {
                            self.pair(Around::Arguments, flag.trim_start_matches('-'), word, *item);
                        }
                        _ => {}
                    }
                }
                before = word.starts_with('-').then_some((word, *item));
            }
        }
    }
}

/// Names of files that programs are written in: what stands behind a name there is mostly an expression.
fn is_code(name: &str) -> bool {
    let ends =
        [".css", ".go", ".html", ".j2", ".js", ".lua", ".md", ".py", ".rb", ".rego", ".sh", ".star", ".tmpl", ".tpl"];
    ends.iter().any(|end| name.ends_with(end))
}

/// RFC 3986, userinfo.
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@"'<>]*:([^/\s@"'<>]+)@"#).ok());
