//! Helm: what its major version means for a post-renderer.

use std::path::{Path, PathBuf};

use super::check::{Check, State};
use crate::error::Problem;
use crate::outside::environment;
use crate::outside::files::{self, Kind};

/// What follows from the version.
pub(super) fn checks(version: &str) -> Result<Vec<Check>, Problem> {
    let folders = plugins()?;
    let found = folders.iter().map(|folder| folder.join("sealref")).find(|plugin| is_plugin(plugin));
    Ok(judge(version, &folders, found.as_deref()))
}

fn is_plugin(folder: &Path) -> bool {
    files::kind(&folder.join("plugin.yaml")) == Ok(Kind::File)
}

fn judge(version: &str, folders: &[PathBuf], plugin: Option<&Path>) -> Vec<Check> {
    let (renderer, name) = ("helm post-renderer", "helm plugin");
    let three = version.trim_start_matches('v').starts_with("3.");
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    match (three, plugin) {
        (true, None) => vec![Check::ok(renderer, THREE).hint(HOOKS)],
        (true, Some(plugin)) => vec![
            Check::ok(renderer, THREE).hint(HOOKS),
            Check::new(name, State::Warning, format!("Helm 3 can't read {}", shown(plugin)))
                .hint("give each Helm its own HELM_PLUGINS"),
        ],
        (false, Some(plugin)) => vec![Check::ok(renderer, FOUR), Check::ok(name, shown(plugin))],
        (false, None) => {
            let folder = folders.first().map_or_else(|| "HELM_PLUGINS".to_owned(), |folder| shown(folder));
            vec![
                Check::ok(renderer, FOUR),
                Check::new(name, State::Absent, format!("no sealref in {folder}"))
                    .hint(format!("copy examples/helm-postrender/plugins/sealref into {folder}, or pipe")),
            ]
        }
    }
}

const THREE: &str = "a program: --post-renderer sealref --post-renderer-args post-render; it never sees hooks";
const HOOKS: &str = "helm template NAME CHART --post-renderer ... | sealref verify - finds what is left in hooks";
const FOUR: &str = "a plugin: --post-renderer sealref; it sees hooks too";

/// Where Helm looks for plugins. Source: `pkg/helmpath` of helm/helm.
fn plugins() -> Result<Vec<PathBuf>, Problem> {
    let own = environment::paths("HELM_PLUGINS");
    if !own.is_empty() {
        return Ok(own);
    }
    let home = if cfg!(target_os = "macos") { "Library" } else { ".local/share" };
    let places = [("HELM_DATA_HOME", "plugins"), ("XDG_DATA_HOME", "helm/plugins")];
    for (variable, below) in places {
        if let Some(folder) = environment::variable(variable)?.filter(|folder| !folder.is_empty()) {
            return Ok(vec![Path::new(folder.as_str()).join(below)]);
        }
    }
    let folder =
        environment::variable("HOME")?.map(|folder| Path::new(folder.as_str()).join(home).join("helm/plugins"));
    Ok(folder.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_and_a_plugin_say_what_is_missing() {
        let (folders, plugin) = ([PathBuf::from("/plugins")], Path::new("/plugins/sealref"));
        let rows: [(&str, Option<&Path>, &[State]); 5] = [
            ("v3.22", None, &[State::Ok]),
            ("v3.0.1", Some(plugin), &[State::Ok, State::Warning]),
            ("v4.3", None, &[State::Ok, State::Absent]),
            ("v4.3", Some(plugin), &[State::Ok, State::Ok]),
            ("v30.1", None, &[State::Ok, State::Absent]),
        ];
        for (version, plugin, states) in rows {
            let checks = judge(version, &folders, plugin);
            assert_eq!(checks.iter().map(|check| check.state).collect::<Vec<_>>(), states, "{version}");
        }
    }
}
