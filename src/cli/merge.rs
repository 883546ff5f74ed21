//! `--merge-into`: new items in a SealedSecret that is there, whose name, namespace and scope hold.

use std::path::{Path, PathBuf};

use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::{Input, SEALED_WITH, Scope, Source, annotation, annotation_key};
use crate::outside::files::{self, Privacy};
use crate::yaml::{self, Edits, Fault, Piece, Syntax, Tree, Value};

/// A file with one SealedSecret.
pub(super) struct Target {
    path: PathBuf,
    source: Source,
    name: String,
    namespace: Option<String>,
    scope: Scope,
}

impl Target {
    /// Reads the file; exactly one SealedSecret must be in it.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = files::read_file(path, limits::FILE)?;
        let source = Source::read(&path.to_string_lossy(), bytes)?;
        let mut found = vec![];
        each(&source, &mut |_, tree| {
            let said = |path: &[&str]| tree.at(tree.root(), path).and_then(|n| tree.text(n)).map(str::to_owned);
            if is_sealed(tree) {
                let scope = Scope::of(|name| annotation(tree, name) == Some("true"));
                found.push((said(&["metadata", "name"]), said(&["metadata", "namespace"]), scope));
            }
            Ok(None)
        })?;
        let shown = source.name.clone();
        let one = "merge into a file with exactly one SealedSecret";
        match (found.pop(), found.pop()) {
            (Some((Some(name), namespace, scope)), None) => {
                Ok(Self { path: path.to_path_buf(), source, name, namespace, scope })
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
            let renamed = each(&source, &mut |piece, tree| {
                let mut edits = Edits::default();
                edits.insert(tree, tree.root(), &["metadata", "name"], Value::text(self.name.clone()));
                if let Some(namespace) = &self.namespace {
                    edits.insert(tree, tree.root(), &["metadata", "namespace"], Value::text(namespace.clone()));
                }
                edits.apply(tree, piece.syntax).map(|applied| Some(applied.text))
            });
            let text = problems.keep(renamed);
            sources.extend(text.map(|text| Source::new(source.name, text)));
        }
        problems.or(Input(sources))
    }

    /// Puts the items of a SealedSecret into the file; comments and order stay.
    pub(super) fn merge(&self, sealed: &str) -> Result<(), Problem> {
        let new = Tree::parse(sealed, Syntax::Document).map_err(|fault| self.source.problem(fault))?;
        let merged = each(&self.source, &mut |piece, tree| {
            let applied = is_sealed(tree).then(|| edits(tree, &new).apply(tree, piece.syntax)).transpose()?;
            Ok(applied.map(|applied| applied.text))
        })?;
        files::write_atomically(&self.path, &[&merged], Privacy::Public)
    }
}

fn is_sealed(tree: &Tree) -> bool {
    tree.get(tree.root(), "kind").and_then(|node| tree.text(node)) == Some("SealedSecret")
}

/// From an object to the text that stands for it; None: it stays.
type Change<'c> = &'c mut dyn FnMut(&Piece, &Tree) -> Result<Option<String>, Fault>;

/// The text of a source, with each object that says something replaced by what `change` gives.
fn each(source: &Source, change: Change) -> Result<String, Problem> {
    let pieces = yaml::pieces(&source.text, &|_| true).map_err(|fault| source.problem(fault))?;
    let mut out = String::with_capacity(source.text.len());
    for piece in &pieces.pieces {
        let told = |fault: Fault| source.problem(fault.from_line(piece.line));
        let tree = Tree::parse(piece.text, piece.syntax).map_err(told)?;
        let changed = if tree.is_empty() { None } else { change(piece, &tree).map_err(told)? };
        out.push_str(piece.before);
        out.push_str(changed.as_deref().unwrap_or(piece.text));
    }
    out.push_str(pieces.tail);
    Ok(out)
}

fn edits(old: &Tree, new: &Tree) -> Edits {
    let mut edits = Edits::default();
    let items = new.at(new.root(), &["spec", "encryptedData"]);
    for (key, value) in items.into_iter().flat_map(|map| new.entries(map)) {
        let key = new.key(key);
        let value = Value::of(new, value).into_owned();
        edits.insert(old, old.root(), &["spec", "encryptedData", &key], value);
    }
    // Items of several keys or certificates: then the annotation would say too much.
    let (before, now) = (annotation(old, SEALED_WITH), annotation(new, SEALED_WITH));
    match (before, now, annotation_key(old, SEALED_WITH)) {
        (Some(before), Some(now), Some(key)) if before != now => edits.remove(key),
        _ => {}
    }
    edits
}
