//! `--live`: whether a running cluster is asked too.

use clap::Args;

use crate::error::{Exit, Problem, Problems};
use crate::model::{Stream, Wire};
use crate::rules::rbac::{Access, Subject, User};
use crate::{rules, steps};

/// Whether a running cluster is asked too.
#[derive(Args)]
pub(super) struct Live {
    /// Ask the cluster of the kubeconfig, or of the pod, for its roles and for what it allows; never for a Secret
    #[arg(long, help_heading = "Cluster")]
    live: bool,
}

/// Who applies what is checked.
#[derive(Args)]
pub(super) struct Deployer {
    /// Who applies the stream, where it is not whoever asks: a user, or system:serviceaccount:NAMESPACE:NAME
    #[arg(long = "as", value_name = "USER", requires = "live", help_heading = "Cluster")]
    user: Option<String>,
    /// A group that --as is in; may be given several times
    #[arg(long = "as-group", value_name = "GROUP", requires = "user", help_heading = "Cluster")]
    groups: Vec<String>,
}

impl Deployer {
    /// None: whoever asks.
    pub(super) fn user(self) -> Option<User> {
        let mut user = User::of(&Subject::named(&self.user?));
        user.groups.extend(self.groups);
        Some(user)
    }
}

impl Live {
    /// None: the cluster is not to be asked; in it, Err: it cannot be, and what is known without it stands.
    ///
    /// # Errors
    /// This build asks no cluster (exit 2).
    pub(super) fn ask<'w>(
        &self,
        deployer: Option<User>,
        wire: &'w mut dyn Wire,
    ) -> Result<Option<Result<rules::Live<'w>, Problem>>, Problem> {
        if self.live && !cfg!(feature = "cluster") {
            return Err(Problem::new("--live is given, and this build of sealref asks no cluster")
                .hint("use a release, or build with --features cluster")
                .exit(Exit::Usage));
        }
        Ok(self.live.then(|| steps::live::live(deployer, wire)))
    }
}

/// What a stream says, over what the cluster has; what of that is not known is told, and what every cluster has is
/// taken for it.
pub(super) fn access(live: Option<&Result<rules::Live, Problem>>, stream: &Stream, own: &str) -> (Access, Problems) {
    let existing = live.map(|live| live.as_ref().and_then(|live| live.existing.as_ref()));
    match existing {
        None => (Access::read(stream, own), Problems::default()),
        Some(Ok(existing)) => (Access::over(existing, stream, own), Problems::default()),
        Some(Err(problem)) => (Access::read(stream, own), problem.clone().into()),
    }
}
