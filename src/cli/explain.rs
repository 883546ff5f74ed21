//! `sealref explain`: what `render` would do; no credentials, no key, no value.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Done;
use super::map;
use super::options::{self, Inputs, Sealing, Settings};
use crate::error::{Problems, Quiet, quiet_json};
use crate::hosts::Wanted;
use crate::model::{Lookup, Origin, Part, Plan, Provision, Reference, Stream, Template};
use crate::steps::{self, is_within, read, read::Purpose};

/// Show what render would do: each reference, its place, target and store
///
/// Needs no credentials and no key, and knows no value.
#[derive(Args)]
pub(super) struct Explain {
    #[command(flatten)]
    inputs: Inputs,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A page for a browser: where each Secret comes from, who uses it, who can read it, and why
    #[arg(long, conflicts_with = "format")]
    html: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    sealing: Sealing,
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a program.
    Json,
    /// For a person.
    Text,
}

impl Format {
    /// An answer in this form; whatever names are in it, a terminal or a log takes none for a command.
    pub(super) fn answer(self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> Done {
        Done::output(match self {
            Self::Json => quiet_json(&json()),
            Self::Text => text(),
        })
    }
}

impl Explain {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let mut call = self.settings.call(self.inputs, Some(self.sealing))?;
        call.values = Wanted::Preview;
        let (job, _) = options::job(call, Purpose::Render)?;
        let purpose = if self.html { Purpose::Everything } else { Purpose::Render };
        let stream = read::stream(&job, purpose)?;
        let mut warnings = Problems::default();
        let plan = steps::decide(&stream, &job, &mut warnings)?;
        let done = if self.html {
            Done::output(map::map(&stream, &plan, &job)?)
        } else {
            self.format.answer(|| as_json(&stream, &plan), || as_text(&stream, &plan))
        };
        Ok(done.warn(&warnings))
    }
}

fn as_text(stream: &Stream, plan: &Plan) -> String {
    let mut out = String::new();
    for provision in &plan.provisions {
        let place = stream.tell_object(provision.origin.manifest()).to_string();
        let what = match provision.origin {
            Origin::Lifted(_) => format!(" (values lifted into Secret {})", provision.secret.name),
            Origin::Promoted(_) => " (promoted to a Secret)".to_owned(),
            Origin::Replaced(_) => String::new(),
        };
        out.push_str(&format!("{}{what} becomes {}\n", Quiet(&place), provision.target.0));
        for item in &provision.items {
            let said: Vec<String> = said(&item.template);
            out.push_str(&format!("  {}: {}\n", Quiet(&item.key), said.join(" ")));
            for reference in item.template.references() {
                out.extend(looked_up(provision, reference).map(|told| format!("    {told}\n")));
            }
        }
        for reference in &provision.extracts {
            out.push_str(&format!("  every key of {}\n", Quiet(&reference.address.to_string())));
            out.extend(looked_up(provision, reference).map(|told| format!("    {told}\n")));
        }
    }
    for (id, reason) in &plan.passing {
        out.push_str(&format!("{} passes: {reason}\n", Quiet(&stream.tell_object(*id).to_string())));
    }
    for manifest in &stream.ours {
        let line = manifest.line;
        out.push_str(&format!("line {line}: settings of sealref, left out\n"));
    }
    if out.is_empty() {
        out.push_str("nothing to do: no Secret and no reference\n");
    }
    out
}

/// Text is never shown, only that there is some.
fn said(template: &Template) -> Vec<String> {
    let part = |part: &Part| match part {
        Part::Literal(_) => "(text)".to_owned(),
        Part::Escaped(one) | Part::Reference(one) if is_within(&one.address) => "encrypted with SOPS, here".to_owned(),
        Part::Escaped(reference) | Part::Reference(reference) => Quiet(&reference.address.to_string()).to_string(),
    };
    template.parts().iter().map(part).collect()
}

/// Where a reference is looked up; None: it is read here.
pub(super) fn looked_up(provision: &Provision, reference: &Reference) -> Option<String> {
    match &reference.lookup {
        Some(Lookup::Remote(number, remote)) => {
            let store = provision.stores.get(*number);
            let store = store.map(|store| format!("{} {}", store.kind.name(), store.name)).unwrap_or_default();
            let property = remote.property.as_ref().map(|p| format!(", property {p}")).unwrap_or_default();
            let version = remote.version.as_ref().map(|v| format!(", version {v}")).unwrap_or_default();
            Some(format!("from {store}: key {}{property}{version}", Quiet(&remote.key)))
        }
        Some(Lookup::Generated(generator)) => {
            let login = generator.store.as_ref();
            let login = login.map(|store| format!(", which logs in as {} {}", store.kind.name(), store.name));
            Some(format!("made in the cluster by a {} generator{}", generator.kind, login.unwrap_or_default()))
        }
        None => None,
    }
}

fn as_json(stream: &Stream, plan: &Plan) -> Value {
    let provisions = plan.provisions.iter().map(|provision| {
        let items = provision.items.iter().map(|item| {
            let references = item.template.references().map(|one| reference_json(stream, provision, one));
            json!({
                "key": item.key,
                "text": item.template.literals().next().is_some(),
                "references": references.collect::<Vec<_>>(),
            })
        });
        let extracts = provision.extracts.iter().map(|one| reference_json(stream, provision, one));
        json!({
            "place": stream.tell_object(provision.origin.manifest()).to_string(),
            "lifted": matches!(provision.origin, Origin::Lifted(_)),
            "promoted": matches!(provision.origin, Origin::Promoted(_)),
            "secret": {"namespace": provision.secret.namespace, "name": provision.secret.name},
            "target": provision.target.0,
            "items": items.collect::<Vec<_>>(),
            "dataFrom": extracts.collect::<Vec<_>>(),
        })
    });
    let passing =
        plan.passing.iter().map(|(id, why)| json!({"place": stream.tell_object(*id).to_string(), "reason": why}));
    json!({"provisions": provisions.collect::<Vec<_>>(), "passing": passing.collect::<Vec<_>>()})
}

fn reference_json(stream: &Stream, provision: &Provision, reference: &Reference) -> Value {
    let (address, place) = (reference.address.to_string(), stream.tell(reference.place).to_string());
    match &reference.lookup {
        Some(Lookup::Remote(number, remote)) => {
            let store = provision.stores.get(*number);
            let store = store.map(|store| json!({"kind": store.kind.name(), "name": store.name}));
            let remote = json!({"key": remote.key, "property": remote.property, "version": remote.version});
            json!({"address": address, "place": place, "store": store, "remoteRef": remote})
        }
        Some(Lookup::Generated(generator)) => {
            let store = generator.store.as_ref().map(|store| json!({"kind": store.kind.name(), "name": store.name}));
            json!({"address": address, "place": place, "generator": generator.kind, "store": store})
        }
        None => json!({"address": address, "place": place}),
    }
}
