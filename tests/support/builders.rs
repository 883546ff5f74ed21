//! Kustomizations in a folder, and every program on the machine that builds them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sealref::yaml::{self, Tree};
use serde_json::Value;

use super::peers;

const SEALREF: &str = env!("CARGO_BIN_EXE_sealref");

/// One way of building a kustomization with sealref in it.
pub(crate) struct Builder {
    pub(crate) name: String,
    program: PathBuf,
    pub(crate) words: Vec<&'static str>,
    /// As an exec function, else as an older plugin.
    function: bool,
}

/// kustomize both ways, and each kubectl; what is missing is told.
pub(crate) fn builders() -> Vec<Builder> {
    let mut all = vec![];
    if let Some(program) = peers::peer("kustomize") {
        let words = vec!["build", "--enable-alpha-plugins", "--enable-exec"];
        all.push(Builder { name: "kustomize, function".into(), program: program.clone(), words, function: true });
        let words = vec!["build", "--enable-alpha-plugins"];
        all.push(Builder { name: "kustomize, plugin".into(), program, words, function: false });
    }
    for program in kubectls() {
        let words = vec!["kustomize", "--enable-alpha-plugins"];
        all.push(Builder { name: program.display().to_string(), program, words, function: false });
    }
    all
}

/// kubectl, and the other versions that lie beside it.
pub(crate) fn kubectls() -> Vec<PathBuf> {
    let Some(kubectl) = on_the_path("kubectl") else { return vec![] };
    let real = fs::canonicalize(&kubectl).unwrap();
    let beside = fs::read_dir(real.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let is_version = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("kubectl.");
    let mut all: Vec<PathBuf> = beside.filter(is_version).chain([real.clone()]).collect();
    all.sort();
    all
}

/// A program that is not ours to install; a line says so where it is missing.
pub(crate) fn on_the_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        // Not println: the test runner would keep that of a passing test to itself
        let _ = writeln!(std::io::stderr(), "skipped: {program} (not on this machine)");
    }
    found
}

/// Folders with kustomizations, one level deep.
pub(crate) struct Layout(tempfile::TempDir);

impl Layout {
    /// From `== FOLDER/FILE` lines with what the file holds below them. A folder whose kustomization names `fn.yaml` gets
    /// one with these lines of `spec`.
    pub(crate) fn new(files: &str, spec: &str) -> Self {
        let layout = Self(tempfile::tempdir().unwrap());
        let root = layout.folder();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["demo-certificate.pem", "demo-sealing.key"] {
            fs::copy(repository.join("examples/quickstart").join(name), root.join(name)).unwrap();
        }
        // The folder of `.git` is the root beneath which files are read.
        for folder in [".git", "bin", "home"] {
            fs::create_dir(root.join(folder)).unwrap();
        }
        for file in files.split("== ").skip(1) {
            let (name, text) = file.split_once('\n').unwrap();
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            if name.ends_with("/kustomization.yaml") && text.contains("fn.yaml") {
                fs::write(path.with_file_name("fn.yaml"), config(spec)).unwrap();
                fs::write(path.with_file_name("password.txt"), "first-s3cret").unwrap();
                fs::write(path.with_file_name("other.txt"), "second-s3cret").unwrap();
            }
        }
        symlink(SEALREF, root.join("bin/sealref")).unwrap();
        for kind in ["ReferenceGenerator", "SecretTransform"] {
            let folder = root.join("plugin/kustomize/plugin/sealref.dev/v1alpha1").join(kind.to_lowercase());
            fs::create_dir_all(&folder).unwrap();
            symlink(SEALREF, folder.join(kind)).unwrap();
        }
        layout
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Builds one folder in one way.
    pub(crate) fn run(&self, builder: &Builder, folder: &str) -> Output {
        self.declare(builder.function);
        let mut command = Command::new(&builder.program);
        command.args(&builder.words).arg(folder);
        self.called(&mut command).output().unwrap()
    }

    /// sealref on the PATH, plugins in their place, and nothing else in the environment.
    pub(crate) fn called<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let root = self.folder();
        let path = format!("{}:/usr/bin:/bin", root.join("bin").display());
        command.current_dir(root).env_clear().env("PATH", path).env("HOME", root.join("home"));
        command.env("XDG_CONFIG_HOME", root.join("plugin"))
    }

