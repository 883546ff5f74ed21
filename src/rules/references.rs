//! References that nobody resolved, and names of Secrets that nobody provides.

use super::{Finding, Severity, View};
use crate::error::Problem;
use crate::model::{Form, MASK, Object, Place, Stream, Use, ignored, is_mask};
use crate::yaml::Kind;

pub(super) fn check(view: &View, tell: &mut dyn FnMut(Finding)) {
    for (id, tree, _) in view.stream.read() {
        if ignored(tree) {
            continue;
        }
        for node in tree.nodes().filter(|node| tree.kind(*node) == Kind::Scalar) {
            let place = Place { manifest: id, node };
            let Some(text) = tree.raw(node) else { continue };
            if let Some((rule, problem)) = unresolved(view, text, place) {
                let problem = problem.at(view.stream.tell(place));
                tell(Finding { rule, object: Some(place.manifest), severity: Severity::Error, problem });
            }
        }
    }
    let secrets = view.inventory.uses.iter().filter(|((object, _), _)| *object == Object::Secrets);
    let mut uses: Vec<(&str, &Use)> =
        secrets.flat_map(|((_, name), uses)| uses.iter().map(|usage| (name.as_str(), usage))).collect();
    uses.sort_by_key(|(_, usage)| (usage.consumer, usage.node));
    for (name, usage) in uses {
        dangling(view, name, usage, tell);
    }
}

fn unresolved(view: &View, text: &str, place: Place) -> Option<(&'static str, Problem)> {
    if (view.referring)(text, place) {
        let problem = Problem::new("a reference was not resolved")
            .hint("was sealref render skipped? kustomize ignores exec functions without --enable-exec");
        return Some(("references/unresolved", problem));
    }
    if text.contains("ENC[AES256_GCM,") || text.contains(MASK) && is_mask(text) {
        let problem = Problem::new("a value is still encrypted with SOPS, or masked")
            .hint("decrypt it while rendering; the cluster would take it for the value");
        return Some(("references/sops", problem));
    }
    None
}

/// A name is provided by an object of the stream, by the settings' word, or it is optional.
fn dangling(view: &View, name: &str, usage: &Use, tell: &mut dyn FnMut(Finding)) {
    let stream: &Stream = view.stream;
    // A role may well name what is not there yet.
    let asked = usage.form != Form::RoleNames;
    if !asked || usage.optional || is_provided(view, name, usage.namespace.as_deref()) {
        return;
    }
    let severity = if view.complete { Severity::Error } else { Severity::Warning };
    let place = Place { manifest: usage.consumer, node: usage.node };
    let problem = Problem::new(format!("nothing in the stream provides the Secret \"{name}\""))
        .hint("where something else provides it, say so in the settings: provided: [{name: ..., by: ...}]")
        .at(stream.tell(place));
    tell(Finding { rule: "references/dangling", object: Some(usage.consumer), severity, problem });
}

fn is_provided(view: &View, name: &str, namespace: Option<&str>) -> bool {
    let here = view.inventory.provides.iter().any(|provider| {
        // An object without a namespace goes where the whole stream goes.
        let same = match (provider.namespace, namespace) {
            (Some(its), Some(ours)) => its == ours,
            _ => true,
        };
        same && provider.name == name
    });
    here || (view.provided)(name, namespace)
}
