//! The text of manifests is presumed secret, and so is what was planned of it.

use sealref::model::{Opaque, Plan, Template};
use sealref::yaml::Tree;

fn printed(tree: &Tree, template: &Template, plan: &Plan, text: &Opaque) {
    let _ = format!("{tree:?}");
    let _ = format!("{template:?}");
    let _ = format!("{plan:?}");
    let _ = format!("{text:?}");
}

fn main() {}
