//! Where a reference may stand. A site finds values and, where the object itself stays, lifts them out;
//! both are in one file, so that what was found is exactly what is changed.
//!
//! A new site is one file here and two lines in this one.

mod config_map;
mod env;
mod helm_values;
mod secret_data;

pub use secret_data::plain;

use std::borrow::Cow;

use crate::error::Problem;
use crate::model::Identity;
use crate::yaml::{Edits, NodeId, Tree};

/// A value at a site.
pub struct Spot<'t> {
    /// The value's node.
    pub node: NodeId,
    /// The key it has, or will have, in a Secret.
    pub key: Cow<'t, str>,
    /// The value as Kubernetes decodes it, or why there is none.
    pub value: Result<Cow<'t, [u8]>, Problem>,
}

/// Which values of an object matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// All of them: the object itself is judged.
    All,
    /// All of them where one holds a reference: the object itself is replaced then.
    AllOrNone,
    /// Those that hold a reference: they are lifted out of it.
    Referring,
}

/// One kind of place.
pub trait Site: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Which of its values matter.
    fn takes(&self) -> Takes;

    /// Is the site in objects of this kind?
    fn covers(&self, identity: &Identity) -> bool;

    /// Every value at the site, in order.
    fn find<'t>(&self, tree: &'t Tree, identity: &Identity) -> Vec<Spot<'t>>;

    /// Makes what stands at these nodes come from a key of a Secret.
    fn lift(&self, _tree: &Tree, _nodes: &[NodeId], _name: &str, _key: &str, _edits: &mut Edits) {}
}

/// The site of ConfigMaps, which the settings may open.
pub const CONFIG_MAP: &str = "config map";

/// The site of values of HelmReleases, which the settings may open.
pub const HELM_VALUES: &str = "helm values";

/// All sites.
pub static SITES: &[&dyn Site] =
    &[&secret_data::SecretData, &env::Env, &config_map::ConfigMap, &helm_values::HelmValues];

/// The site of an object; there is one at most.
#[must_use]
pub fn of(identity: &Identity) -> Option<&'static dyn Site> {
    SITES.iter().find(|site| site.covers(identity)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_one_site_at_most() {
        let identity = |(api_version, kind): (&str, &str)| Identity {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: "app".to_owned(),
        };
        let core = ["ConfigMap", "Pod", "PodTemplate", "ReplicationController", "Secret"].map(|kind| ("v1", kind));
        let apps = ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"].map(|kind| ("apps/v1", kind));
        let more = [
            ("argoproj.io/v1alpha1", "Rollout"),
            ("batch/v1", "CronJob"),
            ("batch/v1", "Job"),
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ];
        for identity in core.into_iter().chain(apps).chain(more).map(identity) {
            let covering = SITES.iter().filter(|site| site.covers(&identity));
            assert_eq!(covering.count(), 1, "{identity}");
        }
        assert!(of(&identity(("example.org/v1", "Secret"))).is_none());
    }
}
