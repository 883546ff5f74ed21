//! `sealref seal`: what `kubectl create secret ... | kubeseal` does, with the rules of `render`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use zeroize::Zeroizing;

use super::options::{self, Inputs, Sealing, Settings};
use super::{Done, merge, output};
use crate::error::{Exit, Location, Problem, Problems};
use crate::hosts::{Doubts, Reading, stream};
use crate::limits;
use crate::model::{Input, Source};
use crate::outside::{files, random};
use crate::settings::Plaintext;
use crate::steps;
use crate::steps::find;
use crate::steps::read::{self, Purpose};
use crate::yaml::{Syntax, Value};

/// Seal literal values: from .env files, files, literals or Secret manifests
#[derive(Args)]
pub(super) struct Seal {
    /// The name of the Secret (with --merge-into the one that is there)
    name: Option<String>,
    /// Secret manifests, or - for standard input
    #[arg(short, long = "filename", value_name = "FILE|-")]
    files: Vec<String>,
    /// KEY=VALUE lines, as `kubectl create secret generic --from-env-file` reads them
    #[arg(long, value_name = "FILE")]
    from_env_file: Vec<PathBuf>,
    /// A file as a value: KEY=PATH, or PATH with the file's name as the key
    #[arg(long, value_name = "[KEY=]PATH")]
    from_file: Vec<String>,
    /// A value; others on this machine can see it while the command runs
    #[arg(long, value_name = "KEY=VALUE")]
    from_literal: Vec<String>,
    /// The type of the Secret
    #[arg(long = "type", value_name = "TYPE")]
    secret_type: Option<String>,
    /// Put the items into the SealedSecret of this file, whose name, namespace and scope hold
    #[arg(long, value_name = "FILE")]
    merge_into: Option<PathBuf>,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

impl Seal {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let target = self.merge_into.as_deref().map(merge::Target::read).transpose()?;
        let files = self.files.clone();
        let mut call = self.settings.call(Inputs::only(files), Some(self.sealing))?;
        call.plaintext = Some(Plaintext::Seal);
        call.doubts = Doubts::Refused;
        call.reading = Reading::Verbatim;
        let mut name = self.name;
        if let Some(target) = &target {
            name = Some(target.name(name.as_deref())?);
            call.namespace = target.namespace(call.namespace.as_deref())?;
            call.chosen.scope = Some(target.scope(call.chosen.scope)?);
        }
        let values = values(&self.from_env_file, &self.from_file, &self.from_literal)?;
        let input = match (values.is_empty(), self.files.is_empty()) {
            (true, true) => return Err(nothing().into()),
            (false, false) => return Err(both().into()),
            (true, false) => stream::input(&call)?,
            (false, true) => {
                let name = name.as_deref().ok_or_else(nameless)?;
                let text = manifest(name, call.namespace.as_deref(), self.secret_type.as_deref(), values);
                Input(vec![Source::new("the command line", text)])
            }
        };
        let input = match &target {
            Some(target) => target.renamed(input)?,
            None => input,
        };
        only_secrets(&input, self.files.is_empty())?;
        let (job, mut world) = options::job_of(input, call, Purpose::Render)?;
        let rendered = steps::render(&job, &mut world, &random::bytes::<64>)?;
        let done = Done::default().warn(&rendered.warnings);
        if let Some(target) = target {
            let text = output::joined(rendered.outputs).concat();
            target.merge(&text)?;
            return Ok(done);
        }
        match self.output {
            None => done.print(&output::joined(rendered.outputs)),
            Some(path) => {
                output::write(&path, rendered.outputs)?;
                Ok(done)
            }
        }
    }
}

fn nothing() -> Problem {
    Problem::new("there is nothing to seal")
        .hint("give -f FILE, or NAME and --from-env-file, --from-file or --from-literal")
        .exit(Exit::Usage)
}

fn both() -> Problem {
    Problem::new("manifests and single values cannot be sealed at once").hint("call it twice").exit(Exit::Usage)
}

