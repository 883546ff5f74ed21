//! Manifests to references with their places, and to the inventory of what the stream holds.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::error::{Problem, Problems};
use crate::grammars::{GRAMMARS, Grammar, Resolve};
use crate::hosts::Reading;
use crate::model::{Identity, Inventory, Item, ManifestId, Place, Stream, Template, ignored};
use crate::settings::{ConfigMaps, HelmReleases, Settings};
use crate::sites::{self, Takes};
use crate::sources;
use crate::yaml::{Kind, NodeId, Scalar, Times, Tree};

pub mod consumers;
mod encrypted;
mod inventory;

use encrypted::Envelope;
pub(in crate::steps) use encrypted::is_sops;
use inventory::Uses;

/// What `find` gives.
pub struct Findings<'t> {
    /// For each manifest that is read: the values of a Secret, or every value at a site that holds a reference.
    pub values: Vec<Vec<Item<'t>>>,
    /// What is where.
    pub inventory: Inventory<'t>,
}

/// Names whole secrets whose every property becomes a key, a reference a line.
pub const DATA_FROM: &str = "sealref.dev/data-from";

/// Finds everything in one walk over the manifests that hold a marker.
pub fn find<'t>(stream: &'t Stream<'_>, reading: Reading, settings: &Settings) -> Result<Findings<'t>, Problems> {
    let mut problems = Problems::default();
    let values = problems.keep(values(stream, reading, Some(settings))).unwrap_or_default();
    let is_config_map = |identity| sites::of(identity).is_some_and(|site| site.name() == sites::CONFIG_MAP);
    let promotes =
        || stream.read().zip(&values).any(|((.., object), items)| !items.is_empty() && is_config_map(object));
    let uses = if settings.reloads() || settings.follows() && promotes() {
        Uses::Taken(&settings.consumers)
    } else {
        Uses::Skipped
    };
    let inventory = inventory::take(stream, uses, &mut problems);
    problems.or(Findings { values, inventory })
}

/// The values alone, for each manifest that is read; without settings wherever they stand.
pub fn values<'t>(
    stream: &'t Stream<'_>,
    reading: Reading,
    settings: Option<&Settings>,
) -> Result<Vec<Vec<Item<'t>>>, Problems> {
    let read: Vec<_> = stream.read().collect();
    let each: Vec<(Vec<Item>, Problems)> = read
        .par_iter()
        .map(|(id, tree, identity)| {
            let mut problems = Problems::default();
            let found = find_in(stream, *id, (tree, identity), (reading, settings), &mut problems);
            (found, problems)
        })
        .collect();
    let (values, wrong): (_, Vec<Problems>) = each.into_iter().unzip();
    let mut problems = Problems::default();
    for wrong in wrong {
        problems.extend(wrong);
    }
    problems.or(values)
}

/// The inventory alone, for a stream that is only checked.
pub fn inventory_of<'t>(stream: &'t Stream, settings: &Settings) -> Result<Inventory<'t>, Problems> {
    let mut problems = Problems::default();
    let inventory = inventory::take(stream, Uses::Taken(&settings.consumers), &mut problems);
    problems.or(inventory)
}

/// Why no reference may stand at a site that the settings open, and have not opened.
fn denied(site: &str, settings: &Settings) -> Option<(&'static str, &'static str)> {
    match site {
        sites::CONFIG_MAP if settings.config_maps == ConfigMaps::Deny => Some((
            "a reference stands in a ConfigMap, which many may read",
            "move the value to a Secret, or let ConfigMaps become Secrets in the settings: configMaps: Promote",
        )),
        sites::HELM_VALUES if settings.helm_releases == HelmReleases::Deny => Some((
            "a reference stands in the values of a HelmRelease",
            "put the values into a Secret and name it in spec.valuesFrom, or let that be done: helmReleases: Lift in the settings",
        )),
        _ => None,
    }
}

