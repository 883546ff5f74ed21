//! `helm template`, for a repository that nobody trusts: no plugins, no post-renderer, no downloads, and values only from
//! files that came with the chart.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Cause, refused};
use crate::error::{Problem, Problems};
use crate::outside::files::{self, Kind};

/// What a chart is rendered as.
#[derive(Default)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub namespace: Option<String>,
    /// The cluster's version.
    pub kube_version: Option<String>,
    /// What the cluster knows.
    pub api_versions: Vec<String>,
    /// Files of values, relative to the chart, the last one winning.
    pub values: Vec<String>,
    /// Values over those of the files.
    pub parameters: BTreeMap<String, String>,
}

/// The arguments of a rendering that stays below `folder`.
pub(super) fn arguments(release: &Release, folder: &Path) -> Result<Vec<String>, Problems> {
    let mut problems = Problems::default();
    // A schema of values is loaded from wherever its references lead: from servers, and from files of the machine
    let mut words = ["template", "--include-crds", "--skip-schema-validation"].map(str::to_owned).to_vec();
    words.extend(release.namespace.iter().map(|namespace| format!("--namespace={namespace}")));
    words.extend(release.kube_version.iter().map(|version| format!("--kube-version={version}")));
    words.extend(release.api_versions.iter().map(|version| format!("--api-versions={version}")));
    for name in &release.values {
        words.extend(problems.keep(values(name, folder)).map(|path| format!("--values={path}")));
    }
    for (name, value) in &release.parameters {
        // As Argo CD itself does it: a comma in a value does not begin the next one, except in a list
        let list = value.starts_with('{') && value.ends_with('}');
        words.push(format!("--set={name}={}", if list { value.clone() } else { value.replace(',', "\\,") }));
    }
    // What follows is no option, whatever it begins with
    words.extend(["--".to_owned(), release.name.clone(), ".".to_owned()]);
    problems.or(words)
}

/// The absolute path of a file of values. Helm would also take a URL, and cuts at commas.
fn values(name: &str, folder: &Path) -> Result<String, Problem> {
    let outside = || {
        refused(Problem::new(format!("the file of values \"{name}\" is not below the chart's folder")))
            .hint("name a file that is committed there, relative to the chart")
    };
    let path = files::resolve(&folder.join(name)).map_err(|_| outside())?;
    if !path.starts_with(folder) || files::kind(&path) != Ok(Kind::File) {
        return Err(outside());
    }
    match path.to_str() {
        Some(path) if !path.contains([',', '"', '\n']) => Ok(path.to_owned()),
        _ => Err(Problem::new(format!("the name of the file of values \"{name}\" holds a comma or a quote"))
            .hint("rename it: Helm takes it for several")),
    }
}

pub(super) const CAUSES: &[Cause] = &[
    (
        "missing in charts/ directory",
        "a dependency is not in charts/, and nothing is downloaded",
        "run helm dependency update, and commit charts/",
    ),
    (
        "values don't meet the specifications",
        "the values do not fit the chart's schema",
        "compare them with values.schema.json",
    ),
    ("chart requires kubeVersion", "the chart wants another version of Kubernetes", "see kubeVersion in Chart.yaml"),
    ("nil pointer evaluating", "a template asks below a value that is not set", "set it in a file of values"),
    ("execution error at", "a template calls fail or required", "set what it asks for in a file of values"),
    ("error converting YAML to JSON", "a template makes no valid YAML", "look for tabs, colons and quotes"),
    ("YAML parse error", "a template makes no valid YAML", "look for tabs, colons and quotes"),
    ("function \"", "a template calls a function that Helm does not know", "which version of Helm is it written for?"),
    ("error calling include", "a template that is included fails or is not there", "is its chart in charts/?"),
    ("parse error at", "a template is not well formed", "look for braces without their counterpart"),
    ("Chart.yaml file is missing", "the folder is no chart", "commit Chart.yaml"),
    ("chart.metadata", "Chart.yaml is not valid", "it needs apiVersion, name and version"),
    ("failed parsing --set", "a parameter cannot be read", "helm-parameters are names and values as --set takes them"),
    ("release name", "the release's name is not valid", "choose another by the parameter release-name"),
];
