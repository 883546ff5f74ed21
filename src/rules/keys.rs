//! Keys that a Secret does not have, Secrets that nobody uses, and names in roles that nobody provides.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::{Each, Seen, Tell, all};
use crate::model::{Form, Object, Place, Use};
use crate::yaml::NodeId;

pub(super) static KEYS: Each = Each(look);

fn look(seen: &Seen, tell: Tell) {
    missing(seen, tell);
    orphaned(seen, tell);
    in_roles(seen, tell);
}

/// What an object gives its Secret; None where nobody can tell.
fn keys(seen: &Seen) -> Option<BTreeSet<String>> {
    let of = |paths: &[&str]| {
        let maps = paths.iter().filter_map(|path| seen.at(path));
        maps.flat_map(|map| seen.tree.entries(map)).map(|(key, _)| seen.tree.key(key).into_owned()).collect()
    };
    match (seen.identity.group(), seen.identity.kind.as_str()) {
        ("", "Secret") => Some(of(&["data", "stringData"])).filter(|keys: &BTreeSet<String>| !keys.is_empty()),
        ("bitnami.com", _) => Some(of(&["spec/encryptedData", "spec/template/data"])),
        ("external-secrets.io", "ExternalSecret") => {
            let open = ["spec/dataFrom[]", "spec/target/template/templateFrom[]"];
            if open.iter().any(|path| !seen.each(path).is_empty()) {
                return None;
            }
            // What a template says stands in place of what was fetched, unless both are wanted.
            let made: BTreeSet<String> = of(&["spec/target/template/data"]);
            let fetched = seen.each("spec/data[]/secretKey").into_iter().filter_map(|node| seen.tree.text(node));
            let merged = seen.text("spec/target/template/mergePolicy") == Some("Merge");
            let creates = matches!(seen.text("spec/target/creationPolicy"), None | Some("Owner" | "Orphan"));
            let fetched: Vec<String> = fetched.map(str::to_owned).collect();
            let all = if made.is_empty() || merged { made.into_iter().chain(fetched).collect() } else { made };
            creates.then_some(all)
        }
        _ => None,
    }
}

/// The keys that consumers name, at the keys of the object that gives the Secret.
fn missing(seen: &Seen, tell: Tell) {
    // Told where the key is asked for, so that the answer stands beside the question.
    if seen.pod().is_none() {
        return;
    }
    let asked: Vec<(&str, &Use)> = uses(seen).filter(|(_, usage)| !usage.optional).collect();
    let mut known: BTreeMap<&str, Option<BTreeSet<String>>> = BTreeMap::new();
    for (name, usage) in asked {
        let given = known.entry(name).or_insert_with(|| given(seen, name, usage.namespace.as_deref()));
        let Some(given) = given else { continue };
        let wanted: Vec<NodeId> = match usage.form {
            Form::Env => seen.below(usage.holder, "key"),
            Form::Projected | Form::Volume => seen.below(usage.holder, "items[]/key"),
            _ => continue,
        };
        for node in wanted {
            if let Some(key) = seen.tree.text(node).filter(|key| !given.contains(*key)) {
                tell("references/missing-key", node, format!("the Secret \"{name}\" has no key \"{key}\""));
            }
        }
    }
}

fn uses<'v>(seen: &Seen<'v, '_>) -> impl Iterator<Item = (&'v str, &'v Use)> {
    let (inventory, id) = (&seen.view.inventory, seen.id);
    let secrets = inventory.uses.iter().filter(|((object, _), _)| *object == Object::Secrets);
    let all = secrets.flat_map(|((_, name), uses)| uses.iter().map(move |usage| (name.as_str(), usage)));
    all.filter(move |(_, usage)| usage.consumer == id)
}

/// The keys of everything that gives a Secret its content.
fn given(seen: &Seen, name: &str, namespace: Option<&str>) -> Option<BTreeSet<String>> {
    let near = |its: Option<&str>| its.is_none() || namespace.is_none() || its == namespace;
    let providers = &seen.view.inventory.provides;
    let fitting: BTreeSet<_> = providers
        .iter()
        .filter(|provider| provider.name == name && near(provider.namespace.as_deref()))
        .map(|provider| provider.manifest)
        .collect();
    let mut given = BTreeSet::new();
    for provider in all(seen.view).filter(|other| fitting.contains(&other.id)) {
        given.extend(keys(&provider)?);
    }
    (!fitting.is_empty()).then_some(given)
}

/// A Secret that is made here, and that nothing here names.
fn orphaned(seen: &Seen, tell: Tell) {
    let kind = (seen.identity.group(), seen.identity.kind.as_str());
    let made = matches!(kind, ("", "Secret") | ("bitnami.com" | "external-secrets.io", _));
    let of_provider = |provider: &&crate::model::Provider| provider.manifest == seen.id;
    let Some(provider) = seen.view.inventory.provides.iter().find(of_provider).filter(|_| made) else { return };
    // What finds its Secrets by their labels or types names none.
    let typed = ["type", "spec/template/type", "spec/target/template/type"].iter().find_map(|path| seen.text(path));
    let labels = ["metadata/labels", "spec/template/metadata/labels", "spec/target/template/metadata/labels"];
    let label = |path: &&str| {
        let map = seen.at(path);
        let mut keys = map.into_iter().flat_map(|map| seen.tree.entries(map));
        keys.any(|(key, _)| {
            let key = seen.tree.key(key);
            key.contains('/') && !key.starts_with("app.kubernetes.io/") && !key.starts_with("helm.sh/")
        })
    };
    if typed.is_some_and(|its| its != "Opaque" && its != "kubernetes.io/tls") || labels.iter().any(label) {
        return;
    }
    let mut uses = seen.view.inventory.uses_of(Object::Secrets, (provider.namespace.as_deref(), &provider.name), None);
    if uses.next().is_none() && all(seen.view).any(|other| other.pod().is_some()) {
        tell(
            "references/orphaned",
            seen.tree.root(),
            format!("nothing in the stream names the Secret \"{}\"", provider.name),
        );
    }
}

/// Names of Secrets in a role, of which the stream knows nothing.
fn in_roles(seen: &Seen, tell: Tell) {
    if !matches!(seen.identity.kind.as_str(), "ClusterRole" | "Role") {
        return;
    }
    for (name, usage) in uses(seen).filter(|(_, usage)| usage.form == Form::RoleNames) {
        let place = Place { manifest: seen.id, node: usage.node };
        let known = seen.view.inventory.provides.iter().any(|provider| provider.name == name);
        if !known && !(seen.view.provided)(name, usage.namespace.as_deref()) {
            tell(
                "references/role-names",
                place.node,
                format!("a role names the Secret \"{name}\", which nothing provides"),
            );
        }
    }
}
