//! What a project may do, in words and as data.

use serde_json::{Value, json};

use super::file::Grant;
use super::rules::Rules;
use crate::model::StoreRef;

impl Rules {
    /// Each grant that a project has, for a program.
    #[must_use]
    pub fn explained(&self, project: &str) -> Value {
        let grants = self.grants(project).map(|(number, grant)| {
            let parts = self.parts(project, grant).into_iter();
            let parts: serde_json::Map<String, Value> =
                parts.map(|(name, all)| (name.to_owned(), json!(all))).collect();
            json!({"grant": number, "may": parts})
        });
        json!({"project": project, "grants": grants.collect::<Vec<_>>()})
    }

    /// The same for a person.
    #[must_use]
    pub fn told(&self, project: &str) -> String {
        let mut out = String::new();
        for (number, grant) in self.grants(project) {
            out.push_str(&format!("spec.grants[{number}]\n"));
            for (name, all) in self.parts(project, grant) {
                out.push_str(&format!("  {name}: {}\n", all.join(", ")));
            }
        }
        if out.is_empty() {
            return format!("project \"{project}\" may do nothing\n");
        }
        out
    }

    /// What is granted, by field, `{project}` filled in; fields that grant nothing are left out.
    fn parts(&self, project: &str, grant: &Grant) -> Vec<(&'static str, Vec<String>)> {
        let shown = |all: &[super::text::Segments]| all.iter().map(|text| text.shown(project)).collect::<Vec<_>>();
        let store = |store: &StoreRef| format!("{} {}", store.kind.name(), store.name);
        let namespaces = grant.namespaces.as_deref().map_or_else(|| self.namespaces(project).to_vec(), shown);
        let identity = grant.identity.iter().flat_map(|(scheme, fields)| {
            let filled =
                |(name, value): (&String, &String)| format!("{scheme} {name}={}", value.replace("{project}", project));
            fields.iter().map(filled).collect::<Vec<_>>()
        });
        let parts = vec![
            ("namespaces", namespaces),
            ("read", grant.read.iter().map(|read| read.shown(project)).collect()),
            ("stores", grant.stores.iter().map(store).collect()),
            ("targets", grant.targets.clone()),
            ("clusters", grant.clusters.clone()),
            ("scopes", grant.scopes.iter().map(|scope| scope.name().to_owned()).collect()),
            ("builders", grant.builders.iter().map(|builder| format!("{builder:?}")).collect()),
            ("environment", grant.environment.clone()),
            ("keys", shown(&grant.keys)),
            ("fileRoots", shown(&grant.file_roots)),
            ("as", identity.collect()),
            ("identities", grant.identities.iter().map(|path| self.path(path)).collect()),
            ("objects", grant.objects.clone()),
            ("publicKeys", grant.public_keys.iter().map(ToString::to_string).collect()),
            ("sealPlaintext", if grant.seal_plaintext { vec!["true".to_owned()] } else { vec![] }),
        ];
        parts.into_iter().filter(|(_, all)| !all.is_empty()).collect()
    }
}
