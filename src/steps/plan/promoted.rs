//! ConfigMaps that hold references become Secrets that whatever names them can follow to.

use std::borrow::Cow;

use super::{Context, object};
use crate::error::{Problem, Problems};
use crate::hosts::Names;
use crate::model::{Form, Identity, Item, Lift, ManifestId, Object, Origin, Place, Provision, Use, ignored};
use crate::sites;
use crate::steps::mention::Mentions;
use crate::yaml::{Kind, NodeId, Scalar, Tree};

impl Context<'_, '_> {
    /// Plans the Secret that takes the place of a ConfigMap. Where only escapes are in it, it stays, without them.
    pub(super) fn promoted<'t>(
        &self,
        id: ManifestId,
        tree: &Tree,
        identity: &Identity,
        items: Vec<Item<'t>>,
    ) -> Result<(Option<Provision<'t>>, Vec<Lift>), Problems> {
        let mut problems = Problems::default();
        if items.iter().all(|item| item.template.is_literal()) {
            let escapes = items.iter().filter(|item| item.template.is_read());
            return Ok((None, escapes.map(|item| Lift::text(&item.template, item.place)).collect()));
        }
        if self.job.terms.names != Names::Final {
            let refused = |item: &Item| {
                Problem::new("a ConfigMap cannot become a Secret in a build that still changes names")
                    .hint("what names it would not follow: build first, and pipe the result into `sealref render`")
                    .at(self.stream.tell(item.place))
            };
            return Err(items.iter().filter(|item| !item.template.is_literal()).map(refused).collect());
        }
        for (node, problem) in lost(tree) {
            problems.push(problem.at(self.stream.tell(Place { manifest: id, node })));
        }
        problems.extend(self.left_behind(id, identity));
        let metadata = object::metadata(tree).map_err(|problem| problem.at(self.stream.tell_object(id)))?;
        let secret = Identity { kind: "Secret".to_owned(), ..identity.clone() };
        let (origin, scope) = (Origin::Promoted(id), self.job.settings.scope);
        let mut provision = Provision::new(origin, Cow::Owned(secret), metadata, items, scope);
        let rule = self.rule(&provision.secret, &provision.metadata);
        self.settle(&mut provision, rule, &mut problems);
        problems.or((Some(provision), vec![]))
    }

    /// Everything that names the ConfigMap and cannot name a Secret instead.
    fn left_behind(&self, id: ManifestId, config_map: &Identity) -> Problems {
        let mut problems = Problems::default();
        let namespace = self.job.terms.namespace.as_deref();
        let named = (config_map.namespace.as_deref(), config_map.name.as_str());
        let uses: Vec<&Use> = self.inventory.uses_of(Object::ConfigMaps, named, namespace).collect();
        let mut told = |place: Place, what: &str, hint: &str| {
            let what = format!("{what} \"{}\", which becomes a Secret", config_map.name);
            problems.push(Problem::new(what).hint(hint).at(self.stream.tell(place)));
        };
        for usage in uses.iter().filter(|usage| usage.consumer != id) {
            let place = Place { manifest: usage.consumer, node: usage.node };
            let tree = self.stream.get(usage.consumer).and_then(|manifest| manifest.tree().ok());
            if usage.form == Form::RoleNames {
                told(
                    place,
                    "a role names the ConfigMap",
                    "let the role name the Secret, with `secrets` in its resources",
                );
            } else if tree.is_some_and(ignored) {
                let hint = "take the mark away, so that the name can follow";
                told(place, "an object marked with sealref.dev/ignore names the ConfigMap", hint);
            }
        }
        let mentions = self.mentions.get_or_init(|| Mentions::new(self.stream));
        for place in mentions.beside(self.stream, config_map, uses.iter().copied(), namespace) {
            if place.manifest != id {
                let hint = "it can only take a ConfigMap: move the reference to a Secret of its own";
                told(place, "the object names the ConfigMap", hint);
            }
        }
        problems
    }
}

/// Every field of a ConfigMap.
const FIELDS: [&str; 6] = ["apiVersion", "binaryData", "data", "immutable", "kind", "metadata"];

/// What a Secret would not carry over as it is.
fn lost(tree: &Tree) -> Vec<(NodeId, Problem)> {
    let mut lost = vec![];
    for (key, node) in tree.entries(tree.root()) {
        let is_nothing = matches!(tree.scalar(node), Some(Scalar::Null));
        let is_map = tree.kind(node) == Kind::Map;
        let problem = match &*tree.key(key) {
            "binaryData" if is_map && !tree.entries(node).is_empty() => {
                Problem::new("a ConfigMap with binaryData cannot become a Secret")
                    .hint("split it: the references in one ConfigMap, binaryData in another")
            }
            name @ ("binaryData" | "data") if !is_map && !is_nothing => object::must_be_map(name),
            "immutable" => match object::immutable(tree, node) {
                Err(problem) => problem,
                Ok(Some(true)) => Problem::new("an immutable ConfigMap cannot become a Secret")
                    .hint("take `immutable` away: the values behind references change"),
                Ok(_) => continue,
            },
            name if !FIELDS.contains(&name) => object::no_field("ConfigMap", name, &FIELDS),
            _ => continue,
        };
        lost.push((node, problem));
    }
    let data = tree.get(tree.root(), "data").into_iter().flat_map(|data| tree.entries(data));
    // The API server reads nothing as no text
    lost.extend(data.filter_map(|(_, value)| Some((value, sites::plain(tree, value).err()?))));
    lost
}
