//! A config management plugin of Argo CD: the repository in the working folder, the rest in the environment.
//!
//! Source: `docs/operator-manual/config-management-plugins.md` and `cmpserver/plugin/plugin.go` of argoproj/argo-cd.
//! `ARGOCD_APP_*` and `KUBE_*` are Argo CD's own words. `ARGOCD_APP_PARAMETERS` is the tenant's, and chooses only what
//! `PARAMETERS` lists; `PARAM_*`, which says the same less exactly, and `ARGOCD_ENV_*` are not read at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::builder::{Build, Layout, Release};
use super::stream::{self, Call};
use super::{Doubts, Duplicates, Job, Reading, Wanted, policy, settings};
use crate::error::{Exit, Problem, Problems, meant};
use crate::model::{Afterwards, Input, Source};
use crate::outside::environment;
use crate::outside::files::{self, Recursive};
use crate::outside::wire::World;
use crate::settings::{Chosen, Policy};
use crate::yaml::{self, Syntax, Tree};

/// What is to be rendered.
pub struct Application {
    /// The folder of the source, absolute and without links.
    pub folder: PathBuf,
    /// All that Argo CD sent of the repository, likewise.
    pub root: PathBuf,
    /// What the folder is, or is to be taken for.
    pub layout: Layout,
    /// What Helm renders it as.
    pub release: Release,
    /// An environment of the settings.
    pub environment: Option<String>,
    /// A cluster of the settings, or of the policy.
    pub cluster: Option<String>,
    /// Folders in the folder too, where nothing is built.
    pub recursive: Recursive,
}

impl Application {
    /// What Argo CD says of it.
    ///
    /// # Errors
    /// A parameter that is not known or not the tenant's (exit 3), or a folder in which it is not clear what to do.
    pub fn here() -> Result<Self, Problem> {
        let (folder, root) = repository()?;
        let parameters = Parameters::read(&said("ARGOCD_APP_PARAMETERS")?.unwrap_or_default())?;
        let layout = match &parameters.builder {
            Some(name) => Layout::named(name)?,
            None => Layout::of(&folder)?,
        };
        let versions = said("KUBE_API_VERSIONS")?.unwrap_or_default();
        let release = Release {
            name: release(parameters.release, said("ARGOCD_APP_NAME")?.as_deref())?,
            namespace: said("ARGOCD_APP_NAMESPACE")?,
            kube_version: said("KUBE_VERSION")?,
            api_versions: versions.split(',').filter(|version| !version.is_empty()).map(str::to_owned).collect(),
            values: parameters.values,
            parameters: parameters.helm,
        };
        Ok(Self {
            folder,
            root,
            layout,
            release,
            environment: parameters.environment,
            cluster: parameters.cluster,
            recursive: parameters.recursive,
        })
    }

    /// Its manifests, by a builder that takes no longer than these seconds.
    pub fn build(&self, policy: &Policy, seconds: u64) -> Result<Input, Problems> {
        let Self { folder, root, release, recursive, layout, .. } = self;
        Build { folder, root, release, recursive: *recursive, seconds }.run(*layout, policy)
    }

    /// The job of what was built. Objects that write no namespace go to the Application's destination.
    pub fn job(self, input: Input, policy: Policy) -> Result<(Job, World), Problems> {
        let call = Call {
            operands: vec![],
            recursive: self.recursive,
            config: None,
            // The policy says beneath which folder files are read
            root: None,
            chosen: Chosen { environment: self.environment, cluster: self.cluster, ..Chosen::default() },
            plaintext: None,
            namespace: self.release.namespace,
            policy,
            identities: vec![],
            reading: Reading::References,
            values: Wanted::Sealed,
            doubts: Doubts::Told,
            afterwards: Afterwards::default(),
        };
        let (mut job, world) = stream::job(input, call)?;
        if self.layout == Layout::Chart {
            // Helm's hooks and the rest may have one name: they are there at different times
            job.terms.duplicates = Duplicates::Tolerated;
        }
        Ok((job, world))
    }
}

