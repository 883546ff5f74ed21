//! The operator's side of the settings, and the only place where a plan is judged.

mod allowed;
mod claim;
mod explain;
mod fields;
mod file;
mod granted;
mod overlap;
mod rules;
mod tenant;
mod text;

pub use allowed::{Allowed, Claims, Policy};
pub use claim::{Claim, Need};
pub use file::{Builder, SealrefPolicy};
pub use granted::Granted;
pub use rules::Rules;
pub use tenant::Tenant;
