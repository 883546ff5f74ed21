//! kustomize, for a repository that nobody trusts: no plugins, no functions, no charts, no downloads, and nothing above
//! what came with the folder.
//!
//! kustomize loads a URL wherever it loads a file (`api/internal/loader` of kubernetes-sigs/kustomize), and takes a folder
//! as a base wherever it lies. So both are looked for beforehand, in all that a build goes through.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Cause, refused};
use crate::error::{Problem, Problems};
use crate::hosts::kustomization::NAMES;
use crate::limits;
use crate::model::Source;
use crate::outside::files::{self, Kind};
use crate::yaml::{NodeId, Tree};

/// The arguments of a build that stays in the repository.
pub(super) fn arguments(folder: &Path, root: &Path) -> Result<Vec<String>, Problems> {
    let mut walk = Walk { root, seen: BTreeSet::new(), problems: Problems::default() };
    walk.folder(folder);
    // Without --enable-alpha-plugins, --enable-exec and --enable-helm, which nothing here can add
    walk.problems.or(["build", "--load-restrictor=LoadRestrictionsRootOnly", "."].map(str::to_owned).to_vec())
}

pub(super) const CAUSES: &[Cause] = &[
    (
        "external plugins disabled",
        "a function or plugin is listed, and none is run here",
        "take it out: sealref works on what is built, and needs no transformer here",
    ),
    ("must specify --enable-helm", "it inflates a Helm chart, which is not done here", "render the chart beforehand"),
    ("is not in or below", "a file lies above the folder that names it", "make its folder a base, and list that"),
    ("no such file or directory", "a file that is named is not there", "is it committed?"),
    ("evalsymlink failure", "a file that is named is not there", "is it committed?"),
    ("no matches for Id", "a patch or replacement finds no object", "compare its target with the objects' names"),
    ("failed to find unique target", "a patch finds no object", "compare its target with the objects' names"),
    ("may not add resource with an already registered id", "two objects have one name", "rename one, or patch it"),
    ("is empty", "the kustomization is empty", "list something under resources"),
    (
        "unknown field",
        "the kustomization has a field that kustomize does not know",
        "compare it with its documentation",
    ),
    ("yaml:", "a file is not valid YAML", "look for tabs, colons and quotes"),
    ("MalformedYAMLError", "a file is not valid YAML", "look for tabs, colons and quotes"),
];

/// Keys under which no name of a file stands, and URLs may.
const WORDS: &[&str] = &["annotations", "commonAnnotations", "commonLabels", "labels", "literals", "patch", "value"];

/// Lists of layers.
const LAYERS: &[&str] = &["resources", "bases", "components"];

/// Lists of configurations, which may name files too.
const CONFIGURATIONS: &[&str] = &["generators", "transformers", "validators"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Configuration,
    Layer,
}

