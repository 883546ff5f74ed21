//! What a running cluster adds to a stream (`--live`): its roles and bindings, and its answers. No Secret is asked for.

use std::cell::RefCell;

use crate::error::{Exit, Problem};
use crate::model::Wire;
use crate::rules::{Deployer, Live, rbac::Existing, rbac::User};
use crate::sources::Api;

/// The cluster of the kubeconfig, or of the pod; `deployer` applies the stream, and nobody else than whoever asks where
/// it is None.
///
/// # Errors
/// There is none, or it does not answer. What is known without it stands.
pub fn live(deployer: Option<User>, wire: &mut dyn Wire) -> Result<Live<'_>, Problem> {
    let api = Api::find(wire)?;
    let existing = match api.objects(wire) {
        Ok(source) => Existing::read(&source),
        // Who may not list may still ask about himself
        Err(problem) if problem.code() == Exit::Refused => Err(problem),
        Err(problem) => return Err(problem),
    };
    let deployer = if let Some(user) = deployer {
        Deployer::Named(user)
    } else {
        let who = api.myself(wire).ok();
        Deployer::Asking(who.map(|who| User { name: who.username, groups: who.groups }))
    };
    let wire = RefCell::new(wire);
    let ask = move |reviews: &[serde_json::Value]| api.allowed(reviews, &mut **wire.borrow_mut());
    Ok(Live { existing, deployer, ask: Box::new(ask) })
}
