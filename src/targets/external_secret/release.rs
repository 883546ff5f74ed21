//! What an ExternalSecret that is applied makes, and how it lets its Secret go.
//!
//! Source: `shouldRefresh`, `setMetadata` and `cleanupManagedSecrets` in `pkg/controllers/externalsecret` of
//! external-secrets.

use super::{KIND, UNOWNED, metadata};
use crate::error::Problem;
use crate::model::{Makes, each};
use crate::yaml::{NodeId, Tree, Value};

/// The policies under which it makes the Secret alone; `Owner` is the default.
const WHOLE: [&str; 2] = ["Owner", UNOWNED];

pub(super) fn makes(object: &Tree) -> Result<Makes, Problem> {
    let target = at(object, &["spec", "target"]);
    let policy = text(object, &["spec", "target", "creationPolicy"]).unwrap_or("Owner");
    if !WHOLE.contains(&policy) {
        return Err(Problem::new(format!("an {KIND} with creationPolicy: {policy} does not make the whole Secret"))
            .hint("whoever makes it keeps it: give the new Secret another name, or leave the object out of --from"));
    }
    Ok(Makes::read(object, target.and_then(|target| object.get(target, "template")), target))
}

pub(super) fn release(object: &Tree) -> Result<Value<'static>, Problem> {
    let mut spec = vec![];
    // Else the patch would change nothing: what is there is not looked at again
    if is_done(object) {
        if is_generated(object) {
            return Err(Problem::new(format!(
                "its {KIND} is never refreshed, so it cannot let go of what was generated"
            ))
            .hint("a refresh would make another value: give the new Secret another name, and whoever uses it"));
        }
        spec.push(("refreshPolicy", Value::text("OnChange")));
    }
    let mut target = vec![("creationPolicy", Value::text(UNOWNED))];
    // Its finalizer deletes what it still owns at that moment
    if text(object, &["spec", "target", "deletionPolicy"]) == Some("Delete") {
        target.push(("deletionPolicy", Value::text("Retain")));
    }
    target.push(("template", Value::map([("metadata", template(object))])));
    spec.push(("target", Value::map(target)));
    Ok(Value::map([("spec", Value::map(spec))]))
}

/// Without a template its own labels and annotations are copied; with any template these alone.
fn template(object: &Tree) -> Value<'static> {
    let (free, yes) = metadata::FREE;
    let copied = at(object, &["spec", "target", "template"]).is_none();
    let own = |field: &str| at(object, &["metadata", field]).filter(|_| copied);
    let own = |field: &str| own(field).map_or(Value::Map(vec![]), |node| Value::of(object, node).into_owned());
    let mut annotations = own("annotations");
    if let Value::Map(entries) = &mut annotations {
        entries.retain(|(name, _)| !metadata::is_bookkeeping(name));
    }
    annotations.push(free, Value::text(yes));
    let mut entries = vec![("annotations", annotations)];
    let labels = own("labels");
    if matches!(&labels, Value::Map(labels) if !labels.is_empty()) {
        entries.push(("labels", labels));
    }
    Value::map(entries)
}

/// Has it been refreshed for the last time?
fn is_done(object: &Tree) -> bool {
    let interval = at(object, &["spec", "refreshInterval"]).and_then(|node| object.raw(node));
    // As Go prints and reads them: 0, 0s, 0h0m0s
    let never = interval.is_some_and(|text| text.contains('0') && !text.contains(|c| matches!(c, '1'..='9')));
    match text(object, &["spec", "refreshPolicy"]) {
        Some("CreatedOnce") => true,
        Some("OnChange") => false,
        _ => never,
    }
}

fn is_generated(object: &Tree) -> bool {
    let mut found = false;
    for path in ["spec/data[]/sourceRef/generatorRef", "spec/dataFrom[]/sourceRef/generatorRef"] {
        each(object, object.root(), path, &mut |_| found = true);
    }
    found
}

fn at(object: &Tree, path: &[&str]) -> Option<NodeId> {
    object.at(object.root(), path)
}

fn text<'t>(object: &'t Tree, path: &[&str]) -> Option<&'t str> {
    at(object, path).and_then(|node| object.text(node))
}
