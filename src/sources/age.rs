//! age files (age-encryption.org/v1), and what opens them: lines of identity files, and private keys of SSH.

use std::io::Read as _;

use ::age::{scrypt, ssh};
use zeroize::Zeroizing;

use crate::error::Problem;
use crate::limits;
use crate::model::{Ask, Wire};

/// What opens age files. No `Debug`: it holds private keys.
#[derive(Default)]
pub(super) struct Identities {
    keys: Vec<Box<dyn ::age::Identity + Send + Sync>>,
    /// What was given and cannot be used, as a message says it.
    idle: Vec<&'static str>,
}

impl Identities {
    /// Adds what stands in an identity file, or in several. For one that is itself encrypted, a person is asked for the
    /// passphrase.
    ///
    /// # Errors
    /// A line that is no identity of any kind; a passphrase that does not fit, or that nobody could be asked for. Never
    /// words of the file.
    pub(super) fn add(&mut self, text: &[u8], given: Given, wire: &mut dyn Wire) -> Result<(), Problem> {
        if text.starts_with(MAGIC) {
            return self.add_clear(&unlock(text, wire)?, given, wire);
        }
        self.add_clear(text, given, wire)
    }

    fn add_clear(&mut self, text: &[u8], given: Given, wire: &mut dyn Wire) -> Result<(), Problem> {
        let wrong = |line: usize| {
            Problem::new(format!("line {line} of the identities is no age identity"))
                .hint("each line is a comment (#) or begins with AGE-SECRET-KEY-1; private keys of SSH are taken too")
        };
        let text = std::str::from_utf8(text).map_err(|_| wrong(1))?;
        let mut lines = (1..).zip(text.lines().map(str::trim));
        while let Some((number, line)) = lines.next() {
            if line.starts_with("-----BEGIN ") {
                let block = lines.by_ref().map(|(_, line)| line);
                let block = Block::read(line, block);
                if block.label.contains("AGE ENCRYPTED FILE") {
                    self.add_clear(&unlock(block.text.as_bytes(), wire)?, given, wire)?;
                } else if !block.label.contains("PGP PRIVATE KEY") {
                    // One of PGP opens no age file, and is no mistake: SOPS files know both
                    self.add_ssh(&block, given, wire).ok_or_else(|| wrong(number))??;
                }
            } else if !line.is_empty() && !line.starts_with('#') {
                self.add_line(line).ok_or_else(|| wrong(number))?;
            }
        }
        Ok(())
    }

    /// Adds what stands in one line; None where it is no identity.
    pub(super) fn add_line(&mut self, line: &str) -> Option<()> {
        if line.starts_with("AGE-SECRET-KEY-PQ-1") {
            self.idle.push("a post-quantum identity (AGE-SECRET-KEY-PQ-1) cannot be used by this version");
        } else if line.starts_with("AGE-PLUGIN-") {
            self.idle.push("an identity of a plugin (AGE-PLUGIN-) would start a program, which sealref does not");
        } else {
            self.keys.push(Box::new(line.parse::<::age::x25519::Identity>().ok()?));
        }
        Some(())
    }

    /// None: it is no private key of SSH.
    fn add_ssh(&mut self, block: &Block, given: Given, wire: &mut dyn Wire) -> Option<Result<(), Problem>> {
        match (ssh::Identity::from_buffer(block.text.as_bytes(), None).ok()?, given) {
            (ssh::Identity::Encrypted(_), Given::Found) => {
                self.idle.push(
                    "a private key of SSH that was found is protected with a passphrase: name it with --identity FILE",
                );
            }
            (ssh::Identity::Encrypted(key), Given::Named) => match unlock_ssh(&key, wire) {
                Ok(key) => self.keys.push(Box::new(key)),
                Err(problem) => return Some(Err(problem)),
            },
            (ssh::Identity::Unsupported(_), _) => {
                self.idle.push("a private key of SSH is neither ssh-ed25519 nor ssh-rsa");
            }
            (key @ ssh::Identity::Unencrypted(_), _) => self.keys.push(Box::new(key)),
        }
        Some(Ok(()))
    }

    /// True where nothing was given that could open a file.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Why something that was given is of no use.
    pub(super) fn idle(&self) -> Option<&'static str> {
        self.idle.first().copied()
    }

    /// Opens an age file, binary or armored. None: it is one, and nothing here opens it.
    ///
    /// # Errors
    /// It is no age file, or it is one for a passphrase. Never the file's or the library's words.
    pub(super) fn open(&self, file: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let file = binary(file)?;
        let closed = closed(&file)?;
        if closed.is_scrypt() {
            return Err(Problem::new("the age file is encrypted with a passphrase")
                .hint("encrypt it for a recipient: age -r RECIPIENT"));
        }
        let keys = self.keys.iter().map(|key| &**key as &dyn ::age::Identity);
        closed.decrypt(keys).ok().map(|reader| content(reader, &file)).transpose()
    }
}

