//! Functions of the KRM Functions Specification: a ResourceList on standard input, settings in it.
//! Source: `cmd/config/docs/api-conventions/functions-spec.md` of kubernetes-sigs/kustomize.

use super::settings::Found;
use super::stream::{self, Call};
use super::{Items, Job, Names, Told};
use crate::error::{Problem, Problems};
use crate::model::{Input, Source};
use crate::outside::wire::World;
use crate::settings::{Generator, Transform};
use crate::yaml::{self, Envelope, NodeId, Scalar, Syntax, Tree};

/// The job of what nobody has named: of one list of resources, as orchestrators hand it to functions, else of a stream.
pub fn or_stream(input: Input, mut call: Call) -> Result<(Job, World), Problems> {
    let asked = match input.0.as_slice() {
        [source] if memchr::memmem::find(source.text.as_bytes(), b"ResourceList").is_some() => {
            let is_call =
                |list: &Envelope| Tree::parse(&list.around, Syntax::Document).is_ok_and(|list| is_list(&list));
            let envelope = envelope(source).ok().filter(is_call);
            envelope.map(|envelope| asked(source, &envelope, &mut call)).transpose()?
        }
        _ => None,
    };
    match asked {
        Some(asked) => under(asked, input, call),
        None => stream::job(input, call),
    }
}

/// The job of a list of resources.
pub fn job(input: Input, mut call: Call) -> Result<(Job, World), Problems> {
    let [source] = input.0.as_slice() else { return Err(no_call().into()) };
    let asked = asked(source, &envelope(source)?, &mut call)?;
    under(asked, input, call)
}

fn no_call() -> Problem {
    Problem::new("expected one ResourceList of config.kubernetes.io")
        .hint("`sealref krm` is called by kustomize or kpt; for manifests there is `sealref render`")
}

/// The settings of a list, and what its items tell of names.
fn asked(source: &Source, envelope: &Envelope, call: &mut Call) -> Result<(Found, Names), Problems> {
    let list = Tree::parse(&envelope.around, Syntax::Document).map_err(|fault| source.problem(fault))?;
    if !is_list(&list) {
        return Err(no_call().at(source.name.clone()).into());
    }
    let config = list.get(list.root(), "functionConfig");
    let config = config.filter(|node| !matches!(list.scalar(*node), Some(Scalar::Null)));
    let generates = config.is_some_and(|node| kind(&list, node) == Some(Generator::KIND));
    let found = match config {
        Some(node) if is_choice(&list, node) => {
            choose(&list, node, call).map_err(|problem| problem.at(source.name.clone()))?;
            Found::search(call)?
        }
        Some(node) if !generates => Found::given(call, source, &list, node)?,
        Some(_) | None => Found::search(call)?,
    };
    Ok((found, names(envelope, generates)?))
}

fn under((found, names): (Found, Names), input: Input, call: Call) -> Result<(Job, World), Problems> {
    let (mut job, world) = stream::job_under(found, input, call)?;
    job.terms.names = names;
    if names == Names::Final {
        job.terms.warnings = Told::Results;
    } else {
        // kustomize reads no results.
        job.terms.items = Items::Lines;
    }
    Ok((job, world))
}

/// kpt makes a ConfigMap of what was typed behind `--`, also of nothing.
fn is_choice(list: &Tree, config: NodeId) -> bool {
    let said = |key| list.get(config, key).and_then(|node| list.text(node));
    (said("apiVersion"), said("kind")) == (Some("v1"), Some("ConfigMap"))
}

/// What was typed behind `--`, over the settings that are found.
fn choose(list: &Tree, config: NodeId, call: &mut Call) -> Result<(), Problem> {
    let data = list.get(config, "data").map(|data| list.entries(data)).unwrap_or_default();
    for (key, value) in data {
        let text = list.text(value).map(str::to_owned);
        match (&*list.key(key), text) {
            ("cluster", Some(text)) => call.chosen.cluster = Some(text),
            ("environment", Some(text)) => call.chosen.environment = Some(text),
            _ => {
                return Err(Problem::new("the function takes no such argument")
                    .hint("environment=NAME and cluster=NAME; settings are a file: --fn-config FILE"));
            }
        }
    }
    Ok(())
}

/// The list without its items: those may be many, and are nothing to ask here.
fn envelope(source: &Source) -> Result<Envelope<'_>, Problem> {
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

/// kustomize tells each item who it is, and others do not; it hands a generator nothing but its own configuration.
fn names(list: &Envelope, generates: bool) -> Result<Names, Problem> {
    // What does not parse is told by whoever reads it.
    let Some(Ok(tree)) = list.first.map(|(text, syntax)| Tree::parse(text, syntax)) else { return Ok(Names::Final) };
    let told = tree.at(tree.root(), &["metadata", "annotations", "kustomize.config.k8s.io/id"]).is_some();
    let alone = if list.items == 1 { kind(&tree, tree.root()) } else { None };
    match (generates, alone, told) {
        (true, Some(Generator::KIND), _) => Ok(Names::Early),
        (true, ..) => Err(misplaced_generator()),
        (false, Some(Transform::KIND), _) => Err(misplaced_transformer()),
        (false, _, true) => Ok(Names::Growing),
        (false, _, false) => Ok(Names::Final),
    }
}

/// The kind of an object of sealref.
pub(super) fn kind<'t>(tree: &'t Tree, node: NodeId) -> Option<&'t str> {
    let said = |key| tree.get(node, key).and_then(|node| tree.text(node));
    said("kind").filter(|_| said("apiVersion") == Some(Transform::API_VERSION))
}

/// A generator among the resources that it should add to.
pub(super) fn misplaced_generator() -> Problem {
    Problem::new("a ReferenceGenerator was called to transform what is there")
        .hint("list it under generators: in a kustomization, or put it into the stream of `sealref render`")
}

/// A transformer gets more than its own configuration.
pub(super) fn misplaced_transformer() -> Problem {
    Problem::new("a SecretTransform was called to generate, or there is nothing to transform")
        .hint("list it under transformers: in the outermost kustomization")
}
