//! The programs that build manifests: which are here, of which version, and what they do with functions.

use std::path::{Path, PathBuf};

use super::check::{Check, State};
use super::helm;
use super::probe::{self, FUNCTION, Outcome, PLUGIN};
use crate::error::{Problem, Problems};
use crate::outside::environment;
use crate::outside::files::{self, PrivateFolder};
use crate::outside::process::Program as Started;

/// A program, and what its version is read from.
struct Program {
    name: &'static str,
    version: &'static [&'static str],
}

const KUSTOMIZE: Program = Program { name: "kustomize", version: &["version"] };
const KUBECTL: Program = Program { name: "kubectl", version: &["version", "--client", "--output=json"] };
const HELM: Program = Program { name: "helm", version: &["version", "--template={{.Version}}"] };
const KPT: Program = Program { name: "kpt", version: &["version"] };

/// Everything that needs another program.
pub(super) fn checks() -> Result<Vec<Check>, Problems> {
    let folder = PrivateFolder::new()?;
    probe::lay_out(&folder, &environment::program()?)?;
    let home = folder.path();
    let mut checks = vec![];
    let build = |program: &Path, words: &[&str]| Outcome::of(Started::tried(program, words, home).run());
    if let Some((program, _)) = there(&KUSTOMIZE, home, &mut checks) {
        let flags = ["build", "--enable-alpha-plugins", "--enable-exec", FUNCTION];
        let without = ["build", "--enable-alpha-plugins", FUNCTION];
        checks.push(functions(&build(&program, &flags), &build(&program, &without)));
        checks.push(plugin("kustomize plugin", &build(&program, &["build", "--enable-alpha-plugins", PLUGIN])));
    }
    if let Some((program, _)) = there(&KUBECTL, home, &mut checks) {
        let words = |folder| ["kustomize", "--enable-alpha-plugins", folder];
        checks.push(functions_of_kubectl(&build(&program, &words(FUNCTION))));
        checks.push(plugin("kubectl plugin", &build(&program, &words(PLUGIN))));
    }
    if let Some((_, version)) = there(&HELM, home, &mut checks) {
        checks.extend(helm::checks(&version)?);
    }
    there(&KPT, home, &mut checks);
    Ok(checks)
}

/// The path and version of a program that is there and answers.
fn there(program: &Program, home: &Path, checks: &mut Vec<Check>) -> Option<(PathBuf, String)> {
    let name = program.name;
    let Some(path) = files::on_the_path(name) else {
        checks.push(Check::new(name, State::Absent, "not on the PATH"));
        return None;
    };
    let run = Started::tried(&path, program.version, home).run();
    match run.and_then(|ended| version(&String::from_utf8_lossy(&ended.stdout), ended.success)) {
        Ok(version) => {
            checks.push(Check::ok(name, format!("{version}, {}", path.display())));
            Some((path, version))
        }
        Err(problem) => {
            checks.push(Check::problem(name, State::Error, &problem));
            None
        }
    }
}

/// The first word that is a version, such as v5.8.1 or 1.0.0-beta.56.
fn version(printed: &str, success: bool) -> Result<String, Problem> {
    let words = printed.split(|c: char| c.is_whitespace() || "\",{}".contains(c));
    let is_version = |word: &&str| {
        let number = word.strip_prefix('v').unwrap_or(word);
        number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.')
    };
    let found = words.into_iter().find(is_version).filter(|_| success);
    found.map(str::to_owned).ok_or_else(|| {
        Problem::new("it is there and does not say which version it is").hint("does it run when you call it?")
    })
}

const PIPE: &str = "build first, then pipe: kustomize build DIR | sealref render -";

fn functions(with: &Outcome, without: &Outcome) -> Check {
    let name = "kustomize functions";
    let why = match with {
        Outcome::Ran => {
            let without = match without {
                Outcome::Ran => "also without --enable-exec",
                Outcome::Skipped => "without --enable-exec they are skipped silently",
                Outcome::Failed(_) => "without --enable-exec the build fails",
            };
            return Check::ok(name, format!("they run with --enable-alpha-plugins --enable-exec; {without}"));
        }
        Outcome::Skipped => "they are skipped silently, even with --enable-alpha-plugins --enable-exec".to_owned(),
        Outcome::Failed(why) => format!("a build with a function fails: {why}"),
    };
    Check::new(name, State::Error, why).hint(PIPE)
}

fn functions_of_kubectl(outcome: &Outcome) -> Check {
    let name = "kubectl functions";
    let (state, found) = match outcome {
        Outcome::Ran => return Check::ok(name, "they run with --enable-alpha-plugins"),
        Outcome::Skipped => (State::Warning, "they are skipped silently, always".to_owned()),
        Outcome::Failed(why) => (State::Error, format!("a build with a function fails: {why}")),
    };
    Check::new(name, state, found)
        .hint("lay sealref out as an older plugin, as examples/kustomize-legacy does, or pipe")
}

fn plugin(name: &'static str, outcome: &Outcome) -> Check {
    let found = match outcome {
        Outcome::Ran => return Check::ok(name, "the older layout works with --enable-alpha-plugins"),
        Outcome::Skipped => "older plugins are skipped silently".to_owned(),
        Outcome::Failed(why) => format!("a build with an older plugin fails: {why}"),
    };
    Check::new(name, State::Error, found).hint(PIPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_each_program_prints() {
        let kubectl = "{\n  \"clientVersion\": {\n    \"major\": \"1\",\n    \"gitVersion\": \"v1.32.4\"\n  }\n}\n";
        let rows =
            [("v5.8.1\n", "v5.8.1"), ("v4.3", "v4.3"), ("1.0.0-beta.56\n", "1.0.0-beta.56"), (kubectl, "v1.32.4")];
        for (printed, expected) in rows {
            assert_eq!(version(printed, true).unwrap(), expected);
        }
        assert!(version("v5.8.1", false).is_err());
        for nothing in ["", "unknown", "{}", "(devel)", "version 5"] {
            assert!(version(nothing, true).is_err(), "{nothing}");
        }
    }

    #[test]
    fn what_became_of_probes_says_whether_functions_run() {
        let broken = Outcome::Failed("it said \"no\"".to_owned());
        let runs = "they run with --enable-alpha-plugins --enable-exec; ";
        let rows = [
            (
                &Outcome::Ran,
                &Outcome::Skipped,
                State::Ok,
                format!("{runs}without --enable-exec they are skipped silently"),
            ),
            (&Outcome::Ran, &Outcome::Ran, State::Ok, format!("{runs}also without --enable-exec")),
            (&Outcome::Ran, &broken, State::Ok, format!("{runs}without --enable-exec the build fails")),
            (&broken, &Outcome::Skipped, State::Error, "a build with a function fails: it said \"no\"".to_owned()),
        ];
        for (with, without, state, found) in rows {
            let check = functions(with, without).json();
            assert_eq!((check["state"].as_str(), check["found"].as_str()), (Some(state.name()), Some(&*found)));
            assert_eq!(check["hint"].is_null(), state == State::Ok);
        }
        let skipped = functions(&Outcome::Skipped, &Outcome::Skipped);
        assert_eq!(skipped.state, State::Error);
        let of_kubectl = [&Outcome::Ran, &Outcome::Skipped, &broken].map(|outcome| functions_of_kubectl(outcome).state);
        assert_eq!(of_kubectl, [State::Ok, State::Warning, State::Error]);
        let of_plugins = [&Outcome::Ran, &Outcome::Skipped, &broken].map(|outcome| plugin("x", outcome).state);
        assert_eq!(of_plugins, [State::Ok, State::Error, State::Error]);
    }
}
