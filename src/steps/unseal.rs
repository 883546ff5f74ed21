//! What the private keys of a controller open.
//!
//! Receives keys and SealedSecrets as they stand in files; gives back which of them opens which value. What is inside is
//! lent to whoever seals it anew, and never told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use crate::error::{Location, Problem, Problems};
use crate::model::{Identity, KEY_LABEL, KeySecret, Scope, Source, annotation, unbase64};
use crate::seal::{Certificate, Opened, PrivateKey};
use crate::yaml::{self, NodeId, Piece, Tree};

/// The private keys of a controller.
#[derive(Default)]
pub struct Controller {
    keys: Vec<Key>,
    /// Which one opened the last value: mostly it opens the next one too.
    last: AtomicUsize,
}

/// One of them.
pub struct Key {
    /// Where it is kept.
    pub name: String,
    /// What its label says, `active` mostly; a key that was given alone has none.
    pub state: Option<String>,
    /// What is sealed for it; not known of a key that was given alone.
    pub certificate: Option<Certificate>,
    private: PrivateKey,
}

impl Key {
    /// Does it open what is sealed for this certificate?
    #[must_use]
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        certificate.belongs_to(&self.private)
    }
}

impl Controller {
    /// Adds what a file holds: a private key in PEM, or Secrets of a controller.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Problems> {
        if memchr::memmem::find(bytes, b"PRIVATE KEY-----").is_some() {
            let all = PrivateKey::read_all(bytes).map_err(|problem| problem.at(name))?;
            let is_one = all.len() == 1;
            for (number, private) in (1..).zip(all) {
                let name = if is_one { name.to_owned() } else { format!("{name} (key {number})") };
                self.keys.push(Key { name, state: None, certificate: None, private });
            }
            return Ok(());
        }
        self.add_secrets(&secrets(name, bytes)?)
    }

    /// Adds Secrets of a controller.
    ///
    /// # Errors
    /// A certificate or a key cannot be read, or one is not that of the other.
    pub fn add_secrets(&mut self, secrets: &[KeySecret]) -> Result<(), Problems> {
        let mut problems = Problems::default();
        for secret in secrets {
            let read = || {
                let certificate = Certificate::read(&secret.certificate())?;
                let private = PrivateKey::read(&secret.key())?;
                if !certificate.belongs_to(&private) {
                    return Err(Problem::new("tls.key is not the private key of tls.crt")
                        .hint("the controller does not start with it; take the label off the Secret"));
                }
                let state = Some(secret.state().to_owned());
                Ok(Key { name: secret.place(), state, certificate: Some(certificate), private })
            };
            self.keys.extend(problems.keep(read().map_err(|problem: Problem| problem.at(secret.place()))));
        }
        // The controller seals for the newest
        self.keys.sort_by_key(|key| std::cmp::Reverse(key.certificate.as_ref().map(Certificate::not_before)));
        problems.or(())
    }

    /// The keys, newest first.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Is the key of this certificate among them?
    #[must_use]
    pub fn has_key_of(&self, certificate: &Certificate) -> bool {
        self.keys.iter().any(|key| key.is_of(certificate))
    }

    /// Opens a value. None: no key does.
    #[must_use]
    pub fn open(&self, label: &[u8], ciphertext: &[u8]) -> Option<(&Key, Opened)> {
        let last = self.last.load(Ordering::Relaxed);
        let order = std::iter::once(last).chain((0..self.keys.len()).filter(|number| *number != last));
        for number in order {
            let Some(key) = self.keys.get(number) else { continue };
            if let Some(opened) = key.private.open(label, ciphertext) {
                self.last.store(number, Ordering::Relaxed);
                return Some((key, opened));
            }
        }
        None
    }
}

/// The Secrets of controllers in a text of manifests; other objects are passed over.
///
/// # Errors
/// It is no text of manifests, or there is none.
pub fn secrets(name: &str, bytes: &[u8]) -> Result<Vec<KeySecret>, Problems> {
    let unreadable = || Problem::new("it cannot be read as manifests").hint("give YAML or JSON, as kubectl writes it");
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable().at(name))?;
    let pieces = yaml::pieces(text, &|_| true).map_err(|_| unreadable().at(name))?;
    let (mut found, mut problems) = (vec![], Problems::default());
    for piece in &pieces.pieces {
        let at = |problem: Problem| problem.at(Location::line(name, piece.line));
        let tree = Tree::parse(piece.text, piece.syntax).map_err(|_| at(unreadable()))?;
        if let Some(secret) = KeySecret::of(&tree) {
            found.extend(problems.keep(secret.map_err(at)));
        }
    }
    if found.is_empty() && problems.is_empty() {
        problems.push(
            Problem::new("it holds no sealing key of a controller")
                .hint(format!("the controller's Secrets have the label {KEY_LABEL}"))
                .at(name),
        );
    }
    problems.or(found)
}

