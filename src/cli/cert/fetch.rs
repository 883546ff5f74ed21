//! `sealref cert fetch`: a controller's certificate, to standard output or to where the settings name it.

use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::as_text;
use crate::cli::Done;
use crate::cli::options::{Inputs, Settings};
use crate::error::{Exit, Problem, Problems, Quiet};
use crate::hosts::{self, Certificates, stream};
use crate::limits;
use crate::model::{Ask, Input, Request, Wire};
use crate::outside::files::{self, Privacy};
use crate::outside::wire::World;
use crate::seal::Certificate;
use crate::settings::Public;
use crate::steps;

/// Fetch a controller's certificate: through the cluster of the kubeconfig, or from a URL with a known fingerprint
#[derive(Args)]
pub(super) struct Fetch {
    /// Ask this address, and no cluster
    #[arg(long, requires = "fingerprint")]
    url: Option<String>,
    /// The SHA-256 that the certificate must have, as `cert show` tells it
    #[arg(long, value_name = "SHA256")]
    fingerprint: Option<String>,
    /// The namespace of the controller
    #[arg(long, value_name = "NAME", default_value = "kube-system")]
    controller_namespace: String,
    /// The Service of the controller; its Helm chart calls it sealed-secrets
    #[arg(long, value_name = "NAME", default_value = "sealed-secrets-controller")]
    controller_name: String,
    /// Write it to the file that the settings name, for the cluster that is chosen
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Fetch {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let wanted = self.fingerprint.as_deref().map(fingerprint).transpose()?;
        let call = self.settings.call(Inputs::only(vec![]), None)?;
        // Where it goes is known before anybody is asked
        let target = if self.write { Some(target(&hosts::certificates(&call)?)?) } else { None };
        let (_, mut world) = stream::job(Input(vec![]), call)?;
        let bytes = match self.url {
            Some(url) => of_url(&url, &mut world)?,
            None => steps::certificate(&self.controller_namespace, &self.controller_name, &mut world)?,
        };
        let certificate = Certificate::read(&bytes)?;
        let found = certificate.fingerprint();
        if wanted.is_some_and(|wanted| wanted != found) {
            return Err(Problem::new(format!("another certificate is served: sha256:{found}"))
                .hint("if the controller has renewed its key, compare with what its operator says, and give that fingerprint")
                .exit(Exit::Refused)
                .into());
        }
        let pem = Certificate::pem(&bytes)?;
        let Some(target) = target else {
            return Ok(Done { told: as_text(&certificate), ..Done::output(pem) });
        };
        files::write_atomically(&target, &[&pem], Privacy::Public)?;
        let path = target.to_string_lossy();
        Ok(Done::output(format!("written      {}\n{}", Quiet(&path), as_text(&certificate))))
    }
}

fn of_url(url: &str, world: &mut World) -> Result<zeroize::Zeroizing<Vec<u8>>, Problem> {
    let operation = "fetching the certificate".to_owned();
    let reply = world.ask(Ask::Http(Request::get(operation, url.to_owned())))?;
    if reply.status == 200 {
        return Ok(reply.bytes);
    }
    Err(Problem::new(format!("fetching the certificate: the server refuses it (status {})", reply.status))
        .hint("the controller serves it as /v1/cert.pem; redirects are not followed")
        .exit(Exit::Source))
}

/// 64 hexadecimal digits, as `cert show`, openssl and others write them.
fn fingerprint(text: &str) -> Result<String, Problem> {
    let digits = text.rsplit(['=', ' ']).next().unwrap_or(text);
    let digits = digits.strip_prefix("sha256:").unwrap_or(digits).replace(':', "").to_ascii_lowercase();
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(digits);
    }
    Err(Problem::new("the fingerprint is no SHA-256")
        .hint("64 hexadecimal digits: openssl x509 -fingerprint -sha256 prints them")
        .exit(Exit::Usage))
}

/// The file that the settings name: beneath the root, and nothing else than a certificate is overwritten.
fn target(named: &Certificates) -> Result<PathBuf, Problem> {
    let Certificates { all, chosen, folder, root } = named;
    let base = root.path();
    let one = match (chosen, all.as_slice()) {
        (Some(name), all) => all.iter().find(|one| one.cluster.as_ref() == Some(name)),
        (None, [one]) => Some(one),
        (None, _) => None,
    };
    let name = match one.map(|one| &one.certificate) {
        Some(Public::File(name)) if !name.starts_with('/') => name,
        Some(_) => {
            return Err(Problem::new("the certificate stands in the settings themselves, or elsewhere")
                .hint("leave out --write, and put there what is printed"));
        }
        None if all.is_empty() => {
            return Err(
                Problem::new("the settings name no certificate").hint("add sealing: {certificate: sealed-secrets.pem}")
            );
        }
        None => {
            let names: Vec<&str> = all.iter().filter_map(|one| one.cluster.as_deref()).collect();
            return Err(Problem::new("the settings name several certificates")
                .hint(format!("--cluster chooses: {}", names.join(", "))));
        }
    };
    let path = base.join(folder).join(name);
    let parent = path.parent().unwrap_or(Path::new("."));
    let leaves = || {
        Problem::new("the file of the certificate lies outside of the repository, or in .git")
            .hint("name one beside the settings")
            .at(name.clone())
    };
    let git = |path: &Path| {
        path.components().any(|part| matches!(part, Component::Normal(name) if name.eq_ignore_ascii_case(".git")))
    };
    let inside = files::resolve(parent).map_err(|problem| problem.at(name.clone()))?;
    if !inside.starts_with(base) || inside.strip_prefix(base).is_ok_and(git) || git(Path::new(name)) {
        return Err(leaves());
    }
    if files::kind(&path).is_ok() {
        let bytes = root.read(folder, name, limits::SETTINGS)?;
        Certificate::read(&bytes).map_err(|_| {
            Problem::new("the file is there and is no certificate, so it stays")
                .hint("name another one")
                .at(name.clone())
        })?;
    }
    Ok(path)
}
