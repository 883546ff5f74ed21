//! Whole secrets, every key of which becomes one of a Secret: what `dataFrom.extract` of External Secrets does.

use std::borrow::Cow;

use crate::error::Problem;
use crate::model::Address;

/// The parameter by which a source is asked for every key. Nobody can write it.
const MARK: (Cow<str>, Cow<str>) = (Cow::Borrowed("keys"), Cow::Borrowed("every"));

/// The address by which a source is asked for every key of what stands there.
#[must_use]
pub fn whole(address: &Address) -> Address<'static> {
    let mut address = address.clone().into_owned();
    address.parameters.push(MARK);
    address
}

/// Is every key asked for?
#[must_use]
pub fn is_whole(address: &Address) -> bool {
    address.parameters.contains(&MARK)
}

/// What is asked of a server, whichever part is wanted.
pub(super) fn without_mark(address: &Address) -> Address<'static> {
    let mut address = address.clone().into_owned();
    address.parameters.retain(|parameter| *parameter != MARK);
    address
}

/// The address of one key of a whole secret: that of a reference to this key alone.
#[must_use]
pub fn key_of(address: &Address, key: &str) -> Address<'static> {
    let address = without_mark(address);
    let property = address.property.map_or_else(|| key.to_owned(), |above| format!("{above}/{key}"));
    Address { property: Some(property.into()), ..address }
}

/// Refuses a whole secret of a source that has no such thing.
pub(super) fn single(address: &Address) -> Result<(), Problem> {
    if !is_whole(address) {
        return Ok(());
    }
    Err(Problem::new(format!("the keys of a whole secret are not taken from {}", address.scheme.0))
        .hint("name each key in stringData"))
}
