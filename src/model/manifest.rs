//! One Kubernetes object, the text it came in, and the stream it is part of.
//!
//! A manifest is a slice of the input that is parsed when first asked and never changed.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::error::{Location, Object, Problem};
use crate::yaml::{self, Fault, NodeId, Piece, Syntax, Tree};

/// The name of what was piped in.
pub const STDIN: &str = "stdin";

/// A text that came in, with the name it is told by: a path, or `stdin`.
pub struct Source {
    /// What messages call it.
    pub name: String,
    /// The whole text.
    pub text: Cow<'static, str>,
}

impl Source {
    /// A text, and what it is told by.
    pub fn new(name: impl Into<String>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Text from bytes, which are not copied.
    ///
    /// # Errors
    /// Not UTF-8: the offset, and no byte of it.
    pub fn read(name: &str, mut bytes: Zeroizing<Vec<u8>>) -> Result<Self, Problem> {
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                *bytes = error.into_bytes();
                Err(no_text(offset).at(name))
            }
        }
    }

    /// The same for bytes that stay until the process ends.
    ///
    /// # Errors
    /// As for [`Source::read`].
    pub fn borrow(name: &str, bytes: &'static [u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|error| no_text(error.valid_up_to()).at(name))?;
        Ok(Self::new(name, text))
    }

    /// Every object in it, parsed.
    ///
    /// # Errors
    /// The text cannot be split; for each object, it does not parse.
    pub fn objects(&self) -> Result<impl Iterator<Item = Result<(Piece<'_>, Tree<'_>), Problem>>, Problem> {
        let pieces = yaml::pieces(&self.text, &|_| true).map_err(|fault| self.problem(fault))?;
        Ok(pieces.pieces.into_iter().map(|piece| {
            let tree = Tree::parse(piece.text, piece.syntax);
            let tree = tree.map_err(|fault| self.problem(fault.from_line(piece.line)))?;
            Ok((piece, tree))
        }))
    }

    /// A fault of the text as a problem with its place.
    #[must_use]
    pub fn problem(&self, fault: Fault) -> Problem {
        Problem::new(fault.message).hint(fault.hint).at(Location::line(&self.name, fault.line))
    }
}

fn no_text(offset: usize) -> Problem {
    Problem::new(format!("the text is not UTF-8 at byte {offset}"))
        .hint("save it as UTF-8; UTF-16 and other encodings are not read")
}

/// All that came in, in order.
pub struct Input(pub Vec<Source>);

impl Input {
    /// The bytes of all texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|source| source.text.len()).sum()
    }
}

/// The number of a manifest in its stream, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestId(pub u32);

/// What Kubernetes tells objects apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// `GROUP/VERSION`, or `v1`.
    pub api_version: String,
    /// `Secret`, `Deployment`.
    pub kind: String,
    /// `metadata.namespace`, where it is written.
    pub namespace: Option<String>,
    /// `metadata.name`; empty where it is missing.
    pub name: String,
}

impl Identity {
    /// What an object says it is; None where it says no `apiVersion` and `kind`.
    #[must_use]
    pub fn of(tree: &Tree) -> Option<Self> {
        let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node)).map(str::to_owned);
        let (api_version, kind) = (text(&["apiVersion"])?, text(&["kind"])?);
        let name = text(&["metadata", "name"]).unwrap_or_default();
        Some(Self { api_version, kind, namespace: text(&["metadata", "namespace"]), name })
    }

    /// The API group: empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// True for objects of this group and kind, whatever the version.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group() == group
    }

    /// The object, as it is told.
    #[must_use]
    pub fn object(&self) -> Object {
        let Self { api_version, kind, namespace, name } = self.clone();
        Object { api_version, kind, namespace, name }
    }

    /// `Secret/shop/db`, and `Secret/db` where no namespace is written.
    #[must_use]
    pub fn path(&self) -> String {
        let parts = [Some(&self.kind), self.namespace.as_ref(), Some(&self.name)];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/")
    }
}

/// `Secret shop/db`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object().fmt(f)
    }
}

/// A node of a manifest: 8 bytes; line and path are worked out when it is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which manifest.
    pub manifest: ManifestId,
    /// Which node of its tree.
    pub node: NodeId,
}

/// One object's text: a document, or an item of a list. Neighbours that hold no marker, and so are not
/// read, are one as well.
pub struct Manifest<'s> {
    /// What stands between the object before and this one.
    pub before: &'s str,
    /// The object's own text.
    pub text: &'s str,
    /// The line of `text` in its source, from 1.
    pub line: usize,
    /// How a replacement has to be written.
    pub syntax: Syntax,
    /// Which source of the input it stands in.
    pub source: usize,
    tree: OnceLock<Result<Tree<'s>, Fault>>,
    identity: OnceLock<Identity>,
}

impl<'s> Manifest<'s> {
    /// A slice that nobody has read yet.
    #[must_use]
    pub fn new(source: usize, before: &'s str, text: &'s str, line: usize, syntax: Syntax) -> Self {
        let (tree, identity) = (OnceLock::new(), OnceLock::new());
        Self { before, text, line, syntax, source, tree, identity }
    }

