//! `sealref adopt`: the steps that give live Secrets to another kind, without a moment in which they are missing.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Done;
use super::explain::Format;
use super::options::{self, Inputs, Settings};
use crate::error::{Exit, Problem, Problems, Quiet, quiet_json};
use crate::hosts::{Wanted, stream};
use crate::model::KEPT;
use crate::settings::Plaintext;
use crate::steps::adopt::{self, Giver, Keep, Move};
use crate::steps::read::{self, Purpose};
use crate::steps::{self, LEFT};
use crate::yaml::{Syntax, Value};

/// Print the steps that move live Secrets to the kind that render makes of them, without losing one
///
/// Compares what render would make of the manifests with what is applied now: plain Secrets, or what --from holds.
/// Reads nothing of a cluster, needs no key and no credentials, and tells no value.
#[derive(Args)]
pub(super) struct Adopt {
    #[command(flatten)]
    inputs: Inputs,
    /// Who applies the manifests, and deletes what is no longer among them
    #[arg(long = "for", value_enum, value_name = "TOOL")]
    tool: Tool,
    /// What is applied now, as it was rendered: a file or a folder
    #[arg(long, value_name = "FILE|DIR")]
    from: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

/// Who applies manifests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tool {
    /// Argo CD.
    Argocd,
    /// Flux.
    Flux,
    /// Helm.
    Helm,
    /// kubectl apply, with --prune or without.
    Kubectl,
}

impl Tool {
    /// What it never deletes. Sources: `pkg/sync` of gitops-engine, `pkg/ssa` of fluxcd/pkg, `pkg/kube` of Helm, and
    /// `pkg/cmd/apply` of kubectl.
    fn keep(self) -> Keep {
        let [_, argocd, helm, flux] = KEPT;
        let annotated = |(name, word)| Keep::Annotated(name, word);
        match self {
            Self::Argocd => annotated(argocd),
            Self::Flux => annotated(flux),
            Self::Helm => annotated(helm),
            Self::Kubectl => Keep::Forgotten,
        }
    }

