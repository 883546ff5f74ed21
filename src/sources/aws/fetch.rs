//! GetSecretValue of Secrets Manager and GetParameter of the SSM Parameter Store.
//! The requests: the API references of both, `API_GetSecretValue` and `API_GetParameter`.

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::refusal::refusal;
use super::{Aws, arn_region, by_path};
use crate::error::Problem;
use crate::model::{Address, Ask, AwsCall, AwsIdentity, AwsService, MasterKey, Payload, Reply, Wire};
use crate::sources::answer::{Secrets, Text, base64, bytes, each_once, in_two_ways, json as read_json};
use crate::sources::{Fetch, Keys};

const SECRETS: AwsService = AwsService { id: "secrets_manager", host: "secretsmanager" };
const PARAMETERS: AwsService = AwsService { id: "ssm", host: "ssm" };

impl Fetch for Aws {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        in_two_ways(wanted, by_path::is_path, (by_path::fetch, |wanted, wire| each_once(wanted, &Calls, wire)), wire)
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

fn ask(address: &Address) -> AwsCall {
    let (target, body) = if is_secret(address) {
        ("secretsmanager.GetSecretValue", secret(address))
    } else {
        ("AmazonSSM.GetParameter", parameter(address))
    };
    call(address, operation(address), target, &body)
}

/// A call of the service of an address, in its region.
pub(super) fn call(address: &Address, operation: String, target: &'static str, body: &Value) -> AwsCall {
    AwsCall {
        operation,
        service: if is_secret(address) { SECRETS } else { PARAMETERS },
        target,
        body: Zeroizing::new(body.to_string().into_bytes()),
        region: address.parameter("region").or_else(|| arn_region(&address.path)).map(str::to_owned),
        identity: AwsIdentity::default(),
    }
}

fn secret(address: &Address) -> Value {
    let fields = [("VersionStage", "version_stage"), ("VersionId", "version_id")];
    let given = fields.into_iter().filter_map(|(field, name)| Some((field, address.parameter(name)?)));
    let fields = given.chain([("SecretId", &*address.path)]);
    Value::Object(fields.map(|(field, value)| (field.to_owned(), value.into())).collect())
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

const SERVER: &str = "AWS Secrets Manager";
pub(super) const SERVER_OF_PARAMETERS: &str = "the SSM Parameter Store";

struct Calls;

impl Secrets for Calls {
    fn ask(&self, address: &Address) -> Result<Ask, Problem> {
        Ok(Ask::Aws(ask(address)))
    }

    fn read(&self, address: &Address, reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Problem> {
        if reply.status != 200 {
            return Err(refusal(&operation(address), reply));
        }
        if !is_secret(address) {
            let answer: Answer = read_json(&reply.bytes, SERVER_OF_PARAMETERS)?;
            return Ok(bytes(answer.parameter.value));
        }
        let secret: Secret = read_json(&reply.bytes, SERVER)?;
        match (secret.secret_string, secret.secret_binary) {
            (Some(text), _) => Ok(bytes(text)),
            (None, Some(binary)) => base64(&binary, SERVER),
            (None, None) => Err(Problem::new(format!("{}: it has no value yet", operation(address)))
                .hint("put a value into it, or take it out of the manifest")),
        }
    }
}
