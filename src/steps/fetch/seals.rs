//! What is needed to seal: the controller's certificate, and what ciphertexts are derived from.

use std::sync::Arc;

use crate::error::{Exit, Problem, Problems};
use crate::hosts::{Doubts, Job};
use crate::model::{Ask, Provision, Template, Values, Wire};
use crate::seal::{Certificate, Demo, Material, SealingKey, Validity};
use crate::settings::{Key, Public, Settings};
use crate::sources;

/// How ciphertexts are made.
pub enum Mode {
    /// From secrets that only renderers hold: equal values at equal places give equal bytes.
    Derived(Keyring),
    /// Not at all: the word `preview` stands where they would.
    Preview,
    /// From fresh random bytes.
    Randomised,
}

/// What is needed to seal.
pub struct Seals {
    /// Whose controller will open it; None for a preview.
    pub certificate: Option<Certificate>,
    /// How ciphertexts are made.
    pub mode: Mode,
}

/// The sealing key, where there is one; else the data keys of encrypted files do.
pub struct Keyring {
    current: Root,
    /// The one before it, while it is being replaced.
    previous: Option<Root>,
}

impl Keyring {
    fn new(key: Option<SealingKey>, previous: Option<SealingKey>) -> Self {
        Self { current: Root::new(key), previous: previous.map(|key| Root::new(Some(key))) }
    }

    /// Is the key before the key itself?
    fn repeats(&self) -> bool {
        let id = |root: &Root| root.alone.as_ref().map(|material| material.key_id(""));
        self.previous.as_ref().is_some_and(|previous| id(previous) == id(&self.current))
    }

    /// What the ciphertext of one item is derived from: the key, and the data keys of the files that feed it; where
    /// there is neither, those that feed the whole Secret.
    pub fn material(&self, values: &Values, provision: &Provision, item: &Template) -> Result<Arc<Material>, Problem> {
        self.current.material(values, provision, item)
    }

    /// What marks that others see are derived from, in the same way: from the key before, as long as there is one.
    pub fn material_of_tag(
        &self,
        values: &Values,
        provision: &Provision,
        item: &Template,
    ) -> Result<Arc<Material>, Problem> {
        self.previous.as_ref().unwrap_or(&self.current).material(values, provision, item)
    }

    /// What the ciphertext of a value is derived from that comes out of another ciphertext: the key; where there is none,
    /// the session key of that ciphertext, which only those know who can open it.
    #[must_use]
    pub fn material_of(&self, session: &[u8; 32]) -> Option<Arc<Material>> {
        match &self.current.alone {
            Some(alone) => Some(Arc::clone(alone)),
            None => Material::new(None, &[session]).map(Arc::new),
        }
    }
}

/// One sealing key, or none.
struct Root {
    key: Option<SealingKey>,
    /// What most items have in common, so that it is derived once.
    alone: Option<Arc<Material>>,
}

impl Root {
    fn new(key: Option<SealingKey>) -> Self {
        let alone = Material::new(key.as_ref(), &[]).map(Arc::new);
        Self { key, alone }
    }

    fn material(&self, values: &Values, provision: &Provision, item: &Template) -> Result<Arc<Material>, Problem> {
        let mut keys = values.data_keys(item.references());
        match &self.alone {
            Some(alone) if keys.is_empty() => return Ok(Arc::clone(alone)),
            None if keys.is_empty() => keys = values.data_keys(provision.references()),
            _ => {}
        }
        let none = || Problem::new("a value was to be sealed without a key").exit(Exit::Bug);
        Material::new(self.key.as_ref(), &keys).map(Arc::new).ok_or_else(none)
    }
}

/// Without a sealing key, every reference of a Secret has to come from a file that has a key of its own.
pub(super) fn enough(job: &Job, sealed: &[&Provision]) -> Result<(), Problem> {
    let Settings { key, randomised, .. } = &job.settings;
    let alone = |provision: &&Provision| {
        let mut schemes = provision.references().map(|reference| reference.address.scheme.0).peekable();
        schemes.peek().is_some() && schemes.all(sources::gives_data_keys)
    };
    if *randomised || sealed.iter().all(alone) {
        return Ok(());
    }
    let hint = "make one: `sealref keys new -o FILE`, then --sealing-key FILE or sealing: {key: ...} in the settings; \
                or choose --randomised";
    match key {
        None => Err(Problem::new("no sealing key is known, and without one every render would differ").hint(hint)),
        Some(Key::Sops) => {
            Err(Problem::new("sealing.key is FromSops, and a Secret has a value that comes from no SOPS file")
                .hint(hint))
        }
        Some(_) => Ok(()),
    }
}

