//! GetSecretValue of Secrets Manager and GetParameter of the SSM Parameter Store.
//! The requests: the API references of both, `API_GetSecretValue` and `API_GetParameter`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::refusal::refusal;
use super::{Aws, arn_region};
use crate::error::Problem;
use crate::model::{Address, Ask, AwsCall, AwsIdentity, AwsService, MasterKey, Payload, Reply, Wire};
use crate::sources::answer::{Asking, Text, each_once, json as read_json, part};
use crate::sources::{Fetch, Keys};

const SECRETS: AwsService = AwsService { id: "secrets_manager", host: "secretsmanager" };
const PARAMETERS: AwsService = AwsService { id: "ssm", host: "ssm" };

impl Fetch for Aws {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        each_once(wanted, &Asking { ask: &|address| Ok(Ask::Aws(call(address))), read: &read, part: &part }, wire)
    }

    fn keys(&self, key: &MasterKey) -> Option<&dyn Keys> {
        matches!(key, MasterKey::Aws { .. }).then_some(self)
    }
}

fn is_secret(address: &Address) -> bool {
    address.scheme.0 == "awssecrets"
}

fn operation(address: &Address) -> String {
    let path = &address.path;
    if is_secret(address) {
        format!("reading the secret \"{path}\"")
    } else {
        format!("reading the parameter \"{path}\"")
    }
}

fn call(address: &Address) -> AwsCall {
    let (service, target, body) = if is_secret(address) {
        (SECRETS, "secretsmanager.GetSecretValue", secret(address))
    } else {
        (PARAMETERS, "AmazonSSM.GetParameter", parameter(address))
    };
    AwsCall {
        operation: operation(address),
        service,
        target,
        body: Zeroizing::new(body.to_string().into_bytes()),
        region: address.parameter("region").or_else(|| arn_region(&address.path)).map(str::to_owned),
        identity: AwsIdentity::default(),
    }
}

fn secret(address: &Address) -> Value {
    let mut body = json!({ "SecretId": address.path });
    for (parameter, field) in [("version_stage", "VersionStage"), ("version_id", "VersionId")] {
        if let Some(value) = address.parameter(parameter) {
            body[field] = value.into();
        }
    }
    body
}

/// A version is a number or a label, and stands behind the name.
fn parameter(address: &Address) -> Value {
    let name = match address.parameter("version") {
        Some(version) => format!("{}:{version}", address.path),
        None => address.path.to_string(),
    };
    json!({ "Name": name, "WithDecryption": true })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Secret {
    secret_string: Option<Text>,
    secret_binary: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: Text,
}

fn read(address: &Address, reply: Reply) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if reply.status != 200 {
        return Err(refusal(&operation(address), &reply));
    }
    if !is_secret(address) {
        let answer: Answer = read_json(&reply.bytes, "the SSM Parameter Store")?;
        return Ok(bytes(answer.parameter.value));
    }
    const SERVER: &str = "AWS Secrets Manager";
    let secret: Secret = read_json(&reply.bytes, SERVER)?;
    match (secret.secret_string, secret.secret_binary) {
        (Some(text), _) => Ok(bytes(text)),
        (None, Some(binary)) => decoded(&binary, SERVER),
        (None, None) => Err(Problem::new(format!("{}: it has no value yet", operation(address)))
            .hint("put a value into it, or take it out of the manifest")),
    }
}

/// Text that stands for bytes.
pub(super) fn decoded(Text(text): &Text, server: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    STANDARD
        .decode_vec(text.as_bytes(), &mut bytes)
        .map_err(|_| Problem::new(format!("the answer is not one of {server}")))?;
    Ok(bytes)
}

fn bytes(Text(mut text): Text) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}
