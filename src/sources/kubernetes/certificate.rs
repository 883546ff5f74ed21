//! The certificate of the sealed-secrets controller, which its service gives to whoever may reach it.
//! Source: `pkg/kubeseal` of bitnami/sealed-secrets.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::config::Cluster;
use super::fetch::is_name;
use crate::error::Problem;
use crate::model::{Ask, Wire};
use crate::sources::answer::{Known, accepted, json};

/// What the controller serves, through the API server: first the name of its port, then the certificate.
///
/// # Errors
/// This build asks no cluster; none is known; it refuses.
pub fn certificate(namespace: &str, service: &str, wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem> {
    asks("or give --url and --fingerprint")?;
    if let Some(name) = [namespace, service].into_iter().find(|name| !is_name(name)) {
        return Err(Problem::new(format!("\"{name}\" is no name that an object can have"))
            .hint("lower-case letters, digits, \"-\" and \".\""));
    }
    let cluster = Cluster::find(wire)?;
    let path = format!("/api/v1/namespaces/{namespace}/services");
    let operation = format!("reading the Service \"{namespace}/{service}\"");
    let reply = wire.ask(Ask::Http(cluster.get(operation.clone(), &format!("{path}/{service}"))))?;
    let found: Service = json(accepted(&operation, &reply, &REFUSALS)?, "the API server")?;
    let port = found.spec.ports.first().map(|port| port.name.as_str()).unwrap_or_default();
    let operation = format!("reading the certificate behind the Service \"{namespace}/{service}\"");
    let behind = format!("{path}/http:{service}:{port}/proxy/v1/cert.pem");
    let reply = wire.ask(Ask::Http(cluster.get(operation.clone(), &behind)))?;
    accepted(&operation, &reply, &REFUSALS)?;
    Ok(reply.bytes)
}

/// Can this build ask a cluster?
pub(super) fn asks(instead: &str) -> Result<(), Problem> {
    if cfg!(feature = "cluster") {
        return Ok(());
    }
    Err(Problem::new("this build of sealref asks no cluster")
        .hint(format!("use a release, or build with --features cluster; {instead}")))
}

#[derive(Deserialize)]
struct Service {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    ports: Vec<Port>,
}

#[derive(Deserialize)]
struct Port {
    #[serde(default)]
    name: String,
}

const REFUSALS: [Known; 3] = [
    (401, "the cluster does not know who asks", "has the token expired? log in anew"),
    (403, "access is denied", "whoever runs this needs \"get\" for services and services/proxy of this one name"),
    (404, "it is not there", "--controller-namespace and --controller-name say where the controller is"),
];
