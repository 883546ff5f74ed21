//! The real `sops` in a folder of its own, and a wire that knows what a test tells it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use sealref::error::Problem;
use sealref::model::{Ask, Reply, Wire};
use sealref::sources::sops::{Clear, Document, Store, open};
use zeroize::Zeroizing;

use crate::peers;

/// A folder with a key, and the real program.
pub(crate) struct Sops {
    program: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) recipient: String,
    pub(crate) identity: String,
}

impl Sops {
    /// None after a line that says what is skipped.
    pub(crate) fn new() -> Option<Self> {
        let program = peers::peer("sops")?;
        let (recipient, identity) = key(&[])?;
        Some(Self { program, folder: tempfile::tempdir().unwrap(), recipient, identity })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let output = Command::new(&self.program)
            .arg("--disable-version-check")
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("SOPS_AGE_KEY", &self.identity)
            .env("HOME", self.folder.path())
            .env("GNUPGHOME", self.path("gnupg"))
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }

    /// Writes a file and encrypts it for the folder's key; gives what it became.
    pub(crate) fn encrypt(&self, name: &str, clear: impl AsRef<[u8]>, flags: &[&str]) -> String {
        self.encrypt_for(name, clear, &[&["--age", self.recipient.as_str()], flags].concat())
    }

    /// The same, for whom the flags say.
    pub(crate) fn encrypt_for(&self, name: &str, clear: impl AsRef<[u8]>, flags: &[&str]) -> String {
        std::fs::write(self.path(name), clear).unwrap();
        let encrypted = self.run(&[&["encrypt"], flags, &[name]].concat()).unwrap();
        std::fs::write(self.path(name), &encrypted).unwrap();
        String::from_utf8(encrypted).unwrap()
    }
}

/// A new age key: its recipient and its identity file.
pub(crate) fn key(flags: &[&str]) -> Option<(String, String)> {
    let printed = Command::new(peers::peer("age-keygen")?).args(flags).output().unwrap().stdout;
    let identity = String::from_utf8(printed).unwrap();
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    Some((recipient, identity))
}

/// Reads a file and verifies it.
pub(crate) fn read(bytes: &[u8], store: Store, world: &mut World) -> Result<Clear, Problem> {
    let document = Document::read(bytes, store)?;
    let key = open(&[&document], world).remove(0)?;
    let clear = document.decrypt(&key)?;
    clear.verify()?;
    Ok(clear)
}

/// What there is: identities, variables and files; a service that is asked is a mistake.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) identities: String,
    pub(crate) settings: BTreeMap<&'static str, String>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// What is typed; None: there is no terminal.
    pub(crate) passphrase: Option<&'static str>,
}

impl World {
    pub(crate) fn with(identities: &str) -> Self {
        Self { identities: identities.to_owned(), ..Self::default() }
    }

    fn answer(&self, ask: Ask) -> Result<Reply, Problem> {
        let reply = |bytes: Vec<u8>| Reply::of(Zeroizing::new(bytes));
        let none = || Problem::new("there is none");
        match ask {
            Ask::Identities => Ok(reply(self.identities.clone().into_bytes())),
            Ask::Named(name) => self.files.get(&name).cloned().map(reply).ok_or_else(none),
            Ask::Setting(name) => Ok(reply(self.settings.get(name).cloned().unwrap_or_default().into_bytes())),
            Ask::Passphrase(of) => match self.passphrase {
                Some(typed) => Ok(reply(typed.into())),
                None => Err(Problem::new(format!("{of} is protected with a passphrase"))),
            },
            Ask::Unwrap(_) => panic!("a service was asked"),
            _ => Err(none()),
        }
    }
}

impl Wire for World {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        asks.into_iter().map(|ask| self.answer(ask)).collect()
    }
}
