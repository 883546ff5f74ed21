//! What sources ask of the world, as data: tests and fuzzing answer from a script.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{AwsCall, Cloud, MasterKey};
use crate::error::Problem;

/// One question.
pub enum Ask {
    /// The whole file in which an object of the stream stands, named likewise; empty where it was piped in.
    Around(String),
    /// A call of a service of AWS.
    Aws(AwsCall),
    /// The value of an environment variable that a reference names.
    Environment(String),
    /// A file beneath the root, named relative to the settings' folder.
    File(String),
    /// A request to a server.
    Http(Request),
    /// The identities that the operator gave, of age and of other kinds; empty where there are none.
    Identities,
    /// A file that the operator named, wherever it is.
    Named(String),
    /// An object of the stream, by `KIND/NAMESPACE/NAME` or `KIND/NAME`.
    Object(String),
    /// A passphrase, from the person at the terminal; this is what it protects.
    Passphrase(&'static str),
    /// A variable by which the operator configures a source, such as `VAULT_ADDR`; empty where it is not set.
    Setting(&'static str),
    /// A token that shows a cloud who we are.
    Token(Cloud),
    /// A data key, from the service that holds the key over it.
    Unwrap(Wrapped),
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads too, or logs in. Nothing is written to a server, but that `keys restore` makes Secrets that are not there.
    Post,
}

/// A request to a server. Redirects are never followed.
pub struct Request {
    /// What is done, for messages: `reading kv/prod/db`. Never a value.
    pub operation: String,
    /// How.
    pub method: Method,
    /// Where, with everything in it encoded.
    pub url: String,
    /// Names and values, which may be credentials.
    pub headers: Vec<(&'static str, Zeroizing<String>)>,
    /// What is sent, of the type that a header says.
    pub body: Option<Zeroizing<Vec<u8>>>,
    /// None: who the machine trusts, and as nobody. Requests with the same share their connections.
    pub tls: Option<Arc<Tls>>,
    /// For how long the answer holds.
    pub keep: Keep,
    /// The word in a refusal (400) by which a server says what others say with 429.
    pub busy: Option<&'static str>,
}

/// For how long the answer to a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For this once.
    No,
    /// For the run: the same request is not made again, and its answer is given anew. So one login serves all.
    Run,
    /// For the run too, and what was kept before holds no more.
    Anew,
}

/// Whom a connection trusts and as whom it speaks, both in PEM.
#[derive(PartialEq)]
pub struct Tls {
    /// The only authorities that may have issued the server's certificate; None: those of the machine.
    pub authorities: Option<Zeroizing<Vec<u8>>>,
    /// A client's certificate and its private key.
    pub identity: Option<Zeroizing<Vec<u8>>>,
}

impl Request {
    /// Reads something.
    #[must_use]
    pub fn get(operation: String, url: String) -> Self {
        Self { operation, method: Method::Get, url, headers: vec![], body: None, tls: None, keep: Keep::No, busy: None }
    }

    /// Sends JSON, to log in, to have something opened, or to have it made.
    #[must_use]
    pub fn post(operation: String, url: String, json: Zeroizing<Vec<u8>>) -> Self {
        let body = Some(json);
        let request =
            Self { operation, method: Method::Post, url, headers: vec![], body, tls: None, keep: Keep::No, busy: None };
        request.header("content-type", Zeroizing::new("application/json".to_owned()))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: Zeroizing<String>) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A data key of a file, under a key that a service holds.
pub struct Wrapped {
    /// The key over it, as the file names it.
    pub key: MasterKey,
    /// What the service is asked to open, as it stands in the file.
    pub ciphertext: String,
}

/// One answer: bytes that are wiped on drop.
pub struct Reply {
    /// What came.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The status of an HTTP reply (RFC 9110, 15); 200 for everything else.
    pub status: u16,
}

impl Reply {
    /// The answer to something that is no request to a server.
    #[must_use]
    pub fn of(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { bytes, status: 200 }
    }
}

/// The only way from a source to the world. Deadlines, retries and redaction lie behind it, once.
///
/// A reply that may become better by itself (429, 502, 503, 504) is asked for again behind it, and is a problem when
/// it stays; every other status comes back to the source, which alone knows what it means.
pub trait Wire {
    /// Asks everything at once; answers in the same order.
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>>;

    /// Asks one thing.
    fn ask(&mut self, ask: Ask) -> Result<Reply, Problem> {
        let gone = || Problem::new("a question was not answered").exit(crate::error::Exit::Bug);
        self.ask_all(vec![ask]).pop().unwrap_or_else(|| Err(gone()))
    }
}
