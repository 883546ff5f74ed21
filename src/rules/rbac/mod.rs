//! Who can read which Secret: subjects, not roles.
//!
//! Receives the roles and bindings of a stream; gives back who may do what, and why. Pure: it asks nobody.

mod access;
mod object;
mod paths;
mod policy;
mod question;
#[cfg(test)]
mod vectors;

pub use access::{Access, Grant, Reach, User};
pub use object::{Binding, GROUP, Held, Role, Selector, Subject};
pub use paths::{Named, Need, PATHS, Path, Scope};
pub use policy::{Object, PolicyRule, Request, Resource};
pub use question::{Question, READ, Way, who_can};
