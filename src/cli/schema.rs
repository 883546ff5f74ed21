//! `sealref schema` and `sealref completions`: for editors and shells.

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use super::Done;
use crate::error::Problems;
use crate::{reports, settings};

/// Print the JSON Schema of the settings, or of another kind, for editors
#[derive(Args)]
pub(super) struct Schema {
    /// Whose schema
    #[arg(value_parser = kinds(), default_value = settings::KINDS[0])]
    kind: String,
}

impl Schema {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let schema = if self.kind == reports::KIND { reports::schema() } else { settings::schema(&self.kind) };
        Ok(Done::output(format!("{schema:#}\n")))
    }
}

/// What people write for sealref, and what it writes for programs.
fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(settings::KINDS.into_iter().chain([reports::KIND]))
}

/// Print completions for a shell
#[derive(Args)]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, command: &mut clap::Command) -> Result<Done, Problems> {
        let mut text = vec![];
        clap_complete::generate(self.shell, command, "sealref", &mut text);
        Ok(Done::output(String::from_utf8_lossy(&text)))
    }
}
