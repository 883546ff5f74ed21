//! What the stream holds: uses of Secrets, what provides them, stores.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::error::Problems;
use crate::model::{Identity, Inventory, ManifestId, Provider, StoreSpec, Stream, Use, each};
use crate::yaml::{NodeId, Scalar, Tree};

/// From group and kind to the paths of names.
type Table = BTreeMap<(&'static str, &'static str), Vec<&'static str>>;

/// Who names Secrets; a line is group, kind, path, and the form in which the Secret is taken in.
static CONSUMERS: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for line in include_str!("consumers.tsv").lines().skip(1) {
        let mut columns = line.split('\t');
        if let (Some(group), Some(kind), Some(path)) = (columns.next(), columns.next(), columns.next()) {
            table.entry((group, kind)).or_default().push(path);
        }
    }
    table
});

/// Are uses wanted? A render asks for none, and looking for them takes longer than all the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Uses {
    Skipped,
    Taken,
}

/// Walks once over the manifests that hold a marker.
pub(super) fn take(stream: &Stream, uses: Uses, problems: &mut Problems) -> Inventory {
    let mut inventory = Inventory::default();
    for (id, tree, identity) in stream.read() {
        if !identity.kind.is_empty() && !identity.name.is_empty() {
            inventory.by_identity.entry(identity.clone()).or_insert(id);
        }
        let paths = if uses == Uses::Taken { CONSUMERS.get(&(identity.group(), identity.kind.as_str())) } else { None };
        for path in paths.into_iter().flatten() {
            each(tree, tree.root(), path, &mut |name| inventory.uses.push(a_use(tree, id, name)));
        }
        inventory.provides.extend(provides(tree, id, identity));
        let store = StoreSpec::read(tree).map_err(|problem| problem.at(stream.tell_object(id)));
        let store = problems.keep(store).flatten();
        inventory.stores.extend(store.map(|store| (id, store)));
    }
    inventory
}

fn a_use(tree: &Tree, consumer: ManifestId, name: NodeId) -> Use {
    let optional = tree.parent(name).and_then(|map| tree.get(map, "optional"));
    let optional = optional.is_some_and(|node| matches!(tree.scalar(node), Some(Scalar::Bool(true))));
    Use { consumer, name, optional }
}

/// Which Secrets an object gives its content.
fn provides(tree: &Tree, manifest: ManifestId, identity: &Identity) -> Vec<Provider> {
    let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node));
    let own = Some(identity.name.as_str());
    let name = match (identity.group(), identity.kind.as_str()) {
        ("", "Secret")
        | ("bitnami.com", "SealedSecret")
        | ("kafka.strimzi.io", "KafkaUser")
        | ("secretgenerator.mittwald.de", _) => own,
        ("external-secrets.io", "ExternalSecret") => text(&["spec", "target", "name"]).or(own),
        ("external-secrets.io", "ClusterExternalSecret") => text(&["spec", "externalSecretName"]).or(own),
        ("cert-manager.io", "Certificate") => text(&["spec", "secretName"]),
        ("cert-manager.io", "Issuer" | "ClusterIssuer") => text(&["spec", "acme", "privateKeySecretRef", "name"]),
        ("secrets.hashicorp.com", _) => text(&["spec", "destination", "name"]),
        ("secrets-store.csi.x-k8s.io", "SecretProviderClass") => {
            let mut made = vec![];
            each(tree, tree.root(), "spec/secretObjects[]/secretName", &mut |name| made.extend(tree.text(name)));
            return made.into_iter().map(|name| provider(manifest, identity, name)).collect();
        }
        _ => None,
    };
    let name = name.filter(|name| !name.is_empty());
    name.map(|name| provider(manifest, identity, name)).into_iter().collect()
}

fn provider(manifest: ManifestId, identity: &Identity, name: &str) -> Provider {
    // These put the Secret into namespaces that the manifest does not name.
    let anywhere = matches!(identity.kind.as_str(), "ClusterExternalSecret" | "ClusterIssuer");
    let namespace = if anywhere { None } else { identity.namespace.clone() };
    Provider { manifest, namespace, name: name.to_owned() }
}
