//! What the stream holds: uses of Secrets, what provides them, stores.

use super::consumers;
use crate::error::Problems;
use crate::model::{Identity, Inventory, ManifestId, Provider, StoreSpec, Stream, each};
use crate::settings::Consumer;
use crate::yaml::Tree;

/// Are uses wanted? Looking for them takes longer than all the rest, so a render that changes no name asks for none.
#[derive(Clone, Copy)]
pub(super) enum Uses<'u> {
    Skipped,
    /// By the table, and at the places that the settings name.
    Taken(&'u [Consumer]),
}

/// Walks once over the manifests that hold a marker.
pub(super) fn take<'t>(stream: &'t Stream, uses: Uses, problems: &mut Problems) -> Inventory<'t> {
    let mut inventory = Inventory::default();
    for (id, tree, identity) in stream.read() {
        if !identity.kind.is_empty() && !identity.name.is_empty() {
            inventory.by_identity.entry(identity).or_insert(id);
        }
        if let Uses::Taken(more) = uses {
            for (named, usage) in consumers::uses(tree, id, identity, more) {
                inventory.uses.entry(named).or_default().push(usage);
            }
        }
        inventory.provides.extend(provides(tree, id, identity));
        let store = StoreSpec::read(tree).map_err(|problem| problem.at(stream.tell_object(id)));
        let store = problems.keep(store).flatten();
        inventory.stores.extend(store.map(|store| (id, store)));
    }
    inventory
}

/// Which Secrets an object gives its content.
fn provides<'t>(tree: &'t Tree, manifest: ManifestId, identity: &'t Identity) -> Vec<Provider<'t>> {
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

fn provider<'t>(manifest: ManifestId, identity: &'t Identity, name: &'t str) -> Provider<'t> {
    // These put the Secret into namespaces that the manifest does not name.
    let anywhere = matches!(identity.kind.as_str(), "ClusterExternalSecret" | "ClusterIssuer");
    let namespace = if anywhere { None } else { identity.namespace.as_deref() };
    Provider { manifest, namespace, name }
}
