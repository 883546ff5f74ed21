//! SealedSecrets of a file, sealed anew for another certificate.
//!
//! Receives a text, the private keys that open what is in it, and the certificate; gives back the text with other
//! ciphertexts and nothing else changed, or every value that does not open. A plaintext goes from one to the other and is
//! wiped.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Draw;
use super::fetch::Mode;
use super::unseal::{Controller, Item, Sealed};
use crate::error::{Exit, Problem, Problems};
use crate::model::{SEALED_WITH, Source, annotation, annotation_key};
use crate::seal::{self, Certificate, Opened};
use crate::yaml::{self, Edits, Piece, Tree, Value};

/// With what is sealed anew.
pub struct Resealing<'r> {
    /// What opens the values.
    pub controller: &'r Controller,
    /// For whom they are sealed.
    pub certificate: &'r Certificate,
    /// How ciphertexts are made.
    pub mode: &'r Mode,
    /// Reshuffles them.
    pub epoch: &'r str,
    /// The namespace of objects that write none.
    pub namespace: Option<&'r str>,
    /// Randomness, where it is asked for.
    pub draw: Draw<'r>,
}

/// What became of a file.
#[derive(Default)]
pub struct Resealed {
    /// The whole text.
    pub text: String,
    /// Values that were sealed anew.
    pub anew: usize,
    /// Values that a key opens which belongs to the certificate.
    pub kept: usize,
    /// Values that are sealed for the certificate as their annotation says, and nothing that was given can tell.
    pub annotated: usize,
    /// SealedSecrets with values that were sealed anew, and that sealref has made.
    pub ours: usize,
}

impl Resealed {
    /// All values of the file.
    #[must_use]
    pub fn values(&self) -> usize {
        self.anew + self.kept + self.annotated
    }
}

/// Seals a file's values anew.
///
/// # Errors
/// The file cannot be read, or a value does not open: all of them are told.
pub fn reseal(source: &Source, with: &Resealing) -> Result<Resealed, Problems> {
    let pieces = yaml::pieces(&source.text, &|_| true).map_err(|fault| source.problem(fault))?;
    let (mut done, mut problems) = (Resealed::default(), Problems::default());
    for piece in &pieces.pieces {
        done.text.push_str(piece.before);
        match problems.keep(with.object(source, piece, &mut done)).flatten() {
            Some(text) => done.text.push_str(&text),
            None => done.text.push_str(piece.text),
        }
    }
    done.text.push_str(pieces.tail);
    problems.or(done)
}

/// A ciphertext, and the id of the key that it was made from.
type Made = (String, Option<String>);

impl Resealing<'_> {
    /// The text of one object; None: it stays.
    fn object(&self, source: &Source, piece: &Piece, done: &mut Resealed) -> Result<Option<String>, Problems> {
        let told = |fault: yaml::Fault| source.problem(fault.from_line(piece.line));
        let tree = Tree::parse(piece.text, piece.syntax).map_err(told)?;
        let at = |problem: Problem| problem.at(crate::error::Location::line(&source.name, piece.line));
        let Some(sealed) = Sealed::of(&tree, self.namespace).map_err(at)? else { return Ok(None) };
        let with = annotation(&tree, SEALED_WITH);
        // A key of the certificate would open what is sealed for it
        let excused = with.is_some_and(|with| with.ends_with(&self.certificate.spki_hex()))
            && !self.controller.has_key_of(self.certificate);
        let (mut edits, mut problems, mut ids) = (Edits::default(), Problems::default(), BTreeSet::new());
        let (mut anew, mut kept, mut annotated) = (0, 0, 0);
        for item in &sealed.items {
            match self.controller.open(&sealed.label, &item.ciphertext) {
                None if excused && seal::may_be_for(self.certificate, &item.ciphertext) => annotated += 1,
                None => problems.push(closed().at(sealed.tell(source, piece, &tree, item))),
                Some((key, _)) if key.is_of(self.certificate) => kept += 1,
                Some((_, opened)) => {
                    let (ciphertext, id) = self.seal(&sealed, item, &opened)?;
                    edits.set(item.node, Value::text(ciphertext));
                    ids.extend(id);
                    anew += 1;
                }
            }
        }
        done.anew += anew;
        done.kept += kept;
        done.annotated += annotated;
        done.ours += usize::from(anew > 0 && with.is_some());
        if anew > 0 && with.is_some() {
            self.mark(&tree, &mut edits, if kept + annotated == 0 { Some(ids) } else { None });
        }
        let applied = edits.apply(&tree, piece.syntax).map_err(told)?;
        problems.or((anew > 0).then_some(applied.text))
    }

    fn seal(&self, sealed: &Sealed, item: &Item, opened: &Opened) -> Result<Made, Problem> {
        let place = seal::Place {
            scope: sealed.scope,
            namespace: &sealed.namespace,
            name: &sealed.identity.name,
            item: &item.key,
            epoch: self.epoch,
            domain: "",
            origin: &[],
        };
        let bug = || Problem::new("a value was to be sealed with nothing").exit(Exit::Bug);
        let (keys, id) = match self.mode {
            Mode::Derived(keyring) => {
                let material = keyring.material_of(&opened.session).ok_or_else(bug)?;
                (material.keys(self.certificate.spki(), &place, &opened.value), Some(material.key_id("")))
            }
            Mode::Randomised => (seal::Keys::random((self.draw)()?), None),
            Mode::Preview => return Err(bug()),
        };
        let ciphertext = seal::seal(self.certificate, keys, &sealed.label, &opened.value);
        Ok((STANDARD.encode(ciphertext), id))
    }

    /// What stands beside the ciphertexts: by which keys and for which certificate they were made. Of items by several
    /// hands it would say too much.
    fn mark(&self, tree: &Tree, edits: &mut Edits, ids: Option<BTreeSet<String>>) {
        let spki = self.certificate.spki_hex();
        let says = match (ids, self.mode) {
            (Some(_), Mode::Randomised) => Some(format!("random:{spki}")),
            (Some(ids), _) => Some(format!("v1:{}:{spki}", Vec::from_iter(ids).join(","))),
            (None, _) => None,
        };
        if let Some(says) = says {
            edits.insert(tree, tree.root(), &["metadata", "annotations", SEALED_WITH], Value::text(says));
        } else if let Some(key) = annotation_key(tree, SEALED_WITH) {
            edits.remove(key);
        }
    }
}

fn closed() -> Problem {
    Problem::new("no private key opens the value")
        .hint("give all keys of the controller (`sealref keys backup`); its name, namespace and scope must be those it was sealed for")
}
