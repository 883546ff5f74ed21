//! `sealref explain --html`: the map from sources over Secrets and workloads to whoever can read them.

use std::collections::BTreeMap;

use super::chain::{chain, is_built_in};
use super::explain::looked_up;
use crate::error::Problems;
use crate::hosts::Job;
use crate::model::{Form, Inventory, ManifestId, Object, Origin, Plan, Provision, Reference, Stream, each};
use crate::reports::{Reader, Row, page};
use crate::rules::rbac::{self, Access, Question, Way};
use crate::steps::{self, find};

/// The page about a stream and what `render` would make of it.
///
/// # Errors
/// What the settings say of consumers is wrong.
pub(super) fn map(stream: &Stream, plan: &Plan, job: &Job) -> Result<String, Problems> {
    let own = job.terms.namespace.as_deref().unwrap_or(rbac::DEFAULT);
    let inventory = find::inventory_of(stream, &job.settings)?;
    let access = Access::read(stream, own);
    let map = Map { stream, plan, own, inventory: &inventory, access: &access };
    let rows: Vec<Row> = map.secrets().into_iter().map(|secret| map.row(secret)).collect();
    Ok(page(&rows))
}

struct Map<'m, 's> {
    stream: &'m Stream<'s>,
    plan: &'m Plan<'m>,
    own: &'m str,
    inventory: &'m Inventory<'m>,
    access: &'m Access,
}

/// What gives a Secret its content.
#[derive(Default)]
struct Made<'m> {
    provisions: Vec<&'m Provision<'m>>,
    objects: Vec<ManifestId>,
}

/// Namespace and name.
type Named<'m> = (&'m str, &'m str);

impl<'m> Map<'m, '_> {
    /// Every Secret that is planned, there, or named by somebody, in order.
    fn secrets(&self) -> BTreeMap<Named<'m>, Made<'m>> {
        let mut secrets: BTreeMap<Named, Made> = BTreeMap::new();
        let named = |namespace: Option<&'m str>, name: &'m str| (namespace.unwrap_or(self.own), name);
        for provision in &self.plan.provisions {
            let made = secrets.entry(named(provision.secret.namespace.as_deref(), &provision.secret.name)).or_default();
            made.provisions.push(provision);
        }
        let replaced: Vec<ManifestId> = self.plan.provisions.iter().map(|one| one.origin.manifest()).collect();
        for provider in self.inventory.provides.iter().filter(|provider| !replaced.contains(&provider.manifest)) {
            secrets.entry(named(provider.namespace, provider.name)).or_default().objects.push(provider.manifest);
        }
        for ((object, name), uses) in &self.inventory.uses {
            for usage in uses.iter().filter(|usage| *object == Object::Secrets && usage.form != Form::RoleNames) {
                secrets.entry(named(usage.namespace.as_deref(), name)).or_default();
            }
        }
        secrets
    }

    fn row(&self, ((namespace, name), made): (Named, Made)) -> Row {
        let sealed = made.provisions.iter().any(|provision| steps::is_sealed(provision));
        let keys = if sealed {
            Some(rbac::keys_namespace(self.inventory))
        } else {
            rbac::sealing_keys(self.stream, self.inventory, namespace, name)
        };
        let question = Question { namespace, name, keys: keys.as_deref() };
        let ways = rbac::who_can(self.access, &question, "get");
        let (always, ours): (Vec<_>, Vec<_>) = ways.into_iter().partition(|(_, ways)| is_built_in(ways));
        let readers = ours.iter().map(|(subject, ways)| Reader {
            subject: subject.to_string(),
            by_right: ways.iter().any(|way| way.path.is_none()),
            ways: ways.iter().map(|way| self.way(way)).collect(),
        });
        let mut readers: Vec<Reader> = readers.collect();
        readers.sort_by_key(|reader| !reader.by_right);
        Row {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            sources: self.sources(&made),
            objects: self.objects(&made),
            uses: self.uses((namespace, name), &made),
            readers,
            always: always.iter().map(|(subject, _)| subject.to_string()).collect(),
        }
    }

    fn way(&self, way: &Way) -> (String, Vec<String>) {
        let what = way.path.map_or_else(|| "get".to_owned(), |path| format!("{} {}: {}", path.id, path.what, path.why));
        let mut grants: Vec<String> =
            way.grants.iter().map(|grant| format!("{}, by {}", grant.held.rule, chain(self.stream, grant))).collect();
        grants.dedup();
        (what, grants)
    }

    /// References of what is planned; keys that hand-written objects ask for.
    fn sources(&self, made: &Made) -> Vec<(String, Option<String>)> {
        let mut sources: Vec<(String, Option<String>)> = vec![];
        for provision in &made.provisions {
            sources.extend(provision.references().map(|reference| (said(reference), looked_up(provision, reference))));
        }
        for (tree, _) in made.objects.iter().filter_map(|id| self.stream.get(*id)?.read()) {
            let store = tree.at(tree.root(), &["spec", "secretStoreRef", "name"]).and_then(|node| tree.text(node));
            for path in ["spec/data[]/remoteRef/key", "spec/dataFrom[]/extract/key"] {
                each(tree, tree.root(), path, &mut |node| {
                    let store = store.map(|store| format!("in store {store}"));
                    sources.extend(tree.text(node).map(|key| (key.to_owned(), store)));
                });
            }
        }
        sources.sort();
        sources.dedup();
        sources
    }

    fn objects(&self, made: &Made) -> Vec<String> {
        let planned = made.provisions.iter().map(|provision| {
            format!("{}, for {}", provision.target.0, self.stream.tell_object(provision.origin.manifest()))
        });
        planned.chain(made.objects.iter().map(|id| self.stream.tell_object(*id).to_string())).collect()
    }

    fn uses(&self, (namespace, name): Named, made: &Made) -> Vec<(String, String)> {
        let told = |id| {
            let place = self.stream.tell_object(id);
            (place.object.as_ref().map(ToString::to_string).unwrap_or_default(), place.head())
        };
        let uses = self.inventory.uses_of(Object::Secrets, (Some(namespace), name), Some(self.own));
        let uses = uses.filter(|usage| usage.form != Form::RoleNames).map(|usage| told(usage.consumer));
        let lifted = made.provisions.iter().filter_map(|provision| match provision.origin {
            Origin::Lifted(id) => Some(told(id)),
            Origin::Promoted(_) | Origin::Replaced(_) => None,
        });
        let mut uses: Vec<(String, String)> = uses.chain(lifted).collect();
        uses.sort();
        uses.dedup();
        uses
    }
}

fn said(reference: &Reference) -> String {
    if steps::is_within(&reference.address) {
        return "encrypted with SOPS, here".to_owned();
    }
    reference.address.to_string()
}
