//! `--merge-into`: new items in a SealedSecret that is there, whose name, namespace and scope hold.

use std::path::{Path, PathBuf};

use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::{Input, Scope, Source};
use crate::outside::files::{self, Privacy};
use crate::steps::read;
use crate::yaml::{self, Edits, Fault, Syntax, Tree, Value};

/// A file with one SealedSecret.
pub(super) struct Target {
    path: PathBuf,
    text: String,
    name: String,
    namespace: Option<String>,
    scope: Scope,
}

impl Target {
    /// Reads the file; exactly one SealedSecret must be in it.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = files::read_file(path, limits::FILE)?;
        let Source { text, name: shown } = read::text(&path.to_string_lossy(), &bytes)?;
        let told = |fault: Fault| Problem::new(fault.message).hint(fault.hint).at(format!("{shown}:{}", fault.line));
        let pieces = yaml::pieces(&text, &|_| true).map_err(told)?;
        let mut found = vec![];
        for piece in &pieces.pieces {
            let tree = Tree::parse(piece.text, piece.syntax).map_err(|fault| told(fault.from_line(piece.line)))?;
            let said = |path: &[&str]| tree.at(tree.root(), path).and_then(|n| tree.text(n)).map(str::to_owned);
            if said(&["kind"]).as_deref() == Some("SealedSecret") {
                let set = |scope: &Scope| {
                    let name = scope.annotation()?;
                    (said(&["metadata", "annotations", name]).as_deref() == Some("true")).then_some(*scope)
                };
                let scope = Scope::ALL.iter().find_map(set).unwrap_or(Scope::Strict);
                found.push((said(&["metadata", "name"]), said(&["metadata", "namespace"]), scope));
            }
        }
        let one = "merge into a file with exactly one SealedSecret";
        match (found.pop(), found.pop()) {
            (Some((Some(name), namespace, scope)), None) => {
                Ok(Self { path: path.to_path_buf(), text, name, namespace, scope })
            }
            (Some((None, ..)), None) => Err(Problem::new("the SealedSecret has no name").hint(one).at(shown)),
            (None, _) => Err(Problem::new("no SealedSecret is in the file").hint(one).at(shown)),
            _ => Err(Problem::new("several SealedSecrets are in the file").hint(one).at(shown)),
        }
    }

    /// The name that is there; another one was a mistake.
    pub(super) fn name(&self, said: Option<&str>) -> Result<String, Problem> {
        match said {
            Some(said) if said != self.name => Err(self.differs("name", &self.name)),
            _ => Ok(self.name.clone()),
        }
    }

    /// The namespace that is there.
    pub(super) fn namespace(&self, said: Option<&str>) -> Result<Option<String>, Problem> {
        match (said, &self.namespace) {
            (Some(said), Some(there)) if said != there => Err(self.differs("namespace", there)),
            (said, there) => Ok(there.clone().or_else(|| said.map(str::to_owned))),
        }
    }

    /// The scope that is there: an item of another one could not be opened.
    pub(super) fn scope(&self, said: Option<Scope>) -> Result<Scope, Problem> {
        match said {
            Some(said) if said != self.scope => Err(self.differs("scope", self.scope.name())),
            _ => Ok(self.scope),
        }
    }

    fn differs(&self, what: &str, there: &str) -> Problem {
        Problem::new(format!("the SealedSecret in the file has another {what}: {there}"))
            .hint(format!("leave out the {what}; the one in the file holds"))
            .at(self.path.to_string_lossy())
    }

    /// Secrets under the name and namespace that are there.
    pub(super) fn renamed(&self, input: Input) -> Result<Input, Problems> {
        let mut problems = Problems::default();
        let mut sources = vec![];
        for source in input.0 {
            let told = |fault: Fault| {
                Problem::new(fault.message).hint(fault.hint).at(format!("{}:{}", source.name, fault.line))
            };
            let edited = Tree::parse(&source.text, Syntax::Document).and_then(|tree| {
                let mut edits = Edits::default();
                let root = tree.root();
                edits.insert(&tree, root, &["metadata", "name"], Value::text(self.name.clone()));
                if let Some(namespace) = &self.namespace {
                    edits.insert(&tree, root, &["metadata", "namespace"], Value::text(namespace.clone()));
                }
                edits.apply(&tree, Syntax::Document)
            });
            let edited = problems.keep(edited.map_err(told));
            sources.extend(edited.map(|applied| Source { text: applied.text, ..source }));
        }
        problems.or(Input(sources))
    }

    /// Puts the items of a SealedSecret into the file; comments and order stay.
    pub(super) fn merge(&self, sealed: &str) -> Result<(), Problem> {
        let told = |fault: Fault| Problem::new(fault.message).hint(fault.hint).at(self.path.to_string_lossy());
        let new = Tree::parse(sealed, Syntax::Document).map_err(told)?;
        let pieces = yaml::pieces(&self.text, &|_| true).map_err(told)?;
        let mut out = String::with_capacity(self.text.len() + sealed.len());
        for piece in &pieces.pieces {
            out.push_str(piece.before);
            let old = Tree::parse(piece.text, piece.syntax).map_err(told)?;
            let kind = old.get(old.root(), "kind").and_then(|node| old.text(node));
            if kind == Some("SealedSecret") {
                out.push_str(&edits(&old, &new).apply(&old, piece.syntax).map_err(told)?.text);
            } else {
                out.push_str(piece.text);
            }
        }
        out.push_str(pieces.tail);
        files::write_atomically(&self.path, &[&out], Privacy::Public)
    }
}

fn edits(old: &Tree, new: &Tree) -> Edits {
    let mut edits = Edits::default();
    let items = new.at(new.root(), &["spec", "encryptedData"]);
    for (key, value) in items.into_iter().flat_map(|map| new.entries(map)) {
        let key = new.key(key);
        let value = Value::of(new, value).into_owned();
        edits.insert(old, old.root(), &["spec", "encryptedData", &key], value);
    }
    let annotation = |tree: &Tree, name: &str| {
        let node = tree.at(tree.root(), &["metadata", "annotations", name])?;
        tree.text(node).map(str::to_owned)
    };
    // Items of several keys or certificates: then the annotation would say too much.
    let with = "sealref.dev/sealed-with";
    let (before, now) = (annotation(old, with), annotation(new, with));
    let node = old.at(old.root(), &["metadata", "annotations"]);
    let key = node.and_then(|map| old.entries(map).into_iter().find(|(key, _)| old.key(*key) == with));
    match (before, now, key) {
        (Some(before), Some(now), Some((key, _))) if before != now => edits.remove(key),
        _ => {}
    }
    edits
}
