//! The files of a commit, by `git`, which runs nothing that the repository could name: no filter, hook, pager, monitor
//! or remote.

use std::path::Path;

use zeroize::Zeroizing;

use super::{Files, too_large};
use crate::error::{Exit, Problem};
use crate::limits;
use crate::outside::files::{self, Kind, PrivateFolder};
use crate::outside::process::Program;

/// What stands before every command. A part of a clone that is not there must not be fetched: a remote's address may
/// name a program. The owner of the folder may be another: nothing of its configuration runs.
const NEUTRAL: [&str; 22] = [
    "--no-pager",
    "--no-replace-objects",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.allow=never",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "protocol.file.allow=never",
    "-c",
    "protocol.git.allow=never",
    "-c",
    "protocol.http.allow=never",
    "-c",
    "protocol.https.allow=never",
    "-c",
    "protocol.ssh.allow=never",
    "-c",
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
    let below = here.strip_prefix(&root).unwrap_or(Path::new("")).to_string_lossy().into_owned();
    let home = PrivateFolder::new()?;
    let git = Git { root: &root, home: home.path() };
    let mut listed = vec!["ls-tree", "-r", "-z", "-l", "--full-tree", revision, "--"];
    listed.extend((!below.is_empty()).then_some(below.as_str()));
    let listed = git.run(&listed, &format!("git knows no revision \"{revision}\" here"))?;
    let folder = files::kind(&here)? == Kind::Folder;
    let entries: Vec<Entry> = listed.split(|byte| *byte == 0).filter_map(|line| Entry::read(line, folder)).collect();
    let mut found = Files::new();
    // Git says BAD of what a partial clone has left out
    if let Some(lacking) = entries.iter().find(|entry| entry.size.is_none()) {
        return Err(Problem::new("git has only a part of that revision, and a file is missing")
            .hint("fetch it first: git fetch --refetch --no-filter")
            .at(lacking.path.clone()));
    }
    let size = |entry: &Entry| entry.size.unwrap_or(0);
    if entries.iter().map(size).sum::<usize>() > limits::INPUT {
        return Err(too_large());
    }
    for part in entries.chunks(AT_ONCE) {
        let mut show = vec!["show", "--no-ext-diff", "--no-textconv"];
        show.extend(part.iter().map(|entry| entry.object.as_str()));
        let bytes = git.run(&show, "git cannot read a file of that revision")?;
        let mut at = 0;
        for entry in part {
            let text = bytes.get(at..at + size(entry)).ok_or_else(|| {
                Problem::new("git printed something else than the files").hint("is the repository damaged? git fsck")
            })?;
            at += size(entry);
            let name = entry.path.strip_prefix(&below).unwrap_or(&entry.path).trim_start_matches('/').to_owned();
            found.insert(name, Zeroizing::new(text.to_vec()));
        }
    }
    Ok(found)
}

/// Files that are read by one process.
const AT_ONCE: usize = 500;

struct Git<'g> {
    root: &'g Path,
    home: &'g Path,
}

impl Git<'_> {
    fn run(&self, arguments: &[&str], failed: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let file = files::on_the_path("git").ok_or_else(|| {
            Problem::new("git is not on the PATH").hint("sealref diff OLD NEW compares two folders without it")
        })?;
        let owned = format!("safe.directory={}", self.root.to_string_lossy());
        let arguments: Vec<&str> =
            NEUTRAL.into_iter().chain([owned.as_str()]).chain(arguments.iter().copied()).collect();
        let tried = Program::tried(&file, &arguments, self.home);
        let program = Program { folder: self.root, seconds: limits::RUN_SECONDS, printed: limits::INPUT, ..tried };
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
    path: String,
    /// None: the object is not here.
    size: Option<usize>,
}

impl Entry {
    /// None for what is no file with manifests; hidden ones are left out as in the folder itself.
    fn read(line: &[u8], folder: bool) -> Option<Self> {
        let (about, path) = std::str::from_utf8(line).ok()?.split_once('\t')?;
        let mut words = about.split_whitespace();
        let (mode, kind, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let is_manifest = [".json", ".yaml", ".yml"].iter().any(|end| path.ends_with(end));
        let hidden = path.split('/').any(|part| part.starts_with('.'));
        let wanted = kind == "blob" && mode.starts_with("100") && (!folder || is_manifest && !hidden);
        wanted.then_some(())?;
        Some(Self { object: object.to_owned(), path: path.to_owned(), size: size.parse().ok() })
    }
}
