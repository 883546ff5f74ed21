//! The line of a finding, for people: keys stay, values are blanked.

use super::{Identity, Manifest, Stream};
use crate::error::Location;
use crate::yaml::{NodeId, Tree};

/// What stands for a value.
const BLANK: &str = "***";

impl Stream<'_> {
    /// The line of a field, put together anew of nothing but keys and blanks. Roles and bindings have no place for a
    /// secret, so that what they say is shown, but for their metadata.
    #[must_use]
    pub fn excerpt(&self, at: &Location) -> Option<String> {
        let (line, _) = at.line.zip(at.object.as_ref().filter(|_| !at.field.is_empty()))?;
        // The last one that begins there or above: each stands in its source behind the one before
        let source = self.names.iter().position(|name| *name == at.source)?;
        let begins = |manifest: &Manifest| (manifest.source, manifest.line);
        let after = self.manifests.partition_point(|manifest| begins(manifest) <= (source, line));
        let manifest = self.manifests.get(after.checked_sub(1)?).filter(|manifest| manifest.source == source)?;
        let (tree, identity) = manifest.read()?;
        let line = line - manifest.line + 1;
        let said = tree.said().lines().nth(line - 1)?;
        let mut text = said.chars().take_while(|c| matches!(c, ' ' | '-')).collect::<String>();
        let mut before = None;
        for node in tree.in_line(line) {
            let is_key = tree.is_key(node);
            match before {
                None => {}
                Some(true) => text.push(' '),
                Some(false) => text.push_str(", "),
            }
            match tree.raw(node) {
                Some(_) if is_key => text.push_str(&format!("{}:", tree.key(node))),
                Some(value) if is_public(tree, identity, node) => text.push_str(value),
                _ => text.push_str(BLANK),
            }
            before = Some(is_key);
        }
        if before.is_none() {
            text.push_str(BLANK);
        }
        Some(text)
    }
}

fn is_public(tree: &Tree, identity: &Identity, node: NodeId) -> bool {
    let field = tree.path(node);
    identity.group() == "rbac.authorization.k8s.io"
        && ["roleRef", "rules", "subjects"].iter().any(|list| field.starts_with(list))
}
