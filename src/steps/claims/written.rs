//! Objects that were written by hand, and do what ours would: they are held to the same grants.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::reach;
use crate::hosts::Job;
use crate::model::{
    Identity, ManifestId, Place, Remote, Scope, StoreKind, StoreRef, StoreSpec, Stream, annotation, ignored,
};
use crate::rules::plaintext::{self, PUBLIC_KEYS};
use crate::settings::{Claim, Interval, Need};
use crate::yaml::{self, Kind, NodeId, Tree};
use crate::{sources, targets};

/// What every object wants that has anything to do with Secrets.
pub(super) fn claims(stream: &Stream, job: &Job) -> Vec<Claim> {
    let one = |(id, tree, identity)| Object { job, id, tree, identity, makes: false, claim: Claim::default() }.claim();
    stream.read().map(one).filter(|claim| !claim.0.is_empty()).collect()
}

struct Object<'o, 's> {
    job: &'o Job,
    id: ManifestId,
    tree: &'o Tree<'s>,
    identity: &'o Identity,
    /// A controller makes Secrets of it, with annotations that stand anywhere in it.
    makes: bool,
    claim: Claim,
}

/// Groups of controllers that bring Secrets into a cluster, or carry them about in it.
const CONTROLLERS: [&str; 10] = [
    "clustersecret.io",
    "generators.external-secrets.io",
    "isindir.github.com",
    "koudingspawn.de",
    "onepassword.com",
    "ricoberger.de",
    "secretgen.carvel.dev",
    "secrets-store.csi.x-k8s.io",
    "secrets.doppler.com",
    "secrets.hashicorp.com",
];

/// Annotations that make a controller copy a Secret, or whatever bears them.
const REPLICATORS: [&str; 4] =
    ["kubed.appscode.com/", "reflector.v1.k8s.emberstack.com/", "replicator.v1.mittwald.de/", "secret-replicator."];

/// External Secrets.
const GROUP: &str = "external-secrets.io";

impl Object<'_, '_> {
    fn claim(mut self) -> Claim {
        let identity = self.identity;
        self.makes = ["bitnami.com", GROUP].contains(&identity.group()) || CONTROLLERS.contains(&identity.group());
        match (identity.group(), identity.kind.as_str()) {
            ("", "Secret") => self.secret(),
            ("bitnami.com", _) => {
                self.namespace();
                let scope = Scope::of(|name| annotation(self.tree, name) == Some("true"));
                self.need(&["metadata", "annotations"], Need::Scope(scope));
            }
            (GROUP, "ExternalSecret") => {
                self.namespace();
                self.external(&["spec"]);
            }
            (GROUP, "ClusterExternalSecret") => self.everywhere(),
            (GROUP, "PushSecret") => {
                self.namespace();
                self.pushed();
            }
            (GROUP, kind) if StoreKind::parse(kind).is_some() => self.store(),
            (group, kind) if group == GROUP || CONTROLLERS.contains(&group) => {
                if !kind.starts_with("Cluster") {
                    self.namespace();
                }
                self.need(&["kind"], Need::Object(kind.to_owned()));
                match sources::read_by(identity, self.tree) {
                    Some(Ok(address)) => self.need(&["spec", "path"], Need::Read(reach(&address))),
                    Some(Err(_)) => self.need(&["spec", "path"], Need::Unjudged("mount and path have no normal form")),
                    None => {}
                }
            }
            _ => {}
        }
        self.annotations(self.tree.root(), false);
        self.claim
    }

    fn need(&mut self, path: &[&str], need: Need) {
        let node = self.tree.at(self.tree.root(), path).unwrap_or(self.tree.root());
        self.need_at(node, need);
    }

    fn need_at(&mut self, node: NodeId, need: Need) {
        self.claim.add(Some(Place { manifest: self.id, node }), need);
    }

    fn namespace(&mut self) {
        let own = self.identity.namespace.clone();
        self.need(&["metadata", "namespace"], Need::Namespace(own.or_else(|| self.job.terms.namespace.clone())));
    }

    fn secret(&mut self) {
        self.namespace();
        if ignored(self.tree) {
            self.need(&["metadata", "annotations"], Need::Ignore);
        }
        for key in plaintext::public(annotation(self.tree, PUBLIC_KEYS)) {
            self.need(&["metadata", "annotations", PUBLIC_KEYS], Need::PublicKey(key.to_owned()));
        }
    }

