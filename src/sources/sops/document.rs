//! A file as SOPS keeps it, from its bytes to the values in it.

use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use super::cipher::{Cipher, Ciphertext, PREFIX};
use super::metadata::{Metadata, Share};
use super::node::{Comment, Node, Protection, Scalar, Type, decimals};
use super::rules::Comments;
use super::store::Store;
use super::{print, time};
use crate::error::Problem;
use crate::model::DataKey;

/// An encrypted file, read and still closed.
pub struct Document {
    pub(super) metadata: Metadata,
    documents: Vec<Node>,
    store: Store,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// It is not of its store, or SOPS has not encrypted it. Never a word of it.
    pub fn read(bytes: &[u8], store: Store) -> Result<Self, Problem> {
        let clear = || {
            Problem::new("the file is not encrypted with SOPS")
                .hint("encrypt it (sops encrypt -i FILE), or read it with ref+file:// where it is no secret")
        };
        let (documents, metadata) = store.read(bytes)?.ok_or_else(clear)?;
        Ok(Self { metadata: Metadata::read(&metadata)?, documents, store })
    }

    /// The master keys, in their groups.
    pub(super) fn groups(&self) -> &[Vec<Share>] {
        &self.metadata.groups
    }

    /// Decrypts every value.
    ///
    /// # Errors
    /// A value that does not belong to the key or to its place, one that stands in clear against the file's own rule,
    /// and one that is a ciphertext where the rule wants clear text.
    pub fn decrypt(&self, key: &DataKey) -> Result<Clear, Problem> {
        let mut hash = Sha512::new();
        if self.metadata.mac_only_encrypted {
            hash.update(ONLY_ENCRYPTED);
        }
        let cipher = Cipher::new(key);
        let mut walk = Walk { cipher: &cipher, metadata: &self.metadata, hash, keys: vec![], comments: vec![] };
        let documents = self.documents.iter().map(|node| walk.node(node)).collect::<Result<_, _>>()?;
        let mac = hexadecimal(&walk.hash.finalize());
        Ok(Clear { documents, store: self.store, mac: self.verify(&cipher, &mac) })
    }

    fn verify(&self, cipher: &Cipher, mac: &str) -> Result<(), Problem> {
        if self.metadata.mac.is_empty() {
            return Err(Problem::new("the file has no MAC, so that nobody knows whether it was changed")
                .hint("encrypt it again with SOPS"));
        }
        let stored = Ciphertext::read(&self.metadata.mac)
            .and_then(|mac| cipher.open(mac, self.metadata.last_modified.as_bytes()));
        match stored {
            Some(stored) if stored.as_slice() == mac.as_bytes() => Ok(()),
            _ => Err(Problem::new("the file was changed after SOPS wrote it: its MAC does not fit")
                .hint("take it from its history, or change it with `sops edit`")),
        }
    }
}

/// The values of a file.
pub struct Clear {
    pub(super) documents: Vec<Node>,
    pub(super) store: Store,
    mac: Result<(), Problem>,
}

impl Clear {
    /// Is everything as SOPS wrote it?
    ///
    /// # Errors
    /// The file has no MAC, or values were changed, added, removed or moved.
    pub fn verify(&self) -> Result<(), Problem> {
        self.mac.clone()
    }

    /// The whole file as `sops decrypt` prints it, byte for byte.
    ///
    /// # Errors
    /// It has no form in its store: several documents of JSON, a list in a file of lines, a key of 200 bytes in YAML.
    pub fn print(&self) -> Result<Zeroizing<Vec<u8>>, Problem> {
        print::print(self.store, &self.documents).ok_or_else(|| {
            Problem::new(format!("a whole {} file is no value", self.store.name()))
                .hint("name a key of it: #/a/b; or encrypt it as binary (sops encrypt --input-type binary)")
        })
    }

    /// What stands at a path, as often as its keys stand in the file; None for a map or a list.
    pub(super) fn find<'c>(&'c self, steps: &[&str]) -> Vec<Option<Leaf<'c>>> {
        let leaf = |(document, path, node): End<'c>| match node {
            Node::Scalar(scalar) => Some(Leaf { document, path, scalar, store: self.store }),
            _ => None,
        };
        ends(&self.documents, steps).into_iter().map(leaf).collect()
    }

    /// Every value with its path, in the order of the file; nothing for empty maps, empty lists and comments.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf<'_>> {
        let mut leaves = vec![];
        for (document, node) in self.documents.iter().enumerate() {
            gather(node, (document, self.store), &mut vec![], &mut leaves);
        }
        leaves
    }
}