struct Walk<'r> {
    root: &'r Path,
    seen: BTreeSet<PathBuf>,
    problems: Problems,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) {
        let file = NAMES.map(|name| folder.join(name)).into_iter().find(|file| files::kind(file) == Ok(Kind::File));
        let Some(file) = file.filter(|file| self.seen.insert(file.clone())) else { return };
        if let Err(problem) = self.kustomization(folder, &file) {
            self.problems.push(problem);
        }
    }

    fn kustomization(&mut self, folder: &Path, file: &Path) -> Result<(), Problem> {
        let source = self.file(file)?;
        for object in source.objects()? {
            let (piece, tree) = object?;
            let place = |node| format!("{}:{}", source.name, piece.line - 1 + tree.line(node));
            self.no_urls(&tree, &place);
            for key in tree.entries(tree.root()).into_iter().map(|(key, _)| key) {
                let name = tree.raw(key).unwrap_or_default();
                let other = |known: &&&str| known.eq_ignore_ascii_case(name) && **known != name;
                if let Some(known) = LAYERS.iter().chain(CONFIGURATIONS).find(other) {
                    let problem = Problem::new(format!("kustomize reads \"{name}\" as \"{known}\""));
                    self.problems.push(refused(problem.hint(format!("write {known}")).at(place(key))));
                }
            }
            let layers = LAYERS.iter().map(|key| (key, Entry::Layer));
            for (key, entry) in layers.chain(CONFIGURATIONS.iter().map(|key| (key, Entry::Configuration))) {
                let list = tree.get(tree.root(), key);
                for item in list.into_iter().flat_map(|list| tree.items(list)) {
                    let entry = self.entry(folder, tree.raw(item).unwrap_or_default(), entry);
                    self.problems.keep(entry.map_err(|problem| problem.at(place(item))));
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Path, text: &str, entry: Entry) -> Result<(), Problem> {
        if entry == Entry::Configuration && text.contains(['\n', '{']) {
            return self.configuration(&Source::new("an inline configuration", text.to_owned()));
        }
        let Ok(found) = files::resolve(&folder.join(text)) else {
            // A URL has been told of
            return if is_url(text) { Ok(()) } else { Err(absent(text)) };
        };
        if !found.starts_with(self.root) {
            let problem = Problem::new(format!("\"{text}\" leads out of the repository"));
            return Err(refused(problem.hint("list only what is committed")));
        }
        match files::kind(&found)? {
            Kind::Folder if entry == Entry::Configuration => {
                let problem = Problem::new(format!("\"{text}\" is a folder that builds configurations"));
                return Err(refused(problem.hint("list the files of the configurations themselves")));
            }
            Kind::Folder => self.folder(&found),
            Kind::File if entry == Entry::Configuration => self.configuration(&self.file(&found)?)?,
            Kind::File => {}
        }
        Ok(())
    }

    fn configuration(&mut self, source: &Source) -> Result<(), Problem> {
        for object in source.objects()? {
            let (piece, tree) = object?;
            self.no_urls(&tree, &|node| format!("{}:{}", source.name, piece.line - 1 + tree.line(node)));
        }
        Ok(())
    }

    fn file(&self, file: &Path) -> Result<Source, Problem> {
        let found = files::resolve(file)?;
        let name = found.strip_prefix(self.root).map_err(|_| {
            refused(Problem::new("a kustomization lies outside of the repository").hint("list only what is committed"))
        })?;
        Source::read(&name.to_string_lossy(), files::read_file(&found, limits::FILE)?)
    }

    fn no_urls(&mut self, tree: &Tree, place: &dyn Fn(NodeId) -> String) {
        // What is merged stands where it has another meaning
        let shared = tree.nodes().any(|node| tree.target(node) != node);
        let words = |node| tree.path(node).split(['.', '[', ']']).any(|step| WORDS.contains(&step));
        for node in tree.nodes().filter(|node| !tree.is_key(*node)) {
            if tree.bytes(node).is_some() {
                let problem = Problem::new("a text is written as !!binary, which hides what it names");
                self.problems.push(refused(problem.hint("write it as text").at(place(node))));
            }
            if tree.raw(node).is_some_and(is_url) && (shared || !words(node)) {
                self.problems.push(refused(
                    Problem::new("a URL is named, and nothing is downloaded")
                        .hint("commit what it leads to, and name the file or folder")
                        .at(place(node)),
                ));
            }
        }
    }
}

fn absent(text: &str) -> Problem {
    refused(Problem::new(format!("\"{text}\" is not in the repository, and nothing is downloaded")))
        .hint("is it committed? A remote base can be")
}

/// As kustomize sees it (`IsRemoteFile`), also behind the key of a file of a generator.
fn is_url(text: &str) -> bool {
    let begins = |text: &str| {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    };
    begins(text) || text.split_once('=').is_some_and(|(_, path)| begins(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_seen_as_kustomize_sees_it() {
        for url in ["http://x/y", "HTTPS://x", "https:x", "key=https://x", "http://127.0.0.1:8084/metrics"] {
            assert!(is_url(url), "{url}");
        }
        for file in ["base", "../http", "key=file", "httpd://x", "db.yaml", "a/https:x", ""] {
            assert!(!is_url(file), "{file}");
        }
    }
}
