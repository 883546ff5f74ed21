//! Values that are lifted out of a workload into a Secret of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{Context, TARGET, object};
use crate::error::{Problem, Problems};
use crate::model::{Identity, Item, Lift, ManifestId, Metadata, Origin, Provision};
use crate::yaml::Tree;

impl Context<'_, '_> {
    /// Plans the Secret of one workload, and the places that will point to it. Values that hold only
    /// an escape stay text, without it.
    pub(super) fn lifted<'t>(
        &self,
        id: ManifestId,
        tree: &Tree,
        identity: &Identity,
        found: Vec<Item<'t>>,
    ) -> Result<(Option<Provision<'t>>, Vec<Lift>), Problems> {
        let mut problems = Problems::default();
        let at = || self.stream.tell_object(id);
        let metadata = object::metadata(tree).map_err(|problem| problem.at(at()))?;
        if identity.name.is_empty() {
            return Err(Problem::new("the object has no metadata.name, and the lifted Secret is named after it")
                .hint("name the object")
                .at(at())
                .into());
        }
        let name = lifted_name(identity);
        let (mut items, mut lifts): (Vec<Item>, Vec<Lift>) = (vec![], vec![]);
        let (mut places, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for item in found {
            // What several containers share through an alias is one place, and is lifted once.
            if places.contains(&item.place) {
                continue;
            }
            if item.template.is_literal() {
                lifts.push(Lift::text(&item.template, item.place));
                continue;
            }
            let at = |problem: Problem| problem.at(self.stream.tell(item.place));
            if expands(&item) {
                problems.push(at(Problem::new(
                    "$(NAME) or $$ in the value would not be expanded any more once it is lifted",
                )
                .hint("give the reference a variable of its own, and compose the value from it")));
            }
            if item.key.starts_with('.') || item.key.ends_with('.') {
                problems.push(at(Problem::new("the container or the variable has no name that is text")
                    .hint("put it in quotes; Kubernetes reads y, on and no as booleans")));
                continue;
            }
            if !keys.insert(item.key.clone()) {
                problems.push(at(Problem::new("the variable is set twice").hint("remove one of them")));
                continue;
            }
            let (name, key) = (name.clone(), item.key.clone().into_owned());
            lifts.push(Lift::Key { places: vec![item.place], name, key });
            places.insert(item.place);
            items.push(item);
        }
        if items.is_empty() {
            return problems.or((None, lifts));
        }
        let provision = self.lifted_secret(id, identity, &metadata, items, &mut problems);
        problems.or((provision, lifts))
    }

    /// The Secret of an object from which values are lifted; it comes before that.
    pub(super) fn lifted_secret<'t>(
        &self,
        id: ManifestId,
        identity: &Identity,
        metadata: &Metadata,
        items: Vec<Item<'t>>,
        problems: &mut Problems,
    ) -> Option<Provision<'t>> {
        let secret = Identity {
            api_version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            namespace: identity.namespace.clone(),
            name: lifted_name(identity),
        };
        let metadata = problems.keep(before(metadata).map_err(|problem| problem.at(self.stream.tell_object(id))))?;
        let (origin, scope) = (Origin::Lifted(id), self.job.settings.scope);
        let mut provision = Provision::new(origin, Cow::Owned(secret), metadata, items, scope);
        let rule = self.rule(&provision.secret, &provision.metadata);
        self.settle(&mut provision, rule, problems);
        Some(provision)
    }
}

/// Kubernetes expands `$(NAME)` and `$$` in `value`, and not in what comes from a Secret.
fn expands(item: &Item) -> bool {
    item.template.literals().filter_map(|literal| literal.text()).any(|text| text.contains("$(") || text.contains("$$"))
}

/// `<name>-<kind>-refs`, lower case; too long a name is cut and told apart by a hash.
fn lifted_name(identity: &Identity) -> String {
    let kind = identity.kind.to_ascii_lowercase();
    let whole = format!("{}-{kind}-refs", identity.name);
    if whole.len() <= LONGEST {
        return whole;
    }
    let hash = short_hash(&whole);
    let tail = format!("-{hash}-{kind}-refs");
    let front: String = identity.name.chars().take(LONGEST.saturating_sub(tail.len())).collect();
    format!("{}{tail}", front.trim_end_matches(['-', '.']))
}

/// Tells apart names that were cut alike; a name is no secret.
fn short_hash(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    format!("{:08x}", digest.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes)))
}

/// Of a name that other objects put something behind: a label's length.
const LONGEST: usize = 63;

/// Of what Helm puts there before or after the rest.
pub(super) const HELM_HOOK: &str = "helm.sh/hook";

/// The hook of the workload, one wave or weight earlier, and not deleted before it has run.
fn before(workload: &Metadata) -> Result<Metadata, Problem> {
    let mut annotations = vec![];
    let mut copy = |name: &str| {
        if let Some(value) = workload.annotation(name) {
            annotations.push((name.to_owned(), value.to_owned()));
        }
    };
    copy(TARGET);
    // Helm 4 puts what a post-renderer gives back into the files that it came from.
    copy("postrenderer.helm.sh/postrender-filename");
    let (argo, helm) = ("argocd.argoproj.io/hook", HELM_HOOK);
    copy(argo);
    copy(helm);
    if workload.annotation(argo).is_some() {
        annotations.push((format!("{argo}-delete-policy"), "BeforeHookCreation".to_owned()));
    }
    if workload.annotation(helm).is_some() {
        annotations.push((format!("{helm}-delete-policy"), "before-hook-creation".to_owned()));
    }
    let orders = [("argocd.argoproj.io/sync-wave", argo), ("helm.sh/hook-weight", helm)];
    for (order, hook) in orders {
        let said = workload.annotation(order);
        if said.is_none() && workload.annotation(hook).is_none() {
            continue;
        }
        let number: i64 = said.unwrap_or("0").trim().parse().map_err(|_| {
            Problem::new(format!("the annotation {order} is not a whole number")).hint("write \"1\" or \"-1\"")
        })?;
        annotations.push((order.to_owned(), number.saturating_sub(1).to_string()));
    }
    Ok(Metadata { labels: vec![], annotations })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(kind: &str, name: &str) -> Identity {
        Identity { api_version: "apps/v1".into(), kind: kind.into(), namespace: None, name: name.into() }
    }

    #[test]
    fn the_lifted_secret_is_named_after_its_workload() {
        assert_eq!(lifted_name(&identity("Deployment", "web")), "web-deployment-refs");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let one = lifted_name(&identity("Deployment", &"a".repeat(70)));
        let other = lifted_name(&identity("Deployment", &"a".repeat(71)));
        assert!(one.len() <= LONGEST && one.ends_with("-deployment-refs"), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn the_secret_of_a_hook_comes_one_wave_earlier() {
        let workload =
            Metadata { labels: vec![], annotations: vec![("argocd.argoproj.io/hook".into(), "PreSync".into())] };
        let before = before(&workload).unwrap();
        assert_eq!(before.annotation("argocd.argoproj.io/sync-wave"), Some("-1"));
        assert_eq!(before.annotation("argocd.argoproj.io/hook"), Some("PreSync"));
        assert_eq!(before.annotation("argocd.argoproj.io/hook-delete-policy"), Some("BeforeHookCreation"));
    }
}
