//! The name of what is made. Nothing before this step holds a final one.

use super::{Emitter, tagged};
use crate::error::Problem;
use crate::hosts::Names;
use crate::limits;
use crate::model::{HASHED, Provision, Template};
use crate::seal;
use crate::settings::Suffix;
use crate::steps::fetch::{Mode, Seals};
use crate::targets::Target;
use crate::yaml::Syntax;

impl Emitter<'_> {
    /// The name of the Secret, with a hash behind it where its builder was asked for one.
    pub(super) fn final_name(&self, provision: &Provision, target: &dyn Target) -> Result<String, Problem> {
        let name = &provision.secret.name;
        let asked = self.job.terms.names == Names::Growing && provision.metadata.annotation(HASHED) == Some("enabled");
        // Under another name the value would be made anew, for a label even
        let wanted = asked && self.job.settings.suffix == Suffix::Hmac && !provision.is_made_once();
        let suffix = if wanted { self.suffix(provision, target)? } else { None };
        let name = suffix.map_or_else(|| name.clone(), |suffix| format!("{name}-{suffix}"));
        if name.len() <= limits::NAME {
            return Ok(name);
        }
        Err(Problem::new("the name is too long with a hash behind it").hint("shorten it, or set suffix: None"))
    }

    /// From keyed tags of the values where they are known, else from what stands in the object. None where the values
    /// are not known, or their ciphertexts differ at every run.
    fn suffix(&self, provision: &Provision, target: &dyn Target) -> Result<Option<String>, Problem> {
        let keyring = match self.seals {
            _ if !target.seals() => return self.suffix_of_text(provision, target).map(Some),
            Some(Seals { mode: Mode::Derived(keyring), .. }) => keyring,
            Some(Seals { mode: Mode::Preview | Mode::Randomised, .. }) | None => return Ok(None),
        };
        let tagged = tagged(self.values, keyring, provision)?;
        Ok(Some(tagged.suffix(provision.immutable == Some(true))))
    }

    /// Of what the object says under no name.
    fn suffix_of_text(&self, provision: &Provision, target: &dyn Target) -> Result<String, Problem> {
        let never = |_: &str, _: &Template| Err(Problem::new("a value was to be sealed where none is"));
        let terms = self.terms(provision, target)?;
        let objects = target.emit(provision, "", &terms, &never)?;
        let spec = objects.first().and_then(|(_, object)| object.get("spec"));
        let text = spec.map(|spec| spec.write(Syntax::Concatenated)).unwrap_or_default();
        Ok(seal::suffix([text.as_bytes()]))
    }
}
