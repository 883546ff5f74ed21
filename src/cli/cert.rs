//! `sealref cert`: what sealing certificates say, who uses them, and the newest one of a controller.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Done;
use super::explain::Format;
use super::options::{Inputs, Settings};
use crate::error::{Problem, Problems, Quiet};
use crate::hosts::{self, Certificates, Pinned};
use crate::limits;
use crate::outside::{clock, files};
use crate::seal::{Certificate, Validity};
use crate::settings::Public;

mod fetch;

/// Look at sealing certificates, and fetch them
#[derive(Args)]
pub(super) struct Cert {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show fingerprint, key and dates of a certificate, or of all that the settings name, with who uses them
    Show {
        /// The certificate, PEM or DER; without one, those of the settings
        file: Option<PathBuf>,
        /// The form of the answer
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        settings: Settings,
    },
    Fetch(fetch::Fetch),
}

impl Cert {
    pub(super) fn run(self) -> Result<Done, Problems> {
        match self.command {
            Command::Fetch(fetch) => fetch.run(),
            Command::Show { file: Some(file), format, .. } => {
                let bytes = files::read_file(&file, limits::SETTINGS)?;
                let certificate = Certificate::read(&bytes).map_err(|p| p.at(file.to_string_lossy()))?;
                Ok(format.answer(|| as_json(&certificate), || as_text(&certificate)))
            }
            Command::Show { file: None, format, settings } => all(settings, format),
        }
    }
}

/// Every certificate of the settings.
fn all(settings: Settings, format: Format) -> Result<Done, Problems> {
    let named = hosts::certificates(&settings.call(Inputs::only(vec![]), None)?)?;
    if named.all.is_empty() {
        return Err(Problem::new("the settings name no certificate")
            .hint("sealing: {certificate: FILE}, or name the file: sealref cert show FILE")
            .into());
    }
    let mut problems = Problems::default();
    let (mut text, mut values) = (String::new(), vec![]);
    for one in &named.all {
        let (shown, certificate) = pinned(one, &named);
        let Some(certificate) = problems.keep(certificate) else { continue };
        values.push(json!({
            "file": shown, "cluster": one.cluster, "environments": one.environments, "certificate": as_json(&certificate),
        }));
        let gap = if text.is_empty() { "" } else { "\n" };
        let (shown, users) = (Quiet(shown), users(one));
        text.push_str(&format!("{gap}certificate  {shown}\nused by      {}\n{}", Quiet(&users), as_text(&certificate)));
    }
    problems.or(format.answer(|| json!({ "certificates": values }), || text))
}

/// A certificate of the settings, and where it is.
pub(super) fn pinned<'p>(one: &'p Pinned, named: &Certificates) -> (&'p str, Result<Certificate, Problem>) {
    let (shown, bytes) = match &one.certificate {
        Public::File(name) | Public::Named(name) => {
            (name.as_str(), named.root.read(&named.folder, name, limits::SETTINGS))
        }
        Public::Text(pem) => ("in the settings", Ok(pem.as_bytes().to_vec().into())),
    };
    (shown, bytes.and_then(|bytes| Certificate::read(&bytes)).map_err(|problem| problem.at(shown)))
}

/// Who seals for it.
pub(super) fn users(pinned: &Pinned) -> String {
    let cluster = pinned.cluster.as_ref().map(|name| format!("cluster {name}"));
    let environments = match pinned.environments.as_slice() {
        [] => None,
        [one] => Some(format!("environment {one}")),
        all => Some(format!("environments {}", all.join(", "))),
    };
    let users: Vec<String> = [cluster, environments].into_iter().flatten().collect();
    if users.is_empty() { "everything that is sealed".to_owned() } else { users.join("; ") }
}

fn validity(certificate: &Certificate) -> String {
    match certificate.validity(clock::now()) {
        Validity::Valid => "valid".to_owned(),
        Validity::NotYetValid => "not valid yet".to_owned(),
        Validity::Expired => "expired: the controller still decrypts, nothing new should be sealed".to_owned(),
        Validity::ExpiresSoon { days } => format!("expires in {days} days"),
    }
}

fn as_json(certificate: &Certificate) -> Value {
    let (from, until) = certificate.dates();
    json!({
        "fingerprint": certificate.fingerprint(), "spki": certificate.spki_hex(), "bits": certificate.bits(),
        "notBefore": from, "notAfter": until, "validity": validity(certificate),
    })
}

fn as_text(certificate: &Certificate) -> String {
    let ((from, until), now) = (certificate.dates(), validity(certificate));
    let (fingerprint, spki, bits) = (certificate.fingerprint(), certificate.spki_hex(), certificate.bits());
    format!(
        "fingerprint  sha256:{fingerprint}\npublic key   sha256:{spki}, RSA {bits}\nvalid from   {from}\nvalid until  {until}\nnow          {now}\n"
    )
}
