//! No value becomes JSON.

use sealref::model::Secret;

fn serialised(secret: &Secret) {
    let _ = serde_json::to_string(secret);
}

fn main() {}