fn nameless() -> Problem {
    Problem::new("the Secret has no name").hint("sealref seal NAME ...").exit(Exit::Usage)
}

/// A key and its value.
type Pair = (String, Zeroizing<Vec<u8>>);

/// Keys and values, in order; a key that comes twice is an error as in kubectl.
fn values(env_files: &[PathBuf], plain_files: &[String], literals: &[String]) -> Result<Vec<Pair>, Problem> {
    let mut values: Vec<Pair> = vec![];
    for path in env_files {
        let bytes = files::read_file(path, limits::FILE)?;
        let name = path.to_string_lossy();
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Problem::new("the file is not UTF-8").hint("give it with --from-file").at(name.clone()))?;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').ok_or_else(|| {
                Problem::new("the line is not KEY=VALUE")
                    .hint("a comment begins with #")
                    .at(Location::line(&*name, number))
            })?;
            values.push((key.to_owned(), Zeroizing::new(value.as_bytes().to_vec())));
        }
    }
    for text in plain_files {
        let (key, path) = if let Some((key, path)) = text.split_once('=') {
            (key.to_owned(), PathBuf::from(path))
        } else {
            let path = PathBuf::from(text);
            let key = path.file_name().map(|name| name.to_string_lossy().into_owned());
            (key.unwrap_or_default(), path)
        };
        values.push((key, files::read_file(&path, limits::FILE)?));
    }
    for text in literals {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Problem::new("a literal is not KEY=VALUE").hint("--from-literal KEY=VALUE").exit(Exit::Usage)
        })?;
        values.push((key.to_owned(), Zeroizing::new(value.as_bytes().to_vec())));
    }
    for (index, (key, _)) in values.iter().enumerate() {
        if values.iter().skip(index + 1).any(|(other, _)| other == key) {
            return Err(Problem::new(format!("the key \"{key}\" is given twice")).hint("keep one of them"));
        }
    }
    Ok(values)
}

fn manifest(name: &str, namespace: Option<&str>, secret_type: Option<&str>, values: Vec<Pair>) -> String {
    let mut metadata = vec![("name", Value::text(name))];
    metadata.extend(namespace.map(|namespace| ("namespace", Value::text(namespace))));
    let data = values.into_iter().map(|(key, value)| (key, Value::text(STANDARD.encode(value.as_slice()))));
    let mut secret =
        vec![("apiVersion", Value::text("v1")), ("kind", Value::text("Secret")), ("metadata", Value::map(metadata))];
    secret.extend(secret_type.map(|kind| ("type", Value::text(kind))));
    secret.push(("data", Value::map(data)));
    Value::map(secret).write(Syntax::Document)
}

/// kubeseal seals whatever decodes as a Secret; here only what is one.
fn only_secrets(input: &Input, verbatim: bool) -> Result<(), Problems> {
    let stream = read::read(input, Purpose::Render)?;
    let mut problems = Problems::default();
    // A reference in a manifest was meant to be followed, and would be sealed as text.
    let found = if verbatim { vec![] } else { find::values(&stream, Reading::References, None)? };
    for value in found.iter().flatten().filter(|value| !value.template.is_literal()) {
        problems.push(
            Problem::new("`seal` takes values as they stand, and this one holds a reference")
                .hint("`sealref render` follows references")
                .at(stream.tell(value.place)),
        );
    }
    for (id, manifest) in (0..).map(crate::model::ManifestId).zip(&stream.manifests) {
        // What is not read does not hold the word
        let is_secret = match stream.candidates.binary_search(&id) {
            Ok(_) => manifest.identity().map(|identity| identity.is("", "Secret")),
            Err(_) => Ok(false),
        };
        let is_secret = is_secret.map_err(|fault| stream.problem(manifest, fault));
        if problems.keep(is_secret) == Some(false) && !manifest.text.trim().is_empty() {
            problems.push(
                Problem::new("only Secrets can be sealed")
                    .hint("`sealref render` takes whole streams")
                    .at(stream.tell_object(id)),
            );
        }
    }
    problems.or(())
}