fn find_in<'t>(
    stream: &Stream,
    id: ManifestId,
    (tree, identity): (&'t Tree, &Identity),
    (reading, settings): (Reading, Option<&Settings>),
    problems: &mut Problems,
) -> Vec<Item<'t>> {
    let mut items = vec![];
    if ignored(tree) {
        return items;
    }
    if let Some(problem) = encrypted::wholly(tree, identity) {
        // Its name would be ciphertext.
        problems.push(problem.at(stream.get(id).map(|manifest| stream.tell_line(manifest, 1)).unwrap_or_default()));
        return items;
    }
    let mut covered = vec![];
    if let Some(site) = sites::of(identity) {
        let mut spots = site.find(tree, identity);
        covered.extend(spots.iter().map(|spot| spot.node));
        let envelope = identity.is("", "Secret").then(|| Envelope::of(tree, identity, &mut spots));
        let hollow = envelope.as_ref().and_then(|envelope| envelope.hollow(&spots));
        if let (Some(problem), Reading::References) = (hollow, reading) {
            problems.push(problem.at(stream.tell_object(id)));
            spots.clear();
        }
        if site.takes() != Takes::Referring {
            items.reserve_exact(spots.len());
        }
        let mut is_read = false;
        for spot in spots {
            let place = Place { manifest: id, node: spot.node };
            let sealed = envelope.as_ref().and_then(|envelope| envelope.address(&spot));
            let read = match (reading, sealed) {
                (Reading::References, Some(address)) => address.map(|address| Template::reference(place, address)),
                (Reading::References, None) => spot.value.and_then(|value| template(value, place)),
                (Reading::Verbatim, Some(_)) => Err(still_encrypted()),
                (Reading::Verbatim, None) => spot.value.map(Template::literal),
            };
            match read.map_err(|problem| problem.at(stream.tell(place))) {
                Err(problem) => problems.push(problem),
                Ok(template) => {
                    is_read |= template.is_read();
                    if template.is_read() || site.takes() != Takes::Referring {
                        items.push(Item { key: spot.key, place, template });
                    }
                }
            }
        }
        if site.takes() == Takes::AllOrNone && !is_read {
            items = vec![];
        }
        if let Some((message, hint)) = settings.and_then(|settings| denied(site.name(), settings)) {
            for item in items.iter().filter(|item| !item.template.is_literal()) {
                problems.push(Problem::new(message).hint(hint).at(stream.tell(item.place)));
            }
        }
    }
    let said = tree.said().as_bytes();
    // An escape or a tag may hide a marker from a search of the bytes.
    let hidden = |grammar: &&dyn Grammar| memchr::memmem::find(said, grammar.marker().as_bytes()).is_some();
    let may_refer = memchr::memchr2(b'\\', b'!', said).is_some() || GRAMMARS.iter().any(hidden);
    if reading == Reading::References && may_refer {
        covered.sort_unstable();
        let is_secret = identity.is("", "Secret");
        let beside = Beside { stream, id, tree, identity, is_secret, covered: &covered };
        beside.misplaced(beside.shared(&items), problems);
    }
    items
}

