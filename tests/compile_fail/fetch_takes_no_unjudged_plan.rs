//! Values are fetched for what the policy has judged, and for nothing else.

use sealref::error::Problems;
use sealref::hosts::Job;
use sealref::model::{Plan, Stream, Wire};
use sealref::steps::fetch::fetch;

fn unjudged(stream: &Stream, plan: &mut Plan, job: &Job, wire: &mut dyn Wire, warnings: &mut Problems) {
    let _ = fetch(stream, plan, job, wire, warnings);
}

fn main() {}
