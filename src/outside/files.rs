//! Files and folders: the only door to them.
//!
//! Receives names, gives back bytes that are wiped on drop, and writes whole files or none.
//! It never follows a name out of the root, and never tells what a file holds.

mod beneath;
mod content;
mod list;
mod operand;
mod private;
mod refusal;
mod root;
mod temporary;
mod together;
mod upwards;
mod walk;
mod write;

pub use list::{Recursive, ends, is_manifest, links_stay, list, list_of};
pub use operand::{Kind, kind, read_file, resolve};
pub use private::{PrivateFolder, on_the_path};
pub use root::Root;
pub use temporary::folder;
pub use together::{Replacement, replace_together};
pub use upwards::{repository, upwards};
pub use write::{Privacy, create_folder, remove, write_atomically, write_new};

pub use content::Held;
pub(super) use content::{held, stream};
pub(super) use refusal::{Refusal, shown};
pub(super) use temporary::remove_all;
