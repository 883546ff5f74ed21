//! Why a right is there, in words: the rule, the binding, the role.

use crate::model::{Place, Stream};
use crate::rules::rbac::{Grant, Way};

/// `RoleBinding shop/web (stdin:12) to ClusterRole edit (in every cluster), from ClusterRole keys (stdin:20)`.
pub(super) fn chain(stream: &Stream, grant: &Grant) -> String {
    let Grant { binding, role, held } = grant;
    let line = |place| line(stream, place);
    let from = held.from.as_ref().map(|from| format!(", from ClusterRole {from} {}", line(held.place)));
    format!("{binding} {} to {role} {}{}", line(binding.place), line(role.place), from.unwrap_or_default())
}

fn line(stream: &Stream, place: Option<Place>) -> String {
    let line = place.map(|place| stream.tell(place).head());
    format!("({})", line.unwrap_or_else(|| "in every cluster".to_owned()))
}

/// True where nothing of the stream has a part in it.
pub(super) fn is_built_in(ways: &[Way]) -> bool {
    let ours = |grant: &Grant| grant.binding.place.is_some() || grant.held.place.is_some();
    !ways.iter().flat_map(|way| &way.grants).any(ours)
}
