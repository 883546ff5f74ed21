//! The files of a commit, by `git`, which runs nothing that the repository could name: no filter, hook, pager, monitor
//! or remote.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use super::{Files, too_large};
use crate::error::{Exit, Problem};
use crate::limits;
use crate::outside::files::{self, Kind, PrivateFolder};
use crate::outside::process::Program;

/// What stands before every command. A part of a clone that is not there must not be fetched: a remote's address may
/// name a program; git 2.39.4 and later do not try (`GIT_NO_LAZY_FETCH`), others may not reach it. The owner of the folder
/// may be another: nothing of its configuration runs.
const NEUTRAL: [&str; 3] = ["--no-pager", "--no-replace-objects", "--literal-pathspecs"];
const CONFIGURED: [&str; 9] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "protocol.file.allow=never",
    "protocol.git.allow=never",
    "protocol.http.allow=never",
    "protocol.https.allow=never",
    "protocol.ssh.allow=never",
];

/// What the commit holds of a file or a folder.
pub(super) fn files(revision: &str, path: &Path) -> Result<Files, Problem> {
    if revision.starts_with('-') || revision.is_empty() {
        return Err(Problem::new("the revision is not a name").hint("a commit, a branch or a tag").exit(Exit::Usage));
    }
    let here = files::resolve(path)?;
    let root = files::repository(&here).ok_or_else(|| {
        Problem::new("the folder is in no git repository").hint("sealref diff OLD NEW compares two folders")
    })?;
    let below = here.strip_prefix(&root).unwrap_or(Path::new(""));
    let inside = below.to_str().ok_or_else(|| {
        Problem::new("the name of the folder is not UTF-8").hint("sealref diff OLD NEW compares two folders")
    })?;
    let home = PrivateFolder::new()?;
    let git = Git { root: &root, home: home.path() };
    let mut listed = vec!["ls-tree", "-r", "-z", "-l", "--full-tree", revision, "--"];
    listed.extend((!inside.is_empty()).then_some(inside));
    let listed = git.run(&listed, &format!("git knows no revision \"{revision}\" here"))?;
    let entries = listed.split(|byte| *byte == 0).filter_map(|line| Entry::read(line, below));
    let listing = Listing::of(entries.collect(), &git)?;
    let folder = files::kind(&here)? == Kind::Folder;
    let names = listing.0.keys().filter(|name| !folder || is_listed(name));
    let (names, entries): (Vec<&PathBuf>, Vec<&Entry>) =
        names.filter_map(|name| Some((name, listing.follow(name)?))).unzip();
    Ok(names.into_iter().cloned().zip(git.contents(&entries)?).collect())
}

/// As in the folder itself: manifests by their endings, and nothing hidden.
fn is_listed(name: &Path) -> bool {
    files::is_manifest(name) && !name.iter().any(|part| part.as_bytes().starts_with(b"."))
}

/// What a commit holds of the folder, by names below it.
struct Listing(BTreeMap<PathBuf, Entry>);

impl Listing {
    fn of(entries: Vec<(PathBuf, Entry)>, git: &Git) -> Result<Self, Problem> {
        let mut listing = Self(entries.into_iter().collect());
        let (links, targets): (Vec<PathBuf>, Vec<Zeroizing<Vec<u8>>>) = {
            let links: Vec<(&PathBuf, &Entry)> = listing.0.iter().filter(|(_, entry)| entry.link.is_some()).collect();
            let entries: Vec<&Entry> = links.iter().map(|(_, entry)| *entry).collect();
            (links.into_iter().map(|(name, _)| name.clone()).collect(), git.contents(&entries)?)
        };
        for (link, target) in links.iter().zip(targets) {
            if let Some(entry) = listing.0.get_mut(link) {
                entry.link = Some(PathBuf::from(OsStr::from_bytes(&target)));
            }
        }
        Ok(listing)
    }

