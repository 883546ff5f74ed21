//! What Flux does to a stream before it applies it, as its Kustomization says: it takes the stream for the resources of
//! a kustomization, builds that, and then fills in variables and adds common metadata.
//!
//! Source: `kustomize_generator.go` and `kustomize_varsub.go` of fluxcd/pkg/kustomize, `api/v1` of
//! fluxcd/kustomize-controller.

use std::path::Path;

use regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::{Afterwards, Change, Selects, Source};
use crate::outside::files;
use crate::yaml::{self, Kind, NodeId, Tree};

const GROUP: &str = "kustomize.toolkit.fluxcd.io";
const VERSION: &str = "kustomize.toolkit.fluxcd.io/v1";
const KIND: &str = "Kustomization";

/// What matters of a Kustomization; the rest is not for the objects.
#[derive(Deserialize)]
struct Kustomization {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    target_namespace: Option<String>,
    name_prefix: Option<String>,
    name_suffix: Option<String>,
    patches: Option<Vec<Patch>>,
    components: Option<Vec<IgnoredAny>>,
    common_metadata: Option<CommonMetadata>,
    post_build: Option<PostBuild>,
}

#[derive(Deserialize)]
struct Patch {
    patch: String,
    target: Option<Target>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Target {
    group: String,
    version: String,
    kind: String,
    name: String,
}

#[derive(Deserialize)]
struct CommonMetadata {
    annotations: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostBuild {
    substitute_strategy: Option<String>,
    substitute: Option<Map<String, Value>>,
    substitute_from: Option<Vec<IgnoredAny>>,
}

/// What the one Kustomization in a file does. Beside it may stand what Flux takes the stream from.
///
/// # Errors
/// The file cannot be read, holds none or several of them, or is none that the API server would take.
pub fn read(path: &Path) -> Result<Afterwards, Problems> {
    let source = Source::read(&path.to_string_lossy(), files::read_file(path, limits::SETTINGS)?)?;
    let (mut read, mut others) = (None, false);
    for object in source.objects()? {
        let (piece, tree) = object?;
        let said = |key| tree.get(tree.root(), key).and_then(|node| tree.text(node)).unwrap_or_default();
        let (version, kind) = (said("apiVersion"), said("kind"));
        if kind != KIND || version.split('/').next() != Some(GROUP) {
            others |= kind == KIND;
            continue;
        }
        let at = |problem: Problem| problem.at(format!("{}:{}", source.name, piece.line));
        if version != VERSION {
            let problem = Problem::new("the Kustomization has a version that is not read");
            return Err(at(problem.hint(format!("apiVersion: {VERSION}, which Flux has since 2.0"))).into());
        }
        if read.is_some() {
            let hint = "name a file with the one that applies this stream";
            return Err(at(Problem::new("the file holds a second Kustomization of Flux").hint(hint)).into());
        }
        read = Some(Reader { source: &source, line: piece.line, tree: &tree }.read()?);
    }
    read.ok_or_else(|| {
        let hint = if others {
            "the Kustomization in it is that of kustomize, which is built beforehand; that of Flux says which stream it applies"
        } else {
            "it is the object that applies the stream: flux get kustomizations"
        };
        Problem::new("no Kustomization of Flux is in the file").hint(hint).at(source.name.clone()).into()
    })
}

struct Reader<'r, 's> {
    source: &'r Source,
    /// Where the object begins in its file.
    line: usize,
    tree: &'r Tree<'s>,
}

impl Reader<'_, '_> {
    fn read(&self) -> Result<Afterwards, Problems> {
        let tree = self.tree;
        let read: Kustomization = yaml::read(tree, tree.root()).map_err(|mistake| {
            let place = self.place(mistake.line, &mistake.path);
            let hint = mistake.hint.unwrap_or_else(|| "see the API reference of Flux's Kustomization".to_owned());
            Problem::new(mistake.message).hint(hint).at(place)
        })?;
        let Spec { target_namespace, name_prefix, name_suffix, patches, components, common_metadata, post_build } =
            read.spec;
        let mut problems = Problems::default();
        if let Some(namespace) = target_namespace.as_deref().filter(|namespace| !is_label(namespace)) {
            let hint = if namespace.contains('$') {
                "give the Kustomization as the cluster has it, with its own variables filled in"
            } else {
                "lower-case letters, digits and dashes, at most 63"
            };
            let problem = Problem::new(format!("\"{namespace}\" cannot be a namespace")).hint(hint);
            problems.push(problem.at(self.at(&["spec", "targetNamespace"])));
        }
        let mut changes = vec![];
        for (field, set) in [("namePrefix", name_prefix), ("nameSuffix", name_suffix)] {
            if set.is_some_and(|text| !text.is_empty()) {
                changes.push(self.everywhere(&["spec", field], &["metadata", "name"]));
            }
        }
        let listed = tree.at(tree.root(), &["spec", "patches"]);
        let nodes = listed.into_iter().flat_map(|list| tree.items(list));
        for (patch, node) in patches.into_iter().flatten().zip(nodes) {
            changes.extend(problems.keep(self.patch(&patch, node).map_err(Problems::from)).unwrap_or_default());
        }
        if components.is_some_and(|listed| !listed.is_empty()) {
            let problem =
                Problem::new("components are built into the stream by Flux, and what they change is not known")
                    .hint("list them in the kustomization that is built and piped into sealref");
            problems.push(problem.at(self.at(&["spec", "components"])));
        }
        let common = ["spec", "commonMetadata", "annotations"];
        for name in common_metadata.and_then(|common| common.annotations).unwrap_or_default().keys() {
            changes.push(self.everywhere(&common, &["metadata", "annotations", name]));
        }
        let fills_in = post_build.is_some_and(|build| {
            build.substitute.is_some_and(|variables| !variables.is_empty())
                || build.substitute_from.is_some_and(|sources| !sources.is_empty())
                || build.substitute_strategy.as_deref() == Some("Always")
        });
        problems.or(Afterwards { namespace: target_namespace, changes, fills_in })
    }

