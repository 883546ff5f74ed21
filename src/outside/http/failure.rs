//! Why a request was not answered, in our words: never those of the library, nor of the server.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::header::HeaderValue;
use rustls::{AlertDescription, CertificateError};

use super::name::Nowhere;
use crate::error::{Exit, Problem};

/// What helps against a limit on requests.
pub(super) const BUSY: &str = "ask for a higher limit, or render less at once";

const PROXY: &str = "is HTTPS_PROXY right, with its user and password? NO_PROXY names servers that are asked directly";

/// Why, and whether asking again may help.
pub(super) struct Failure {
    what: String,
    hint: &'static str,
    again: Again,
}

enum Again {
    No,
    Soon,
    /// The server said when.
    After(Duration),
}

impl Failure {
    /// What asking again may cure.
    pub(super) fn again(what: &str, hint: &'static str) -> Self {
        Self { what: what.to_owned(), hint, again: Again::Soon }
    }

    /// What it does not.
    pub(super) fn of_answer(what: &str, hint: &'static str) -> Self {
        Self { what: what.to_owned(), hint, again: Again::No }
    }

    /// Statuses that mean the same with every server (RFC 9110, 15; RFC 6585, 4). None: the source knows.
    pub(super) fn of_status(status: u16, retry_after: Option<&HeaderValue>) -> Option<Self> {
        let (what, hint) = match status {
            300..=399 => {
                let what = format!("the server answered {status}, a redirect, and redirects are not followed");
                let hint = "write the address that answers itself (of the active node, with https://)";
                return Some(Self { what, hint, again: Again::No });
            }
            429 => ("too many requests", BUSY),
            502 => ("a gateway got no answer", "does the server behind the gateway or load balancer run?"),
            503 => ("not available", "is it starting, in maintenance, overloaded or sealed?"),
            504 => ("a gateway waited too long", "does the server behind the gateway or load balancer run?"),
            _ => return None,
        };
        let seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let again = seconds.map_or(Again::Soon, |seconds| Again::After(Duration::from_secs(seconds)));
        Some(Self { what: format!("the server answered {status}, {what}"), hint, again })
    }

    /// What the library says, read by its types.
    pub(super) fn of(error: &reqwest::Error, proxied: bool) -> Self {
        if let Some(error) = find::<rustls::Error>(error) {
            return Self::of_tls(error);
        }
        match find(error) {
            Some(Nowhere::LinkLocal) => {
                return Self::of_answer("the server's name leads to link-local addresses", "name the server itself");
            }
            Some(Nowhere::Unknown) if proxied => {
                return Self::again("the name of the server, or of the proxy, is not known", PROXY);
            }
            Some(Nowhere::Unknown) => {
                return Self::again("the server's name is not known", "is its address spelled right?");
            }
            None => {}
        }
        if error.is_timeout() {
            return Self::again("no connection came about in time", "is the address right, or a firewall between?");
        }
        match find::<io::Error>(error).map(io::Error::kind) {
            _ if proxied && error.is_connect() => {
                Self::again("no connection came about, be it that the server or the proxy refuses", PROXY)
            }
            Some(io::ErrorKind::ConnectionRefused) => {
                Self::again("nobody answers at the server's address", "does the server run, and is the port right?")
            }
            _ if error.is_connect() => {
                Self::again("no connection came about", "is the address right, and the network up?")
            }
            Some(_) => Self::again("the connection broke", "is the network, or the server, unwell?"),
            None => Self::again(
                "the server broke off, or what it speaks is not HTTP",
                "is it the right port, and https:// where the server wants it?",
            ),
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::Error as E;
        let (what, hint) = match error {
            E::InvalidCertificate(error) => of_certificate(error),
            E::AlertReceived(AlertDescription::ProtocolVersion) | E::PeerIncompatible(_) => {
                ("the server speaks no version of TLS that is safe", "let it speak TLS 1.2 or 1.3")
            }
            E::AlertReceived(AlertDescription::HandshakeFailure) => {
                ("the server and we know no cipher in common", "let it speak TLS 1.2 or 1.3 with today's ciphers")
            }
            E::AlertReceived(_) => {
                ("the server refuses us in TLS", "does it want a client's certificate, or another one?")
            }
            E::InvalidMessage(_) => ("the server does not speak TLS", "is it the right port?"),
            _ => ("TLS with the server failed", "is it the right server and port?"),
        };
        Self::of_answer(what, hint)
    }

    /// How long to wait before the next attempt. None: there is none.
    pub(super) fn pause(&self, jitter: impl FnOnce() -> Duration) -> Option<Duration> {
        match self.again {
            Again::No => None,
            Again::Soon => Some(jitter()),
            Again::After(pause) => Some(pause),
        }
    }

    /// What the operator is told.
    pub(super) fn problem(self, operation: &str, attempts: u32) -> Problem {
        let exit = if matches!(self.again, Again::No) { Exit::Failed } else { Exit::Source };
        let attempts = if attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() };
        Problem::new(format!("{operation}: {}{attempts}", self.what)).hint(self.hint).exit(exit)
    }
}

fn of_certificate(error: &CertificateError) -> (&'static str, &'static str) {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => {
            ("the server's certificate has expired", "renew it; or is the clock of this machine wrong?")
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            ("the server's certificate is not valid yet", "is the clock of this machine right?")
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => (
            "the server's certificate is for another name",
            "write the address with a name that stands in the certificate",
        ),
        // By an authority of the same name, with another key
        E::BadSignature | E::UnknownIssuer => (
            "the server's certificate was issued by somebody who is not trusted",
            "name its certificate authority, in the source's own variable or in SSL_CERT_FILE",
        ),
        _ => ("the server's certificate is not acceptable", "have it issued anew by your certificate authority"),
    }
}

/// The cause of a type, however deep.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an `io::Error` holds is no source of it
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = held.and_then(|held| find(held)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}