/// The certificate of the controller; an old one is a warning.
pub fn certificate(job: &Job, wire: &mut dyn Wire, warnings: &mut Problems) -> Result<Certificate, Problem> {
    let Some(place) = &job.settings.certificate else {
        return Err(Problem::new("no certificate is known to seal for")
            .hint("give --certificate FILE, or name it in .sealref.yaml: sealing: {certificate: sealed-secrets.pem}"));
    };
    let (name, certificate) = match place {
        Public::Text(text) => ("the certificate in the settings".to_owned(), Certificate::read(text.as_bytes())),
        Public::File(name) => (name.clone(), Certificate::read(&wire.ask(Ask::File(name.clone()))?.bytes)),
        Public::Named(name) => (name.clone(), Certificate::read(&wire.ask(Ask::Named(name.clone()))?.bytes)),
    };
    let certificate = certificate.map_err(|problem| problem.at(name.clone()))?;
    let (_, end) = certificate.dates();
    let (what, hint) = match certificate.validity(job.terms.now) {
        Validity::Valid => return Ok(certificate),
        Validity::NotYetValid => {
            return Err(Problem::new("the certificate is not valid yet")
                .hint("is the clock of this machine right?")
                .at(name));
        }
        Validity::Expired => (
            format!("the certificate expired on {end}"),
            "the controller still decrypts; renew it: fetch the current one into the repository",
        ),
        Validity::ExpiresSoon { days } => (
            format!("the certificate expires in {days} days"),
            "fetch the controller's current one into the repository",
        ),
    };
    let problem = Problem::new(what).hint(hint).at(name);
    match job.terms.doubts {
        Doubts::Refused => Err(problem),
        Doubts::Told => {
            warnings.push(problem);
            Ok(certificate)
        }
    }
}

/// How ciphertexts are made, and what follows from the key before, where that is asked for; a key that everybody can read
/// is a warning.
pub fn mode(job: &Job, previous: Option<&Key>, wire: &mut dyn Wire, warnings: &mut Problems) -> Result<Mode, Problem> {
    let Settings { key, randomised, .. } = &job.settings;
    if *randomised {
        return Ok(Mode::Randomised);
    }
    let mut read = |key: Option<&Key>| key.map_or(Ok(None), |key| sealing_key(key, wire, warnings));
    let keyring = Keyring::new(read(key.as_ref())?, read(previous)?);
    if keyring.repeats() {
        return Err(Problem::new("previousKey holds the same key as key, under another name")
            .hint("when nothing needs the old one any more, take previousKey out")
            .at("the settings, spec.sealing"));
    }
    Ok(Mode::Derived(keyring))
}

/// None: it is made of data keys of SOPS files.
fn sealing_key(key: &Key, wire: &mut dyn Wire, warnings: &mut Problems) -> Result<Option<SealingKey>, Problem> {
    let bytes = match key {
        Key::Sops => return Ok(None),
        Key::Age(name) => {
            let file = wire.ask(Ask::File(name.clone()))?;
            sources::decrypt(&file.bytes, wire).map_err(|problem| problem.at(name.clone()))?
        }
        Key::Environment(name) => wire.ask(Ask::Environment(name.clone()))?.bytes,
        Key::File(name) => wire.ask(Ask::File(name.clone()))?.bytes,
        Key::Named(name) => wire.ask(Ask::Named(name.clone()))?.bytes,
    };
    let (read, demo) = SealingKey::read(&bytes).map_err(|problem| problem.at("the sealing key"))?;
    let told = match (demo, key) {
        (Demo::Yes, _) => Some((
            "the sealing key is a published demo key: whoever knows it can test guesses of every value",
            "make your own with `sealref keys new`",
        )),
        (Demo::No, Key::File(_)) => Some((
            "the sealing key stands in plain text in the repository",
            "keep it outside (an absolute path, or --sealing-key), or encrypted: key: {age: sealing.key.age}",
        )),
        (Demo::No, _) => None,
    };
    if let Some((what, hint)) = told {
        warnings.push(Problem::new(what).hint(hint));
    }
    Ok(Some(read))
}
