//! The operator's side of the settings, and the only place where a plan is judged.

mod allowed;
mod file;
mod rules;
mod tenant;
mod text;

pub use allowed::{Allowed, Policy};
pub use file::{Builder, SealrefPolicy};
pub use rules::Rules;
pub use tenant::Tenant;
