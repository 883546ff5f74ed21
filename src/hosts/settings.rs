//! Where the settings are: given, or searched from the input upwards; with everything they extend.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::policy;
use super::stream::Call;
use crate::error::{Location, Problem, Problems};
use crate::limits;
use crate::model::{Source, StoreSpec};
use crate::outside::files::{self, Kind, Root};
use crate::outside::wire::World;
use crate::settings::{Public, Settings, Spec, Transform};
use crate::yaml::{self, NodeId, Syntax, Tree};

/// The root, the folder that paths are relative to, and what is set.
pub(super) struct Found {
    root: Root,
    /// Where references to files may lead.
    files: Root,
    folder: PathBuf,
    spec: Spec,
    /// The name of the file, where there is one.
    file: Option<String>,
}

/// What files of settings are called.
pub(super) const NAME: &str = ".sealref.yaml";

impl Found {
    /// `--config`, else the nearest file of that name from the first operand upwards to the root.
    pub(super) fn search(call: &Call) -> Result<Self, Problems> {
        let from = start(call)?;
        let (root, file) = near(call, &from)?;
        let folder = file.as_deref().and_then(Path::parent).unwrap_or(&from).to_path_buf();
        let (root, files) = opened(&root.unwrap_or_else(|| folder.clone()), &from, call)?;
        let folder = below(&root, &folder)?;
        let file = file.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let spec = match &file {
            None => Spec::default(),
            Some(name) => load(&root, &folder, name, 0)?,
        };
        Ok(Self { root, files, folder, spec, file })
    }

    /// What a function was given; paths are relative to the working folder.
    pub(super) fn given(call: &Call, source: &Source, tree: &Tree, node: NodeId) -> Result<Self, Problems> {
        let folder = files::resolve(Path::new("."))?;
        let root = match &call.root {
            Some(root) => files::resolve(root)?,
            None if call.policy.holds() => policy::repository(&folder)?.unwrap_or_else(|| folder.clone()),
            None => files::repository(&folder).unwrap_or_else(|| folder.clone()),
        };
        let (root, files) = opened(&root, &folder, call)?;
        let folder = below(&root, &folder)?;
        let spec = extended(&root, &folder, "", read(source, tree, node)?, 0)?;
        Ok(Self { root, files, folder, spec, file: Some(source.name.clone()) })
    }

    /// What holds for this run.
    pub(super) fn settings(&self, call: &Call) -> Result<Settings, Problems> {
        let at = |problem: &Problem| match &self.file {
            Some(file) => problem.clone().at(file.clone()),
            None => problem.clone(),
        };
        let chosen = call.policy.settings(&self.spec, &call.chosen);
        let mut settings = chosen.map_err(|problems| problems.iter().map(at).collect::<Problems>())?;
        settings.file.clone_from(&self.file);
        if let Some(plaintext) = call.plaintext {
            settings.plaintext = plaintext;
            settings.secrets.clear();
        }
        Ok(settings)
    }

    /// The stores of the files that the settings name.
    pub(super) fn stores(&self, settings: &Settings) -> Result<Vec<StoreSpec>, Problems> {
        let mut problems = Problems::default();
        let mut stores = vec![];
        for name in &settings.store_files {
            let read = self.root.read(&self.folder, name, limits::FILE);
            let read = read.and_then(|bytes| Source::read(name, bytes)).map_err(Problems::from);
            stores.extend(problems.keep(read.and_then(|source| in_file(&source))).unwrap_or_default());
        }
        problems.or(stores)
    }

    /// The file with the project's own rules about leaks.
    pub(super) fn leak_rules(&self, settings: &Settings) -> Result<Option<Source>, Problems> {
        let read = |name: &String| Source::read(name, self.root.read(&self.folder, name, limits::FILE)?);
        Ok(settings.leak_rules.as_ref().map(read).transpose()?)
    }

    /// The world that answers questions about files.
    pub(super) fn world(self, identities: Vec<PathBuf>) -> World {
        World::new(self.files, self.folder, identities)
    }
}

/// A certificate that settings name.
pub struct Pinned {
    /// The cluster it is for; None: there is one.
    pub cluster: Option<String>,
    /// The environments that are sealed for it.
    pub environments: Vec<String>,
    /// Where it is.
    pub certificate: Public,
}

/// All that settings say of certificates.
pub struct Certificates {
    /// Each of them.
    pub all: Vec<Pinned>,
    /// The cluster for which is sealed.
    pub chosen: Option<String>,
    /// The folder that paths are relative to, below the root.
    pub folder: PathBuf,
    /// The folder that none leads out of.
    pub root: Root,
}

/// The certificates that settings name.
pub fn certificates(call: &Call) -> Result<Certificates, Problems> {
    let found = Found::search(call)?;
    let spec = &found.spec;
    let used = |cluster: Option<&str>| {
        let of = |environment| spec.cluster_of(Some(environment)).map(String::as_str) == cluster;
        spec.environments.iter().filter(|(_, one)| of(one)).map(|(name, _)| name.clone()).collect()
    };
    let mut all: Vec<Pinned> = vec![];
    for (name, cluster) in &spec.clusters {
        let (certificate, cluster) = (Public::of(&cluster.certificate), Some(name.clone()));
        all.push(Pinned { environments: used(cluster.as_deref()), cluster, certificate });
    }
    if let Some(certificate) = &spec.sealing.certificate {
        all.push(Pinned { cluster: None, environments: used(None), certificate: Public::of(certificate) });
    }
    let chosen = spec.cluster(&call.chosen, spec.environment(&call.chosen)?).cloned();
    Ok(Certificates { all, chosen, folder: found.folder, root: found.root })
}