    /// `apps.yaml:12, spec.patches[0]`.
    fn place(&self, line: usize, path: &str) -> String {
        let separator = if path.is_empty() { "" } else { ", " };
        format!("{}:{}{separator}{path}", self.source.name, self.line + line.saturating_sub(1))
    }

    fn at(&self, path: &[&str]) -> String {
        let node = self.tree.at(self.tree.root(), path).unwrap_or(self.tree.root());
        self.place(self.tree.line(node), &self.tree.path(node))
    }

    fn everywhere(&self, written: &[&str], path: &[&str]) -> Change {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        Change { place: self.at(written), selects: Selects::default(), paths: vec![path] }
    }

    /// What a patch changes: one entry for each object that it is written for.
    fn patch(&self, patch: &Patch, node: NodeId) -> Result<Vec<Change>, Problem> {
        let place = self.place(self.tree.line(node), &self.tree.path(node));
        let wrong = |what: &str| {
            Problem::new(what.to_owned())
                .hint("a strategic merge patch is an object, a JSON patch a list of op and path")
                .at(place.clone())
        };
        let target = patch.target.as_ref().map(Target::selects).transpose().map_err(|what| wrong(&what))?;
        let text = Source::new("", patch.patch.clone());
        let unread = |_: Problem| wrong("the patch cannot be read as YAML or JSON");
        let mut changes = vec![];
        let mut operations = vec![];
        for object in text.objects().map_err(unread)? {
            let (_, tree) = object.map_err(unread)?;
            let root = tree.root();
            let listed = match tree.kind(root) {
                Kind::Map if tree.get(root, "op").is_none() => {
                    let mut paths = vec![];
                    merged(&tree, root, &mut vec![], &mut paths);
                    let selects = target.clone().unwrap_or_else(|| of_object(&tree));
                    changes.push(Change { place: place.clone(), selects, paths });
                    continue;
                }
                Kind::Map => vec![root],
                Kind::Seq => tree.items(root).collect(),
                Kind::Scalar if tree.is_empty() => continue,
                Kind::Scalar => return Err(wrong("the patch is neither an object nor a list")),
            };
            for one in listed {
                operation(&tree, one, &mut operations).ok_or_else(|| wrong("an operation has no op or no path"))?;
            }
        }
        if !operations.is_empty() {
            changes.push(Change { place: place.clone(), selects: target.unwrap_or_default(), paths: operations });
        }
        Ok(changes)
    }
}

impl Target {
    /// Every field is a pattern for the whole text. Source: `NewSelectorRegex` in `api/types` of kustomize.
    fn selects(&self) -> Result<Selects, String> {
        let pattern = |text: &str| match text {
            "" => Ok(None),
            text => Regex::new(&format!("^(?:{text})$"))
                .map(Some)
                .map_err(|_| "the target of the patch holds what is no regular expression".to_owned()),
        };
        Ok(Selects {
            group: pattern(&self.group)?,
            version: pattern(&self.version)?,
            kind: pattern(&self.kind)?,
            name: pattern(&self.name)?,
        })
    }
}

/// A strategic merge patch without a target is for the object that it names.
fn of_object(tree: &Tree) -> Selects {
    let said = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node)).unwrap_or_default();
    let exactly = |text: &str| Regex::new(&format!("^{}$", regex::escape(text))).ok();
    let version = said(&["apiVersion"]);
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    Selects {
        group: exactly(group),
        version: exactly(version),
        kind: exactly(said(&["kind"])),
        name: exactly(said(&["metadata", "name"])),
    }
}

/// The paths that a strategic merge patch sets or takes away. What it is written for is no change.
fn merged(tree: &Tree, node: NodeId, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    if tree.kind(node) != Kind::Map {
        let written: Vec<&str> = path.iter().map(String::as_str).collect();
        if !matches!(written[..], ["apiVersion" | "kind"] | ["metadata", "name" | "namespace"]) {
            paths.push(path.clone());
        }
        return;
    }
    for (key, value) in tree.entries(node) {
        if tree.key(key) == "$patch" {
            paths.push(path.clone());
            continue;
        }
        path.push(tree.key(key).into_owned());
        merged(tree, value, path, paths);
        path.pop();
    }
}

/// What an operation of a JSON patch changes: JSON pointers (RFC 6901), by RFC 6902.
fn operation(tree: &Tree, node: NodeId, paths: &mut Vec<Vec<String>>) -> Option<()> {
    let said = |key| tree.get(node, key).and_then(|node| tree.text(node));
    let pointer = |text: &str| -> Vec<String> {
        text.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
    };
    let path = said("path")?;
    match said("op")? {
        "test" => {}
        "move" => paths.extend([pointer(path), pointer(said("from")?)]),
        _ => paths.push(pointer(path)),
    }
    Some(())
}

/// RFC 1123, as namespaces have it.
fn is_label(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c != '-');
    let letters = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (1..=63).contains(&text.len()) && letters && ends(text.chars().next()) && ends(text.chars().last())
}