    /// A store leads where it says, so it has to be one of the operator's.
    fn store(&mut self) {
        match StoreSpec::read(self.tree) {
            Ok(Some(store)) => {
                match store.store.kind {
                    StoreKind::Cluster => self.need(&["kind"], Need::Object(store.store.kind.name().to_owned())),
                    StoreKind::Namespaced => self.namespace(),
                }
                self.need(&["spec", "provider"], Need::Known(store));
            }
            Ok(None) | Err(_) => self.need(&["spec"], Need::Unjudged("the store has another shape")),
        }
    }

    fn everywhere(&mut self) {
        let Some(spec) = self.tree.get(self.tree.root(), "spec") else {
            return self.need(&["spec"], Need::Unjudged("the ClusterExternalSecret has no spec"));
        };
        self.need(&["kind"], Need::Object(self.identity.kind.clone()));
        for field in ["namespaceSelector", "namespaceSelectors"] {
            if self.tree.get(spec, field).is_some() {
                self.need(&["spec", field], Need::Unjudged("namespaces are chosen by their labels"));
            }
        }
        let namespaces = self.tree.get(spec, "namespaces").map(|list| self.tree.items(list).collect::<Vec<_>>());
        for node in namespaces.into_iter().flatten() {
            let name = self.tree.text(node).map(str::to_owned);
            self.need_at(node, Need::Namespace(name));
        }
        self.external(&["spec", "externalSecretSpec"]);
    }

    fn external(&mut self, path: &[&str]) {
        let node = self.tree.at(self.tree.root(), path);
        let read = node.and_then(|node| yaml::read::<External>(self.tree, node).ok());
        let (Some(node), Some(spec)) = (node, read) else {
            return self.need(path, Need::Unjudged("the spec has a field or a shape that is not known"));
        };
        if let Some(interval) = spec.refresh_interval {
            match Interval::parse(&interval) {
                Some(interval) => self.need_at(node, Need::Refresh(interval)),
                None => self.need_at(node, Need::Unjudged("refreshInterval is no length of time")),
            }
        }
        self.need_at(node, Need::Target(made_kind()));
        for item in spec.data {
            self.fetched(node, Some(item.remote_ref), item.source_ref.as_ref(), spec.secret_store_ref.as_ref());
        }
        for item in spec.data_from {
            if item.find.is_some() {
                self.need_at(node, Need::Unjudged("dataFrom.find fetches whatever fits"));
            }
            self.fetched(node, item.extract, item.source_ref.as_ref(), spec.secret_store_ref.as_ref());
        }
        self.made(node, &spec.target);
    }

    /// One secret, or what a generator gives.
    fn fetched(
        &mut self,
        node: NodeId,
        remote: Option<RemoteRef>,
        from: Option<&SourceRef>,
        usual: Option<&StoreName>,
    ) {
        if let Some(generator) = from.and_then(|from| from.generator_ref.as_ref()) {
            self.need_at(node, Need::Object(generator.kind.clone()));
        }
        let Some(remote) = remote else { return };
        let store = from.and_then(|from| from.store_ref.as_ref()).or(usual);
        self.through(node, store, &Remote::of(&remote.key, remote.property.as_deref()));
    }

    /// A secret behind a store.
    fn through(&mut self, node: NodeId, store: Option<&StoreName>, remote: &Remote) {
        let kind = |store: &StoreName| store.kind.as_deref().map_or(Some(StoreKind::Namespaced), StoreKind::parse);
        let store = store.and_then(|store| Some(StoreRef { kind: kind(store)?, name: store.name.clone()? }));
        let Some(store) = store else {
            return self.need_at(node, Need::Unjudged("no store is named"));
        };
        let rules = &self.job.settings.stores;
        let mut known = rules.iter().filter(|rule| rule.store.store == store);
        let provider = known.find_map(|rule| rule.store.provider.as_ref());
        match provider.and_then(|provider| sources::behind(provider, remote)) {
            Some(Ok(address)) => {
                self.need_at(node, Need::Read(reach(&address)));
                self.need_at(node, Need::Store(store, reach(&address)));
            }
            Some(Err(_)) => self.need_at(node, Need::Unjudged("the key has no normal form")),
            None => self.need_at(node, Need::Unjudged("the policy does not say what is behind the store")),
        }
    }

    /// What the controller makes: a Secret, and nothing that is written where nobody looks.
    fn made(&mut self, node: NodeId, target: &Value) {
        if target.get("manifest").is_some() {
            self.need_at(node, Need::Unjudged("target.manifest makes other objects than Secrets"));
        }
        let from = target.pointer("/template/templateFrom").and_then(Value::as_array);
        let elsewhere = |from: &Value| from.get("target").is_some_and(|target| target != "Data");
        if from.into_iter().flatten().any(elsewhere) {
            self.need_at(node, Need::Unjudged("templateFrom writes annotations or labels"));
        }
    }

