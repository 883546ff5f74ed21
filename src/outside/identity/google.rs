//! Google Cloud: application default credentials (service account, user, workload identity federation, impersonation,
//! metadata server), as its own library finds them.

use google_cloud_auth::credentials::Builder;
use google_cloud_auth::errors::CredentialsError;
use zeroize::Zeroizing;

use crate::error::{Exit, Problem};

/// What Secret Manager and Cloud KMS ask for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

pub(super) async fn token() -> Result<Zeroizing<Vec<u8>>, Problem> {
    let credentials = Builder::default().with_scopes([SCOPE]).build_access_token_credentials().map_err(|_| {
        Problem::new("the credentials of Google Cloud cannot be used")
            .hint("does GOOGLE_APPLICATION_CREDENTIALS name a complete file of credentials?")
    })?;
    let token = credentials.access_token().await.map_err(|error| refused(&error))?;
    Ok(Zeroizing::new(token.token.into_bytes()))
}

/// The library's own words may hold what a server answered.
fn refused(error: &CredentialsError) -> Problem {
    let problem = Problem::new("Google Cloud gives no token to whoever runs this")
        .hint("gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS");
    if error.is_transient() { problem.exit(Exit::Source) } else { problem }
}
