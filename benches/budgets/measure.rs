//! One process, measured from start to end: wall time, and the most memory it ever held.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What is started. Its standard output goes through a pipe to a reader that throws it away.
#[derive(Clone)]
pub struct Job {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// The working folder.
    pub folder: PathBuf,
    /// What it reads on standard input.
    pub input: Option<PathBuf>,
    /// Threads of its own it may start for work: None is as many as there are cores.
    pub threads: Option<usize>,
}

/// One run.
pub struct Run {
    /// From its start to its end.
    pub seconds: f64,
    /// Of all cores together: steadier than the clock on the wall.
    pub processor: f64,
    pub megabytes: f64,
}

/// The first argument of this program when it is the parent of one process and nothing else.
pub const ALONE: &str = "--alone";

/// Starts a process from a parent that has no other child, so that what the system says of the children
/// of that parent is said of this process.
pub fn run(job: &Job) -> Run {
    let this = std::env::current_exe().expect("the path of this program");
    let mut command = Command::new(this);
    command.arg(ALONE).arg(job.input.as_deref().unwrap_or(Path::new("/dev/null")));
    command.arg(&job.program).args(&job.arguments).current_dir(&job.folder);
    if let Some(threads) = job.threads {
        command.env("RAYON_NUM_THREADS", threads.to_string()).env("GOMAXPROCS", threads.to_string());
    }
    let output = command.stderr(Stdio::inherit()).output().expect("this program starts itself");
    let said = String::from_utf8_lossy(&output.stdout);
    let mut numbers = said.split_whitespace().map(|word| word.parse::<f64>().expect("a number"));
    match (output.status.success(), numbers.next(), numbers.next(), numbers.next()) {
        (true, Some(seconds), Some(processor), Some(megabytes)) => Run { seconds, processor, megabytes },
        _ => panic!("{} {} failed", job.program.display(), job.arguments.join(" ")),
    }
}

/// The other side of [`run`].
pub fn alone(command: &[String]) {
    let [input, program, arguments @ ..] = command else { panic!("expected INPUT PROGRAM ARGUMENTS") };
    let input = File::open(input).expect("the input");
    let mut command = Command::new(program);
    command.args(arguments).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut buffer = vec![0; 64 << 10];
    let start = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let mut output = child.stdout.take().expect("a pipe");
    while output.read(&mut buffer).expect("its output") > 0 {}
    let told = child.wait_with_output().expect("its end");
    let seconds = start.elapsed().as_secs_f64();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the resources of children");
    // Kilobytes on Linux
    let kilobytes = i32::try_from(usage.max_rss()).expect("less than two terabytes");
    let time = usage.user_time() + usage.system_time();
    let microseconds = i32::try_from(time.num_microseconds()).expect("less than half an hour");
    println!("{seconds} {} {}", f64::from(microseconds) / 1e6, f64::from(kilobytes) / 1024.0);
}

/// Millions of instructions, as valgrind counts them; None where it is not there.
pub fn instructions(job: &Job) -> Option<f64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(&job.program).args(&job.arguments).current_dir(&job.folder).env("RAYON_NUM_THREADS", "1");
    command.stdout(Stdio::null());
    command.stdin(File::open(job.input.as_deref().unwrap_or(Path::new("/dev/null"))).ok()?);
    let output = command.output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse::<f64>().ok().map(|count| count / 1e6)
}
