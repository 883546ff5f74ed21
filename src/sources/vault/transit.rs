//! Data keys under a key of the transit engine.
//! The API: <https://openbao.org/api-docs/secret/transit/>, `decrypt`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::answer::{Answer, strange};
use super::configuration::Server;
use super::in_url;
use super::login::json;
use super::session::{Call, Session, good};
use crate::error::{Exit, Problem};
use crate::model::{MasterKey, Wire, Wrapped};
use crate::sources::Keys;

pub(super) struct Transit;

impl Keys for Transit {
    fn configured(&self, key: &MasterKey, wire: &mut dyn Wire) -> Result<bool, Problem> {
        let (address, _) = parts(key)?;
        Ok(server_at(address, wire)?.is_some())
    }

    fn unwrap(&self, wrapped: &Wrapped, wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let (address, path) = parts(&wrapped.key)?;
        // Elsewhere only where the operator has granted this very key
        let server = server_at(address, wire)?.unwrap_or(Server::Vault);
        let names = wrapped.key.names();
        let operation = format!("opening a data key with {}", names.first().map_or("", String::as_str));
        let mut session = Session::open(server, address.trim_end_matches('/').to_owned(), wire)?;
        let body = Some(json(&[("ciphertext", &wrapped.ciphertext)]));
        let call = Call { operation: operation.clone(), path, namespace: None, body };
        let reply = session.ask_all(&[call], wire).pop();
        let reply = reply.unwrap_or_else(|| Err(Problem::new("a data key was not asked for").exit(Exit::Bug)))?;
        if reply.status == 400 {
            return Err(Problem::new(format!("{operation}: the server cannot open it with this key"))
                .hint("is it the key that the file was encrypted for, and is its version not archived?"));
        }
        let reply = good(reply, &operation)?;
        let answer = Answer::read(&operation, &reply.bytes)?;
        let text = answer.text(&["data", "plaintext"]).ok_or_else(|| strange(&operation))?;
        STANDARD.decode(text).map(Zeroizing::new).map_err(|_| strange(&operation))
    }
}

/// The address of the server, and the path of the call.
fn parts(key: &MasterKey) -> Result<(&str, String), Problem> {
    match key {
        MasterKey::Transit { address, engine, name } => {
            Ok((address, format!("{}/decrypt/{}", in_url(engine.trim_matches('/')), in_url(name))))
        }
        _ => Err(Problem::new("a key was asked for that is another's").exit(Exit::Bug)),
    }
}

/// Whose variables lead to this address.
fn server_at(address: &str, wire: &mut dyn Wire) -> Result<Option<Server>, Problem> {
    for server in [Server::Vault, Server::OpenBao] {
        if server.is_at(address, wire)? {
            return Ok(Some(server));
        }
    }
    Ok(None)
}
