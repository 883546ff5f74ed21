//! Objects are made of what the policy has judged, translations included.

use sealref::hosts::Job;
use sealref::model::{Plan, Stream};
use sealref::steps::Draw;
use sealref::steps::emit::emit;
use sealref::steps::fetch::Fetched;

fn unjudged(stream: &Stream, plan: Plan, fetched: Fetched, job: &Job, draw: Draw) {
    let _ = emit(stream, plan, fetched, job, draw);
}

fn main() {}