/// Are there settings of sealref for the working folder?
pub fn is_ours() -> Result<bool, Problem> {
    let (folder, root) = repository()?;
    Ok(files::upwards(&folder, &[settings::NAME], Some(&root)).is_some())
}

/// The folder of the source, and all that was sent.
fn repository() -> Result<(PathBuf, PathBuf), Problem> {
    let folder = files::resolve(Path::new("."))?;
    let root = policy::repository(&folder)?.unwrap_or_else(|| folder.clone());
    Ok((folder, root))
}

/// A variable of Argo CD's; an empty one says nothing.
fn said(name: &str) -> Result<Option<String>, Problem> {
    Ok(environment::variable(name)?.filter(|value| !value.is_empty()).map(|value| value.as_str().to_owned()))
}

/// The name of the release: chosen, else that of the Application, before which Argo CD may put its namespace.
fn release(chosen: Option<String>, application: Option<&str>) -> Result<String, Problem> {
    let name = match (chosen, application) {
        (Some(chosen), _) => chosen,
        (None, Some(name)) => name.split_once('_').map_or(name, |(_, name)| name).to_owned(),
        (None, None) => "release".to_owned(),
    };
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if name.is_empty() || !name.chars().all(letters) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(Problem::new("the name of the release is not valid")
            .hint("choose one by the parameter release-name: small letters, digits, - and ."));
    }
    Ok(name)
}

/// What a tenant may choose.
#[derive(Default)]
struct Parameters {
    builder: Option<String>,
    environment: Option<String>,
    cluster: Option<String>,
    release: Option<String>,
    recursive: Recursive,
    values: Vec<String>,
    helm: BTreeMap<String, String>,
}

/// One of them, as Argo CD's form shows it.
struct Parameter {
    name: &'static str,
    collection: &'static str,
    title: &'static str,
    tooltip: &'static str,
}

const fn parameter(
    name: &'static str,
    collection: &'static str,
    title: &'static str,
    tooltip: &'static str,
) -> Parameter {
    Parameter { name, collection, title, tooltip }
}

/// All that may be chosen; anything else is refused.
const PARAMETERS: &[Parameter] = &[
    parameter("builder", "string", "Builder", "kustomize, helm or directory, where the folder does not say it"),
    parameter("environment", "string", "Environment", "An environment of .sealref.yaml"),
    parameter("cluster", "string", "Cluster", "The destination cluster, as the policy or .sealref.yaml calls it"),
    parameter("recurse", "string", "Recurse", "true: manifests in folders of the folder too"),
    parameter("values-files", "array", "Values files", "Helm: files below the chart's folder, the last one wins"),
    parameter("helm-parameters", "map", "Helm parameters", "Helm: values over those of the files"),
    parameter("release-name", "string", "Release name", "Helm: instead of the Application's name"),
];

/// What is announced to Argo CD's user interface.
#[must_use]
pub fn announcement() -> Value {
    let announced = PARAMETERS.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "title": parameter.title,
            "tooltip": parameter.tooltip,
            "collectionType": parameter.collection,
        })
    });
    announced.collect()
}

/// One entry of `ARGOCD_APP_PARAMETERS`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    name: String,
    string: Option<String>,
    array: Option<Vec<String>>,
    map: Option<BTreeMap<String, String>>,
}

impl Parameters {
    fn read(text: &str) -> Result<Self, Problem> {
        let mut parameters = Self::default();
        if text.is_empty() {
            return Ok(parameters);
        }
        let source = Source::new("ARGOCD_APP_PARAMETERS", text.to_owned());
        let tree = Tree::parse(&source.text, Syntax::Document).map_err(|fault| source.problem(fault))?;
        let given: Option<Vec<Given>> = yaml::read(&tree, tree.root()).map_err(|mistake| {
            Problem::new(mistake.message).hint("a list of names with string, array or map").at(source.name.clone())
        })?;
        let mut seen = BTreeSet::new();
        for one in given.unwrap_or_default() {
            if !seen.insert(one.name.clone()) {
                let twice = Problem::new(format!("the parameter \"{}\" is given twice", one.name));
                return Err(twice.hint("remove one of them"));
            }
            parameters.take(one)?;
        }
        Ok(parameters)
    }