/// Each place once.
///
/// # Errors
/// Two keys, or two states of one, have one place, and only one of them could be restored.
pub fn places(secrets: Vec<KeySecret>) -> Result<Vec<KeySecret>, Problem> {
    let (mut all, mut taken) = (Vec::<KeySecret>::with_capacity(secrets.len()), BTreeMap::new());
    for secret in secrets {
        let number = *taken.entry(secret.place()).or_insert(all.len());
        match all.get(number) {
            None => all.push(secret),
            Some(other) if other.is(&secret) && other.state() == secret.state() => {}
            Some(_) => {
                return Err(Problem::new("two different keys have one place")
                    .hint("make a backup of each controller by itself, and restore it into a namespace of its own")
                    .at(secret.place()));
            }
        }
    }
    Ok(all)
}

/// A SealedSecret as it is written.
pub struct Sealed<'t> {
    /// Its kind and names.
    pub identity: Identity,
    /// Its namespace, or the one that was given.
    pub namespace: String,
    /// To which names it is bound.
    pub scope: Scope,
    /// What its ciphertexts were sealed for.
    pub label: Vec<u8>,
    /// Its values.
    pub items: Vec<Item<'t>>,
}

/// One of its values.
pub struct Item<'t> {
    /// The key of `encryptedData`.
    pub key: Cow<'t, str>,
    /// Where the ciphertext stands.
    pub node: NodeId,
    /// The line of it, from 1 within the object.
    line: usize,
    /// Empty where it is no base64.
    pub ciphertext: Zeroizing<Vec<u8>>,
}

impl<'t> Sealed<'t> {
    /// None: it is another object.
    ///
    /// # Errors
    /// It is one of the old form, or it is bound to a namespace that is not known.
    pub fn of(tree: &'t Tree, namespace: Option<&str>) -> Result<Option<Self>, Problem> {
        let sealed = |identity: &Identity| identity.is("bitnami.com", "SealedSecret");
        let said = Identity::of(tree);
        if said.as_ref().is_some_and(|said| said.is("bitnami.com", "SealedSecretList")) {
            return Err(Problem::new("a SealedSecretList is not looked into")
                .hint("write kind: List and apiVersion: v1, as kubectl does, or each SealedSecret by itself"));
        }
        let Some(identity) = said.filter(sealed) else { return Ok(None) };
        if tree.at(tree.root(), &["spec", "data"]).is_some_and(|node| tree.text(node).is_some()) {
            return Err(Problem::new("the whole Secret is one ciphertext (spec.data), as it was before 2019")
                .hint("let the controller convert it: kubeseal --re-encrypt"));
        }
        let scope = Scope::of(|name| annotation(tree, name) == Some("true"));
        let namespace = identity.namespace.as_deref().or(namespace);
        if namespace.is_none() && scope != Scope::ClusterWide {
            return Err(Problem::new(format!("the namespace is not known, and scope {} seals for one", scope.name()))
                .hint("write metadata.namespace, or give --namespace"));
        }
        let namespace = namespace.unwrap_or_default().to_owned();
        let data = tree.at(tree.root(), &["spec", "encryptedData"]);
        let entries = data.map(|map| tree.entries(map)).unwrap_or_default();
        let lines = tree.lines(entries.iter().map(|(_, node)| *node));
        let item = |((key, node), line): (&(NodeId, NodeId), usize)| {
            let ciphertext = tree.text(*node).and_then(|text| unbase64(text.as_bytes()));
            Item { key: tree.key(*key), node: *node, line, ciphertext: ciphertext.unwrap_or_default() }
        };
        let items = entries.iter().zip(lines).map(item).collect();
        let label = scope.label(&namespace, &identity.name);
        Ok(Some(Self { identity, namespace, scope, label, items }))
    }

    /// Where a value of it stands.
    #[must_use]
    pub fn tell(&self, source: &Source, piece: &Piece, tree: &Tree, item: &Item) -> Location {
        let line = Location::line(&source.name, piece.line + item.line.saturating_sub(1));
        Location { object: Some(self.identity.object()), field: tree.path(item.node), ..line }
    }
}

/// What became of one value.
pub struct Verdict {
    /// Where it stands.
    pub place: Location,
    /// The number of the key that opens it; None: none does.
    pub by: Option<usize>,
}

/// Which key opens each value of a file.
///
/// # Errors
/// The file cannot be read; a SealedSecret has no namespace.
pub fn verify(source: &Source, controller: &Controller, namespace: Option<&str>) -> Result<Vec<Verdict>, Problems> {
    let (mut verdicts, mut problems) = (vec![], Problems::default());
    for object in source.objects()? {
        let (piece, tree) = object?;
        let at = |problem: Problem| problem.at(Location::line(&source.name, piece.line));
        let Some(sealed) = problems.keep(Sealed::of(&tree, namespace).map_err(at)).flatten() else { continue };
        for item in &sealed.items {
            let opened = controller.open(&sealed.label, &item.ciphertext);
            let by = opened.and_then(|(by, _)| controller.keys.iter().position(|key| std::ptr::eq(key, by)));
            verdicts.push(Verdict { place: sealed.tell(source, &piece, &tree, item), by });
        }
    }
    problems.or(verdicts)
}
