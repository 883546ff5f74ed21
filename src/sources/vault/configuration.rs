//! How the operator leads us to a server: the variables that the programs `vault`, `bao` and vals read.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::Problem;
use crate::model::{Ask, Tls, Wire};

/// The name of a variable, for Vault and for OpenBao.
#[derive(Clone, Copy)]
pub(super) struct Variable {
    pub(super) vault: &'static str,
    pub(super) openbao: &'static str,
}

macro_rules! variable {
    ($name:literal) => {
        Variable { vault: concat!("VAULT_", $name), openbao: concat!("BAO_", $name) }
    };
}
pub(super) use variable;

const ADDRESS: Variable = variable!("ADDR");
const AUTHORITY: Variable = variable!("CACERT");
const CERTIFICATE: Variable = variable!("CLIENT_CERT");
const KEY: Variable = variable!("CLIENT_KEY");
const NAMESPACE: Variable = variable!("NAMESPACE");

/// Which of the two programs' variables are read first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Server {
    OpenBao,
    Vault,
}

impl Server {
    pub(super) fn of(scheme: &str) -> Self {
        if scheme == "openbao" { Self::OpenBao } else { Self::Vault }
    }

    /// For messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenBao => "OpenBao",
            Self::Vault => "Vault",
        }
    }

    /// The variable that a hint names.
    pub(super) fn called(self, variable: Variable) -> &'static str {
        match self {
            Self::OpenBao => variable.openbao,
            Self::Vault => variable.vault,
        }
    }

    /// What a variable holds. Where OpenBao has none of its own, Vault's is read, as `bao` does.
    pub(super) fn read(self, variable: Variable, wire: &mut dyn Wire) -> Result<Option<Zeroizing<String>>, Problem> {
        if self == Self::OpenBao
            && let Some(value) = setting(variable.openbao, wire)?
        {
            return Ok(Some(value));
        }
        setting(variable.vault, wire)
    }

    /// The server's address, without a slash at its end.
    pub(super) fn address(self, wire: &mut dyn Wire) -> Result<String, Problem> {
        self.needed(ADDRESS, wire).map(|address| address.trim_end_matches('/').to_owned())
    }

    /// Do the variables lead to this address?
    pub(super) fn is_at(self, address: &str, wire: &mut dyn Wire) -> Result<bool, Problem> {
        let own = self.read(ADDRESS, wire)?;
        Ok(own.is_some_and(|own| own.trim_end_matches('/') == address.trim_end_matches('/')))
    }

    /// The namespace of every request that names none, and of logins.
    pub(super) fn namespace(self, wire: &mut dyn Wire) -> Result<Option<String>, Problem> {
        Ok(self.read(NAMESPACE, wire)?.map(|namespace| namespace.as_str().to_owned()))
    }

    /// Whom to trust, and as whom to speak.
    pub(super) fn tls(self, wire: &mut dyn Wire) -> Result<Option<Arc<Tls>>, Problem> {
        let authorities = self.file(AUTHORITY, wire)?;
        let identity = match (self.file(CERTIFICATE, wire)?, self.file(KEY, wire)?) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let mut both = Zeroizing::new(Vec::with_capacity(certificate.len() + key.len() + 1));
                both.extend_from_slice(&certificate);
                both.push(b'\n');
                both.extend_from_slice(&key);
                Some(both)
            }
            (one, _) => {
                let missing = self.called(if one.is_some() { KEY } else { CERTIFICATE });
                return Err(Problem::new(format!("{missing} is not set")).hint("a certificate and its key go together"));
            }
        };
        let any = authorities.is_some() || identity.is_some();
        Ok(any.then(|| Arc::new(Tls { authorities, identity })))
    }

    fn file(self, variable: Variable, wire: &mut dyn Wire) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let Some(path) = self.read(variable, wire)? else { return Ok(None) };
        let named = |problem: Problem| problem.at(self.called(variable));
        wire.ask(Ask::Named(path.as_str().to_owned())).map(|reply| Some(reply.bytes)).map_err(named)
    }

    /// What a variable holds that has to be set.
    pub(super) fn needed(self, variable: Variable, wire: &mut dyn Wire) -> Result<Zeroizing<String>, Problem> {
        self.read(variable, wire)?.ok_or_else(|| {
            Problem::new(format!("{} is not set", self.called(variable)))
                .hint("set it in the environment of sealref; no reference can")
        })
    }

    /// What a variable holds, or the file that another one names.
    pub(super) fn held_or_in_file(
        self,
        (held, in_file): (Variable, Variable),
        wire: &mut dyn Wire,
    ) -> Result<Option<Zeroizing<String>>, Problem> {
        match self.read(held, wire)? {
            Some(value) => Ok(Some(value)),
            None => self.file(in_file, wire)?.map(|bytes| text(&bytes, self.called(in_file))).transpose(),
        }
    }
}

/// A variable that holds something.
pub(super) fn setting(name: &'static str, wire: &mut dyn Wire) -> Result<Option<Zeroizing<String>>, Problem> {
    let bytes = wire.ask(Ask::Setting(name))?.bytes;
    let value = text(&bytes, name)?;
    Ok((!value.is_empty()).then_some(value))
}

/// A file with one line of text.
pub(super) fn named(path: &str, wire: &mut dyn Wire) -> Result<Zeroizing<String>, Problem> {
    text(&wire.ask(Ask::Named(path.to_owned()))?.bytes, path)
}

fn text(bytes: &[u8], name: &str) -> Result<Zeroizing<String>, Problem> {
    let text = std::str::from_utf8(bytes).map(|text| Zeroizing::new(text.trim().to_owned()));
    text.map_err(|_| Problem::new(format!("{name} holds no text")).hint("it has to be UTF-8"))
}
