//! What a layer below has left: kustomizations build on each other, and each may have the transformer.

use super::literal::is_empty;
use super::object::Object;
use super::{Context, Outcome};
use crate::error::{Problem, Problems};
use crate::hosts::Names;
use crate::model::{HASHED, Identity, Item, LOCAL, ManifestId, SHADOW, annotation};
use crate::yaml::Tree;

/// What a Secret is to the layers.
pub(super) enum Layer {
    /// None has seen it.
    Fresh,
    /// It will be left out, and is none of ours.
    Local(&'static str),
    /// It shadows what a layer below made, with this behind its name.
    Shadow(String),
}

impl Context<'_, '_> {
    /// What a generator lists goes to the builder, which calls again when it has a name; plaintext would show there.
    pub(super) fn listed<'t>(&self, items: &[Item]) -> Result<Outcome<'t>, Problems> {
        let literal = items.iter().filter(|item| item.template.is_literal() && !is_empty(item)).map(|item| {
            Problem::new("a literal value stands in a list of references")
                .hint("put a reference there, or the value into a file: files: [KEY=FILE]")
                .at(self.stream.tell(item.place))
        });
        literal.collect::<Problems>().or(Outcome::Passes("its builder names it first"))
    }

    /// What a layer below, or somebody else, has marked a Secret as.
    pub(super) fn layer(&self, tree: &Tree, items: &[Item]) -> Result<Layer, Problem> {
        if self.job.terms.names != Names::Growing || annotation(tree, LOCAL) != Some("true") {
            return Ok(Layer::Fresh);
        }
        let shadow = annotation(tree, SHADOW);
        match (shadow.map(|shadow| shadow.strip_prefix("full")), self.job.settings.layered) {
            (None, _) => Ok(Layer::Local("it never leaves the build: config.kubernetes.io/local-config")),
            (Some(None), _) if items.is_empty() => Ok(Layer::Local("it shadows what a layer below made")),
            (Some(None), _) => Err(Problem::new("a layer below has replaced the Secret, and values were added since")
                .hint("list the transformer only in the outermost kustomization, or with layered: true in each")),
            (Some(Some(_)), false) => Err(Problem::new("a layer below has replaced the Secret, to be done again here")
                .hint("set layered: true here too")),
            (Some(Some(suffix)), true) => Ok(Layer::Shadow(suffix.to_owned())),
        }
    }

    /// Takes from a Secret what the layer below put on it, and gives what that layer made of it.
    pub(super) fn unshadow(&self, id: ManifestId, object: &mut Object<'_>, suffix: &str) -> Option<ManifestId> {
        let Identity { namespace, name, .. } = object.secret.clone().into_owned();
        let annotations = &mut object.metadata.annotations;
        annotations.retain(|(name, _)| name != LOCAL && name != SHADOW && name != HASHED);
        if let Some(base) = name.strip_suffix(suffix).filter(|_| !suffix.is_empty()) {
            annotations.push((HASHED.to_owned(), "enabled".to_owned()));
            base.clone_into(&mut object.secret.to_mut().name);
        }
        // By its own name: what it says of the Secret's is not changed by layers above.
        let is_made = |other: ManifestId| {
            let identity = self.stream.get(other).and_then(|manifest| manifest.identity().ok());
            identity.is_some_and(|made| made.name == name && made.namespace == namespace)
        };
        let mut provides = self.inventory.provides.iter().map(|provider| provider.manifest);
        provides.find(|other| *other != id && is_made(*other))
    }
}
