//! Where two trees differ: every place, and no place that is the same in both.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Object;
use crate::error::Problem;
use crate::grammars::GRAMMARS;
use crate::model::{ManifestId, Part, Place, Template, unbase64};
use crate::steps::find::RESOLVE;
use crate::yaml::{Kind, NodeId, Tree};

/// A scalar, or a collection with nothing in it; it may be a secret.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'t> {
    tree: &'t Tree<'t>,
    node: NodeId,
}

impl Leaf<'_> {
    pub(super) fn text(&self) -> &str {
        self.tree.raw(self.node).unwrap_or_default()
    }

    /// The addresses in it, in order; none where it holds no reference.
    pub(super) fn references(&self) -> Vec<String> {
        let at = Place { manifest: ManifestId(0), node: self.node };
        let of = |text: &str| -> Vec<String> {
            let template = GRAMMARS.iter().find_map(|grammar| grammar.read(text, at, RESOLVE)).and_then(Result::ok);
            let parts = template.iter().flat_map(Template::parts);
            let address = |part: &Part| match part {
                Part::Reference(one) => Some(one.address.to_string()),
                Part::Escaped(_) | Part::Literal(_) => None,
            };
            parts.filter_map(address).collect()
        };
        let found = of(self.text());
        if !found.is_empty() {
            return found;
        }
        let decoded = unbase64(self.text().as_bytes());
        decoded.and_then(|bytes| std::str::from_utf8(&bytes).ok().map(of)).unwrap_or_default()
    }
}

/// A leaf that is not the same in both trees.
pub(super) struct Difference<'t> {
    path: Vec<Cow<'t, str>>,
    pub(super) old: Option<Leaf<'t>>,
    pub(super) new: Option<Leaf<'t>>,
    /// What it stands in at the third level, such as an item of `spec.data`, in each of the two.
    pub(super) member: Pair,
}

impl Difference<'_> {
    /// Keys; members of lists by their names where they have one, else by their numbers from 0.
    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(|step| &**step).collect()
    }
}

/// The same place in the old tree and in the new one.
type Pair = (Option<NodeId>, Option<NodeId>);

/// Every difference. `left` is how many places may still be visited: aliases make many of few.
pub(super) fn differences<'t>(
    old: &'t Object,
    new: &'t Object,
    left: &mut usize,
) -> Result<Vec<Difference<'t>>, Problem> {
    let group = new.identity.group();
    let mut walk =
        Walk { old: &old.tree, new: &new.tree, group, path: vec![], member: (None, None), found: vec![], left };
    let seen = walk.visit((Some(old.tree.root()), Some(new.tree.root())));
    let far = || Problem::new("aliases expand too far to be compared").hint("write the object out");
    seen.ok_or_else(|| far().at(new.identity.to_string()))?;
    Ok(walk.found)
}

struct Walk<'t, 'l> {
    old: &'t Tree<'t>,
    new: &'t Tree<'t>,
    group: &'t str,
    path: Vec<Cow<'t, str>>,
    member: Pair,
    found: Vec<Difference<'t>>,
    left: &'l mut usize,
}

