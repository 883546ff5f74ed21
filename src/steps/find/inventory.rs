//! What the stream holds: uses of Secrets, what provides them, stores.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::error::Problems;
use crate::model::{Form, Identity, Inventory, ManifestId, Provider, StoreSpec, Stream, Use, each};
use crate::yaml::{NodeId, Tree};

/// From group and kind to the paths of names.
type Table = BTreeMap<(&'static str, &'static str), Vec<(&'static str, Form)>>;

/// Who names Secrets, by group and kind; a line is group, kind, path, form.
static CONSUMERS: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for line in include_str!("consumers.tsv").lines().skip(1) {
        let mut columns = line.split('\t');
        if let (Some(group), Some(kind), Some(path), Some(form)) =
            (columns.next(), columns.next(), columns.next(), columns.next().and_then(Form::parse))
        {
            table.entry((group, kind)).or_default().push((path, form));
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
        for (path, form) in paths.into_iter().flatten() {
            each(tree, tree.root(), path, &mut |name| {
                inventory.uses.push(a_use(tree, id, name, *form));
            });
        }
        inventory.provides.extend(provides(tree, id, identity));
        let store = StoreSpec::read(tree).map_err(|problem| problem.at(stream.tell_object(id)));
        let store = problems.keep(store).flatten();
        inventory.stores.extend(store.map(|store| (id, store)));
    }
    inventory
}

fn a_use(tree: &Tree, consumer: ManifestId, name: NodeId, form: Form) -> Use {
    let around = tree.parent(name);
    let at = |key| around.and_then(|map| tree.get(map, key));
    let optional = at("optional").is_some_and(|node| tree.raw(node) == Some("true"));
    let mut keys: Vec<NodeId> = vec![];
    match form {
        Form::Env => keys.extend(at("key")),
        Form::Volume => {
            if let Some(around) = around {
                each(tree, around, "items[]/key", &mut |key| keys.push(key));
            }
        }
        Form::EnvFrom | Form::ImagePull | Form::Other => {}
    }
    Use { consumer, name, keys, form, optional }
}

/// Which Secrets an object gives its content.
fn provides(tree: &Tree, manifest: ManifestId, identity: &Identity) -> Vec<Provider> {
    let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node));
    let names = |paths: &[&[&str]]| {
        paths
            .iter()
            .find_map(|path| tree.at(tree.root(), path))
            .map(|map| tree.entries(map).into_iter().map(|(key, _)| tree.key(key).into_owned()).collect())
    };
    let own = Some(identity.name.as_str());
    let (name, keys): (Option<&str>, Option<Vec<String>>) = match (identity.group(), identity.kind.as_str()) {
        ("", "Secret") => {
            let mut keys: Vec<String> = names(&[&["data"]]).unwrap_or_default();
            keys.extend(names(&[&["stringData"]]).unwrap_or_default());
            // A token Secret is filled by a controller.
            let filled = text(&["type"]) == Some("kubernetes.io/service-account-token");
            (own, (!filled).then_some(keys))
        }
        ("bitnami.com", "SealedSecret") => (own, names(&[&["spec", "encryptedData"]])),
        ("external-secrets.io", "ExternalSecret") => (text(&["spec", "target", "name"]).or(own), None),
        ("external-secrets.io", "ClusterExternalSecret") => (text(&["spec", "externalSecretName"]).or(own), None),
        ("cert-manager.io", "Certificate") => (text(&["spec", "secretName"]), None),
        ("cert-manager.io", "Issuer" | "ClusterIssuer") => {
            (text(&["spec", "acme", "privateKeySecretRef", "name"]), None)
        }
        ("secrets.hashicorp.com", _) => (text(&["spec", "destination", "name"]), None),
        ("secrets-store.csi.x-k8s.io", "SecretProviderClass") => {
            let mut made = vec![];
            each(tree, tree.root(), "spec/secretObjects[]/secretName", &mut |name| {
                made.extend(tree.text(name).map(str::to_owned));
            });
            return made.into_iter().map(|name| provider(manifest, identity, name, None)).collect();
        }
        ("kafka.strimzi.io", "KafkaUser") | ("secretgenerator.mittwald.de", _) => (own, None),
        _ => (None, None),
    };
    let named = name.filter(|name| !name.is_empty());
    named.map(|name| provider(manifest, identity, name.to_owned(), keys)).into_iter().collect()
}

fn provider(manifest: ManifestId, identity: &Identity, name: String, keys: Option<Vec<String>>) -> Provider {
    // These put the Secret into namespaces that the manifest does not name.
    let anywhere = matches!(identity.kind.as_str(), "ClusterExternalSecret" | "ClusterIssuer");
    let namespace = if anywhere { None } else { identity.namespace.clone() };
    Provider { manifest, namespace, name, keys }
}
