//! All requests of a batch, a few at once, until the time of the run is used up.
#![expect(clippy::disallowed_methods, reason = "the one place that asks servers")]

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Patience;
use super::attempt::answer;
use super::client::{Clients, Prepared};
use super::memory::{Key, Memory};
use crate::error::{Exit, Problem};
use crate::limits;
use crate::model::{Reply, Request};
use crate::outside::stdio;

/// The network. Nothing of it is started before the first request.
pub struct Network {
    patience: Patience,
    started: Option<Started>,
}

struct Started {
    runtime: Runtime,
    clients: Clients,
    memory: Memory,
    until: Instant,
}

type Answer = Result<Reply, Problem>;

impl Network {
    /// With that much patience.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Self { patience, started: None }
    }

    /// Asks everything; answers in the same order.
    pub fn ask_all(&mut self, requests: Vec<Request>) -> Vec<Answer> {
        if requests.is_empty() {
            return vec![];
        }
        let patience = self.patience;
        match self.start() {
            Err(problem) => requests.iter().map(|_| Err(problem.clone())).collect(),
            Ok(started) => started.ask_all(requests, patience),
        }
    }

    /// Waits for something that asks servers by itself, as long as for one answer.
    ///
    /// # Errors
    /// It did not end in time.
    #[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
    pub fn wait<T>(&mut self, operation: &str, work: impl Future<Output = T>) -> Result<T, Problem> {
        let patience = self.patience;
        let Started { runtime, until, .. } = self.start()?;
        let left = until.saturating_duration_since(Instant::now());
        let done = runtime.block_on(async { timeout(patience.answer.min(left), work).await });
        done.map_err(|_| {
            Problem::new(format!("{operation}: whoever gives out credentials does not answer in time"))
                .hint("is the metadata or token service reachable from here?")
                .exit(Exit::Source)
        })
    }

    fn start(&mut self) -> Result<&mut Started, Problem> {
        let started = match self.started.take() {
            Some(started) => started,
            None => Started {
                runtime: Builder::new_current_thread().enable_all().build().map_err(|_| {
                    Problem::new("the operating system gives no means to wait for a server")
                        .hint("are there too many open files or processes?")
                        .exit(Exit::Source)
                })?,
                clients: Clients::new(self.patience)?,
                memory: Memory::default(),
                until: Instant::now() + self.patience.run,
            },
        };
        Ok(self.started.insert(started))
    }
}

impl Started {
    fn ask_all(&mut self, requests: Vec<Request>, patience: Patience) -> Vec<Answer> {
        let Self { runtime, clients, memory, until } = self;
        let keys: Vec<Option<Key>> = requests.iter().map(Memory::key).collect();
        let ask = |request: Request| match memory.reply(&request) {
            Some(reply) => Next::Known(Ok(reply)),
            None => match clients.prepare(request) {
                Ok(prepared) => Next::Ask(Box::new(prepared)),
                Err(problem) => Next::Known(Err(problem)),
            },
        };
        let asked = requests.into_iter().map(ask).collect();
        let answers = runtime.block_on(all(asked, *until, patience));
        for (key, answer) in keys.into_iter().zip(&answers) {
            if let (Some(key), Ok(reply)) = (key, answer) {
                memory.keep(key, reply);
            }
        }
        answers
    }
}

/// What is to be done for a request.
enum Next {
    Ask(Box<Prepared>),
    Known(Answer),
}

impl Drop for Network {
    /// A name that is still being looked up must not keep the process.
    fn drop(&mut self) {
        if let Some(started) = self.started.take() {
            started.runtime.shutdown_background();
        }
    }
}

async fn all(asked: Vec<Next>, until: Instant, patience: Patience) -> Vec<Answer> {
    let mut answers: Vec<Option<Answer>> = vec![];
    let mut waiting = vec![];
    for (number, next) in asked.into_iter().enumerate() {
        answers.push(match next {
            Next::Known(answer) => Some(answer),
            Next::Ask(prepared) => {
                waiting.push((number, prepared));
                None
            }
        });
    }
    let count = waiting.len();
    let (mut waiting, mut running, mut progress) = (waiting.into_iter(), JoinSet::new(), Progress::new(count));
    loop {
        while running.len() < limits::AT_ONCE
            && let Some((number, prepared)) = waiting.next()
        {
            running.spawn(async move { (number, answer(&prepared, until, patience).await) });
        }
        let left = waiting.len() + running.len();
        let done = progress.while_waiting(running.join_next(), left).await;
        let Some(done) = done else { break };
        if let Ok((number, answer)) = done
            && let Some(slot) = answers.get_mut(number)
        {
            *slot = Some(answer);
        }
    }
    progress.end();
    let lost = || Err(Problem::new("a request was not answered").exit(Exit::Bug));
    answers.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect()
}

/// What a person at a terminal sees of a fetch that takes longer than a second.
struct Progress {
    begun: Instant,
    count: usize,
    shown: bool,
}

const SECOND: Duration = Duration::from_secs(1);

impl Progress {
    fn new(count: usize) -> Self {
        Self { begun: Instant::now(), count, shown: false }
    }

    async fn while_waiting<T>(&mut self, work: impl Future<Output = T>, left: usize) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match timeout(SECOND, &mut work).await {
                Ok(done) => return done,
                Err(_) => self.show(left),
            }
        }
    }

    fn show(&mut self, left: usize) {
        let (done, seconds) = (self.count.saturating_sub(left), self.begun.elapsed().as_secs());
        self.shown |= stdio::progress(&format!("fetching: {done} of {} after {seconds} s", self.count));
    }

    fn end(&self) {
        if self.shown {
            stdio::progress("");
        }
    }
}