/// Refuses files for which other settings hold than for the first operand, where none are named.
pub fn same_settings<'p>(call: &Call, all: impl Iterator<Item = &'p Path>) -> Result<(), Problem> {
    let (_, first) = near(call, &start(call)?)?;
    let mut seen = BTreeSet::new();
    for file in all {
        let folder = files::resolve(files::folder(file))?;
        if !seen.contains(&folder) && near(call, &folder)?.1 != first {
            return Err(Problem::new("other settings are nearest to this file than to the first operand")
                .hint("one run seals for one certificate: name what has other settings in a run of its own, or give --certificate")
                .at(file.to_string_lossy()));
        }
        seen.insert(folder);
    }
    Ok(())
}

/// The root, where one is known, and the file of settings, where there is one, for what lies in a folder.
fn near(call: &Call, from: &Path) -> Result<(Option<PathBuf>, Option<PathBuf>), Problem> {
    let given = call.config.as_deref().map(files::resolve).transpose()?;
    let near = given.as_deref().and_then(Path::parent).unwrap_or(from);
    let root = match &call.root {
        Some(root) => Some(files::resolve(root)?),
        None if call.policy.holds() => Some(policy::repository(from)?.unwrap_or_else(|| from.to_path_buf())),
        None => files::repository(near),
    };
    let file = given.or_else(|| files::upwards(from, &[NAME], root.as_deref()));
    Ok((root, file))
}

/// The root of settings, and that of files that references name. Others write where a policy holds: a file may have no
/// second name then, and a reference leads no further than the policy says, seen from the folder of what is rendered.
fn opened(root: &Path, folder: &Path, call: &Call) -> Result<(Root, Root), Problem> {
    let (settings, files) = (Root::open(root)?, Root::open(root)?);
    if !call.policy.holds() {
        return Ok((settings, files));
    }
    let only = if call.root.is_some() { root.to_path_buf() } else { policy::root(&call.policy, folder)? };
    Ok((settings.without_hard_links(), files.without_hard_links().only(&only)?))
}

/// The folder of the first operand, or the working folder.
fn start(call: &Call) -> Result<PathBuf, Problem> {
    let first = call.operands.iter().find(|operand| *operand != "-");
    let Some(first) = first.map(Path::new) else {
        return files::resolve(Path::new("."));
    };
    match files::kind(first)? {
        Kind::Folder => files::resolve(first),
        Kind::File => files::resolve(files::folder(first)),
    }
}

fn below(root: &Root, folder: &Path) -> Result<PathBuf, Problem> {
    folder.strip_prefix(root.path()).map(Path::to_path_buf).map_err(|_| {
        Problem::new("the settings, or the manifests, are outside of the root")
            .hint("give --root a folder that holds both")
            .at(folder.to_string_lossy())
    })
}

/// One file of settings over those it extends. Paths come out relative to the first file.
fn load(root: &Root, folder: &Path, name: &str, level: usize) -> Result<Spec, Problem> {
    if level > limits::EXTENDS {
        return Err(Problem::new("settings extend each other in a circle")
            .hint("follow `extends` from file to file")
            .at(name.to_owned()));
    }
    let bytes = root.read(folder, name, limits::SETTINGS)?;
    extended(root, folder, name, parse(&Source::read(name, bytes)?)?, level)
}

/// What a file says over what it extends.
fn extended(root: &Root, folder: &Path, name: &str, mut spec: Spec, level: usize) -> Result<Spec, Problem> {
    let moved = |path: &str| beside(name, path);
    spec.move_paths(&moved);
    match spec.extends.take() {
        None => Ok(spec),
        Some(base) => Ok(spec.over(load(root, folder, &beside(name, &base), level + 1)?)),
    }
}

/// A path that stands in a file, as seen from where that file is named.
fn beside(file: &str, path: &str) -> String {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut joined = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            // `a/..` is nothing; a climb at the beginning stays.
            Component::ParentDir if joined.file_name().is_some() => {
                joined.pop();
            }
            part => joined.push(part),
        }
    }
    joined.to_string_lossy().into_owned()
}

fn parse(source: &Source) -> Result<Spec, Problem> {
    let tree = Tree::parse(&source.text, Syntax::Document).map_err(|fault| source.problem(fault))?;
    read(source, &tree, tree.root())
}

/// The settings that stand at a place.
fn read(source: &Source, tree: &Tree, node: NodeId) -> Result<Spec, Problem> {
    let at = |line: usize| format!("{}:{line}", source.name);
    let said = |key| tree.get(node, key).and_then(|node| tree.text(node)).unwrap_or_default();
    if (said("apiVersion"), said("kind")) != (Transform::API_VERSION, Transform::KIND) {
        return Err(Problem::new("the settings are of another kind")
            .hint(format!("apiVersion: {}, kind: {}", Transform::API_VERSION, Transform::KIND))
            .at(at(tree.line(node))));
    }
    let transform: Transform = yaml::read(tree, node).map_err(|mistake| {
        let place = format!("{} {}", at(mistake.line), mistake.path);
        let problem = Problem::new(mistake.message).at(place.trim_end().to_owned());
        problem.hint(mistake.hint.unwrap_or_else(|| "see `sealref schema` for what settings hold".to_owned()))
    })?;
    Ok(transform.spec)
}

/// The SecretStores and ClusterSecretStores of a file.
fn in_file(source: &Source) -> Result<Vec<StoreSpec>, Problems> {
    let mut stores = vec![];
    for object in source.objects()? {
        let (piece, tree) = object?;
        let at = |problem: Problem| problem.at(Location::line(&source.name, piece.line));
        stores.extend(StoreSpec::read(&tree).map_err(at)?);
    }
    Ok(stores)
}
