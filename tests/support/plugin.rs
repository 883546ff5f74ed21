//! The real argocd-cmp-server with our plugin, asked as Argo CD's repo-server asks it, and repositories to send to it.

#![allow(dead_code, reason = "each test of it needs a part")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::peers;

const SEALREF: &str = env!("CARGO_BIN_EXE_sealref");

/// The declaration that the image carries.
pub(crate) const DECLARATION: &str = "plugin.yaml";

/// What an operator of these tests writes; `KUSTOMIZE` and `HELM` stand for the programs.
pub(crate) const POLICY: &str = r#"
apiVersion: sealref.dev/v1alpha1
kind: SealrefPolicy
metadata: {name: shared}
spec:
  tenants:
    - {project: shop, namespaces: [shop]}
    - {project: bank, namespaces: [bank]}
  stores:
    - match: {scheme: vault, path: "kv/{project}/**"}
      use: {kind: ClusterSecretStore, name: vault}
      provider: {vault: {server: "https://vault.example:8200", path: kv, version: v2}}
  grants:
    - projects: ["*"]
      read: [{scheme: vault, path: "kv/{project}/**"}]
      stores: [{kind: ClusterSecretStore, name: vault}]
      targets: [ExternalSecret]
      builders: [Helm, Kustomize]
  builders: {kustomize: "KUSTOMIZE", helm: "HELM"}
"#;

/// What a tenant of these tests sets, where its repository says `SETTINGS`.
const SETTINGS: &str = "apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata: {name: tenant}
spec:
  stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: vault}}]
";

/// The programs that build, or nothing where one is missing.
pub(crate) fn policy() -> Option<String> {
    programs(POLICY)
}

/// A policy with their paths in it.
pub(crate) fn programs(policy: &str) -> Option<String> {
    let at = |name: &str| Some(fs::canonicalize(peers::peer(name)?).unwrap().to_str().unwrap().to_owned());
    Some(policy.replace("\"KUSTOMIZE\"", &at("kustomize")?).replace("\"HELM\"", &at("helm")?))
}

/// A folder of an operator, with sealref on its PATH and a policy.
pub(crate) struct Operator(tempfile::TempDir);

impl Operator {
    pub(crate) fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "tmp", "work"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        symlink(SEALREF, folder.path().join("bin/sealref")).unwrap();
        fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// A program of the operator's: a script.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let at = |name: &str| self.folder().join(name);
        command.env_clear().env("PATH", at("bin")).env("SEALREF_POLICY", at("policy.yaml")).env("TMPDIR", at("tmp"))
    }

    /// `sealref` in a folder, as the server would start it.
    pub(crate) fn sealref(&self, folder: &Path, arguments: &[&str], variables: &[String]) -> Output {
        self.command(folder, arguments, variables).output().unwrap()
    }

    pub(crate) fn command(&self, folder: &Path, arguments: &[&str], variables: &[String]) -> Command {
        let mut command = Command::new(SEALREF);
        self.environment(&mut command).args(arguments).current_dir(folder);
        command.envs(variables.iter().map(|variable| variable.split_once('=').unwrap()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The server, which stops with the test.
pub(crate) struct Plugin {
    pub(crate) operator: Operator,
    client: PathBuf,
    server: Child,
}

impl Plugin {
    /// None where a program is missing.
    pub(crate) fn start(policy: &str, declaration: &str) -> Option<Self> {
        let (program, client) = (peers::peer("argocd-cmp-server")?, peers::peer("argocd-cmp-client")?);
        let operator = Operator::new(policy);
        fs::write(operator.folder().join("plugin.yaml"), declaration).unwrap();
        let mut command = Command::new(program);
        operator.environment(&mut command).arg("--config-dir-path").arg(operator.folder());
        command.env("ARGOCD_PLUGINSOCKFILEPATH", operator.folder());
        command.env("ARGOCD_CMP_WORKDIR", operator.folder().join("work"));
        let log = fs::File::create(operator.folder().join("log")).unwrap();
        let server = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let plugin = Self { operator, client, server };
        let until = Instant::now() + Duration::from_secs(30);
        while !plugin.socket().exists() {
            assert!(Instant::now() < until, "the server does not listen: {}", plugin.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(plugin)
    }

    /// As it ships.
    pub(crate) fn shipped() -> Option<Self> {
        Self::start(&policy()?, &shipped())
    }

    fn socket(&self) -> PathBuf {
        self.operator.folder().join("sealref.sock")
    }

    /// What the server logs: what every reader of its logs sees.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.operator.folder().join("log")).unwrap()
    }

    /// Asks, and gives up after so many seconds; what the server refuses comes back as Argo CD would show it.
    pub(crate) fn ask(&self, what: &str, seconds: u32, sent: &Sent) -> Result<Value, String> {
        let mut command = Command::new(&self.client);
        command.arg(self.socket()).args([&seconds.to_string(), what]).arg(sent.repository.path()).arg(&sent.path);
        let output = command.args(&sent.variables).output().unwrap();
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout).unwrap());
        }
        assert!(output.stdout.is_empty());
        Err(String::from_utf8(output.stderr).unwrap())
    }

    /// The objects that are generated.
    pub(crate) fn generate(&self, sent: &Sent) -> Result<Vec<Value>, String> {
        let answer = self.ask("generate", 60, sent)?;
        let manifests = answer["manifests"].as_array().cloned().unwrap_or_default();
        Ok(manifests.iter().map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap()).collect())
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

pub(crate) fn shipped() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DECLARATION)).unwrap()
}

/// A repository, the folder of an Application in it, and what Argo CD says of that.
pub(crate) struct Sent {
    repository: tempfile::TempDir,
    path: String,
    pub(crate) variables: Vec<String>,
}

impl Sent {
    /// Of one project, whose namespace has the same name, with files given as `== NAME` and text below.
    pub(crate) fn new(project: &str, path: &str, files: &str) -> Self {
        let repository = tempfile::tempdir().unwrap();
        for file in files.replace("SETTINGS\n", SETTINGS).split("== ").skip(1) {
            let (name, text) = file.split_once('\n').unwrap();
            let file = repository.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::create_dir_all(repository.path().join(path)).unwrap();
        let variables = [
            ("ARGOCD_APP_NAME", project),
            ("ARGOCD_APP_NAMESPACE", project),
            ("ARGOCD_APP_PROJECT_NAME", project),
            ("ARGOCD_APP_REVISION", "0123456789012345678901234567890123456789"),
            ("ARGOCD_APP_SOURCE_PATH", path),
            ("ARGOCD_APP_SOURCE_REPO_URL", "https://git.example/repository.git"),
            ("KUBE_VERSION", "1.33.1"),
            ("KUBE_API_VERSIONS", "v1,apps/v1,external-secrets.io/v1"),
        ];
        let variables = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self { repository, path: path.to_owned(), variables }
    }

    /// A copy of a folder of this repository.
    pub(crate) fn copy(project: &str, folder: &str, path: &str) -> Self {
        let sent = Self::new(project, path, "");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), sent.repository.path());
        sent
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.repository.path().join(&self.path)
    }

    pub(crate) fn repository(&self) -> &Path {
        self.repository.path()
    }

    /// With what the Application chooses.
    pub(crate) fn choosing(mut self, parameters: &Value) -> Self {
        self.variables.push(format!("ARGOCD_APP_PARAMETERS={parameters}"));
        self
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