    /// How what was written comes into the cluster, and the same a second time.
    fn applied(self) -> (&'static str, &'static str) {
        match self {
            Self::Argocd => ("commit, and let Argo CD sync", "Let Argo CD sync"),
            Self::Flux => ("commit, and let Flux reconcile", "Let Flux reconcile"),
            Self::Helm => ("run helm upgrade", "Run helm upgrade"),
            Self::Kubectl => ("apply as always", "Apply"),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Adopt {
    pub(super) fn run(self) -> Result<Done, Problems> {
        let keep = self.tool.keep();
        let before = self.from.map(|from| self.settings.clone().call(Inputs::only(vec![from]), None));
        let before = before.transpose()?.map(|call| stream::input(&call)).transpose()?;
        let mut call = self.settings.call(self.inputs, None)?;
        call.values = Wanted::Preview;
        let (mut job, _) = options::job(call, Purpose::Everything)?;
        // The way back leads to plain Secrets
        if before.is_some() && job.settings.plaintext == Plaintext::Deny {
            job.settings.plaintext = Plaintext::Pass;
        }
        let stream = read::stream(&job, Purpose::Everything)?;
        let mut warnings = Problems::default();
        let plan = steps::decide(&stream, &job, &mut warnings)?;
        let moves = match before {
            None => adopt::planned(&stream, &plan, &job, keep, &mut warnings)?,
            Some(before) => {
                let before = read::untangle(before, Purpose::Everything)?;
                let old = read::read(&before, Purpose::Everything)?;
                adopt::between(&old, (&stream, &plan), &job, keep, &mut warnings)?
            }
        };
        let steps = steps_of(&moves, self.tool);
        let answer = match self.format {
            Format::Json => as_json(&moves, &steps, self.tool)?,
            Format::Text => as_text(&moves, &steps),
        };
        Ok(Done::output(answer).warn(&warnings))
    }
}

/// Something to be done, with what is pasted into a shell or into manifests.
struct Step<'m> {
    what: String,
    /// Which manifests are applied, before the commands.
    applies: Option<Manifests>,
    commands: Vec<String>,
    fields: Vec<&'m Move>,
}

#[derive(Clone, Copy)]
enum Manifests {
    /// Those of now, with the fields of the patches.
    Current,
    /// The new ones, rendered with `handover: true`.
    Handover,
    /// The new ones.
    New,
}

fn steps_of(moves: &[Move], tool: Tool) -> Vec<Step<'_>> {
    let made = |one: &&Move| matches!(one.to.0, Giver::Made(_));
    let (live, (applied, again)) = (tool == Tool::Kubectl, tool.applied());
    // Helm takes nothing that is live and not its own
    let back = tool == Tool::Helm && moves.iter().any(|one| matches!(one.to.0, Giver::Applied));
    let taken = if back { "run helm upgrade --take-ownership" } else { applied };
    let step = |what: String, applies, commands| Step { what, applies, commands, fields: vec![] };
    let mut steps = vec![Step {
        applies: (!live).then_some(Manifests::Current),
        what: if live {
            "Say to what is live now that it will be taken over:".to_owned()
        } else {
            format!("Add these fields to what is applied now, and {applied}:")
        },
        commands: if live { moves.iter().map(patch).collect() } else { vec![] },
        fields: if live { vec![] } else { moves.iter().collect() },
    }];
    steps.push(step(
        "Wait until each Secret can be taken:".to_owned(),
        None,
        moves.iter().map(|one| wait(one, "secret", &one.name, &jsonpath(LEFT[0], "true"))).collect(),
    ));
    let taken_out = if live { "" } else { " without the fields of step 1" };
    if moves.iter().any(|one| made(&one)) {
        let what = "Set `handover: true` in the spec of the settings, render the new manifests";
        steps.push(step(format!("{what}{taken_out}, and {taken}."), Some(Manifests::Handover), vec![]));
    } else {
        let what = format!("Take the new manifests{taken_out}, and {taken}.");
        steps.push(step(what, Some(Manifests::New), vec![]));
    }
    let made: Vec<(&Move, &str)> = moves
        .iter()
        .filter_map(|one| match one.to.0 {
            Giver::Applied => None,
            Giver::Made(target) => Some((one, target.condition())),
        })
        .collect();
    // Not every host prunes: else two would write to one Secret for ever
    let deleted: Vec<String> = moves.iter().filter(|one| one.goes).filter_map(delete).collect();
    let deleted = Some(deleted).filter(|commands| !commands.is_empty());
    if made.is_empty() {
        if let Some(commands) = deleted {
            steps.push(step(DELETED.to_owned(), None, commands));
            let what = format!("{again} once more, in case what is deleted now has written to a Secret since.");
            steps.push(step(what, Some(Manifests::New), vec![]));
        }
    } else {
        let object = |one: &Move| one.to.0.kind().to_lowercase();
        let ready = |(one, condition): &(&Move, &str)| {
            wait(one, &object(one), &one.to.1, &format!("--for=condition={condition}"))
        };
        let what = "Wait until the new objects give them. Until the next step nothing is lost by going back to step 1:";
        steps.push(step(what.to_owned(), None, made.iter().map(ready).collect()));
        steps.extend(deleted.map(|commands| step(DELETED.to_owned(), None, commands)));
        let owned = |(one, _): &(&Move, &str)| {
            let path = format!("--for=jsonpath='{{.metadata.ownerReferences[0].kind}}'={}", one.to.0.kind());
            wait(one, "secret", &one.name, &path)
        };
        let what = format!("Take `handover: true` out again, render, and {applied}. Then each Secret has its owner:");
        steps.push(step(what, Some(Manifests::New), made.iter().map(owned).collect()));
    }
    let clean: Vec<String> = moves.iter().filter_map(clean).collect();
    if !clean.is_empty() {
        steps.push(step("Take off what the move has left behind:".to_owned(), None, clean));
    }
    steps
}

const DELETED: &str = "Delete what gave them before, where nothing has pruned it:";

fn delete(one: &Move) -> Option<String> {
    let made = matches!(one.from.0, Giver::Made(_));
    let (kind, name) = (one.from.0.kind().to_lowercase(), &one.from.1);
    made.then(|| format!("{} delete {kind} {name} --ignore-not-found", kubectl(one)))
}

fn clean(one: &Move) -> Option<String> {
    let names: Vec<String> = one.left.iter().map(|name| format!("{name}-")).collect();
    (!names.is_empty()).then(|| format!("{} annotate secret {} {}", kubectl(one), one.name, names.join(" ")))
}

fn kubectl(one: &Move) -> String {
    one.namespace.as_ref().map_or("kubectl".to_owned(), |namespace| format!("kubectl -n {namespace}"))
}

fn wait(one: &Move, resource: &str, name: &str, until: &str) -> String {
    format!("{} wait {resource}/{name} {until} --timeout=10m", kubectl(one))
}

fn jsonpath(annotation: &str, value: &str) -> String {
    format!("--for=jsonpath='{{.metadata.annotations.{}}}'={value}", annotation.replace('.', "\\."))
}

fn patch(one: &Move) -> String {
    let (kind, name) = (one.from.0.kind().to_lowercase(), &one.from.1);
    let patch = one.patch.write(Syntax::Member);
    format!("{} patch {kind} {name} --type merge -p '{patch}'", kubectl(one))
}

fn object(kind: &str, one: &Move, name: &str) -> String {
    match &one.namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

fn as_text(moves: &[Move], steps: &[Step]) -> String {
    if moves.is_empty() {
        return "no Secret changes hands: there is nothing to hand over\n".to_owned();
    }
    let mut out = String::new();
    for one in moves {
        let what = object("Secret", one, &one.name);
        let own = Some(&one.from.1).filter(|name| **name != one.name);
        let own = own.map(|name| format!(" {name}")).unwrap_or_default();
        out.push_str(&format!("{what}: {}{own} becomes {}\n", one.from.0.kind(), one.to.0.kind()));
    }
    for (number, step) in (1..).zip(steps) {
        out.push_str(&format!("\n{number}. {}\n", step.what));
        for one in &step.fields {
            out.push_str(&format!("\n   # {}\n", object(one.from.0.kind(), one, &one.from.1)));
            // Another editor would leave the checksum of SOPS wrong, and then nobody decrypts it
            let file = one.encrypted.iter();
            file.for_each(|file| out.push_str(&format!("   # edit with: sops edit {}\n", Quiet(file))));
            one.patch.write(Syntax::Document).lines().for_each(|line| out.push_str(&format!("   {line}\n")));
            if matches!(one.from.0, Giver::Made(_)) {
                out.push_str("   # where sealref renders it: `handover: true` in the spec of its settings\n");
            }
        }
        if !step.commands.is_empty() {
            out.push('\n');
            step.commands.iter().for_each(|command| out.push_str(&format!("   {command}\n")));
        }
    }
    out
}

fn as_json(moves: &[Move], steps: &[Step], tool: Tool) -> Result<String, Problem> {
    let fields = |patch: &Value| -> Result<serde_json::Value, Problem> {
        let broken = |_| Problem::new("a patch is no JSON").exit(Exit::Bug);
        serde_json::from_str(&patch.write(Syntax::Member)).map_err(broken)
    };
    let named =
        |one: &Move, giver: Giver, name: &str| json!({"kind": giver.kind(), "namespace": one.namespace, "name": name});
    let mut told = vec![];
    for one in moves {
        told.push(json!({
            "from": named(one, one.from.0, &one.from.1),
            "to": named(one, one.to.0, &one.to.1),
            "secret": named(one, Giver::Applied, &one.name),
            "patch": fields(&one.patch)?,
            "encrypted": one.encrypted,
        }));
    }
    let step = |step: &Step| {
        let applies = step.applies.map(|manifests| match manifests {
            Manifests::Current => "current",
            Manifests::Handover => "handover",
            Manifests::New => "new",
        });
        json!({"do": step.what, "apply": applies, "commands": step.commands})
    };
    let steps: Vec<_> = if moves.is_empty() { vec![] } else { steps.iter().map(step).collect() };
    Ok(quiet_json(&json!({"for": tool.name(), "moves": told, "steps": steps})))
}
