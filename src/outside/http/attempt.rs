//! One request: asked, and asked again where that may help.
#![expect(clippy::disallowed_methods, reason = "the one place that waits for servers")]

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, RETRY_AFTER};
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::Patience;
use super::client::Prepared;
use super::failure::{BUSY, Failure};
use crate::error::{Exit, Problem};
use crate::limits;
use crate::model::Reply;
use crate::outside::random;

/// What is answered in the end.
pub(super) async fn answer(prepared: &Prepared, until: Instant, patience: Patience) -> Result<Reply, Problem> {
    let mut attempts = 0;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(out_of_time(&prepared.operation, attempts, patience));
        }
        attempts += 1;
        let failure = match timeout(patience.answer.min(left), once(prepared, patience)).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::again("the answer did not end in time", "is the server overloaded?"),
        };
        let pause = failure.pause(|| jitter(attempts, patience.pause));
        let left = until.saturating_duration_since(Instant::now());
        match pause {
            Some(pause) if attempts < limits::ATTEMPTS && pause < left => sleep(pause).await,
            _ => return Err(failure.problem(&prepared.operation, attempts)),
        }
    }
}

fn out_of_time(operation: &str, attempts: u32, patience: Patience) -> Problem {
    let seconds = patience.run.as_secs_f32();
    let asked = if attempts == 0 { "not asked" } else { "given up" };
    Problem::new(format!("{operation}: {asked}: the {seconds} s that a run may spend on servers are used up"))
        .hint("is the server slow, or are there very many references?")
        .exit(Exit::Source)
}

/// Any pause up to the longest ("full jitter"), so that those who failed together do not come back together.
fn jitter(attempts: u32, longest: Duration) -> Duration {
    let longest = longest.saturating_mul(1 << (attempts - 1).min(8));
    let part = random::bytes::<4>().map_or(u32::MAX, u32::from_le_bytes);
    longest.mul_f64(f64::from(part) / f64::from(u32::MAX))
}

async fn once(prepared: &Prepared, patience: Patience) -> Result<Reply, Failure> {
    let Prepared { client, request, proxied, busy, .. } = prepared;
    let request = request.try_clone().ok_or_else(|| Failure::of_answer("the request cannot be sent", "report this"))?;
    let failed = |error: reqwest::Error| Failure::of(&error, *proxied);
    let mut response = match timeout(patience.first_byte, client.execute(request)).await {
        Ok(response) => response.map_err(failed)?,
        Err(_) => {
            return Err(Failure::again("no answer came in time", "is the server overloaded, or a firewall between?"));
        }
    };
    let status = response.status().as_u16();
    if let Some(failure) = Failure::of_status(status, response.headers().get(RETRY_AFTER)) {
        return Err(failure);
    }
    let headers = response.headers();
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > limits::HEADERS {
        return Err(Failure::of_answer("the answer has more than 64 KiB of headers", NOT_IT));
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Failure::of_answer("the answer is compressed, which nobody asked for", NOT_IT));
    }
    let too_large = || Failure::of_answer("the answer is larger than 2 MiB", NOT_IT);
    let (mut chunks, mut length): (Vec<Bytes>, usize) = (vec![], 0);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        length += chunk.len();
        if length > limits::REPLY {
            return Err(too_large());
        }
        chunks.push(chunk);
    }
    // One allocation of the final size: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    for chunk in &chunks {
        bytes.extend_from_slice(chunk);
    }
    if status == 400 && busy.is_some_and(|word| memchr::memmem::find(&bytes, word.as_bytes()).is_some()) {
        return Err(Failure::again("the server answered 400, too many requests", BUSY));
    }
    Ok(Reply { bytes, status })
}

const NOT_IT: &str = "is it the server that the address should lead to?";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ_n6() {
        let longest = Duration::from_millis(100);
        let pauses: Vec<Duration> = (0..64).map(|_| jitter(3, longest)).collect();
        assert!(pauses.iter().all(|pause| *pause <= longest * 4));
        assert!(pauses.iter().any(|pause| *pause > longest) && pauses.iter().any(|pause| *pause < longest * 2));
    }
}
