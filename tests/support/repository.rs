//! The repository of a tenant, rendered under a policy of an operator: as project `team`, unless something else is said.

use std::fs;

use crate::program::Program;

pub(crate) const POLICY: &str = r#"
apiVersion: sealref.dev/v1alpha1
kind: SealrefPolicy
metadata: {name: shared}
spec:
  tenants:
    - {project: team, namespaces: [team, team-dev]}
    - {project: team-a, namespaces: [team-a]}
  clusters: {eu: {certificate: cert.pem}, us: {certificate: cert.pem}}
  stores:
    - match: {scheme: vault, path: "kv/{project}/**"}
      use: {kind: SecretStore, name: vault}
      provider: {vault: {server: "https://vault.example:8200", path: kv, version: v2}}
    - match: {scheme: vault}
      use: {kind: ClusterSecretStore, name: everything}
      provider: {vault: {server: "https://vault.example:8200", path: kv, version: v2}}
  grants:
    - projects: ["*"]
      read:
        - {scheme: vault, path: "kv/{project}/**"}
        - {scheme: generate, path: password}
      stores: [{kind: SecretStore, name: vault}]
      targets: [ExternalSecret]
      clusters: [eu]
    - projects: ["*"]
      read:
        - {scheme: file, path: "**"}
        - {scheme: sops, path: "**"}
        - {scheme: env, path: "*"}
      targets: [SealedSecret]
      clusters: [eu]
      environment: [GRANTED]
      publicKeys: [username]
  sealing: {key: {file: sealing.key}}
  annotations: ["example.com/*"]
  minimumRefreshInterval: 5m
"#;

/// A repository.
pub(crate) struct Repository {
    /// What stands in front of the command in the shell.
    pub(crate) before: String,
    pub(crate) settings: String,
    pub(crate) stream: String,
    pub(crate) policy: String,
    pub(crate) arguments: &'static str,
    /// By their names within the Application; the operator's lie in `../../operator`.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Repository {
    pub(crate) fn new(stream: impl Into<String>) -> Self {
        let (before, settings, stream) = (String::new(), String::new(), stream.into());
        Self { before, settings, stream, policy: POLICY.to_owned(), arguments: "render", files: vec![] }
    }

    pub(crate) fn settings(self, spec: &str) -> Self {
        let settings = format!("apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec:\n  {spec}\n");
        Self { settings, ..self }
    }

    pub(crate) fn policy(self, from: &str, to: &str) -> Self {
        assert!(self.policy.contains(from), "{from}");
        Self { policy: self.policy.replace(from, to), ..self }
    }

    pub(crate) fn before(self, before: &str) -> Self {
        Self { before: format!("{}{before}; ", self.before), ..self }
    }

    pub(crate) fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        self.files.push((name.to_owned(), bytes.to_vec()));
        self
    }

    /// The exit code, and both streams.
    pub(crate) fn run(&self) -> (i32, String, String) {
        let program = Program::new();
        let folder = program.folder();
        let operator = folder.join("operator");
        let tenant = folder.join("repository/app");
        fs::create_dir_all(&operator).unwrap();
        fs::create_dir_all(&tenant).unwrap();
        fs::write(operator.join("policy.yaml"), &self.policy).unwrap();
        fs::write(operator.join("cert.pem"), include_str!("../vectors/sealing/certificates/test-only-rsa-2048.pem"))
            .unwrap();
        fs::write(operator.join("sealing.key"), [7; 32]).unwrap();
        fs::write(folder.join("outside.txt"), "of another").unwrap();
        fs::write(folder.join("repository/beside.txt"), "of another").unwrap();
        if !self.settings.is_empty() {
            fs::write(tenant.join(".sealref.yaml"), &self.settings).unwrap();
        }
        for (name, bytes) in &self.files {
            fs::write(tenant.join(name), bytes).unwrap();
        }
        let line = format!(
            "export ARGOCD_APP_PROJECT_NAME=team ARGOCD_APP_NAMESPACE=team HOME=/nowhere; cd repository/app; {}sealref {} --policy {}/policy.yaml {}",
            self.before,
            self.arguments,
            operator.display(),
            if self.arguments == "render" { "-" } else { "" },
        );
        let output = program.shell(&line, self.stream.as_bytes());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    pub(crate) fn refused(&self, why: &str) {
        let (code, stdout, stderr) = self.run();
        assert_eq!((code, stdout.as_str()), (3, ""), "{}\n{stderr}", self.stream);
        assert!(stderr.contains(why), "expected {why:?}, found {stderr}");
    }

    #[track_caller]
    pub(crate) fn rendered(&self) -> String {
        let (code, stdout, stderr) = self.run();
        assert_eq!(code, 0, "{stderr}");
        stdout
    }
}
