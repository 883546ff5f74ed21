//! `--baseline FILE`: what was found before fails nothing, what is new does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Exit, Problem, Problems};
use crate::hosts::Job;
use crate::limits;
use crate::model::Source;
use crate::outside::files::{self, Privacy};
use crate::reports::Entry;
use crate::yaml::{self, Syntax, Tree};

/// What is known already.
#[derive(Args)]
pub(super) struct Baseline {
    /// Tell and fail on what is new: findings that stand in the file are left out
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write everything that is found into the file, and fail on nothing
    #[arg(long, requires = "baseline")]
    update_baseline: bool,
}

/// The file. What else it says of each finding is for whoever reviews it.
#[derive(Deserialize)]
struct File {
    kind: String,
    findings: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    fingerprint: String,
}

const KIND: &str = "Baseline";

impl Baseline {
    /// Leaves the known ones out; gives back what is told of them.
    ///
    /// # Errors
    /// The file cannot be read or written; there is a policy (exit 3).
    pub(super) fn new_in(&self, entries: &mut Vec<Entry>, job: &Job) -> Result<String, Problems> {
        let Some(path) = &self.baseline else { return Ok(String::new()) };
        if job.policy.holds() {
            return Err(Problem::new("--baseline is given, and under a policy no file excuses what is found")
                .hint("leave it out, or run without the policy")
                .exit(Exit::Refused)
                .into());
        }
        let shown = path.to_string_lossy();
        if self.update_baseline {
            if files::kind(path).is_ok() {
                read(path)?;
            }
            let text = text(entries);
            if text.len() > limits::BASELINE {
                return Err(Problem::new(format!("the baseline would have more than {} MiB", limits::BASELINE >> 20))
                    .hint("switch rules off in the settings, or name what others have written: vendored")
                    .at(shown.into_owned())
                    .into());
            }
            files::write_atomically(path, &[&text], Privacy::Public)?;
            let count = entries.len();
            entries.clear();
            return Ok(format!("{count} known from now on, in {shown}\n"));
        }
        let known = read(path)?;
        let before = entries.len();
        let found: BTreeSet<String> = entries.iter().map(|entry| entry.fingerprint.clone()).collect();
        entries.retain(|entry| !known.contains(&entry.fingerprint));
        let gone = known.difference(&found).count();
        let mut told = format!("{} known, in {shown}\n", before - entries.len());
        if gone > 0 {
            told.push_str(&format!("{gone} of it are gone: --update-baseline forgets them\n"));
        }
        Ok(told)
    }
}

fn read(path: &Path) -> Result<BTreeSet<String>, Problem> {
    let bytes = files::read_file(path, limits::BASELINE)?;
    let source = Source::read(&path.to_string_lossy(), bytes)?;
    let tree = Tree::parse(&source.text, Syntax::Document).map_err(|fault| source.problem(fault))?;
    let file: Option<File> = yaml::read(&tree, tree.root()).ok();
    match file {
        Some(file) if file.kind == KIND => Ok(file.findings.into_iter().map(|known| known.fingerprint).collect()),
        _ => Err(Problem::new("the file is no baseline").hint("--update-baseline writes one").at(source.name)),
    }
}

/// Sorted, and without lines, so that a review shows what came and went.
fn text(entries: &[Entry]) -> String {
    let one = |entry: &Entry| {
        let place = entry.problem.place();
        let object = place.map(|place| place.object.as_ref().map_or(place.source.clone(), ToString::to_string));
        let field = place.map(|place| place.field.as_str()).unwrap_or_default();
        let message = entry.problem.message();
        json!({"rule": entry.rule, "object": object, "field": field, "message": message, "fingerprint": entry.fingerprint})
    };
    let mut findings: Vec<Value> = entries.iter().map(one).collect();
    findings.sort_by_key(|finding| ["rule", "object", "field", "fingerprint"].map(|key| finding[key].to_string()));
    format!("{:#}\n", json!({"apiVersion": "sealref.dev/v1alpha1", "kind": KIND, "findings": findings}))
}
