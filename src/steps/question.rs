//! "May project P in namespace N read R into S?", as a render would ask it.

use super::claims::{reach, server};
use super::find;
use crate::error::{Problem, Problems};
use crate::grammars::GRAMMARS;
use crate::model::Scope;
use crate::settings::{Claim, Need, Rules};
use crate::sources::{self, Becomes};
use crate::targets;

/// What is asked.
pub struct Question<'q> {
    /// Who.
    pub project: &'q str,
    /// Where the Secret will be.
    pub namespace: Option<&'q str>,
    /// `ref+vault://kv/team/db`, or without `ref+`.
    pub reference: &'q str,
    /// What stands for the Secret; None: what its scheme becomes.
    pub target: Option<&'q str>,
    /// The cluster; None: the only one.
    pub cluster: Option<&'q str>,
    /// To what it is bound, where it is sealed.
    pub scope: Scope,
}

/// The number of the grant that lets it.
///
/// # Errors
/// There is none (exit 3), or the reference is none.
pub fn may(rules: &Rules, question: &Question) -> Result<usize, Problems> {
    let written = match question.reference {
        text if text.starts_with("ref+") || text.starts_with("secretref+") => text.to_owned(),
        text => format!("ref+{text}"),
    };
    let address = GRAMMARS.iter().find_map(|grammar| grammar.whole(&written, find::RESOLVE));
    let address = address.unwrap_or_else(|| {
        Err(Problem::new("the question holds no reference").hint("write it as in a Secret: ref+SCHEME://PATH"))
    })?;
    let target = match (question.target, sources::find(address.scheme.0)) {
        (Some(name), _) => Some(targets::find(name)?),
        (None, found) => targets::default(found.is_some_and(|(_, facts)| facts.becomes == Becomes::Sealed)),
    };
    let Some(target) = target else { return Err(Problem::new("no target is known").into()) };
    let mut claim = Claim::default();
    let mut add = |need| claim.add(None, need);
    add(Need::Namespace(question.namespace.map(str::to_owned)));
    let reached = reach(&address);
    if let Some(name) = reached.variable.clone() {
        add(Need::Variable(name));
    }
    if target.seals() {
        if let Some(scheme) = server(&address) {
            add(Need::Server(scheme));
        }
        add(Need::Scope(question.scope));
    } else if let Some(store) = rules.store_of(question.project, &reached) {
        add(Need::Store(store, reach(&address)));
    }
    add(Need::Read(reached));
    add(Need::Target(target.name().to_owned()));
    if target.seals() || question.cluster.is_some() {
        add(Need::Cluster(question.cluster.map(str::to_owned).or_else(|| rules.only_cluster())));
    }
    Ok(rules.decide(question.project, &claim).map_err(|refusal| refusal.problem)?)
}
