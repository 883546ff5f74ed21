//! `sealref keys new`: a sealing key, to a file that only its owner reads, or encrypted with age.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::Done;
use crate::error::{Problem, Problems};
use crate::outside::files::{self, Privacy};
use crate::outside::random;
use crate::seal::SealingKey;

/// Make sealing keys
#[derive(Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new sealing key
    ///
    /// All renderers of one repository need the same one. Encrypted for age recipients it may stand in
    /// git; plain it may not.
    New {
        /// The file to write; it must not exist
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Encrypt for an age recipient (age1...)
        #[arg(short, long, value_name = "RECIPIENT")]
        recipient: Vec<String>,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let Command::New { output, recipient } = self.command;
        let key = Zeroizing::new(SealingKey::print(&Zeroizing::new(random::bytes::<32>()?)));
        let mut told = Problems::default();
        let bytes = if recipient.is_empty() {
            if inside_repository(&output) {
                told.push(
                    Problem::new("the key is plain, and the file is inside a git repository")
                        .hint("never commit it; with --recipient age1... it may stand in git"),
                );
            }
            Zeroizing::new(key.as_bytes().to_vec())
        } else {
            Zeroizing::new(encrypted(key.as_bytes(), &recipient)?)
        };
        files::write_new(&output, &bytes, Privacy::Private)?;
        Ok(Done::default().warn(&told))
    }
}

fn inside_repository(path: &std::path::Path) -> bool {
    let folder = path.parent().filter(|folder| *folder != std::path::Path::new(""));
    files::repository(folder.unwrap_or(std::path::Path::new("."))).is_some()
}

fn encrypted(bytes: &[u8], recipients: &[String]) -> Result<Vec<u8>, Problem> {
    let mut keys: Vec<age::x25519::Recipient> = vec![];
    for recipient in recipients {
        keys.push(recipient.parse().map_err(|_| {
            Problem::new(format!("\"{recipient}\" is no age recipient")).hint("it begins with age1; see age-keygen -y")
        })?);
    }
    let failed = || Problem::new("the key could not be encrypted").hint("check the recipients");
    let keys = keys.iter().map(|key| key as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(keys).map_err(|_| failed())?;
    let mut out = vec![];
    let mut writer = encryptor.wrap_output(&mut out).map_err(|_| failed())?;
    writer.write_all(bytes).map_err(|_| failed())?;
    writer.finish().map_err(|_| failed())?;
    Ok(out)
}
