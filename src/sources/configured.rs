//! What a policy says of a server, as the variables that the source reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Source, facts, find};
use crate::error::{Exit, Problem, meant};

/// The variables that a block of a policy stands for, and what a grant puts over them.
///
/// # Errors
/// A field that the source does not have, or that is no text (exit 3).
pub fn configured(
    scheme: &str,
    block: &Map<String, Value>,
    own: &BTreeMap<&str, String>,
) -> Result<BTreeMap<&'static str, String>, Problem> {
    let Some((source, _)) = find(scheme) else {
        let schemes = facts().map(|facts| facts.scheme);
        let hint = meant(scheme, schemes, |_| "see the table of sources in the README".to_owned());
        return Err(refused(format!("spec.sources: no source is called \"{scheme}\""), hint));
    };
    let mut variables = BTreeMap::new();
    flatten(source, scheme, "", block, &mut variables)?;
    for (name, value) in own {
        put(source, scheme, name, value, &mut variables)?;
    }
    Ok(variables)
}

type Variables = BTreeMap<&'static str, String>;

fn flatten(
    source: &dyn Source,
    scheme: &str,
    above: &str,
    block: &Map<String, Value>,
    to: &mut Variables,
) -> Result<(), Problem> {
    for (name, value) in block {
        let field = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        match value {
            Value::String(text) => put(source, scheme, &field, text, to)?,
            Value::Object(map) => {
                // One way to log in, named by its key.
                let method = source.fields().iter().find(|(known, _)| *known == format!("{above}.*"));
                let first = method.and_then(|(_, variable)| to.insert(variable, name.clone()));
                if first.is_some() {
                    let what = format!("spec.sources.{scheme}.{above} names two ways to log in");
                    return Err(refused(what, "keep one".to_owned()));
                }
                flatten(source, scheme, &field, map, to)?;
            }
            _ => {
                return Err(refused(
                    format!("spec.sources.{scheme}.{field} is no text"),
                    "write it in quotes".to_owned(),
                ));
            }
        }
    }
    Ok(())
}

fn put(source: &dyn Source, scheme: &str, field: &str, value: &str, to: &mut Variables) -> Result<(), Problem> {
    if let Some((_, variable)) = source.fields().iter().find(|(known, _)| *known == field) {
        // The working folder is a tenant's.
        if is_file(field) && !value.starts_with('/') {
            let what = format!("spec.sources.{scheme}.{field} is no absolute path");
            return Err(refused(what, "write it from /".to_owned()));
        }
        to.insert(variable, value.to_owned());
        return Ok(());
    }
    let hint = meant(field, source.fields().iter().map(|(known, _)| *known), |known| match known {
        [] => "it has none: its server and its login are those of the machine".to_owned(),
        known => format!("it has: {}", known.join(", ")),
    });
    Err(refused(format!("{scheme} has no field \"{field}\" in a policy"), hint))
}

/// Does the field name a file?
fn is_file(field: &str) -> bool {
    let name = field.rsplit('.').next().unwrap_or_default();
    name.ends_with("File") || matches!(name, "file" | "caCert" | "clientCert" | "clientKey" | "kubeconfig")
}

fn refused(what: String, hint: String) -> Problem {
    Problem::new(what).hint(hint).exit(Exit::Refused)
}
