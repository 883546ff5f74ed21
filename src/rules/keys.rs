//! Keys that a Secret does not have, Secrets that nobody uses, and names in roles that nobody provides.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::{Seen, Tell, all};
use super::table::tell_at;
use super::{Finding, View};
use crate::error::Problem;
use crate::model::{Form, ManifestId, Object, Place, Use};
use crate::yaml::NodeId;

/// What an object names.
type Uses<'v> = [(&'v str, &'v Use)];

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    let mut by_consumer: BTreeMap<ManifestId, Vec<(&str, &Use)>> = BTreeMap::new();
    for ((_, name), uses) in view.inventory.uses.iter().filter(|((object, _), _)| *object == Object::Secrets) {
        for usage in uses {
            by_consumer.entry(usage.consumer).or_default().push((name, usage));
        }
    }
    let runs = all(view).any(|seen| seen.pod().is_some());
    for seen in all(view) {
        let uses = by_consumer.get(&seen.id).map_or(&[][..], Vec::as_slice);
        let mut found = |rule, node, message| {
            tell_at(view, rule, Some(Place { manifest: seen.id, node }), Problem::new(message), tell);
        };
        missing(&seen, uses, &mut found);
        in_roles(&seen, uses, &mut found);
        if runs {
            orphaned(&seen, &mut found);
        }
    }
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
fn missing(seen: &Seen, uses: &Uses, tell: Tell) {
    // Told where the key is asked for, so that the answer stands beside the question.
    if seen.pod().is_none() {
        return;
    }
    let mut known: BTreeMap<&str, Option<BTreeSet<String>>> = BTreeMap::new();
    for (name, usage) in uses.iter().filter(|(_, usage)| !usage.optional) {
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

/// The keys of everything that gives a Secret its content.
fn given(seen: &Seen, name: &str, namespace: Option<&str>) -> Option<BTreeSet<String>> {
    let near = |its: Option<&str>| its.is_none() || namespace.is_none() || its == namespace;
    let providers = &seen.view.inventory.provides;
    let fitting: BTreeSet<_> = providers
        .iter()
        .filter(|provider| provider.name == name && near(provider.namespace))
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
    // They stand in the order of their objects
    let provides = &seen.view.inventory.provides;
    let at = provides.partition_point(|provider| provider.manifest < seen.id);
    let Some(provider) = provides.get(at).filter(|its| made && its.manifest == seen.id) else { return };
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
    let mut uses = seen.view.inventory.uses_of(Object::Secrets, (provider.namespace, provider.name), None);
    if uses.next().is_none() && !is_filled_or_found_later(seen, provider.name) {
        tell(
            "references/orphaned",
            seen.tree.root(),
            format!("nothing in the stream names the Secret \"{}\"", provider.name),
        );
    }
}

/// An empty one, which a program fills and so knows; or one that an operator finds by its own rule: `alertmanager-main`
/// belongs to the Alertmanager called main.
fn is_filled_or_found_later(seen: &Seen, name: &str) -> bool {
    let empty = seen.identity.is("", "Secret") && !seen.holds("data") && !seen.holds("stringData");
    let mut others = seen.view.inventory.by_identity.keys().filter(|other| !other.group().is_empty());
    empty || others.any(|other| name == format!("{}-{}", other.kind.to_ascii_lowercase(), other.name))
}

/// Names of Secrets in a role, of which the stream knows nothing.
fn in_roles(seen: &Seen, uses: &Uses, tell: Tell) {
    if !matches!(seen.identity.kind.as_str(), "ClusterRole" | "Role") {
        return;
    }
    for (name, usage) in uses.iter().filter(|(_, usage)| usage.form == Form::RoleNames) {
        let known = seen.view.inventory.provides.iter().any(|provider| provider.name == *name);
        if !known && !(seen.view.provided)(name, usage.namespace.as_deref()) {
            tell(
                "references/role-names",
                usage.node,
                format!("a role names the Secret \"{name}\", which nothing provides"),
            );
        }
    }
}
