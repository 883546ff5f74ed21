//! The operator's policy, and who asks: from a file that the operator named, and the variables that Argo CD itself sets.
//!
//! Nothing here is taken from a repository, nor from what a tenant can set (`ARGOCD_ENV_*`, `PARAM_*`).

use std::path::{Component, Path, PathBuf};

use crate::error::{Exit, Problem, Problems};
use crate::limits;
use crate::model::{Pattern, Source};
use crate::outside::environment;
use crate::outside::files::{self, Recursive};
use crate::settings::{Policy, Rules, Tenant};

/// What names the policy in the environment of the operator.
const VARIABLE: &str = "SEALREF_POLICY";

/// The policy for whoever asks, where an operator has named one: by `--policy`, or in the environment.
///
/// # Errors
/// It cannot be read, is wrong or empty, or nobody says which project asks (exit 3).
pub fn find(given: Option<&Path>) -> Result<Option<Policy>, Problems> {
    let Some(rules) = rules(given)? else { return Ok(None) };
    Ok(Some(Policy::Operator(Box::new(rules), tenant()?)))
}

/// The same where there is none without a policy, as in Argo CD: then its path is absolute, for the working folder is
/// the tenant's.
///
/// # Errors
/// Those of [`find`], and no policy is named (exit 3).
pub fn required(given: Option<&Path>) -> Result<Policy, Problems> {
    Ok(Policy::Operator(Box::new(required_rules(given)?), tenant()?))
}

/// The same, whichever project asks.
///
/// # Errors
/// It cannot be read, is wrong or empty, or none is named (exit 3).
pub fn required_rules(given: Option<&Path>) -> Result<Rules, Problems> {
    if given.is_some_and(|path| !path.is_absolute()) {
        return Err(relative("--policy").into());
    }
    rules(given)?.ok_or_else(|| {
        let hint = format!("the operator names one: --policy FILE, or {VARIABLE} in the environment of the plugin");
        refused(Problem::new("no policy is named, and nothing is rendered for others without one").hint(hint)).into()
    })
}

