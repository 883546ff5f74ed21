//! Who can read which Secret: subjects, not roles.
//!
//! Receives the roles and bindings of a stream; gives back who may do what, and why. Pure: it asks nobody.

mod access;
mod object;
mod paths;
mod policy;
mod question;
mod review;
mod suggest;
#[cfg(test)]
mod vectors;

pub use access::{Access, Existing, Grant, Reach, User, has_every_cluster};
pub use object::{Binding, GROUP, Held, Role, Selector, Subject, rule as policy_rule};
pub use paths::{Named, Need, PATHS, Path, Scope};
pub use policy::{Object, PolicyRule, Request, Resource};
pub use question::{Question, READ, Way, keys_namespace, sealing_keys, who_can};
pub use suggest::{Needs, Suggestion, suggest};

/// The namespace of objects that write none, where nobody says another: as kubectl has it.
pub const DEFAULT: &str = "default";
