//! A server, and who we are there, for one run.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::answer::{closed, unexpected};
use super::configuration::Server;
use super::login::{Identity, Login, given, identity};
use crate::error::Problem;
use crate::model::{Ask, Keep, Reply, Request, Tls, Wire};

/// Requests go to the operator's address with the operator's token, whatever a reference says.
pub(super) struct Session {
    server: Server,
    pub(super) address: String,
    namespace: Option<String>,
    tls: Option<Arc<Tls>>,
    token: Zeroizing<String>,
    login: Option<Login>,
    /// Is it known whether the token holds?
    judged: bool,
}

/// What is asked.
pub(super) struct Call {
    pub(super) operation: String,
    /// What follows `/v1/`, encoded.
    pub(super) path: String,
    pub(super) namespace: Option<String>,
    /// Sent by POST; else it is read.
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
}

impl Session {
    /// At the server's address, as whom the operator says.
    pub(super) fn open(server: Server, address: String, wire: &mut dyn Wire) -> Result<Self, Problem> {
        let (namespace, tls) = (server.namespace(wire)?, server.tls(wire)?);
        let (token, login) = match identity(server, wire)? {
            Identity::Token(token) => (token, None),
            Identity::Login(login) => (Zeroizing::default(), Some(login)),
        };
        let mut session = Self { server, address, namespace, tls, token, login, judged: false };
        session.log_in(Keep::Run, wire)?;
        Ok(session)
    }

    /// Does nothing with a token that was given.
    fn log_in(&mut self, keep: Keep, wire: &mut dyn Wire) -> Result<(), Problem> {
        let Some(login) = &self.login else { return Ok(()) };
        let operation = format!("logging in to {} by {}", self.server.name(), login.method);
        let url = format!("{}/v1/{}", self.address, login.path);
        let mut request = Request::post(operation.clone(), url, login.body.clone());
        request.keep = keep;
        let reply = wire.ask(Ask::Http(self.addressed(request, None)))?;
        self.token = match reply.status {
            200 => given(&operation, &reply)?,
            400 | 401 | 403 | 404 => {
                return Err(Problem::new(format!("{operation}: refused"))
                    .hint("are the role, the credential, the namespace and the mount of the method right?"));
            }
            status => return Err(unexpected(&operation, status)),
        };
        Ok(())
    }

    /// Answers in order. Where the token has expired, we log in again, once.
    pub(super) fn ask_all(&mut self, calls: &[Call], wire: &mut dyn Wire) -> Vec<Result<Reply, Problem>> {
        let mut replies = wire.ask_all(calls.iter().map(|call| self.ask(call)).collect());
        let is_denied = |reply: &Result<Reply, Problem>| matches!(reply, Ok(Reply { status: 403, .. }));
        if self.judged || !replies.iter().any(is_denied) {
            return replies;
        }
        self.judged = true;
        let renewed = self.renew(wire);
        if matches!(renewed, Ok(false)) {
            return replies;
        }
        for (call, reply) in calls.iter().zip(&mut replies).filter(|(_, reply)| is_denied(reply)) {
            *reply = match &renewed {
                Ok(_) => wire.ask(self.ask(call)),
                Err(problem) => Err(problem.clone()),
            };
        }
        replies
    }

    /// A new token in the place of one that has expired. False: it has not.
    fn renew(&mut self, wire: &mut dyn Wire) -> Result<bool, Problem> {
        let operation = format!("asking {} about the token", self.server.name());
        let path = "auth/token/lookup-self".to_owned();
        let call = Call { operation: operation.clone(), path, namespace: None, body: None };
        match wire.ask(self.ask(&call))?.status {
            403 if self.login.is_some() => self.log_in(Keep::Anew, wire).map(|()| true),
            403 => Err(Problem::new(format!("{operation}: it is not valid, or not any more"))
                .hint("log in again, or set a new one")),
            _ => Ok(false),
        }
    }

    fn ask(&self, call: &Call) -> Ask {
        let url = format!("{}/v1/{}", self.address, call.path);
        let request = match &call.body {
            None => Request::get(call.operation.clone(), url),
            Some(body) => Request::post(call.operation.clone(), url, body.clone()),
        };
        let request = self.addressed(request, call.namespace.as_deref());
        Ask::Http(request.header("x-vault-token", self.token.clone()))
    }

    fn addressed(&self, mut request: Request, namespace: Option<&str>) -> Request {
        request.tls.clone_from(&self.tls);
        // A proxy of the server's kind lets nothing through without it
        let request = request.header("x-vault-request", Zeroizing::new("true".to_owned()));
        match namespace.or(self.namespace.as_deref()) {
            Some(namespace) => request.header("x-vault-namespace", Zeroizing::new(namespace.to_owned())),
            None => request,
        }
    }
}

/// The one answer to a call that has to succeed.
pub(super) fn good(reply: Reply, operation: &str) -> Result<Reply, Problem> {
    match reply.status {
        200 => Ok(reply),
        401 | 403 | 404 => Err(closed(operation)),
        status => Err(unexpected(operation, status)),
    }
}
