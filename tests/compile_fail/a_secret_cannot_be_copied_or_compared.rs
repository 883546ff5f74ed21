//! There is one of it, and it answers no guesses.

use sealref::model::Secret;

fn twice(secret: &Secret, other: &Secret) {
    let copy: Secret = secret.clone();
    let same = secret == other;
}

fn main() {}