impl<'t> Walk<'t, '_> {
    /// None: there were too many places. A tree is never deeper than `limits::DEPTH`, aliases followed.
    fn visit(&mut self, (old, new): Pair) -> Option<()> {
        if self.path.len() == MEMBER {
            self.member = (old, new);
        }
        let kind = match (old.map(|node| self.old.kind(node)), new.map(|node| self.new.kind(node))) {
            (Some(before), Some(after)) if before != after => {
                self.visit((old, None))?;
                return self.visit((None, new));
            }
            (before, after) => before.or(after)?,
        };
        *self.left = self.left.checked_sub(1)?;
        let below = match kind {
            Kind::Map => self.keys(old, new),
            Kind::Seq => self.members(old, new),
            Kind::Scalar => vec![],
        };
        let same = old.zip(new).is_some_and(|(old, new)| self.old.scalar(old) == self.new.scalar(new));
        if below.is_empty() && !same {
            self.differs(self.path.clone(), old, new);
        }
        for (step, pair) in below {
            self.path.push(step);
            self.visit(pair)?;
            self.path.pop();
        }
        Some(())
    }

    fn differs(&mut self, path: Vec<Cow<'t, str>>, old: Option<NodeId>, new: Option<NodeId>) {
        let old = old.map(|node| Leaf { tree: self.old, node });
        let new = new.map(|node| Leaf { tree: self.new, node });
        self.found.push(Difference { path, old, new, member: self.member });
    }

    fn keys(&self, old: Option<NodeId>, new: Option<NodeId>) -> Vec<(Cow<'t, str>, Pair)> {
        let (before, after) = (self.old, self.new);
        let mut below: BTreeMap<Cow<'t, str>, Pair> = BTreeMap::new();
        for (key, value) in old.map(|map| before.entries(map)).unwrap_or_default() {
            below.entry(before.key(key)).or_default().0 = Some(value);
        }
        for (key, value) in new.map(|map| after.entries(map)).unwrap_or_default() {
            below.entry(after.key(key)).or_default().1 = Some(value);
        }
        below.into_iter().collect()
    }

    /// By their names where both lists have them, else by their numbers.
    fn members(&mut self, old: Option<NodeId>, new: Option<NodeId>) -> Vec<(Cow<'t, str>, Pair)> {
        let items = |tree: &Tree, list: Option<NodeId>| -> Vec<NodeId> {
            list.map(|list| tree.items(list).collect()).unwrap_or_default()
        };
        let (before, after) = (items(self.old, old), items(self.new, new));
        let path: Vec<&str> = self.path.iter().map(|step| &**step).collect();
        let named = name_of_members(self.group, &path)
            .and_then(|field| named(self.old, &before, field).zip(named(self.new, &after, field)));
        let Some((names, names_after)) = named else {
            let pair = |number| (before.get(number).copied(), after.get(number).copied());
            let numbers = 0..before.len().max(after.len());
            return numbers.map(|number| (number.to_string().into(), pair(number))).collect();
        };
        let mut below: BTreeMap<Name, Pair> = BTreeMap::new();
        for (name, item) in names.iter().zip(before) {
            below.entry(*name).or_default().0 = Some(item);
        }
        for (name, item) in names_after.iter().zip(after) {
            below.entry(*name).or_default().1 = Some(item);
        }
        let stays = |name: &&Name| matches!(below.get(*name), Some((Some(_), Some(_))));
        if !names.iter().filter(stays).eq(names_after.iter().filter(stays)) {
            let mut path = self.path.clone();
            if let Some(last) = path.last_mut() {
                last.to_mut().push_str(" (order)");
            }
            self.differs(path, old, new);
        }
        below.into_iter().map(|(name, pair)| (step(name), pair)).collect()
    }
}

/// The level of the items of `spec.data`.
const MEMBER: usize = 3;

/// A name, and the how manieth of that name in its list, from 1.
type Name<'t> = (&'t str, usize);

/// None where a member has no name.
fn named<'t>(tree: &'t Tree, members: &[NodeId], field: &str) -> Option<Vec<Name<'t>>> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let name = |member: &NodeId| {
        let name = tree.text(tree.get(*member, field)?)?;
        let number = known.entry(name).or_default();
        *number += 1;
        Some((name, *number))
    };
    members.iter().map(name).collect()
}

fn step((name, number): Name<'_>) -> Cow<'_, str> {
    if number == 1 { name.into() } else { format!("{name}#{number}").into() }
}

/// The field that names the members of a list: where the Kubernetes API or External Secrets say that it is a name.
/// Everywhere else a field that is called so may hold a value, and no path may show one.
fn name_of_members(group: &str, path: &[&str]) -> Option<&'static str> {
    let runs_pods = ["", "apps", "apps.openshift.io", "argoproj.io", "batch"].contains(&group);
    let is_pod = |path: &[&str]| path.iter().all(|step| ["jobTemplate", "spec", "template"].contains(step));
    match path {
        ["spec", "data"] if group == "external-secrets.io" => Some("secretKey"),
        [pod @ .., "containers" | "ephemeralContainers" | "initContainers", _, "env"]
        | [pod @ .., "containers" | "ephemeralContainers" | "initContainers" | "volumes"]
            if runs_pods && is_pod(pod) =>
        {
            Some("name")
        }
        _ => None,
    }
}
