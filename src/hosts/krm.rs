//! Functions of the KRM Functions Specification: a ResourceList on standard input, settings in it.
//! Source: `cmd/config/docs/api-conventions/functions-spec.md` of kubernetes-sigs/kustomize.

use super::settings::Found;
use super::stream::{self, Call};
use super::{Items, Job, Names};
use crate::error::{Problem, Problems};
use crate::model::{Input, Source};
use crate::outside::wire::World;
use crate::yaml::{self, Scalar, Syntax, Tree};

/// True for one list of resources, as orchestrators hand it to functions.
#[must_use]
pub fn is_call(input: &Input) -> bool {
    let [source] = input.0.as_slice() else { return false };
    memchr::memmem::find(source.text.as_bytes(), b"ResourceList").is_some()
        && envelope(source).is_ok_and(|list| Tree::parse(&list, Syntax::Document).is_ok_and(|list| is_list(&list)))
}

/// The job of a list of resources.
pub fn job(input: Input, call: Call) -> Result<(Job, World), Problems> {
    let no_call = || {
        Problem::new("expected one ResourceList of config.kubernetes.io")
            .hint("`sealref krm` is called by kustomize or kpt; for manifests there is `sealref render`")
    };
    let [source] = input.0.as_slice() else { return Err(no_call().into()) };
    let list = envelope(source)?;
    let list = Tree::parse(&list, Syntax::Document).map_err(|fault| source.problem(fault))?;
    if !is_list(&list) {
        return Err(no_call().at(source.name.clone()).into());
    }
    let found = match list.get(list.root(), CONFIG).filter(|node| !matches!(list.scalar(*node), Some(Scalar::Null))) {
        Some(node) => Found::given(&call, source, &list, node)?,
        None => Found::search(&call)?,
    };
    let kustomize = is_from_kustomize(source)?;
    let (mut job, world) = stream::job_under(found, input, call)?;
    if kustomize {
        (job.terms.names, job.terms.items) = (Names::Growing, Items::Lines);
    }
    Ok((job, world))
}

/// The list without its items: those may be many, and are nothing to ask here.
fn envelope(source: &Source) -> Result<String, Problem> {
    let list = yaml::envelope(&source.text).map_err(|fault| source.problem(fault))?;
    list.ok_or_else(|| {
        Problem::new("several documents came in where one list of resources was expected")
            .hint("give one ResourceList, with one functionConfig")
            .at(source.name.clone())
    })
}

fn is_list(tree: &Tree) -> bool {
    let said = |key| tree.get(tree.root(), key).and_then(|node| tree.text(node)).unwrap_or_default();
    said("kind") == "ResourceList" && said("apiVersion").starts_with("config.kubernetes.io/")
}

/// kustomize tells each item who it is; others do not.
fn is_from_kustomize(source: &Source) -> Result<bool, Problem> {
    let pieces = yaml::pieces(&source.text, &|_| true).map_err(|fault| source.problem(fault))?;
    let Some(first) = pieces.pieces.first() else { return Ok(false) };
    let tree = Tree::parse(first.text, first.syntax).map_err(|fault| source.problem(fault.from_line(first.line)))?;
    Ok(tree.at(tree.root(), &["metadata", "annotations", "kustomize.config.k8s.io/id"]).is_some())
}

const CONFIG: &str = "functionConfig";
