//! Requests as the library wants them, and one client for each way to trust.
#![expect(clippy::disallowed_methods, reason = "the one place that asks servers")]

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Certificate, Identity, NoProxy, Proxy, Url};
use zeroize::Zeroizing;

use super::Patience;
use super::name::{Names, is_link_local, is_loopback, literal};
use crate::error::Problem;
use crate::model::{Method, Request, Tls};
use crate::outside::environment;

/// A request that can be sent, again and again.
pub(super) struct Prepared {
    pub(super) operation: String,
    pub(super) client: reqwest::Client,
    pub(super) request: reqwest::Request,
    /// Does a proxy stand between?
    pub(super) proxied: bool,
    /// What a refusal says that is worth another attempt.
    pub(super) busy: Option<&'static str>,
}

/// Clients, each with its connections.
pub(super) struct Clients {
    patience: Patience,
    proxy: Option<Proxy>,
    known: Vec<(Trust, reqwest::Client)>,
}

#[derive(Clone, PartialEq)]
enum Trust {
    /// Nothing is encrypted: only this machine is asked so.
    Loopback,
    Machine,
    Own(Arc<Tls>),
}

impl Clients {
    pub(super) fn new(patience: Patience) -> Result<Self, Problem> {
        Ok(Self { patience, proxy: between()?, known: vec![] })
    }

    pub(super) fn prepare(&mut self, request: Request) -> Result<Prepared, Problem> {
        let Request { operation, method, url, headers, body, tls, keep: _, busy } = request;
        let told = |problem: Problem| {
            let told = Problem::new(format!("{operation}: {}", problem.message()));
            told.hint(problem.advice().unwrap_or_default())
        };
        let url = address(&url).map_err(told)?;
        let trust = match tls {
            _ if url.scheme() == "http" => Trust::Loopback,
            Some(tls) => Trust::Own(tls),
            None => Trust::Machine,
        };
        let client = self.client(trust).map_err(told)?;
        let proxied = self.proxy.is_some() && url.scheme() == "https" && !is_loopback(&url);
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut request = reqwest::Request::new(method, url);
        for (name, value) in headers {
            let value = HeaderValue::from_maybe_shared(Bytes::from_owner(Text(value)));
            let mut value = value.map_err(|_| told(unfit(name)))?;
            value.set_sensitive(true);
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        *request.body_mut() = body.map(|body| Bytes::from_owner(body).into());
        Ok(Prepared { operation, client, request, proxied, busy })
    }

    fn client(&mut self, trust: Trust) -> Result<reqwest::Client, Problem> {
        if let Some((_, client)) = self.known.iter().find(|(known, _)| *known == trust) {
            return Ok(client.clone());
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sealref/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(self.patience.connect)
            .dns_resolver(Arc::new(Names));
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        builder = match &trust {
            Trust::Loopback => builder.tls_certs_only([]),
            Trust::Machine => builder,
            Trust::Own(tls) => trusting(builder, tls)?,
        };
        let client = builder.build().map_err(|_| match &trust {
            Trust::Own(_) => Problem::new("the certificates of this connection cannot be used")
                .hint("are the authorities certificates, and does the private key belong to the client's certificate?"),
            _ => Problem::new("this machine knows no certificate authorities")
                .hint("install them (ca-certificates), or name a file of them: SSL_CERT_FILE"),
        })?;
        self.known.push((trust, client.clone()));
        Ok(client)
    }
}

/// Text that is wiped when the last request with it is gone.
struct Text(Zeroizing<String>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn trusting(mut builder: reqwest::ClientBuilder, tls: &Tls) -> Result<reqwest::ClientBuilder, Problem> {
    let pem = |what: &str| Problem::new(format!("{what} cannot be read")).hint("it has to be PEM: -----BEGIN ...");
    if let Some(authorities) = &tls.authorities {
        let read = Certificate::from_pem_bundle(authorities).ok().filter(|read| !read.is_empty());
        builder = builder.tls_certs_only(read.ok_or_else(|| pem("the certificate authority"))?);
    }
    if let Some(identity) = &tls.identity {
        let read = Identity::from_pem(identity);
        builder = builder.identity(read.map_err(|_| pem("the client's certificate and key"))?);
    }
    Ok(builder)
}

fn unfit(name: &str) -> Problem {
    Problem::new(format!("the value of the header \"{name}\" has a letter that no header may hold"))
        .hint("is the credential complete, and nothing but the credential?")
}

/// Where a request may go.
fn address(url: &str) -> Result<Url, Problem> {
    let wrong = |what: &str, hint: &str| Err(Problem::new(what).hint(hint));
    let Ok(url) = url.parse::<Url>() else {
        return wrong("the server's address is no URL", "write it as https://HOST:PORT");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("the server's address has a user in it", "leave out what stands before \"@\"");
    }
    if literal(&url).is_some_and(is_link_local) {
        return wrong("the server's address is link-local", "name the server itself");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => wrong("the server would be asked without encryption", "write https:// in its address"),
        _ => wrong("the server's address is not one of HTTP", "write it as https://HOST:PORT"),
    }
}

/// The environment's proxy, as most programs read it. This machine is asked directly.
fn between() -> Result<Option<Proxy>, Problem> {
    let either = |upper: &str, lower: &str| match environment::variable(upper)? {
        Some(value) if !value.is_empty() => Ok(Some(value)),
        _ => environment::variable(lower),
    };
    let Some(proxy) = either("HTTPS_PROXY", "https_proxy")?.filter(|value| !value.is_empty()) else { return Ok(None) };
    let url = proxy.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let proxy = url.and_then(|url| Proxy::https(url).ok()).ok_or_else(|| {
        Problem::new("HTTPS_PROXY is not the address of a proxy").hint("write it as http://HOST:PORT")
    })?;
    let direct = either("NO_PROXY", "no_proxy")?;
    let direct = format!("{},localhost,127.0.0.0/8,::1", direct.as_deref().map_or("", String::as_str));
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&direct))))
}
