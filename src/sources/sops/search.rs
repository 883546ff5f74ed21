//! The keys that we hold ourselves: those that the operator gave, then those where SOPS looks for them.

#[cfg(feature = "pgp")]
use memchr::memmem;
use zeroize::Zeroizing;

use super::document::Document;
use super::metadata::{Holder, Share};
use crate::error::Problem;
use crate::model::{Ask, Wire};
use crate::sources::age::{Given, Identities};
#[cfg(feature = "pgp")]
use crate::sources::pgp::Keyring;

/// What opens files without asking anybody.
#[derive(Default)]
pub(super) struct Held {
    age: Identities,
    #[cfg(feature = "pgp")]
    pgp: Keyring,
    /// Why something that was given cannot be used.
    idle: Vec<String>,
}

impl Held {
    /// The part of the data key, where we hold its key.
    pub(super) fn open(&self, share: &Share, problem: &mut Option<Problem>) -> Option<Zeroizing<Vec<u8>>> {
        match &share.holder {
            Holder::Age(_) => self.age.open(share.sealed.trim().as_bytes()).unwrap_or_else(|_| {
                let damaged = Problem::new("a data key for age in SOPS' metadata is damaged");
                problem.get_or_insert(damaged.hint("take the file from its history"));
                None
            }),
            #[cfg(feature = "pgp")]
            Holder::Pgp(_) => self.pgp.open(&share.sealed),
            _ => None,
        }
    }

    /// What to do where nothing opens a file.
    pub(super) fn advice(&self) -> String {
        let idle = self.idle.first().map(String::as_str).or(self.age.idle());
        let missing = if self.age.is_empty() {
            "give a private key with --identity FILE, or as sops wants it: SOPS_AGE_KEY_FILE"
        } else {
            "none of the private keys at hand is one of these: give another with --identity FILE"
        };
        idle.unwrap_or(missing).to_owned()
    }

    /// Adds a file of keys of any kind.
    fn add(&mut self, place: &str, text: &[u8], given: Given, wire: &mut dyn Wire) {
        #[cfg(feature = "pgp")]
        memmem::find_iter(text, ARMOR).filter_map(|at| text.get(at..)).for_each(|block| self.pgp.add(block));
        if let Err(problem) = self.age.add(text, given, wire) {
            self.idle.push(format!("{place}: {}", problem.message()));
        }
    }
}

/// Looks for keys of the kinds that the files want.
pub(super) fn held(files: &[&Document], wire: &mut dyn Wire) -> Held {
    let shares = || files.iter().flat_map(|file| file.groups()).flatten();
    let wants_age = shares().any(|share| matches!(share.holder, Holder::Age(_)));
    let wants_pgp = shares().any(|share| matches!(share.holder, Holder::Pgp(_)));
    let wants_ssh =
        shares().any(|share| matches!(&share.holder, Holder::Age(recipient) if recipient.starts_with("ssh-")));
    let mut held = Held::default();
    if !wants_age && !wants_pgp {
        return held;
    }
    match wire.ask(Ask::Identities) {
        Ok(reply) => held.add("--identity", &reply.bytes, Given::Named, wire),
        Err(problem) => held.idle.push(format!("--identity: {}", problem.message())),
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
    if wants_pgp && !wants_age {
        held.idle.push(GPG.to_owned());
    }
    let home = setting("HOME");
    let beneath = |folder: Option<&str>, name: &str| folder.map(|folder| format!("{folder}/{name}"));
    let config = setting("XDG_CONFIG_HOME").map(str::to_owned).or_else(|| beneath(home, CONFIG));
    let ssh = |name| beneath(home, name).filter(|_| wants_ssh);
    let named = |name| setting(name).map(|path| (path.to_owned(), Given::Named));
    let places = [
        named("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
        ssh(".ssh/id_ed25519").map(|path| (path, Given::Found)),
        ssh(".ssh/id_rsa").map(|path| (path, Given::Found)),
        named("SOPS_AGE_KEY_FILE"),
        beneath(config.as_deref(), "sops/age/keys.txt").map(|path| (path, Given::Found)),
    ];
    let mut places: Vec<(String, Given)> = places.into_iter().flatten().collect();
    let keyring = beneath(setting("GNUPGHOME"), "secring.gpg").or_else(|| beneath(home, ".gnupg/secring.gpg"));
    places.extend(keyring.filter(|_| wants_pgp && cfg!(feature = "pgp")).map(|path| (path, Given::Found)));
    let asks = places.iter().map(|(path, _)| Ask::Named(path.clone())).collect();
    for ((path, given), reply) in places.iter().zip(wire.ask_all(asks)) {
        match reply {
            #[cfg(feature = "pgp")]
            Ok(reply) if path.ends_with("secring.gpg") => held.pgp.add(&reply.bytes),
            Ok(reply) => held.add(path, &reply.bytes, *given, wire),
            Err(problem) if *given == Given::Named => held.idle.push(format!("{path}: {}", problem.message())),
            Err(_) => {}
        }
    }
    held
}

/// What SOPS reads.
const SETTINGS: [&str; 8] = [
    "GNUPGHOME",
    "HOME",
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_CMD",
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "XDG_CONFIG_HOME",
];

/// What is said where a PGP key is missing.
const GPG: &str = if cfg!(feature = "pgp") {
    "sealref starts no gpg: export the key (gpg --armor --export-secret-keys) without a passphrase, and give it with --identity FILE"
} else {
    "this build reads no PGP keys: use a release, or build with --features pgp"
};

/// What an exported private key begins with.
#[cfg(feature = "pgp")]
const ARMOR: &[u8] = b"-----BEGIN PGP PRIVATE KEY BLOCK-----";

/// Those of them that name programs.
const PROGRAMS: [&str; 2] = ["SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"];

/// Beneath the home, the folder of settings.
const CONFIG: &str = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
