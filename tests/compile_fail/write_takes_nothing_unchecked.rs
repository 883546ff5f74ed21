//! Only what was checked goes out.

use sealref::model::{Fates, Stream};
use sealref::steps::write::write;

fn unchecked(stream: &Stream, fates: Fates) {
    let _ = write(stream, fates);
}

fn main() {}
