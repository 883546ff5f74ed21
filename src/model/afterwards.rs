//! What is still done to the output before it is applied, as far as somebody has written it down.

use regex::Regex;

use super::{Identity, SEALED_FOR, Scope};
use crate::error::Problem;

/// What whoever applies the output does to it beforehand.
#[derive(Default)]
pub struct Afterwards {
    /// The namespace that every namespaced object is moved to, whatever it writes.
    pub namespace: Option<String>,
    /// What is changed in some of the objects.
    pub changes: Vec<Change>,
    /// True where variables are filled in: `${NAME}`, in any text.
    pub fills_in: bool,
}

/// One change of some objects.
pub struct Change {
    /// Where it is written: `apps.yaml:12, spec.patches[0]`.
    pub place: String,
    /// The objects that it changes.
    pub selects: Selects,
    /// What it sets or takes away: keys from the root. Without any, the whole object.
    pub paths: Vec<Vec<String>>,
}

/// Which objects are selected: those that fit everything that is said. What else a selector may say (labels,
/// annotations, the namespace before it changes) is taken to fit.
#[derive(Clone, Default)]
pub struct Selects {
    /// The API group.
    pub group: Option<Regex>,
    /// The version in it.
    pub version: Option<Regex>,
    /// The kind.
    pub kind: Option<Regex>,
    /// The name.
    pub name: Option<Regex>,
}

impl Afterwards {
    /// What would be changed of an object that is right only as it stands.
    pub fn breaks<'a>(&'a self, object: &'a Identity) -> impl Iterator<Item = Problem> + 'a {
        let selecting = self.changes.iter().filter(|change| change.selects.fits(object));
        selecting.filter_map(move |change| {
            let what = change.breaks()?;
            Some(
                Problem::new(format!("it changes {what} of {object}, which works only as it is here"))
                    .hint("change it before: in the kustomization that is built and piped into sealref")
                    .at(change.place.clone()),
            )
        })
    }

    /// What was meant for an object that is another one by then, and would be lost without a word.
    pub fn misses<'a>(&'a self, object: &'a Identity, by_then: &'a Identity) -> impl Iterator<Item = Problem> + 'a {
        let lost = |change: &&Change| change.selects.fits(object) && !change.selects.fits(by_then);
        self.changes.iter().filter(lost).map(move |change| {
            Problem::new(format!("it is for {object}, which is {} by then", by_then.kind))
                .hint("change it before: in the kustomization that is built and piped into sealref")
                .at(change.place.clone())
        })
    }
}

impl Change {
    /// The first path that has to stay and does not.
    fn breaks(&self) -> Option<String> {
        let overlap = |path: &[String], fixed: &[&str]| path.iter().zip(fixed).all(|(a, b)| a == b);
        let changed = |fixed: &&Vec<&str>| self.paths.iter().any(|path| overlap(path, fixed));
        fixed().iter().find(changed).map(|fixed| fixed.join("."))
    }
}

/// What holds an object that we make together: its identity, what its ciphertexts are bound to, what workloads name.
fn fixed() -> Vec<Vec<&'static str>> {
    let mut fixed = vec![
        vec!["metadata", "name"],
        vec!["metadata", "namespace"],
        vec!["apiVersion"],
        vec!["kind"],
        vec!["spec", "encryptedData"],
        vec!["spec", "target", "name"],
        vec!["metadata", "annotations", SEALED_FOR],
    ];
    for scope in Scope::ALL.iter().filter_map(|scope| scope.annotation()) {
        fixed.push(vec!["metadata", "annotations", scope]);
        fixed.push(vec!["spec", "template", "metadata", "annotations", scope]);
    }
    fixed
}

impl Selects {
    fn fits(&self, object: &Identity) -> bool {
        let version = object.api_version.rsplit_once('/').map_or(&*object.api_version, |(_, version)| version);
        let said = [
            (&self.group, object.group()),
            (&self.version, version),
            (&self.kind, &object.kind),
            (&self.name, &object.name),
        ];
        said.into_iter().all(|(pattern, text)| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text)))
    }
}

/// What switches it off for one object, as an annotation or a label.
pub const FILLED_IN: (&str, &str) = ("kustomize.toolkit.fluxcd.io/substitute", "disabled");

/// Would the text be another one, with variables filled in? `${` begins a variable, `$$` is one dollar sign.
/// Source: `parse/scan.go` of fluxcd/pkg/envsubst.
#[must_use]
pub fn is_filled_in(text: &str) -> bool {
    text.contains("${") || text.contains("$$")
}
