//! The kustomizations below one that a user names, read without building anything.
//!
//! Entries that are no folder or file here (remote bases) are passed over: nothing is fetched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::krm::kind;
use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::{Kustomization, Layered, Role, Source, Transformer};
use crate::outside::files::{self, Kind, Recursive};
use crate::settings::Transform;
use crate::yaml::{NodeId, Scalar, Syntax, Tree};

/// What kustomize calls its files. Source: `api/konfig` of kubernetes-sigs/kustomize.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Every kustomization that a build of a folder reads, the outermost first.
pub fn read(folder: &Path) -> Result<Vec<Kustomization>, Problems> {
    let mut walk = Walk { seen: BTreeSet::new(), found: vec![], problems: Problems::default() };
    walk.folder(folder, Role::Outermost);
    if walk.problems.is_empty() && walk.found.is_empty() {
        let hint = "name the folder that you build";
        walk.problems.push(Problem::new("no kustomization is in the folder").hint(hint).at(folder.to_string_lossy()));
    }
    walk.problems.or(walk.found)
}

struct Walk {
    seen: BTreeSet<PathBuf>,
    found: Vec<Kustomization>,
    problems: Problems,
}

impl Walk {
    fn folder(&mut self, folder: &Path, role: Role) {
        let here = files::resolve(folder).ok().filter(|here| self.seen.insert(here.clone()));
        let files = NAMES.map(|name| folder.join(name));
        let file = files.iter().find(|file| is(file, Kind::File)).filter(|_| here.is_some());
        let read = file.map(|file| self.kustomization(folder, file, role));
        if let Some(Err(problem)) = read {
            self.problems.push(problem);
        }
    }

    fn kustomization(&mut self, folder: &Path, file: &Path, role: Role) -> Result<(), Problem> {
        let source = Source::read(&file.to_string_lossy(), files::read_file(file, limits::SETTINGS)?)?;
        let tree = Tree::parse(&source.text, Syntax::Document).map_err(|fault| source.problem(fault))?;
        let listed = |key: &'static str| {
            let list = tree.get(tree.root(), key);
            list.into_iter().flat_map(|list| tree.items(list)).filter_map(|item| Some((item, tree.text(item)?)))
        };
        let transformers = listed("transformers").map(|(item, text)| transformer(folder, &tree, item, text));
        let transformers = transformers.collect::<Result<_, _>>()?;
        self.found.push(Kustomization { name: source.name.clone(), role, transformers });
        for (key, role) in [("resources", Role::Base), ("bases", Role::Base), ("components", Role::Component)] {
            for (_, name) in listed(key) {
                self.folder(&folder.join(name), role);
            }
        }
        Ok(())
    }
}

fn transformer(folder: &Path, tree: &Tree, item: NodeId, text: &str) -> Result<Transformer, Problem> {
    let inline = text.contains(['\n', '{']);
    let path = folder.join(text);
    let ours = if inline {
        ours(&Source::new("an inline transformer", text.to_owned()))?
    } else if is(&path, Kind::File) {
        in_file(&path)?
    } else if is(&path, Kind::Folder) {
        // What is built there is a transformer; looked for in its files
        let files = files::list(&path, Recursive::No)?;
        files.iter().map(|file| in_file(file)).find_map(Result::transpose).transpose()?
    } else {
        None
    };
    Ok(Transformer { line: tree.line(item), inline, ours })
}

fn in_file(path: &Path) -> Result<Option<Layered>, Problem> {
    ours(&Source::read(&path.to_string_lossy(), files::read_file(path, limits::SETTINGS)?)?)
}

/// Settings of ours among the documents of a file.
fn ours(source: &Source) -> Result<Option<Layered>, Problem> {
    for object in source.objects()? {
        let (_, tree) = object?;
        if kind(&tree, tree.root()) == Some(Transform::KIND) {
            let layered = tree.at(tree.root(), &["spec", "layered"]).and_then(|node| tree.scalar(node));
            return Ok(Some(if layered == Some(Scalar::Bool(true)) { Layered::Yes } else { Layered::No }));
        }
    }
    Ok(None)
}

fn is(path: &Path, kind: Kind) -> bool {
    files::kind(path) == Ok(kind)
}