/// How we came by identities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// They lie where such files lie: nobody is asked for what protects them.
    Found,
    /// Somebody has named their file.
    Named,
}

fn unlock_ssh(key: &ssh::EncryptedKey, wire: &mut dyn Wire) -> Result<ssh::Identity, Problem> {
    let passphrase = passphrase("the private key of SSH", wire)?;
    let wrong = |_| Problem::new("the passphrase does not open the private key of SSH").hint("try again");
    key.decrypt(passphrase.into()).map(ssh::Identity::Unencrypted).map_err(wrong)
}

fn passphrase(of: &'static str, wire: &mut dyn Wire) -> Result<String, Problem> {
    let mut passphrase = wire.ask(Ask::Passphrase(of))?.bytes;
    Ok(String::from_utf8(std::mem::take(&mut *passphrase)).unwrap_or_default())
}

/// What every binary age file begins with.
const MAGIC: &[u8] = b"age-encryption.org/v1";

/// A file of identities that is protected with a passphrase (`age -p`).
fn unlock(file: &[u8], wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let file = binary(file)?;
    let closed = closed(&file)?;
    if !closed.is_scrypt() {
        return Err(Problem::new("a file of identities is encrypted for other identities")
            .hint("decrypt it with them: age -d -i FILE"));
    }
    let passphrase = passphrase("the file of identities", wire)?;
    let mut key = scrypt::Identity::new(passphrase.into());
    key.set_max_work_factor(limits::AGE_WORK);
    match closed.decrypt(std::iter::once(&key as &dyn ::age::Identity)) {
        Ok(reader) => content(reader, &file),
        Err(::age::DecryptError::ExcessiveWork { .. }) => {
            Err(Problem::new("the passphrase of a file of identities takes too long to try")
                .hint("protect it again: age -p"))
        }
        Err(_) => Err(Problem::new("the passphrase does not open the file of identities").hint("try again")),
    }
}

fn broken() -> Problem {
    Problem::new("the file is not a complete age file").hint("encrypt it again: age -r RECIPIENT -o FILE.age")
}

/// What an armored age file begins with.
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// An age file without its armor.
fn binary(file: &[u8]) -> Result<Vec<u8>, Problem> {
    // White space around an armor belongs to nobody (C2SP, age.md)
    let inner = file.trim_ascii();
    let file = if inner.starts_with(ARMOR) { inner } else { file };
    // In pieces, the library would read the header from its beginning with each of them.
    let mut plain = Vec::with_capacity(file.len());
    ::age::armor::ArmoredReader::new(file).read_to_end(&mut plain).map_err(|_| broken())?;
    Ok(plain)
}

fn closed(file: &[u8]) -> Result<::age::Decryptor<&[u8]>, Problem> {
    let header = memchr::memmem::find(file, b"\n---").and_then(|end| file.get(..end)).unwrap_or_default();
    if memchr::memmem::find_iter(header, b"\n-> ").count() > limits::AGE_RECIPIENTS {
        return Err(Problem::new("the age file is encrypted for more recipients than anybody has")
            .hint("encrypt it again, for those who read it"));
    }
    ::age::Decryptor::new_buffered(file).map_err(|_| broken())
}

fn content(mut reader: ::age::stream::StreamReader<&[u8]>, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
    // One allocation: growing would leave copies behind. The plaintext is never longer than the file.
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len().min(limits::FILE)));
    reader.read_to_end(&mut bytes).map_err(|_| broken())?;
    Ok(bytes)
}

/// Lines between `-----BEGIN` and `-----END`.
struct Block {
    label: String,
    text: Zeroizing<String>,
}

impl Block {
    fn read<'l>(first: &str, lines: impl Iterator<Item = &'l str>) -> Self {
        let mut text = Zeroizing::new(format!("{first}\n"));
        for line in lines {
            text.push_str(line);
            text.push('\n');
            if line.starts_with("-----END ") {
                break;
            }
        }
        Self { label: first.to_owned(), text }
    }
}

/// Opens an age file with the identities that the operator gave.
///
/// # Errors
/// As [`Identities::open`], and where nothing opens it.
pub(crate) fn decrypt(file: &[u8], wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let identities = wire.ask(Ask::Identities)?.bytes;
    if identities.is_empty() {
        return Err(Problem::new("no age identity is known")
            .hint("give --identity FILE, or set SEALREF_IDENTITY to the path of one"));
    }
    let mut known = Identities::default();
    known.add(&identities, Given::Named, wire)?;
    let hint = known.idle().unwrap_or("give the right one with --identity FILE");
    known.open(file)?.ok_or_else(|| Problem::new("none of the identities opens the age file").hint(hint))
}
