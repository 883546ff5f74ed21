//! No value reaches a message, a report or a log.

use sealref::model::Secret;

fn printed(secret: Secret) {
    println!("{secret}");
    let _ = format!("{secret:?}");
}

fn main() {}
