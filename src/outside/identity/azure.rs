//! Azure: what a machine has, in the order of its SDKs (environment, workload identity, managed identity). Its command
//! line is asked only where the operator says so: that starts a program.

use std::path::Path;
use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_identity::{
    ClientSecretCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential,
};
use zeroize::Zeroizing;

use crate::error::{Exit, Problem};
use crate::limits;
use crate::outside::process::Program;
use crate::outside::{environment, files};

pub(super) async fn token(scope: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    match set("AZKV_AUTH")?.as_ref().map(|kind| kind.as_str()) {
        Some("cli") => return token_of_command_line(scope),
        Some("devcli") => {
            return Err(Problem::new("AZKV_AUTH wants the login of azd, which is not asked").hint(
                "cli is that of az; left unset, AZURE_CLIENT_SECRET, a workload or a managed identity are used",
            ));
        }
        _ => {}
    }
    let token = credential()?.get_token(&[scope], None).await.map_err(|_| {
        Problem::new("Azure gives no token to whoever runs this")
            .hint("set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or give the pod a workload identity")
            .exit(Exit::Source)
    })?;
    Ok(Zeroizing::new(token.token.secret().as_bytes().to_vec()))
}

/// That of whoever did `az login`. `az` gets HOME and PATH, and nothing else of our environment.
fn token_of_command_line(scope: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let file = files::on_the_path("az").ok_or_else(|| {
        Problem::new("AZKV_AUTH=cli asks az, which is not on the PATH").hint("install it, or leave AZKV_AUTH unset")
    })?;
    let home = set("HOME")?.unwrap_or_default();
    let arguments = ["account", "get-access-token", "--scope", scope, "--query", "accessToken", "--output", "tsv"];
    let tried = Program::tried(&file, &arguments, Path::new(home.as_str()));
    let ended = Program { folder: Path::new("/"), seconds: limits::RUN_SECONDS, ..tried }.run()?;
    let token = ended.stdout.trim_ascii();
    if ended.success && !token.is_empty() && token.iter().all(u8::is_ascii_graphic) {
        return Ok(Zeroizing::new(token.to_vec()));
    }
    Err(Problem::new("az gives no token to whoever runs this")
        .hint("az login, then az account get-access-token shows why"))
}

fn set(name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
    Ok(environment::variable(name)?.filter(|value| !value.is_empty()))
}

fn credential() -> Result<Arc<dyn TokenCredential>, Problem> {
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
