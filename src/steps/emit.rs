//! Plan and values to objects. Values are consumed here and end here.

use std::cell::Cell;
use std::collections::BTreeSet;

use rayon::prelude::*;

use super::Draw;
use super::fetch::{Fetched, Mode, Seals};
use crate::error::{Exit, Problem, Problems};
use crate::hosts::{Job, Names};
use crate::limits;
use crate::model::{Fates, Identity, Item, Made, Origin, Plan, Provision, Stream, Template, Values, Watch};
use crate::seal;
use crate::settings::Allowed;
use crate::targets::{self, Target, Terms};
use crate::yaml::{Syntax, Value};

mod content;
mod filled;
mod name;
mod shadow;
mod value;

pub(super) use value::tagged;

use shadow::Holds;

/// What `emit` gives: the fates so far, and what must not show in them.
pub struct Outcome {
    /// What becomes of each manifest.
    pub fates: Fates,
    /// The values of the run, as a question.
    pub watch: Watch,
}

/// Makes the objects that stand for Secrets, on all cores, and gives back the plan without what they were made of.
pub fn emit<'t>(
    stream: &Stream,
    plan: Allowed<Plan<'t>>,
    fetched: Fetched,
    job: &Job,
    draw: Draw,
) -> Result<(Outcome, Plan<'t>), Problems> {
    let Fetched { values, seals } = fetched;
    let emitter = Emitter { job, values: &values, seals: seals.as_ref(), draw };
    let mut plan = plan.spend();
    let made: Vec<Result<_, Problem>> = plan
        .provisions
        .par_iter_mut()
        .map_init(String::new, |room, provision| {
            let id = provision.origin.manifest();
            let syntax = stream.get(id).map_or(Syntax::Document, |manifest| manifest.syntax);
            let made = emitter.made(stream, provision, syntax, room);
            // Its room is for the next text: all plans and all texts together are most of what a run holds.
            provision.empty();
            made.map_err(|problem| problem.at(stream.tell_object(id)))
        })
        .collect();
    let (mut fates, mut problems) = (Fates::new(stream), Problems::default());
    for (provision, made) in plan.provisions.iter().zip(made) {
        let Some(Objects { first, mut rest, shadow }) = problems.keep(made) else { continue };
        match (provision.origin, provision.supersedes, shadow) {
            (Origin::Lifted(id), _, shadow) => {
                fates.put_before(id, std::iter::once(*first).chain(rest).chain(shadow.map(|shadow| *shadow)));
            }
            (Origin::Replaced(id), Some(below), Some(shadow)) => {
                fates.replace(below, first, rest);
                fates.replace(id, shadow, vec![]);
            }
            (Origin::Promoted(id) | Origin::Replaced(id), _, shadow) => {
                rest.extend(shadow.map(|shadow| *shadow));
                fates.replace(id, first, rest);
            }
        }
    }
    problems.or((Outcome { fates, watch: values.watch() }, plan))
}

/// What stands for a Secret, and what shadows it where its name still changes.
struct Objects {
    first: Box<Made>,
    rest: Vec<Made>,
    shadow: Option<Box<Made>>,
}

struct Emitter<'e> {
    job: &'e Job,
    values: &'e Values,
    seals: Option<&'e Seals>,
    draw: Draw<'e>,
}

