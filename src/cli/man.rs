//! `sealref man`: a manual page for each command, made of what `--help` is made of.

use std::path::PathBuf;

use clap::Args;

use super::Done;
use crate::error::{Exit, Problem, Problems};
use crate::outside::files::{self, Privacy};

/// Write a manual page for each command
///
/// With the folder ~/.local/share/man/man1, `man sealref-render` shows the page of `sealref render`.
#[derive(Args)]
pub(super) struct Man {
    /// The folder; pages that it holds are written anew
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(self, command: clap::Command) -> Result<Done, Problems> {
        let mut command = command.disable_help_subcommand(true);
        // Gives each command its whole name
        command.build();
        let mut pages = vec![];
        collect(command, &mut pages)?;
        files::create_folder(&self.folder)?;
        for (name, page) in pages {
            files::write_atomically(&self.folder.join(name), &[page.as_str()], Privacy::Public)?;
        }
        Ok(Done::default())
    }
}

/// The pages of a command and of those below it, with the names of their files.
fn collect(command: clap::Command, pages: &mut Vec<(String, String)>) -> Result<(), Problem> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        collect(below.clone(), pages)?;
    }
    // No date: the same source makes the same pages. Left empty, the version would stand in its place
    let man = clap_mangen::Man::new(command).date(" ").source(concat!("sealref ", env!("CARGO_PKG_VERSION")));
    let mut page = vec![];
    man.render(&mut page).map_err(|_| Problem::new("a manual page could not be made").exit(Exit::Bug))?;
    pages.push((man.get_filename(), String::from_utf8_lossy(&page).into_owned()));
    Ok(())
}
