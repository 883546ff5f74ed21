//! The transport against servers that misbehave: faults E of the table of faults, numbered, and what must never be
//! sent. A real server cannot be made to do most of this.

#![cfg(feature = "remote")]

use std::net::TcpListener;
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

/// AWS says with 400 what others say with 429.
#[test]
fn a_refusal_that_means_too_many_requests_is_asked_again_e21() {
    let busy = |url: &str| ask_all(vec![Request { busy: Some("Throttling"), ..get(url) }]).pop().unwrap();
    let body = format!("{{\"__type\": \"ThrottlingException\", \"message\": \"{CANARY}\"}}");
    let always = {
        let body = body.clone();
        Server::start(move |stream, _, _| answer(stream, 400, "", &body))
    };
    refused(busy(&always.url("/")), Exit::Source, "the server answered 400, too many requests (3 attempts)");
    assert_eq!(always.requests().len(), 3);
    let once =
        Server::start(
            move |stream, _, number| {
                if number == 0 { answer(stream, 400, "", &body) } else { answer(stream, 200, "", "fine") }
            },
        );
    assert_eq!(busy(&once.url("/")).unwrap().bytes.as_slice(), b"fine");
    let other = Server::start(|stream, _, _| answer(stream, 400, "", "{\"__type\": \"ValidationException\"}"));
    assert_eq!(busy(&other.url("/")).unwrap().status, 400);
    assert_eq!(other.requests().len(), 1);
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

#[test]
fn a_name_that_nobody_knows_e7() {
    refused(ask("https://nosuch.invalid/"), Exit::Source, "the server's name is not known (3 attempts)");
}

#[test]
fn a_connection_that_breaks_in_any_phase_e7() {
    let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{CANARY}", CANARY.len());
    for cut in [0, 1, 8, 15, 30, 45, whole.len() - 1] {
        let part = whole[..cut].to_owned();
        let server = Server::start(move |stream, _, _| {
            send(stream, &part);
        });
        let problem = ask(&server.url("/")).err().unwrap_or_else(|| panic!("cut at {cut}"));
        assert_eq!(problem.code(), Exit::Source, "{cut}: {problem}");
        assert!(problem.message().ends_with("(3 attempts)") && !problem.to_string().contains(CANARY), "{problem}");
    }
    // Reset before a byte was read
    let server = Server::raw(drop);
    assert!(ask(&server.url("/")).is_err());
}

// --- What takes too long ---

#[test]
fn a_server_that_says_nothing_e8() {
    let server = Server::start(|_, _, _| thread::sleep(Duration::from_secs(3)));
    let begun = Instant::now();
    refused(ask(&server.url("/")), Exit::Source, "no answer came in time (3 attempts)");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_body_that_drips_or_stalls_e8() {
    let server = Server::start(|stream, _, _| {
        send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while send(stream, "x") {
            thread::sleep(Duration::from_millis(50));
        }
    });
    refused(ask(&server.url("/")), Exit::Source, "the answer did not end in time (3 attempts)");
    let server = Server::start(|stream, _, _| {
        send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
        thread::sleep(Duration::from_secs(2));
    });
    refused(ask(&server.url("/")), Exit::Source, "the answer did not end in time (3 attempts)");
}

#[test]
fn a_run_has_an_end_and_tells_what_was_left_c11() {
    let server = Server::start(|stream, _, _| {
        thread::sleep(Duration::from_millis(300));
        answer(stream, 200, "", "x");
    });
    let run = Patience { run: Duration::from_millis(500), ..patience() };
    let requests = (0..40).map(|_| get(&server.url("/"))).collect();
    let begun = Instant::now();
    let answers = Network::new(run).ask_all(requests);
    assert!(begun.elapsed() < Duration::from_secs(2));
    let (good, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!(good.len() >= limits::AT_ONCE && late.len() >= 16, "{} {}", good.len(), late.len());
    let late = late.into_iter().next_back().unwrap();
    refused(late, Exit::Source, "not asked: the 0.5 s that a run may spend on servers are used up");
}

// --- What is too much, or not HTTP ---

#[test]
fn an_answer_larger_than_the_bound_e9() {
    let large = "the answer is larger than 2 MiB";
    let server = Server::start(|stream, _, _| {
        send(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", limits::REPLY + 1));
        while send(stream, [b'x'; 4096]) {}
    });
    refused(ask(&server.url("/")), Exit::Failed, large);
    let endless = Server::start(|stream, _, _| {
        send(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while send(stream, format!("1000\r\n{}\r\n", "x".repeat(4096))) {}
    });
    refused(ask(&endless.url("/")), Exit::Failed, large);
    let exact = Server::start(|stream, _, _| answer(stream, 200, "", &"x".repeat(limits::REPLY)));
    assert_eq!(ask(&exact.url("/")).unwrap().bytes.len(), limits::REPLY);
}

#[test]
fn lengths_that_contradict_each_other_e9_e11() {
    for head in [
        "Content-Length: -1\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 5x\r\n",
    ] {
        let server = Server::start(move |stream, _, _| {
            send(stream, format!("HTTP/1.1 200 OK\r\n{head}\r\nabcde"));
        });
        let problem = ask(&server.url("/")).err().unwrap_or_else(|| panic!("{head}"));
        assert_eq!(problem.code(), Exit::Source, "{head}: {problem}");
    }
    // Smuggling: of both, the chunks count (RFC 9112, 6.3), and the connection is not used again
    let server = Server::start(|stream, _, _| {
        send(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        );
    });
    let both = ask(&server.url("/"));
    assert!(both.is_err() || both.is_ok_and(|reply| reply.bytes.as_slice() == b"abcde"));
}

#[test]
fn what_is_compressed_is_not_opened_e10() {
    for encoding in ["gzip", "br", "x-unknown"] {
        let server = Server::start(move |stream, _, _| {
            answer(stream, 200, &format!("Content-Encoding: {encoding}\r\n"), "\u{1f}\u{8b}");
        });
        refused(ask(&server.url("/")), Exit::Failed, "the answer is compressed, which nobody asked for");
    }
}

#[test]
fn headers_without_end_e11() {
    let many = Server::start(|stream, _, _| {
        send(stream, "HTTP/1.1 200 OK\r\n");
        for number in 0..10_000 {
            if !send(stream, format!("x-{number}: {CANARY}\r\n")) {
                return;
            }
        }
        send(stream, "\r\n");
    });
    refused(ask(&many.url("/")), Exit::Source, "the server broke off, or what it speaks is not HTTP (3 attempts)");
    for length in [100_000, 1 << 20] {
        let large = Server::start(move |stream, _, _| {
            send(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx: {}\r\n\r\n", "x".repeat(length)));
        });
        let problem = ask(&large.url("/")).err().unwrap();
        assert!(!problem.to_string().contains("xxx"), "{problem}");
    }
}

#[test]
fn what_is_not_http_e24() {
    // The beginning of HTTP/2, of SSH, and noise
    for bytes in [&b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80"[..], b"SSH-2.0-OpenSSH_9.6\r\n", b"\xff\xfe\x00garbage"] {
        let server = Server::start(move |stream, _, _| {
            send(stream, bytes);
        });
        let problem = ask(&server.url("/")).err().unwrap();
        assert_eq!(problem.code(), Exit::Source, "{problem}");
    }
}

// --- Where nothing is sent ---

#[test]
fn redirects_are_not_followed_and_no_credential_goes_along_e6() {
    let other = always(200, "");
    for status in [301, 302, 303, 307, 308] {
        for target in [other.url("/elsewhere"), "/same".to_owned(), "http://vault.example/".to_owned()] {
            let server =
                Server::start(move |stream, _, _| answer(stream, status, &format!("Location: {target}\r\n"), CANARY));
            let what = format!("the server answered {status}, a redirect, and redirects are not followed");
            refused(ask(&server.url("/")), Exit::Failed, &what);
            assert_eq!(server.requests().len(), 1);
        }
    }
    assert!(other.requests().is_empty());
}

#[test]
fn addresses_that_are_none_of_a_server_n1_n3() {
    for (url, what) in [
        ("http://vault.example/", "the server would be asked without encryption"),
        ("http://10.0.0.1/", "the server would be asked without encryption"),
        ("https://169.254.169.254/latest", "the server's address is link-local"),
        ("https://[fe80::1]/", "the server's address is link-local"),
        ("http://0.0.0.0/", "the server's address is link-local"),
        ("https://user:pw@vault.example/", "the server's address has a user in it"),
        ("ftp://vault.example/", "the server's address is not one of HTTP"),
        ("file:///etc/passwd", "the server's address is not one of HTTP"),
        ("vault.example", "the server's address is no URL"),
        ("", "the server's address is no URL"),
    ] {
        refused(ask(url), Exit::Failed, what);
    }
}

#[test]
fn a_credential_that_no_header_may_hold_e14() {
    let server = always(200, "");
    for bad in ["a\nb", "a\r\nX-Evil: 1", "a\0b"] {
        let request = Request::get("reading kv/db".to_owned(), server.url("/"));
        let request = request.header("x-vault-token", Zeroizing::new(format!("{bad}{CANARY}")));
        let what = "the value of the header \"x-vault-token\" has a letter that no header may hold";
        refused(ask_all(vec![request]).pop().unwrap(), Exit::Failed, what);
    }
    assert!(server.requests().is_empty());
}

// --- How much at once, and how often ---

#[test]
fn no_more_than_eight_at_once_and_in_order_e17() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (at, top) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::start(move |stream, request, _| {
        top.fetch_max(at.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(30));
        at.fetch_sub(1, Ordering::SeqCst);
        answer(stream, 200, "", request.split(' ').nth(1).unwrap());
    });
    let requests = (0..40).map(|number| get(&server.url(&format!("/{number}")))).collect();
    let answers = ask_all(requests);
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap().bytes.as_slice(), format!("/{number}").as_bytes());
    }
    assert_eq!((server.requests().len(), most.load(Ordering::SeqCst)), (40, limits::AT_ONCE));
}

#[test]
fn an_answer_that_is_kept_is_asked_for_once_e13() {
    let server = Server::start(|stream, _, number| answer(stream, 200, "", &number.to_string()));
    let mut network = Network::new(patience());
    let mut ask = |body: &[u8], keep| {
        let mut request = Request::post("x".to_owned(), server.url("/login"), Zeroizing::new(body.to_vec()));
        request.keep = keep;
        let reply = network.ask_all(vec![request]).pop().unwrap().unwrap();
        String::from_utf8(reply.bytes.to_vec()).unwrap()
    };
    let asked = [
        ask(b"a", Keep::Run),
        ask(b"a", Keep::Run),
        ask(b"b", Keep::Run),
        ask(b"a", Keep::No),
        ask(b"a", Keep::Anew),
        ask(b"a", Keep::Run),
        ask(b"b", Keep::Run),
    ];
    assert_eq!(asked, ["0", "0", "1", "2", "3", "3", "1"]);
}

#[test]
fn the_bounds_are_those_of_the_table() {
    let real = Patience::default();
    let ms = Duration::from_millis;
    assert_eq!((real.connect, real.first_byte, real.answer, real.run), (ms(3000), ms(5000), ms(10_000), ms(45_000)));
    assert_eq!((limits::AT_ONCE, limits::ATTEMPTS, limits::REPLY), (8, 3, 2 << 20));
}
