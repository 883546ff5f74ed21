//! Manifests to references with their places, and to the inventory of what the stream holds.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::error::{Problem, Problems};
use crate::grammars::{GRAMMARS, Resolve};
use crate::model::{Identity, Inventory, ManifestId, Place, Stream, Template};
use crate::sites::SITES;
use crate::sources;
use crate::yaml::{Kind, NodeId, Tree};

mod inventory;

use inventory::Uses;

/// A value at a site, read.
pub struct Found<'t> {
    /// Where it stands.
    pub place: Place,
    /// The name of the site.
    pub site: &'static str,
    /// The key it has, or will have, in a Secret.
    pub key: String,
    /// What it says.
    pub template: Template<'t>,
    /// True where a grammar found something in it, if only an escape.
    pub referring: bool,
}

/// What `find` gives.
pub struct Findings<'t> {
    /// The values of Secrets, and every other value at a site that holds a reference.
    pub values: Vec<Found<'t>>,
    /// What is where.
    pub inventory: Inventory,
}

/// Marks an object that sealref leaves alone.
pub const IGNORE: &str = "sealref.dev/ignore";

/// Finds everything in one walk over the manifests that hold a marker.
pub fn find<'t>(stream: &'t Stream<'_>) -> Result<Findings<'t>, Problems> {
    let read: Vec<_> = stream.read().collect();
    let each: Vec<(Vec<Found>, Problems)> = read
        .par_iter()
        .map(|(id, tree, identity)| {
            let mut problems = Problems::default();
            let found = find_in(stream, *id, tree, identity, &mut problems);
            (found, problems)
        })
        .collect();
    let (mut values, mut problems) = (vec![], Problems::default());
    values.reserve_exact(each.iter().map(|(found, _)| found.len()).sum());
    for (found, wrong) in each {
        values.extend(found);
        problems.extend(wrong);
    }
    let inventory = inventory::take(stream, Uses::Skipped, &mut problems);
    problems.or(Findings { values, inventory })
}

/// The inventory alone, for a stream that is only checked.
pub fn inventory_of(stream: &Stream) -> Result<Inventory, Problems> {
    let mut problems = Problems::default();
    let inventory = inventory::take(stream, Uses::Taken, &mut problems);
    problems.or(inventory)
}

fn find_in<'t>(
    stream: &Stream,
    id: ManifestId,
    tree: &'t Tree,
    identity: &Identity,
    problems: &mut Problems,
) -> Vec<Found<'t>> {
    let mut found = vec![];
    if ignored(tree) || is_sops(tree) {
        return found;
    }
    let mut covered = vec![];
    for site in SITES.iter().filter(|site| site.covers(identity)) {
        for spot in site.find(tree, identity) {
            covered.push(spot.node);
            let place = Place { manifest: id, node: spot.node };
            let read = spot.value.and_then(|value| template(value, place));
            match read.map_err(|problem| problem.at(stream.tell(place))) {
                Err(problem) => problems.push(problem),
                Ok((template, referring)) => {
                    if site.replaces() || referring {
                        found.push(Found { place, site: site.name(), key: spot.key, template, referring });
                    }
                }
            }
        }
    }
    let said = tree.said().as_bytes();
    if GRAMMARS.iter().any(|grammar| memchr::memmem::find(said, grammar.marker().as_bytes()).is_some()) {
        covered.sort_unstable();
        misplaced(stream, id, tree, identity, &covered, problems);
    }
    found
}

/// The template of a value; bytes that are no text hold no reference.
fn template(value: Cow<'_, [u8]>, place: Place) -> Result<(Template<'_>, bool), Problem> {
    match value {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes).ok().and_then(|text| ask(text, place)) {
            Some(template) => Ok((template?, true)),
            None => Ok((Template::literal(Cow::Borrowed(bytes)), false)),
        },
        Cow::Owned(bytes) => match std::str::from_utf8(&bytes).ok().and_then(|text| ask(text, place)) {
            Some(template) => Ok((template?.into_owned(), true)),
            None => Ok((Template::literal(Cow::Owned(bytes)), false)),
        },
    }
}

/// The first grammar that finds something in a text has it.
fn ask(text: &str, place: Place) -> Option<Result<Template<'_>, Problem>> {
    GRAMMARS.iter().find_map(|grammar| grammar.read(text, place, RESOLVE))
}

/// Does a text hold a reference, or nearly one? An escape is none.
pub(super) fn refers(text: &str, place: Place) -> bool {
    ask(text, place).is_some_and(|read| read.map_or(true, |template| !template.is_literal()))
}

/// The sources, as grammars see them.
pub(super) const RESOLVE: Resolve<'static> =
    Resolve { known: &|scheme| sources::find(scheme).is_some(), address: &sources::resolve };

fn misplaced(
    stream: &Stream,
    id: ManifestId,
    tree: &Tree,
    identity: &Identity,
    covered: &[NodeId],
    problems: &mut Problems,
) {
    for node in tree.nodes() {
        if covered.binary_search(&node).is_ok() || tree.kind(node) != Kind::Scalar {
            continue;
        }
        let Some(text) = tree.raw(node) else { continue };
        let place = Place { manifest: id, node };
        match ask(text, place) {
            None => {}
            // Annotations that ask us something hold references on purpose; plan reads them.
            Some(_) if asks_us(tree, node) => {}
            Some(Ok(template)) if template.is_literal() => {}
            Some(Ok(_)) => problems.push(refusal(tree, node, identity).at(stream.tell(place))),
            Some(Err(problem)) => problems.push(problem.at(stream.tell(place))),
        }
    }
}

fn refusal(tree: &Tree, node: NodeId, identity: &Identity) -> Problem {
    let path = tree.path(node);
    if tree.is_key(node) {
        return Problem::new("a reference cannot be a key").hint("write the key, and the reference as its value");
    }
    let hint = match (identity.group(), identity.kind.as_str()) {
        ("", "Secret") => "references stand under stringData or data",
        ("", "ConfigMap") => "move the value to a Secret; ConfigMaps are readable by many",
        _ if path.contains("containers[") => {
            "give the container an env variable with the reference, and use $(NAME) here"
        }
        ("helm.toolkit.fluxcd.io", "HelmRelease") => "put the values into a Secret, and name it in spec.valuesFrom",
        _ => {
            "put the reference into a Secret and name that here, or annotate the object with sealref.dev/ignore: \"true\""
        }
    };
    Problem::new("a reference cannot stand here").hint(hint)
}

/// `sealref.dev/ignore: "true"`.
pub(super) fn ignored(tree: &Tree) -> bool {
    annotation(tree, IGNORE) == Some("true")
}

/// A Secret manifest that SOPS has encrypted is judged by `plan`, not read as values.
pub(super) fn is_sops(tree: &Tree) -> bool {
    tree.at(tree.root(), &["sops", "mac"]).is_some()
}

pub(super) fn annotation<'t>(tree: &'t Tree, name: &str) -> Option<&'t str> {
    tree.at(tree.root(), &["metadata", "annotations", name]).and_then(|node| tree.text(node))
}

fn asks_us(tree: &Tree, node: NodeId) -> bool {
    let annotations = tree.at(tree.root(), &["metadata", "annotations"]);
    annotations.is_some_and(|map| {
        tree.entries(map).into_iter().any(|(key, value)| value == node && tree.key(key).starts_with("sealref.dev/"))
    })
}