    /// A configuration is one of a function by its annotation.
    pub(crate) fn declare(&self, function: bool) {
        for folder in fs::read_dir(self.folder()).unwrap() {
            for name in ["fn.yaml", "generator.yaml"] {
                let file = folder.as_ref().unwrap().path().join(name);
                if let Ok(text) = fs::read_to_string(&file) {
                    let other = if function { text.replace(OFF, ON) } else { text.replace(ON, OFF) };
                    fs::write(&file, other).unwrap();
                }
            }
        }
    }

    /// What every builder gives for a folder: the same bytes, at the second time too.
    pub(crate) fn built(&self, folder: &str) -> Option<Objects> {
        let mut first: Option<String> = None;
        for builder in builders() {
            let text = self.succeeds(&builder, folder);
            let before = first.get_or_insert_with(|| self.succeeds(&builder, folder));
            assert_eq!(text, *before, "{} gives something else", builder.name);
        }
        first.map(Objects::read)
    }

    pub(crate) fn succeeds(&self, builder: &Builder, folder: &str) -> String {
        let output = self.run(builder, folder);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {told}", builder.name);
        String::from_utf8(output.stdout).unwrap()
    }

    /// What every builder tells of a folder that cannot be built; nothing comes out.
    pub(crate) fn refused(&self, folder: &str, message: &str) {
        for builder in builders() {
            let output = self.run(&builder, folder);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && output.stdout.is_empty(), "{}: {told}", builder.name);
            // kubectl puts what a plugin says on lines of its own, indented.
            let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(message), "{}: expected {message:?}, found {told}", builder.name);
            assert!(!told.contains("s3cret"), "{}: {told}", builder.name);
        }
    }
}

const ON: &str = "  annotations: {config.kubernetes.io/function: \"exec: {path: sealref}\"}\n";
const OFF: &str = "  #\n";

fn config(spec: &str) -> String {
    let sealing = "  sealing: {certificate: ../demo-certificate.pem, key: {file: ../demo-sealing.key}}\n";
    let head = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nmetadata:\n  name: secrets\n";
    format!("{head}{OFF}spec:\n{sealing}{spec}")
}

/// What came out of a build.
pub(crate) struct Objects {
    pub(crate) text: String,
    pub(crate) all: Vec<Value>,
}

impl Objects {
    pub(crate) fn read(text: String) -> Self {
        let all = yaml::pieces(&text, &|_| true).unwrap_or_else(|fault| panic!("{}: {text}", fault.message));
        let all = all.pieces.iter().map(|piece| {
            let tree = Tree::parse(piece.text, piece.syntax).unwrap_or_else(|fault| panic!("{}", fault.message));
            yaml::read(&tree, tree.root()).unwrap_or_else(|mistake| panic!("{}", mistake.message))
        });
        let all = all.collect();
        Self { text, all }
    }

    /// The only object of a kind.
    pub(crate) fn one(&self, kind: &str) -> &Value {
        let found: Vec<&Value> = self.all.iter().filter(|object| object["kind"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind}: {}", self.text);
        found[0]
    }

    pub(crate) fn has(&self, kind: &str) -> bool {
        self.all.iter().any(|object| object["kind"] == kind)
    }

    /// The name of the only object of a kind.
    pub(crate) fn name(&self, kind: &str) -> &str {
        self.one(kind)["metadata"]["name"].as_str().unwrap()
    }

    /// What the SealedSecret was sealed for.
    pub(crate) fn sealed_for(&self) -> &str {
        self.one("SealedSecret")["metadata"]["annotations"]["sealref.dev/sealed-for"].as_str().unwrap()
    }

    /// What `sealref verify --complete` says.
    pub(crate) fn verified(&self) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("built.yaml");
        fs::write(&file, &self.text).unwrap();
        let output = Command::new(SEALREF).args(["verify", "--complete"]).arg(&file).env_clear().output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }

    /// Names and seals agree, no Secret is left and none is missed.
    pub(crate) fn agree(&self) -> &Self {
        let (good, told) = self.verified();
        assert!(good && !self.has("Secret"), "{told}\n{}", self.text);
        assert!(!self.text.contains("internal.config.kubernetes.io"), "{}", self.text);
        self
    }
}
