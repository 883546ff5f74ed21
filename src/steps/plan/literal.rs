//! Literal values: what passes, what is public, what is refused.

use std::collections::BTreeSet;

use super::{Context, object::Object};
use crate::error::{Problem, Problems};
use crate::hosts::Job;
use crate::model::{
    FILLED_IN, Identity, Item, Metadata, Opaque, Origin, Part, Plan, Provision, Stream, is_filled_in, is_mask,
};
use crate::rules::plaintext::{self, PUBLIC_KEYS};
use crate::settings::{Plaintext, SecretRule};
use crate::yaml::Tree;

/// Why a Secret without references goes out as it is; None where its values are to be judged.
pub(super) fn passes(object: &Object, items: &[Item]) -> Option<&'static str> {
    match object.secret_type.as_deref() {
        Some("kubernetes.io/service-account-token") if items.is_empty() => Some("its token comes from Kubernetes"),
        _ if items.iter().all(is_empty) => Some("it is empty"),
        _ => None,
    }
}

/// Under a policy nothing is: anybody can write a Secret so.
pub(super) fn is_record_of_helm(tree: &Tree, identity: &Identity, job: &Job) -> bool {
    !job.policy.holds() && plaintext::is_record_of_helm(tree, &identity.name)
}

/// No bytes, and no escape that has to be undone.
pub(super) fn is_empty(item: &Item) -> bool {
    item.template.literals().all(|literal| literal.0.is_empty())
}

/// Keys whose literal values are public, by annotation or by a rule of the settings.
pub(super) fn public_keys(metadata: &Metadata, rule: Option<&SecretRule>) -> BTreeSet<String> {
    let words = plaintext::public(metadata.annotation(PUBLIC_KEYS)).map(str::to_owned);
    words.chain(rule.into_iter().flat_map(|rule| rule.public_keys.iter().cloned())).collect()
}

/// Values in which variables would have been filled in, and no longer are: what we make of them is left alone.
pub(super) fn left(stream: &Stream, plan: &Plan) -> Problems {
    let mut left = Problems::default();
    for item in plan.provisions.iter().flat_map(|provision| &provision.items) {
        let Some(Ok(tree)) = stream.get(item.place.manifest).map(|manifest| manifest.tree()) else { continue };
        let (name, off) = FILLED_IN;
        let said = |map| tree.at(tree.root(), &["metadata", map, name]).and_then(|node| tree.text(node));
        let is_off = ["annotations", "labels"].into_iter().any(|map| said(map) == Some(off));
        if !is_off && tree.text(item.place.node).is_some_and(is_filled_in) {
            left.push(
                Problem::new("variables would have been filled in here later, and cannot be any more")
                    .hint(format!("where the text is meant as it stands, annotate its object with {name}: {off}"))
                    .at(stream.tell(item.place)),
            );
        }
    }
    left
}

/// Judges the literal values of a Secret that is replaced, and the literal text around references.
pub(super) fn judge(context: &Context, provision: &Provision, rule: Option<&SecretRule>, seals: bool) -> Problems {
    let mut problems = Problems::default();
    let public = public_keys(&provision.metadata, rule);
    let settled = context.job.settings.plaintext_by(rule);
    for item in &provision.items {
        // What stood in a ConfigMap was no secret.
        let public = matches!(provision.origin, Origin::Promoted(_)) || public.contains(&*item.key);
        let judged = if context.job.settings.layered && item.template.is_literal() {
            Err(Problem::new("a literal value stands in a Secret that later layers see in full: layered: true")
                .hint("put a reference there, or list the transformer once, in the outermost kustomization"))
        } else if item.template.is_literal() {
            whole(item, public, settled, seals)
        } else {
            around(item, seals)
        };
        problems.keep(judged.map_err(|problem| problem.at(context.stream.tell(item.place))));
    }
    problems
}

fn whole(item: &Item, public: bool, settled: Plaintext, seals: bool) -> Result<(), Problem> {
    let empty = item.template.literals().all(|literal| literal.0.is_empty());
    let key = &item.key;
    if item.template.literals().filter_map(Opaque::text).any(is_mask) {
        return Err(Problem::new("the value is a mask: Flux prints it in place of an encrypted one")
            .hint("render what kustomize build prints; what flux build prints is for sealref verify"));
    }
    match settled {
        _ if public || empty => Ok(()),
        Plaintext::Seal if seals => Ok(()),
        Plaintext::Seal => Err(Problem::new("a literal value cannot be sealed into an ExternalSecret")
            .hint(format!("split the Secret, or mark the key as public: {PUBLIC_KEYS}: {key}"))),
        Plaintext::Deny | Plaintext::Pass => Err(Problem::new("a literal value stands in a Secret")
            .hint(format!("put a reference there, or mark the key as public: {PUBLIC_KEYS}: {key}"))),
    }
}

/// Text around a reference ends up readable in the template of an ExternalSecret.
fn around(item: &Item, seals: bool) -> Result<(), Problem> {
    if seals || item.template.single().is_some() {
        return Ok(());
    }
    let mut text = String::new();
    for part in item.template.parts() {
        match part {
            Part::Literal(literal) => text.push_str(literal.text().unwrap_or_default()),
            Part::Escaped(_) | Part::Reference(_) => text.push(plaintext::REFERENCE),
        }
    }
    match plaintext::detect(&text) {
        None => Ok(()),
        Some(what) => Err(Problem::new(format!("the text around the reference holds {what}"))
            .hint("put a reference there too: text around references stays readable in the cluster")),
    }
}
