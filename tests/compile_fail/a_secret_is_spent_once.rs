//! A value is lent once and wiped.

use sealref::model::Secret;

fn spent(secret: Secret) {
    let _ = secret.spend(<[u8]>::len);
    let _ = secret.spend(<[u8]>::len);
}

fn main() {}
