//! The transport against servers that misbehave: faults E of the table of faults, numbered, and what must never be
//! sent. A real server cannot be made to do most of this.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test opens sockets, waits, and fails by panicking"
)]
#![cfg(feature = "remote")]

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sealref::error::{Exit, Problem};
use sealref::limits;
use sealref::model::{Keep, Reply, Request};
use sealref::outside::http::{Network, Patience};
use zeroize::Zeroizing;

#[path = "support/server.rs"]
mod server;

use server::{Server, answer, send};

/// What no message may hold.
const CANARY: &str = "s3cret-canary";

/// Less patience than in real life: the faults are the same.
fn patience() -> Patience {
    let ms = Duration::from_millis;
    Patience { connect: ms(400), first_byte: ms(500), answer: ms(800), run: ms(4000), pause: ms(20) }
}

fn ask(url: &str) -> Result<Reply, Problem> {
    ask_all(vec![get(url)]).pop().unwrap()
}

fn ask_all(requests: Vec<Request>) -> Vec<Result<Reply, Problem>> {
    Network::new(patience()).ask_all(requests)
}

fn get(url: &str) -> Request {
    Request::get("reading kv/db".to_owned(), url.to_owned()).header("x-vault-token", token())
}

fn token() -> Zeroizing<String> {
    Zeroizing::new(format!("token-{CANARY}"))
}

/// One problem that names the operation and nothing of the answer, with one hint.
#[track_caller]
fn refused(answer: Result<Reply, Problem>, exit: Exit, what: &str) {
    let Err(problem) = answer else { panic!("it was answered") };
    assert_eq!(problem.message(), format!("reading kv/db: {what}"));
    assert_eq!(problem.code(), exit, "{problem}");
    assert!(problem.advice().is_some_and(|hint| !hint.is_empty()), "{problem}");
    assert!(!format!("{problem} {problem:?}").contains(CANARY), "{problem}");
}

fn always(status: u16, headers: &'static str) -> Server {
    Server::start(move |stream, _, _| answer(stream, status, headers, CANARY))
}

// --- What comes back to the source ---

#[test]
fn a_status_that_the_source_knows_comes_back_at_once_e1() {
    for status in [200, 204, 400, 401, 403, 404, 405, 409, 410, 412, 451, 500, 599] {
        let server = always(status, "");
        let reply = ask(&server.url("/v1/kv/db")).unwrap();
        assert_eq!(reply.status, status);
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[test]
fn what_comes_is_what_was_sent_in_a_buffer_of_its_size() {
    let server = Server::start(|stream, _, _| {
        send(
            stream,
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        send(stream, "4\r\nabcd\r\n");
        thread::sleep(Duration::from_millis(20));
        send(stream, "3\r\nefg\r\n0\r\n\r\n");
    });
    let reply = ask(&server.url("/")).unwrap();
    assert_eq!((reply.bytes.as_slice(), reply.bytes.capacity(), reply.status), (&b"abcdefg"[..], 7, 200));
}

#[test]
fn the_request_says_what_it_has_to_and_no_more_e10() {
    let server = always(200, "");
    let request = Request::post("x".to_owned(), server.url("/v1/login?a=b"), Zeroizing::new(b"{}".to_vec()));
    ask_all(vec![request]).pop().unwrap().unwrap();
    let sent = server.requests().remove(0).to_lowercase();
    let version = env!("CARGO_PKG_VERSION");
    let host = format!("host: 127.0.0.1:{}", server.port());
    let expected = ["post /v1/login?a=b http/1.1", "content-type: application/json", &host, "content-length: 2", "{}"];
    for line in expected {
        assert!(sent.lines().any(|found| found == line), "{line}: {sent}");
    }
    assert!(sent.contains(&format!("user-agent: sealref/{version}")), "{sent}");
    assert!(!sent.contains("accept-encoding"), "{sent}");
}

// --- What is asked again ---

#[test]
fn what_may_pass_is_asked_three_times_e2() {
    for (status, words) in [
        (429, "too many requests"),
        (502, "a gateway got no answer"),
        (503, "not available"),
        (504, "a gateway waited too long"),
    ] {
        let server = always(status, "");
        let what = format!("the server answered {status}, {words} (3 attempts)");
        refused(ask(&server.url("/")), Exit::Source, &what);
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn a_second_attempt_that_is_answered_is_an_answer_e2() {
    let server = Server::start(|stream, _, number| answer(stream, if number == 0 { 503 } else { 200 }, "", "fine"));
    assert_eq!(ask(&server.url("/")).unwrap().bytes.as_slice(), b"fine");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn retry_after_is_honoured_and_has_an_end_e15() {
    let begun = Instant::now();
    let server = Server::start(|stream, _, number| {
        answer(stream, if number == 0 { 429 } else { 200 }, "Retry-After: 1\r\n", "");
    });
    assert!(ask(&server.url("/")).is_ok());
    assert!(begun.elapsed() >= Duration::from_secs(1));
    for value in ["3600", "18446744073709551615"] {
        let begun = Instant::now();
        let server = Server::start(move |stream, _, _| answer(stream, 429, &format!("Retry-After: {value}\r\n"), ""));
        refused(ask(&server.url("/")), Exit::Source, "the server answered 429, too many requests");
        assert!(begun.elapsed() < Duration::from_secs(1), "{value}");
    }
    for value in ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1", "\u{7f}"] {
        let server = Server::start(move |stream, _, _| answer(stream, 429, &format!("Retry-After: {value}\r\n"), ""));
        assert!(ask(&server.url("/")).is_err());
        assert!([1, 3].contains(&server.requests().len()), "{value}");
    }
}

#[test]
fn nobody_listens_e7() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let answer = ask(&format!("http://127.0.0.1:{port}/"));
    refused(answer, Exit::Source, "nobody answers at the server's address (3 attempts)");
}
