//! `sealref cert show`: what a sealing certificate says.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use super::explain::Format;
use crate::error::Problems;
use crate::limits;
use crate::outside::{clock, files};
use crate::seal::{Certificate, Validity};

/// Look at sealing certificates
#[derive(Args)]
pub(super) struct Cert {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show fingerprint, key and dates of a certificate
    Show {
        /// The certificate, PEM or DER
        file: PathBuf,
        /// The form of the answer
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

impl Cert {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Command::Show { file, format } = self.command;
        let bytes = files::read_file(&file, limits::SETTINGS)?;
        let certificate = Certificate::read(&bytes).map_err(|p| p.at(file.to_string_lossy()))?;
        Ok(Done::output(shown(&certificate, format)))
    }
}

fn shown(certificate: &Certificate, format: Format) -> String {
    let (from, until) = certificate.dates();
    let validity = match certificate.validity(clock::now()) {
        Validity::Valid => "valid".to_owned(),
        Validity::NotYetValid => "not valid yet".to_owned(),
        Validity::Expired => "expired: the controller still decrypts, nothing new should be sealed".to_owned(),
        Validity::ExpiresSoon { days } => format!("expires in {days} days"),
    };
    let (fingerprint, spki) = (certificate.fingerprint(), certificate.spki_hex());
    let bits = certificate.bits();
    match format {
        Format::Json => {
            let value = json!({
                "fingerprint": fingerprint, "spki": spki, "bits": bits,
                "notBefore": from, "notAfter": until, "validity": validity,
            });
            format!("{value:#}\n")
        }
        Format::Text => format!(
            "fingerprint  sha256:{fingerprint}\npublic key   sha256:{spki}, RSA {bits}\nvalid from   {from}\nvalid until  {until}\nnow          {validity}\n"
        ),
    }
}
