//! Decrypt of KMS, for data keys of files. How sops asks: `kms/keysource.go`.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::Aws;
use super::refusal::refusal;
use crate::error::Problem;
use crate::model::{Ask, AwsCall, AwsIdentity, AwsService, MasterKey, Wire, Wrapped};
use crate::sources::Keys;
use crate::sources::answer::{Text, base64, json as read_json};

const KMS: AwsService = AwsService { id: "kms", host: "kms" };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Opened {
    plaintext: Text,
}

impl Keys for Aws {
    /// The operator's configuration names no key: each is granted.
    fn configured(&self, _key: &MasterKey, _wire: &mut dyn Wire) -> Result<bool, Problem> {
        Ok(false)
    }

    fn unwrap(&self, wrapped: &Wrapped, wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let MasterKey::Aws { arn, role, profile, context } = &wrapped.key else {
            return Err(Problem::new("a key of another service was asked of AWS").exit(crate::error::Exit::Bug));
        };
        // arn:PARTITION:kms:REGION:ACCOUNT:key/ID
        let region = arn.split(':').nth(3).filter(|region| !region.is_empty()).ok_or_else(|| {
            Problem::new(format!("\"{arn}\" is not the ARN of a KMS key")).hint("arn:aws:kms:REGION:ACCOUNT:key/ID")
        })?;
        let operation = format!("decrypting with the KMS key \"{arn}\"");
        let context: Map<String, Value> =
            context.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let body = json!({
            "CiphertextBlob": wrapped.ciphertext,
            "EncryptionContext": context,
            "KeyId": arn,
        });
        let reply = wire.ask(Ask::Aws(AwsCall {
            operation: operation.clone(),
            service: KMS,
            target: "TrentService.Decrypt",
            body: Zeroizing::new(body.to_string().into_bytes()),
            region: Some(region.to_owned()),
            identity: AwsIdentity { profile: profile.clone(), role: role.clone() },
        }))?;
        if reply.status != 200 {
            return Err(refusal(&operation, &reply));
        }
        let opened: Opened = read_json(&reply.bytes, "AWS KMS")?;
        base64(&opened.plaintext, "AWS KMS")
    }
}
