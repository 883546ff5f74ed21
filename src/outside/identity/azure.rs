//! Azure: what a machine has, in the order of its SDKs (environment, workload identity, managed identity). Its command
//! lines are not asked: that would start a program.

use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_identity::{
    ClientSecretCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential,
};
use zeroize::Zeroizing;

use crate::error::{Exit, Problem};
use crate::outside::environment;

pub(super) async fn token(scope: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let token = credential()?.get_token(&[scope], None).await.map_err(|_| {
        Problem::new("Azure gives no token to whoever runs this")
            .hint("set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or give the pod a workload identity")
            .exit(Exit::Source)
    })?;
    Ok(Zeroizing::new(token.token.secret().as_bytes().to_vec()))
}

fn credential() -> Result<Arc<dyn TokenCredential>, Problem> {
    let set = |name| Ok::<_, Problem>(environment::variable(name)?.filter(|value| !value.is_empty()));
    if let Some(kind) = set("AZKV_AUTH")?
        && matches!(kind.as_str(), "cli" | "devcli")
    {
        return Err(Problem::new("AZKV_AUTH wants the login of a command line, and sealref starts none")
            .hint("leave it unset, and log in by AZURE_CLIENT_SECRET, a workload identity or a managed identity"));
    }
    let client = set("AZURE_CLIENT_ID")?;
    let credential: Result<Arc<dyn TokenCredential>, _> =
        match (set("AZURE_TENANT_ID")?, &client, set("AZURE_CLIENT_SECRET")?) {
            (Some(tenant), Some(client), Some(secret)) => {
                let secret = Secret::new(secret.to_string());
                ClientSecretCredential::new(&tenant, client.to_string(), secret, None).map(|all| all as _)
            }
            _ if set("AZURE_FEDERATED_TOKEN_FILE")?.is_some() => {
                WorkloadIdentityCredential::new(None).map(|all| all as _)
            }
            _ => {
                let user_assigned_id = client.map(|client| UserAssignedId::ClientId(client.to_string()));
                let options = ManagedIdentityCredentialOptions { user_assigned_id, ..Default::default() };
                ManagedIdentityCredential::new(Some(options)).map(|all| all as _)
            }
        };
    credential.map_err(|_| {
        Problem::new("the identity of Azure that the environment names cannot be used")
            .hint("look at AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE")
    })
}
