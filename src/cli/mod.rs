//! What can be typed: one file a command.

use std::borrow::Cow;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::error::{Exit, Problems};
use crate::hosts::{helm, kustomize_plugin};
use crate::outside::environment;
use crate::outside::stdio::{self, Written};
use crate::reports;
use crate::rules::Severity;

mod adopt;
mod alerts;
mod baseline;
mod cert;
mod chain;
mod check;
mod cmp;
mod diff;
mod doctor;
mod explain;
mod init;
mod keys;
mod krm;
mod live;
mod man;
mod map;
mod merge;
mod options;
mod output;
mod policy;
mod post_render;
mod rbac;
mod render;
mod report;
mod reseal;
mod schema;
mod seal;
mod suggest;
mod today;
mod unsealing;
mod verify;

/// Replaces secret references in rendered Kubernetes manifests with SealedSecret and ExternalSecret objects.
#[derive(Parser)]
#[command(name = "sealref", version = VERSION, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 manifests or settings are wrong, 2 usage, 3 refused, 4 a source failed, 70 a bug."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Init),
    Render(render::Render),
    Explain(explain::Explain),
    Diff(diff::Diff),
    Adopt(adopt::Adopt),
    Verify(verify::Verify),
    Check(check::Check),
    Rbac(rbac::Rbac),
    Alerts(alerts::Alerts),
    Seal(seal::Seal),
    Reseal(reseal::Reseal),
    Keys(keys::Keys),
    Krm(krm::Krm),
    PostRender(post_render::PostRender),
    Cert(cert::Cert),
    Policy(policy::Policy),
    Doctor(doctor::Doctor),
    Cmp(cmp::Cmp),
    Schema(schema::Schema),
    Completions(schema::Completions),
    Man(man::Man),
    /// Whatever is piped in
    #[command(name = PIPED, hide = true)]
    Piped(krm::Krm),
    #[command(name = PLUGIN, hide = true)]
    Plugin(krm::Plugin),
}

/// What `--version` says: who builds for others may add what it was built from.
const VERSION: &str = match option_env!("SEALREF_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// What is run where nothing was typed and something is piped in.
const PIPED: &str = "-";
/// What is run where kustomize names a file of settings and no command.
const PLUGIN: &str = "kustomize-plugin";

/// What is run where Helm names no command.
const POST_RENDER: &str = "post-render";

/// What a command gives: text for standard output, and what is told beside it.
#[derive(Default)]
pub(crate) struct Done {
    /// Written once, at the end.
    output: Vec<String>,
    /// Told on standard error.
    told: String,
    /// What became of output that was written already.
    written: Option<Written>,
    /// Something was found that fails the check.
    failed: bool,
}

impl Done {
    fn output(text: impl Into<String>) -> Self {
        Self { output: vec![text.into()], ..Self::default() }
    }

    /// Writes now, while the pieces still borrow from what was read.
    fn print(mut self, pieces: &[Cow<str>]) -> Result<Self, Problems> {
        stdio::tell(&std::mem::take(&mut self.told));
        let pieces: Vec<&str> = pieces.iter().map(|piece| &**piece).collect();
        self.written = Some(stdio::write_stdout(&pieces)?);
        Ok(self)
    }

    fn warn(mut self, warnings: &Problems) -> Self {
        self.told.push_str(&reports::problems(warnings, Severity::Warning));
        self
    }
}

/// Runs what was typed.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse_from(called()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            stdio::tell(&error.render().to_string());
            return ExitCode::from(Exit::Usage.code());
        }
        Err(help) => return end(Ok(Done::output(help.render().to_string()))),
    };
    end(ran(cli.command))
}

/// What was typed, with the command put in where another program called us without one.
fn called() -> Vec<OsString> {
    let mut typed = environment::arguments();
    if kustomize_plugin::is_call(&typed) {
        typed.insert(1, PLUGIN.into());
    } else if helm::is_call(&typed) {
        typed.insert(1, POST_RENDER.into());
    } else if typed.len() == 1 && !stdio::stdin_is_terminal() {
        typed.push(PIPED.into());
    }
    typed
}

fn ran(command: Command) -> Result<Done, Problems> {
    match command {
        Command::Init(command) => command.run(),
        Command::Render(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Diff(command) => command.run(),
        Command::Adopt(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Rbac(command) => command.run(),
        Command::Alerts(command) => command.run(),
        Command::Seal(command) => command.run(),
        Command::Reseal(command) => command.run(),
        Command::Keys(command) => command.run(),
        Command::Krm(command) => command.run(),
        Command::PostRender(command) => command.run(),
        Command::Cert(command) => command.run(),
        Command::Policy(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Cmp(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(&mut Cli::command()),
        Command::Man(command) => command.run(Cli::command()),
        Command::Piped(command) => command.or_render(),
        Command::Plugin(command) => command.run(),
    }
}

fn end(done: Result<Done, Problems>) -> ExitCode {
    let problems = match done {
        Ok(done) => {
            stdio::tell(&done.told);
            let pieces: Vec<&str> = done.output.iter().map(String::as_str).collect();
            match done.written.map_or_else(|| stdio::write_stdout(&pieces), Ok) {
                Ok(Written::Complete) if done.failed => return ExitCode::from(Exit::Failed.code()),
                Ok(Written::Complete) => return ExitCode::SUCCESS,
                // The reader has gone, and its status decides what the pipeline is worth.
                Ok(Written::Closed) => return ExitCode::from(CLOSED_PIPE),
                Err(problem) => Problems::from(problem),
            }
        }
        Err(problems) => problems,
    };
    stdio::tell(&reports::problems(&problems, Severity::Error));
    ExitCode::from(problems.exit().code())
}

/// 128 and the number of SIGPIPE, as a shell reports it.
const CLOSED_PIPE: u8 = 141;
