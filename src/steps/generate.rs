//! A ReferenceGenerator to the Secret that it lists, before anything is read: from then on it is a Secret like others.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::find::DATA_FROM;
use crate::error::{Problem, Problems};
use crate::hosts::Names;
use crate::model::{Ask, Input, Source, Wire};
use crate::settings::{Behavior, Generator, References, Transform};
use crate::sources;
use crate::yaml::{self, Piece, Syntax, Tree, Value};

/// Puts a Secret where a ReferenceGenerator stands: each document, and where a builder asks for what it generates, the
/// item of its list. Later lines stay where they are.
pub fn expand(input: Input, names: Names, wire: &mut dyn Wire) -> Result<Input, Problems> {
    let mut problems = Problems::default();
    let mut sources = vec![];
    for source in input.0 {
        if memchr::memmem::find(source.text.as_bytes(), Generator::KIND.as_bytes()).is_none() {
            sources.push(source);
        } else if let Some(text) = problems.keep(expanded(&source, names, wire)) {
            sources.push(Source::new(source.name, text));
        }
    }
    problems.or(Input(sources))
}

fn expanded(source: &Source, names: Names, wire: &mut dyn Wire) -> Result<String, Problems> {
    let pieces = yaml::pieces(&source.text, &|_| true).map_err(|fault| source.problem(fault))?;
    let mut problems = Problems::default();
    let mut text = String::new();
    for piece in &pieces.pieces {
        let secret = problems.keep(secret(source, piece, (pieces.pieces.len() == 1, names), wire)).flatten();
        text.push_str(piece.before);
        text.push_str(secret.as_deref().unwrap_or(piece.text));
    }
    text.push_str(pieces.tail);
    problems.or(text)
}

/// The text of the Secret; None where no generator stands.
fn secret(
    source: &Source,
    piece: &Piece,
    (alone, names): (bool, Names),
    wire: &mut dyn Wire,
) -> Result<Option<String>, Problem> {
    if !piece.text.contains(Generator::KIND) {
        return Ok(None);
    }
    // What does not parse is told by whoever reads it.
    let Ok(tree) = Tree::parse(piece.text, piece.syntax) else { return Ok(None) };
    let said = |key| tree.get(tree.root(), key).and_then(|node| tree.text(node)).unwrap_or_default();
    let (version, kind) = (said("apiVersion"), said("kind"));
    if (version, kind) != (Transform::API_VERSION, Generator::KIND) || piece.syntax.in_list() && names != Names::Early {
        return Ok(None);
    }
    let at = |line: usize, path: &str| {
        let place = format!("{}:{} {kind}", source.name, piece.line + line.saturating_sub(1));
        if path.is_empty() { place } else { format!("{place}, {path}") }
    };
    let generator: Generator = yaml::read(&tree, tree.root()).map_err(|mistake| {
        let problem = Problem::new(mistake.message).at(at(mistake.line, &mistake.path));
        problem.hint(mistake.hint.unwrap_or_else(|| "type, data, dataFrom, files and options are known".to_owned()))
    })?;
    let value = made(&generator, names, wire).map_err(|problem| problem.at(at(1, "")))?;
    let syntax = match piece.syntax {
        Syntax::Item { column } => Syntax::Line { column },
        // Alone it would be read as JSON; among others it must not be longer than what it stands for.
        Syntax::Document if !alone => Syntax::Inline,
        other => other,
    };
    let text = [tree.leading(), &value.write(syntax)].concat();
    let lines = |text: &str| text.matches('\n').count();
    let missing = lines(piece.text).saturating_sub(lines(&text));
    Ok(Some(text + &"\n".repeat(missing)))
}

fn made(generator: &Generator, names: Names, wire: &mut dyn Wire) -> Result<Value<'static>, Problem> {
    let References { secret_type, options, data_from, .. } = &generator.spec;
    let mut annotations = options.annotations.clone();
    if !data_from.is_empty() {
        annotations.insert(DATA_FROM.to_owned(), data_from.join("\n"));
    }
    match (names, options.behavior) {
        (Names::Early, behavior) => {
            let hashed = if options.disable_name_suffix_hash { "false" } else { "true" };
            annotations.insert("kustomize.config.k8s.io/needs-hash".to_owned(), hashed.to_owned());
            annotations.insert("kustomize.config.k8s.io/behavior".to_owned(), behavior.name().to_owned());
        }
        (Names::Final | Names::Growing, Behavior::Create) => {}
        (Names::Final | Names::Growing, behavior) => {
            return Err(Problem::new(format!("behavior: {} needs kustomize", behavior.name()))
                .hint("list it under generators: in a kustomization, or leave behavior out"));
        }
    }
    let pairs =
        |map: std::collections::BTreeMap<String, String>| Value::map(map.into_iter().map(|(k, v)| (k, Value::text(v))));
    let name = &generator.metadata;
    let mut metadata = vec![("name", Value::text(name.name.clone()))];
    metadata.extend(name.namespace.clone().map(|namespace| ("namespace", Value::text(namespace))));
    metadata.push(("labels", pairs(options.labels.clone())));
    metadata.push(("annotations", pairs(annotations)));
    let mut object = vec![("apiVersion", Value::text("v1")), ("kind", Value::text("Secret"))];
    object.push(("metadata", Value::map(metadata)));
    object.push(("type", Value::text(secret_type.clone().unwrap_or_else(|| "Opaque".to_owned()))));
    object.extend(options.immutable.map(|immutable| ("immutable", Value::Bool(immutable))));
    object.push(("data", Value::map(data(&generator.spec, wire)?)));
    Ok(Value::map(object))
}

/// Every key with its reference in base64: what a builder merges are the keys of `data`.
fn data(references: &References, wire: &mut dyn Wire) -> Result<Vec<(String, Value<'static>)>, Problem> {
    let mut all: Vec<(String, String)> = references.data.clone().into_iter().collect();
    for file in &references.files {
        let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let (key, path) = match file.split_once('=') {
            Some((key, path)) => (key.to_owned(), path),
            None => (base(file.strip_suffix(".age").unwrap_or(file)), file.as_str()),
        };
        // Who fetches it tells what is wrong with a file.
        let content = wire.ask(Ask::File(path.to_owned())).ok().map(|reply| reply.bytes);
        all.push((key, sources::file_reference(path, content.as_ref().map(|bytes| bytes.as_slice()))));
    }
    for path in &references.envs {
        let file = wire.ask(Ask::File(path.clone()))?.bytes;
        all.extend(sources::listed(path, &file).map_err(|problem| problem.at(path.clone()))?);
    }
    let mut keys = BTreeSet::new();
    if let Some((key, _)) = all.iter().find(|(key, _)| !keys.insert(key)) {
        return Err(Problem::new(format!("the key \"{key}\" is listed twice")).hint("keep one of them"));
    }
    Ok(all.into_iter().map(|(key, text)| (key, Value::text(STANDARD.encode(text)))).collect())
}
