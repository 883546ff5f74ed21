//! Certificates of cert-manager, and TLS Secrets that stand in the stream.
//!
//! Sources: the API of cert-manager (v1) and its admission (`internal/apis/certmanager/validation`); RFC 5280 for dates.

use x509_parser::prelude::{FromDer, X509Certificate, parse_x509_pem};

use super::seen::{Seen, Tell, all, brings, find};
use crate::limits;
use crate::model::unbase64;
use crate::settings::Interval;
use crate::yaml::NodeId;

const GROUP: &str = "cert-manager.io";

pub(super) fn look(seen: &Seen, tell: Tell) {
    match (seen.identity.group(), seen.identity.kind.as_str()) {
        (GROUP, "Certificate") => {
            certificate(seen, tell);
            shared(seen, tell);
        }
        ("", "Secret") => secret(seen, tell),
        _ => {}
    }
}

fn certificate(seen: &Seen, tell: Tell) {
    let length = |path| seen.text(path).and_then(Interval::parse);
    if let (Some(node), Some(before)) = (seen.at("spec/renewBefore"), length("spec/renewBefore"))
        && length("spec/duration").or(Interval::parse(DURATION)).is_some_and(|duration| before >= duration)
    {
        tell(
            "certificates/renewal",
            node,
            "it is renewed before it begins: renewBefore is not below duration".to_owned(),
        );
    }
    if let Some(node) = seen.at("spec/privateKey/rotationPolicy").filter(|node| seen.tree.text(*node) == Some("Never"))
    {
        tell("certificates/key-kept", node, "every renewal keeps the private key".to_owned());
    }
    let size = seen.at("spec/privateKey/size");
    let bits = size.and_then(|node| seen.tree.raw(node)).and_then(|text| text.parse::<u32>().ok());
    if let (Some(node), Some(bits)) = (size, bits) {
        let fits = match seen.text("spec/privateKey/algorithm").unwrap_or("RSA") {
            "ECDSA" => matches!(bits, 256 | 384 | 521),
            "RSA" => (2048..=8192).contains(&bits),
            _ => true,
        };
        if !fits {
            tell("certificates/key-size", node, format!("cert-manager makes no key of {bits} bits"));
        }
    }
    let Some(issuer) = seen.at("spec/issuerRef") else { return };
    let kind = seen.text("spec/issuerRef/kind").unwrap_or("Issuer");
    let ours = matches!(seen.text("spec/issuerRef/group"), None | Some(GROUP));
    let near = seen.identity.namespace.as_deref().filter(|_| kind == "Issuer");
    if let Some(name) = seen.text("spec/issuerRef/name")
        && ours
        && brings(seen.view, (GROUP, kind), near)
        && find(seen.view, (GROUP, kind), near, name).is_none()
    {
        tell("certificates/issuer-missing", issuer, format!("{kind} \"{name}\" is not in the stream"));
    }
}

/// What cert-manager takes where nothing is said: 90 days.
const DURATION: &str = "2160h";

/// Two that write one Secret undo each other's work.
fn shared(seen: &Seen, tell: Tell) {
    let (Some(name), Some(node)) = (seen.text("spec/secretName"), seen.at("spec/secretName")) else { return };
    let others = all(seen.view).filter(|other| other.id != seen.id && other.namespace() == seen.namespace());
    for other in others {
        if other.identity.is(GROUP, "Certificate") && other.id < seen.id && other.text("spec/secretName") == Some(name)
        {
            let message = format!("{} writes the Secret \"{name}\" too", other.identity);
            tell("certificates/secret-shared", node, message);
        } else if other.identity.is("", "Secret") && other.identity.name == name && other.holds("data") {
            let message = format!("the stream brings the Secret \"{name}\" with other content");
            tell("certificates/secret-overwritten", node, message);
        }
    }
}

fn secret(seen: &Seen, tell: Tell) {
    let tls = seen.text("type") == Some("kubernetes.io/tls");
    let has =
        |key: &str| ["data", "stringData"].iter().any(|field| seen.tree.at(seen.tree.root(), &[field, key]).is_some());
    if let Some(key) = ["tls.crt", "tls.key"].into_iter().find(|key| tls && !has(key)) {
        tell("certificates/half", seen.tree.root(), format!("a Secret of type kubernetes.io/tls has no {key}"));
    }
    let mut first = None;
    for (field, encoded) in [("data", true), ("stringData", false)] {
        let map = seen.tree.get(seen.tree.root(), field);
        for (_, node) in map.into_iter().flat_map(|map| seen.tree.entries(map)) {
            let text = seen.tree.raw(node).unwrap_or_default();
            let decoded = encoded.then(|| unbase64(text.as_bytes())).flatten();
            if let Some(end) = end(decoded.as_ref().map_or(text.as_bytes(), |bytes| bytes.as_slice())) {
                first.get_or_insert(node);
                dates(seen, node, end, tell);
            }
        }
    }
    let manages = || brings(seen.view, (GROUP, "Issuer"), None) || brings(seen.view, (GROUP, "ClusterIssuer"), None);
    if let Some(node) = first.filter(|_| tls && has("tls.key") && manages()) {
        tell("certificates/by-hand", node, "a certificate stands here, and cert-manager could own it".to_owned());
    }
}

/// The last second of the first certificate in a text.
fn end(bytes: &[u8]) -> Option<i64> {
    let at = memchr::memmem::find(bytes, b"-----BEGIN CERTIFICATE-----")?;
    let (_, pem) = parse_x509_pem(bytes.get(at..)?).ok()?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn dates(seen: &Seen, node: NodeId, end: i64, tell: Tell) {
    let days = (end - seen.view.now).div_euclid(DAY);
    if end < seen.view.now {
        tell("certificates/expired", node, format!("the certificate ended {} days ago", -days));
    } else if days < limits::CERTIFICATE_DAYS {
        tell("certificates/ends-soon", node, format!("the certificate ends in {days} days"));
    }
}

const DAY: i64 = 86_400;
