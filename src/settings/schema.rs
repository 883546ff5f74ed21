//! JSON Schemas of what people write for sealref, for editors.

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use super::{Generator, SealrefPolicy, Transform};

/// The kinds that have a schema, the settings first.
pub const KINDS: [&str; 3] = [Transform::KIND, Generator::KIND, SealrefPolicy::KIND];

/// The JSON Schema of a kind; of the settings where the kind is another.
#[must_use]
pub fn schema(kind: &str) -> Value {
    match kind {
        Generator::KIND => of::<Generator>(Generator::KIND),
        SealrefPolicy::KIND => of::<SealrefPolicy>(SealrefPolicy::KIND),
        _ => of::<Transform>(Transform::KIND),
    }
}

fn of<T: JsonSchema>(kind: &str) -> Value {
    let mut schema = schema_for!(T).to_value();
    if let Some(properties) = schema.pointer_mut("/properties") {
        properties["apiVersion"] = json!({"const": Transform::API_VERSION});
        properties["kind"] = json!({"const": kind});
    }
    schema
}
