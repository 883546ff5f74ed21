//! What the private keys of a controller open.
//!
//! Receives keys and SealedSecrets as they stand in files; gives back which of them opens which value. What is inside is
//! lent to whoever seals it anew, and never told.

use std::borrow::Cow;
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
            let private = PrivateKey::read(bytes).map_err(|problem| problem.at(name))?;
            self.keys.push(Key { name: name.to_owned(), certificate: None, private });
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
                Ok(Key { name: secret.place(), certificate: Some(certificate), private })
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
        let Some(identity) = Identity::of(tree).filter(sealed) else { return Ok(None) };
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
        let item = |(key, node): (NodeId, NodeId)| {
            let ciphertext = tree.text(node).and_then(|text| unbase64(text.as_bytes()));
            Item { key: tree.key(key), node, ciphertext: ciphertext.unwrap_or_default() }
        };
        let items = data.into_iter().flat_map(|map| tree.entries(map)).map(item).collect();
        let label = scope.label(&namespace, &identity.name);
        Ok(Some(Self { identity, namespace, scope, label, items }))
    }

    /// Where a part of it stands.
    #[must_use]
    pub fn tell(&self, source: &Source, piece: &Piece, tree: &Tree, node: NodeId) -> Location {
        let line = Location::line(&source.name, piece.line + tree.line(node).saturating_sub(1));
        Location { object: Some(self.identity.object()), field: tree.path(node), ..line }
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
            verdicts.push(Verdict { place: sealed.tell(source, &piece, &tree, item.node), by });
        }
    }
    problems.or(verdicts)
}
