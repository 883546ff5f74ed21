//! The keys that we hold ourselves: those that the operator gave, then those where SOPS looks for them.

use zeroize::Zeroizing;

use super::document::Document;
use super::metadata::{Holder, Share};
use crate::error::Problem;
use crate::model::{Ask, Wire};
use crate::sources::age::Identities;

/// What opens files without asking anybody.
#[derive(Default)]
pub(super) struct Held {
    age: Identities,
    /// Why something that was given cannot be used.
    idle: Vec<String>,
}

impl Held {
    /// The part of the data key, where we hold its key.
    pub(super) fn open(&self, share: &Share, problem: &mut Option<Problem>) -> Option<Zeroizing<Vec<u8>>> {
        match &share.holder {
            Holder::Age(_) => match self.age.open(share.sealed.trim().as_bytes()) {
                Ok(part) => part,
                Err(wrong) => {
                    problem.get_or_insert(wrong);
                    None
                }
            },
            _ => None,
        }
    }

    /// What to do where nothing opens a file.
    pub(super) fn advice(&self) -> String {
        let idle = self.idle.first().map(String::as_str).or(self.age.idle());
        idle.unwrap_or("give a private key with --identity FILE, or as sops wants it: SOPS_AGE_KEY_FILE").to_owned()
    }

    fn add(&mut self, place: &str, text: &[u8]) {
        if let Err(problem) = self.age.add(text) {
            self.idle.push(format!("{place}: {}", problem.message()));
        }
    }
}

/// Looks for keys of the kinds that the files want.
pub(super) fn held(files: &[&Document], wire: &mut dyn Wire) -> Held {
    let shares = || files.iter().flat_map(|file| file.groups()).flatten();
    let wants_age = shares().any(|share| matches!(share.holder, Holder::Age(_)));
    let wants_ssh =
        shares().any(|share| matches!(&share.holder, Holder::Age(recipient) if recipient.starts_with("ssh-")));
    let mut held = Held::default();
    if !wants_age {
        return held;
    }
    if let Ok(reply) = wire.ask(Ask::Identities) {
        held.add("--identity", &reply.bytes);
    }
    let settings = wire.ask_all(SETTINGS.into_iter().map(Ask::Setting).collect());
    let setting = |name: &str| {
        let found = SETTINGS.iter().zip(&settings).find(|(known, _)| **known == name);
        let reply = found.and_then(|(_, reply)| reply.as_ref().ok())?;
        std::str::from_utf8(&reply.bytes).ok().filter(|text| !text.is_empty())
    };
    for program in PROGRAMS.into_iter().filter(|name| setting(name).is_some()) {
        held.idle.push(format!("{program} would start a program, which sealref does not: use a file"));
    }
    // Several keys may stand in one line here.
    for word in setting("SOPS_AGE_KEY")
        .unwrap_or("")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
    {
        if held.age.add_line(word).is_none() {
            held.idle.push("SOPS_AGE_KEY: it holds something that is no age identity".to_owned());
        }
    }
    let home = setting("HOME");
    let beneath = |folder: Option<&str>, name: &str| folder.map(|folder| format!("{folder}/{name}"));
    let config = setting("XDG_CONFIG_HOME").map(str::to_owned).or_else(|| beneath(home, CONFIG));
    let ssh = |name| beneath(home, name).filter(|_| wants_ssh);
    let named = |name| setting(name).map(|path| (path.to_owned(), true));
    let places = [
        named("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
        ssh(".ssh/id_ed25519").map(|path| (path, false)),
        ssh(".ssh/id_rsa").map(|path| (path, false)),
        named("SOPS_AGE_KEY_FILE"),
        beneath(config.as_deref(), "sops/age/keys.txt").map(|path| (path, false)),
    ];
    let places: Vec<(String, bool)> = places.into_iter().flatten().collect();
    let asks = places.iter().map(|(path, _)| Ask::Named(path.clone())).collect();
    for ((path, is_named), reply) in places.iter().zip(wire.ask_all(asks)) {
        match reply {
            Ok(reply) => held.add(path, &reply.bytes),
            Err(problem) if *is_named => held.idle.push(format!("{path}: {}", problem.message())),
            Err(_) => {}
        }
    }
    held
}

/// What SOPS reads.
const SETTINGS: [&str; 7] = [
    "HOME",
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_CMD",
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "XDG_CONFIG_HOME",
];

/// Those of them that name programs.
const PROGRAMS: [&str; 2] = ["SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"];

/// Beneath the home, the folder of settings.
const CONFIG: &str = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