impl Emitter<'_> {
    /// The objects of a provision. Each is written into `room`, which grows once for all of them, and copied at its size.
    fn made(
        &self,
        stream: &Stream,
        provision: &Provision,
        syntax: Syntax,
        room: &mut String,
    ) -> Result<Objects, Problem> {
        let target = targets::find(provision.target.0)?;
        let total = Cell::new(0);
        let name = self.final_name(provision, target)?;
        let seal = |key: &str, template: &Template| self.ciphertext(provision, &name, key, template, &total);
        let terms = self.terms(provision, target)?;
        let mut objects = target.emit(provision, &name, &terms, &seal)?.into_iter();
        let mut write = |(identity, mut value): (Identity, Value)| {
            if self.job.terms.afterwards.fills_in {
                filled::keep(&mut value, &provision.metadata)?;
            }
            content::annotations(&value)?;
            room.clear();
            value.write_to(room, syntax);
            Ok(Made { identity, text: room.as_str().to_owned() })
        };
        let none = || Problem::new("a target gave no object").exit(Exit::Bug);
        let first = Box::new(write(objects.next().ok_or_else(none)?)?);
        // Collected, it would keep the room of what the target gave, mostly for nothing
        let mut rest = vec![];
        for object in objects {
            rest.push(write(object)?);
        }
        let holds = if self.job.settings.layered { Holds::References } else { Holds::Nothing };
        let shadow = (self.job.terms.names == Names::Growing).then(|| shadow::cast(stream, provision, &name, holds));
        Ok(Objects { first, rest, shadow: shadow.map(write).transpose()?.map(Box::new) })
    }

    fn terms(&self, provision: &Provision, target: &dyn Target) -> Result<Terms, Problem> {
        let settings = &self.job.settings;
        Ok(Terms {
            refresh_interval: settings.refresh_interval.to_string(),
            external_secrets: settings.eso_version.api_version(),
            null_byte_policy: settings.eso_version.defaults_null_byte_policy(),
            handover: settings.handover,
            sealed_with: match self.seals.filter(|_| target.seals()) {
                None => String::new(),
                Some(seals) => self.sealed_with(seals, provision)?,
            },
        })
    }

    /// Which keys and which certificate made the ciphertexts, so that renderers that disagree are noticed.
    fn sealed_with(&self, Seals { certificate, mode }: &Seals, provision: &Provision) -> Result<String, Problem> {
        let certificate = certificate.as_ref().map(seal::Certificate::spki_hex).unwrap_or_default();
        let keyring = match mode {
            Mode::Derived(keyring) => keyring,
            Mode::Preview => return Ok("preview".to_owned()),
            Mode::Randomised => return Ok(format!("random:{certificate}")),
        };
        let material = |item: &Item| keyring.material(self.values, provision, &item.template);
        let id = |item: &Item| Ok(material(item)?.key_id(&provision.domain));
        let ids: BTreeSet<String> = provision.items.iter().map(id).collect::<Result<_, Problem>>()?;
        Ok(format!("v1:{}:{certificate}", Vec::from_iter(ids).join(",")))
    }

    fn ciphertext(
        &self,
        provision: &Provision,
        name: &str,
        key: &str,
        template: &Template,
        total: &Cell<usize>,
    ) -> Result<String, Problem> {
        let bug = || Problem::new("a value was to be sealed with nothing").exit(Exit::Bug);
        let Seals { certificate, mode } = self.seals.ok_or_else(bug)?;
        if matches!(mode, Mode::Preview) {
            return Ok(PREVIEW.to_owned());
        }
        let certificate = certificate.as_ref().ok_or_else(bug)?;
        let origin = value::origin(self.values, template);
        let namespace = provision.secret.namespace.as_deref().unwrap_or("");
        let place = seal::Place {
            scope: provision.scope,
            namespace,
            name,
            item: key,
            epoch: &self.job.settings.epoch,
            domain: &provision.domain,
            origin: &origin,
        };
        let random = match mode {
            Mode::Randomised => Some((self.draw)()?),
            Mode::Derived(_) | Mode::Preview => None,
        };
        self.values.compose(template)?.spend(|plaintext| {
            total.set(total.get() + plaintext.len());
            if total.get() > limits::SECRET {
                return Err(Problem::new("the values together are larger than a Secret may be")
                    .hint("a Secret holds 1 MiB at most; split it"));
            }
            content::check(provision.secret_type.as_deref(), key, plaintext)?;
            let keys = match (mode, random) {
                (Mode::Derived(keyring), _) => {
                    let material = keyring.material(self.values, provision, template)?;
                    material.keys(certificate.spki(), &place, plaintext)
                }
                (_, Some(bytes)) => seal::Keys::random(bytes),
                (_, None) => return Err(bug()),
            };
            let label = place.scope.label(namespace, name);
            Ok(value::base64(&seal::seal(certificate, keys, &label, plaintext)))
        })
    }
}

/// What stands where a ciphertext would; no base64 of anything that the controller opens.
pub const PREVIEW: &str = "preview";
