//! Secrets of the key-value engine: each mount asked about once, each path and version read once, all at once.
//! The API: <https://openbao.org/api-docs/secret/kv/>; the pre-flight call is that of the `kv` commands.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answer, strange, unexpected};
use super::configuration::Server;
use super::session::{Call, Session, good};
use super::{below, in_url};
use crate::error::{Exit, Problem};
use crate::model::{Address, Payload, Reply, Wire};
use crate::sources::answer::{Answers, in_two_ways};
use crate::sources::whole::is_whole;
use crate::yaml::NodeId;

/// One version of one secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted<'a> {
    namespace: Option<&'a str>,
    path: &'a str,
    version: Option<&'a str>,
}

/// Which key-value engine is mounted where.
#[derive(Clone)]
struct Mount {
    path: String,
    versioned: bool,
}

/// One answer for each address, in order.
pub(super) fn fetch(wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
    in_two_ways(
        wanted,
        |address| Server::of(address.scheme.0) == Server::OpenBao,
        (
            |wanted, wire| from_server(Server::OpenBao, wanted, wire),
            |wanted, wire| from_server(Server::Vault, wanted, wire),
        ),
        wire,
    )
}

fn from_server(server: Server, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
    if wanted.is_empty() {
        return vec![];
    }
    let opened = server.address(wire).and_then(|address| Session::open(server, address, wire));
    let mut session = match opened {
        Ok(session) => session,
        Err(problem) => return wanted.iter().map(|_| Err(problem.clone())).collect(),
    };
    let leads: Vec<Result<Wanted, Problem>> =
        wanted.iter().map(|address| may_ask(address, &session.address, server)).collect();
    let asked: BTreeSet<Wanted> = leads.iter().filter_map(|secret| secret.as_ref().ok().copied()).collect();
    let mounts = mounts(asked.iter().copied().collect(), server, &mut session, wire);
    let replies = Answers::ask(
        asked.iter().copied(),
        |secret| call(secret, mounts.get(&(secret.namespace, secret.path))?, server),
        |_, reply| Ok(reply),
        |calls| session.ask_all(&calls, wire),
    );
    let answers = Answers::each(asked.iter().copied(), |secret| {
        let mount = mounts.get(&(secret.namespace, secret.path))?;
        found(secret, server, mount.versioned, replies.get(secret)?)
    });
    let value = |(address, secret): (&&Address<'static>, Result<Wanted, Problem>)| {
        let secret = secret?;
        value(address, &secret, server, answers.get(&secret)?)
    };
    wanted.iter().zip(leads).map(value).collect()
}

/// What an address leads to, where it stays at the operator's server.
fn may_ask<'a>(address: &'a Address, configured: &str, server: Server) -> Result<Wanted<'a>, Problem> {
    if let Some(other) = address.parameter("address").filter(|other| other.trim_end_matches('/') != configured) {
        return Err(Problem::new(format!("the reference leads to \"{other}\", and the token is not for that server"))
            .hint(format!("leave out `address`: {} is where values come from", server.name()))
            .exit(Exit::Refused));
    }
    let version = address.parameter("version");
    if version.is_some_and(|version| version.starts_with(['0', '+']) || version.parse::<u32>().is_err()) {
        return Err(Problem::new("the version is no number of a version").hint("versions are 1, 2, 3, ..."));
    }
    Ok(Wanted { namespace: address.parameter("namespace"), path: &address.path, version })
}

fn reading(secret: &Wanted, server: Server) -> String {
    let namespace = secret.namespace.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
    format!("reading {}{namespace} from {}", secret.path, server.name())
}

/// The request for a secret below its mount.
fn call(secret: &Wanted, mount: &Mount, server: Server) -> Result<Call, Problem> {
    let operation = reading(secret, server);
    let path = match (below(secret.path, &mount.path), secret.version) {
        (None, _) => {
            return Err(Problem::new(format!("{operation}: the path is that of a whole mount"))
                .hint("write the secret behind it: MOUNT/PATH"));
        }
        (Some(inside), version) if mount.versioned => {
            let version = version.map(|version| format!("?version={version}")).unwrap_or_default();
            format!("{}/data/{}{version}", in_url(mount.path.trim_matches('/')), in_url(inside))
        }
        (Some(_), Some(_)) => {
            return Err(Problem::new(format!("{operation}: its mount is KV version 1, which keeps one version"))
                .hint("leave out `version`"));
        }
        (Some(_), None) => in_url(secret.path),
    };
    Ok(Call { operation, path, namespace: secret.namespace.map(str::to_owned), body: None })
}

type Mounts<'a> = Answers<(Option<&'a str>, &'a str), Mount>;