    /// The file that a name leads to, links followed; None where that is a folder, or not in this one.
    fn follow(&self, name: &Path) -> Option<&Entry> {
        let mut waiting: Vec<Component> = name.components().rev().collect();
        let mut at = PathBuf::new();
        let mut links = 0;
        while let Some(part) = waiting.pop() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => at.pop().then_some(())?,
                Component::Normal(name) => at.push(name),
                Component::Prefix(_) | Component::RootDir => return None,
            }
            if let Some(target) = self.0.get(&at).and_then(|entry| entry.link.as_ref()) {
                links += 1;
                (links <= limits::LINKS).then_some(())?;
                at.pop();
                waiting.extend(target.components().rev());
            }
        }
        self.0.get(&at).filter(|entry| entry.link.is_none())
    }
}

/// Files that are read by one process.
const AT_ONCE: usize = 500;

struct Git<'g> {
    root: &'g Path,
    home: &'g Path,
}

impl Git<'_> {
    /// What files hold, in their order.
    fn contents(&self, entries: &[&Entry]) -> Result<Vec<Zeroizing<Vec<u8>>>, Problem> {
        // Git says BAD of what a partial clone has left out
        if let Some(lacking) = entries.iter().find(|entry| entry.size.is_none()) {
            return Err(Problem::new("git has only a part of that revision, and a file is missing")
                .hint("fetch it first: git fetch --refetch --no-filter")
                .at(lacking.path.clone()));
        }
        let size = |entry: &Entry| entry.size.unwrap_or(0);
        if entries.iter().map(|entry| size(entry)).sum::<usize>() > limits::INPUT {
            return Err(too_large());
        }
        let mut found = vec![];
        for part in entries.chunks(AT_ONCE) {
            let mut show = vec!["show", "--no-ext-diff", "--no-textconv"];
            show.extend(part.iter().map(|entry| entry.object.as_str()));
            let bytes = self.run(&show, "git cannot read a file of that revision")?;
            let mut at = 0;
            for entry in part {
                let text = bytes.get(at..at + size(entry)).ok_or_else(|| {
                    Problem::new("git printed something else than the files")
                        .hint("is the repository damaged? git fsck")
                })?;
                at += size(entry);
                found.push(Zeroizing::new(text.to_vec()));
            }
        }
        Ok(found)
    }

    fn run(&self, arguments: &[&str], failed: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let file = files::on_the_path("git").ok_or_else(|| {
            Problem::new("git is not on the PATH").hint("sealref diff OLD NEW compares two folders without it")
        })?;
        let owned = format!("safe.directory={}", self.root.to_string_lossy());
        let configured = CONFIGURED.into_iter().chain([owned.as_str()]).flat_map(|set| ["-c", set]);
        let arguments: Vec<&str> = NEUTRAL.into_iter().chain(configured).chain(arguments.iter().copied()).collect();
        let tried = Program::tried(&file, &arguments, self.home);
        let (folder, variables) = (self.root, &[("GIT_NO_LAZY_FETCH", "1")]);
        let program = Program { folder, variables, seconds: limits::RUN_SECONDS, printed: limits::INPUT, ..tried };
        let ended = program.run()?;
        if ended.success {
            return Ok(ended.stdout);
        }
        Err(Problem::new(failed).hint("git log shows which there are; in CI, is the whole history fetched?"))
    }
}

/// A line of `ls-tree`: mode, type, object and size, a tab, the path.
struct Entry {
    object: String,
    /// From the root of the repository.
    path: String,
    /// None: the object is not here.
    size: Option<usize>,
    /// Of a link: where it leads to.
    link: Option<PathBuf>,
}

impl Entry {
    /// None for what is no file and no link.
    fn read(line: &[u8], below: &Path) -> Option<(PathBuf, Self)> {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let (about, path) = (std::str::from_utf8(line.get(..tab)?).ok()?, line.get(tab + 1..)?);
        let mut words = about.split_whitespace();
        let (mode, kind, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let link = mode == "120000";
        (kind == "blob" && (link || mode.starts_with("100"))).then_some(())?;
        let name = Path::new(OsStr::from_bytes(path)).strip_prefix(below).ok()?.to_owned();
        let path = String::from_utf8_lossy(path).into_owned();
        let link = link.then(PathBuf::new);
        Some((name, Self { object: object.to_owned(), path, size: size.parse().ok(), link }))
    }
}
