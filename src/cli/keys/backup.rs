//! `sealref keys backup`: all sealing keys of a controller, encrypted with age, and no other way.

use std::path::PathBuf;

use age::armor::Format;
use clap::Args;
use zeroize::Zeroizing;

use super::recipients::Recipients;
use crate::cli::{Done, unsealing};
use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::KeySecret;
use crate::outside::files::{self, Privacy};
use crate::outside::stdio;
use crate::steps;
use crate::steps::unseal::{self, Controller};

/// Encrypt all sealing keys of a controller with age
///
/// Reads the Secrets from the cluster of the kubeconfig, or from what kubectl prints. What comes out is armored; opened
/// with `age -d` it is manifests.
#[derive(Args)]
pub(super) struct Backup {
    #[command(flatten)]
    recipients: Recipients,
    /// Secrets as kubectl prints them, or - for standard input, instead of asking a cluster
    #[arg(short, long = "filename", value_name = "FILE|-")]
    file: Option<PathBuf>,
    /// The namespace of the controller
    #[arg(long, value_name = "NAME", default_value = "kube-system")]
    controller_namespace: String,
    /// All namespaces that hold sealing keys
    #[arg(short = 'A', long, conflicts_with = "controller_namespace")]
    all_namespaces: bool,
    /// The file to write; it must not exist
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self) -> Result<Done, Problems> {
        // Nobody is asked where nobody could open the answer
        self.recipients.encrypt(&[], Format::Binary)?;
        let secrets = match &self.file {
            None => {
                let namespace = (!self.all_namespaces).then_some(self.controller_namespace.as_str());
                let found = steps::sealing_keys(namespace, &mut unsealing::world(vec![])?)?;
                if found.is_empty() {
                    return Err(Problem::new("no sealing key is there")
                        .hint("--controller-namespace says where the controller is, or --all-namespaces")
                        .into());
                }
                found
            }
            Some(path) if path.as_os_str() == "-" => unseal::secrets("stdin", &stdio::read_stdin(limits::INPUT)?)?,
            Some(path) => unseal::secrets(&path.to_string_lossy(), &files::read_file(path, limits::INPUT)?)?,
        };
        let secrets = unseal::places(secrets)?;
        let mut controller = Controller::default();
        controller.add_secrets(&secrets)?;
        let manifests: Vec<Zeroizing<String>> = secrets.iter().map(KeySecret::manifest).collect();
        let length = manifests.iter().map(|one| one.len() + MARKER.len()).sum();
        let mut text = Zeroizing::new(String::with_capacity(length));
        for one in &manifests {
            text.push_str(MARKER);
            text.push_str(one);
        }
        let file = self.recipients.encrypt(text.as_bytes(), Format::AsciiArmor)?;
        if file.len() > limits::INPUT {
            return Err(Problem::new("the backup would be larger than can be restored: 100 MiB")
                .hint("make one of each namespace: --controller-namespace")
                .into());
        }
        let told = super::told(&controller);
        match self.output {
            None => Ok(Done { told, ..Done::output(String::from_utf8(file).unwrap_or_default()) }),
            Some(path) => {
                files::write_new(&path, &file, Privacy::Private)?;
                Ok(Done { told, ..Done::default() })
            }
        }
    }
}

/// Between documents.
const MARKER: &str = "---\n";