/// The policy itself, for whichever project asks.
///
/// # Errors
/// It cannot be read, is wrong or empty (exit 3).
pub fn rules(given: Option<&Path>) -> Result<Option<Rules>, Problems> {
    let Some(path) = path(given)? else { return Ok(None) };
    let path = files::resolve(&path).map_err(refused)?;
    let source = source(&path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut rules = Rules::read(&source, folder)?;
    if let Some((folder, name)) = rules.tenant_files() {
        let pattern = Pattern::new(&name);
        let listed = files::list(&folder, Recursive::No).map_err(refused)?;
        let fits = |path: &&PathBuf| path.file_name().is_some_and(|name| pattern.matches(&name.to_string_lossy()));
        let listed: Vec<&PathBuf> = listed.iter().filter(fits).collect();
        if listed.is_empty() {
            let hint = "the files end in .yaml, .yml or .json; where there are none yet, leave tenantFiles out";
            let place = path.to_string_lossy();
            return Err(refused(Problem::new("no file is one of tenantFiles").hint(hint).at(place)).into());
        }
        let mut problems = Problems::default();
        for file in listed {
            let added = source_of(file).and_then(|source| rules.add_tenants(&source));
            if let Err(more) = added {
                problems.extend(more);
            }
        }
        problems.or(())?;
    }
    Ok(Some(rules))
}

/// Who asks.
///
/// # Errors
/// No project, or what is no name (exit 3).
pub fn tenant() -> Result<Tenant, Problem> {
    let read = |name| environment::variable(name).map_err(refused);
    let (project, namespace) = (read(Tenant::PROJECT)?, read(Tenant::NAMESPACE)?);
    let text = |value: &Option<zeroize::Zeroizing<String>>| value.as_ref().map(|text| text.as_str().to_owned());
    Tenant::new(text(&project).as_deref(), text(&namespace).as_deref())
}

/// The folder beneath which files are read: the Application's own, or the one around it that a grant names.
///
/// # Errors
/// The folder of the repository is not known, and a grant names one in it (exit 3).
pub(super) fn root(policy: &Policy, folder: &Path) -> Result<PathBuf, Problem> {
    let mut patterns = policy.file_roots().peekable();
    if patterns.peek().is_none() {
        return Ok(folder.to_path_buf());
    }
    let repository = repository(folder)?.ok_or_else(|| {
        refused(
            Problem::new("it is not known where the repository begins, and a grant names fileRoots in it")
                .hint(format!("Argo CD says where the Application lies in it: {SOURCE}")),
        )
    })?;
    let inside = |path: &&Path| path.strip_prefix(&repository).is_ok_and(|path| path != Path::new(""));
    let around: Vec<&Path> = folder.ancestors().take_while(inside).collect();
    let named = |pattern: &Pattern| {
        let fits = |path: &&&Path| path.strip_prefix(&repository).is_ok_and(|p| pattern.matches(&p.to_string_lossy()));
        around.iter().find(fits).map(|path| path.to_path_buf())
    };
    Ok(patterns.find_map(|pattern| named(&pattern)).unwrap_or_else(|| folder.to_path_buf()))
}

/// The repository that a folder lies in: all that Argo CD sent, else where git is. None: nobody knows.
///
/// # Errors
/// A variable that is no text (exit 3).
pub(super) fn repository(folder: &Path) -> Result<Option<PathBuf>, Problem> {
    let source = environment::variable(SOURCE).map_err(refused)?;
    Ok(source.map_or_else(|| files::repository(folder), |source| sent(folder, &source)))
}

/// Where the Application lies in its repository.
const SOURCE: &str = "ARGOCD_APP_SOURCE_PATH";

/// The folder below which Argo CD laid out the repository: that of the Application without the source's path, where it
/// ends in it.
#[must_use]
fn sent(folder: &Path, source: &str) -> Option<PathBuf> {
    let mut below = PathBuf::new();
    for part in Path::new(source).components() {
        match part {
            Component::Normal(name) => below.push(name),
            Component::ParentDir => {
                below.pop();
            }
            Component::CurDir | Component::Prefix(_) | Component::RootDir => {}
        }
    }
    let steps = below.components().count();
    folder.ends_with(&below).then(|| folder.ancestors().nth(steps)).flatten().map(Path::to_path_buf)
}

/// Two names would leave it to chance, or to a repository, which one holds.
fn path(given: Option<&Path>) -> Result<Option<PathBuf>, Problem> {
    let set = environment::variable(VARIABLE).map_err(refused)?.map(|path| PathBuf::from(path.as_str()));
    match (given, set) {
        (_, Some(set)) if !set.is_absolute() => Err(relative(VARIABLE)),
        (Some(given), Some(set)) if given != set => {
            Err(refused(Problem::new(format!("--policy and {VARIABLE} name two policies")).hint("keep one of them")))
        }
        (given, set) => Ok(given.map(Path::to_path_buf).or(set)),
    }
}

/// What stands in a variable is not told.
fn relative(name: &str) -> Problem {
    refused(
        Problem::new(format!("{name} is no absolute path"))
            .hint("a policy lies outside of what is rendered: write its path from /"),
    )
}

fn source(path: &Path) -> Result<Source, Problem> {
    let bytes = files::read_file(path, limits::SETTINGS);
    bytes.and_then(|bytes| Source::read(&path.to_string_lossy(), bytes)).map_err(refused)
}

fn source_of(path: &Path) -> Result<Source, Problems> {
    source(path).map_err(Problems::from)
}

fn refused(problem: Problem) -> Problem {
    problem.exit(Exit::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_found_from_the_sources_path() {
        let rows = [
            ("/work/1/apps/shop", "apps/shop", Some("/work/1")),
            ("/work/1/apps/shop", "./apps//shop/", Some("/work/1")),
            ("/work/1/shop", "apps/../shop", Some("/work/1")),
            ("/work/1", ".", Some("/work/1")),
            ("/work/1", "", Some("/work/1")),
            // What does not end the folder's path says nothing about what lies above
            ("/work/1/other", "apps/shop", None),
            ("/work/1/shop", "../../shop", Some("/work/1")),
        ];
        for (folder, source, root) in rows {
            assert_eq!(sent(Path::new(folder), source).as_deref(), root.map(Path::new), "{folder} {source}");
        }
    }
}