/// The mount of each path. One path is asked about for all that begin alike; where a mount turns out to be deeper, those
/// that are left are grouped by one segment more.
fn mounts<'a>(mut left: Vec<Wanted<'a>>, server: Server, session: &mut Session, wire: &mut dyn Wire) -> Mounts<'a> {
    let mut known: BTreeMap<(Option<&str>, &str), Result<Mount, Problem>> = BTreeMap::new();
    let mut depth = 1;
    while !left.is_empty() {
        let mut chosen: BTreeMap<(Option<&str>, Vec<&str>), Wanted> = BTreeMap::new();
        for secret in &left {
            let beginning = secret.path.split('/').take(depth).collect();
            chosen.entry((secret.namespace, beginning)).or_insert(*secret);
        }
        let calls: Vec<Call> = chosen.values().map(|secret| preflight(secret, server)).collect();
        let replies = session.ask_all(&calls, wire);
        let down = replies.iter().find_map(|reply| reply.as_ref().err().cloned());
        for ((secret, call), reply) in chosen.values().zip(&calls).zip(replies) {
            let mount = reply.and_then(|reply| mount(&call.operation, reply));
            if let Ok(mount) = &mount {
                let same = |other: &&Wanted| other.namespace == secret.namespace && within(other.path, &mount.path);
                known.extend(left.iter().filter(same).map(|other| ((other.namespace, other.path), Ok(mount.clone()))));
            }
            known.insert((secret.namespace, secret.path), mount);
        }
        // Who does not answer one question is not asked the others
        if let Some(problem) = down {
            for other in &left {
                known.entry((other.namespace, other.path)).or_insert_with(|| Err(problem.clone()));
            }
        }
        left.retain(|secret| !known.contains_key(&(secret.namespace, secret.path)));
        depth += 1;
    }
    Answers(known)
}

fn within(path: &str, mount: &str) -> bool {
    path == mount.trim_matches('/') || below(path, mount).is_some()
}

fn preflight(secret: &Wanted, server: Server) -> Call {
    let path = format!("sys/internal/ui/mounts/{}", in_url(secret.path));
    Call { operation: reading(secret, server), path, namespace: secret.namespace.map(str::to_owned), body: None }
}

fn mount(operation: &str, reply: Reply) -> Result<Mount, Problem> {
    let reply = good(reply, operation)?;
    let answer = Answer::read(operation, &reply.bytes)?;
    let (Some(path), Some(kind)) = (answer.text(&["data", "path"]), answer.text(&["data", "type"])) else {
        return Err(strange(operation));
    };
    let version = answer.text(&["data", "options", "version"]);
    match (kind, version) {
        ("kv" | "generic", version) => Ok(Mount { path: path.to_owned(), versioned: version == Some("2") }),
        _ => Err(Problem::new(format!("{operation}: its mount is no key-value engine"))
            .hint("only secrets of KV version 1 and 2 are read; others make new credentials at every read")),
    }
}

/// A secret, and the object in it that holds its keys. Of a deleted version something is left: it answers 404 and says so.
fn found<'r>(
    secret: &Wanted,
    server: Server,
    versioned: bool,
    reply: &'r Reply,
) -> Result<(Answer<'r>, NodeId), Problem> {
    let operation = reading(secret, server);
    let answer = match reply.status {
        200 => Answer::read(&operation, &reply.bytes)?,
        404 => Answer::read(&operation, &reply.bytes).map_err(|_| unexpected(&operation, 404))?,
        status => return Err(unexpected(&operation, status)),
    };
    let fields = fields(&operation, &answer, versioned, reply.status)?;
    Ok((answer, fields))
}

/// What an address wants of a secret.
fn value(
    address: &Address,
    secret: &Wanted,
    server: Server,
    (answer, fields): &(Answer, NodeId),
) -> Result<Payload, Problem> {
    if is_whole(address) {
        return answer.keys(*fields, address.property.as_deref(), secret.path).map(Payload::whole);
    }
    let property = address.property.as_deref().ok_or_else(|| {
        Problem::new(format!("{}: a whole secret is no value", reading(secret, server))).hint("name a key: #/KEY")
    })?;
    answer.value(*fields, property, secret.path).map(Payload::new)
}

/// The object that holds the keys of a secret.
fn fields(operation: &str, answer: &Answer, versioned: bool, status: u16) -> Result<NodeId, Problem> {
    if !versioned {
        let fields = answer.map(&["data"]).filter(|_| status == 200);
        return fields.ok_or_else(|| if status == 200 { strange(operation) } else { unexpected(operation, status) });
    }
    if let Some(fields) = answer.map(&["data", "data"]).filter(|_| status == 200) {
        return Ok(fields);
    }
    let gone = |what: &str, hint: &str| Problem::new(format!("{operation}: {what}")).hint(hint);
    if answer.is_true(&["data", "metadata", "destroyed"]) {
        return Err(gone("this version was destroyed", "name another version, or write a new one"));
    }
    if answer.text(&["data", "metadata", "deletion_time"]).is_some_and(|time| !time.is_empty()) {
        return Err(gone("this version was deleted", "undelete it, or name another version"));
    }
    Err(if status == 200 { strange(operation) } else { unexpected(operation, status) })
}
