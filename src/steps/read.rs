//! Bytes to manifests. A text without a marker stays a slice that nobody parses.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use rayon::prelude::*;

use super::find::consumers;
use crate::error::{Exit, Problem, Problems};
use crate::grammars::GRAMMARS;
use crate::hosts::Job;
use crate::model::{GUARD, Identity, Input, LOCAL, Manifest, ManifestId, Source, Stream, annotation};
use crate::settings::Transform;
use crate::yaml::{self, Kind, Pieces, Scalar, Syntax, Tree};

/// What the stream is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To check everything: any object may hold a value that is none of its business.
    Check,
    /// To ask everything: the settings name consumers that no word tells, or a policy is kept.
    Everything,
    /// To replace references: what has to do with Secrets or holds a reference.
    Render,
    /// To follow or check names: also what uses Secrets.
    Uses,
}

/// The word that every Secret has, what may hide it (a tag), what may have the name of something that we make, and
/// each grammar's own.
static RENDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| markers(&["Secret", "ENC[", "%TAG", "sealref.dev/", "external-secrets.io/"]));

/// What else may name a Secret.
static USES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| markers(&uses()));

fn uses() -> Vec<&'static str> {
    let reload = ["reloader.stakater.com", "wave.pusher.com"];
    let words = ["ENC[", "**SOPS**", "%TAG", "sealref.dev/", "external-secrets.io/"].into_iter().chain(reload);
    words.chain(consumers::markers()).collect()
}

fn markers(words: &[&str]) -> Option<AhoCorasick> {
    let grammars = GRAMMARS.iter().map(|grammar| grammar.marker());
    // Whichever match is asked for, any will do; this one lets the library look at many bytes at once
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words.iter().copied().chain(grammars)).ok()
}

impl Purpose {
    /// What a job makes of it: a policy is about every object.
    #[must_use]
    pub fn by(self, job: &Job) -> Self {
        match self {
            _ if job.policy.holds() => Self::Everything,
            Self::Render if !job.settings.follows() => self,
            _ if !job.settings.consumers.is_empty() => Self::Everything,
            Self::Check => self,
            Self::Everything | Self::Render | Self::Uses => Self::Uses,
        }
    }

    fn may_matter(self, text: &str) -> bool {
        let markers = match self {
            Self::Check | Self::Everything => return true,
            Self::Render => &RENDER,
            Self::Uses => &USES,
        };
        // An escape may hide any word, and a tag what is meant. They are looked for alone: so short, they would slow the
        // others down.
        let hides = |at: usize| matches!(text.as_bytes().get(at..), Some([b'\\', ..] | [b'!', b'!' | b'<', ..]));
        markers.as_ref().is_none_or(|markers| markers.is_match(text))
            || memchr::memchr2_iter(b'\\', b'!', text.as_bytes()).any(hides)
    }
}

/// Writes lists anew whose items share anchors, so that each item can be read alone.
pub fn untangle(input: Input, purpose: Purpose) -> Result<Input, Problems> {
    let mut problems = Problems::default();
    let mut sources = vec![];
    for source in input.0 {
        match yaml::untangled(&source.text, &|text| purpose.may_matter(text)) {
            Ok(Some(text)) => sources.push(Source::new(source.name, text)),
            Ok(None) => sources.push(source),
            Err(fault) => problems.push(source.problem(fault)),
        }
    }
    problems.or(Input(sources))
}

/// The manifests of a job, under the namespaces that they will have.
pub fn stream(job: &Job, purpose: Purpose) -> Result<Stream<'_>, Problems> {
    let stream = read(&job.input, purpose.by(job))?;
    let Some(namespace) = &job.terms.afterwards.namespace else { return Ok(stream) };
    if job.policy.holds() {
        stays(&stream, namespace)?;
    }
    Ok(stream.moved(namespace))
}

/// Under a policy what is written is what is judged: a repository may say of itself that it is moved, and then not be.
fn stays(stream: &Stream, namespace: &str) -> Result<(), Problems> {
    let other = |(id, _, identity): (ManifestId, _, &Identity)| {
        let written = identity.namespace.as_deref().filter(|written| *written != namespace)?;
        let what = format!("it is written for {written}, and would be moved to {namespace} before it is applied");
        let hint = "under a policy an object writes the namespace that it goes to, or none";
        Some(Problem::new(what).hint(hint).at(stream.tell_object(id)).exit(Exit::Refused))
    };
    stream.read().filter_map(other).collect::<Problems>().or(())
}