    /// The tree, parsed at the first call.
    pub fn tree(&self) -> Result<&Tree<'s>, &Fault> {
        self.tree.get_or_init(|| Tree::parse(self.text, self.syntax)).as_ref()
    }

    /// What the object says it is; parts that it does not say, or not as text, are empty.
    pub fn identity(&self) -> Result<&Identity, &Fault> {
        let tree = self.tree()?;
        Ok(self.identity.get_or_init(|| {
            let text =
                |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node)).unwrap_or("").to_owned();
            let namespace = text(&["metadata", "namespace"]);
            Identity {
                api_version: text(&["apiVersion"]),
                kind: text(&["kind"]),
                namespace: (!namespace.is_empty()).then_some(namespace),
                name: text(&["metadata", "name"]),
            }
        }))
    }

    /// The tree and the identity, where the text parses.
    #[must_use]
    pub fn read(&self) -> Option<(&Tree<'s>, &Identity)> {
        Some((self.tree().ok()?, self.identity().ok()?))
    }
}

/// Marks an object that sealref leaves alone.
pub const IGNORE: &str = "sealref.dev/ignore";

/// The text of an annotation.
#[must_use]
pub fn annotation<'t>(tree: &'t Tree, name: &str) -> Option<&'t str> {
    tree.at(tree.root(), &["metadata", "annotations", name]).and_then(|node| tree.text(node))
}

/// The key of an annotation, with which its entry is removed.
#[must_use]
pub fn annotation_key(tree: &Tree, name: &str) -> Option<NodeId> {
    let map = tree.at(tree.root(), &["metadata", "annotations"])?;
    tree.entries(map).into_iter().map(|(key, _)| key).find(|key| tree.key(*key) == name)
}

/// `sealref.dev/ignore: "true"`.
#[must_use]
pub fn ignored(tree: &Tree) -> bool {
    annotation(tree, IGNORE) == Some("true")
}

/// Everything that came in, as manifests in order; the slices together are the input.
pub struct Stream<'s> {
    /// The names of the sources, in order.
    pub names: Vec<&'s str>,
    /// All objects of all sources.
    pub manifests: Vec<Manifest<'s>>,
    /// What stands behind the last object of each source.
    pub tails: Vec<&'s str>,
    /// sealref's own settings objects: not for the cluster, so they do not go out.
    pub ours: Vec<Manifest<'s>>,
    /// The manifests that hold a marker and so are worth parsing.
    pub candidates: Vec<ManifestId>,
}

impl<'s> Stream<'s> {
    /// The manifest with this number.
    #[must_use]
    pub fn get(&self, id: ManifestId) -> Option<&Manifest<'s>> {
        self.manifests.get(id.0 as usize)
    }

    /// The same stream, but what stands for an item of a block list is written as JSON in one line.
    #[must_use]
    pub fn in_lines(mut self) -> Self {
        for manifest in &mut self.manifests {
            if let Syntax::Item { column } = manifest.syntax {
                manifest.syntax = Syntax::Line { column };
            }
        }
        self
    }

    /// The same stream, but what writes a namespace is told, found and named in another one.
    #[must_use]
    pub fn moved(mut self, namespace: &str) -> Self {
        for id in &self.candidates {
            let Some(manifest) = self.manifests.get_mut(id.0 as usize) else { continue };
            let Ok(mut identity) = manifest.identity().cloned() else { continue };
            if identity.namespace.is_some() {
                identity.namespace = Some(namespace.to_owned());
                manifest.identity = OnceLock::from(identity);
            }
        }
        self
    }

    /// The manifests that hold a marker, parsed, with their numbers.
    pub fn read(&self) -> impl Iterator<Item = (ManifestId, &Tree<'s>, &Identity)> {
        self.candidates.iter().filter_map(|id| {
            let (tree, identity) = self.get(*id)?.read()?;
            Some((*id, tree, identity))
        })
    }

    /// `stdin:41 Secret shop/db, data.password`.
    #[must_use]
    pub fn tell(&self, place: Place) -> Location {
        let Some(manifest) = self.get(place.manifest) else {
            return Location::default();
        };
        let Some((tree, identity)) = manifest.read() else {
            return self.tell_line(manifest, 1);
        };
        let line = self.tell_line(manifest, tree.line(place.node));
        if identity.kind.is_empty() {
            return line;
        }
        Location { object: Some(identity.object()), field: tree.path(place.node), ..line }
    }

    /// `stdin:41 Secret shop/db`.
    #[must_use]
    pub fn tell_object(&self, id: ManifestId) -> Location {
        let Some(manifest) = self.get(id) else {
            return Location::default();
        };
        match manifest.read() {
            Some((tree, _)) => self.tell(Place { manifest: id, node: tree.root() }),
            None => self.tell_line(manifest, 1),
        }
    }

    /// A fault of a manifest's text as a problem with its place in the source.
    #[must_use]
    pub fn problem(&self, manifest: &Manifest, fault: &Fault) -> Problem {
        let object = manifest.read().map(|(_, identity)| identity).filter(|identity| !identity.kind.is_empty());
        let place = Location { object: object.map(Identity::object), ..self.tell_line(manifest, fault.line) };
        Problem::new(fault.message.clone()).hint(fault.hint).at(place)
    }

    /// `stdin:41`, for a line within a manifest, counted from 1.
    #[must_use]
    pub fn tell_line(&self, manifest: &Manifest, line: usize) -> Location {
        let name = self.names.get(manifest.source).copied().unwrap_or(STDIN);
        Location::line(name, manifest.line + line.saturating_sub(1))
    }
}
