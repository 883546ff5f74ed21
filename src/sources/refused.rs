//! Schemes of vals that are recognised and refused by name, each with its reason.

use super::{Becomes, Facts, Source};
use crate::error::Problem;
use crate::model::{Address, Raw};

pub(super) struct Refused;

const fn facts(scheme: &'static str) -> Facts {
    Facts { scheme, path: "", property: "", parameters: &[], providers: &[], becomes: Becomes::Refused }
}

static FACTS: [Facts; 18] = [
    facts("echo"),
    facts("exec"),
    facts("envsubst"),
    facts("httpjson"),
    facts("tfstate"),
    facts("tfstategs"),
    facts("tfstates3"),
    facts("tfstateazurerm"),
    facts("tfstateremote"),
    facts("tfstategitlab"),
    facts("s3"),
    facts("gcs"),
    facts("awskms"),
    facts("gkms"),
    facts("keychain"),
    facts("googlesheets"),
    facts("pulumistateapi"),
    facts("hcpvaultsecrets"),
];

impl Source for Refused {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, _: Raw<'t>) -> Result<Address<'t>, Problem> {
        let (reason, hint) = match facts.scheme {
            "echo" => ("it puts the value itself into the manifest", "move the value to a source of secrets"),
            "exec" => {
                ("it runs a program that a manifest names", "put its result where ref+file:// or ref+env:// finds it")
            }
            "envsubst" => ("it reads any variable of the environment", "use ref+env://NAME with --allow-env NAME"),
            "httpjson" => ("it reads any address that a manifest names", "keep the value in a source of secrets"),
            "awskms" | "gkms" => (
                "it holds one ciphertext and no secret's name",
                "keep the value in SOPS, or in the cloud's secret manager",
            ),
            "keychain" => ("it reads the keychain of one person", "keep the value where every renderer finds it"),
            _ => ("it is a file of state or data and no source of secrets", "keep the value in a source of secrets"),
        };
        Err(Problem::new(format!("ref+{}:// is refused: {reason}", facts.scheme)).hint(hint))
    }
}