/// A value and where it stands.
pub struct Leaf<'c> {
    /// Which document of the file, from 0.
    pub document: usize,
    /// The keys above it, and the places in lists, from 0.
    pub path: Vec<Step<'c>>,
    scalar: &'c Scalar,
    store: Store,
}

impl Leaf<'_> {
    /// The value, as `sops decrypt --extract` prints it; nothing for null.
    #[must_use]
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        self.scalar.printed(self.store)
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Type {
        self.scalar.kind
    }

    /// How it stands in the file.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.scalar.protection
    }
}

/// A step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'c> {
    /// Into a list.
    Item(usize),
    /// Into a map.
    Key(&'c str),
}

impl Step<'_> {
    /// Is it what a reference writes so?
    pub(super) fn is(&self, written: &str) -> bool {
        match self {
            Self::Item(place) => written.parse() == Ok(*place),
            Self::Key(key) => *key == written,
        }
    }
}

/// What stands directly below a node; comments are left out.
fn below(node: &Node) -> Box<dyn Iterator<Item = (Step<'_>, &Node)> + '_> {
    let is_value = |node: &&Node| !matches!(node, Node::Comment(_));
    match node {
        Node::Comment(_) | Node::Scalar(_) => Box::new(std::iter::empty()),
        Node::List(items) => Box::new(items.iter().filter(is_value).enumerate().map(|(n, item)| (Step::Item(n), item))),
        Node::Map(entries) => {
            let entries = entries.iter().map(|(key, node)| (Step::Key(key), node));
            Box::new(entries.filter(move |(_, node)| is_value(node)))
        }
    }
}

/// A document, a path in it, and what stands there.
type End<'c> = (usize, Vec<Step<'c>>, &'c Node);

/// Everything that steps lead to, as often as their keys stand there.
pub(super) fn ends<'c>(documents: &'c [Node], steps: &[&str]) -> Vec<End<'c>> {
    let mut ends: Vec<End> = documents.iter().enumerate().map(|(document, root)| (document, vec![], root)).collect();
    for written in steps {
        let mut further = vec![];
        for (document, path, node) in ends {
            let fitting = below(node).filter(|(step, _)| step.is(written));
            further.extend(fitting.map(|(step, node)| (document, [path.as_slice(), &[step]].concat(), node)));
        }
        ends = further;
    }
    ends
}

/// Every value below a node, with its path.
pub(super) fn gather<'c>(
    node: &'c Node,
    (document, store): (usize, Store),
    path: &mut Vec<Step<'c>>,
    leaves: &mut Vec<Leaf<'c>>,
) {
    if let Node::Scalar(scalar) = node {
        leaves.push(Leaf { document, path: path.clone(), scalar, store });
    }
    for (step, node) in below(node) {
        path.push(step);
        gather(node, (document, store), path, leaves);
        path.pop();
    }
}

/// SHA-256 of `sops`: a MAC of encrypted values alone never equals one of all.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02X}"))
}

/// What is known on the way through a file.
struct Walk<'d> {
    cipher: &'d Cipher,
    metadata: &'d Metadata,
    hash: Sha512,
    /// The keys above; lists have none.
    keys: Vec<&'d str>,
    /// For each level above, the comments since its last value.
    comments: Vec<Comments>,
}

impl<'d> Walk<'d> {
    fn node(&mut self, node: &'d Node) -> Result<Node, Problem> {
        Ok(match node {
            Node::Comment(comment) => self.comment(comment),
            Node::List(items) => {
                self.comments.push(Comments::default());
                let items = items.iter().map(|item| self.member(item)).collect::<Result<_, _>>()?;
                self.comments.pop();
                Node::List(items)
            }
            Node::Map(entries) => {
                self.comments.push(Comments::default());
                let entries = entries.iter().map(|(key, node)| self.entry(key, node)).collect::<Result<_, _>>()?;
                self.comments.pop();
                Node::Map(entries)
            }
            Node::Scalar(scalar) => self.scalar(scalar)?,
        })
    }

    fn entry(&mut self, key: &'d str, node: &'d Node) -> Result<(String, Node), Problem> {
        if let Node::Comment(_) = node {
            return Ok((key.to_owned(), self.member(node)?));
        }
        self.keys.push(key);
        let node = self.member(node)?;
        self.keys.pop();
        Ok((key.to_owned(), node))
    }

