//! Values of a HelmRelease, lifted as subtrees of YAML into one key of a Secret.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Context, object};
use crate::error::{Exit, Problem, Problems};
use crate::model::{Identity, Item, Lift, ManifestId, Opaque, Part, Place, Provision, Template, escaped};
use crate::steps::find::behind_an_alias;
use crate::yaml::{Kind, NodeId, Scalar, Syntax, Times, Tree, Value};

/// The key that Flux reads where none is named.
const KEY: &str = "values.yaml";

impl Context<'_, '_> {
    /// Plans the Secret of the values that hold references: for each the smallest subtree, lists whole.
    pub(super) fn values<'t>(
        &self,
        id: ManifestId,
        tree: &Tree,
        identity: &Identity,
        items: Vec<Item<'t>>,
    ) -> Result<(Option<Provision<'t>>, Vec<Lift>), Problems> {
        let (escapes, found): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| item.template.is_literal());
        let mut lifts: Vec<Lift> = escapes.iter().map(|item| Lift::text(&item.template, item.place)).collect();
        let Some(place) = found.first().map(|item| item.place) else {
            return Ok((None, lifts));
        };
        if self.job.settings.layered {
            return Err(Problem::new(
                "values of a HelmRelease cannot be lifted where layers do the work again: layered: true",
            )
            .hint("list the transformer once, in the outermost kustomization")
            .at(self.stream.tell(place))
            .into());
        }
        let mut problems = Problems::default();
        let from = tree.at(tree.root(), &["spec", "valuesFrom"]);
        let is_list = |node| tree.kind(node) == Kind::Seq || matches!(tree.scalar(node), Some(Scalar::Null));
        if let Some(node) = from.filter(|node| !is_list(*node)) {
            let problem = Problem::new("valuesFrom must be a list").hint("write a dash before what is in it");
            problems.push(problem.at(self.stream.tell(Place { manifest: id, node })));
        }
        let mut seen = BTreeSet::new();
        let mut subtrees: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        // What stands at two places would leave both, and be put back at one.
        let mut times = Times::of(tree);
        let mut shared = |node| times.as_mut().is_some_and(|times| times.each(node) > 1);
        for item in found.iter().chain(&escapes).filter(|item| seen.insert(item.place)) {
            let told = |problem: Problem| problem.at(self.stream.tell(item.place));
            if shared(item.place.node) {
                problems.push(told(behind_an_alias(&item.template)));
            } else if !item.template.is_literal() {
                let subtree = subtree(tree, item.place.node).ok_or_else(values_are_no_map);
                subtrees.extend(problems.keep(subtree.map_err(told)));
            }
        }
        // Another entry in a list that stands elsewhere too would be one there
        if let Some(node) = from.filter(|node| shared(*node)) {
            let problem = Problem::new("valuesFrom stands behind an alias").hint("write it out");
            problems.push(problem.at(self.stream.tell(Place { manifest: id, node })));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        // An escape that is lifted with its list needs no edit.
        let lifted = |place: &Place| subtree(tree, place.node).is_some_and(|(node, _)| subtrees.contains_key(&node));
        lifts.retain(|lift| !lift.places().iter().any(lifted));
        let inside = found.into_iter().chain(escapes).filter(|item| lifted(&item.place));
        let template = text(tree, &subtrees, inside.map(|item| (item.place.node, item.template)).collect())?;
        let items = vec![Item { key: KEY.into(), place, template }];
        let metadata = object::metadata(tree).map_err(|problem| problem.at(self.stream.tell_object(id)))?;
        let provision = self.lifted_secret(id, identity, &metadata, items, &mut problems);
        let places = subtrees.into_keys().map(|node| Place { manifest: id, node }).collect();
        if let Some(provision) = &provision {
            lifts.push(Lift::Key { places, name: provision.secret.name.clone(), key: KEY.to_owned() });
        }
        problems.or((provision, lifts))
    }
}

fn values_are_no_map() -> Problem {
    Problem::new("the values of a HelmRelease must be a map").hint("write KEY: VALUE below spec.values")
}

