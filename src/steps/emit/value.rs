//! Where a value comes from, for the derivation, and its text form when it is sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Problem;
use crate::model::{Provision, Template, Values};
use crate::seal::{self, Tagged};
use crate::steps::fetch::Keyring;

/// The references of a value in the order in which they stand.
pub(super) fn origin(values: &Values, template: &Template) -> Vec<u8> {
    let origins: Vec<seal::Origin> = template
        .references()
        .map(|reference| {
            let address = &reference.address;
            let pairs = address.parameters.iter();
            seal::Origin {
                scheme: address.scheme.0,
                path: &address.path,
                fragment: address.property.as_deref().unwrap_or(""),
                parameters: pairs.map(|(name, value)| format!("{name}={value}")).collect(),
                file: values.digest(address),
            }
        })
        .collect();
    seal::origin(&origins)
}

/// The values of a Secret as keyed tags, of which nothing can be told without the key.
pub(in crate::steps) fn tagged(values: &Values, keyring: &Keyring, provision: &Provision) -> Result<Tagged, Problem> {
    let namespace = provision.secret.namespace.clone().unwrap_or_default();
    let name = provision.secret.name.clone();
    let mut items = vec![];
    for item in &provision.items {
        let secret = values.compose(&item.template)?;
        let material = keyring.material_of_tag(values, provision, &item.template)?;
        let tag = secret.spend(|plaintext| material.tag(&provision.domain, &namespace, &name, &item.key, plaintext));
        items.push((item.key.to_string(), tag));
    }
    items.sort();
    let kind = provision.secret_type.as_deref().unwrap_or("Opaque").to_owned();
    Ok(Tagged { namespace, name, kind, items })
}

/// Standard alphabet, padded, no line breaks: as kubeseal writes it.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