/// Manifests of all sources; those with a marker are parsed, on all cores.
pub fn read(input: &Input, purpose: Purpose) -> Result<Stream<'_>, Problems> {
    let mut problems = Problems::default();
    let mut stream = Stream { names: vec![], manifests: vec![], tails: vec![], ours: vec![], candidates: vec![] };
    for (number, source) in input.0.iter().enumerate() {
        stream.names.push(&source.name);
        match yaml::pieces(&source.text, &|text| purpose.may_matter(text)) {
            Ok(pieces) => take(&mut stream, number, &source.text, pieces),
            Err(fault) => problems.push(source.problem(fault)),
        }
    }
    let broken: Vec<Problem> = stream
        .candidates
        .par_iter()
        .filter_map(|id| {
            let manifest = stream.get(*id)?;
            match manifest.tree() {
                Err(fault) => Some(stream.problem(manifest, fault)),
                Ok(_) => shape(&stream, manifest, *id),
            }
        })
        .collect();
    problems.extend(broken.into_iter().collect());
    set_ours_apart(&mut stream, &mut problems);
    let empty = !stream.manifests.iter().any(|manifest| says_something(manifest.text));
    if problems.is_empty() && empty {
        problems.push(
            Problem::new("no objects came in")
                .hint("an empty stream would make Argo CD and others delete everything; did the command before fail?"),
        );
    }
    problems.or(stream)
}

/// Neighbours without a marker are one manifest: nobody will look into them.
fn take<'s>(stream: &mut Stream<'s>, source: usize, text: &'s str, pieces: Pieces<'s>) {
    let (mut at, mut quiet) = (0, None);
    let typed = holds_typed_list(text, &pieces);
    for piece in pieces.pieces {
        let start = at + piece.before.len();
        at = start + piece.text.len();
        let matters = piece.matters || typed && piece.syntax.in_list() || piece.before.contains("%TAG");
        if let (false, Some(from), Some(last)) = (matters, quiet, stream.manifests.last_mut()) {
            last.text = text.get(from..at).unwrap_or("");
            continue;
        }
        quiet = (!matters).then_some(start);
        if matters {
            stream.candidates.push(ManifestId(u32::try_from(stream.manifests.len()).unwrap_or(u32::MAX)));
        }
        let manifest = Manifest::new(source, piece.before, piece.text, piece.line, piece.syntax);
        stream.manifests.push(manifest);
    }
    stream.tails.push(pieces.tail);
}

/// Items of a SecretList need not say their kind, so each of them is looked at. What stands around the
/// items may hide the word behind an escape or a tag.
fn holds_typed_list(text: &str, pieces: &Pieces) -> bool {
    let hides = |around: &str| around.contains(['\\', '!']);
    let mut items = pieces.pieces.iter().filter(|piece| piece.syntax.in_list()).peekable();
    items.peek().is_some()
        && (memchr::memmem::find(text.as_bytes(), b"SecretList").is_some()
            || hides(pieces.tail)
            || items.any(|piece| hides(piece.before)))
}

/// Only maps are objects, `null` is nothing, and nothing may hide what an object is, or that it is a
/// list: kubectl goes by `items`, whatever the kind.
fn shape(stream: &Stream, manifest: &Manifest, id: ManifestId) -> Option<Problem> {
    let tree = manifest.tree().ok()?;
    let at = |what: String, hint: &str| Some(Problem::new(what).hint(hint).at(stream.tell_object(id)));
    let found = match (tree.kind(tree.root()), tree.scalar(tree.root())) {
        (Kind::Map, _) => return hidden(tree).and_then(|(what, hint)| at(what.to_owned(), hint)),
        (_, Some(Scalar::Null)) => return None,
        (Kind::Seq, _) => "a list",
        _ => "a scalar",
    };
    at(format!("expected a Kubernetes object, found {found}"), "each document is a map with apiVersion and kind")
}

/// What an object does not say plainly.
fn hidden(tree: &Tree) -> Option<(&'static str, &'static str)> {
    let at = |path: &[&str]| tree.at(tree.root(), path);
    let said = [&["apiVersion"][..], &["kind"], &["metadata", "name"], &["metadata", "namespace"]];
    if said.into_iter().filter_map(at).any(|node| tree.bytes(node).is_some()) {
        return Some(("apiVersion, kind or name is tagged as binary", "write it as plain text"));
    }
    let items = at(&["items"]).into_iter().flat_map(|items| tree.items(items).collect::<Vec<_>>());
    if items.into_iter().any(|item| tree.kind(item) == Kind::Map) {
        let hint = "write it as kind: List, `items:` and a dash for each item, or as documents";
        return Some(("the list is written in a way that its items cannot be told apart", hint));
    }
    let is_list = at(&["kind"]).and_then(|node| tree.text(node)).is_some_and(|kind| kind.ends_with("List"));
    if is_list && at(&["items"]).is_some_and(|items| tree.kind(items) == Kind::Map) {
        return Some(("the items of the list are a map", "write a dash before each item"));
    }
    let nothing = tree.entries(tree.root()).into_iter().next().is_none();
    let kind = at(&["kind"]).and_then(|node| tree.text(node)).unwrap_or_default();
    (kind.is_empty() && !nothing).then_some(("the object has no kind", "every object has apiVersion and kind"))
}

