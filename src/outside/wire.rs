//! Answers what sources ask: files beneath the root, variables, identities, servers.
//!
//! Receives questions as data; gives back bytes that are wiped on drop. Who may ask is judged before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::environment;
use super::files::{self, Root};
use super::http::{Network, Patience};
use super::identity::Identities;
use super::stdio;
use crate::error::{Exit, Problem};
use crate::limits;
use crate::model::{Ask, Reply, Request, Wire};

/// The machine we run on.
pub struct World {
    root: Root,
    folder: PathBuf,
    identities: Vec<PathBuf>,
    network: Network,
    /// Who we are where a cloud asks.
    clouds: Identities,
    /// What was typed, and what it protects.
    passphrases: BTreeMap<&'static str, Zeroizing<Vec<u8>>>,
}

impl World {
    /// Files are named relative to `folder`, which is relative to the root.
    #[must_use]
    pub fn new(root: Root, folder: PathBuf, identities: Vec<PathBuf>) -> Self {
        Self {
            root,
            folder,
            identities,
            network: Network::new(Patience::default()),
            clouds: Identities::default(),
            passphrases: BTreeMap::new(),
        }
    }

    /// The folder that files are named relative to, absolute.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.root.path().join(&self.folder)
    }

    /// None: it is a request, to be made along with the others.
    fn answer(&mut self, ask: Ask, requests: &mut Vec<Request>) -> Option<Result<Reply, Problem>> {
        Some(match ask {
            Ask::Aws(call) => match self.clouds.sign(call, &mut self.network) {
                Err(problem) => Err(problem),
                Ok(request) => {
                    requests.push(request);
                    return None;
                }
            },
            Ask::Environment(name) => variable(&name),
            Ask::File(name) => self.root.read(&self.folder, &name, limits::FILE).map(Reply::of),
            Ask::Http(request) => {
                requests.push(request);
                return None;
            }
            Ask::Identities => self.identities(),
            Ask::Named(name) => files::read_file(Path::new(&name), limits::SETTINGS).map(Reply::of),
            Ask::Passphrase(of) => self.passphrase(of),
            Ask::Setting(name) => environment::variable(name).map(|value| Reply::of(bytes(value.unwrap_or_default()))),
            Ask::Token(cloud) => self.clouds.token(&cloud, &mut self.network),
            Ask::Around(_) | Ask::Object(_) | Ask::Unwrap(_) => {
                Err(Problem::new("the world was asked what it does not know").exit(Exit::Bug))
            }
        })
    }

    fn identities(&self) -> Result<Reply, Problem> {
        let mut all = Zeroizing::new(Vec::with_capacity(limits::SETTINGS));
        for path in &self.identities {
            // An encrypted file that stands alone is not to grow by a line end
            if !all.is_empty() {
                all.push(b'\n');
            }
            all.extend_from_slice(&files::read_file(path, limits::SETTINGS / self.identities.len())?);
        }
        Ok(Reply::of(all))
    }

    /// Nobody types it twice.
    fn passphrase(&mut self, of: &'static str) -> Result<Reply, Problem> {
        if !self.passphrases.contains_key(of) {
            self.passphrases.insert(of, stdio::passphrase(of)?);
        }
        Ok(Reply::of(self.passphrases.get(of).cloned().unwrap_or_default()))
    }
}

impl Wire for World {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let mut requests = vec![];
        let answers: Vec<_> = asks.into_iter().map(|ask| self.answer(ask, &mut requests)).collect();
        let mut replies = self.network.ask_all(requests).into_iter();
        answers.into_iter().filter_map(|answer| answer.or_else(|| replies.next())).collect()
    }
}

fn variable(name: &str) -> Result<Reply, Problem> {
    let hint = "set it in the environment of sealref";
    let source = |problem: Problem| problem.exit(Exit::Source);
    match environment::variable(name)? {
        None => Err(source(Problem::new(format!("the environment variable \"{name}\" is not set")).hint(hint))),
        Some(value) if value.is_empty() => {
            Err(source(Problem::new(format!("the environment variable \"{name}\" is empty")).hint(hint)))
        }
        Some(value) => Ok(Reply::of(bytes(value))),
    }
}

fn bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}
