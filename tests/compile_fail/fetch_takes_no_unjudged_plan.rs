//! Values are fetched for what the policy has judged, and for nothing else.

use sealref::error::Problems;
use sealref::hosts::Job;
use sealref::model::{Plan, Stream, Wire};
use sealref::settings::Policy;
use sealref::steps::fetch::fetch;

fn unjudged(stream: &Stream, plan: &Plan, by: (&Job, &Policy), wire: &mut dyn Wire, warnings: &mut Problems) {
    let _ = fetch(stream, plan, by, wire, warnings);
}

fn main() {}