/// The outermost list around a value, or the value itself, with the keys that lead to it from `spec.values`.
fn subtree(tree: &Tree, value: NodeId) -> Option<(NodeId, Vec<String>)> {
    let root = tree.at(tree.root(), &["spec", "values"])?;
    let (mut at, mut subtree, mut keys) = (value, value, vec![]);
    while at != root {
        let parent = tree.parent(at)?;
        if tree.kind(parent) == Kind::Seq {
            subtree = parent;
            keys.clear();
        } else {
            let (key, _) = tree.entries(parent).into_iter().find(|(_, value)| *value == at)?;
            keys.insert(0, tree.key(key).into_owned());
        }
        at = parent;
    }
    (subtree != root).then_some((subtree, keys))
}

/// YAML of the subtrees at their places, with the references inside texts that are written as in JSON.
fn text<'t>(
    tree: &Tree,
    subtrees: &BTreeMap<NodeId, Vec<String>>,
    mut templates: BTreeMap<NodeId, Template<'t>>,
) -> Result<Template<'t>, Problem> {
    let nodes: Vec<NodeId> = templates.keys().copied().collect();
    // Marks stand at the places to fill; their colon makes the writer put them in quotes.
    let written = |mark: &str| {
        let marked = |node: NodeId| {
            let number = nodes.binary_search(&node).ok()?;
            Some(Value::text(format!("{mark}{number}:")))
        };
        let mut whole = Value::Map(vec![]);
        for (node, keys) in subtrees {
            put(&mut whole, keys, value(tree, *node, &marked));
        }
        whole.write(Syntax::Document)
    };
    let mark = foreign(&written(""));
    let written = written(&mark);
    let not_lifted = || Problem::new("internal: a value was not lifted").exit(Exit::Bug);
    let mut parts = vec![];
    let mut pieces = written.split(&mark);
    push(&mut parts, pieces.next().unwrap_or_default());
    for piece in pieces {
        let (number, rest) = piece.split_once(':').unwrap_or((piece, ""));
        let node = number.parse().ok().and_then(|number: usize| nodes.get(number));
        let template = node.and_then(|node| templates.remove(node)).ok_or_else(not_lifted)?;
        for part in template.into_parts() {
            match part {
                Part::Reference(reference) | Part::Escaped(reference) => parts.push(Part::Escaped(reference)),
                Part::Literal(literal) => {
                    push(&mut parts, &literal.text().map(escaped).unwrap_or_default());
                }
            }
        }
        push(&mut parts, rest);
    }
    templates.is_empty().then_some(Template::of(parts)).ok_or_else(not_lifted)
}

/// A word that stands nowhere in a text.
fn foreign(text: &str) -> String {
    let tails = text.split(WORD).skip(1).map(|rest| rest.len() - rest.trim_start_matches(TAIL).len());
    let tail = tails.max().map_or(0, |longest| longest + 1);
    [WORD, &String::from(TAIL).repeat(tail)].concat()
}

const WORD: &str = "mark";
const TAIL: char = 'x';

/// Literals that follow each other are one.
fn push(parts: &mut Vec<Part<'_>>, text: &str) {
    if let Some(Part::Literal(Opaque(last))) = parts.last_mut() {
        last.to_mut().extend_from_slice(text.as_bytes());
    } else if !text.is_empty() {
        parts.push(Part::Literal(Opaque(Cow::Owned(text.as_bytes().to_vec()))));
    }
}

/// A subtree as it is, but for what is marked.
fn value<'v>(tree: &'v Tree, node: NodeId, marked: &dyn Fn(NodeId) -> Option<Value<'static>>) -> Value<'v> {
    match tree.kind(node) {
        _ if marked(node).is_some() => marked(node).unwrap_or(Value::Null),
        Kind::Map => {
            let entries = tree.entries(node).into_iter();
            Value::map(entries.map(|(key, node)| (tree.key(key), value(tree, node, marked))))
        }
        Kind::Seq => Value::List(tree.items(node).map(|item| value(tree, item, marked)).collect()),
        Kind::Scalar => Value::of(tree, node),
    }
}

fn put<'v>(map: &mut Value<'v>, keys: &[String], new: Value<'v>) {
    let Some((key, below)) = keys.split_first() else {
        *map = new;
        return;
    };
    let mut inner = map.get(key).cloned().unwrap_or(Value::Map(vec![]));
    put(&mut inner, below, new);
    map.push(key.clone(), inner);
}
