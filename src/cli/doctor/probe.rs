//! A small kustomization in a folder for a moment, with which a builder shows what it does with functions.

use std::path::Path;

use crate::error::Problem;
use crate::outside::files::{self, Privacy, PrivateFolder};
use crate::outside::process::Ended;
use crate::settings::Transform;

/// What became of the Secret of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is an ExternalSecret now.
    Ran,
    /// It came out as it went in, and nothing was said.
    Skipped,
    /// Nothing came out; why, in one line.
    Failed(String),
}

impl Outcome {
    /// Reads what a builder printed.
    pub(super) fn of(build: Result<Ended, Problem>) -> Self {
        let ended = match build {
            Ok(ended) => ended,
            Err(problem) => return Self::Failed(problem.message().to_owned()),
        };
        let (stdout, stderr) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        let has = |kind: &str| stdout.lines().any(|line| line.strip_prefix("kind: ") == Some(kind));
        match (ended.success, has("ExternalSecret"), has("Secret")) {
            (true, true, false) => Self::Ran,
            (true, false, true) => Self::Skipped,
            (true, ..) => Self::Failed("it printed something else".to_owned()),
            (false, ..) => Self::Failed(last_line(&stderr)),
        }
    }
}

/// Where Go programs say what went wrong. A probe holds no value that could stand there.
fn last_line(stderr: &str) -> String {
    let said = stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
    said.map_or_else(|| "it ended with an error and said nothing".to_owned(), |line| format!("it said \"{line}\""))
}

/// The folder in which sealref is an exec function.
pub(super) const FUNCTION: &str = "function";
/// The folder in which it is an older plugin.
pub(super) const PLUGIN: &str = "plugin";

/// Lays out both kustomizations, and sealref as a plugin of the HOME that the folder is.
pub(super) fn lay_out(folder: &PrivateFolder, sealref: &Path) -> Result<(), Problem> {
    for (name, annotation) in [(FUNCTION, ANNOTATION), (PLUGIN, "")] {
        let to = folder.path().join(name);
        files::create_folder(&to)?;
        let write = |name: &str, text: &str| files::write_new(&to.join(name), text.as_bytes(), Privacy::Private);
        write("kustomization.yaml", KUSTOMIZATION)?;
        write("secret.yaml", SECRET)?;
        write("transform.yaml", &format!("{TRANSFORM}{annotation}{STORE}"))?;
    }
    folder.link("function/sealref", sealref)?;
    let plugins = format!(".config/kustomize/plugin/{}/secrettransform", Transform::API_VERSION);
    files::create_folder(&folder.path().join(&plugins))?;
    folder.link(&format!("{plugins}/{}", Transform::KIND), sealref)
}

const KUSTOMIZATION: &str = "resources: [secret.yaml]\ntransformers: [transform.yaml]\n";
const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: probe, namespace: probe}
stringData: {probe: ref+vault://probe/probe#/probe}
";
const TRANSFORM: &str = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nmetadata:\n  name: probe\n";
const ANNOTATION: &str = "  annotations: {config.kubernetes.io/function: \"exec: {path: ./sealref}\"}\n";
const STORE: &str = "spec:
  stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: probe}}]
";

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_build_is_judged_by_what_came_out() {
        let failed = |why: &str| Outcome::Failed(why.to_owned());
        let rows = [
            (true, "kind: ExternalSecret\n", "", Outcome::Ran),
            (true, "apiVersion: v1\nkind: Secret\n", "a warning", Outcome::Skipped),
            (true, "kind: Secret\n---\nkind: ExternalSecret\n", "", failed("it printed something else")),
            (true, "", "", failed("it printed something else")),
            (false, "kind: ExternalSecret\n", "", failed("it ended with an error and said nothing")),
            (false, "", "usage\nError: unknown flag\n\n", failed("it said \"Error: unknown flag\"")),
        ];
        for (success, stdout, stderr, outcome) in rows {
            let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
            let ended = Ended { success, stdout: bytes(stdout), stderr: bytes(stderr) };
            assert_eq!(Outcome::of(Ok(ended)), outcome, "{stdout:?} {stderr:?}");
        }
        assert_eq!(Outcome::of(Err(Problem::new("too late").hint("x"))), failed("too late"));
    }
}
