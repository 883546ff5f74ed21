//! The jobs and their budgets, as in the table of `docs/benchmarks.md`.

use std::path::{Path, PathBuf};

use crate::inputs::{self, Inputs};
use crate::measure::{self, Job, Run};
use crate::server::Server;

/// A job, what it may take, and what it took.
pub struct Row {
    pub name: &'static str,
    pub budget: Budget,
    pub ours: Series,
    pub peer: Peer,
    /// Of a job that grows with its input.
    pub input: f64,
    pub instructions: Option<f64>,
}

/// What a job may take.
pub struct Budget {
    pub time: Time,
    pub megabytes: Option<f64>,
}

pub enum Time {
    Seconds(f64),
    /// Times what the peer takes.
    Peer(f64),
    /// Shown for comparison.
    None,
}

pub enum Peer {
    Measured(&'static str, Series),
    None,
    Skipped(&'static str),
}

/// Several runs of one job.
pub struct Series(Vec<Run>);

impl Series {
    /// The least, the middle and the most.
    pub fn seconds(&self) -> [f64; 3] {
        self.spread(|run| run.seconds)
    }

    /// The same of the processor's time.
    pub fn processor(&self) -> [f64; 3] {
        self.spread(|run| run.processor)
    }

    fn spread(&self, of: impl Fn(&Run) -> f64) -> [f64; 3] {
        let mut all: Vec<f64> = self.0.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        let at = |index: usize| all.get(index).copied().unwrap_or(f64::NAN);
        [at(0), at(all.len() / 2), at(all.len().saturating_sub(1))]
    }

    pub fn megabytes(&self) -> f64 {
        self.0.iter().map(|run| run.megabytes).fold(0.0, f64::max)
    }
}

/// Runs of each row.
pub const TIMES: usize = 9;

/// Runs of a row whose peer takes a quarter of a minute.
const SLOW: usize = 3;

pub fn all() -> Vec<Row> {
    let inputs = Inputs::new();
    let bench = Bench { folder: inputs.folder().to_path_buf() };
    let translated = inputs.write("translated.yaml", &inputs::referring(2000, 10));
    let sealed = inputs.write("sealed.yaml", &inputs::literal(200, 5));
    let unmarked = inputs.write("unmarked.yaml", &inputs::unmarked(32_000_000));
    let built = inputs.write("built.yaml", &inputs::built(3000));
    let few = inputs.write("few.yaml", &inputs::resource_list(10_000_000, false));
    let every = inputs.write("every.yaml", &inputs::resource_list(10_000_000, true));
    let one = inputs.write("one.yaml", inputs::ONE);
    let encrypted = bench.encrypted(&inputs, 100);
    let within = |seconds: f64| Budget { time: Time::Seconds(seconds), megabytes: None };
    let free = || Budget { time: Time::None, megabytes: None };
    let whole = size(&unmarked);
    let true_ = ("true", Job { input: None, ..bench.program("true", &[], &one) });
    let version = Job { arguments: vec!["--version".to_owned()], input: None, ..bench.render(&one) };
    let mut rows = vec![
        row(
            "2,000 Secrets x 10 references to ExternalSecrets, one core",
            Budget { megabytes: Some(20.0), ..within(0.1) },
            &bench.render(&translated).on(1),
            &Ok(None),
        ),
        row("the same, all cores", free(), &bench.render(&translated), &Ok(None)),
        row("3,000 objects of a build, one in four a Secret", within(0.1), &bench.render(&built), &Ok(None)),
        row(
            "1,000 values sealed, RSA-4096, one core",
            within(0.2),
            &bench.render(&sealed).on(1),
            &bench.kubeseal(&sealed).map(|(name, job)| Some((name, job.on(1)))),
        ),
        row("the same, all cores", free(), &bench.render(&sealed), &bench.kubeseal(&sealed).map(Some)),
        row(
            "32 MB without a marker",
            Budget { time: Time::Peer(2.0), megabytes: Some(whole + 10.0) },
            &bench.render(&unmarked),
            &Ok(Some(("cat", bench.program("cat", &[], &unmarked)))),
        ),
        row("10 MB ResourceList, one item in ten changed", within(0.1), &bench.render(&few), &Ok(None)),
        row("10 MB ResourceList, all read", within(0.3), &bench.render(&every), &Ok(None)),
        row("start to end: --version", within(0.005), &version, &Ok(Some(true_.clone()))),
        row("start to end: render of one object", within(0.005), &bench.render(&one), &Ok(Some(true_))),
    ];
    if let Some((encrypted, decrypting)) = encrypted {
        let job = bench.program(env!("CARGO_BIN_EXE_sealref"), &["render", "-", "--identity", "identity"], &encrypted);
        let peer = Ok(Some(("sops, a process a file", decrypting)));
        rows.push(row("100 SOPS files (age) to SealedSecrets", within(0.1), &job, &peer));
    }
    rows.extend(bench.fetched(&inputs));
    rows
}

struct Bench {
    folder: PathBuf,
}

impl Bench {
    fn program(&self, program: impl Into<PathBuf>, arguments: &[&str], input: &Path) -> Job {
        Job {
            program: program.into(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            folder: self.folder.clone(),
            input: Some(input.to_path_buf()),
            threads: None,
        }
    }

    fn render(&self, input: &Path) -> Job {
        self.program(env!("CARGO_BIN_EXE_sealref"), &["render", "-"], input)
    }

    /// Secrets that refer to encrypted files, and what decrypts those; None where the real programs are missing.
    fn encrypted(&self, inputs: &Inputs, files: usize) -> Option<(PathBuf, Job)> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
        let (sops, keygen) = (peers.join("sops"), peers.join("age-keygen"));
        if !sops.exists() || !keygen.exists() {
            return None;
        }
        let input = inputs.write("encrypted.yaml", &inputs::encrypted(inputs.folder(), &sops, &keygen, files));
        let each = format!(
            "export SOPS_AGE_KEY_FILE=identity; for file in *.enc.yaml; do {} --disable-version-check decrypt $file; done",
            sops.display()
        );
        let decrypting = self.program("/bin/sh", &["-c", &each], &input);
        Some((input, decrypting))
    }

    /// Values out of a server, sealed; argocd-vault-plugin puts them in as they are. Nothing without the server.
    fn fetched(&self, inputs: &Inputs) -> Vec<Row> {
        let Some(server) = Server::start() else { return vec![] };
        let ours = inputs.write(
            "fetched.yaml",
            &inputs::fetched(2000, |path, key| format!("ref+vault://secret/app/p{path}#/{key}")),
        );
        let theirs = inputs
            .write("plugin.yaml", &inputs::fetched(2000, |path, key| format!("<path:secret/data/app/p{path}#{key}>")));
        let shell = |command: &str, input: &Path| {
            self.program("/bin/sh", &["-c", &format!("{}exec {command}", server.variables())], input)
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let plugin = root.join("target/peers/argocd-vault-plugin");
        let peer = if plugin.exists() {
            Ok(Some(("argocd-vault-plugin", shell(&format!("{} generate -", plugin.display()), &theirs))))
        } else {
            Err("argocd-vault-plugin (not in target/peers)")
        };
        let twentieth = || Budget { time: Time::Peer(0.05), megabytes: None };
        let sealed = |name, certificate: &str, peer: &Peered| {
            let render = format!(
                "{} render - --config fetched.sealref.yaml --certificate {certificate}",
                env!("CARGO_BIN_EXE_sealref")
            );
            turns(SLOW, name, twentieth(), &shell(&render, &ours), peer)
        };
        vec![
            sealed("2,000 Secrets x 10 references, 50 paths of OpenBao, RSA-2048", "rsa-2048.pem", &peer),
            sealed("the same, RSA-4096", "demo-certificate.pem", &peer),
        ]
    }

    fn kubeseal(&self, input: &Path) -> Result<(&'static str, Job), &'static str> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/kubeseal");
        if !path.exists() {
            return Err("kubeseal (run tests/peers/install)");
        }
        Ok(("kubeseal", self.program(path, &["--cert", "demo-certificate.pem", "--format", "yaml"], input)))
    }
}

/// None where there is none, and its name where it is missing.
type Peered = Result<Option<(&'static str, Job)>, &'static str>;

fn row(name: &'static str, budget: Budget, job: &Job, peer: &Peered) -> Row {
    turns(TIMES, name, budget, job, peer)
}

/// Runs a job and its peer in turns.
fn turns(times: usize, name: &'static str, budget: Budget, job: &Job, peer: &Peered) -> Row {
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..times {
        ours.push(measure::run(job));
        if let Ok(Some((_, peer))) = peer {
            theirs.push(measure::run(peer));
        }
    }
    let peer = match peer {
        Ok(Some((name, _))) => Peer::Measured(name, Series(theirs)),
        Ok(None) => Peer::None,
        Err(what) => Peer::Skipped(what),
    };
    let wanted = std::env::var_os("INSTRUCTIONS").is_some();
    let instructions = if wanted { measure::instructions(job) } else { None };
    let input = job.input.as_deref().map_or(0.0, size);
    Row { name, budget, ours: Series(ours), peer, input, instructions }
}

impl Job {
    fn on(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }
}

fn size(path: &Path) -> f64 {
    let bytes = path.metadata().expect("an input").len();
    f64::from(u32::try_from(bytes).expect("inputs are small")) / f64::from(1 << 20)
}
