//! What was judged is what is done.

use sealref::model::Plan;
use sealref::settings::Allowed;

fn changed(plan: &mut Allowed<Plan>) {
    plan.provisions.clear();
}

fn main() {}