    fn pushed(&mut self) {
        self.need(&["kind"], Need::Object(self.identity.kind.clone()));
        let node = self.tree.get(self.tree.root(), "spec");
        let read = node.and_then(|node| yaml::read::<Pushed>(self.tree, node).ok());
        let (Some(node), Some(spec)) = (node, read) else {
            return self.need(&["spec"], Need::Unjudged("the spec has a field or a shape that is not known"));
        };
        if spec.data.is_empty() {
            self.need_at(node, Need::Unjudged("the PushSecret lists no data"));
        }
        for store in &spec.secret_store_refs {
            for item in &spec.data {
                let remote = &item.matches.remote_ref;
                let remote = Remote::of(&remote.remote_key, remote.property.as_deref());
                self.through(node, Some(store), &remote);
            }
        }
    }

    /// Annotations at any depth: templates of Secrets stand in many kinds. `all`: this is a map of them, of something
    /// that makes Secrets.
    fn annotations(&mut self, node: NodeId, all: bool) {
        match self.tree.kind(node) {
            Kind::Map => {
                for (key, value) in self.tree.entries(node) {
                    let name = self.tree.key(key);
                    let below = self.makes && name == "annotations";
                    if REPLICATORS.iter().any(|prefix| name.starts_with(prefix)) || all && targets::is_carried(&name) {
                        self.need_at(key, Need::Annotation(name.into_owned()));
                    } else if let Some(rule) = name.strip_prefix("sealref.dev/allow.") {
                        self.need_at(key, Need::Suppress(rule.replace('.', "/")));
                    }
                    self.annotations(value, below);
                }
            }
            Kind::Seq => {
                let items: Vec<NodeId> = self.tree.items(node).collect();
                for item in items {
                    self.annotations(item, false);
                }
            }
            Kind::Scalar => {}
        }
    }
}

/// What an ExternalSecret by hand makes of a Secret is what ours would be.
fn made_kind() -> String {
    targets::default(false).map(|target| target.name().to_owned()).unwrap_or_default()
}

/// `spec` of an ExternalSecret. What is not known here may lead anywhere.
/// Source: `apis/externalsecrets/v1` of external-secrets/external-secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct External {
    #[serde(default)]
    secret_store_ref: Option<StoreName>,
    #[serde(default)]
    refresh_interval: Option<String>,
    #[serde(default, rename = "refreshPolicy")]
    _refresh_policy: IgnoredAny,
    #[serde(default)]
    target: Value,
    #[serde(default)]
    data: Vec<Data>,
    #[serde(default)]
    data_from: Vec<DataFrom>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreName {
    name: Option<String>,
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Data {
    #[serde(default, rename = "secretKey")]
    _secret_key: IgnoredAny,
    remote_ref: RemoteRef,
    #[serde(default)]
    source_ref: Option<SourceRef>,
}

#[derive(Deserialize)]
struct RemoteRef {
    key: String,
    #[serde(default)]
    property: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SourceRef {
    #[serde(default)]
    store_ref: Option<StoreName>,
    #[serde(default)]
    generator_ref: Option<GeneratorName>,
}

#[derive(Deserialize)]
struct GeneratorName {
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DataFrom {
    #[serde(default)]
    extract: Option<RemoteRef>,
    #[serde(default)]
    find: Option<IgnoredAny>,
    #[serde(default, rename = "rewrite")]
    _rewrite: IgnoredAny,
    #[serde(default)]
    source_ref: Option<SourceRef>,
}

/// `spec` of a PushSecret, as far as it can be judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pushed {
    secret_store_refs: Vec<StoreName>,
    data: Vec<Push>,
    #[serde(rename = "selector")]
    _selector: Selector,
    #[serde(default, rename = "refreshInterval")]
    _refresh_interval: IgnoredAny,
    #[serde(default, rename = "updatePolicy")]
    _update_policy: IgnoredAny,
    #[serde(default, rename = "deletionPolicy")]
    _deletion_policy: IgnoredAny,
}

/// A Secret by its name. Labels choose any, and a generator makes one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Selector {
    #[serde(rename = "secret")]
    _secret: Named,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    #[serde(rename = "name")]
    _name: String,
}

/// Without `metadata`, which can send a secret into another namespace.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Push {
    #[serde(rename = "match")]
    matches: Match,
    #[serde(default, rename = "conversionStrategy")]
    _conversion_strategy: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Match {
    #[serde(default, rename = "secretKey")]
    _secret_key: IgnoredAny,
    remote_ref: PushedTo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PushedTo {
    remote_key: String,
    #[serde(default)]
    property: Option<String>,
}
