//! Why a right is there, in words: the rule, the binding, the role.

use crate::model::{Place, Stream};
use crate::rules::rbac::{self, Grant, Way};

/// `RoleBinding shop/web (stdin:12) to ClusterRole edit (in every cluster), from ClusterRole keys (stdin:20)`.
pub(super) fn chain(stream: &Stream, grant: &Grant) -> String {
    let Grant { binding, role, held } = grant;
    let line = |place: Option<Place>, everywhere| match place.map(|place| stream.tell(place).head()) {
        Some(line) => format!("({line})"),
        None if everywhere => "(in every cluster)".to_owned(),
        None => "(in the cluster)".to_owned(),
    };
    let of_role = |place, namespace, name: &str| line(place, rbac::has_every_cluster(namespace, name));
    let from = held.from.as_ref().map(|from| format!(", from ClusterRole {from} {}", of_role(held.place, None, from)));
    let here = of_role(role.place, role.namespace.as_deref(), &role.name);
    format!("{binding} {} to {role} {here}{}", line(binding.place, binding.is_everywhere()), from.unwrap_or_default())
}

/// True where it is so in every cluster.
pub(super) fn is_built_in(ways: &[Way]) -> bool {
    ways.iter().flat_map(|way| &way.grants).all(Grant::is_everywhere)
}
