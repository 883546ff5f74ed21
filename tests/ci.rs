//! What others run in their CI is run here as they would: the scripts of the GitHub Action and of the GitLab template,
//! out of their files, in a repository with a protected branch; the hooks by the real pre-commit.

#[path = "support/peers.rs"]
mod peers;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sealref::yaml::{self, Syntax, Tree};
use serde_json::Value;

const POLICY: &str = "apiVersion: sealref.dev/v1alpha1
kind: SealrefPolicy
metadata: {name: shared}
spec:
  tenants: [{project: team, namespaces: [team]}]
  clusters: {eu: {certificate: cert.pem}}
  stores: [{match: {scheme: vault, path: \"kv/**\"}, use: {kind: ClusterSecretStore, name: vault}, provider: {vault: {server: \"https://vault.example:8200\", path: kv, version: v2}}}]
  grants:
    - projects: [\"*\"]
      read: [{scheme: vault, path: \"kv/{project}/**\"}]
      stores: [{kind: ClusterSecretStore, name: vault}]
      targets: [ExternalSecret]
      clusters: [eu]
  sealing: {key: {file: sealing.key}}
";

const SETTINGS: &str = "apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
spec:
  stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: vault}}]
  sealing: {certificate: cert.pem}
";

/// Under a policy a repository says nothing of stores and certificates.
const UNSET: &str = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {}\n";

fn secret(reference: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: team}}\nstringData: {{password: \"{reference}\"}}\n"
    )
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents of a file.
fn documents(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let read = |text: &str| -> Value {
        let tree = Tree::parse(text, Syntax::Document).unwrap_or_else(|fault| panic!("{file}: {}", fault.message));
        yaml::read(&tree, tree.root()).unwrap_or_else(|mistake| panic!("{file}: {}", mistake.message))
    };
    text.split("\n---\n").map(read).collect()
}

type Variables<'v> = &'v [(&'v str, &'v str)];

/// A clone of a repository whose branch `main` is protected, on a branch of somebody else.
struct Clone(tempfile::TempDir);

impl Clone {
    fn new() -> Self {
        let clone = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "home", "work/operator"] {
            fs::create_dir_all(clone.folder().join(folder)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_sealref"), clone.folder().join("bin/sealref")).unwrap();
        let certificate = root().join("tests/vectors/sealing/certificates/test-only-rsa-2048.pem");
        for file in ["work/cert.pem", "work/operator/cert.pem"] {
            fs::copy(&certificate, clone.folder().join(file)).unwrap();
        }
        for file in ["sealing.key", "work/operator/sealing.key"] {
            fs::write(clone.folder().join(file), (0..32).collect::<Vec<u8>>()).unwrap();
        }
        clone.write(".sealref.yaml", SETTINGS);
        clone.write("operator/policy.yaml", POLICY);
        clone.write("password.txt", "s3cret");
        clone.write("manifests.yaml", &secret("ref+vault://kv/team/db#/password"));
        clone.git("init --quiet --bare ../origin.git");
        clone.git("init --quiet --initial-branch=main");
        clone.commit("The protected branch");
        clone.git("remote add origin ../origin.git");
        clone.git("push --quiet origin main");
        clone.git("checkout --quiet -b theirs");
        clone
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder().join("work").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder().join("work").join(name)).ok()
    }

    fn commit(&self, message: &str) {
        self.git("add --all");
        let output = self.command("git").args(["commit", "--quiet", "-m", message]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn git(&self, words: &str) {
        let output = self.command("git").args(words.split(' ')).output().unwrap();
        assert!(output.status.success(), "git {words}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// In the clone, with little in the environment.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.folder().join("bin").display());
        command.current_dir(self.folder().join("work")).env_clear().env("PATH", path);
        command.env("HOME", self.folder().join("home"));
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "test").env(format!("GIT_{name}_EMAIL"), "test@example.com");
        }
        command
    }

    /// Runs the Action: every step's script, as a runner does.
    fn action(&self, event: &str, protected: bool, inputs: Variables, more: Variables) -> Output {
        let action = documents("action.yml").remove(0);
        assert_eq!(action["runs"]["using"], "composite");
        let given: BTreeMap<&str, &str> = inputs.iter().copied().collect();
        let mut last = None;
        for step in action["runs"]["steps"].as_array().unwrap() {
            let mut command = self.command("bash");
            for (name, text) in step["env"].as_object().unwrap() {
                command.env(name, self.filled_in(text.as_str().unwrap(), &given, &action, event, protected));
            }
            for name in ["GITHUB_OUTPUT", "GITHUB_PATH"] {
                command.env(name, self.folder().join(name));
            }
            assert_eq!(step["shell"], "bash");
            command.envs(more.iter().copied()).args(["--noprofile", "--norc", "-eo", "pipefail", "-c"]);
            let output = command.arg(step["run"].as_str().unwrap()).output().unwrap();
            let succeeded = output.status.success();
            last = Some(output);
            if !succeeded {
                break;
            }
        }
        last.unwrap()
    }

    /// A text with its expressions as GitHub evaluates them. Only these may stand there.
    fn filled_in(
        &self,
        text: &str,
        given: &BTreeMap<&str, &str>,
        action: &Value,
        event: &str,
        protected: bool,
    ) -> String {
        let Some((before, rest)) = text.split_once("${{") else { return text.to_owned() };
        let (expression, after) = rest.split_once("}}").unwrap();
        let temporary = self.folder().to_string_lossy().into_owned();
        let value = match expression.trim() {
            "github.action_path" => root().to_string_lossy().into_owned(),
            "runner.temp" => temporary,
            "github.event.repository.default_branch" => "main".to_owned(),
            TRUSTED => (protected && ["push", "schedule", "workflow_dispatch"].contains(&event)).to_string(),
            input => {
                let name = input.strip_prefix("inputs.").unwrap_or_else(|| panic!("what is {input}?"));
                let default = action["inputs"][name]["default"].as_str().unwrap_or_default();
                let text = given.get(name).copied().unwrap_or(default);
                if given.contains_key(name) {
                    text.to_owned()
                } else {
                    self.filled_in(text, given, action, event, protected)
                }
            }
        };
        format!("{before}{value}{after}")
    }

    /// Runs a job of the template.
    fn job(&self, name: &str, inputs: Variables, more: Variables) -> Output {
        let [head, jobs] = &documents("templates/sealref.yml")[..] else { panic!("a header and jobs") };
        let base = &jobs[jobs[name]["extends"].as_str().unwrap()];
        let mut command = self.command("sh");
        let both = [base, &jobs[name]].map(|job| job["variables"].as_object().unwrap());
        for (variable, text) in both.into_iter().flatten() {
            let text = text.as_str().unwrap();
            let input = text.strip_prefix("$[[ inputs.").and_then(|text| text.strip_suffix(" ]]"));
            let value = input.map_or(text, |input| {
                let default = head["spec"]["inputs"][input]["default"].as_str().unwrap();
                inputs.iter().find(|(name, _)| *name == input).map_or(default, |(_, value)| value)
            });
            command.env(variable, if value == "$CI_DEFAULT_BRANCH" { "main" } else { value });
        }
        let script: Vec<&str> = base["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        command.envs(more.iter().copied()).args(["-c", &script.join("\n")]).output().unwrap()
    }
}

const TRUSTED: &str =
    "github.ref_protected && contains(fromJSON('[\"push\", \"schedule\", \"workflow_dispatch\"]'), github.event_name)";

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const INPUTS: Variables = &[("manifests", "manifests.yaml"), ("output", "sealed.yaml")];
const UNDER_POLICY: Variables = &[
    ("manifests", "manifests.yaml"),
    ("output", "sealed.yaml"),
    ("policy", "operator/policy.yaml"),
    ("project", "team"),
];

/// Both, in the same words: as what was merged, and as a proposal.
fn both(clone: &Clone, trusted: bool, inputs: Variables, more: Variables) -> [Output; 2] {
    let (event, job) = if trusted { ("push", "sealref-render") } else { ("pull_request", "sealref-preview") };
    let remove = || fs::remove_file(clone.folder().join("work/sealed.yaml")).is_ok();
    remove();
    let first = clone.action(event, trusted, inputs, more);
    let printed = clone.read("sealed.yaml");
    remove();
    let second = clone.job(job, inputs, more);
    assert_eq!(printed, clone.read("sealed.yaml"), "the two differ");
    [first, second]
}

#[test]
fn no_expression_stands_in_a_script() {
    let action = documents("action.yml").remove(0);
    for step in action["runs"]["steps"].as_array().unwrap() {
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "{script}");
        assert!(step.get("uses").is_none(), "only this binary");
    }
    let jobs = documents("templates/sealref.yml").remove(1);
    for (name, job) in jobs.as_object().unwrap() {
        for line in job["script"].as_array().into_iter().flatten() {
            assert!(!line.as_str().unwrap().contains("$[["), "{name}");
        }
        assert!(job.get("image").is_none(), "only this binary");
    }
    let rules = |job: &str| jobs[job]["rules"].to_string();
    let merge = "\"if\":\"$CI_PIPELINE_SOURCE == \\\"merge_request_event\\\"\"";
    assert_eq!(rules("sealref-preview"), format!("[{{{merge}}}]"));
    let never = format!("[{{{merge},\"when\":\"never\"}},{{\"if\":\"$CI_COMMIT_REF_PROTECTED == \\\"true\\\"\"}}]");
    assert_eq!(rules("sealref-render"), never);
}

#[test]
fn what_was_merged_is_sealed_and_verified() {
    let clone = Clone::new();
    clone.write("manifests.yaml", &secret("ref+file://password.txt"));
    let key = clone.folder().join("sealing.key");
    for output in both(&clone, true, INPUTS, &[("SEALREF_SEALING_KEY", key.to_str().unwrap())]) {
        assert!(output.status.success(), "{}", told(&output));
    }
    let printed = clone.read("sealed.yaml").unwrap();
    assert!(printed.contains("sealref.dev/sealed-for: team/db") && !printed.contains("preview"), "{printed}");
    assert_eq!(fs::read_to_string(clone.folder().join("GITHUB_OUTPUT")).unwrap(), "preview=false\n");
}

#[test]
fn a_proposal_gets_a_preview_whatever_keys_are_there() {
    let clone = Clone::new();
    clone.write("manifests.yaml", &secret("ref+file://password.txt"));
    let keys = [("SEALREF_SEALING_KEY", "/nowhere/key"), ("SEALREF_IDENTITY", "/nowhere/identity")];
    for output in both(&clone, false, INPUTS, &keys) {
        assert!(output.status.success(), "{}", told(&output));
    }
    assert!(clone.read("sealed.yaml").unwrap().contains("password: preview"));
    for (event, protected) in
        [("pull_request_target", true), ("issue_comment", true), ("workflow_run", true), ("push", false)]
    {
        let _ = fs::remove_file(clone.folder().join("GITHUB_OUTPUT"));
        let output = clone.action(event, protected, INPUTS, &keys);
        assert!(output.status.success(), "{event}: {}", told(&output));
        assert_eq!(fs::read_to_string(clone.folder().join("GITHUB_OUTPUT")).unwrap(), "preview=true\n", "{event}");
    }
}

#[test]
fn the_policy_is_that_of_the_protected_branch() {
    let clone = Clone::new();
    clone.write(".sealref.yaml", UNSET);
    for trusted in [false, true] {
        for output in both(&clone, trusted, UNDER_POLICY, &[]) {
            assert!(output.status.success(), "{}", told(&output));
        }
        assert!(clone.read("sealed.yaml").unwrap().contains("kind: ExternalSecret"));
    }
    clone.write("operator/policy.yaml", &POLICY.replace("kv/{project}/**", "kv/**"));
    clone.write("manifests.yaml", &secret("ref+vault://kv/others/db#/password"));
    clone.commit("A wider policy");
    for trusted in [false, true] {
        for output in both(&clone, trusted, UNDER_POLICY, &[]) {
            assert_eq!(output.status.code(), Some(3), "{}", told(&output));
        }
        assert_eq!(clone.read("sealed.yaml"), None);
    }
}

#[test]
fn a_broken_render_fails_the_job_and_leaves_nothing() {
    let clone = Clone::new();
    clone.write("manifests.yaml", &secret("s3cret"));
    for trusted in [false, true] {
        for output in both(&clone, trusted, INPUTS, &[]) {
            assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        }
        assert_eq!(clone.read("sealed.yaml"), None);
    }
}

#[test]
fn no_input_is_a_command_or_an_option() {
    let clone = Clone::new();
    clone.write(".sealref.yaml", UNSET);
    let evil = [
        "$(touch stolen)",
        "`touch stolen`",
        "a; touch stolen",
        "\"; touch stolen; \"",
        "a\ntouch stolen",
        "--preview",
    ];
    for evil in evil {
        for name in [
            "manifests",
            "output",
            "config",
            "flux-kustomization",
            "policy",
            "project",
            "namespace",
            "protected-branch",
        ] {
            let mut inputs: Vec<(&str, &str)> =
                UNDER_POLICY.iter().copied().filter(|(known, _)| *known != name).collect();
            inputs.push((name, evil));
            for trusted in [false, true] {
                both(&clone, trusted, &inputs, &[]);
                assert_eq!(clone.read("stolen"), None, "{name}: {evil}");
                for left in fs::read_dir(clone.folder().join("work")).unwrap() {
                    assert_ne!(left.unwrap().file_name(), "stolen", "{name}: {evil}");
                }
            }
        }
    }
}

/// A repository with our hooks, and the real pre-commit.
fn hooked(clone: &Clone, hooks: &str) -> Option<PathBuf> {
    let program = peers::peer("pre-commit")?;
    let hooks_at = clone.folder().join("hooks");
    fs::create_dir(&hooks_at).unwrap();
    fs::copy(root().join(".pre-commit-hooks.yaml"), hooks_at.join(".pre-commit-hooks.yaml")).unwrap();
    clone.git("-C ../hooks init --quiet --initial-branch=main");
    clone.git("-C ../hooks add --all");
    clone.git("-C ../hooks commit --quiet -m hooks");
    let output = clone.command("git").args(["-C", "../hooks", "rev-parse", "HEAD"]).output().unwrap();
    let revision = String::from_utf8(output.stdout).unwrap();
    let config = format!("repos:\n- repo: {}\n  rev: {}\n  hooks:\n{hooks}", hooks_at.display(), revision.trim());
    clone.write(".pre-commit-config.yaml", &config);
    Some(program)
}

fn pre_commit(clone: &Clone, program: &Path) -> (bool, String) {
    clone.git("add --all");
    let mut command = clone.command(program.to_str().unwrap());
    let output =
        command.env("PRE_COMMIT_HOME", clone.folder().join("cache")).args(["run", "--all-files"]).output().unwrap();
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), told(&output)))
}

#[test]
fn the_hook_lets_references_in_and_keeps_plaintext_out() {
    let clone = Clone::new();
    let Some(program) = hooked(&clone, "  - id: sealref\n    files: ^(dev|prod|chart|[^/]*$)\n") else { return };
    // The same Secret for two clusters, and what builds manifests
    clone.write("dev/db.yaml", &secret("ref+vault://kv/team/db#/password"));
    clone.write("prod/db.yaml", &secret("ref+file://password.txt"));
    clone.write("kustomization.yaml", "secretGenerator: [{name: db, literals: [\"a=ref+vault://kv/a#/b\"]}]\n");
    clone.write("chart/templates/db.yaml", "kind: Secret\nstringData: {a: {{ .Values.a }}}\n");
    clone.write("chart/values-prod.yaml", "theSecret: ref+vault://kv/a#/b\n");
    clone.write("notes.yaml", "- one\n- two\n");
    let (passed, printed) = pre_commit(&clone, &program);
    assert!(passed && printed.contains("Passed"), "{printed}");
    clone.write("prod/api.yaml", &secret("s3cret"));
    let (passed, printed) = pre_commit(&clone, &program);
    assert!(
        !passed && printed.contains("error: prod/api.yaml:4 Secret team/db, stringData.password: a literal value"),
        "{printed}"
    );
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn the_other_hook_verifies_what_was_rendered() {
    let clone = Clone::new();
    let Some(program) = hooked(&clone, "  - id: sealref-verify\n    files: ^rendered/\n") else { return };
    clone.write("rendered/app.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    let (passed, printed) = pre_commit(&clone, &program);
    assert!(passed && printed.contains("Passed"), "{printed}");
    clone.write("rendered/db.yaml", &secret("ref+vault://kv/team/db#/password"));
    let (passed, printed) = pre_commit(&clone, &program);
    assert!(!passed && printed.contains("[references/unresolved]"), "{printed}");
}

/// pre-commit puts the names of files behind the command.
#[test]
fn the_name_of_a_file_is_no_option_of_the_hook() {
    let clone = Clone::new();
    let hook = "  - id: sealref-verify\n    files: ^(--config=evil|plain)\\.yaml$\n";
    let Some(program) = hooked(&clone, hook) else { return };
    clone.write("evil.yaml", &format!("{SETTINGS}  plaintext: Pass\n"));
    clone.write("--config=evil.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    clone.write("plain.yaml", &secret("s3cret"));
    let (passed, printed) = pre_commit(&clone, &program);
    assert!(!passed && printed.contains("plain.yaml:4 Secret team/db"), "{printed}");
}

/// Where `cargo` is that of rustup, a repository could name a toolchain, which is a program of its own.
#[test]
fn what_a_repository_says_of_toolchains_is_not_asked() {
    let clone = Clone::new();
    fs::remove_file(clone.folder().join("bin/sealref")).unwrap();
    let cargo = clone.folder().join("bin/cargo");
    fs::write(&cargo, "#!/bin/sh\npwd >\"$HOME/where\"\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    clone.action("pull_request", false, &[("manifests", "manifests.yaml"), ("output", "sealed.yaml")], &[]);
    let ran_in = fs::read_to_string(clone.folder().join("home/where")).unwrap();
    assert_eq!(fs::canonicalize(ran_in.trim()).unwrap(), fs::canonicalize(root()).unwrap());
}

/// What the examples say is what there is to say.
#[test]
fn the_examples_name_what_there_is() {
    let workflow = documents("examples/ci/github.yaml").remove(0);
    let (action, header) = (documents("action.yml").remove(0), documents("templates/sealref.yml").remove(0));
    let known = |inputs: &Value, given: &Value| {
        for (name, _) in given.as_object().unwrap() {
            assert!(inputs.get(name).is_some(), "there is no input {name}");
        }
    };
    for step in workflow["jobs"]["render"]["steps"].as_array().unwrap() {
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
        if step["uses"].as_str().is_some_and(|uses| uses.contains("/sealref@")) {
            known(&action["inputs"], &step["with"]);
        }
    }
    let pipeline = documents("examples/ci/gitlab.yaml").remove(0);
    known(&header["spec"]["inputs"], &pipeline["include"][0]["inputs"]);
    let hooks = documents(".pre-commit-hooks.yaml").remove(0);
    let hooks: Vec<&Value> = hooks.as_array().unwrap().iter().map(|hook| &hook["id"]).collect();
    for hook in documents("examples/ci/pre-commit.yaml").remove(0)["repos"][0]["hooks"].as_array().unwrap() {
        assert!(hooks.contains(&&hook["id"]), "{hook}");
    }
}