/// The template of a value; bytes that are no text hold no reference.
fn template(value: Cow<'_, [u8]>, place: Place) -> Result<Template<'_>, Problem> {
    match value {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes).ok().and_then(|text| ask(text, place)) {
            Some(template) => template,
            None => Ok(Template::literal(Cow::Borrowed(bytes))),
        },
        Cow::Owned(bytes) => match std::str::from_utf8(&bytes).ok().and_then(|text| ask(text, place)) {
            Some(template) => Ok(template?.into_owned()),
            None => Ok(Template::literal(Cow::Owned(bytes))),
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

/// What stands beside the site of an object, and may not hold references.
struct Beside<'b, 's> {
    stream: &'b Stream<'s>,
    id: ManifestId,
    tree: &'b Tree<'b>,
    identity: &'b Identity,
    is_secret: bool,
    /// What stands at the site, in order: a place once for each time that it stands there.
    covered: &'b [NodeId],
}

impl Beside<'_, '_> {
    /// What aliases bring from the site to other places too: with the one the others would change.
    fn shared<'i, 't>(&self, items: &'i [Item<'t>]) -> BTreeMap<NodeId, &'i Template<'t>> {
        let Some(mut times) = Times::of(self.tree) else { return BTreeMap::new() };
        let at_site = |node| {
            let before = self.covered.partition_point(|spot| *spot < node);
            self.covered.partition_point(|spot| *spot <= node) - before
        };
        // A Secret is replaced as a whole: its escapes change nowhere else
        let edited = |item: &&Item| item.template.is_read() && !(self.is_secret && item.template.is_literal());
        let places = items.iter().filter(edited).map(|item| (item.place.node, &item.template));
        places.filter(|(node, _)| times.each(*node) > at_site(*node)).collect()
    }

    /// Refuses what aliases share with other places, and every reference that does not stand at the site.
    fn misplaced(&self, mut shared: BTreeMap<NodeId, &Template>, problems: &mut Problems) {
        let tree = self.tree;
        let mut tell = |node, problem: Problem| {
            problems.push(problem.at(self.stream.tell(Place { manifest: self.id, node })));
        };
        // The annotation that names whole secrets holds references on purpose; plan reads it.
        let data_from = tree.at(tree.root(), &["metadata", "annotations", DATA_FROM]);
        let data_from = data_from.filter(|_| self.is_secret);
        let mut told = BTreeSet::new();
        for node in tree.nodes() {
            if self.covers(node) || tree.kind(node) != Kind::Scalar || data_from == Some(node) {
                continue;
            }
            let decoded = || tree.scalar(node).and_then(text_of);
            let Some(text) = tree.text(node).or_else(decoded).or_else(|| tree.raw(node)) else { continue };
            let target = tree.target(node);
            let is_shared = shared.contains_key(&target);
            match ask(text, Place { manifest: self.id, node }) {
                Some(Ok(template)) if is_shared => {
                    told.insert(target);
                    tell(node, behind_an_alias(&template));
                }
                Some(Ok(template)) if template.is_literal() => {}
                Some(Ok(_)) if !self.covers(target) => tell(node, refusal(tree, node, self.identity)),
                // What is lifted is lifted where it is written
                Some(Ok(template)) if !self.is_secret => tell(node, behind_an_alias(&template)),
                None | Some(Ok(_)) => {}
                Some(Err(problem)) => tell(node, problem),
            }
        }
        shared.retain(|node, _| !told.contains(node));
        for (node, template) in shared {
            tell(node, behind_an_alias(template));
        }
    }

    /// Does the site name this place?
    fn covers(&self, node: NodeId) -> bool {
        self.covered.binary_search(&node).is_ok()
    }
}

/// Why what a grammar has read may not stand at several places.
pub(super) fn behind_an_alias(template: &Template) -> Problem {
    let what = if template.is_literal() { "an escape" } else { "a reference" };
    Problem::new(format!("{what} stands behind an alias")).hint("write it out at each place")
}

fn refusal(tree: &Tree, node: NodeId, identity: &Identity) -> Problem {
    let path = tree.path(node);
    if tree.is_key(node) {
        return Problem::new("a reference cannot be a key").hint("write the key, and the reference as its value");
    }
    let hint = match (identity.group(), identity.kind.as_str()) {
        ("", "Secret") => "references stand under stringData or data",
        ("", "ConfigMap") => "move the value to a Secret; ConfigMaps are readable by many",
        _ if path.contains("ontainers[") => {
            "give the container an env variable with the reference, and use $(NAME) here"
        }
        _ => {
            "put the reference into a Secret and name that here, or annotate the object with sealref.dev/ignore: \"true\""
        }
    };
    Problem::new("a reference cannot stand here").hint(hint)
}

fn still_encrypted() -> Problem {
    Problem::new("the value is encrypted with SOPS").hint("`sealref render` reads it, and seals what is in it")
}

/// What a `!!binary` scalar decodes to.
fn text_of(scalar: Scalar<'_>) -> Option<&str> {
    match scalar {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}
