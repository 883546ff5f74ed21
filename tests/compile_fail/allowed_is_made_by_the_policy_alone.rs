//! Nobody else can say that a plan was judged.

use sealref::model::Plan;
use sealref::settings::Allowed;

fn main() {
    let _ = Allowed { judged: Plan::default(), grants: vec![] };
}
