//! One session key encrypts one value: the nonce is always zero.

use sealref::seal::{Certificate, Keys, seal};

fn sealed(certificate: &Certificate, keys: Keys) {
    let _ = seal(certificate, keys, b"label", b"one");
    let _ = seal(certificate, keys, b"label", b"two");
}

fn main() {}
