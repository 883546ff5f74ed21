//! How we show a server who we are: a token, or a login that gives one.
//! The logins: <https://openbao.org/api-docs/auth/>, each its `login` path.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::answer::Answer;
use super::configuration::{Server, Variable, named, setting, variable};
use crate::error::Problem;
use crate::limits;
use crate::model::{Ask, Reply, Wire};

const TOKEN: Variable = variable!("TOKEN");
const TOKEN_FILE: Variable = variable!("TOKEN_FILE");
const METHOD: Variable = variable!("AUTH_METHOD");
const MOUNT: Variable = variable!("LOGIN_MOUNT_POINT");
const ROLE: Variable = variable!("ROLE");
const ROLE_ID: Variable = variable!("ROLE_ID");
const SECRET_ID: Variable = variable!("SECRET_ID");
const SECRET_ID_FILE: Variable = variable!("SECRET_ID_FILE");
const CLUSTER_ROLE: Variable = variable!("KUBERNETES_ROLE");
const CLUSTER_MOUNT: Variable = variable!("KUBERNETES_MOUNT_POINT");
const CLUSTER_TOKEN: Variable = variable!("KUBERNETES_JWT_TOKEN_PATH");
const JWT: Variable = variable!("JWT");
const JWT_FILE: Variable = variable!("JWT_FILE");
const USERNAME: Variable = variable!("USERNAME");
const PASSWORD: Variable = variable!("PASSWORD");
const PASSWORD_FILE: Variable = variable!("PASSWORD_FILE");
const PASSWORD_NAME: Variable = variable!("PASSWORD_ENV");

/// Where Kubernetes puts the token of a pod's ServiceAccount.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// What is sent to log in.
pub(super) struct Login {
    /// `approle`.
    pub(super) method: &'static str,
    /// `auth/approle/login`.
    pub(super) path: String,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Who we are.
pub(super) enum Identity {
    Login(Login),
    Token(Zeroizing<String>),
}

/// What the operator's variables say of it.
pub(super) fn identity(server: Server, wire: &mut dyn Wire) -> Result<Identity, Problem> {
    let method = server.read(METHOD, wire)?;
    let mount = server.read(MOUNT, wire)?;
    let login = |method: &'static str, mount: Option<Zeroizing<String>>, fields: &[(&str, &str)]| {
        let mount = mount.as_deref().map_or(method, |mount| mount.trim_matches('/'));
        Identity::Login(Login { method, path: format!("auth/{mount}/login"), body: json(fields) })
    };
    Ok(match method.as_deref().map_or("token", String::as_str) {
        "token" => Identity::Token(token(server, wire)?),
        "approle" => {
            let role = server.needed(ROLE_ID, wire)?;
            let secret = server.held_or_in_file((SECRET_ID, SECRET_ID_FILE), wire)?;
            // A role may ask for no secret id
            let secret = secret.as_ref().map(|secret| ("secret_id", secret.as_str()));
            let fields: Vec<(&str, &str)> = std::iter::once(("role_id", role.as_str())).chain(secret).collect();
            login("approle", mount, &fields)
        }
        "kubernetes" => {
            let role = match server.read(CLUSTER_ROLE, wire)? {
                Some(role) => role,
                None => server.needed(ROLE, wire)?,
            };
            let path = server.read(CLUSTER_TOKEN, wire)?;
            let token = named(path.as_deref().map_or(SERVICE_ACCOUNT, String::as_str), wire)?;
            let mount = server.read(CLUSTER_MOUNT, wire)?.or(mount);
            login("kubernetes", mount, &[("role", &role), ("jwt", &token)])
        }
        "jwt" => {
            let role = server.read(ROLE, wire)?.unwrap_or_default();
            let token = server.held_or_in_file((JWT, JWT_FILE), wire)?;
            let token = token.ok_or_else(|| unset(server, [JWT, JWT_FILE]))?;
            login("jwt", mount, &[("role", &role), ("jwt", &token)])
        }
        "userpass" => {
            let name = server.needed(USERNAME, wire)?;
            let password = password(server, wire)?;
            let mount = mount.as_deref().map_or("userpass", |mount| mount.trim_matches('/'));
            let path = format!("auth/{mount}/login/{}", super::in_url(&name));
            Identity::Login(Login { method: "userpass", path, body: json(&[("password", &password)]) })
        }
        "cert" => {
            let role = server.read(ROLE, wire)?.unwrap_or_default();
            login("cert", mount, &[("name", &role)])
        }
        other => {
            return Err(Problem::new(format!("{} is \"{other}\", which is no method", server.called(METHOD)))
                .hint("known: token, approle, kubernetes, jwt, userpass, cert"));
        }
    })
}

fn unset(server: Server, either: [Variable; 2]) -> Problem {
    let [held, in_file] = either.map(|variable| server.called(variable));
    Problem::new(format!("neither {held} nor {in_file} is set")).hint("set one of them in the environment of sealref")
}

/// The variable, its file, or what `vault login` left.
fn token(server: Server, wire: &mut dyn Wire) -> Result<Zeroizing<String>, Problem> {
    let given = server.held_or_in_file((TOKEN, TOKEN_FILE), wire)?;
    let home = setting("HOME", wire)?;
    let left = |name: &&str, wire: &mut dyn Wire| {
        let path = format!("{}/{name}", home.as_ref()?.as_str());
        named(&path, wire).ok().filter(|token| !token.is_empty())
    };
    let names: &[&str] = match server {
        Server::OpenBao => &[".bao-token", ".vault-token"],
        Server::Vault => &[".vault-token"],
    };
    given.or_else(|| names.iter().find_map(|name| left(name, wire))).ok_or_else(|| {
        let (token, method) = (server.called(TOKEN), server.called(METHOD));
        Problem::new(format!("no token for {} is known", server.name()))
            .hint(format!("set {token}, or {method} to a way to log in: approle, kubernetes, jwt, userpass, cert"))
    })
}

fn password(server: Server, wire: &mut dyn Wire) -> Result<Zeroizing<String>, Problem> {
    if let Some(password) = server.held_or_in_file((PASSWORD, PASSWORD_FILE), wire)? {
        return Ok(password);
    }
    let Some(name) = server.read(PASSWORD_NAME, wire)? else { return Err(unset(server, [PASSWORD, PASSWORD_FILE])) };
    let Reply { bytes, .. } = wire.ask(Ask::Environment(name.as_str().to_owned()))?;
    let text = std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned()));
    text.map_err(|_| Problem::new("the password is no text").hint("it has to be UTF-8"))
}

/// The token that a login gave.
pub(super) fn given(operation: &str, reply: &Reply) -> Result<Zeroizing<String>, Problem> {
    let answer = Answer::read(operation, &reply.bytes)?;
    let token = answer.text(&["auth", "client_token"]).unwrap_or_default();
    let fits = !token.is_empty() && token.len() <= limits::TOKEN && token.bytes().all(|sign| sign.is_ascii_graphic());
    fits.then(|| Zeroizing::new(token.to_owned())).ok_or_else(|| {
        Problem::new(format!("{operation}: the server gave no token"))
            .hint("does the login need a second factor, or a role?")
    })
}

/// An object of texts, in one allocation: growing would leave copies behind.
pub(super) fn json(fields: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    // A character is six at most where it is escaped
    let length = fields.iter().map(|(name, value)| name.len() + 6 * value.len() + 6).sum::<usize>();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 2));
    let fields: BTreeMap<&str, &str> = fields.iter().copied().collect();
    // Writing to memory cannot fail, nor can text
    let _ = serde_json::to_writer(&mut *out, &fields);
    out
}
