//! The Secrets in which a sealed-secrets controller keeps its sealing keys: all of them, and back again.
//!
//! What is there is never changed: a Secret is made where none of its name is.

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::certificate::asks;
use super::config::Cluster;
use super::fetch::is_name;
use super::lists::List;
use crate::error::Problem;
use crate::model::{Ask, KEY_LABEL, KeySecret, Wire};
use crate::sources::answer::{Known, Text, accepted, json};

/// The sealing keys in a namespace, or in all of them.
///
/// # Errors
/// This build asks no cluster; none is known; it refuses.
pub fn sealing_keys(namespace: Option<&str>, wire: &mut dyn Wire) -> Result<Vec<KeySecret>, Problem> {
    asks("or give what kubectl prints: -f FILE")?;
    let cluster = Cluster::find(wire)?;
    let path = namespace.map(secrets).transpose()?.unwrap_or_else(|| "/api/v1/secrets".to_owned());
    let path = format!("{path}?labelSelector={}", KEY_LABEL.replace('/', "%2F"));
    let list = List { path, kind: "Secret", operation: "reading the sealing keys of the controller".to_owned() };
    let read = |_, item: Item| item.secret();
    cluster.lists(&[list], |operation, reply| accepted(operation, reply, &REFUSALS), read, wire)
}

/// The Secret of this key as it is there, which may have another state; None: nothing has its name.
///
/// # Errors
/// Another Secret has its name; the cluster refuses.
pub fn found(secret: &KeySecret, wire: &mut dyn Wire) -> Result<Option<KeySecret>, Problem> {
    asks("or use kubectl: age -d FILE | kubectl create -f -")?;
    let cluster = Cluster::find(wire)?;
    let operation = format!("reading the Secret \"{}\"", secret.place());
    let path = format!("{}/{}", secrets(&secret.namespace)?, secret.name);
    let reply = wire.ask(Ask::Http(cluster.get(operation.clone(), &path)))?;
    if reply.status == 404 {
        return Ok(None);
    }
    let item: Item = json(accepted(&operation, &reply, &REFUSALS)?, "the API server")?;
    let same = item.secret().ok().filter(|there| there.is(secret));
    same.map(Some).ok_or_else(|| {
        Problem::new(format!("another Secret \"{}\" is there, and it is not overwritten", secret.place()))
            .hint("look what it is; rename it or remove it, if nobody needs it")
    })
}

/// Makes the Secret of a key.
///
/// # Errors
/// The cluster refuses, also where there is one of its name.
pub fn create(secret: &KeySecret, wire: &mut dyn Wire) -> Result<(), Problem> {
    let cluster = Cluster::find(wire)?;
    let operation = format!("making the Secret \"{}\"", secret.place());
    let object = Zeroizing::new(secret.manifest().as_bytes().to_vec());
    let reply = wire.ask(Ask::Http(cluster.post(operation.clone(), &secrets(&secret.namespace)?, object)))?;
    if reply.status == 201 {
        return Ok(());
    }
    accepted(&operation, &reply, &REFUSALS).map(|_| ())
}

fn secrets(namespace: &str) -> Result<String, Problem> {
    if !namespace.is_empty() && is_name(namespace) {
        return Ok(format!("/api/v1/namespaces/{namespace}/secrets"));
    }
    Err(Problem::new(format!("\"{namespace}\" is no name that a namespace can have"))
        .hint("lower-case letters, digits and \"-\""))
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, Text>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Item {
    fn secret(&self) -> Result<KeySecret, Problem> {
        let Metadata { name, namespace, labels } = &self.metadata;
        let part = |name| self.data.get(name).map_or("", |Text(text)| text.as_str());
        let no_label = || Problem::new("the Secret lacks the label of sealing keys").hint("is it the API server?");
        let state = labels.get(KEY_LABEL).ok_or_else(no_label)?;
        let secret = KeySecret::new([namespace, name, state], [part("tls.crt"), part("tls.key")]);
        secret.map_err(|problem| problem.at(format!("{namespace}/{name}")))
    }
}

const REFUSALS: [Known; 4] = [
    (401, "the cluster does not know who asks", "has the token expired? log in anew"),
    (
        403,
        "access is denied",
        "whoever runs this needs \"list\" (to restore: \"get\" and \"create\") for secrets in the controller's namespace",
    ),
    (404, "the namespace is not there", "--controller-namespace says where the controller is"),
    (409, "it has been made meanwhile", "run it again: what is there is compared"),
];
