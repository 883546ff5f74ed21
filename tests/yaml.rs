//! The YAML room against facts, properties and hostile texts.

mod yaml {
    mod vectors;
}
