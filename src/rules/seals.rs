//! SealedSecrets: previews, and seals that the controller could not open.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Finding, Severity, View};
use crate::error::Problem;
use crate::model::{Identity, ManifestId, Place, SEALED_FOR, Scope, Stream};
use crate::seal;
use crate::yaml::{NodeId, Tree};

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    for (id, tree, identity) in view.stream.read() {
        if identity.is("bitnami.com", "SealedSecret") {
            Sealed { stream: view.stream, id, tree, identity }.check(tell);
        }
    }
}

struct Sealed<'v, 's> {
    stream: &'v Stream<'s>,
    id: ManifestId,
    tree: &'v Tree<'s>,
    identity: &'v Identity,
}

impl Sealed<'_, '_> {
    fn check(&self, tell: &mut dyn FnMut(Finding)) {
        let mut error = |rule, node, problem: Problem| {
            let problem = problem.at(self.stream.tell(Place { manifest: self.id, node }));
            tell(Finding { rule, object: Some(self.id), severity: Severity::Error, problem });
        };
        if let Some((node, problem)) = self.moved() {
            error("seals/identity", node, problem);
        }
        if let Some(problem) = self.widened() {
            error("seals/scope", self.tree.root(), problem);
        }
        for path in [&["spec", "data"][..], &["spec", "template", "data"], &["spec", "template", "stringData"]] {
            if let Some(node) = self.tree.at(self.tree.root(), path) {
                let problem = Problem::new("text stands in a SealedSecret beside the ciphertexts")
                    .hint("seal it as an item of encryptedData");
                error("plaintext/secret", node, problem);
            }
        }
        let data = self.tree.at(self.tree.root(), &["spec", "encryptedData"]);
        for (_, node) in data.into_iter().flat_map(|map| self.tree.entries(map)) {
            match self.tree.text(node) {
                Some("preview") => error(
                    "seals/preview",
                    node,
                    Problem::new("a preview is no ciphertext").hint("render without --preview before you apply it"),
                ),
                text => {
                    let bytes = text.and_then(|text| STANDARD.decode(text).ok());
                    if bytes.and_then(|bytes| seal::measure(&bytes)).is_none() {
                        let problem = Problem::new("the value is no ciphertext of sealed-secrets")
                            .hint("seal it again; it was cut or edited");
                        error("seals/format", node, problem);
                    }
                }
            }
        }
    }

    fn annotation(&self, at: &[&str], name: &str) -> Option<&str> {
        let map = self.tree.at(self.tree.root(), at)?;
        self.tree.get(map, name).and_then(|node| self.tree.text(node))
    }

    fn scope(&self, at: &[&str]) -> Scope {
        Scope::of(|name| self.annotation(at, name) == Some("true"))
    }

    /// The name or namespace is another one than at the time of sealing.
    fn moved(&self) -> Option<(NodeId, Problem)> {
        let sealed_for = self.annotation(OUTER, SEALED_FOR)?;
        let (namespace, name) = sealed_for.split_once('/').unwrap_or((sealed_for, ""));
        let now = (self.identity.namespace.as_deref().unwrap_or(""), self.identity.name.as_str());
        let moved = match self.scope(OUTER) {
            Scope::Strict => (namespace, name) != now,
            Scope::NamespaceWide => namespace != now.0,
            Scope::ClusterWide => false,
        };
        let node = self.tree.at(self.tree.root(), &["metadata", "name"]).unwrap_or(self.tree.root());
        let (namespace, name) = now;
        moved.then(|| {
            let what = format!("it was sealed for {sealed_for} and is now {namespace}/{name}");
            (node, Problem::new(what).hint("render after every step that changes names: the controller cannot open it"))
        })
    }

    fn widened(&self) -> Option<Problem> {
        self.tree.at(self.tree.root(), &["metadata", "annotations", SEALED_FOR])?;
        (self.scope(OUTER) != self.scope(INNER)).then(|| {
            Problem::new("the scope on the object is another one than in its template")
                .hint("one of the annotations was changed after sealing; render again")
        })
    }
}

const OUTER: &[&str] = &["metadata", "annotations"];
const INNER: &[&str] = &["spec", "template", "metadata", "annotations"];