    /// A comment is in force until the next value of its level.
    fn member(&mut self, node: &'d Node) -> Result<Node, Problem> {
        let level = self.comments.len().saturating_sub(1);
        if let (Node::Comment(comment), Some(comments)) = (node, self.comments.get_mut(level)) {
            comments.push(std::str::from_utf8(&comment.text).is_ok_and(|text| self.metadata.rule.names(text)));
            return self.node(node);
        }
        let clear = self.node(node)?;
        if let Some(comments) = self.comments.get_mut(level) {
            *comments = Comments::default();
        }
        Ok(clear)
    }

    /// Old versions left comments as they were.
    fn comment(&self, Comment { text, beside }: &Comment) -> Node {
        let sealed = std::str::from_utf8(text).ok().and_then(Ciphertext::read);
        let open = |sealed| self.cipher.open(sealed, self.bound().as_bytes());
        let clear = sealed.filter(|_| self.metadata.rule.encrypts(&self.keys, &self.comments, true)).and_then(open);
        Node::Comment(match clear {
            // SOPS forgets where an encrypted one stood
            Some(text) => Comment { text, beside: false },
            None => Comment { text: text.clone(), beside: *beside },
        })
    }

    fn scalar(&mut self, scalar: &Scalar) -> Result<Node, Problem> {
        if scalar.kind == Type::Null {
            return Ok(Node::scalar(Type::Null, ""));
        }
        let encrypted = self.metadata.rule.encrypts(&self.keys, &self.comments, false);
        let clear = match (encrypted, scalar.kind, std::str::from_utf8(&scalar.bytes)) {
            (true, Type::Text, Ok("")) => {
                let bytes = Zeroizing::new(vec![]);
                Node::Scalar(Scalar { bytes, kind: Type::Text, protection: Protection::Empty })
            }
            (true, Type::Text, Ok(text)) if text.starts_with(PREFIX) => self.opened(text)?,
            (true, ..) => {
                return Err(self
                    .wrong("stands in clear, and the file's own rule wants it encrypted")
                    .hint("encrypt the file again; a value that was in git in clear is no secret any more"));
            }
            (false, ..) => Node::Scalar(Scalar { bytes: scalar.bytes.clone(), ..*scalar }),
        };
        let Node::Scalar(value) = &clear else { return Ok(clear) };
        if value.bytes.starts_with(PREFIX.as_bytes()) {
            return Err(self
                .wrong("is a ciphertext where clear text is meant to be")
                .hint("was the rule in the metadata changed, or a value encrypted twice?"));
        }
        if encrypted || !self.metadata.mac_only_encrypted {
            self.hash.update(&value.bytes);
        }
        Ok(clear)
    }

    /// A value, or a comment that stood in a list.
    fn opened(&self, text: &str) -> Result<Node, Problem> {
        let damaged = || {
            self.wrong("cannot be decrypted: it is damaged, or belongs to another place or file")
                .hint("take the file from its history; a value moves with `sops edit` alone")
        };
        let sealed = Ciphertext::read(text).ok_or_else(damaged)?;
        let name = sealed.kind;
        let clear = self.cipher.open(sealed, self.bound().as_bytes()).ok_or_else(damaged)?;
        let read = std::str::from_utf8(&clear).ok();
        let (kind, bytes) = match name {
            "str" => (Type::Text, Some(clear)),
            "bytes" => (Type::Bytes, Some(clear)),
            "comment" => return Ok(Node::Comment(Comment { text: clear, beside: false })),
            "int" => (Type::Int, read.and_then(|text| Some(text.parse::<i64>().ok()?.to_string())).map(wiped)),
            "float" => (Type::Float, read.and_then(|text| Some(decimals(text.parse().ok()?))).map(wiped)),
            "bool" => (Type::Bool, read.and_then(boolean).map(|text| wiped(text.to_owned()))),
            "time" => (Type::Time, read.and_then(time::nanoseconds).map(wiped)),
            _ => (Type::Text, None),
        };
        let unfit = || self.wrong("is not of the type that stands beside it").hint("take the file from its history");
        Ok(Node::Scalar(Scalar { bytes: bytes.ok_or_else(unfit)?, kind, protection: Protection::Encrypted }))
    }

    /// What a ciphertext here is bound to.
    fn bound(&self) -> String {
        self.keys.join(":") + ":"
    }

    fn wrong(&self, what: &str) -> Problem {
        Problem::new(format!("the value at \"{}\" {what}", self.keys.join("/")))
    }
}

fn wiped(text: String) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.into_bytes())
}

/// strconv.ParseBool.
fn boolean(text: &str) -> Option<&'static str> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some("True"),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some("False"),
        _ => None,
    }
}