    fn take(&mut self, given: Given) -> Result<(), Problem> {
        let parameter = PARAMETERS.iter().find(|known| known.name == given.name).ok_or_else(|| unknown(&given.name))?;
        let form = || {
            let (name, form) = (parameter.name, parameter.collection);
            Problem::new(format!("the parameter \"{name}\" is of another kind"))
                .hint(format!("spec.source.plugin.parameters: {{name: {name}, {form}: ...}}"))
        };
        match (parameter.name, given) {
            ("values-files", Given { array: Some(values), .. }) => self.values = values,
            ("helm-parameters", Given { map: Some(map), .. }) => self.helm = map,
            (name, Given { string: Some(text), .. }) if parameter.collection == "string" => self.choose(name, text)?,
            _ => return Err(form()),
        }
        Ok(())
    }

    fn choose(&mut self, name: &str, text: String) -> Result<(), Problem> {
        // What a form leaves empty is not chosen
        let text = Some(text).filter(|text| !text.is_empty());
        match name {
            "builder" => self.builder = text,
            "environment" => self.environment = text,
            "cluster" => self.cluster = text,
            "release-name" => self.release = text,
            _ => {
                self.recursive = match text.as_deref() {
                    Some("true") => Recursive::Yes,
                    None | Some("false") => Recursive::No,
                    Some(_) => {
                        return Err(Problem::new("the parameter \"recurse\" is neither true nor false")
                            .hint("write it as string: \"true\""));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A name that may not be chosen, be it a typing error or the operator's field.
fn unknown(name: &str) -> Problem {
    let hint = meant(name, PARAMETERS.iter().map(|parameter| parameter.name), |names| {
        format!("an Application may choose {}", names.join(", "))
    });
    Problem::new(format!("the parameter \"{name}\" is not one that an Application may set"))
        .hint(hint)
        .exit(Exit::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_chosen_once_and_as_what_it_is() {
        let read = |text: &str| Parameters::read(text);
        let good = read(
            r#"[{"name":"builder","string":"helm"},{"name":"values-files","array":["a.yaml"]},
                {"name":"helm-parameters","map":{"a.b":"c"}},{"name":"recurse","string":"true"},{"name":"cluster","string":""}]"#,
        )
        .unwrap();
        assert_eq!((good.builder.as_deref(), good.values.as_slice()), (Some("helm"), &["a.yaml".to_owned()][..]));
        assert_eq!((good.helm.get("a.b").map(String::as_str), good.recursive), (Some("c"), Recursive::Yes));
        assert!(good.cluster.is_none() && read("").is_ok() && read("null").is_ok() && read("[]").is_ok());
        let wrong = [
            (r#"[{"name":"builder","array":["helm"]}]"#, Exit::Failed),
            (r#"[{"name":"builder","string":"a"},{"name":"builder","string":"b"}]"#, Exit::Failed),
            (r#"[{"name":"recurse","string":"yes"}]"#, Exit::Failed),
            ("{", Exit::Failed),
            (r#"{"builder":"helm"}"#, Exit::Failed),
            (r#"[{"name":"policy","string":"mine.yaml"}]"#, Exit::Refused),
            (r#"[{"name":"Builder","string":"helm"}]"#, Exit::Refused),
        ];
        for (text, exit) in wrong {
            assert_eq!(read(text).err().map(|problem| problem.code()), Some(exit), "{text}");
        }
    }

    #[test]
    fn a_release_is_called_as_the_application() {
        let named =
            |chosen: Option<&str>, application: &str| release(chosen.map(str::to_owned), Some(application)).ok();
        assert_eq!(named(None, "shop").as_deref(), Some("shop"));
        assert_eq!(named(None, "team-a_shop").as_deref(), Some("shop"));
        assert_eq!(named(Some("web"), "shop").as_deref(), Some("web"));
        for bad in ["-f", "--post-renderer=x", "a b", "", "Shop", "a_b"] {
            assert_eq!(named(Some(bad), "shop"), None, "{bad}");
        }
    }
}
