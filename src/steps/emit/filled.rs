//! Where variables are filled in after us, what we make of a Secret's values stays as it is.

use crate::error::Problem;
use crate::model::{FILLED_IN, Metadata, is_filled_in};
use crate::yaml::Value;

/// Marks an object whose text would become another one. Labels and annotations came with the Secret: variables in them
/// are meant, and cannot be filled in where the rest must not be.
pub(super) fn keep(object: &mut Value, came: &Metadata) -> Result<(), Problem> {
    let (name, off) = FILLED_IN;
    let pairs = || came.annotations.iter().chain(&came.labels);
    if !object.get("spec").is_some_and(changes) || pairs().any(|(key, value)| key == name && value == off) {
        return Ok(());
    }
    if pairs().any(|(_, value)| is_filled_in(value)) {
        let what = "variables are filled in later in its labels or annotations, and must not be in its values";
        return Err(Problem::new(what).hint(format!("write them as they shall be, and annotate it with {name}: {off}")));
    }
    if let Some(metadata) = object.get_mut("metadata") {
        if metadata.get("annotations").is_none() {
            metadata.push("annotations", Value::Map(vec![]));
        }
        if let Some(annotations) = metadata.get_mut("annotations") {
            annotations.push(name, Value::text(off));
            if let Value::Map(entries) = annotations {
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
        }
    }
    Ok(())
}

/// Would any text be another one, apart from labels and annotations?
fn changes(value: &Value) -> bool {
    match value {
        Value::Text(text) => is_filled_in(text),
        Value::List(items) => items.iter().any(changes),
        Value::Map(entries) => {
            let rest = entries.iter().filter(|(key, _)| key != "metadata");
            rest.into_iter().any(|(key, value)| is_filled_in(key) || changes(value))
        }
        Value::Bool(_) | Value::Null | Value::Number(_) => false,
    }
}