/// Settings of our own are not for the cluster: documents are set apart, anything else of ours is refused.
fn set_ours_apart(stream: &mut Stream, problems: &mut Problems) {
    let mut ours = vec![];
    for id in &stream.candidates {
        let Some(manifest) = stream.get(*id) else { continue };
        let Ok(identity) = manifest.identity() else { continue };
        if identity.group() != GUARD.0 {
            continue;
        }
        if identity.api_version != Transform::API_VERSION {
            problems.push(
                Problem::new(format!("{} has a version of sealref that is not known", identity.kind))
                    .hint(format!("apiVersion: {}", Transform::API_VERSION))
                    .at(stream.tell_object(*id)),
            );
            continue;
        }
        let is_guard = identity.is(GUARD.0, GUARD.1);
        if (identity.kind == Transform::KIND || is_guard) && manifest.syntax == Syntax::Document {
            ours.push(*id);
        } else if !(manifest.syntax.in_list() && (is_guard || is_local(manifest))) {
            problems.push(
                Problem::new(format!("{} is of sealref, and cannot stand here", identity.kind))
                    .hint(format!("settings are a document, better a file, of their own; in a list they are marked {LOCAL}: \"true\""))
                    .at(stream.tell_object(*id)),
            );
        }
    }
    if ours.is_empty() {
        return;
    }
    let manifests = std::mem::take(&mut stream.manifests);
    let candidates = std::mem::take(&mut stream.candidates);
    for (id, manifest) in (0..).map(ManifestId).zip(manifests) {
        if ours.binary_search(&id).is_ok() {
            stream.ours.push(manifest);
            continue;
        }
        if candidates.binary_search(&id).is_ok() {
            let next = u32::try_from(stream.manifests.len()).unwrap_or(u32::MAX);
            stream.candidates.push(ManifestId(next));
        }
        stream.manifests.push(manifest);
    }
}

/// Not for the cluster: orchestrators hand a function its own configuration among the rest.
fn is_local(manifest: &Manifest) -> bool {
    manifest.tree().is_ok_and(|tree| annotation(tree, LOCAL) == Some("true"))
}

/// Anything but comments, blank lines, `null` and an empty list. Long texts say something.
fn says_something(text: &str) -> bool {
    let nothing = |line: &str| line.starts_with('#') || matches!(line, "" | "---" | "null" | "Null" | "NULL" | "~");
    if text.len() > EMPTY_LIST {
        return text.lines().any(|line| !nothing(line.trim()));
    }
    let Ok(tree) = Tree::parse(text, Syntax::Document) else {
        // Neighbours that nobody looks into are one text.
        let Some((first, rest)) = text.split_once("\n---") else {
            return text.lines().any(|line| !nothing(line.trim()));
        };
        return says_something(first) || says_something(rest);
    };
    let at = |key| tree.get(tree.root(), key);
    let list = at("kind").and_then(|kind| tree.text(kind)).is_some_and(|kind| kind.ends_with("List"));
    let items = at("items").is_some_and(|items| tree.items(items).next().is_some());
    !tree.is_empty() && (!list || items)
}

/// An empty `kind: List` is shorter than this.
const EMPTY_LIST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_without_a_marker_are_one_manifest_and_every_byte_is_kept() {
        let text = "a: 1\n---\nb: 2\n---\nkind: Secret\n---\n# c\nc: 3\n---\n{\"d\": 4}\n--- # end\n";
        let input = Input(vec![Source::new("stdin", text.to_owned())]);
        let Ok(stream) = read(&input, Purpose::Render) else { panic!("every document is well formed") };
        let texts: Vec<&str> = stream.manifests.iter().map(|manifest| manifest.text).collect();
        assert_eq!(texts, ["a: 1\n---\nb: 2\n", "kind: Secret\n", "# c\nc: 3\n---\n{\"d\": 4}\n"]);
        assert_eq!(stream.candidates, [ManifestId(1)]);
        let pieces = stream.manifests.iter().flat_map(|manifest| [manifest.before, manifest.text]);
        assert_eq!(pieces.chain(stream.tails.iter().copied()).collect::<String>(), text);
    }
}
