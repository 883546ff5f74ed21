//! Where a value comes from, for the derivation, and its text form when it is sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Template, Values};
use crate::seal;

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
                file: values.digest(&address.clone().into_owned()),
            }
        })
        .collect();
    seal::origin(&origins)
}

/// Standard alphabet, padded, no line breaks: as kubeseal writes it.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
