//! What AWS says when it gives nothing. Its errors have names, which are no secrets; its sentences are not told.

use serde::Deserialize;

use crate::error::{Exit, Problem};
use crate::model::Reply;
use crate::sources::answer;

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "__type")]
    name: String,
}

/// Names of errors, what is wrong, the next thing to do, and whether a later run may succeed.
const KNOWN: &[(&[&str], &str, &str, Exit)] = &[
    (
        &["ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound", "NotFoundException"],
        "it is not there, or has no such version",
        "are name, version and region right?",
        Exit::Failed,
    ),
    (
        &["AccessDeniedException", DENIED, "OptInRequired"],
        "access is denied",
        "whoever runs this needs leave to read it, and kms:Decrypt where a key of its own encrypts it",
        Exit::Failed,
    ),
    (
        &[
            "ExpiredTokenException",
            "ExpiredToken",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
        ],
        "the credentials have expired or are wrong, or the clock of this machine is",
        "log in anew, and look at the clock",
        Exit::Source,
    ),
    (
        &["UnrecognizedClientException", "InvalidClientTokenId", "IncompleteSignature", "MissingAuthenticationToken"],
        "AWS does not know the credentials",
        "are they of this account, and of this partition?",
        Exit::Failed,
    ),
    (
        &["InvalidRequestException"],
        "it is marked for deletion, or has no value in this version",
        "restore it, or take it out of the manifest",
        Exit::Failed,
    ),
    (
        &["InvalidParameterException", "ValidationException", "InvalidParameters", "InvalidArnException"],
        "this is no name or version that it can have",
        "names have letters, digits and /_+=.@-",
        Exit::Failed,
    ),
    (
        &[
            "DecryptionFailure",
            "InvalidKeyId",
            "DisabledException",
            "KMSInvalidStateException",
            "KeyUnavailableException",
        ],
        "the KMS key that encrypts it cannot be used",
        "is it enabled, and may whoever runs this use it?",
        Exit::Failed,
    ),
    (
        &["InvalidCiphertextException", "IncorrectKeyException", "InvalidGrantTokenException"],
        "it is not encrypted under this key, or was bound to another context",
        "were the key or the context changed by hand?",
        Exit::Failed,
    ),
    (
        &["ThrottlingException", "TooManyRequestsException", "InternalServiceError", "InternalServerError"],
        "AWS asks to try again later",
        "a later run may succeed",
        Exit::Source,
    ),
];

const DENIED: &str = "AccessDenied";

/// Why there is no value.
pub(super) fn refusal(operation: &str, reply: &Reply) -> Problem {
    let status = reply.status;
    let name = serde_json::from_slice(&reply.bytes).map(|named: Named| named.name).unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default();
    // What stands before a service answers in other formats.
    let name = if name.is_empty() && status == 403 { DENIED } else { name };
    match KNOWN.iter().find(|(names, ..)| names.contains(&name)) {
        Some((_, what, hint, exit)) => {
            Problem::new(format!("{operation}: {what} ({status} {name})")).hint(*hint).exit(*exit)
        }
        None => answer::refusal(operation, status, &[]),
    }
}
