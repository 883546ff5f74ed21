//! G4: each published vector of the age format (C2SP/CCTV, see tests/vectors/age), as files of values and as protected
//! files of identities.

use std::io::Read as _;

use sealref::error::{Exit, Problem};
use sealref::model::{Ask, ManifestId, Place, Raw, Reply, Template, Values, Wire};
use sealref::sources;
use sealref::yaml::{Syntax, Tree};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A file and what is known of it.
struct Vector {
    name: String,
    expect: String,
    payload: Option<String>,
    identities: Vec<String>,
    passphrase: Option<String>,
    file: Vec<u8>,
}

/// An identity that opens nothing here but what was made for it.
const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";

impl Vector {
    fn read(name: String, text: &[u8]) -> Self {
        let end = memchr::memmem::find(text, b"\n\n").unwrap();
        let header = std::str::from_utf8(&text[..end]).unwrap();
        let all = |key: &str| -> Vec<String> {
            let of = |line: &str| line.split_once(": ").filter(|(name, _)| *name == key).map(|(_, v)| v.to_owned());
            header.lines().filter_map(of).collect()
        };
        let one = |key: &str| all(key).into_iter().next();
        let mut file = text[end + 2..].to_vec();
        if let Some(form) = one("compressed") {
            assert_eq!(form, "zlib");
            let mut plain = vec![];
            flate2::read::ZlibDecoder::new(&*file).read_to_end(&mut plain).unwrap();
            file = plain;
        }
        Self {
            expect: one("expect").unwrap(),
            payload: one("payload"),
            identities: all("identity"),
            passphrase: one("passphrase"),
            name,
            file,
        }
    }

    /// As a file of values; the SHA-256 of what was in it.
    fn opened(&self) -> Result<String, Problem> {
        let raw = Raw { path: "file.age".into(), parameters: vec![], fragment: None, whole: false };
        let address = sources::resolve("file", raw).unwrap();
        let (source, _) = sources::find("file").unwrap();
        let payload = source.fetch().unwrap().fetch(&[&address], &mut World(self)).remove(0)?;
        let mut values = Values::default();
        values.insert(address.clone(), payload);
        let tree = Tree::parse("{}", Syntax::Document).unwrap();
        let place = Place { manifest: ManifestId(0), node: tree.root() };
        let secret = values.compose(&Template::reference(place, address)).unwrap();
        Ok(secret.spend(|bytes| format!("{:x}", Sha256::digest(bytes))))
    }
}

struct World<'v>(&'v Vector);

impl Wire for World<'_> {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let Vector { file, identities, passphrase, .. } = self.0;
        let answer = |ask: Ask| match (ask, passphrase) {
            // A file that is protected with a passphrase is one of identities here
            (Ask::File(_), _) | (Ask::Identities, Some(_)) => file.clone(),
            (Ask::Identities, None) if identities.is_empty() => IDENTITY.into(),
            (Ask::Identities, None) => identities.join("\n").into_bytes(),
            (Ask::Passphrase(_), Some(typed)) => typed.clone().into_bytes(),
            _ => panic!("something else is asked for"),
        };
        asks.into_iter().map(|ask| Ok(Reply::of(Zeroizing::new(answer(ask))))).collect()
    }
}

fn vectors() -> Vec<Vector> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/age");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let files = files.filter(|file| file.file_name() != "README.md");
    let read = |file: std::fs::DirEntry| {
        Vector::read(file.file_name().into_string().unwrap(), &std::fs::read(file.path()).unwrap())
    };
    let vectors: Vec<Vector> = files.map(read).collect();
    assert_eq!(vectors.len(), 143);
    vectors
}

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What the age crate opens though the format has become stricter since: the body of a stanza that lacks its last, short
/// line. The header is authenticated all the same.
const LENIENT: [&str; 2] = ["stanza_missing_body", "stanza_missing_final_line"];

#[test]
fn each_vector_is_opened_or_refused_as_it_says_g4() {
    let mut wrong = vec![];
    for vector in vectors() {
        let opened = vector.opened();
        let told = opened.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let is_quantum = !vector.identities.is_empty() && vector.identities.iter().all(|one| one.contains("-PQ-1"));
        let fits = match (vector.expect.as_str(), &opened) {
            // What a passphrase protects has to be identities, and is read to its end before that is seen
            ("success", Err(_)) if vector.passphrase.is_some() => told.contains("of the identities is no age identity"),
            ("success", Err(_)) if is_quantum => told.contains("post-quantum identity"),
            ("success", Err(_)) => vector.payload.as_deref() == Some(EMPTY) && told.contains("the value is empty"),
            ("success", Ok(digest)) => vector.payload.as_ref() == Some(digest),
            (_, Err(problem)) => {
                problem.code() == Exit::Failed && problem.advice().is_some() && !told.contains("is no age identity")
            }
            (_, Ok(_)) => LENIENT.contains(&vector.name.as_str()),
        };
        if !fits {
            wrong.push(format!(
                "{} ({}): {}",
                vector.name,
                vector.expect,
                if told.is_empty() { "opened" } else { &told }
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
