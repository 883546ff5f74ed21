//! For whom something is encrypted with age.

use std::io::Write as _;
use std::path::PathBuf;

use age::Recipient;
use age::armor::{ArmoredWriter, Format};
use clap::Args;
use zeroize::Zeroizing;

use crate::error::{Exit, Location, Problem};
use crate::limits;
use crate::outside::files;

/// Who opens it.
#[derive(Args)]
pub(super) struct Recipients {
    /// Encrypt for an age recipient (age1...) or a public key of SSH
    #[arg(short, long, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// Encrypt for those in a file, one a line
    #[arg(short = 'R', long, value_name = "FILE")]
    recipients_file: Vec<PathBuf>,
}

impl Recipients {
    /// Is nobody named?
    pub(super) fn is_empty(&self) -> bool {
        self.recipient.is_empty() && self.recipients_file.is_empty()
    }

    /// An age file with these bytes in it.
    ///
    /// # Errors
    /// One is no recipient; a file cannot be read, or names nobody.
    pub(super) fn encrypt(&self, bytes: &[u8], format: Format) -> Result<Vec<u8>, Problem> {
        let all = self.read()?;
        let failed = || Problem::new("it could not be encrypted").hint("check the recipients");
        let all = all.iter().map(|one| &**one as &dyn Recipient);
        let encryptor = age::Encryptor::with_recipients(all).map_err(|_| failed())?;
        let armored = ArmoredWriter::wrap_output(vec![], format).map_err(|_| failed())?;
        let mut writer = encryptor.wrap_output(armored).map_err(|_| failed())?;
        writer.write_all(bytes).map_err(|_| failed())?;
        writer.finish().and_then(ArmoredWriter::finish).map_err(|_| failed())
    }

    fn read(&self) -> Result<Vec<Box<dyn Recipient>>, Problem> {
        let mut all = vec![];
        for text in &self.recipient {
            all.push(recipient(text)?);
        }
        for path in &self.recipients_file {
            let bytes: Zeroizing<Vec<u8>> = files::read_file(path, limits::SETTINGS)?;
            let name = path.to_string_lossy();
            for (number, line) in (1..).zip(String::from_utf8_lossy(&bytes).lines().map(str::trim)) {
                if !line.is_empty() && !line.starts_with('#') {
                    all.push(recipient(line).map_err(|problem| problem.at(Location::line(&*name, number)))?);
                }
            }
        }
        if all.is_empty() {
            let hint = "-r age1... (age-keygen -y prints it), or -R FILE";
            return Err(Problem::new("nobody is named who can open it").hint(hint).exit(Exit::Usage));
        }
        Ok(all)
    }
}

fn recipient(text: &str) -> Result<Box<dyn Recipient>, Problem> {
    if text.contains("AGE-SECRET-KEY-") {
        return Err(Problem::new("a private key was given where a recipient is wanted")
            .hint("age-keygen -y gives its recipient; make a new key if others have seen this one"));
    }
    if let Ok(one) = text.parse::<age::x25519::Recipient>() {
        return Ok(Box::new(one));
    }
    let of_ssh = text.parse::<age::ssh::Recipient>();
    of_ssh.map(|one| Box::new(one) as Box<dyn Recipient>).map_err(|_| {
        Problem::new(format!("\"{text}\" is no age recipient"))
            .hint("it begins with age1 (see age-keygen -y), ssh-ed25519 or ssh-rsa")
    })
}
